//! How wide a rule is: the scope that covers what was seen at a fair price in guards.
use std::collections::{BTreeMap, BTreeSet};

use super::guards::stops;
use crate::{
    clusters::{Cluster, Observation, Stem, Use},
    policy::{Pattern, literal},
};

/// Units in which a bare command was only ever bare before its rule is exact.
const MIN_BARE_UNITS: usize = 10;

/// Guard rules that an allow may cost whatever it covers.
const FREE_GUARDS: usize = 3;

/// Fewest units behind a rule that names one exact line.
const MIN_EXACT_UNITS: usize = 2;

/// Most exact lines of one part of a stem; a longer list is nobody's to read.
const MAX_EXACT: usize = 4;

/// A pattern and the uses it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) pattern: String,
    /// Indexes into the observation's uses.
    pub(super) uses: Vec<usize>,
}

/// Nested scopes under one stem, widest first; the first whose guards are worth it is taken, for
/// each part of the uses on its own: the stem, the stem with the next plain word, the exact line.
pub(super) fn scopes(
    stem: &Stem,
    uses: &[(usize, &Use)],
    market: &Market,
    guards_per_unit: f64,
) -> Vec<Scope> {
    let n_units = count_units(uses.iter().map(|it| it.1));
    if let [(idx, only)] = uses
        && only.line == stem.pattern
        && n_units >= MIN_BARE_UNITS
    {
        return vec![Scope { pattern: literal(&only.line), uses: vec![*idx] }];
    }
    let is_worth =
        |pattern: &str, n_units| market.is_worth(pattern, stem, n_units, guards_per_unit);
    if is_worth(&wide(stem), n_units) {
        return vec![whole(stem, uses)];
    }
    let mut parts: BTreeMap<Option<String>, Vec<(usize, &Use)>> = BTreeMap::new();
    for &(idx, seen) in uses {
        parts.entry(next_word(stem, &seen.line)).or_default().push((idx, seen));
    }
    let mut scopes = Vec::new();
    for (word, uses) in parts {
        let pattern = word.map(|word| format!("{} {} *", stem.pattern, literal(&word)));
        let n_units = count_units(uses.iter().map(|it| it.1));
        match pattern.filter(|pattern| n_units >= MIN_EXACT_UNITS && is_worth(pattern, n_units)) {
            Some(pattern) => {
                scopes.push(Scope { pattern, uses: uses.iter().map(|it| it.0).collect() });
            }
            None => scopes.extend(exact(&uses)),
        }
    }
    scopes
}

/// The widest scope under a stem.
pub(super) fn whole(stem: &Stem, uses: &[(usize, &Use)]) -> Scope {
    let uses = uses.iter().map(|it| it.0).collect();
    Scope { pattern: wide(stem), uses }
}

/// A scope a line, for those seen often enough, at most [`MAX_EXACT`]; most units first.
pub(super) fn exact(uses: &[(usize, &Use)]) -> Vec<Scope> {
    let often = uses.iter().filter(|(_, seen)| seen.support.n_units() >= MIN_EXACT_UNITS);
    let mut often: Vec<&(usize, &Use)> = often.collect();
    often.sort_by_key(|(idx, seen)| (std::cmp::Reverse(seen.support.n_units()), *idx));
    let first = often.into_iter().take(MAX_EXACT);
    first.map(|(idx, seen)| Scope { pattern: literal(&seen.line), uses: vec![*idx] }).collect()
}

/// What the wide scopes of all stems cost in guard rules; made once, asked for every price.
#[derive(Debug)]
pub(super) struct Market {
    /// For the wide scope of each stem, the guard patterns (indexes into the stops) it meets.
    meets: BTreeMap<String, Vec<usize>>,
    /// By binary: units in which it was used, and how many of its stems meet each guard pattern.
    binaries: BTreeMap<String, (usize, BTreeMap<usize, usize>)>,
}

impl Market {
    /// Looks at every stem of an observation.
    pub(super) fn new(clusters: &[Cluster], observation: &Observation) -> Self {
        let mut units: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        let stems: BTreeSet<&Stem> = clusters.iter().map(|it| &it.stem).collect();
        for seen in &observation.uses {
            units.entry(&seen.stem.binary).or_default().extend(&seen.support.units);
        }
        let mut binaries: BTreeMap<String, (usize, BTreeMap<usize, usize>)> = BTreeMap::new();
        for (binary, mut units) in units {
            units.sort_unstable();
            units.dedup();
            binaries.insert(binary.to_owned(), (units.len(), BTreeMap::new()));
        }
        let mut meets = BTreeMap::new();
        for stem in stems {
            let wide = wide(stem);
            let allow = Pattern::new(&wide);
            let all = stops().iter().enumerate();
            let met = all.filter(|(_, it)| it.is_for_one_binary() && it.meets(&allow));
            let met: Vec<usize> = met.map(|(idx, _)| idx).collect();
            if let Some((_, n_stems)) = binaries.get_mut(&stem.binary) {
                for idx in &met {
                    *n_stems.entry(*idx).or_default() += 1;
                }
            }
            meets.insert(wide, met);
        }
        Self { meets, binaries }
    }

    /// Whether an allow is worth the guards that it needs, at a price of `guards_per_unit`.
    ///
    /// Guard patterns that other stems of the binary need too (`git -* push *`) are weighed against
    /// all units of the binary, the others against the units behind the allow.
    fn is_worth(&self, pattern: &str, stem: &Stem, n_units: usize, guards_per_unit: f64) -> bool {
        let wide = wide(stem);
        let none = (0, BTreeMap::new());
        let (n_binary_units, n_stems) = self.binaries.get(&stem.binary).unwrap_or(&none);
        let allow = Pattern::new(pattern);
        // A narrower allow meets no guard that the wide one does not.
        let met = self.meets.get(&wide).map_or(&[][..], Vec::as_slice).iter();
        let met = met.filter(|&&idx| {
            pattern == wide || stops().get(idx).is_some_and(|stop| stop.meets(&allow))
        });
        let (shared, own): (Vec<usize>, Vec<usize>) =
            met.partition(|idx| n_stems.get(idx).is_some_and(|n_stems| *n_stems > 1));
        let is_fair = |n_guards: usize, n_units: usize| {
            #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
            let budget = n_units as f64 * guards_per_unit;
            #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
            let price = n_guards.saturating_sub(FREE_GUARDS) as f64;
            price <= budget
        };
        is_fair(own.len(), n_units) && is_fair(shared.len(), *n_binary_units)
    }
}

/// The widest pattern under a stem.
fn wide(stem: &Stem) -> String {
    format!("{} *", stem.pattern)
}

/// The word after the stem, where it is a flag or a plain lower-case word and not a name or path.
fn next_word(stem: &Stem, line: &str) -> Option<String> {
    let stars = stem.pattern.contains('*');
    let rest = line.strip_prefix(&stem.pattern).filter(|_| !stars)?.strip_prefix(' ')?;
    let word = rest.split(' ').next()?;
    let plain = |ch: char| ch.is_ascii_lowercase() || "-+".contains(ch);
    (word.starts_with(['-', '+']) || word.chars().all(plain)).then(|| word.to_owned())
}

fn count_units<'a>(uses: impl Iterator<Item = &'a Use>) -> usize {
    let mut units: Vec<u32> = uses.flat_map(|seen| seen.support.units.iter().copied()).collect();
    units.sort_unstable();
    units.dedup();
    units.len()
}
