//! Many lines as one text: what patterns ask for is looked for in all of them at once.
//!
//! A line on its own is somewhere in memory, and to look into each is to wait for it; a role of a
//! thousand patterns does so for hundreds of millions.
use std::ops::Range;

use memchr::memmem::Finder;

/// Lines, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
    /// Where each line begins, and where the last one ends.
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn new<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let (mut text, mut starts) = (String::new(), vec![0]);
        for line in lines {
            text.push_str(line);
            starts.push(text.len());
        }
        Self { text, starts }
    }

    fn get(&self, idx: usize) -> &str {
        let start = self.starts.get(idx).copied().unwrap_or_default();
        let end = self.starts.get(idx + 1).copied().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    /// Those of some lines that hold a text, in order.
    pub(super) fn holding(&self, needle: &str, range: Range<usize>) -> impl Iterator<Item = usize> {
        let finder = Finder::new(needle);
        let Range { start: mut next, end } = range;
        let to = self.starts.get(end).copied().unwrap_or_default();
        std::iter::from_fn(move || {
            while next < end {
                let from = *self.starts.get(next)?;
                let found = from + finder.find(self.text.as_bytes().get(from..to)?)?;
                // Where it begins; a text that reaches into the next line is in neither.
                let idx = match needle {
                    "" => next,
                    _ => self.starts.partition_point(|it| *it <= found) - 1,
                };
                next = idx + 1;
                if self.get(idx).contains(needle) {
                    return Some(idx);
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_that_hold_a_text_are_those_that_contain_it(
            lines in prop::collection::vec("[abé ]{0,6}", 0..12),
            needle in "[abé ]{0,3}",
            range in (0_usize..12, 0_usize..12),
        ) {
            let held = Lines::new(lines.iter().map(String::as_str));
            let range = range.0.min(lines.len())..range.1.min(lines.len());
            let wanted = range.clone().filter(|idx| lines[*idx].contains(&needle));
            prop_assert_eq!(
                held.holding(&needle, range.clone()).collect::<Vec<_>>(),
                wanted.collect::<Vec<_>>()
            );
        }
    }
}
