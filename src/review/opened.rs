//! What a revision lets through that the one before stops, and that no role should let pass: proved.
use std::fmt;

use serde::Serialize;

use crate::{
    events::visible,
    policy::Role,
    risk::acts::{acts, openings},
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
    let after = openings(after, acts());
    if after.is_empty() {
        return Vec::new();
    }
    let known = openings(before, after.iter().map(|it| it.0));
    let new = after.into_iter().filter(|(act, _)| !known.iter().any(|it| it.0.id == act.id));
    let opened = new.filter_map(|(act, found)| {
        let open = found.open.into_iter().map(|it| (it.by, Some(it.witness)));
        let (by, witness) = open.chain(found.undecided.into_iter().map(|it| (it, None))).next()?;
        Some(Opened { act: act.id.clone(), pattern: by.pattern, witness })
    });
    opened.collect()
}
