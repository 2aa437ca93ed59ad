//! Candidates x current role -> changes: what to add, modify and remove, and where it stands.
mod propose;
mod usage;

use serde::{Deserialize, Serialize};

use crate::{
    events::text_forms,
    evidence::Evidence,
    policy::{RuleAction, Target, When},
    risk::{Effects, RiskLevel},
};

pub use propose::propose;

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
}

/// Why a change is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The activity is routine.
    Routine {
        /// Forms that were seen once and are covered, too.
        n_one_offs: u64,
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
    TooBroad,
}
