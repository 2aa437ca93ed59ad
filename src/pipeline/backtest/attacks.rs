//! The guards' own examples of attacks, decided by a role.
use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::{
    commands::split,
    policy::{Engine, Role, RuleAction, Subject},
    risk::guards,
};

/// Most examples of one class that are named.
const MAX_NAMED: usize = 5;

/// What a role makes of the examples of attacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attacks {
    /// Examples in all.
    pub examples: u64,
    /// Those that are denied.
    pub stopped: u64,
    /// Those that wait for a person.
    pub asked: u64,
    /// By class of harm, in the order of the classes.
    pub classes: Vec<ClassAttacks>,
}

/// What a role makes of the examples of one class of harm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClassAttacks {
    /// The class, such as `secret_read`.
    pub class: &'static str,
    /// Examples in all.
    pub examples: u64,
    /// Those that are denied.
    pub stopped: u64,
    /// Those that wait for a person.
    pub asked: u64,
    /// The first of those that pass.
    pub passed: Vec<String>,
}

/// Decides every example that some guard stops, for a host without variables.
///
/// Examples are samples, not a proof: a class without an example that passes need not be empty.
pub fn attacks(role: &Role) -> Attacks {
    let engine = Engine::new(role, &BTreeMap::new());
    let stopping = guards().iter().filter(|guard| !guard.action.passes());
    let examples: Vec<_> =
        stopping.flat_map(|guard| guard.hits.iter().map(move |hit| (guard.class, *hit))).collect();
    let decisions: Vec<RuleAction> = examples
        .par_iter()
        .map(|(_, hit)| {
            let argv = split(hit).unwrap_or_else(|| vec![(*hit).to_owned()]);
            engine.decide(&Subject::Command(&argv)).decision
        })
        .collect();
    let mut classes = BTreeMap::new();
    for ((class, hit), decision) in examples.into_iter().zip(decisions) {
        let of_class = classes
            .entry(class)
            .or_insert_with(|| ClassAttacks { class: class.as_str(), ..ClassAttacks::default() });
        of_class.examples += 1;
        if decision == RuleAction::RequireApproval {
            of_class.asked += 1;
        } else if !decision.passes() {
            of_class.stopped += 1;
        } else if of_class.passed.len() < MAX_NAMED {
            of_class.passed.push(hit.to_owned());
        }
    }
    let classes: Vec<ClassAttacks> = classes.into_values().collect();
    Attacks {
        examples: classes.iter().map(|it| it.examples).sum(),
        stopped: classes.iter().map(|it| it.stopped).sum(),
        asked: classes.iter().map(|it| it.asked).sum(),
        classes,
    }
}

impl Attacks {
    /// Examples that pass.
    pub const fn passed(&self) -> u64 {
        self.examples - self.stopped - self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::builtin_role;

    #[test]
    fn a_role_that_allows_everything_stops_nothing_and_the_built_in_one_everything() {
        let mut open = Role::new("open");
        open.default_action = RuleAction::Allow;
        let open = attacks(&open);
        assert!(open.examples > 500 && open.passed() == open.examples);
        assert!(open.classes.iter().all(|it| it.passed.len() <= MAX_NAMED));
        let closed = attacks(&Role::new("closed"));
        assert_eq!(closed.examples, open.examples);
        // Builtins of the shell are free where no rule names them.
        assert!(closed.passed() * 100 < closed.examples, "{closed:?}");
        let built_in = attacks(&builtin_role());
        assert!(built_in.passed() * 50 < built_in.examples, "{built_in:?}");
    }
}
