//! How much of a role's activity one analysis takes: its newest days, as many as there is room for.
//!
//! Who steers agents chooses how many different commands they run. Memory and time of an analysis
//! grow with these, and have to be bounded whatever they are.
use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::events::Day;

/// What an analysis has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Words of distinct simple commands and of calls of MCP tools, three more for each.
    pub n_words: usize,
    /// Distinct beginnings of them: binary and subcommands, as far as grammars and plain words tell, or
    /// server and tool.
    pub n_heads: usize,
}

/// What a command takes besides its words, in words.
const WORDS_BESIDE: usize = 3;

impl Default for Room {
    /// # Source
    /// Measured on two cores: so much stays within 1 GiB and half a minute, whether commands differ
    /// in their binaries, subcommands, options or arguments. Two real roles have 4.2 words to a
    /// command, and a head for each 19 and 25 distinct commands.
    fn default() -> Self {
        Self { n_words: 4_000_000, n_heads: 120_000 }
    }
}

/// A command or call, and the newest day on which it was seen.
#[derive(Clone, Debug)]
pub(super) struct Dated<'a> {
    /// What rules may be about: the stem by the grammars that are known, and a plain word behind the
    /// binary, which may turn out to be a subcommand; or server and tool.
    pub(super) head: (Cow<'a, str>, &'a str),
    pub(super) n_words: usize,
    pub(super) day: Day,
}

impl Room {
    /// The first day from which on there is room for all that was seen, and that is later than
    /// `after`, the newest day of what was not looked at yet; `None` where there is room for everything.
    pub(super) fn since(self, seen: &[Dated<'_>], after: Option<Day>) -> Option<Day> {
        let mut heads: Vec<_> = seen.iter().map(|it| (&it.head, Reverse(it.day))).collect();
        heads.sort_unstable();
        heads.dedup_by_key(|(head, _)| *head);
        let words = seen.iter().map(|it| (it.day, WORDS_BESIDE + it.n_words));
        let full = [
            first_without_room(words.collect(), self.n_words),
            first_without_room(heads.into_iter().map(|it| (it.1.0, 1)).collect(), self.n_heads),
            after,
        ];
        full.into_iter().flatten().max().map(Day::next)
    }
}

/// How full a room is while commands come, some of them more than once.
#[derive(Debug)]
pub(super) struct Filling {
    room: Room,
    /// Words of all that came, [`WORDS_BESIDE`] more for each.
    n_words: usize,
    /// What may come before it is worth while to look what came more than once.
    look_at: usize,
    /// Hashes of the distinct heads.
    heads: BTreeSet<u64>,
}

impl Filling {
    pub(super) const fn new(room: Room) -> Self {
        Self { room, n_words: 0, look_at: room.n_words, heads: BTreeSet::new() }
    }

    pub(super) fn add(&mut self, seen: &[Dated<'_>]) {
        self.n_words += seen.iter().map(|it| WORDS_BESIDE + it.n_words).sum::<usize>();
        self.heads.extend(seen.iter().map(|it| {
            let mut hasher = DefaultHasher::new();
            it.head.hash(&mut hasher);
            hasher.finish()
        }));
    }

    /// Whether there may be no more room.
    pub(super) fn is_full(&self, is_last: bool) -> bool {
        let n_words = if is_last { self.room.n_words } else { self.look_at };
        self.n_words > n_words || self.heads.len() > self.room.n_heads
    }

    /// Notes that what came is this, each once.
    pub(super) fn put_together(&mut self, seen: &[Dated<'_>]) {
        self.n_words = seen.iter().map(|it| WORDS_BESIDE + it.n_words).sum();
        self.look_at = self.n_words + self.room.n_words / 2;
    }
}

/// The newest day on which there is no room any more, where each entry takes so much.
fn first_without_room(mut entries: Vec<(Day, usize)>, mut room: usize) -> Option<Day> {
    entries.sort_unstable_by_key(|it| Reverse(*it));
    let mut is_full = |it: &(Day, usize)| {
        let left = room.checked_sub(it.1);
        room = left.unwrap_or(0);
        left.is_none()
    };
    entries.iter().find(|it| is_full(it)).map(|it| it.0)
}

/// What follows the binary where a rule may be about it: a plain word.
pub(super) fn plain(word: &str) -> &str {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_:".contains(&byte);
    let begins = word.bytes().next().is_some_and(|it| it.is_ascii_lowercase());
    if begins && word.bytes().all(is_plain) { word } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_days_have_room_and_a_day_is_taken_whole_or_not_at_all() {
        let seen = [
            ("a", "x", 3, 5),
            ("a", "x", 3, 5),
            ("b", "", 1, 4),
            ("c", "", 1, 4),
            ("d", "", 1, 3),
            ("a", "x", 5, 2),
        ];
        let seen = seen.map(|(binary, word, n_words, day)| Dated {
            head: (binary.into(), word),
            n_words,
            day: Day(day),
        });
        // Words: 12 on the fifth day, 8 on the fourth, 4 on the third, 8 on the second.
        for (n_words, n_heads, after, since) in [
            (32, 4, None, None),
            (31, 4, None, Some(3)),
            (24, 4, None, Some(3)),
            (23, 4, None, Some(4)),
            (19, 4, None, Some(5)),
            (12, 4, None, Some(5)),
            (11, 4, None, Some(6)),
            // `a x` is one head, and as new as its newest command.
            (32, 3, None, Some(4)),
            (32, 2, None, Some(5)),
            (32, 0, None, Some(6)),
            (32, 4, Some(1), Some(2)),
            (23, 4, Some(1), Some(4)),
        ] {
            let room = Room { n_words, n_heads };
            assert_eq!(room.since(&seen, after.map(Day)), since.map(Day), "{room:?} {after:?}");
        }
    }

    #[test]
    fn words_that_a_rule_may_be_about_are_plain() {
        for word in ["status", "run-script", "test:unit", "s3", "a_b"] {
            assert_eq!(plain(word), word);
        }
        for word in ["", "-m", "--all", "/tmp", "a.txt", "README", "9", "x=1", "é"] {
            assert_eq!(plain(word), "", "{word}");
        }
    }
}
