//! Which scope of each stem a role can afford: the widest ones that people can still read.
//!
//! A wide scope covers more of what comes, and needs more guards in front of it. All stems begin
//! with their widest scope; while the role is too long, the step down is taken that loses the
//! fewest units for each rule it saves. Steps are those of one stem, and of all stems of a binary
//! together, because they share guards.
use std::collections::{BTreeMap, BTreeSet};

use crate::{clusters::Observation, policy::Pattern};

use super::{Candidate, LIKELY, guards::stops};

/// The scopes of one stem, and what each costs.
#[derive(Debug)]
pub(super) struct Ladder {
    binary: String,
    /// Widest first, never empty.
    steps: Vec<Step>,
    /// The step that is taken.
    at: usize,
}

/// One way to cover what was seen of a stem.
#[derive(Debug)]
struct Step {
    candidates: Vec<Candidate>,
    /// Units that the candidates cover.
    n_units: usize,
    /// Rules for the candidates, without guards.
    n_rules: usize,
    /// Indexes of the guard patterns that the candidates need.
    stops: Vec<usize>,
}

impl Step {
    /// Only likely candidates count: the others are not proposed.
    fn new(candidates: Vec<Candidate>, observation: &Observation) -> Self {
        let likely = || candidates.iter().filter(|it| it.confidence >= LIKELY);
        let allows = likely().filter(|it| it.action.passes()).flat_map(Candidate::patterns);
        let allows: Vec<Pattern> = allows.map(|it| Pattern::new(it)).collect();
        let all = stops().iter().enumerate();
        let needed = all.filter(|(_, stop)| allows.iter().any(|allow| stop.meets(allow)));
        let stops = needed.map(|(idx, _)| idx).collect();
        let uses = likely().flat_map(|it| &it.uses).filter_map(|&idx| observation.uses.get(idx));
        let units: BTreeSet<u32> = uses.flat_map(|it| it.support.units.iter().copied()).collect();
        let n_rules = likely().map(|it| it.patterns().count()).sum();
        Self { n_units: units.len(), n_rules, stops, candidates }
    }
}

impl Ladder {
    /// A ladder of these steps, widest first.
    pub(super) fn new(binary: &str, steps: Vec<Vec<Candidate>>, observation: &Observation) -> Self {
        let steps = steps.into_iter().map(|it| Step::new(it, observation)).collect();
        Self { binary: binary.to_owned(), steps, at: 0 }
    }

    /// The candidates of the step that is taken.
    pub(super) fn into_candidates(mut self) -> Vec<Candidate> {
        if self.at < self.steps.len() {
            self.steps.swap_remove(self.at).candidates
        } else {
            Vec::new()
        }
    }

    fn step(&self) -> Option<&Step> {
        self.steps.get(self.at)
    }

    fn next(&self) -> Option<&Step> {
        self.steps.get(self.at + 1)
    }
}

/// What taking some steps down changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Saving {
    n_rules: usize,
    n_units: usize,
}

impl Saving {
    /// Whether fewer units are lost for each rule saved.
    fn is_cheaper_than(&self, other: &Self) -> bool {
        self.n_units * other.n_rules < other.n_units * self.n_rules
    }
}

/// Takes steps down until the role has at most `max_rules` rules, or nothing is left to save.
pub(super) fn fit(ladders: &mut [Ladder], observation: &Observation, max_rules: usize) {
    // Those that are needed whatever is allowed are never freed.
    let always = stops().iter().map(|it| usize::from(it.is_for_unused_builtin(observation)));
    let mut n_needing: Vec<usize> = always.collect();
    let mut n_rules = 0;
    for step in ladders.iter().filter_map(Ladder::step) {
        n_rules += step.n_rules;
        count(&mut n_needing, step, true);
    }
    n_rules += n_needing.iter().filter(|it| **it > 0).count();
    let mut by_binary: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (idx, ladder) in ladders.iter().enumerate() {
        by_binary.entry(ladder.binary.clone()).or_default().push(idx);
    }
    let mut moves: Vec<Vec<usize>> = by_binary.into_values().filter(|it| it.len() > 1).collect();
    moves.extend((0..ladders.len()).map(|idx| vec![idx]));
    while n_rules > max_rules {
        let mut best: Option<(Saving, &[usize])> = None;
        for group in &moves {
            let saving = saving(ladders, group, &n_needing).filter(|it| it.n_rules > 0);
            let Some(saving) = saving else { continue };
            if best.as_ref().is_none_or(|(other, _)| saving.is_cheaper_than(other)) {
                best = Some((saving, group));
            }
        }
        let Some((saving, group)) = best else { break };
        for &idx in group {
            let Some(ladder) = ladders.get_mut(idx) else { continue };
            let (Some(step), Some(next)) = (ladder.step(), ladder.next()) else { continue };
            count(&mut n_needing, step, false);
            count(&mut n_needing, next, true);
            ladder.at += 1;
        }
        n_rules = n_rules.saturating_sub(saving.n_rules);
    }
}

/// What it saves to take every ladder of a group one step down; `None` where that saves nothing.
fn saving(ladders: &[Ladder], group: &[usize], n_needing: &[usize]) -> Option<Saving> {
    let (mut before, mut after, mut n_units) = (0, 0, 0);
    let mut freed: BTreeMap<usize, usize> = BTreeMap::new();
    let mut still: BTreeSet<usize> = BTreeSet::new();
    for ladder in group.iter().filter_map(|&idx| ladders.get(idx)) {
        let (Some(step), Some(next)) = (ladder.step(), ladder.next()) else { continue };
        before += step.n_rules;
        after += next.n_rules;
        n_units += step.n_units.saturating_sub(next.n_units);
        for stop in &step.stops {
            *freed.entry(*stop).or_default() += 1;
        }
        still.extend(&next.stops);
    }
    for stop in &still {
        freed.remove(stop);
    }
    after += still.iter().filter(|stop| n_needing.get(**stop) == Some(&0)).count();
    let is_freed = |(stop, n): &(&usize, &usize)| n_needing.get(**stop) == Some(*n);
    before += freed.iter().filter(is_freed).count();
    (before > after).then(|| Saving { n_rules: before - after, n_units })
}

fn count(n_needing: &mut [usize], step: &Step, is_taken: bool) {
    for &stop in &step.stops {
        if let Some(n) = n_needing.get_mut(stop) {
            *n = if is_taken { *n + 1 } else { n.saturating_sub(1) };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ladder(binary: &str, steps: &[(usize, usize, &[usize])]) -> Ladder {
        let steps = steps.iter().map(|&(n_units, n_rules, stops)| Step {
            candidates: Vec::new(),
            n_units,
            n_rules,
            stops: stops.to_vec(),
        });
        Ladder { binary: binary.to_owned(), steps: steps.collect(), at: 0 }
    }

    fn n_rules(ladders: &[Ladder], observation: &Observation) -> usize {
        let steps = || ladders.iter().filter_map(Ladder::step);
        let mut needed: BTreeSet<usize> = steps().flat_map(|it| it.stops.clone()).collect();
        let unused = |idx: &usize| stops()[*idx].is_for_unused_builtin(observation);
        needed.extend((0..stops().len()).filter(unused));
        steps().map(|it| it.n_rules).sum::<usize>() + needed.len()
    }

    fn n_units(ladders: &[Ladder]) -> usize {
        ladders.iter().filter_map(Ladder::step).map(|it| it.n_units).sum()
    }

    #[test]
    fn the_step_that_loses_least_for_each_rule_goes_first_and_shared_guards_go_together() {
        let observation = Observation::default();
        let make = || {
            vec![
                ladder("tee", &[(9, 1, &[0, 1, 2, 3]), (2, 1, &[])]),
                ladder("git", &[(5, 1, &[4, 5, 6, 7]), (4, 1, &[])]),
                ladder("git", &[(6, 1, &[4, 5, 6, 7]), (5, 1, &[])]),
            ]
        };
        let all = n_rules(&make(), &observation);
        for (budget, taken) in [(all, [0, 0, 0]), (all - 1, [0, 1, 1]), (all - 8, [1, 1, 1])] {
            let mut ladders = make();
            fit(&mut ladders, &observation, budget);
            assert_eq!([ladders[0].at, ladders[1].at, ladders[2].at], taken, "{budget}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_fits_or_nothing_is_left_to_save(
            steps in prop::collection::vec(
                (0..3_usize, prop::collection::vec((0..20_usize, 0..4_usize, prop::collection::btree_set(0..12_usize, 0..5)), 1..4)),
                0..8,
            ),
            max_rules in 0..60_usize,
        ) {
            let observation = Observation::default();
            let make = || {
                let ladders = steps.iter().map(|(binary, steps)| {
                    let steps = steps.iter().map(|(n_units, n_rules, stops)| Step {
                        candidates: Vec::new(),
                        n_units: *n_units,
                        n_rules: *n_rules,
                        stops: stops.iter().copied().collect(),
                    });
                    Ladder { binary: binary.to_string(), steps: steps.collect(), at: 0 }
                });
                ladders.collect::<Vec<_>>()
            };
            let mut ladders = make();
            fit(&mut ladders, &observation, max_rules);
            let fits = n_rules(&ladders, &observation) <= max_rules;
            if fits && n_rules(&make(), &observation) <= max_rules {
                prop_assert_eq!(n_units(&ladders), n_units(&make()));
            }
            if !fits {
                for ladder in &mut ladders {
                    ladder.steps.drain(..ladder.at);
                    ladder.at = 0;
                }
                let before = n_rules(&ladders, &observation);
                fit(&mut ladders, &observation, max_rules);
                prop_assert_eq!(n_rules(&ladders, &observation), before);
            }
        }
    }
}
