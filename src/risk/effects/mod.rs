//! One expanded command -> its effects: a table a family, the longest subcommand path decides.
mod clients;
mod cloud;
mod containers;
mod db;
mod files;
mod forges;
mod frameworks;
mod git;
mod interpreters;
mod network;
mod packages;
mod projects;
mod runners;
mod sql;
mod system;

pub(super) use sql::sql_effects;
use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use super::{Effect, Effects, is_secret_path};
use crate::commands::{Command, Site, Stdin, change, without_version};

/// One line of knowledge about some binaries.
#[derive(Debug)]
struct Entry {
    /// Base names, without version suffix.
    names: &'static [&'static str],
    /// Subcommand paths, alternatives, words joined by a blank; `""` is the bare binary.
    paths: &'static [&'static str],
    /// Empty: what the path does anyway. Else what it does in addition, where one of these holds:
    /// `-x` the short option, alone or in a cluster; `--long` the option; `-word` the word;
    /// `~text` a word holds the text; `^text` a word starts with it; `OPERAND` an operand
    /// follows the path; `SINGLE` one does, `ALONE` none; `STDIN` something is on its standard input.
    when: &'static [&'static str],
    /// Not where one of these holds.
    unless: &'static [&'static str],
    /// What it does.
    effects: &'static [Effect],
    /// Command lines it is for.
    hits: &'static [&'static str],
    /// Command lines it is not for.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's test reads it"))]
    misses: &'static [&'static str],
}

/// What binaries do at a subcommand path, whatever their options.
const fn base(
    names: &'static [&'static str],
    paths: &'static [&'static str],
    effects: &'static [Effect],
    hits: &'static [&'static str],
    misses: &'static [&'static str],
) -> Entry {
    Entry { names, paths, when: &[], unless: &[], effects, hits, misses }
}

/// What they do in addition where a condition holds.
const fn also(
    names: &'static [&'static str],
    paths: &'static [&'static str],
    when: &'static [&'static str],
    effects: &'static [Effect],
    hits: &'static [&'static str],
    misses: &'static [&'static str],
) -> Entry {
    Entry { names, paths, when, unless: &[], effects, hits, misses }
}

impl Entry {
    const fn unless(mut self, unless: &'static [&'static str]) -> Self {
        self.unless = unless;
        self
    }

    /// Whether its conditions hold. `rest` are the operands after its path.
    fn holds(&self, line: &Line<'_>, rest: &[&str]) -> bool {
        let some = |conditions: &[&str]| conditions.iter().any(|it| condition(it, line, rest));
        (self.when.is_empty() || some(self.when)) && !some(self.unless)
    }
}

/// An entry with its paths cut into words.
#[derive(Debug)]
struct Known {
    entry: &'static Entry,
    paths: Vec<Vec<&'static str>>,
}

impl Known {
    fn new(entry: &'static Entry) -> Self {
        let paths = entry.paths.iter().map(|it| it.split_ascii_whitespace().collect());
        Self { entry, paths: paths.collect() }
    }

    /// How many words of `path` the longest fitting path takes; `None` where none fits, or where a
    /// condition does not hold.
    fn fits(&self, line: &Line<'_>, path: &[&str]) -> Option<usize> {
        let fitting = self.paths.iter().filter(|words| path.starts_with(words));
        let depth = fitting.map(Vec::len).max()?;
        self.entry.holds(line, path.get(depth..).unwrap_or_default()).then_some(depth)
    }
}

/// What conditions look at.
#[derive(Debug)]
struct Line<'a> {
    /// The words behind the binary, and for programs that run their standard input, what is on it;
    /// sorted, so that thousands of them cost no more than their number.
    args: Vec<&'a str>,
    /// The letters of all short options, by their place in the alphabet; capitals behind.
    letters: u64,
    /// All of them as one text.
    text: OnceCell<String>,
    has_stdin: bool,
}

impl<'a> Line<'a> {
    fn new(command: &'a Command) -> Self {
        let args = command.argv.iter().skip(1).map(String::as_str);
        let mut args: Vec<&str> = args.skip(n_of_place(command)).collect();
        if let Some(text) = command.stdin.text().filter(|_| RUNS_STDIN.contains(bare(command))) {
            args.push(text);
            args.extend(text.split_ascii_whitespace().filter(|it| !it.starts_with('-')));
        }
        let letters = args.iter().map(|it| short_letters(it)).fold(0, |res, it| res | it);
        args.sort_unstable();
        let has_stdin = command.stdin != Stdin::Inherited;
        Self { args, letters, text: OnceCell::new(), has_stdin }
    }

    /// The words that begin with a text.
    fn beginning(&self, text: &str) -> impl Iterator<Item = &'a str> {
        let start = self.args.partition_point(|arg| *arg < text);
        let rest = self.args.get(start..).unwrap_or_default();
        rest.iter().copied().take_while(move |arg| arg.starts_with(text))
    }

    fn has_word(&self, word: &str) -> bool {
        self.args.binary_search(&word).is_ok()
    }

    fn holds_text(&self, text: &str) -> bool {
        self.text.get_or_init(|| self.args.join("\0")).contains(text)
    }
}

/// How many words of `git -C DIR ...` say where it is to work: the letter means something else behind its
/// subcommands.
fn n_of_place(command: &Command) -> usize {
    let words = command.argv.get(1..).unwrap_or_default().chunks(2);
    let is_place = |pair: &&[String]| pair.first().is_some_and(|it| it == "-C");
    if command.name() == "git" { 2 * words.take_while(is_place).count() } else { 0 }
}

/// The letters of `-x`, alone or in a cluster, as a set.
fn short_letters(arg: &str) -> u64 {
    let letters = arg.strip_prefix('-').filter(|it| !it.starts_with('-')).unwrap_or_default();
    let letters = letters.bytes().take_while(u8::is_ascii_alphabetic);
    letters.map(letter_bit).fold(0, |res, it| res | it)
}

const fn letter_bit(letter: u8) -> u64 {
    match letter {
        b'a'..=b'z' => 1 << (letter - b'a'),
        b'A'..=b'Z' => 1 << (letter - b'A' + 26),
        _ => 0,
    }
}

/// Programs that run what is on their standard input, by base name.
static RUNS_STDIN: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| [interpreters::SCRIPTED, db::DOCS].concat().into_iter().collect());

/// The base name without version suffix.
fn bare(command: &Command) -> &str {
    without_version(command.name())
}

/// Whether one condition of [`Entry::when`] holds. `rest` are the operands after the path.
fn condition(condition: &str, line: &Line<'_>, rest: &[&str]) -> bool {
    match condition {
        "STDIN" => return line.has_stdin,
        "OPERAND" => return !rest.is_empty(),
        "ALONE" => return rest.is_empty(),
        "SINGLE" => return rest.len() == 1,
        _ => (),
    }
    if let Some(text) = condition.strip_prefix('~') {
        return line.holds_text(text);
    }
    if let Some(text) = condition.strip_prefix('^') {
        return line.beginning(text).next().is_some();
    }
    if condition.starts_with("--") {
        let is_end = |arg: &str| matches!(arg.as_bytes().get(condition.len()), None | Some(b'='));
        return line.beginning(condition).any(is_end);
    }
    match condition.as_bytes() {
        [b'-', letter] if letter.is_ascii_alphabetic() => line.letters & letter_bit(*letter) != 0,
        _ => line.has_word(condition),
    }
}

/// All tables.
const TABLES: &[&[Entry]] = &[
    files::TABLE,
    git::TABLE,
    forges::TABLE,
    network::TABLE,
    interpreters::TABLE,
    packages::TABLE,
    projects::TABLE,
    system::TABLE,
    containers::TABLE,
    cloud::TABLE,
    db::TABLE,
    frameworks::TABLE,
];

/// Base name -> its entries, in table order.
static INDEX: LazyLock<BTreeMap<&str, Vec<Known>>> = LazyLock::new(|| {
    let mut index: BTreeMap<&str, Vec<Known>> = BTreeMap::new();
    for entry in TABLES.iter().copied().flatten() {
        for name in entry.names {
            index.entry(name).or_default().push(Known::new(entry));
        }
    }
    index
});

/// Command lines that change something, from the examples of the tables.
pub(super) fn changing_examples() -> impl Iterator<Item = &'static str> {
    const CHANGES: Effects = Effects::of(&[
        Effect::FileWrite,
        Effect::FileDelete,
        Effect::NetworkUpload,
        Effect::Privilege,
        Effect::PackageInstall,
        Effect::VcsWrite,
        Effect::VcsHistoryRewrite,
        Effect::VcsPublish,
        Effect::InfraChange,
        Effect::InfraDestroy,
        Effect::DbChange,
        Effect::DbDestroy,
        Effect::Persistence,
    ]);
    let changing = TABLES
        .iter()
        .copied()
        .flatten()
        .filter(|entry| entry.effects.iter().any(|it| CHANGES.contains(*it)));
    let of_tables = changing.flat_map(|entry| entry.hits.iter().copied());
    of_tables.chain(clients::destroying_examples())
}

/// What one expanded command can do.
///
/// `subcommand` is its subcommand path as far as it is known; words after it count as further
/// subcommands where a table knows them. A binary that no table knows is `{unknown}`.
pub fn effects(command: &Command, subcommand: &[String]) -> Effects {
    own_effects(command, subcommand).union(runners::inner_effects(command))
}

/// The same without what a program inside does.
fn own_effects(command: &Command, subcommand: &[String]) -> Effects {
    let args: Vec<&str> = command.argv.iter().skip(1).map(String::as_str).collect();
    let path = operands(&args, subcommand);
    // What its program does is known; files that it opens are commands of their own.
    let mut res = if command.is_filter {
        Effects::NONE
    } else {
        table_effects(command, &path).union(clients::client_effects(command, bare(command), &path))
    };
    let reads = [
        Effect::FileRead,
        Effect::FileWrite,
        Effect::NetworkUpload,
        Effect::NetworkOut,
        Effect::Unknown,
    ];
    if reads.iter().any(|it| res.contains(*it)) && args.iter().any(|arg| is_secret_path(arg)) {
        res = res.with(Effect::SecretRead);
    }
    if command.assignments.iter().any(|(name, value)| change(name, value).is_some()) {
        res = res.with(Effect::CodeInline);
    }
    for wrapper in &command.wrappers {
        res = match wrapper.as_str() {
            "sudo" | "doas" | "su" | "pkexec" | "runuser" => res.with(Effect::Privilege),
            "ssh" => res.with(Effect::NetworkOut),
            _ => res,
        };
    }
    if command.site == Site::Remote && !command.wrappers.iter().any(|it| it == "ssh") {
        res = res.with(Effect::InfraChange);
    }
    res
}

/// The subcommand path and every operand after it.
fn operands<'a>(args: &[&'a str], subcommand: &'a [String]) -> Vec<&'a str> {
    let mut rest = args;
    for word in subcommand {
        match rest.iter().position(|arg| arg == word) {
            Some(at) => rest = rest.get(at + 1..).unwrap_or_default(),
            None => break,
        }
    }
    let plain = rest.iter().copied().filter(|arg| !arg.starts_with('-'));
    subcommand.iter().map(String::as_str).chain(plain).collect()
}

fn table_effects(command: &Command, path: &[&str]) -> Effects {
    let entries = INDEX.get(command.name()).or_else(|| INDEX.get(bare(command)));
    let Some(entries) = entries else {
        return Effects::of(&[Effect::Unknown]);
    };
    let line = Line::new(command);
    let fitting: Vec<(&Entry, usize)> =
        entries.iter().filter_map(|known| Some((known.entry, known.fits(&line, path)?))).collect();
    let bases = fitting.iter().filter(|(entry, _)| entry.when.is_empty());
    let Some(deepest) = bases.map(|(_, depth)| *depth).max() else {
        return Effects::of(&[Effect::Unknown]);
    };
    let counting =
        fitting.iter().filter(|(entry, depth)| !entry.when.is_empty() || *depth == deepest);
    counting.flat_map(|(entry, _)| entry.effects.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{read, split};

    /// A command line; with something on its standard input it is a script of one command or pipeline.
    fn command(line: &str) -> Command {
        if !line.contains(" <<") && !line.contains(" | ") {
            return Command { argv: split(line).unwrap(), ..Command::default() };
        }
        let argv = ["bash", "-c", line].map(str::to_owned);
        read(&argv).commands.pop().unwrap()
    }

    fn fires(entry: &'static Entry, line: &str) -> bool {
        let command = command(line);
        let args: Vec<&str> = command.argv.iter().skip(1).map(String::as_str).collect();
        let path = operands(&args, &[]);
        let fits = || Known::new(entry).fits(&Line::new(&command), &path).is_some();
        let is_named = |it: &str| entry.names.contains(&it);
        (is_named(command.name()) || is_named(bare(&command))) && fits()
    }

    fn of(line: &str) -> Effects {
        effects(&command(line), &[])
    }

    #[test]
    fn every_entry_fires_on_its_hits_and_not_on_its_misses() {
        let mut wrong = Vec::new();
        for entry in TABLES.iter().copied().flatten() {
            assert!(
                !entry.hits.is_empty() && !entry.misses.is_empty(),
                "{entry:?}: needs examples"
            );
            let given: Effects = entry.effects.iter().copied().collect();
            for line in entry.hits {
                if !fires(entry, line) || !given.is_subset(of(line)) {
                    wrong.push(format!("hit `{line}`: {} lacks {given}", of(line)));
                }
            }
            for line in entry.misses {
                if given.is_subset(of(line)) {
                    wrong.push(format!("miss `{line}`: {} should lack {given}", of(line)));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn effects_of_whole_commands() {
        for (line, text) in [
            ("git status --short", "vcs.read"),
            ("git push", "network.out, vcs.publish"),
            ("frobnicate --all", "unknown"),
            ("tee out.txt", "file.write"),
            ("cat .env", "file.read, secret.read"),
            ("python3.12 -c 'print(1)'", "process, code.inline"),
            ("rm -rf build", "file.delete"),
            ("cat a.txt", "file.read"),
        ] {
            assert_eq!(of(line).to_string(), text, "{line}");
        }
    }

    #[test]
    fn wrappers_and_variables_count() {
        let command = |wrappers: &[&str], assignments: &[(&str, &str)]| Command {
            argv: vec!["ls".to_owned()],
            wrappers: wrappers.iter().map(|&it| it.to_owned()).collect(),
            assignments: assignments.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect(),
            ..Command::default()
        };
        assert!(effects(&command(&["sudo"], &[]), &[]).contains(Effect::Privilege));
        assert!(
            effects(&command(&[], &[("LD_PRELOAD", "/tmp/x.so")]), &[])
                .contains(Effect::CodeInline)
        );
        assert!(!effects(&command(&[], &[("PAGER", "cat")]), &[]).contains(Effect::CodeInline));
        assert_eq!(effects(&command(&[], &[]), &[]), Effects::of(&[Effect::FileRead]));
    }
}
