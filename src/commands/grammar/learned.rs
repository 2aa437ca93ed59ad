//! Subcommands of binaries that nobody described, learned from how they are called.
use std::collections::BTreeMap;

/// What the words of one log say about binaries without a tree.
///
/// The same commands in any order give the same value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    binaries: BTreeMap<String, Words>,
}

/// The subcommands known at one place of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    below: BTreeMap<String, Words>,
}

/// How often each first operand was seen at one place.
#[derive(Clone, Debug, Default)]
struct Counts {
    /// Calls that come this far and go on.
    n_calls: u32,
    /// Of these, the next word is one that could be a subcommand.
    n_words: u32,
    /// Of these, the next word is an operand that could not.
    n_others: u32,
    below: BTreeMap<String, Counts>,
    /// More distinct words than any tool has subcommands.
    is_full: bool,
}

/// Levels of subcommands that are looked for.
const MAX_DEPTH: usize = 3;
/// Distinct words at one place above which it takes free text, whatever the counts.
const MAX_WORDS: usize = 96;
/// Distinct words that need no repetition: a short log of a tool shows each of its verbs once.
const N_FREE_WORDS: u32 = 8;

impl Learned {
    /// Learns from argument vectors of simple commands; those of known binaries are passed over.
    pub fn new<'a>(commands: impl IntoIterator<Item = &'a [String]>) -> Self {
        let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
        let mut options_first: Vec<(&str, &[String])> = Vec::new();
        for argv in commands {
            let Some((binary, rest)) = argv.split_first() else { continue };
            let name = crate::commands::base_name(binary);
            if rest.is_empty() || super::is_described(name) {
                continue;
            }
            if rest.first().is_some_and(|it| it.starts_with('-')) {
                options_first.push((name, rest));
            } else {
                counts.entry(name).or_default().add(rest, 0);
            }
        }
        // Behind options stand values, too: only a word that was seen without them counts.
        for (name, rest) in options_first {
            let counts = counts.entry(name).or_default();
            let at = rest.iter().position(|word| counts.below.contains_key(word));
            counts.add(at.and_then(|at| rest.get(at..)).unwrap_or(rest), 0);
        }
        let kept =
            counts.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it.words(0)?)));
        Self { binaries: kept.collect() }
    }

    pub(super) fn binary(&self, name: &str) -> Option<&Words> {
        self.binaries.get(name)
    }
}

impl Words {
    pub(super) fn child(&self, word: &str) -> Option<&Self> {
        self.below.get(word)
    }
}

impl Counts {
    fn add(&mut self, rest: &[String], depth: usize) {
        let Some((word, rest)) = rest.split_first() else { return };
        self.n_calls = self.n_calls.saturating_add(1);
        if word.starts_with('-') {
            return;
        }
        if !is_word(word, depth) {
            self.n_others = self.n_others.saturating_add(1);
            return;
        }
        self.n_words = self.n_words.saturating_add(1);
        if self.is_full {
            return;
        }
        if self.below.len() >= MAX_WORDS && !self.below.contains_key(word) {
            self.is_full = true;
            self.below.clear();
            return;
        }
        let below = self.below.entry(word.clone()).or_default();
        if depth + 1 < MAX_DEPTH {
            below.add(rest, depth + 1);
        }
    }

    /// The subcommands at this place, `None` where it takes operands.
    ///
    /// # Source
    /// Measured on published command examples: of tools with subcommands, nearly every call has one
    /// as its first word; of tools without, few calls have a plain word there.
    fn words(self, depth: usize) -> Option<Words> {
        let n_distinct = u32::try_from(self.below.len()).unwrap_or(u32::MAX);
        let (min_calls, min_distinct, min_percent) =
            if depth == 0 { (2, 1, 60) } else { (3, 2, 80) };
        let is_verb = !self.is_full
            && self.n_calls >= min_calls
            && n_distinct >= min_distinct
            && u64::from(self.n_words) * 100 >= u64::from(self.n_calls) * min_percent
            && u64::from(self.n_others) * 4 <= u64::from(self.n_words)
            && n_distinct <= N_FREE_WORDS.max(self.n_words / 2);
        if !is_verb {
            return None;
        }
        let below = self.below.into_iter();
        let below = below.map(|(word, it)| (word, it.words(depth + 1).unwrap_or_default()));
        Some(Words { below: below.collect() })
    }
}

/// Whether a word could name a subcommand: letters first, no path, no sentence; below the first
/// level no digits either, which there are mostly in ids.
pub(super) fn is_word(text: &str, depth: usize) -> bool {
    let starts = text.starts_with(|ch: char| ch.is_ascii_alphabetic());
    let plain = |ch: char| {
        ch.is_ascii_alphabetic() || "-_:".contains(ch) || (depth == 0 && ch.is_ascii_digit())
    };
    starts && text.len() <= 32 && text.chars().all(plain) && !text.ends_with(['-', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    fn learned(lines: &[&str]) -> Learned {
        let commands: Vec<_> = lines.iter().filter_map(|line| split(line)).collect();
        Learned::new(commands.iter().map(Vec::as_slice))
    }

    #[test]
    fn few_words_in_first_place_are_subcommands() {
        let res = learned(&["zqx show ab-12", "zqx show cd-3", "zqx list", "zqx list --all"]);
        let binary = res.binary("zqx").unwrap();
        assert!(binary.child("show").is_some_and(|it| it.child("ab-12").is_none()));
        assert!(binary.child("list").is_some());
    }

    #[test]
    fn paths_and_lone_calls_are_not() {
        for lines in [
            &["zqx a.txt", "zqx ./b", "zqx word"][..],
            &["zqx show"],
            &["zqx --flag word", "zqx --flag other", "zqx -v"],
        ] {
            assert_eq!(learned(lines), Learned::default());
        }
    }

    #[test]
    fn options_before_a_known_word_do_not_hide_it() {
        let lines = ["zqx show", "zqx --db f show", "zqx --db g list", "zqx list", "zqx -q show"];
        let res = learned(&lines);
        assert!(res.binary("zqx").is_some_and(|it| it.child("list").is_some()));
        let argv = split("zqx --db f show x").unwrap();
        assert_eq!(super::super::parse_with(&argv, &res).subcommand, ["show"]);
    }

    #[test]
    fn more_words_than_any_tool_has_are_free_text() {
        let lines: Vec<String> = (0..200)
            .map(|n: u8| {
                format!(
                    "zqx w{}",
                    char::from(b'a' + n % 26).to_string().repeat(1 + usize::from(n / 26))
                )
            })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(learned(&lines), Learned::default());
    }

    #[test]
    fn order_does_not_matter() {
        let mut lines =
            vec!["zqx a", "zqx b x", "zqx b y", "zqx c", "zqx ./p", "zqx b y -v", "yy t"];
        let first = learned(&lines);
        lines.reverse();
        assert_eq!(learned(&lines), first);
        lines.rotate_left(3);
        assert_eq!(learned(&lines), first);
    }
}
