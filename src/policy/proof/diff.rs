//! Which lines two roles decide differently: every pair of rules, each with its shortest line.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    super::{Globs, Role, algebra},
    lines::lines,
    ordered::{Decider, LineKind, Ordered, may_meet},
    search::{Found, Search},
};

/// Most states of one search, by default; a hundred times what the roles of real agents need.
pub const MAX_STATES: usize = 200_000;

/// What differs between two roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The changes, by kind of line, then by the rules' places. None, with nothing undecided, is a
    /// proof that the roles decide every line alike.
    pub changes: Vec<Change>,
    /// Pairs of rules whose lines could not be told within the bound on states.
    pub undecided: Vec<Undecided>,
}

/// Lines that one rule of the old role decided and another one of the new role decides otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The kind of the lines.
    pub kind: LineKind,
    /// What decided.
    pub old: Decider,
    /// What decides.
    pub new: Decider,
    /// The shortest such line; of several the first in the order of what people type.
    pub witness: String,
    /// Whether the line as a command comes to just this decision: nothing in it is unwrapped, nothing
    /// else runs. Where it is not, no line of the change stands for itself.
    pub stands_alone: bool,
}

/// A pair of rules that the search gave up on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undecided {
    /// The kind of the lines.
    pub kind: LineKind,
    /// What decided.
    pub old: Decider,
    /// What decides.
    pub new: Decider,
}

/// Compares two roles on every line there is, on hosts where these variables hold, and where nothing
/// else is known that rules may ask for.
///
/// Thresholds of trust are no lines and are not compared. Roles of which one expands commands and
/// the other does not are compared as if both did.
pub fn diff(
    old: &Role,
    new: &Role,
    variables: &BTreeMap<String, String>,
    max_states: usize,
) -> Difference {
    let mut res = Difference::default();
    // `Expanded` sorts first: with one of each, the finer kinds.
    let matching =
        if old.matching == new.matching { old.matching } else { super::super::Matching::Expanded };
    for &kind in LineKind::of(matching) {
        let (before, after) =
            (Ordered::new(old, kind, variables), Ordered::new(new, kind, variables));
        let pairs = Pairs {
            globs: Globs::new(before.entries.iter().chain(&after.entries).map(|it| &it.pattern)),
            before,
            after,
            kind,
            matching,
            max_states,
        };
        pairs.compare(&mut res);
    }
    res
}

/// Two rule lists for one kind of line.
struct Pairs {
    before: Ordered,
    after: Ordered,
    /// The patterns of both, one list behind the other.
    globs: Globs,
    kind: LineKind,
    matching: super::super::Matching,
    max_states: usize,
}

impl Pairs {
    fn compare(&self, res: &mut Difference) {
        let (before, after) = (&self.before.entries, &self.after.entries);
        let (dead_before, dead_after) = (self.before.shadowed(), self.after.shadowed());
        for (old_at, old) in before.iter().enumerate() {
            if dead_before.get(old_at) == Some(&true) {
                continue;
            }
            // Rules of the new role behind one that takes all lines of the old rule do not count.
            let taken = after.iter().position(|it| algebra::includes(&it.pattern, &old.pattern));
            let reach = taken.map_or(after.len(), |at| at + 1);
            for (new_at, new) in after.iter().enumerate().take(reach) {
                let is_change = old.decider.action != new.decider.action;
                if !is_change
                    || dead_after.get(new_at) == Some(&true)
                    || !may_meet(&old.pattern, &new.pattern)
                    || !algebra::overlaps(&old.pattern, &new.pattern)
                {
                    continue;
                }
                let mut earlier = before.iter().take(old_at);
                if earlier.any(|it| algebra::includes(&it.pattern, &new.pattern)) {
                    continue;
                }
                let (old, new) = (old.decider.clone(), new.decider.clone());
                match self.search(old_at, new_at) {
                    (Found::None, _) => (),
                    (Found::Line(witness), stands_alone) => {
                        let kind = self.kind;
                        res.changes.push(Change { kind, old, new, witness, stands_alone });
                    }
                    (Found::Undecided, _) => {
                        res.undecided.push(Undecided { kind: self.kind, old, new });
                    }
                }
            }
        }
    }

    /// The shortest line that these two rules decide, one that stands alone where there is one.
    fn search(&self, old_at: usize, new_at: usize) -> (Found, bool) {
        let (before, after) = (&self.before.entries, &self.after.entries);
        let n_before = before.len();
        let (Some(old), Some(new)) = (before.get(old_at), after.get(new_at)) else {
            return (Found::None, true);
        };
        let meets = |it: &&super::ordered::Entry| {
            may_meet(&it.pattern, &old.pattern) && may_meet(&it.pattern, &new.pattern)
        };
        let earlier = before.iter().take(old_at).enumerate().filter(|(_, it)| meets(it));
        let earlier_new = after.iter().take(new_at).enumerate().filter(|(_, it)| meets(it));
        let outside: Vec<usize> =
            earlier.map(|(idx, _)| idx).chain(earlier_new.map(|(idx, _)| idx + n_before)).collect();
        let inside = [old_at, n_before + new_at];
        let language = self.kind.language(self.matching);
        let search = Search { globs: &self.globs, language, max_states: self.max_states };
        let found = search.shortest(&inside, &outside);
        let is_expanded = self.matching == super::super::Matching::Expanded;
        if self.kind != LineKind::Command || !is_expanded || found == Found::None {
            return (found, self.kind != LineKind::Wrapper);
        }
        match (Search { language: &lines().plain, ..search }).shortest(&inside, &outside) {
            Found::Line(line) => (Found::Line(line), true),
            _ => (found, false),
        }
    }
}
