//! Denies that go in front of allows: the guard patterns that share a line with what is allowed.
use crate::{
    policy::{Pattern, Rule, includes, overlaps},
    risk::{Guard, guards},
};

/// The patterns of one guard that are needed in front of some allows.
#[derive(Clone, Debug)]
pub struct GuardRules {
    /// The guard.
    pub guard: &'static Guard,
    /// Its patterns that share a line with an allow and are not in the role already.
    pub patterns: Vec<&'static str>,
}

/// The guards that allows with these patterns need, given the rules a role has.
pub fn guard_rules(allows: &[String], rules: &[Rule]) -> Vec<GuardRules> {
    let allows: Vec<Pattern> = allows.iter().map(|it| Pattern::new(it)).collect();
    let denies = rules.iter().filter(|rule| !rule.action.passes() && rule.when.is_empty());
    let denies: Vec<Pattern> = denies.map(|rule| Pattern::new(&rule.pattern)).collect();
    let mut needed = Vec::new();
    for guard in guards().iter().filter(|guard| !guard.action.passes()) {
        let mut patterns: Vec<&'static str> = Vec::new();
        for &text in guard.patterns {
            let pattern = Pattern::new(text);
            let is_needed = allows.iter().any(|allow| overlaps(allow, &pattern));
            if is_needed && !denies.iter().any(|deny| includes(deny, &pattern)) {
                patterns.push(text);
            }
        }
        if !patterns.is_empty() {
            needed.push(GuardRules { guard, patterns });
        }
    }
    needed
}
