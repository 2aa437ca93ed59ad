//! Rules that accepted changes took away, scored in the shadow against what came later.
use serde::{Deserialize, Serialize};

use super::{
    ChangeKind, Why,
    list::{List, Place, effects, new_rule},
    usage::InOrder,
};
use crate::{
    clusters::{McpUse, Observation, Support, Use},
    events::{Outcome, Timestamp, text_forms},
    evidence::Evidence,
    feedback::{Background, Withdrawn},
    policy::{Pattern, Role, RuleAction, Target, includes, literal},
    risk::{Effects, RiskLevel, stake},
    synthesis::{allow_factors, closed, confidence_of},
};

/// Units that a rule counts for which somebody had written or accepted before it went: that it is used
/// again is not the first that is known of it.
const KNOWN_UNITS: u64 = 2;

impl List<'_> {
    /// Puts back what is missed: the rule itself where no act that must not pass fits into it, else what
    /// was stopped; what is at stake with that, a person is asked for.
    pub(super) fn restore(&mut self) {
        let background = self.background;
        let target = self.target;
        let in_order = InOrder::new(self.rules);
        for withdrawn in background.withdrawn.iter().filter(|it| it.target == target) {
            let is_back = self.rules.iter().any(|it| it.pattern == withdrawn.pattern);
            if is_back || !withdrawn.action.passes() {
                continue;
            }
            match target {
                Target::Command => self.restore_command(withdrawn, &in_order),
                Target::Mcp => self.restore_tools(withdrawn, &in_order),
            }
        }
    }

    fn restore_command(&mut self, withdrawn: &Withdrawn, in_order: &InOrder) {
        let missed = missed(withdrawn, in_order, self.observation);
        let (ordinary, risky): (Vec<&Use>, Vec<&Use>) =
            missed.into_iter().partition(|it| stake(it.effects) <= RiskLevel::Medium);
        for (uses, action) in [(ordinary, RuleAction::Allow), (risky, RuleAction::RequireApproval)]
        {
            if uses.is_empty() {
                continue;
            }
            let is_whole = !withdrawn.is_narrowed && action.passes();
            let whole = vec![withdrawn.pattern.clone()];
            let patterns = if is_whole && closed(&whole, self.stops, self.observation) {
                whole
            } else {
                let mut stems: Vec<String> =
                    uses.iter().map(|it| format!("{} *", it.stem.pattern)).collect();
                stems.sort();
                stems.dedup();
                if action.passes() && closed(&stems, self.stops, self.observation) {
                    stems
                } else {
                    uses.iter().map(|it| literal(&it.line)).collect()
                }
            };
            let evidence = Evidence::of_uses(&uses, self.observation);
            let n_events = uses.iter().map(|it| n_blocked(&it.support)).sum();
            self.put_back(withdrawn, &patterns, action, evidence, n_events, effects(&uses));
        }
    }

    fn restore_tools(&mut self, withdrawn: &Withdrawn, in_order: &InOrder) {
        for tool in missed_tools(withdrawn, in_order, self.observation) {
            let action = if stake(tool.effects) <= RiskLevel::Medium {
                RuleAction::Allow
            } else {
                RuleAction::RequireApproval
            };
            let name = tool.name();
            let mut evidence = Evidence::of_support(&tool.support, self.observation);
            evidence.examples = vec![name.clone()];
            evidence.shapes = vec![(name.clone(), evidence.n_events)];
            let n_events = n_blocked(&tool.support);
            let patterns = [literal(&name)];
            self.put_back(withdrawn, &patterns, action, evidence, n_events, tool.effects);
        }
    }

    fn put_back(
        &mut self,
        withdrawn: &Withdrawn,
        patterns: &[String],
        action: RuleAction,
        evidence: Evidence,
        n_events: u64,
        effects: Effects,
    ) {
        let why = Why::Missed {
            pattern: withdrawn.pattern.clone(),
            is_narrowed: withdrawn.is_narrowed,
            batch_id: withdrawn.batch_id.clone(),
            at: withdrawn.at,
            n_events,
        };
        let known = Evidence { n_units: evidence.n_units + KNOWN_UNITS, ..evidence.clone() };
        let factors = allow_factors(&known, "", false, self.observation);
        let mut draft = self.draft(ChangeKind::Add, why, evidence);
        draft.confidence = confidence_of(&factors);
        draft.factors = factors;
        draft.effects = effects;
        draft.risk = stake(effects);
        let place = if action.passes() { Place::End } else { Place::Approvals };
        let held = |text: &String| {
            let pattern = Pattern::new(text);
            let new = self.drafts.iter().flat_map(|it| &it.after);
            new.filter(|it| it.when.is_empty())
                .any(|it| it.action == action && includes(&Pattern::new(&it.pattern), &pattern))
        };
        let after: Vec<_> = patterns
            .iter()
            .filter(|it| !held(it))
            .map(|it| (place, new_rule(it, action)))
            .collect();
        if !after.is_empty() {
            self.push(draft, after);
        }
    }
}

/// What became of a rule that went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Nothing that it let through was blocked since.
    Quiet,
    /// Something was.
    Missed,
    /// It is back.
    Restored,
}

text_forms!(Fate { Quiet = "quiet", Missed = "missed", Restored = "restored" });

/// A rule that an accepted change took away, and what became of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Command or MCP rules.
    pub target: Target,
    /// Its pattern.
    pub pattern: String,
    /// Whether narrower rules came in its place.
    pub narrowed: bool,
    /// The batch that did it.
    pub batch_id: String,
    /// When.
    pub at: Timestamp,
    /// Events since then that it would have let through, and that were or would have been blocked.
    pub events: u64,
    /// What became of it.
    pub fate: Fate,
}

/// Scores the rules that went away in the shadow, the latest first.
pub fn ledger(role: &Role, observation: &Observation, background: &Background) -> Vec<LedgerEntry> {
    let commands = InOrder::new(&role.rules);
    let tools = InOrder::new(&role.mcp_rules);
    let scored = background.withdrawn.iter().rev().filter(|it| it.action.passes()).map(|it| {
        let events = match it.target {
            Target::Command => {
                missed(it, &commands, observation).iter().map(|it| n_blocked(&it.support)).sum()
            }
            Target::Mcp => {
                let missed = missed_tools(it, &tools, observation);
                missed.iter().map(|it| n_blocked(&it.support)).sum()
            }
        };
        let is_back = role.list(it.target).iter().any(|rule| rule.pattern == it.pattern);
        LedgerEntry {
            target: it.target,
            pattern: it.pattern.clone(),
            narrowed: it.is_narrowed,
            batch_id: it.batch_id.clone(),
            at: it.at,
            events,
            fate: match (is_back, events) {
                (true, _) => Fate::Restored,
                (false, 0) => Fate::Quiet,
                (false, _) => Fate::Missed,
            },
        }
    });
    scored.collect()
}

/// What a rule would have let through since it went, and was or would have been blocked.
fn missed<'a>(
    withdrawn: &Withdrawn,
    in_order: &InOrder,
    observation: &'a Observation,
) -> Vec<&'a Use> {
    let pattern = Pattern::new(&withdrawn.pattern);
    let uses = observation.matched(&pattern);
    let missed = uses.filter(|it| is_missed(&it.support, withdrawn));
    missed.filter(|it| !in_order.passes(&it.line)).collect()
}

fn missed_tools<'a>(
    withdrawn: &Withdrawn,
    in_order: &InOrder,
    observation: &'a Observation,
) -> Vec<&'a McpUse> {
    let pattern = Pattern::new(&withdrawn.pattern);
    let is_its = |it: &&McpUse| {
        let name = it.name();
        pattern.matches(&name) && !in_order.passes(&name)
    };
    let tools = observation.mcp_uses.iter().filter(is_its);
    tools.filter(|it| is_missed(&it.support, withdrawn)).collect()
}

fn is_missed(support: &Support, withdrawn: &Withdrawn) -> bool {
    n_blocked(support) > 0 && support.last.is_some_and(|last| last > withdrawn.at)
}

fn n_blocked(support: &Support) -> u64 {
    let blocked = support.outcomes().filter(|(outcome, _)| *outcome != Outcome::Allowed);
    blocked.map(|it| it.1).sum()
}
