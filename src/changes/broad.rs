//! Allows over a whole binary, or wider: narrowed to what was used, or asked for.
use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    ChangeKind, Draft, PlacedRule, Why,
    list::{List, Place, is_broad, new_rule, placed},
};
use crate::{
    clusters::{Use, is_interpreter},
    policy::{Access, Pattern, Rule, RuleAction, Target, access_of, includes, overlaps},
    risk::{Effects, RiskLevel},
    synthesis::{Candidate, Stand, covered_confidence, letting},
};

/// The share of what was done under a rule that lets no act through from which on narrower rules may
/// stand for it.
///
/// # Source
/// Our choice: what has no room in one batch is no reason to take away what an earlier one gave.
const MIN_COVERED: f64 = 0.9;

impl List<'_> {
    /// Narrows broad allows; those that let acts through and have nothing narrower ask.
    pub(super) fn too_broad(&mut self) {
        let role = self.role;
        // Asked for where there is such a rule only, because it takes a proof.
        let letting = LazyCell::new(|| letting(role));
        for (idx, rule) in self.rules.iter().enumerate() {
            let is_open = !self.gone.contains(&idx)
                && rule.when.is_empty()
                && rule.action == RuleAction::Allow;
            if is_open && is_broad(&rule.pattern, self.target) {
                self.narrow(idx, rule, || letting.contains(&rule.pattern));
            }
        }
    }

    /// Narrows one rule; `lets` says whether an act passes it as the role is.
    fn narrow(&mut self, idx: usize, rule: &Rule, lets: impl Fn() -> bool) {
        let outer = Pattern::new(&rule.pattern);
        // What is known to go no further has rules of its own, which a rule for everything holds, too.
        let candidates = self.candidates.iter().copied().filter(|it| it.access().is_none());
        let inner = candidates
            .map(|it| (it, Pattern::new(&it.pattern)))
            .filter(|(_, pattern)| includes(&outer, pattern));
        // To ask for all of it comes behind what is allowed of it.
        let (wide_asks, inner): (Vec<_>, Vec<(&Candidate, Pattern)>) =
            inner.partition(|(it, pattern)| !it.action.passes() && includes(pattern, &outer));
        let is_as_wide = |(it, pattern): &&(&Candidate, Pattern)| {
            it.action == RuleAction::Allow && includes(pattern, &outer)
        };
        let as_wide = inner.iter().find(is_as_wide).map(|it| it.0);
        if as_wide.is_some_and(|it| it.confidence >= self.confidence_threshold) {
            return;
        }
        let is_command = self.target == Target::Command;
        let all = self.usage.of(idx, self.observation);
        let known = self.known();
        // What is known to go no further is let through by a rule of its own.
        let uses = all.iter().filter(|it| !it.access.is_some_and(|it| known.contains(&it)));
        let uses: Vec<&Use> = uses.copied().collect();
        // What is not used goes. What lets nothing through stays, unless little is done beside what is
        // narrower.
        let runs_anything = || outer.first_word().is_some_and(is_interpreter);
        let lets = is_command
            && !all.is_empty()
            && (runs_anything() || lets() || self.is_unguarded(&outer));
        let is_inside = |seen: &Use| inner.iter().any(|(_, pattern)| pattern.matches(&seen.line));
        let is_covered = !is_command || share(&uses, is_inside) >= MIN_COVERED;
        if !lets && (inner.is_empty() || as_wide.is_some() || !is_covered) {
            return;
        }
        let inner: Vec<&Candidate> = inner.into_iter().map(|it| it.0).collect();
        let evidence = self.evidence(&all, &inner);
        let n_units = self.evidence(&uses, &inner).n_units;
        // What is not likely to come again is no ground for a rule where other things are.
        let (likely, unlikely): (Vec<&Candidate>, Vec<&Candidate>) =
            inner.into_iter().partition(|it| it.confidence >= self.confidence_threshold);
        let n_single = unlikely.iter().filter(|it| it.evidence.n_units == 1).count() as u64;
        let covered = covered_confidence(n_single, n_units);
        // Where the next use is likely to be another one, somebody is asked for it.
        let asks = !wide_asks.is_empty()
            || lets
                && (covered < self.confidence_threshold
                    || as_wide.is_some()
                    || (likely.is_empty() && unlikely.is_empty()));
        let (narrower, confidence) = match (likely.is_empty(), asks) {
            (true, true) => {
                (Vec::new(), self.stopping_confidence(RuleAction::RequireApproval, &uses))
            }
            (true, false) => (unlikely, covered),
            (false, _) => (likely, covered),
        };
        let known: BTreeSet<Access> =
            all.iter().filter_map(|it| it.access.filter(|it| known.contains(it))).collect();
        let why = Why::TooBroad { asks, known: known.into_iter().collect() };
        let mut draft = self.draft(ChangeKind::Modify, why, evidence);
        draft.before = vec![placed(idx, rule)];
        draft.confidence = confidence;
        draft.effects = narrower.iter().fold(Effects::NONE, |all, it| all.union(it.effects));
        draft.risk = RiskLevel::High;
        let mut after = self.instead(idx, &narrower);
        if asks && !self.asks_anyway() {
            after.push((Place::Last, new_rule(&rule.pattern, RuleAction::RequireApproval)));
        }
        if after.is_empty() {
            draft.kind = ChangeKind::Remove;
        }
        self.push_away(idx, draft, after);
    }

    /// Whether a person is asked for what no rule knows: by the role, or by a change of this batch.
    fn asks_anyway(&self) -> bool {
        let default = self.unknown_action();
        let has_rest = self.candidates.iter().any(|it| it.stand == Stand::Rest);
        default == RuleAction::RequireApproval || (default.is_stop() && has_rest)
    }

    /// How far what is proposed to pass on that condition goes.
    fn known(&self) -> BTreeSet<Access> {
        self.candidates.iter().filter_map(|it| it.access()).collect()
    }

    /// What is narrowed to less than was used through it requires the changes that let the rest pass, on
    /// condition that it goes no further.
    pub(super) fn require_known(&mut self) {
        let is_new = |it: &&Draft| matches!(it.why, Why::Routine { .. });
        let access = |it: &Draft| it.after.first().and_then(|it| access_of(&it.when));
        let drafts = self.drafts.iter().enumerate().filter(|it| is_new(&it.1));
        let known: BTreeMap<Access, usize> =
            drafts.filter_map(|(at, it)| Some((access(it)?, at))).collect();
        for draft in &mut self.drafts {
            if let Why::TooBroad { known: through, .. } = &draft.why {
                draft.requires.extend(through.iter().filter_map(|it| known.get(it)));
            }
        }
    }

    /// What relies on a person being asked for the rest requires the change that brings this about.
    pub(super) fn require_rest(&mut self) {
        let rest = self.drafts.iter().position(|it| matches!(it.why, Why::Unknown));
        let Some(rest) = rest else { return };
        for draft in &mut self.drafts {
            let asks_itself = draft.new_patterns().count() < draft.after.len();
            if matches!(draft.why, Why::TooBroad { asks: true, .. }) && !asks_itself {
                draft.requires.push(rest);
            }
        }
    }

    /// Whether some guard that names the binary of an allow is not among the role's rules.
    fn is_unguarded(&self, allow: &Pattern) -> bool {
        let own = self.rules.iter().take(self.n_knowing);
        let own = own.filter(|it| !it.action.passes() && it.when.is_empty());
        let own: Vec<Pattern> = own.map(|it| Pattern::new(&it.pattern)).collect();
        let needed = self.stops.needed(std::slice::from_ref(allow), &[], self.observation);
        let mut needed = needed.iter().map(|it| Pattern::new(&it.text));
        needed.any(|guard| {
            guard.first_word() == allow.first_word() && !own.iter().any(|it| includes(it, &guard))
        })
    }

    /// The rules of candidates in the place of a rule, the strictest first.
    fn instead(&self, idx: usize, candidates: &[&Candidate]) -> Vec<(Place, PlacedRule)> {
        let later = self.rules.iter().take(self.n_knowing).skip(idx + 1);
        let later = later.filter(|it| !it.action.passes()).map(|it| Pattern::new(&it.pattern));
        let later: Vec<Pattern> = later.collect();
        let place = |candidate: &Candidate, text: &str| {
            let fenced = || {
                let pattern = Pattern::new(text);
                let is_free = !later.iter().any(|it| overlaps(it, &pattern));
                self.fenced_place(text).filter(|_| is_free)
            };
            self.in_front(candidate).or_else(fenced).unwrap_or(Place::Before(idx))
        };
        let mut rules: Vec<(Place, PlacedRule)> = Vec::new();
        for it in candidates {
            let patterns = it.patterns();
            rules.extend(patterns.map(|text| {
                let rule = PlacedRule { when: it.when.clone(), ..new_rule(text, it.action) };
                (place(it, text), rule)
            }));
        }
        rules.sort_by_key(|(_, rule)| std::cmp::Reverse(rule.action));
        rules
    }
}

/// The share of the units of some uses that are of these.
fn share(uses: &[&Use], is_it: impl Fn(&Use) -> bool) -> f64 {
    let n_units = |seen: &&Use| seen.support.n_units();
    let n_these: usize = uses.iter().filter(|it| is_it(it)).map(n_units).sum();
    let n_all: usize = uses.iter().map(n_units).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let share = n_these as f64 / n_all.max(1) as f64;
    share
}
