//! One pass over an argument vector, from node to node of a tree.
use std::borrow::Cow;

use super::{
    Argument, ArgumentKind, EXTRA, FIG, Flag, FlagValue, Join, Learned, Parsed,
    learned::{Words, is_word},
    tree::{ANYWHERE, Arity, Record, Tree},
};
use crate::{commands::base_name, events::MARKER_OPEN};

pub(super) fn walk<'a>(argv: &'a [String], learned: &Learned) -> Parsed<'a> {
    let binary = base_name(argv.first().map_or("", String::as_str));
    let place = Place::binary(binary, learned);
    let is_known = place.trees.iter().any(Option::is_some);
    let parsed = Parsed { subcommand: Vec::new(), arguments: Vec::new(), is_known };
    let mut walk = Walk { argv, at: 1, place, stage: Stage::Path, parsed };
    while let Some(word) = walk.word(0) {
        walk.step(word);
    }
    walk.parsed
}

/// Where we are in what is known.
struct Place<'l> {
    /// By hand, generated; the first that says something is believed.
    trees: [Option<(&'static Tree, u32)>; 2],
    /// Levels of subcommands below that nobody listed.
    n_unlisted: usize,
    learned: Option<&'l Words>,
}

/// How far along the vector is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The next operand may be a subcommand.
    Path,
    /// Options and operands.
    Arguments,
    /// Operands only: after `--`, or arguments of another program.
    Rest,
}

struct Walk<'a, 'l> {
    argv: &'a [String],
    at: usize,
    place: Place<'l>,
    stage: Stage,
    parsed: Parsed<'a>,
}

impl<'l> Place<'l> {
    fn new(trees: [Option<(&'static Tree, u32)>; 2], learned: Option<&'l Words>) -> Self {
        let marks = trees.iter().flatten().map(|(tree, node)| tree.marks(*node));
        let n_unlisted = marks.map(|it| it.matches('~').count()).max().unwrap_or(0);
        Self { trees, n_unlisted, learned }
    }

    fn binary(name: &str, learned: &'l Learned) -> Self {
        let extra = EXTRA.tree(name);
        let is_all = extra.is_some_and(|it| it.marks(0).contains('!'));
        let fig = if is_all { None } else { FIG.tree(name) };
        Self::new([extra.map(|it| (it, 0)), fig.map(|it| (it, 0))], learned.binary(name))
    }

    fn known(&self) -> impl Iterator<Item = (&'static Tree, u32)> {
        self.trees.into_iter().flatten()
    }

    fn child(&self, word: &str) -> Option<Self> {
        let [extra, fig] = self.trees;
        let extra = extra.and_then(|(tree, node)| Some((tree, tree.child(node, word)?)));
        let is_all = extra.is_some_and(|(tree, node)| tree.marks(node).contains('!'));
        let fig = fig.filter(|_| !is_all);
        let fig = fig.and_then(|(tree, node)| Some((tree, tree.child(node, word)?)));
        let learned = self.learned.and_then(|it| it.child(word));
        let is_some = extra.is_some() || fig.is_some() || learned.is_some();
        let mut place = is_some.then(|| Self::new([extra, fig], learned))?;
        if extra.is_none() {
            // What the hand says of unlisted words below it holds for words the package lists.
            let inherited = self.n_unlisted.saturating_sub(1);
            place.n_unlisted = place.n_unlisted.max(inherited);
        }
        Some(place)
    }

    /// The place below a word that is a subcommand, though nobody described it.
    fn unlisted(&self, word: &str) -> Option<Self> {
        let n_unlisted = self.n_unlisted.saturating_sub(1);
        // Below the first level, digits are mostly those of an id.
        let level = usize::from(self.known().all(|(_, node)| node != 0));
        let is_subcommand = (self.n_unlisted > 0 || self.is_dispatcher()) && is_word(word, level);
        let trees = self.trees.map(|it| it.map(|(tree, _)| (tree, ANYWHERE)));
        is_subcommand.then_some(Self { trees, n_unlisted, learned: None })
    }

    fn is_marked(&self, mark: char) -> bool {
        self.known().any(|(tree, node)| tree.marks(node).contains(mark))
    }

    /// Whether a word here that is not known can only be a subcommand.
    fn is_dispatcher(&self) -> bool {
        !self.is_marked('@') && self.known().any(|(tree, node)| tree.has_children(node))
    }

    fn option(&self, name: &str) -> Option<Record> {
        let own = self.known().find_map(|(tree, node)| tree.own_option(node, name));
        own.or_else(|| self.known().find_map(|(tree, _)| tree.any_option(name)))
    }
}

impl<'a> Walk<'a, '_> {
    /// The word `ahead` of where we are.
    fn word(&self, ahead: usize) -> Option<&'a str> {
        self.argv.get(self.at + ahead).map(String::as_str)
    }

    fn push(&mut self, kind: ArgumentKind<'a>) {
        self.parsed.arguments.push(Argument { at: self.at, kind });
    }

    fn step(&mut self, word: &'a str) {
        match self.stage {
            Stage::Rest => self.push(ArgumentKind::Operand(word)),
            _ if word == "--" => {
                self.push(ArgumentKind::Separator);
                self.stage = Stage::Rest;
            }
            _ if self.is_option(word) => return self.option(word),
            Stage::Path => self.path(word),
            Stage::Arguments => self.operand(word),
        }
        self.at += 1;
    }

    fn is_option(&self, word: &str) -> bool {
        match word.as_bytes() {
            [b'-', _, ..] => true,
            // A few tools have subcommands such as `+complete`.
            [b'+', _, ..] => self.stage != Stage::Path || self.place.child(word).is_none(),
            _ => false,
        }
    }

    /// A word where a subcommand may stand.
    fn path(&mut self, word: &'a str) {
        if let Some(child) = self.place.child(word) {
            self.parsed.subcommand.push(word);
            self.place = child;
        } else if self.place.is_marked('$') && is_task(word) {
            self.parsed.subcommand.push(word);
            self.stage = Stage::Arguments;
        } else if let Some(place) = self.place.unlisted(word) {
            self.parsed.subcommand.push(word);
            self.place = place;
        } else {
            self.stage = Stage::Arguments;
            self.operand(word);
        }
    }

    fn operand(&mut self, word: &'a str) {
        self.push(ArgumentKind::Operand(word));
        if self.place.is_marked('^') {
            self.stage = Stage::Rest;
        }
    }

    fn option(&mut self, word: &'a str) {
        if let Some(record) = self.place.option(word) {
            return self.known_option(Cow::Borrowed(word), record, None);
        }
        let pair = word.split_once('=');
        let pair = pair.map(|(name, text)| (name, Some(FlagValue { text, join: Join::Equals })));
        if let Some((name, value)) = pair
            && let Some(record) = self.place.option(name)
        {
            return self.known_option(Cow::Borrowed(name), record, value);
        }
        let is_dash = word.starts_with('-') && !word.starts_with("--");
        if is_dash && self.cluster(word) {
            return;
        }
        if word.starts_with('+') || self.place.is_marked('-') {
            // An operand such as `+x`, `+%Y` or the `---` of an echo.
            self.operand(word);
            self.at += 1;
            return;
        }
        match pair {
            Some((name, value)) => self.flag(Cow::Borrowed(name), Cow::Borrowed(name), value),
            None => self.unknown_option(word),
        }
    }

    /// `-rf`: several flags in one word, the last perhaps with its value. `false` where it is not.
    fn cluster(&mut self, word: &'a str) -> bool {
        let mut flags = Vec::new();
        for (at, ch) in word.char_indices().skip(1) {
            let name = format!("-{ch}");
            let Some(record) = self.place.option(&name) else { return false };
            flags.push((name, record));
            let (before, rest) = word.split_at_checked(at + ch.len_utf8()).unwrap_or((word, ""));
            if !is_flag(before) {
                return false; // Longer than any cluster that somebody means.
            }
            if record.arity != Arity::Flag && !rest.is_empty() {
                let last = flags.pop();
                self.cluster_flags(flags);
                if let Some((name, record)) = last {
                    let value = Some(FlagValue { text: rest, join: Join::Attached });
                    self.known_option(Cow::Owned(name), record, value);
                }
                return true;
            }
        }
        let Some((name, record)) = flags.pop() else { return false };
        self.cluster_flags(flags);
        self.known_option(Cow::Owned(name), record, None);
        true
    }

    fn cluster_flags(&mut self, flags: Vec<(String, Record)>) {
        for (name, record) in flags {
            let canonical = Cow::Borrowed(record.canonical);
            let flag = Flag { name: Cow::Owned(name), canonical, value: None };
            self.push(ArgumentKind::Flag(flag));
        }
    }

    fn known_option(&mut self, name: Cow<'a, str>, record: Record, value: Option<FlagValue<'a>>) {
        let next = match record.arity {
            _ if value.is_some() => None,
            Arity::Flag => None,
            Arity::Joined => self.value_before_child(),
            Arity::Value | Arity::Last => self.word(1).filter(|it| !self.is_other_option(it)),
        };
        let value = value.or_else(|| Some(FlagValue { text: next?, join: Join::Next }));
        self.flag(name, Cow::Borrowed(record.canonical), value);
        if record.arity == Arity::Last {
            self.stage = Stage::Rest;
        }
    }

    /// A word between an option and a subcommand that is still to come.
    fn value_before_child(&self) -> Option<&'a str> {
        let is_child = |it: &str| self.place.child(it).is_some();
        // `<str>...` of a shape stands for several words, so that none of them is before the child.
        let is_several = |it: &str| it.ends_with(">...");
        let is_value = |it: &&str| !it.starts_with('-') && !is_child(it) && !is_several(it);
        let next = self.word(1).filter(is_value)?;
        (self.stage == Stage::Path && self.word(2).is_some_and(is_child)).then_some(next)
    }

    /// An option that nobody described.
    fn unknown_option(&mut self, word: &'a str) {
        // `-20`, and the same in a shape, which reads as what it came from.
        let is_number = |it: &&str| *it == "<number>" || it.bytes().all(|it| it.is_ascii_digit());
        let number = word.strip_prefix('-').filter(is_number);
        if let Some(text) = number {
            let value = Some(FlagValue { text, join: Join::Attached });
            return self.flag(Cow::Borrowed("-"), Cow::Borrowed("-"), value);
        }
        let value = self.value_before_child().filter(|_| is_flag(word));
        let value = value.map(|text| FlagValue { text, join: Join::Next });
        self.flag(Cow::Borrowed(word), Cow::Borrowed(word), value);
    }

    /// Whether a word that should be a value is plainly another option: trees err in arity.
    fn is_other_option(&self, word: &str) -> bool {
        word.len() > 1 && word.starts_with('-') && self.place.option(word).is_some()
    }

    fn flag(&mut self, name: Cow<'a, str>, canonical: Cow<'a, str>, value: Option<FlagValue<'a>>) {
        let width = if value.is_some_and(|it| it.join == Join::Next) { 2 } else { 1 };
        self.push(ArgumentKind::Flag(Flag { name, canonical, value }));
        self.at += width;
    }
}

/// Longer names of options are text that begins with a dash.
const MAX_FLAG: usize = 64;

/// Whether a word that begins with a dash is an option rather than text.
pub fn is_flag(name: &str) -> bool {
    let plain = |ch: char| ch.is_ascii_alphanumeric() || "-_.:+,@/%=".contains(ch);
    name.len() <= MAX_FLAG && name.chars().all(plain) && !name.contains(MARKER_OPEN)
        || matches!(name, "-#" | "-?")
}

/// Whether a word could name a task: what people call scripts and targets, no paths.
fn is_task(word: &str) -> bool {
    let plain = |ch: char| ch.is_ascii_alphanumeric() || "-_:.@%+".contains(ch);
    // A task of Gradle may begin with the project: `:app:test`.
    let starts = word.starts_with(|ch: char| ch.is_ascii_alphanumeric() || "_@:".contains(ch));
    starts && word.len() <= 64 && word.chars().all(plain)
}
