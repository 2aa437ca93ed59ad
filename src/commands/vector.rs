//! An argument vector on its way to a command: its words, which of them are known, what it reads.
use std::{ops::Range, sync::Arc};

/// An argument vector on its way to a command.
#[derive(Clone, Debug, Default)]
pub(super) struct Vector {
    pub(super) argv: Vec<String>,
    /// Words with a part that is not known; it stands in the text as it was written.
    pub(super) unknown: Places,
    pub(super) open: Open,
    pub(super) stdin: Stdin,
}

/// What a command reads from its standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stdin {
    /// What the event's own command reads.
    #[default]
    Inherited,
    /// This text, of a heredoc, a here-string, or an `echo` in front of it in the pipeline.
    Text(Arc<str>),
    /// The same with parts that are not known, which stand as they were written.
    Template(Arc<str>),
    /// What is in a file.
    File,
    /// Another program's output.
    Computed,
}

impl Stdin {
    /// The text, as far as it stands in the script.
    pub fn text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(text) | Self::Template(text) => Some(text),
            Self::Inherited | Self::File | Self::Computed => None,
        }
    }
}

/// Words that may turn out to be others than they look: what is not known of them is decided as they run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Open {
    /// Those that begin with what is not known: they may be options.
    pub begins: Places,
    /// Those that a shell may split: more words may follow, options among them.
    pub splits: Places,
}

/// Places in a vector, as a set; all from the 64th on are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Places(u64);

impl Vector {
    /// A vector of known words.
    pub(super) fn literal(argv: Vec<String>) -> Self {
        Self { argv, ..Self::default() }
    }

    /// Adds a word.
    pub(super) fn push(&mut self, word: String, is_unknown: bool) {
        if is_unknown {
            self.unknown.add(self.argv.len());
        }
        self.argv.push(word);
    }

    /// Notes of the last word that it may be an option, or more than one word.
    pub(super) fn note_open(&mut self, begins: bool, splits: bool) {
        let at = self.argv.len().saturating_sub(1);
        if begins {
            self.open.begins.add(at);
        }
        if splits {
            self.open.splits.add(at);
        }
    }

    /// The words at some places, as a vector with the same input.
    pub(super) fn part(&self, places: &Range<usize>) -> Self {
        Self {
            argv: self.argv.get(places.clone()).unwrap_or_default().to_vec(),
            unknown: self.unknown.from(places.start),
            open: Open {
                begins: self.open.begins.from(places.start),
                splits: self.open.splits.from(places.start),
            },
            stdin: self.stdin.clone(),
        }
    }

    /// The words at some places, joined by blanks; whether all of it is known.
    pub(super) fn joined(&self, places: &Range<usize>) -> (String, bool) {
        let is_known = !places.clone().any(|at| self.unknown.has(at));
        (self.argv.get(places.clone()).unwrap_or_default().join(" "), is_known)
    }
}

impl Open {
    /// All words.
    pub(super) const ALL: Self = Self { begins: Places::ALL, splits: Places::ALL };

    /// Whether no word may be more than it looks.
    pub const fn is_empty(self) -> bool {
        self.begins.is_empty() && self.splits.is_empty()
    }
}

impl Places {
    const LAST: usize = 63;

    /// Every place.
    pub(super) const ALL: Self = Self(u64::MAX);

    fn add(&mut self, at: usize) {
        self.0 |= 1 << at.min(Self::LAST);
    }

    /// Whether a place is one of them.
    pub const fn has(self, at: usize) -> bool {
        self.0 >> if at < Self::LAST { at } else { Self::LAST } & 1 == 1
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The same places counted from another one.
    fn from(self, start: usize) -> Self {
        let start = start.min(Self::LAST);
        // What is told no further apart stays so, wherever it comes to lie.
        let rest = self.0 >> start;
        let is_tail = start > 0 && self.has(Self::LAST);
        Self(if is_tail { rest | u64::MAX << (Self::LAST - start) } else { rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_places_move_with_their_words() {
        let mut vector = Vector::default();
        for at in 0..80 {
            vector.push(at.to_string(), [0, 2, 5, 70].contains(&at));
        }
        let part = vector.part(&(2..79));
        assert_eq!(part.argv[0], "2");
        let unknown: Vec<usize> = (0..30).filter(|at| part.unknown.has(*at)).collect();
        assert_eq!(unknown, [0, 3]);
        assert!((61..77).all(|at| part.unknown.has(at)), "never known by mistake");
        assert!(vector.part(&(70..71)).unknown.has(0));
        assert!(Vector::literal(vec!["a".to_owned()]).unknown.is_empty() && Places::ALL.has(9));
        assert_eq!(vector.joined(&(3..5)), ("3 4".to_owned(), true));
        assert!(!vector.joined(&(4..6)).1);
    }
}
