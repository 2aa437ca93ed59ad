//! How wide a rule can be: nested scopes under one stem.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::guards::Stopped;
use crate::{
    clusters::{Observation, Stem, Use},
    policy::{Pattern, literal},
    risk::{Effect, prose},
};

/// Units in which a command was only ever the same line before its rule is exact.
const MIN_ONE_FORM_UNITS: usize = 10;

/// Fewest units behind a rule that names one exact line.
const MIN_EXACT_UNITS: usize = 3;

/// Most exact lines of one part of a stem; a longer list is nobody's to read.
const MAX_EXACT: usize = 4;

/// Fewest units behind a form that stands in front of a guard.
const MIN_FORM_UNITS: usize = 3;

/// Most such forms of one stem.
const MAX_FORMS: usize = 4;

/// Longest pattern that is proposed, in bytes. A longer one is nobody's to read, and what it says is
/// proved against every other pattern at a cost that grows with its length.
const MAX_PATTERN_BYTES: usize = 1_000;

/// Whether a person can read a pattern.
pub(super) const fn is_legible(pattern: &str) -> bool {
    pattern.len() <= MAX_PATTERN_BYTES
}

/// A pattern and the uses it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) pattern: String,
    /// Indexes into the observation's uses.
    pub(super) uses: Vec<usize>,
}

/// Nested scopes under one stem, widest first: the stem; the stem with the next plain word; exact
/// lines. What has no plain next word is exact in the second, too.
pub(super) fn levels(stem: &Stem, uses: &[(usize, &Use)]) -> Vec<Vec<Scope>> {
    let by_line = by_next_word(stem, uses).values().flat_map(|uses| exact(uses)).collect();
    let mut levels = vec![vec![whole(stem, uses)], words(stem, uses), by_line];
    levels.dedup();
    levels
}

/// The line that is all a stem was used for: a bare command, or an installation of packages.
///
/// What a package may do is decided by who wrote it, so that `pip install -e .` is no reason for `pip
/// install *`. Where this line was seen on several hosts, others that come from one host alone are no other
/// form: whoever has that host chooses them.
pub(super) fn only_form(
    stem: &Stem,
    uses: &[(usize, &Use)],
    observation: &Observation,
) -> Option<Scope> {
    let by_units = |it: &&(usize, &Use)| (it.1.support.n_units(), Reverse(it.0));
    let &(idx, usual) = uses.iter().max_by_key(by_units)?;
    let n_hosts = |uses: &mut dyn Iterator<Item = &Use>| {
        let units = uses.flat_map(|it| &it.support.units);
        let units = units.filter_map(|&idx| observation.units.get(idx as usize));
        units.map(|it| &it.hostname).collect::<BTreeSet<_>>().len()
    };
    let is_only = uses.len() == 1;
    let is_meant = if usual.effects.contains(Effect::PackageInstall) {
        let mut others = uses.iter().filter(|it| it.0 != idx).map(|it| it.1);
        is_only || (n_hosts(&mut others) < 2 && n_hosts(&mut std::iter::once(usual)) > 1)
    } else {
        is_only && usual.line == stem.pattern
    };
    (is_meant && usual.support.n_units() >= MIN_ONE_FORM_UNITS)
        .then(|| Scope { pattern: literal(&usual.line), uses: vec![idx] })
}

/// The stem with its next plain word, for those seen often enough; what has none is exact.
pub(super) fn words(stem: &Stem, uses: &[(usize, &Use)]) -> Vec<Scope> {
    let mut scopes = Vec::new();
    for (word, uses) in by_next_word(stem, uses) {
        let n_units = count_units(uses.iter().map(|it| it.1));
        match word.filter(|_| n_units >= MIN_EXACT_UNITS) {
            Some(word) => scopes.push(Scope {
                pattern: format!("{} {} *", stem.pattern, literal(&word)),
                uses: uses.iter().map(|it| it.0).collect(),
            }),
            None => scopes.extend(exact(&uses)),
        }
    }
    scopes
}

fn by_next_word<'a>(
    stem: &Stem,
    uses: &[(usize, &'a Use)],
) -> BTreeMap<Option<String>, Vec<(usize, &'a Use)>> {
    let mut parts: BTreeMap<Option<String>, Vec<(usize, &Use)>> = BTreeMap::new();
    for &(idx, seen) in uses {
        parts.entry(next_word(stem, &seen.line)).or_default().push((idx, seen));
    }
    parts
}

/// The widest scope under a stem.
pub(super) fn whole(stem: &Stem, uses: &[(usize, &Use)]) -> Scope {
    let uses = uses.iter().map(|it| it.0).collect();
    Scope { pattern: wide(stem), uses }
}

/// The forms of a stem that are in use, and that a guard behind would stop: the stem with the option
/// that follows. Text for people comes first, whatever the guards say.
pub(super) fn forms(stem: &Stem, uses: &[(usize, &Use)], stopped: &[Stopped]) -> Vec<Scope> {
    let is_of_stem = |text: &&&str| text.starts_with(&format!("{} ", stem.pattern));
    let mut scopes: Vec<Scope> = Vec::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    for text in prose().iter().filter(is_of_stem) {
        let pattern = Pattern::new(text);
        let of_it = uses.iter().filter(|(_, seen)| pattern.matches(&seen.line));
        let of_it: Vec<(usize, &Use)> = of_it.copied().collect();
        if count_units(of_it.iter().map(|it| it.1)) >= MIN_FORM_UNITS {
            taken.extend(of_it.iter().map(|it| it.0));
            scopes.push(Scope {
                pattern: (*text).to_owned(),
                uses: of_it.iter().map(|it| it.0).collect(),
            });
        }
    }
    let mut by_word: BTreeMap<String, Vec<(usize, &Use)>> = BTreeMap::new();
    for &(idx, seen) in uses.iter().filter(|(idx, _)| !taken.contains(idx)) {
        let is_behind = stopped.get(idx) == Some(&Stopped::Behind);
        let word = next_word(stem, &seen.line).filter(|_| is_behind);
        if let Some(word) = word {
            by_word.entry(word).or_default().push((idx, seen));
        }
    }
    let counted = by_word
        .into_iter()
        .map(|(word, uses)| (count_units(uses.iter().map(|it| it.1)), word, uses));
    let mut often: Vec<_> = counted.filter(|(n_units, ..)| *n_units >= MIN_FORM_UNITS).collect();
    often.sort_by_key(|(n_units, word, _)| (Reverse(*n_units), word.clone()));
    scopes.extend(often.into_iter().take(MAX_FORMS).map(|(_, word, uses)| Scope {
        pattern: format!("{} {} *", stem.pattern, literal(&word)),
        uses: uses.iter().map(|it| it.0).collect(),
    }));
    scopes
}

/// A scope a line, for those seen often enough, at most [`MAX_EXACT`]; most units first.
pub(super) fn exact(uses: &[(usize, &Use)]) -> Vec<Scope> {
    let often = uses.iter().filter(|(_, seen)| seen.support.n_units() >= MIN_EXACT_UNITS);
    let mut often: Vec<&(usize, &Use)> = often.collect();
    often.sort_by_key(|(idx, seen)| (Reverse(seen.support.n_units()), *idx));
    let first = often.into_iter().take(MAX_EXACT);
    first.map(|(idx, seen)| Scope { pattern: literal(&seen.line), uses: vec![*idx] }).collect()
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
