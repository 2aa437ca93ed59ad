//! Which rule of a role decides each line that was seen.
use crate::{
    clusters::{Observation, Use},
    policy::{Pattern, Rule, RuleAction},
};

/// Rules made ready to be tried in order: the first whose pattern matches decides. Rules with a condition
/// count where it might hold.
#[derive(Debug)]
pub(super) struct InOrder(Vec<(Pattern, RuleAction)>);

impl InOrder {
    pub(super) fn new(rules: &[Rule]) -> Self {
        Self(rules.iter().map(|it| (Pattern::new(&it.pattern), it.action)).collect())
    }

    /// Index of the rule that decides a line, or `server/tool`.
    fn position(&self, line: &str) -> Option<usize> {
        self.0.iter().position(|(pattern, _)| pattern.matches(line))
    }

    /// What happens with it; `None` where no rule matches.
    pub(super) fn decide(&self, line: &str) -> Option<RuleAction> {
        self.0.iter().find(|(pattern, _)| pattern.matches(line)).map(|it| it.1)
    }

    /// Whether a rule lets it through.
    pub(super) fn passes(&self, line: &str) -> bool {
        self.decide(line).is_some_and(RuleAction::passes)
    }
}

/// The lines of an observation, by the rule that decides them first.
#[derive(Debug)]
pub(super) struct Usage {
    /// For each rule, the indexes of the uses it decides.
    pub(super) by_rule: Vec<Vec<usize>>,
}

impl Usage {
    /// Tries the rules in order on every line.
    pub(super) fn new(rules: &[Rule], observation: &Observation) -> Self {
        let in_order = InOrder::new(rules);
        let mut by_rule = vec![Vec::new(); rules.len()];
        for (idx, seen) in observation.uses.iter().enumerate() {
            let first = in_order.position(&seen.line);
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
