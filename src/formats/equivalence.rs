//! Whether a written document decides as the role it was written for: a proof, or the shortest differing lines.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Invalid, PolicyFormat,
    circumstances::{Case, cases},
};
use crate::policy::{
    Role, Target, When,
    proof::{Change, LineKind, diff},
};

/// Lines that a document decides otherwise, and under which circumstances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// The lines.
    #[serde(flatten)]
    pub change: Change,
    /// What has to be known of the action for that, by the keys of `when`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, String>,
}

/// What comparing a role with a document came to.
#[derive(Clone, Debug, Default)]
pub struct Equivalence {
    /// Lines that are decided differently, by pairs of rules; none, with nothing undecided, is a proof.
    pub changes: Vec<Differing>,
    /// Pairs of rules for which the search was given up, and circumstances that were too many to try.
    pub undecided: usize,
}

impl Equivalence {
    /// Whether both are proved to decide every line alike.
    pub const fn is_proved(&self) -> bool {
        self.changes.is_empty() && self.undecided == 0
    }
}

/// Compares a role with a document by the document's own semantics, on the kinds of lines that the
/// format decides on, with no variable set and with each value that rules of the role ask for, and
/// under every circumstance that tells conditions of the two apart.
///
/// # Errors
/// Where the document is not valid.
pub fn equivalence(
    role: &Role,
    format: &PolicyFormat,
    text: &str,
    max_states: usize,
) -> Result<Equivalence, Vec<Invalid>> {
    let mut ours = role.clone();
    let mut theirs = (format.read)(text)?.role;
    for target in Target::ALL.iter().filter(|it| !format.targets.contains(it)) {
        for it in [&mut ours, &mut theirs] {
            match target {
                Target::Command => it.rules.clear(),
                Target::Mcp => it.mcp_rules.clear(),
            }
        }
    }
    let is_meant = |kind: LineKind| {
        format.targets.contains(&match kind {
            LineKind::Call => Target::Mcp,
            LineKind::Command | LineKind::Builtin | LineKind::Wrapper => Target::Command,
        })
    };
    let mut res = Equivalence::default();
    let (cases, n_untried) = cases(&ours, &theirs);
    res.undecided = n_untried;
    // Where the same rules hold, with the same variables put in, lines are decided alike.
    let mut tried: BTreeSet<(Vec<bool>, BTreeMap<String, String>)> = BTreeSet::new();
    for case in cases {
        let (ours, mut which) = under(&ours, &case);
        let (theirs, more) = under(&theirs, &case);
        which.extend(more);
        if !tried.insert((which, case.in_patterns.clone())) {
            continue;
        }
        let found = diff(&ours, &theirs, &case.in_patterns, max_states);
        res.undecided += found.undecided.iter().filter(|it| is_meant(it.kind)).count();
        for change in found.changes.into_iter().filter(|it| is_meant(it.kind)) {
            if res.changes.iter().all(|it| it.change != change) {
                res.changes.push(Differing { change, given: case.given() });
            }
        }
    }
    res.changes.sort_by_key(|it| (it.change.witness.len(), it.change.witness.clone()));
    Ok(res)
}

/// The role with the rules alone whose conditions hold, at their places, and which these are.
fn under(role: &Role, case: &Case) -> (Role, Vec<bool>) {
    let mut res = role.clone();
    let mut which = Vec::new();
    for rule in res.rules.iter_mut().chain(&mut res.mcp_rules) {
        let holds = case.holds(&rule.when);
        which.push(holds);
        rule.when = if holds { When::new() } else { never() };
    }
    (res, which)
}

/// Conditions that hold nowhere: so a rule keeps its place and decides nothing.
fn never() -> When {
    When::from([("_".to_owned(), Vec::new())])
}
