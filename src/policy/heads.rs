//! Many patterns by what their lines begin with, so that few of them have to be compared with another one.
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use super::Pattern;

/// Patterns with their values, by their heads.
///
/// All lines of a pattern begin with its head, and with nothing longer. So a pattern can hold another one
/// only where its head begins that of the other.
#[derive(Clone, Debug)]
pub struct Heads<T> {
    by_head: BTreeMap<String, Vec<(Pattern, T)>>,
    /// How long heads are, in bytes.
    lengths: BTreeSet<usize>,
}

impl<T> Default for Heads<T> {
    fn default() -> Self {
        Self { by_head: BTreeMap::new(), lengths: BTreeSet::new() }
    }
}

impl<T> Heads<T> {
    /// Adds a value under its pattern.
    pub fn add(&mut self, pattern: Pattern, value: T) {
        let head = pattern.head().to_owned();
        self.lengths.insert(head.len());
        self.by_head.entry(head).or_default().push((pattern, value));
    }

    /// The patterns that may hold `pattern`, those with the shortest heads first.
    pub fn around<'a>(&'a self, pattern: &'a Pattern) -> impl Iterator<Item = &'a (Pattern, T)> {
        let head = pattern.head();
        let heads = self.lengths.range(..=head.len()).filter_map(|&n_bytes| head.get(..n_bytes));
        heads.filter_map(|head| self.by_head.get(head)).flatten()
    }

    /// The patterns that `pattern` may hold, by their heads.
    pub fn within<'a>(&'a self, pattern: &'a Pattern) -> impl Iterator<Item = &'a (Pattern, T)> {
        let head = pattern.head();
        let from = (Bound::Included(head), Bound::Unbounded);
        let from = self.by_head.range::<str, _>(from);
        from.take_while(move |(it, _)| it.starts_with(head)).flat_map(|(_, patterns)| patterns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::includes;

    #[test]
    fn heads_are_what_all_lines_begin_with() {
        for (pattern, head) in [
            ("git status", "git status"),
            ("git status *", "git status"),
            ("git status*", "git status"),
            ("git status **", "git status "),
            ("git * status *", "git "),
            (r"ls \*", "ls *"),
            ("*", ""),
            (" *", ""),
            ("é *", "é"),
        ] {
            assert_eq!(Pattern::new(pattern).head(), head, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_is_passed_over_that_holds_another(
            texts in prop::collection::vec("[abé *]{0,5}", 1..12),
        ) {
            let patterns: Vec<Pattern> = texts.iter().map(|it| Pattern::new(it)).collect();
            let mut heads = Heads::default();
            for (idx, pattern) in patterns.iter().enumerate() {
                heads.add(pattern.clone(), idx);
            }
            for inner in &patterns {
                let around: BTreeSet<usize> = heads.around(inner).map(|it| it.1).collect();
                let within: BTreeSet<usize> = heads.within(inner).map(|it| it.1).collect();
                for (idx, other) in patterns.iter().enumerate() {
                    prop_assert!(!includes(other, inner) || around.contains(&idx), "{texts:?}");
                    prop_assert!(!includes(inner, other) || within.contains(&idx), "{texts:?}");
                }
            }
        }
    }
}
