//! What a revision lets through that the one before stops, and that no role should let pass: proved.
use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    events::visible,
    policy::{
        Role,
        proof::{MAX_STATES, Verifier},
    },
    risk::acts::{Act, acts},
};

/// An act that a revision opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// Id of the act, one of those of `advisor policy verify`.
    pub act: String,
    /// Pattern of the rule that lets it through; `None` for the role's default.
    pub pattern: Option<String>,
    /// The shortest such line; `None` where that could not be told within the bound of a proof.
    pub witness: Option<String>,
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.witness {
            Some(line) => write!(f, "`{}`", visible(line))?,
            None => f.write_str("what could not be told within the bound of a proof")?,
        }
        write!(f, " ({})", self.act)?;
        match &self.pattern {
            Some(pattern) => write!(f, " by `{}`", visible(pattern)),
            None => f.write_str(" by the default of the role"),
        }
    }
}

/// The acts that `after` lets through and `before` does not, in the order of the table of acts.
///
/// What a proof cannot decide counts as let through, before as after.
pub fn opened(before: &Role, after: &Role) -> Vec<Opened> {
    let after = openings(after, acts().iter());
    if after.is_empty() {
        return Vec::new();
    }
    let known = openings(before, after.iter().map(|it| it.0));
    let is_new = |act: &Act| !known.iter().any(|it| it.0.id == act.id);
    after.into_iter().filter(|it| is_new(it.0)).map(|it| it.1).collect()
}

fn openings<'a>(role: &Role, acts: impl Iterator<Item = &'a Act>) -> Vec<(&'a Act, Opened)> {
    let verifier = Verifier::new(role, &BTreeMap::new(), MAX_STATES);
    let first = |act: &'a Act| {
        let found = verifier.openings(act.lines(role.matching));
        let open = found.open.into_iter().map(|it| (it.by, Some(it.witness))).next();
        let (by, witness) =
            open.or_else(|| found.undecided.into_iter().map(|it| (it, None)).next())?;
        Some((act, Opened { act: act.id.clone(), pattern: by.pattern, witness }))
    };
    acts.filter_map(first).collect()
}
