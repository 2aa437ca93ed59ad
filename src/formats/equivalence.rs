//! Whether a written document decides as the role it was written for: a proof, or the shortest differing lines.
use std::collections::BTreeMap;

use super::{Invalid, PolicyFormat};
use crate::policy::{
    Input, Role, Target,
    proof::{Change, LineKind, diff},
};

/// What comparing a role with a document came to.
#[derive(Clone, Debug, Default)]
pub struct Equivalence {
    /// Lines that are decided differently, by pairs of rules; none, with nothing undecided, is a proof.
    pub changes: Vec<Change>,
    /// Pairs of rules for which the search was given up.
    pub undecided: usize,
}

impl Equivalence {
    /// Whether both are proved to decide every line alike.
    pub const fn is_proved(&self) -> bool {
        self.changes.is_empty() && self.undecided == 0
    }
}

/// Compares a role with a document by the document's own semantics, on the kinds of lines that the
/// format decides on, with no variable set and with each value that rules of the role ask for.
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
    for variables in environments(role) {
        let found = diff(&ours, &theirs, &variables, max_states);
        res.undecided += found.undecided.iter().filter(|it| is_meant(it.kind)).count();
        for change in found.changes.into_iter().filter(|it| is_meant(it.kind)) {
            if !res.changes.contains(&change) {
                res.changes.push(change);
            }
        }
    }
    res.changes.sort_by_key(|it| (it.witness.len(), it.witness.clone()));
    Ok(res)
}

/// No variable, and each value of each one that rules name.
fn environments(role: &Role) -> Vec<BTreeMap<String, String>> {
    let mut named: Vec<(String, String)> = Vec::new();
    for rule in role.rules.iter().chain(&role.mcp_rules) {
        for (name, values) in rule.when.iter().filter(|(name, _)| Input::parse(name).is_none()) {
            named.extend(values.iter().map(|value| (name.clone(), value.clone())));
        }
        for part in rule.pattern.split("{{").skip(1) {
            if let Some((name, _)) = part.split_once("}}") {
                named.push((name.trim().to_owned(), "x".to_owned()));
            }
        }
    }
    named.sort();
    named.dedup();
    let mut res = vec![BTreeMap::new()];
    res.extend(named.into_iter().map(|pair| BTreeMap::from([pair])));
    res
}
