//! Which rule of a role decides each line that was seen.
use crate::{
    clusters::{Observation, Use},
    policy::{Pattern, Rule},
};

/// The lines of an observation, by the rule that decides them first.
#[derive(Debug)]
pub(super) struct Usage {
    /// For each rule, the indexes of the uses it decides.
    pub(super) by_rule: Vec<Vec<usize>>,
}

impl Usage {
    /// Tries the rules in order on every line. Rules with a condition count where it might hold.
    pub(super) fn new(rules: &[Rule], observation: &Observation) -> Self {
        let patterns: Vec<Pattern> = rules.iter().map(|rule| Pattern::new(&rule.pattern)).collect();
        let mut by_rule = vec![Vec::new(); rules.len()];
        for (idx, seen) in observation.uses.iter().enumerate() {
            let first = patterns.iter().position(|pattern| pattern.matches(&seen.line));
            if let Some(uses) = first.and_then(|rule| by_rule.get_mut(rule)) {
                uses.push(idx);
            }
        }
        Self { by_rule }
    }

    /// The uses that a rule decides.
    pub(super) fn of<'a>(&self, rule: usize, observation: &'a Observation) -> Vec<&'a Use> {
        let idxs = self.by_rule.get(rule).map_or(&[][..], Vec::as_slice);
        idxs.iter().filter_map(|&idx| observation.uses.get(idx)).collect()
    }
}
