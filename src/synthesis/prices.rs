//! What each scope of an allow would give and cost: nested, from the lines seen to the whole binary.
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Candidate, MIN_ROUTINE_UNITS, Needed, Stand, Stops, allow_confidence,
    budget::Cost,
    confidence::round,
    guards::Stopped,
    scope::{self, Scope},
};
use crate::{
    clusters::{Observation, Stem, Use},
    events::Day,
    evidence::Evidence,
    feedback::Level,
    policy::{Pattern, Role, Rule, RuleAction, Target},
    risk::{
        Effects, RiskLevel,
        acts::{Act, acts, openings},
        stake,
    },
};

/// The part of the window's days that scopes are made from to see what they cover of the rest.
///
/// # Source
/// The cut of `backtest`, whose default it is, too.
const EARLY_PART: f64 = 0.7;

/// Most patterns of a scope that is not proposed; a longer list is nobody's to read.
const MAX_PATTERNS: usize = 12;

/// How much of the later part of the window a scope covers that was made from the earlier part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
    /// Uses of the binary in the later part, each counted once a unit.
    pub seen: u64,
    /// Those that would have passed.
    pub covered: u64,
}

/// One scope of an allow, and its price.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    /// How wide it is.
    pub level: Level,
    /// Its patterns.
    pub patterns: Vec<String>,
    /// The guards that it needs in front, and what each does.
    pub guards: Vec<(String, RuleAction)>,
    /// 0 to 1: probability that it is needed again.
    pub confidence: f64,
    /// What it would have allowed of later activity; `None` where the window has one day only.
    pub later: Option<Later>,
    /// What was seen of what it takes does.
    pub effects: Effects,
    /// Ids of the acts that share a line with it, and that its guards are for.
    pub guarded_acts: Vec<String>,
    /// Ids of the acts of which some spelling passes in spite of its guards.
    pub open_acts: Vec<String>,
    /// Whether this is what is proposed.
    pub is_proposed: bool,
}

/// What a scope lets through, whatever was seen.
#[derive(Clone, Debug, Default)]
struct Language {
    guards: Vec<(String, RuleAction)>,
    guarded_acts: Vec<String>,
    open_acts: Vec<String>,
}

/// The scopes of each of these candidates, narrowest first; none for what is no allow of commands.
pub fn scopes(
    candidates: &[&Candidate],
    stops: &Stops,
    observation: &Observation,
) -> Vec<Vec<Priced>> {
    let nested: Vec<Vec<(Level, Vec<String>)>> =
        candidates.iter().map(|it| levels(it, observation)).collect();
    let distinct: BTreeSet<&Vec<String>> = nested.iter().flatten().map(|it| &it.1).collect();
    // Scopes share guards, and what a guard does is a question to all that was seen.
    let guards = distinct.iter().flat_map(|patterns| met(patterns, stops));
    let guards: BTreeMap<String, Needed<'_>> =
        guards.map(|it| (it.text.clone().into_owned(), it)).collect();
    let actions: BTreeMap<String, RuleAction> =
        guards.into_par_iter().map(|(text, it)| (text, action(&it, observation))).collect();
    let known = |it: &Needed<'_>| actions.get(&*it.text).copied().unwrap_or(it.guard.action);
    let languages: BTreeMap<&Vec<String>, Language> = distinct
        .into_par_iter()
        .map(|patterns| (patterns, Language::new(patterns, stops, known)))
        .collect();
    let cut = cut(observation);
    let priced = candidates.par_iter().zip(&nested).map(|(candidate, levels)| {
        let past = Past::new(candidate, cut, stops, observation);
        let price = |(level, patterns): &(Level, Vec<String>)| {
            let language = languages.get(patterns).cloned().unwrap_or_default();
            past.price(*level, patterns, language)
        };
        levels.iter().map(price).collect()
    });
    priced.collect()
}

/// The patterns of each level, narrowest first; levels that say the same are one.
fn levels(candidate: &Candidate, observation: &Observation) -> Vec<(Level, Vec<String>)> {
    let Some(stem) = &candidate.stem else { return Vec::new() };
    let is_allow = candidate.target == Target::Command && candidate.action.passes();
    if !is_allow {
        return Vec::new();
    }
    let own = Level::of(&candidate.pattern, &stem.binary, &stem.pattern);
    let uses = uses(candidate, observation);
    let mut levels: Vec<(Level, Vec<String>)> = Level::ALL
        .iter()
        .filter(|it| **it < own)
        .map(|it| (*it, patterns(*it, stem, &uses)))
        .collect();
    levels.push((own, candidate.patterns().cloned().collect()));
    // What stands in front of a guard may get narrower there, and no wider.
    let wider = Level::ALL.iter().filter(|it| **it > own && candidate.stand == Stand::Open);
    levels.extend(wider.map(|it| (*it, patterns(*it, stem, &uses))));
    levels.retain(|(_, patterns)| {
        !patterns.is_empty() && patterns.iter().all(|it| scope::is_legible(it))
    });
    let mut taken: Vec<Vec<String>> = Vec::new();
    let proposed: Vec<String> = candidate.patterns().cloned().collect();
    levels.retain(|(level, patterns)| {
        let is_new = (*level == own || *patterns != proposed) && !taken.contains(patterns);
        if is_new {
            taken.push(patterns.clone());
        }
        is_new
    });
    levels.retain(|(level, patterns)| *level == own || patterns.len() <= MAX_PATTERNS);
    levels
}

/// What a level would propose for these uses.
fn patterns(level: Level, stem: &Stem, uses: &[(usize, &Use)]) -> Vec<String> {
    let of = |scopes: Vec<Scope>| scopes.into_iter().map(|it| it.pattern).collect();
    match level {
        Level::Exact => of(scope::exact(uses)),
        Level::Word => of(scope::words(stem, uses)),
        Level::Subcommand => vec![scope::whole(stem, uses).pattern],
        Level::Binary => vec![format!("{} *", stem.binary)],
    }
}

fn uses<'a>(candidate: &Candidate, observation: &'a Observation) -> Vec<(usize, &'a Use)> {
    let uses = candidate.uses.iter();
    uses.filter_map(|&idx| Some((idx, observation.uses.get(idx)?))).collect()
}

/// The first day of the later part; `None` where there is one day only.
pub(super) fn cut(observation: &Observation) -> Option<Day> {
    let days: BTreeSet<Day> = observation.units.iter().map(|it| it.day).collect();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a window has some hundred days"
    )]
    let at = (days.len() as f64 * EARLY_PART).ceil() as usize;
    days.into_iter().nth(at.max(1))
}

/// Fewest later uses that tell whether a wider scope gives anything.
const MIN_LATER: u64 = 20;

/// Whether a scope over a whole stem is dominated by one that is narrower: one pattern too, made of
/// what was seen before the cut, and everything that came after it falls inside.
pub(super) fn is_dominated(
    narrower: &[Scope],
    forms: &[Scope],
    uses: &[(usize, &Use)],
    cost: &Cost<'_>,
) -> bool {
    let Cost { stops, observation, .. } = *cost;
    // Forms in use stand beside both.
    let narrower = narrower.iter().filter(|it| !forms.contains(it)).collect::<Vec<_>>();
    let ([only], Some(cut)) = (narrower.as_slice(), cost.cut) else { return false };
    let only = Pattern::new(&only.pattern);
    let (mut is_made, mut n_later, mut n_covered) = (false, 0, 0);
    for (idx, seen) in uses {
        let is_inside = only.matches(&seen.line);
        let n_late = n_late(seen, cut, observation);
        is_made |= is_inside && n_late < seen.support.n_units() as u64;
        if stops.stopped().get(*idx) == Some(&Stopped::Nowhere) {
            n_later += n_late;
            n_covered += if is_inside { n_late } else { 0 };
        }
    }
    is_made && n_covered == n_later && n_later >= MIN_LATER
}

/// Units of a use from a day on.
fn n_late(seen: &Use, cut: Day, observation: &Observation) -> u64 {
    let units = seen.support.units.iter().filter_map(|it| observation.units.get(*it as usize));
    units.filter(|it| it.day >= cut).count() as u64
}

/// What was seen of a candidate's binary, before the cut and after it.
struct Past<'a> {
    candidate: &'a Candidate,
    observation: &'a Observation,
    /// Whether there is anything after the cut.
    is_cut: bool,
    /// Uses of the candidate before the cut.
    early: Vec<(usize, &'a Use)>,
    /// Ordinary uses of the binary that no guard stops, each with its units after the cut.
    later: Vec<(&'a Use, u64)>,
    /// The same for all that are ordinary.
    n_later: u64,
}

impl<'a> Past<'a> {
    fn new(
        candidate: &'a Candidate,
        cut: Option<Day>,
        stops: &Stops,
        observation: &'a Observation,
    ) -> Self {
        let n_late = |seen: &Use| cut.map_or(0, |cut| n_late(seen, cut, observation));
        let is_early = |seen: &Use| n_late(seen) < seen.support.n_units() as u64;
        let early = uses(candidate, observation).into_iter().filter(|it| is_early(it.1));
        let binary = Pattern::new(&format!("{} *", candidate.binary));
        let ordinary = observation.matched_at(&binary);
        let ordinary = ordinary.filter(|(_, seen)| stake(seen.effects) <= RiskLevel::Medium);
        let ordinary = ordinary.map(|(idx, seen)| (idx, seen, n_late(seen))).filter(|it| it.2 > 0);
        let ordinary: Vec<(usize, &Use, u64)> = ordinary.collect();
        let passing =
            ordinary.iter().filter(|it| candidate.stand.passes(stops.stopped().get(it.0)));
        Self {
            candidate,
            observation,
            is_cut: cut.is_some(),
            early: early.collect(),
            later: passing.map(|it| (it.1, it.2)).collect(),
            n_later: ordinary.iter().map(|it| it.2).sum(),
        }
    }

    fn price(&self, level: Level, shown: &[String], language: Language) -> Priced {
        let Self { candidate, observation, .. } = *self;
        let is_proposed = candidate.patterns().eq(shown);
        let stem = candidate.stem.as_ref();
        // A scope is made of what was seen before, and judged by what came after.
        let made = match (level, stem) {
            (Level::Exact | Level::Word, Some(stem)) => patterns(level, stem, &self.early),
            _ => shown.to_vec(),
        };
        let made: Vec<Pattern> = made.iter().map(|it| Pattern::new(it)).collect();
        let evidence = |uses: Vec<&Use>| Evidence::of_counts(&uses, observation);
        let covers = |seen: &Use| made.iter().any(|it| it.matches(&seen.line));
        let covered = self.later.iter().filter(|it| covers(it.0)).map(|it| it.1).sum();
        let later = self.is_cut.then_some(Later { seen: self.n_later, covered });
        let mut effects = Effects::NONE;
        let mut not_needed = 1.0;
        let mut all: BTreeMap<usize, &Use> = BTreeMap::new();
        for pattern in shown.iter().map(|it| Pattern::new(it)) {
            let uses: Vec<(usize, &Use)> = observation.matched_at(&pattern).collect();
            effects = uses.iter().fold(effects, |all, it| all.union(it.1.effects));
            let ordinary = uses.into_iter().filter(|it| stake(it.1.effects) <= RiskLevel::Medium);
            let ordinary: Vec<(usize, &Use)> = ordinary.collect();
            let evidence = evidence(ordinary.iter().map(|it| it.1).collect());
            all.extend(ordinary);
            let is_exact = pattern.parts().len() == 1
                && stem.is_some_and(|it| it.pattern != pattern.literal_prefix());
            not_needed *=
                1.0 - allow_confidence(&evidence, &candidate.binary, is_exact, observation);
        }
        // Patterns of one tool come and go together: no more than all of their uses promise as one.
        let as_one = evidence(all.into_values().collect());
        let as_one = allow_confidence(&as_one, &candidate.binary, false, observation);
        let confidence = round((1.0 - not_needed).min(as_one));
        Priced {
            level,
            patterns: shown.to_vec(),
            confidence: if is_proposed { candidate.confidence } else { confidence },
            later,
            effects,
            is_proposed,
            guards: language.guards,
            guarded_acts: language.guarded_acts,
            open_acts: language.open_acts,
        }
    }
}

impl Language {
    /// `action` tells what a guard does in the role.
    fn new(patterns: &[String], stops: &Stops, action: impl Fn(&Needed<'_>) -> RuleAction) -> Self {
        let guards: Vec<(String, RuleAction)> = met(patterns, stops)
            .iter()
            .map(|it| (it.text.clone().into_owned(), action(it)))
            .collect();
        let mut role = Role::new("scope");
        role.rules.extend(patterns.iter().map(|it| Rule::new(it, RuleAction::Allow)));
        let open = openings(&role, acts());
        let bare: Vec<&Act> = open.into_iter().map(|it| it.0).collect();
        role.rules.splice(0..0, guards.iter().map(|(text, action)| Rule::new(text, *action)));
        // Guards only take away.
        let open = openings(&role, bare.iter().copied());
        let open_acts: Vec<String> = open.iter().map(|it| it.0.id.clone()).collect();
        let guarded = bare.iter().map(|it| it.id.clone()).filter(|it| !open_acts.contains(it));
        Self { guards, guarded_acts: guarded.collect(), open_acts }
    }
}

/// Whether no act that must not pass fits into allows of these patterns, behind the guards they need.
pub fn closed(patterns: &[String], stops: &Stops, observation: &Observation) -> bool {
    let action = |it: &Needed<'_>| action(it, observation);
    Language::new(patterns, stops, action).open_acts.is_empty()
}

/// The guards that allows of these patterns need.
fn met<'a>(patterns: &[String], stops: &'a Stops) -> Vec<Needed<'a>> {
    let allows: Vec<Pattern> = patterns.iter().map(|it| Pattern::new(it)).collect();
    stops.met(&allows)
}

/// What a guard does in a role: what is done all the time is asked for rather than stopped.
fn action(guard: &Needed<'_>, observation: &Observation) -> RuleAction {
    let uses: Vec<&Use> = observation.matched(&Pattern::new(&guard.text)).collect();
    let units: BTreeSet<u32> =
        uses.iter().flat_map(|it| it.support.units.iter().copied()).collect();
    guard.action(units.len() >= MIN_ROUTINE_UNITS)
}
