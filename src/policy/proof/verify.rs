//! Whether a role lets through any line of a language: no, proved; or the shortest that passes.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    super::{Globs, Role},
    language::Language,
    ordered::{Decider, Entry, LineKind, Ordered, may_meet},
    search::{Found, Search},
};

/// What became of the question whether a role lets anything of a language through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Openings {
    /// Each rule that lets some line through, with the shortest; shortest first. None, with nothing
    /// undecided, is a proof that nothing of the language passes.
    pub open: Vec<Opening>,
    /// Rules whose lines could not be told within the bound on states.
    pub undecided: Vec<Decider>,
}

/// A rule, or the default, that lets a line through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opening {
    /// What lets it through.
    pub by: Decider,
    /// The shortest line; of several the first in the order of what people type.
    pub witness: String,
}

/// A role made ready for many questions about its command rules.
#[derive(Debug)]
pub struct Verifier {
    rules: Ordered,
    globs: Globs,
    shadowed: Vec<bool>,
    max_states: usize,
}

impl Verifier {
    /// Compiles the command rules that apply where these variables hold. Where a rule asks for more
    /// than that, it counts where it lets through, and does not where it stops.
    pub fn new(role: &Role, variables: &BTreeMap<String, String>, max_states: usize) -> Self {
        let rules = Ordered::lenient(role, LineKind::Command, variables);
        let (globs, shadowed) = (rules.globs(), rules.shadowed());
        Self { rules, globs, shadowed, max_states }
    }

    /// Every rule that lets a line of the language through: runs it without asking anyone. A rule for
    /// what is known to go so far lets none of them through.
    pub fn openings(&self, language: &Language) -> Openings {
        self.lines_of(language, |entry| entry.decider.action.passes() && !entry.is_for_known)
    }

    fn lines_of(&self, language: &Language, wanted: impl Fn(&Entry) -> bool) -> Openings {
        let mut res = Openings::default();
        let search = Search { globs: &self.globs, language, max_states: self.max_states };
        let entries = &self.rules.entries;
        for (at, entry) in entries.iter().enumerate() {
            if !wanted(entry) || self.shadowed.get(at) == Some(&true) {
                continue;
            }
            // Most rules share no line with the language at all.
            if search.shortest(&[at], &[]) == Found::None {
                continue;
            }
            let earlier = entries.iter().enumerate().take(at);
            let earlier = earlier.filter(|(_, it)| may_meet(&it.pattern, &entry.pattern));
            let outside: Vec<usize> = earlier.map(|(idx, _)| idx).collect();
            match search.shortest(&[at], &outside) {
                Found::None => (),
                Found::Line(witness) => {
                    res.open.push(Opening { by: entry.decider.clone(), witness });
                }
                Found::Undecided => res.undecided.push(entry.decider.clone()),
            }
        }
        res.open.sort_by(|a, b| (a.witness.len(), &a.witness).cmp(&(b.witness.len(), &b.witness)));
        res
    }
}
