//! Candidates x current role -> changes: what to add, modify and remove, and where it stands.
mod blocked;
mod broad;
mod doors;
mod environments;
mod guards;
mod list;
mod propose;
mod restores;
mod usage;

use serde::{Deserialize, Serialize};

use crate::{
    events::{Timestamp, text_forms},
    evidence::Evidence,
    feedback::{Matter, Proposal, Topic},
    policy::{Access, RuleAction, Target, When},
    risk::{Effect, Effects, RiskLevel},
    synthesis::{Factor, Priced},
};

pub use environments::ENVIRONMENT;
pub use propose::propose;
pub use restores::{Fate, LedgerEntry, ledger};

/// A rule with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedRule {
    /// The pattern.
    pub pattern: String,
    /// What it does.
    pub action: RuleAction,
    /// 1-based. In `after`: the place in the merged list, which holds the rules of the role as it
    /// is, those that go included, and every new rule of the batch; the rules of the role keep their
    /// order in the places that are left. Whatever subset is accepted, rules stand in merged order.
    /// In `before`: the place in the role's own list.
    pub position: u64,
    /// On which hosts; everywhere where empty.
    #[serde(default, skip_serializing_if = "When::is_empty")]
    pub when: When,
    /// In `before`: the rule's id in the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_id: Option<String>,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// `after` only.
    Add,
    /// `before` and `after`.
    Modify,
    /// `before` only.
    Remove,
}

text_forms!(ChangeKind { Add = "add", Modify = "modify", Remove = "remove" });

/// A change before it is put into words.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Add, modify or remove.
    pub kind: ChangeKind,
    /// Command rules or MCP rules.
    pub target: Target,
    /// Rules of the role that go.
    pub before: Vec<PlacedRule>,
    /// Rules that come.
    pub after: Vec<PlacedRule>,
    /// 0 to 1, as the contract defines it.
    pub confidence: f64,
    /// What is at stake.
    pub risk: RiskLevel,
    /// What it stands on.
    pub evidence: Evidence,
    /// What it covers can do.
    pub effects: Effects,
    /// ATT&CK technique ids of what it guards against.
    pub techniques: Vec<String>,
    /// Indexes of the drafts without which it must not be applied.
    pub requires: Vec<usize>,
    /// Why it is proposed.
    pub why: Why,
    /// What its confidence is made of: the product is the confidence.
    pub factors: Vec<Factor>,
    /// For an allow: how wide it could be, narrowest first, and what each would give and cost.
    pub scopes: Vec<Priced>,
    /// Where reviewers rejected it before: when, and what is different since.
    pub recalled: Option<Recalled>,
}

/// A rejection that is remembered, and is no reason any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// When.
    pub at: Timestamp,
    /// Why, in the reviewer's words.
    pub reason: Option<String>,
    /// What is different since, a clause each; never empty.
    pub differences: Vec<String>,
}

impl Draft {
    /// Whether it is shown where changes need this confidence, 0 to 1. Some are shown however sure they
    /// are: to ask in the place of a refusal opens nothing, and to ask in the place of letting dangerous
    /// acts through refuses nothing; what was taken away by mistake, or is open by mistake or against
    /// what a person has decided, has to be seen.
    pub fn is_shown(&self, confidence_threshold: f64) -> bool {
        let is_due = matches!(
            self.why,
            Why::Unknown
                | Why::Missed { .. }
                | Why::OtherDoor { .. }
                | Why::Blocked { .. }
                | Why::TooBroad { asks: true, .. }
        );
        is_due || self.confidence >= confidence_threshold
    }

    /// The patterns of its rules that none of those has which it replaces.
    pub fn new_patterns(&self) -> impl Iterator<Item = &String> {
        let patterns = self.after.iter().map(|rule| &rule.pattern);
        patterns.filter(|it| !self.before.iter().any(|old| old.pattern == **it))
    }

    /// What it is about.
    pub fn topic(&self) -> Topic {
        topic(self.kind, self.target, &self.before, &self.after, self.effects)
    }

    /// The proposal that it makes under an id.
    pub fn proposal(&self, change_id: &str) -> Proposal {
        proposal(change_id, self.topic(), &self.before, &self.after)
    }
}

/// A change as far as a rejection of it goes.
pub fn proposal(
    change_id: &str,
    topic: Topic,
    before: &[PlacedRule],
    after: &[PlacedRule],
) -> Proposal {
    let patterns = |rules: &[PlacedRule]| rules.iter().map(|it| it.pattern.clone()).collect();
    let (before, after) = (patterns(before), patterns(after));
    Proposal { change_id: change_id.to_owned(), topic, before, after }
}

/// What a change is about, as far as others are like it.
pub fn topic(
    kind: ChangeKind,
    target: Target,
    before: &[PlacedRule],
    after: &[PlacedRule],
    effects: Effects,
) -> Topic {
    let strictest = after.iter().map(|it| it.action).max();
    let opens = after.iter().any(|it| it.action.passes());
    let matter = match (kind, strictest) {
        (ChangeKind::Remove, _) | (_, None) => Matter::Remove,
        (ChangeKind::Modify, _) if opens => Matter::Narrow,
        (ChangeKind::Add, _) if opens => Matter::Allow,
        (_, Some(action)) => Matter::of(action),
    };
    let rules = if before.is_empty() { after } else { before };
    let patterns = rules.iter().map(|it| it.pattern.as_str());
    // The other patterns of an allow are other spellings of the first.
    let n_patterns = if matter == Matter::Allow { 1 } else { rules.len() };
    Topic::new(target, matter, patterns.take(n_patterns), effects)
}

/// Environments that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Those whose hosts do it.
    pub environments: Vec<String>,
    /// Units (session x host x day) of the others, none of which did.
    pub n_other_units: u64,
}

/// Why a change is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The activity is routine.
    Routine {
        /// Forms that were seen once and are covered, too.
        n_one_offs: u64,
        /// Where only hosts of some environments do it.
        split: Option<Split>,
    },
    /// A rule that went away is missed.
    Missed {
        /// Its pattern.
        pattern: String,
        /// Whether it was narrowed rather than removed.
        is_narrowed: bool,
        /// The batch that did it.
        batch_id: String,
        /// When.
        at: Timestamp,
        /// Events since then that it would have let through, and that were or would have been blocked.
        n_events: u64,
    },
    /// The role stops an effect through one door, and leaves it open through another.
    OtherDoor {
        /// What both doors do.
        effect: Effect,
        /// The rule that closes the first.
        closed_by: String,
        /// Where that rule stands.
        closed: Target,
    },
    /// A person has blocked an MCP server or plugin, and the role lets calls of it through.
    Blocked {
        /// Its name.
        name: String,
        /// Whether it is a plugin.
        is_plugin: bool,
    },
    /// It is seen often and is too risky to run without a person.
    NeedsApproval,
    /// More is to come that no rule knows than can be refused.
    Unknown,
    /// Allows would let these through.
    Guard {
        /// What the guards are about, each once.
        titles: Vec<String>,
        /// Units of the window that they would have stopped.
        n_stopped_units: u64,
    },
    /// Nothing in the window used the rule.
    Unused,
    /// An earlier rule takes everything before this one sees it.
    NeverFires {
        /// The earlier rule's pattern.
        by: String,
        /// What that rule does.
        by_action: RuleAction,
    },
    /// The rule allows far more than was used.
    TooBroad {
        /// Whether it asks from now on for what no narrower rule allows.
        asks: bool,
        /// How far what was done through it goes, as far as rules for all that goes so far let it pass.
        known: Vec<Access>,
    },
}
