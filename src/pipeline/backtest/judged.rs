//! Which changes proved right, as the contract defines it.
use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    batch::{Change, ChangeKind, Target},
    risk::RiskLevel,
};

/// A change and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The change.
    pub change_id: String,
    /// Its place in the batch, 1-based.
    pub ordinal: u64,
    /// Add, modify or remove.
    pub kind: ChangeKind,
    /// Command rules or MCP rules.
    pub target: Target,
    /// The first pattern that comes with it, or that goes where none comes.
    pub pattern: String,
    /// What was stated, 0 to 1.
    pub confidence: f64,
    /// What was said to be at stake.
    pub risk: RiskLevel,
    /// Events it stood on.
    pub events: u64,
    /// Whether it brings an allow.
    pub allows: bool,
    /// Whether it proved right.
    pub right: bool,
    /// Whether each rule that comes with it proved right by itself, in order.
    pub rules_right: Vec<bool>,
}

/// What later events made of the rules, by list and pattern.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    /// Events that a rule of the new role let pass.
    pub(super) passed: BTreeMap<(Target, String), u64>,
    /// Events that a rule of the new role stopped or held up.
    pub(super) stopped: BTreeMap<(Target, String), u64>,
    /// Events that a rule of the old role let pass and the new role does not.
    pub(super) broken: BTreeMap<(Target, String), u64>,
}

impl Outcomes {
    /// Judges changes. An added allow is right where a later event needs it, every other change
    /// where it stops no later event: neither by a rule that comes nor for want of one that goes.
    pub fn judge(&self, changes: &[Change]) -> Vec<Judged> {
        changes.iter().map(|it| self.judge_one(it)).collect()
    }

    fn judge_one(&self, change: &Change) -> Judged {
        let count = |counts: &BTreeMap<(Target, String), u64>, pattern: &str| {
            counts.get(&(change.target, pattern.to_owned())).copied().unwrap_or(0)
        };
        let is_new = change.kind == ChangeKind::Add;
        let rules_right: Vec<bool> = change
            .after
            .iter()
            .map(|rule| {
                if is_new && rule.action.passes() {
                    count(&self.passed, &rule.pattern) > 0
                } else {
                    count(&self.stopped, &rule.pattern) == 0
                }
            })
            .collect();
        let rules = || change.after.iter().zip(&rules_right);
        let allows = rules().any(|(rule, _)| rule.action.passes());
        let is_needed =
            !is_new || !allows || rules().any(|(rule, right)| rule.action.passes() && *right);
        let stops_nothing =
            rules().filter(|(rule, _)| !rule.action.passes()).all(|(_, right)| *right);
        let breaks_nothing = change.before.iter().all(|it| count(&self.broken, &it.pattern) == 0);
        let first = change.after.first().or(change.before.first());
        Judged {
            change_id: change.change_id.clone(),
            ordinal: change.ordinal,
            kind: change.kind,
            target: change.target,
            pattern: first.map(|it| it.pattern.clone()).unwrap_or_default(),
            confidence: change.confidence,
            risk: change.risk,
            events: change.evidence.events,
            allows,
            right: is_needed && stops_nothing && breaks_nothing,
            rules_right,
        }
    }
}
