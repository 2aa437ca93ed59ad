//! Denies that go in front of allows: the guard patterns that share a line with what is allowed.
use std::sync::LazyLock;

use crate::{
    clusters::Observation,
    commands::is_free_builtin,
    policy::{Pattern, Rule, RuleAction, includes, overlaps},
    risk::{Guard, role_guards},
};

/// Units from which on what a guard would stop is routine for a role.
pub const MIN_ROUTINE_UNITS: usize = 3;

/// One pattern of a guard that stops things.
#[derive(Debug)]
pub(super) struct Stop {
    guard: &'static Guard,
    text: &'static str,
    pub(super) pattern: Pattern,
    /// What the first word must be, where the pattern says anything of it.
    binary: Option<Pattern>,
}

/// The patterns of one guard that are needed in front of some allows.
#[derive(Clone, Debug)]
pub struct GuardRules {
    /// The guard.
    pub guard: &'static Guard,
    /// Its patterns that share a line with an allow and are not in the role already.
    pub patterns: Vec<&'static str>,
}

impl GuardRules {
    /// What the guard is about, in one word: the first part of its id.
    pub fn family(&self) -> &'static str {
        self.guard.id.split('.').next().unwrap_or(self.guard.id)
    }
}

/// Every guard pattern that stops, without those that a wider one, at least as strict, holds.
static STOPS: LazyLock<Vec<Stop>> = LazyLock::new(|| {
    let stops = role_guards().into_iter().flat_map(|(guard, patterns)| {
        patterns.into_iter().map(move |text| Stop {
            guard,
            text,
            pattern: Pattern::new(text),
            binary: binary(text),
        })
    });
    let stops: Vec<Stop> = stops.collect();
    let is_held = |idx: usize, stop: &Stop| {
        stops.iter().enumerate().any(|(other_idx, other)| {
            other_idx != idx
                && other.guard.action >= stop.guard.action
                && includes(&other.pattern, &stop.pattern)
                && (other_idx < idx || !includes(&stop.pattern, &other.pattern))
        })
    };
    let held: Vec<bool> = stops.iter().enumerate().map(|(idx, stop)| is_held(idx, stop)).collect();
    stops.into_iter().zip(held).filter(|(_, held)| !held).map(|(stop, _)| stop).collect()
});

impl Stop {
    /// Whether the pattern names a builtin of the shell that this role hardly uses.
    pub(super) fn is_for_unused_builtin(&self, observation: &Observation) -> bool {
        self.pattern.first_word().filter(|word| is_free_builtin(word)).is_some_and(|word| {
            observation.builtins.get(word).is_none_or(|units| units.len() < MIN_ROUTINE_UNITS)
        })
    }

    /// Whether some line is taken by both the guard and an allow.
    ///
    /// `*latex *` is meant for a binary whose name ends so: it shares nothing with `cat *`.
    pub(super) fn meets(&self, allow: &Pattern) -> bool {
        let names = match (&self.binary, allow.first_word()) {
            (Some(binary), Some(word)) => binary.matches(word),
            _ => true,
        };
        names && overlaps(allow, &self.pattern)
    }
}

/// Guard patterns that stop.
pub(super) fn stops() -> &'static [Stop] {
    &STOPS
}

/// The first word of a pattern, where it is more than a star.
fn binary(text: &str) -> Option<Pattern> {
    let (word, _) = text.split_once(' ')?;
    let names = word.chars().any(char::is_alphanumeric) && !word.contains(['/', '\'']);
    (names && !word.ends_with('*')).then(|| Pattern::new(word))
}

/// The guards that allows with these patterns need, given the rules a role has.
///
/// Builtins of the shell are allowed without a rule, so that guards which name one are always
/// needed, unless the role uses the builtin as a matter of routine.
pub fn guard_rules(
    allows: &[String],
    rules: &[Rule],
    observation: &Observation,
) -> Vec<GuardRules> {
    let allows: Vec<Pattern> = allows.iter().map(|it| Pattern::new(it)).collect();
    let denies = rules.iter().filter(|rule| !rule.action.passes() && rule.when.is_empty());
    let denies: Vec<(Pattern, RuleAction)> =
        denies.map(|rule| (Pattern::new(&rule.pattern), rule.action)).collect();
    let mut needed: Vec<GuardRules> = Vec::new();
    for stop in stops() {
        let is_needed =
            stop.is_for_unused_builtin(observation) || allows.iter().any(|it| stop.meets(it));
        if !is_needed || denies.iter().any(|(deny, _)| includes(deny, &stop.pattern)) {
            continue;
        }
        match needed.last_mut().filter(|last| last.guard.id == stop.guard.id) {
            Some(last) => last.patterns.push(stop.text),
            None => needed.push(GuardRules { guard: stop.guard, patterns: vec![stop.text] }),
        }
    }
    needed
}
