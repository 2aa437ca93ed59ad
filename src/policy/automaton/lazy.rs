//! The automaton that decides: states made when a line first reaches them, kept within a bound.
use std::{
    collections::BTreeMap,
    sync::{Mutex, TryLockError},
};

use super::super::pattern::Pattern;
use super::globs::{Globs, Place};

/// Most memory for made states, in bytes; a role of 300 rules over a week of activity needs 2 MiB.
const MAX_CACHE_BYTES: usize = 16 << 20;

/// A full cache whose states served fewer bytes than this on average is of no use.
const MIN_BYTES_PER_STATE: u64 = 8;

/// So many lines are then read without one, before it is tried again.
const UNCACHED_LINES: u32 = 10_000;

/// A step that has not been made yet.
const UNKNOWN: u32 = u32::MAX;

/// Marks the number of a state that no byte leads out of.
const FINAL: u32 = 1 << 31;

/// What is wanted of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first pattern that matches: those behind one that matches whatever follows are dropped.
    First,
    /// Every pattern that matches.
    All,
}

/// Patterns in their order, as one deterministic automaton over the bytes of a line.
///
/// A state is the set of places at which the patterns stand. States and steps are made when a line
/// first needs them, and kept: a line costs one look-up a byte. When the states take more than 16 MiB
/// they are thrown away and made anew; where they hardly served, 10,000 lines are read without
/// keeping any, each pattern that is still alive stepped on its own.
#[derive(Debug)]
pub struct Automaton {
    globs: Globs,
    keep: Keep,
    /// The class of each byte: 0 where no pattern names it.
    classes: Vec<u8>,
    n_classes: usize,
    max_bytes: usize,
    cache: Mutex<Cache>,
}

/// The states made so far.
#[derive(Debug, Default)]
struct Cache {
    /// `n_classes` steps a state.
    steps: Vec<u32>,
    sets: Vec<Box<[Place]>>,
    /// The patterns that match where a line ends in the state.
    matches: Vec<Box<[u32]>>,
    ids: BTreeMap<Box<[Place]>, u32>,
    n_bytes: usize,
    /// Bytes of lines that were read since it was last emptied.
    n_served: u64,
    /// Lines that are still to be read without it.
    n_paused: u32,
}

impl Automaton {
    /// Compiles patterns; their numbers are their places in the slice.
    pub fn new(patterns: &[Pattern], keep: Keep) -> Self {
        Self::bounded(patterns, keep, MAX_CACHE_BYTES)
    }

    fn bounded(patterns: &[Pattern], keep: Keep, max_bytes: usize) -> Self {
        let globs = Globs::new(patterns);
        let mut n_classes = 1_usize;
        let mut classes = vec![0_u8; 256];
        for (byte, class) in (0_u8..=255).zip(&mut classes) {
            // Where all 256 bytes are named, the last one is alone in class 0.
            if let Ok(next) = u8::try_from(n_classes)
                && globs.names(byte)
            {
                *class = next;
                n_classes += 1;
            }
        }
        Self { globs, keep, classes, n_classes, max_bytes, cache: Mutex::default() }
    }

    /// The first pattern that matches a line.
    pub fn first(&self, line: &str) -> Option<usize> {
        self.with_matches(line, |found| found.first().map(|&idx| idx as usize))
    }

    /// The patterns that match a line, in order; with [`Keep::First`] no more than one.
    pub fn all(&self, line: &str) -> Vec<usize> {
        self.with_matches(line, |found| found.iter().map(|&idx| idx as usize).collect())
    }

    fn with_matches<T>(&self, line: &str, take: impl FnOnce(&[u32]) -> T) -> T {
        let mut cache = match self.cache.try_lock() {
            Ok(cache) => cache,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread reads a line: this one goes without what is kept.
            Err(TryLockError::WouldBlock) => return take(&self.walk(line)),
        };
        if cache.n_paused > 0 {
            cache.n_paused -= 1;
            drop(cache);
            return take(&self.walk(line));
        }
        match self.run(&mut cache, line) {
            Some(state) => take(cache.matches.get(state).map_or(&[], |it| it)),
            None => take(&self.walk(line)),
        }
    }

    /// The state a line ends in; `None` where the cache turned out to be of no use.
    fn run(&self, cache: &mut Cache, line: &str) -> Option<usize> {
        if cache.sets.is_empty() {
            self.state(cache, self.start());
        }
        cache.n_served += line.len() as u64;
        let mut state = 0_usize;
        for byte in line.bytes() {
            let class = self.classes.get(usize::from(byte)).copied().map_or(0, usize::from);
            let mut to = cache.steps.get(state * self.n_classes + class).copied()?;
            if to == UNKNOWN {
                let set = cache.sets.get(state)?;
                let next = self.step(set, byte);
                if cache.n_bytes > self.max_bytes {
                    let is_useless = cache.n_served < cache.sets.len() as u64 * MIN_BYTES_PER_STATE;
                    let n_paused = if is_useless { UNCACHED_LINES } else { 0 };
                    *cache = Cache { n_paused, ..Cache::default() };
                    if is_useless {
                        return None;
                    }
                    self.state(cache, self.start());
                    to = self.state(cache, next);
                } else {
                    to = self.state(cache, next);
                    *cache.steps.get_mut(state * self.n_classes + class)? = to;
                }
            }
            state = (to & !FINAL) as usize;
            if to & FINAL != 0 {
                break;
            }
        }
        Some(state)
    }

    /// The number of a set of places, marked where no byte leads out of it.
    fn state(&self, cache: &mut Cache, set: Vec<Place>) -> u32 {
        if let Some(&id) = cache.ids.get(set.as_slice()) {
            return id;
        }
        let is_final = set.iter().all(|&place| self.globs.is_open(place));
        let number = u32::try_from(cache.sets.len()).unwrap_or(0);
        let id = if is_final { number | FINAL } else { number };
        cache.n_bytes += (self.n_classes + 2 * set.len()) * size_of::<u32>() + 160;
        cache.steps.resize(cache.steps.len() + self.n_classes, UNKNOWN);
        cache.matches.push(self.matches(&set).into());
        cache.ids.insert(set.clone().into(), id);
        cache.sets.push(set.into());
        id
    }

    /// Reads a line without keeping anything.
    fn walk(&self, line: &str) -> Vec<u32> {
        let mut set = self.start();
        for byte in line.bytes() {
            if set.iter().all(|&place| self.globs.is_open(place)) {
                break;
            }
            set = self.step(&set, byte);
        }
        self.matches(&set)
    }

    fn start(&self) -> Vec<Place> {
        let starts = (0..self.globs.len()).filter_map(|idx| self.globs.start(idx));
        self.pruned(starts)
    }

    fn step(&self, set: &[Place], byte: u8) -> Vec<Place> {
        self.pruned(set.iter().filter_map(|&place| self.globs.step(place, byte)))
    }

    /// The places up to the first that settles what is wanted.
    fn pruned(&self, places: impl Iterator<Item = Place>) -> Vec<Place> {
        let mut set = Vec::new();
        for place in places {
            set.push(place);
            if self.keep == Keep::First && self.globs.is_open(place) {
                break;
            }
        }
        set
    }

    fn matches(&self, set: &[Place]) -> Vec<u32> {
        let accepting = set.iter().filter(|&&place| self.globs.accepts(place));
        let owners = accepting.filter_map(|&place| u32::try_from(self.globs.owner(place)).ok());
        match self.keep {
            Keep::First => owners.take(1).collect(),
            Keep::All => owners.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn the_automaton_finds_what_matching_one_by_one_finds(
            patterns in prop::collection::vec(r"[ab *\\]{0,6}", 0..8),
            lines in prop::collection::vec(r"[ab *é]{0,10}", 1..20),
            // A cache for all there is, for a few states, and for none.
            max_bytes in prop::sample::select(vec![MAX_CACHE_BYTES, 2_000, 0]),
        ) {
            let patterns: Vec<Pattern> = patterns.iter().map(|it| Pattern::new(it)).collect();
            let first = Automaton::bounded(&patterns, Keep::First, max_bytes);
            let all = Automaton::bounded(&patterns, Keep::All, max_bytes);
            for line in lines.iter().chain(&lines) {
                let matching = patterns.iter().enumerate().filter(|(_, it)| it.matches(line));
                let want: Vec<usize> = matching.map(|(idx, _)| idx).collect();
                prop_assert_eq!(first.first(line), want.first().copied(), "{}", line);
                prop_assert_eq!(all.all(line), want, "{}", line);
            }
        }
    }

    #[test]
    fn a_cache_that_does_not_serve_is_set_aside_and_tried_again() {
        let patterns: Vec<Pattern> = ["*a*b", "*b*c", "*c*a"].map(Pattern::new).into();
        let automaton = Automaton::bounded(&patterns, Keep::All, 0);
        assert_eq!(automaton.all("abc"), [1]);
        assert_eq!(automaton.cache.lock().unwrap().n_paused, UNCACHED_LINES);
        for _ in 0..UNCACHED_LINES {
            assert_eq!(automaton.all("xaxb"), [0]);
        }
        assert_eq!(automaton.cache.lock().unwrap().n_paused, 0);
        assert_eq!(automaton.all("ca"), [2]);
    }

    #[test]
    fn memory_stays_within_its_bound() {
        let texts: Vec<String> = (0..40).map(|n| format!("*{n}*x{n}*")).collect();
        let patterns: Vec<Pattern> = texts.iter().map(|it| Pattern::new(it)).collect();
        let automaton = Automaton::bounded(&patterns, Keep::All, 200_000);
        for n in 0..3_000_u32 {
            let line = format!("{} x{} {} x{}", n % 37, n % 40, n % 31, n % 29);
            let want: Vec<usize> = (0..40).filter(|&idx| patterns[idx].matches(&line)).collect();
            assert_eq!(automaton.all(&line), want, "{line}");
            assert!(automaton.cache.lock().unwrap().n_bytes < 210_000);
        }
    }
}
