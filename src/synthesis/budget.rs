//! Which scope of each stem a role can afford: the widest ones that people can still read.
//!
//! A wide scope covers more of what comes, and needs more guards in front of it. All stems begin
//! with their widest scope; while the role is too long, the step down is taken that loses the
//! fewest events for each rule it saves. Steps are those of one stem, and of all stems of a binary
//! together, because they share guards.
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    clusters::{Observation, Support, Use},
    events::Day,
    feedback::Lessons,
    policy::Pattern,
};

use super::{
    Candidate, Stand, Stops, allows,
    spellings::{N_OPTIONS, Spelled},
};

/// Most events of one unit that count towards what a scope is worth.
const MAX_SPARED_PER_UNIT: usize = 20;

/// Uses to come with a global option in front, in percent of those without, beyond what was seen:
/// agents take to them from one day to the next.
///
/// # Source
/// Two real roles: 8% and then 12% of the git commands of one, none and then 25% of the other.
const SPELLED_PERCENT: usize = 10;

/// What scopes are priced by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost<'a> {
    /// The guards they may need.
    pub(super) stops: &'a Stops,
    /// What was seen.
    pub(super) observation: &'a Observation,
    /// What reviewers decided.
    pub(super) lessons: &'a Lessons,
    /// The day from which on the window counts as its later part, for the price of a scope.
    pub(super) cut: Option<Day>,
    /// The confidence from which on a candidate is proposed.
    pub(super) threshold: f64,
}

/// The scopes of one stem, and what each costs.
#[derive(Debug)]
pub(super) struct Ladder {
    binary: String,
    /// Widest first, never empty.
    steps: Vec<Step>,
    /// The step that is taken.
    at: usize,
    /// The confidence from which on a candidate is proposed.
    threshold: f64,
}

/// One way to cover what was seen of a stem.
#[derive(Debug)]
struct Step {
    candidates: Vec<Candidate>,
    /// What the candidates spare people, see [`spared`]; at least one where there is one.
    n_spared: usize,
    /// Rules for the candidates, without guards.
    n_rules: usize,
    /// Indexes of the guard patterns that the candidates need; behind these, of the options whose fence.
    stops: Vec<usize>,
}

/// Times that a person is not asked in a window to come: events, but no more of one unit than it takes
/// to be a nuisance, so that repetition inside one session cannot outweigh what others do; and those
/// of all units but one, because what one unit alone did tells nothing of the next.
///
/// # Source
/// The last is the leave-one-out estimate of what would have been covered from the other units.
fn spared(uses: &[&Use]) -> usize {
    let support = Support::of_all(uses.iter().map(|it| &it.support));
    let n_units = support.n_units();
    let bound = n_units * MAX_SPARED_PER_UNIT;
    let n_events = usize::try_from(support.n_speaking).map_or(bound, |it| it.min(bound));
    n_events * n_units.saturating_sub(1) / n_units.max(1)
}

impl Step {
    /// Only likely candidates count: the others are not proposed.
    fn new(candidates: Vec<Candidate>, cost: &Cost<'_>) -> Self {
        let Cost { stops, observation, .. } = *cost;
        let likely = || candidates.iter().filter(|it| it.confidence >= cost.threshold);
        if likely().next().is_none() {
            return Self { candidates, n_spared: 0, n_rules: 0, stops: Vec::new() };
        }
        let (allows, forms) = allows(likely());
        let meets = |stop: &super::guards::Stop| {
            stop.behind_it(&allows, &forms).any(|allow| stop.meets(allow))
        };
        let needed = stops.iter().enumerate().filter(|(_, stop)| meets(stop));
        let mut stops: Vec<usize> = needed.map(|(idx, _)| idx).collect();
        // What is asked for spares nobody a question: it has the room that is left.
        let allowed = likely().filter(|it| it.action.passes());
        let mut uses: Vec<usize> = allowed.flat_map(|it| it.uses.iter().copied()).collect();
        uses.sort_unstable();
        uses.dedup();
        let uses = uses.into_iter().filter_map(|idx| observation.uses.get(idx));
        let n_spared = spared(&uses.collect::<Vec<_>>()).max(1);
        let n_spared = if likely().any(|it| !it.spellings.is_empty()) {
            n_spared + n_spared * SPELLED_PERCENT / 100
        } else {
            n_spared
        };
        // Of the two fences of a spelling one is shared, as a guard is.
        let n_guards = cost.stops.iter().count();
        let mut n_rules = 0;
        for pattern in likely().flat_map(Candidate::patterns) {
            let fences = Spelled::of(&Pattern::new(pattern)).and_then(|it| it.fences);
            n_rules += 1 + usize::from(fences.is_some());
            stops.extend(fences.map(|(option, _)| n_guards + option));
        }
        stops.sort_unstable();
        stops.dedup();
        Self { candidates, n_spared, n_rules, stops }
    }
}

impl Ladder {
    /// A ladder of these steps, widest first; the last one is to have no rule. Where nothing of them is
    /// likely enough, the widest is all that is kept: it is counted, and nothing is made of it.
    pub(super) fn new(binary: &str, steps: Vec<Vec<Candidate>>, cost: &Cost<'_>) -> Self {
        let is_likely = |it: &Candidate| it.confidence >= cost.threshold;
        let n_steps = if steps.iter().flatten().any(is_likely) { steps.len() } else { 1 };
        let steps = steps.into_iter().take(n_steps).chain([Vec::new()]);
        let steps = steps.map(|it| Step::new(it, cost)).collect();
        Self { binary: binary.to_owned(), steps, at: 0, threshold: cost.threshold }
    }

    /// The candidates of the step that is taken, those that are likely enough to be proposed.
    pub(super) fn likely(&self) -> impl Iterator<Item = &Candidate> {
        let candidates = self.step().into_iter().flat_map(|it| &it.candidates);
        candidates.filter(|it| it.confidence >= self.threshold)
    }

    /// Gives up what lets something through, for good: forms in use where these do, else the step.
    pub(super) fn give_up(&mut self, open: &BTreeSet<String>, cost: &Cost<'_>) {
        let is_open = |it: &Candidate| it.patterns().any(|pattern| open.contains(pattern));
        let in_form = |it: &Candidate| it.stand < Stand::Open && is_open(it);
        let Some(step) = self.steps.get(self.at) else { return };
        if step.candidates.iter().any(&in_form) {
            for step in &mut self.steps {
                let candidates = std::mem::take(&mut step.candidates);
                let kept = candidates.into_iter().filter(|it| !in_form(it));
                *step = Step::new(kept.collect(), cost);
            }
        } else if self.at + 1 < self.steps.len() {
            self.steps.remove(self.at);
        }
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
}

/// What is likely and got no rule at all, by its widest pattern without the tail, most units first.
pub(super) fn over_budget(ladders: &[Ladder]) -> Vec<String> {
    let without = ladders.iter().filter(|it| it.likely().next().is_none());
    let mut likely: Vec<(std::cmp::Reverse<u64>, &str)> = without
        .filter_map(|it| {
            let widest = it.steps.first()?.candidates.first()?;
            let is_likely = widest.confidence >= it.threshold && widest.action.passes();
            let head = widest.pattern.strip_suffix(" *").unwrap_or(&widest.pattern);
            is_likely.then_some((std::cmp::Reverse(widest.evidence.n_units), head))
        })
        .collect();
    likely.sort_unstable();
    likely.into_iter().map(|it| it.1.to_owned()).collect()
}

/// Most rounds in which one rule is exchanged for others.
const MAX_ROUNDS: usize = 8;

/// Ladders, each with the step it would go to.
type Move = Vec<(usize, usize)>;

/// What a move changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Effect {
    /// Rules that the role has less (or more, going up).
    n_rules: usize,
    /// Times that a person is asked more (or less).
    n_spared: usize,
}

impl Effect {
    /// Whether fewer events are lost for each rule saved.
    fn is_cheaper_than(&self, other: &Self) -> bool {
        self.n_spared * other.n_rules < other.n_spared * self.n_rules
    }
}

/// The ladders of a role with the guards they need together.
struct Role<'a> {
    ladders: &'a mut [Ladder],
    /// For each guard pattern, how many ladders need it.
    n_needing: Vec<usize>,
    n_rules: usize,
}

/// Takes steps down from the widest until the role has at most `max_rules` rules, or nothing is left to
/// save; then up again where there is room left.
///
/// Where a ladder stood before is no matter: what was given up since would have left its mark otherwise.
pub(super) fn fit(ladders: &mut [Ladder], cost: &Cost<'_>, max_rules: usize) {
    for ladder in &mut *ladders {
        ladder.at = 0;
    }
    let mut role = Role::new(ladders, cost);
    role.shorten(max_rules);
    role.fill(max_rules);
    for _ in 0..MAX_ROUNDS {
        if !role.exchange(max_rules) {
            break;
        }
    }
}

impl<'a> Role<'a> {
    fn new(ladders: &'a mut [Ladder], cost: &Cost<'_>) -> Self {
        // Those that are needed whatever is allowed are never freed.
        let always = cost.stops.iter();
        let always = always.map(|it| usize::from(it.is_for_unused_builtin(cost.observation)));
        let mut n_needing: Vec<usize> = always.chain([0; N_OPTIONS]).collect();
        let mut n_rules = 0;
        for step in ladders.iter().filter_map(Ladder::step) {
            n_rules += step.n_rules;
            count(&mut n_needing, step, true);
        }
        n_rules += n_needing.iter().filter(|it| **it > 0).count();
        Self { ladders, n_needing, n_rules }
    }

    /// Goes down, what is cheapest first, until the role is short enough or nothing is left to save.
    fn shorten(&mut self, max_rules: usize) {
        while self.n_rules > max_rules {
            let moves = self.moves_down().into_iter();
            let saving = moves.filter_map(|it| Some((self.saving(&it)?, it)));
            let best = saving.reduce(|a, b| if b.0.is_cheaper_than(&a.0) { b } else { a });
            let Some((_, best)) = best else { break };
            self.take(&best);
        }
    }

    /// Goes up, what gives most first, while there is room.
    fn fill(&mut self, max_rules: usize) {
        while self.n_rules < max_rules {
            let n_free = max_rules - self.n_rules;
            let moves = self.moves_up().into_iter();
            let gain = moves.filter_map(|it| Some((self.gain(&it)?, it)));
            let fitting = gain.filter(|(it, _)| it.n_rules <= n_free);
            let best = fitting.reduce(|a, b| if a.0.is_cheaper_than(&b.0) { b } else { a });
            let Some((_, best)) = best else { break };
            self.take(&best);
        }
    }

    /// Goes up somewhere and pays for it elsewhere, where both together spare people more; `false`
    /// where that is nowhere so.
    fn exchange(&mut self, max_rules: usize) -> bool {
        let n_spared = self.n_spared();
        let mut best = (n_spared, self.places());
        let from = self.places();
        for up in self.moves_up() {
            if self.gain(&up).is_none() {
                continue;
            }
            self.take(&up);
            self.shorten(max_rules);
            self.fill(max_rules);
            if self.n_rules <= max_rules && self.n_spared() > best.0 {
                best = (self.n_spared(), self.places());
            }
            self.go_to(&from);
        }
        self.go_to(&best.1);
        best.0 > n_spared
    }

    fn n_spared(&self) -> usize {
        self.ladders.iter().filter_map(Ladder::step).map(|it| it.n_spared).sum()
    }

    /// The step of every ladder.
    fn places(&self) -> Move {
        self.ladders.iter().enumerate().map(|(idx, it)| (idx, it.at)).collect()
    }

    fn go_to(&mut self, places: &Move) {
        let moved = places
            .iter()
            .filter(|(idx, to)| self.ladders.get(*idx).is_some_and(|ladder| ladder.at != *to));
        let moved: Move = moved.copied().collect();
        self.take(&moved);
    }

    /// One ladder down to any of its steps; all of one binary down to one, because they share guards;
    /// all that need one guard down to where they do not.
    fn moves_down(&self) -> Vec<Move> {
        let mut moves = self.moves_together(|at, to| at < to);
        let mut by_stop: BTreeMap<usize, Move> = BTreeMap::new();
        for (idx, ladder) in self.ladders.iter().enumerate() {
            moves.extend((ladder.at + 1..ladder.steps.len()).map(|to| vec![(idx, to)]));
            for stop in ladder.step().into_iter().flat_map(|it| &it.stops) {
                let rest = ladder.steps.iter().enumerate().skip(ladder.at + 1);
                let without = rest.filter(|(_, step)| !step.stops.contains(stop)).map(|it| it.0);
                by_stop.entry(*stop).or_default().extend(without.take(1).map(|to| (idx, to)));
            }
        }
        moves.extend(by_stop.into_values().filter(|it| !it.is_empty()));
        moves
    }

    /// One ladder up to any of its steps; all of one binary up to one.
    fn moves_up(&self) -> Vec<Move> {
        let mut moves = self.moves_together(|at, to| at > to);
        let ladders = self.ladders.iter().enumerate();
        moves.extend(ladders.flat_map(|(idx, it)| (0..it.at).map(move |to| vec![(idx, to)])));
        moves
    }

    /// All ladders of a binary that are on one side of a step, to that step; the last one where a
    /// ladder has fewer.
    fn moves_together(&self, is_way: impl Fn(usize, usize) -> bool) -> Vec<Move> {
        let mut by_binary: BTreeMap<&str, Vec<(usize, &Ladder)>> = BTreeMap::new();
        for (idx, ladder) in self.ladders.iter().enumerate() {
            by_binary.entry(&ladder.binary).or_default().push((idx, ladder));
        }
        let mut moves = Vec::new();
        for ladders in by_binary.values() {
            let n_steps = ladders.iter().map(|(_, it)| it.steps.len()).max().unwrap_or(0);
            for to in 0..n_steps {
                let steps = ladders
                    .iter()
                    .map(|(idx, it)| (*idx, it.at, to.min(it.steps.len().saturating_sub(1))));
                let moved = steps.filter(|(_, at, to)| is_way(*at, *to));
                let moved: Move = moved.map(|(idx, _, to)| (idx, to)).collect();
                if moved.len() > 1 {
                    moves.push(moved);
                }
            }
        }
        moves
    }

    /// What it saves to go down; `None` where that saves no rule.
    fn saving(&self, down: &Move) -> Option<Effect> {
        let (n_rules, n_spared) = self.difference(down);
        let n_rules = usize::try_from(-n_rules).ok().filter(|it| *it > 0)?;
        Some(Effect { n_rules, n_spared: usize::try_from(-n_spared).unwrap_or(0) })
    }

    /// What it gains to go up; `None` where that spares nobody anything. What costs no rule counts as
    /// costing one.
    fn gain(&self, up: &Move) -> Option<Effect> {
        let (n_rules, n_spared) = self.difference(up);
        let n_spared = usize::try_from(n_spared).ok().filter(|it| *it > 0)?;
        Some(Effect { n_rules: usize::try_from(n_rules).unwrap_or(0).max(1), n_spared })
    }

    /// How many rules come, and how many times a person is spared, by a move.
    fn difference(&self, steps: &Move) -> (isize, isize) {
        let (mut n_rules, mut n_spared) = (0, 0);
        let mut n_more: BTreeMap<usize, isize> = BTreeMap::new();
        for (idx, to) in steps {
            let Some(ladder) = self.ladders.get(*idx) else { continue };
            let (Some(from), Some(to)) = (ladder.step(), ladder.steps.get(*to)) else { continue };
            n_rules += to.n_rules.cast_signed() - from.n_rules.cast_signed();
            n_spared += to.n_spared.cast_signed() - from.n_spared.cast_signed();
            for stop in &from.stops {
                *n_more.entry(*stop).or_default() -= 1;
            }
            for stop in &to.stops {
                *n_more.entry(*stop).or_default() += 1;
            }
        }
        for (stop, n_more) in n_more {
            let before = self.n_needing.get(stop).copied().unwrap_or(0).cast_signed();
            n_rules += isize::from(before + n_more > 0) - isize::from(before > 0);
        }
        (n_rules, n_spared)
    }

    fn take(&mut self, steps: &Move) {
        let (n_rules, _) = self.difference(steps);
        for (idx, to) in steps {
            let Some(ladder) = self.ladders.get_mut(*idx) else { continue };
            let (Some(from), Some(new)) = (ladder.step(), ladder.steps.get(*to)) else { continue };
            count(&mut self.n_needing, from, false);
            count(&mut self.n_needing, new, true);
            ladder.at = *to;
        }
        self.n_rules = self.n_rules.saturating_add_signed(n_rules);
    }
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
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static STOPS: LazyLock<Stops> = LazyLock::new(|| Stops::new(&Observation::default()));

    fn ladder(binary: &str, steps: &[(usize, usize, &[usize])]) -> Ladder {
        let steps = steps.iter().map(|&(n_spared, n_rules, stops)| Step {
            candidates: Vec::new(),
            n_spared,
            n_rules,
            stops: stops.to_vec(),
        });
        Ladder { binary: binary.to_owned(), steps: steps.collect(), at: 0, threshold: 0.6 }
    }

    fn n_rules(ladders: &[Ladder], cost: &Cost<'_>) -> usize {
        let steps = || ladders.iter().filter_map(Ladder::step);
        let mut needed: BTreeSet<usize> = steps().flat_map(|it| it.stops.clone()).collect();
        let unused = cost.stops.iter().enumerate();
        let unused = unused.filter(|it| it.1.is_for_unused_builtin(cost.observation));
        needed.extend(unused.map(|(idx, _)| idx));
        steps().map(|it| it.n_rules).sum::<usize>() + needed.len()
    }

    fn n_spared(ladders: &[Ladder]) -> usize {
        ladders.iter().filter_map(Ladder::step).map(|it| it.n_spared).sum()
    }

    #[test]
    fn the_step_that_loses_least_for_each_rule_goes_first_and_shared_guards_go_together() {
        let observation = Observation::default();
        let lessons = Lessons::default();
        let cost = Cost {
            stops: &STOPS,
            observation: &observation,
            lessons: &lessons,
            cut: None,
            threshold: 0.6,
        };
        let make = || {
            vec![
                ladder("tee", &[(9, 1, &[0, 1, 2, 3]), (2, 1, &[])]),
                ladder("git", &[(5, 1, &[4, 5, 6, 7]), (4, 1, &[])]),
                ladder("git", &[(6, 1, &[4, 5, 6, 7]), (5, 1, &[])]),
            ]
        };
        let all = n_rules(&make(), &cost);
        for (budget, taken) in [(all, [0, 0, 0]), (all - 1, [0, 1, 1]), (all - 8, [1, 1, 1])] {
            let mut ladders = make();
            fit(&mut ladders, &cost, budget);
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
            let lessons = Lessons::default();
            let cost = Cost { stops: &STOPS, observation: &observation, lessons: &lessons, cut: None, threshold: 0.6 };
            let make = || {
                let ladders = steps.iter().map(|(binary, steps)| {
                    let steps = steps.iter().map(|(n_spared, n_rules, stops)| Step {
                        candidates: Vec::new(),
                        n_spared: *n_spared,
                        n_rules: *n_rules,
                        stops: stops.iter().copied().collect(),
                    });
                    Ladder { binary: binary.to_string(), steps: steps.collect(), at: 0, threshold: 0.6 }
                });
                ladders.collect::<Vec<_>>()
            };
            let mut ladders = make();
            fit(&mut ladders, &cost, max_rules);
            let fits = n_rules(&ladders, &cost) <= max_rules;
            if fits && n_rules(&make(), &cost) <= max_rules {
                prop_assert_eq!(n_spared(&ladders), n_spared(&make()));
            }
            if !fits {
                for ladder in &mut ladders {
                    ladder.steps.drain(..ladder.at);
                    ladder.at = 0;
                }
                let before = n_rules(&ladders, &cost);
                fit(&mut ladders, &cost, max_rules);
                prop_assert_eq!(n_rules(&ladders, &cost), before);
            }
        }
    }
}
