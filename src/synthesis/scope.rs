//! How wide a rule is: the scope that covers what was seen at a fair price in guards.
use std::collections::BTreeMap;

use super::guards::{Stop, stops};
use crate::{
    clusters::{Stem, Use},
    policy::{Pattern, includes, literal},
};

/// Units in which a bare command was only ever bare before its rule is exact.
const MIN_BARE_UNITS: usize = 10;

/// Guard rules that an allow may cost whatever it covers.
const FREE_GUARDS: usize = 3;

/// Fewest units behind a rule that names one exact line.
const MIN_EXACT_UNITS: usize = 2;

/// A pattern and the uses it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) pattern: String,
    /// Indexes into the observation's uses.
    pub(super) uses: Vec<usize>,
}

/// Nested scopes under one stem, widest first; the first whose guards are worth it is taken, for
/// each part of the uses on its own: the stem, the stem with the next plain word, the exact line.
pub(super) fn scopes(stem: &Stem, uses: &[(usize, &Use)], binary: &Binary) -> Vec<Scope> {
    let n_units = count_units(uses.iter().map(|it| it.1));
    if let [(idx, only)] = uses
        && only.line == stem.pattern
        && n_units >= MIN_BARE_UNITS
    {
        return vec![Scope { pattern: literal(&only.line), uses: vec![*idx] }];
    }
    let wide = format!("{} *", stem.pattern);
    if is_worth(&wide, n_units, binary) {
        return vec![Scope { pattern: wide, uses: uses.iter().map(|it| it.0).collect() }];
    }
    let mut parts: BTreeMap<Option<String>, Vec<(usize, &Use)>> = BTreeMap::new();
    for &(idx, seen) in uses {
        parts.entry(next_word(stem, &seen.line)).or_default().push((idx, seen));
    }
    let mut scopes = Vec::new();
    for (word, uses) in parts {
        let pattern = word.map(|word| format!("{} {} *", stem.pattern, literal(&word)));
        let n_units = count_units(uses.iter().map(|it| it.1));
        match pattern
            .filter(|pattern| n_units >= MIN_EXACT_UNITS && is_worth(pattern, n_units, binary))
        {
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
    Scope { pattern: format!("{} *", stem.pattern), uses }
}

/// A scope a line, for those seen often enough.
pub(super) fn exact(uses: &[(usize, &Use)]) -> Vec<Scope> {
    let often = uses.iter().filter(|(_, seen)| seen.support.n_units() >= MIN_EXACT_UNITS);
    often.map(|(idx, seen)| Scope { pattern: literal(&seen.line), uses: vec![*idx] }).collect()
}

/// What else is known of a binary.
#[derive(Debug)]
pub(super) struct Binary {
    /// Guard rules that an allow may cost for each unit behind it: what few sessions need is not
    /// worth a page of denies, so it is made narrower instead. Patterns that the binary's other
    /// stems need too (`git -* push *`) are weighed against all units of the binary.
    pub(super) guards_per_unit: f64,
    /// Units in which it was used.
    pub(super) n_units: usize,
    /// The widest pattern of each of its stems.
    pub(super) stems: Vec<String>,
}

/// Whether an allow with this pattern is worth the guards that it needs.
fn is_worth(pattern: &str, n_units: usize, binary: &Binary) -> bool {
    let allow = Pattern::new(pattern);
    let others = binary.stems.iter().map(|stem| Pattern::new(stem));
    let others: Vec<Pattern> = others.filter(|other| !includes(other, &allow)).collect();
    let needed = stops().iter().filter(|it| it.is_for_one_binary() && it.meets(&allow));
    let (shared, own): (Vec<&Stop>, Vec<&Stop>) =
        needed.partition(|stop| others.iter().any(|other| stop.meets(other)));
    let is_fair = |n_guards: usize, n_units: usize| {
        #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
        let budget = n_units as f64 * binary.guards_per_unit;
        #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
        let price = n_guards.saturating_sub(FREE_GUARDS) as f64;
        price <= budget
    };
    is_fair(own.len(), n_units) && is_fair(shared.len(), binary.n_units)
}

/// The word after the stem, where it is a flag or a plain lower-case word and not a name or path.
fn next_word(stem: &Stem, line: &str) -> Option<String> {
    let stars = stem.pattern.contains('*');
    let rest = line.strip_prefix(&stem.pattern).filter(|_| !stars)?.strip_prefix(' ')?;
    let word = rest.split(' ').next()?;
    let plain = |ch: char| ch.is_ascii_lowercase() || "-+".contains(ch);
    (word.starts_with(['-', '+']) || word.chars().all(plain)).then(|| word.to_owned())
}

pub(super) fn count_units<'a>(uses: impl Iterator<Item = &'a Use>) -> usize {
    let mut units: Vec<u32> = uses.flat_map(|seen| seen.support.units.iter().copied()).collect();
    units.sort_unstable();
    units.dedup();
    units.len()
}
