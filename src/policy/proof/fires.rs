//! Rules that decide nothing: no line reaches them, or the next rule would say the same.
use serde::Serialize;

use super::{
    super::{Globs, Role, algebra},
    ordered::{Decider, Entry, LineKind, Ordered, may_meet},
    search::{Found, Search},
};

/// What a rule is good for, as far as that can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Idle {
    /// No line is decided by it: the earlier rules named here take all it could match. None are named
    /// where no line at all matches it. With fewer of them it would fire.
    Silent {
        /// The earlier rules.
        behind: Vec<Decider>,
    },
    /// Every line it decides is decided alike without it, by one of these.
    Redundant {
        /// What takes over.
        by: Vec<Decider>,
    },
}

/// An idle rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdleRule {
    /// Command rules or MCP rules.
    pub is_call: bool,
    /// The rule.
    pub rule: Decider,
    /// Why it is idle.
    pub why: Idle,
}

/// Every rule of a role that could go without changing a decision, each looked at on its own; each is
/// proved. Rules with conditions or variables are taken to be absent where that keeps another alive.
///
/// What cannot be told within the bound on states is not idle.
pub fn idle_rules(role: &Role, max_states: usize) -> Vec<IdleRule> {
    let mut res = Vec::new();
    let kinds = LineKind::of(role.matching);
    let (calls, commands): (Vec<LineKind>, Vec<LineKind>) =
        kinds.iter().partition(|kind| **kind == LineKind::Call);
    for (kinds, is_call) in [(commands, false), (calls, true)] {
        let lists: Vec<List> =
            kinds.iter().map(|&kind| List::new(role, kind, max_states)).collect();
        let n_rules = if is_call { role.mcp_rules.len() } else { role.rules.len() };
        for position in 1..=n_rules {
            let found = lists.iter().filter_map(|list| Some((list, list.place(position)?)));
            let places: Vec<(&List, usize)> = found.collect();
            let Some((first, at)) = places.first().copied() else { continue };
            let Some(rule) = first.rules.entries.get(at).map(|it| it.decider.clone()) else {
                continue;
            };
            let why = if places.iter().all(|(list, at)| list.is_silent(*at)) {
                Idle::Silent { behind: first.shadow(at) }
            } else if places.iter().all(|(list, at)| list.is_redundant(*at)) {
                let firing = places.iter().find(|(list, at)| !list.is_silent(*at));
                Idle::Redundant { by: firing.map_or(Vec::new(), |(list, at)| list.heirs(*at)) }
            } else {
                continue;
            };
            res.push(IdleRule { is_call, rule, why });
        }
    }
    res
}

/// Rules that no line at all matches, each proved; a list may hold them behind whatever it likes. What
/// cannot be told within the bound on states is not among them.
pub fn unmatched_rules(role: &Role, max_states: usize) -> Vec<IdleRule> {
    let mut res: Vec<IdleRule> = Vec::new();
    let kinds = LineKind::of(role.matching);
    let lists: Vec<(bool, List)> = kinds
        .iter()
        .map(|&kind| (kind == LineKind::Call, List::new(role, kind, max_states)))
        .collect();
    for (is_call, n_rules) in [(false, role.rules.len()), (true, role.mcp_rules.len())] {
        for position in 1..=n_rules {
            let found = lists.iter().filter(|(it, _)| *it == is_call);
            let found = found.filter_map(|(_, list)| Some((list, list.place(position)?)));
            let places: Vec<(&List, usize)> = found.collect();
            let is_unmatched = places.iter().all(|(it, at)| it.search(&[*at], &[]) == Found::None);
            let first = places.first().and_then(|(list, at)| list.rules.entries.get(*at));
            if let Some(entry) = first.filter(|_| is_unmatched) {
                let why = Idle::Silent { behind: Vec::new() };
                res.push(IdleRule { is_call, rule: entry.decider.clone(), why });
            }
        }
    }
    res
}

/// The rules for one kind of line.
struct List {
    rules: Ordered,
    globs: Globs,
    language: &'static super::Language,
    max_states: usize,
}

impl List {
    fn new(role: &Role, kind: LineKind, max_states: usize) -> Self {
        let rules = Ordered::of_any_host(role, kind);
        let globs = rules.globs();
        Self { rules, globs, language: kind.language(role.matching), max_states }
    }

    fn place(&self, position: usize) -> Option<usize> {
        self.rules.entries.iter().position(|it| it.decider.position == Some(position))
    }

    /// The shortest line that matches these patterns and none of those.
    fn search(&self, inside: &[usize], outside: &[usize]) -> Found {
        let (globs, language, max_states) = (&self.globs, self.language, self.max_states);
        Search { globs, language, max_states }.shortest(inside, outside)
    }

    /// The earlier rules, always there, that may take a line from the one at `at`.
    fn earlier(&self, at: usize) -> Vec<usize> {
        let Some(entry) = self.rules.entries.get(at) else { return Vec::new() };
        let earlier = self.rules.entries.iter().enumerate().take(at);
        let takes =
            earlier.filter(|(_, it)| !it.is_conditional && may_meet(&it.pattern, &entry.pattern));
        takes.map(|(idx, _)| idx).collect()
    }

    fn is_silent(&self, at: usize) -> bool {
        let Some(entry) = self.rules.entries.get(at) else { return true };
        let mut earlier = self.rules.entries.iter().take(at).filter(|it| !it.is_conditional);
        earlier.any(|it| algebra::includes(&it.pattern, &entry.pattern))
            || self.search(&[at], &self.earlier(at)) == Found::None
    }

    /// A smallest set of earlier rules that leave nothing to this one: one rule, where one does.
    fn shadow(&self, at: usize) -> Vec<Decider> {
        let mut kept = self.earlier(at);
        let alone = kept.iter().find(|&&it| self.search(&[at], &[it]) == Found::None).copied();
        if self.search(&[at], &[]) == Found::None {
            kept.clear();
        } else if let Some(alone) = alone {
            kept = vec![alone];
        } else {
            for idx in kept.clone() {
                let rest: Vec<usize> = kept.iter().copied().filter(|&it| it != idx).collect();
                if self.search(&[at], &rest) == Found::None {
                    kept = rest;
                }
            }
        }
        let entries = kept.iter().filter_map(|&idx| self.rules.entries.get(idx));
        entries.map(|it| it.decider.clone()).collect()
    }

    /// Whether no line that the rule decides would be decided otherwise without it.
    fn is_redundant(&self, at: usize) -> bool {
        // The default differs most often, and is asked first.
        self.later(at).rev().all(|(next, entry, action)| {
            entry.decider.action == action || self.inherits(at, next) == Found::None
        })
    }

    /// What decides the rule's lines without it.
    fn heirs(&self, at: usize) -> Vec<Decider> {
        let heirs = self.later(at).filter(|(next, ..)| self.inherits(at, *next) != Found::None);
        heirs.map(|(_, entry, _)| entry.decider.clone()).collect()
    }

    /// The rules behind one that may share a line with it, and its action.
    fn later(
        &self,
        at: usize,
    ) -> impl DoubleEndedIterator<Item = (usize, &Entry, super::super::RuleAction)> {
        let entry = self.rules.entries.get(at);
        let later = self.rules.entries.iter().enumerate().skip(at + 1);
        later.filter_map(move |(idx, it)| {
            let entry = entry?;
            let meets = may_meet(&it.pattern, &entry.pattern)
                && algebra::overlaps(&it.pattern, &entry.pattern);
            meets.then_some((idx, it, entry.decider.action))
        })
    }

    /// The shortest line that the rule at `at` decides and the one at `next` would without it.
    fn inherits(&self, at: usize, next: usize) -> Found {
        let outside: Vec<usize> = self.earlier(next).into_iter().filter(|&idx| idx != at).collect();
        let entries = &self.rules.entries;
        let (Some(own), Some(heir)) = (entries.get(at), entries.get(next)) else {
            return Found::None;
        };
        let holds = |idx: &usize| {
            entries.get(*idx).is_some_and(|it| {
                algebra::includes(&it.pattern, &own.pattern)
                    || algebra::includes(&it.pattern, &heir.pattern)
            })
        };
        if outside.iter().any(holds) {
            return Found::None;
        }
        let meets: Vec<usize> = outside
            .into_iter()
            .filter(|&idx| entries.get(idx).is_some_and(|it| may_meet(&it.pattern, &own.pattern)))
            .collect();
        self.search(&[at, next], &meets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Rule, RuleAction, proof::MAX_STATES};

    fn role(rules: &[(&str, RuleAction)]) -> Role {
        let mut role = Role::new("r");
        for (pattern, action) in rules {
            role.rules.push(Rule {
                rule_id: String::new(),
                pattern: (*pattern).to_owned(),
                action: *action,
                when: crate::policy::When::new(),
                risk: None,
                rationale: None,
            });
        }
        role
    }

    fn idle(role: &Role) -> Vec<(usize, &'static str, Vec<usize>)> {
        let positions =
            |deciders: &[Decider]| deciders.iter().filter_map(|it| it.position).collect();
        let rules = idle_rules(role, MAX_STATES).into_iter();
        rules
            .map(|it| match &it.why {
                Idle::Silent { behind } => (it.rule.position.unwrap(), "silent", positions(behind)),
                Idle::Redundant { by } => (it.rule.position.unwrap(), "redundant", positions(by)),
            })
            .collect()
    }

    #[test]
    fn a_rule_is_shadowed_by_one_rule_or_by_several_together() {
        use RuleAction::{Alert, Allow, Deny};
        let found = idle(&role(&[
            ("git *", Allow),
            ("git push --force*", Deny),
            ("ls -*", Allow),
            ("ls", Deny),
            ("ls /*", Deny),
            ("ls *", Alert),
            ("sudo rm *", Deny),
            ("* rm *", Allow),
            ("a  b", Allow),
        ]));
        assert_eq!(found, [(2, "silent", vec![1]), (9, "silent", vec![])]);
        let found = idle(&role(&[
            ("npm run a*", Allow),
            ("npm run *b", Deny),
            ("npm test", Allow),
            ("npm run a*b", Deny),
            ("* test", Allow),
            ("cargo *x*", Allow),
            ("cargo *", Allow),
        ]));
        let want = [
            (2, "redundant", vec![]),
            (3, "redundant", vec![5]),
            (4, "silent", vec![1]),
            (6, "redundant", vec![7]),
        ];
        assert_eq!(found, want);
        // None of the first two alone takes all of the third.
        let found = idle(&role(&[("c", Allow), ("c **", Alert), ("c *", Deny)]));
        assert_eq!(found, [(3, "silent", vec![1, 2])]);
    }

    #[test]
    fn a_rule_with_a_condition_shadows_nothing() {
        let mut role = role(&[("git *", RuleAction::Allow), ("git push *", RuleAction::Deny)]);
        role.rules[0].when.insert("env".to_owned(), vec!["dev".to_owned()]);
        assert_eq!(idle(&role), [(2, "redundant", vec![])]);
        role.default_action = RuleAction::Allow;
        assert_eq!(idle(&role), []);
    }
}
