//! One expanded command -> its effects: a table a family, the longest subcommand path decides.
mod cloud;
mod containers;
mod db;
mod files;
mod forges;
mod git;
mod interpreters;
mod network;
mod packages;
mod projects;
mod system;

use std::{collections::BTreeMap, sync::LazyLock};

use super::{Effect, Effects, is_secret_path};
use crate::commands::{Command, Site};

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
    /// follows the path; `ALONE` none does.
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
    fn holds(&self, args: &[&str], rest: &[&str]) -> bool {
        let some = |conditions: &[&str]| conditions.iter().any(|it| condition(it, args, rest));
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
    fn fits(&self, args: &[&str], path: &[&str]) -> Option<usize> {
        let fitting = self.paths.iter().filter(|words| path.starts_with(words));
        let depth = fitting.map(Vec::len).max()?;
        self.entry.holds(args, path.get(depth..).unwrap_or_default()).then_some(depth)
    }
}

/// Whether one condition of [`Entry::when`] holds. `rest` are the operands after the path.
fn condition(condition: &str, args: &[&str], rest: &[&str]) -> bool {
    match condition {
        "OPERAND" => return !rest.is_empty(),
        "ALONE" => return rest.is_empty(),
        _ => (),
    }
    if let Some(text) = condition.strip_prefix('~') {
        return args.iter().any(|arg| arg.contains(text));
    }
    if let Some(text) = condition.strip_prefix('^') {
        return args.iter().any(|arg| arg.starts_with(text));
    }
    if condition.starts_with("--") {
        let with_value =
            |arg: &str| arg.strip_prefix(condition).is_some_and(|it| it.starts_with('='));
        return args.iter().any(|arg| *arg == condition || with_value(arg));
    }
    if let Some(letter) = condition.strip_prefix('-').filter(|it| it.len() == 1) {
        let cluster = |arg: &&str| {
            arg.strip_prefix('-').is_some_and(|it| {
                let letters = it.bytes().take_while(u8::is_ascii_alphabetic).count();
                !it.starts_with('-') && it.get(..letters).is_some_and(|it| it.contains(letter))
            })
        };
        return args.iter().any(cluster);
    }
    args.contains(&condition)
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

/// Variables that change what a command runs.
///
/// # Source
/// git(1), ld.so(8), dyld(1), less(1), man(1), perlrun(1), python(1), node(1), ruby(1), bash(1).
const CODE_VARIABLES: &[&str] = &[
    "BASH_ENV",
    "BROWSER",
    "DYLD_INSERT_LIBRARIES",
    "DYLD_LIBRARY_PATH",
    "EDITOR",
    "ENV",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LESSCLOSE",
    "LESSOPEN",
    "MANPAGER",
    "NODE_OPTIONS",
    "PAGER",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PROMPT_COMMAND",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYLIB",
    "RUBYOPT",
    "RUSTC_WRAPPER",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "VISUAL",
    "ZDOTDIR",
];

/// Values of those variables that run nothing of note.
const HARMLESS_VALUES: &[&str] =
    &["", ":", "/bin/cat", "/bin/true", "cat", "false", "less", "more", "true"];

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
    changing.flat_map(|entry| entry.hits.iter().copied())
}

/// What one expanded command can do.
///
/// `subcommand` is its subcommand path as far as it is known; words after it count as further
/// subcommands where a table knows them. A binary that no table knows is `{unknown}`.
pub fn effects(command: &Command, subcommand: &[String]) -> Effects {
    let args: Vec<&str> = command.argv.iter().skip(1).map(String::as_str).collect();
    let path = operands(&args, subcommand);
    let mut res = table_effects(command.name(), &args, &path);
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
    let changes_code = |(name, value): &(String, String)| {
        CODE_VARIABLES.contains(&name.as_str()) && !HARMLESS_VALUES.contains(&value.as_str())
    };
    if command.assignments.iter().any(changes_code) {
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

fn table_effects(name: &str, args: &[&str], path: &[&str]) -> Effects {
    let bare = name.trim_end_matches(|ch: char| ch.is_ascii_digit() || ch == '.' || ch == '-');
    let Some(entries) = INDEX.get(name).or_else(|| INDEX.get(bare)) else {
        return Effects::of(&[Effect::Unknown]);
    };
    let fitting: Vec<(&Entry, usize)> =
        entries.iter().filter_map(|known| Some((known.entry, known.fits(args, path)?))).collect();
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
    use crate::commands::split;

    fn fires(entry: &'static Entry, line: &str) -> bool {
        let argv = split(line).unwrap();
        let args: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
        let path = operands(&args, &[]);
        entry.names.contains(&argv[0].as_str()) && Known::new(entry).fits(&args, &path).is_some()
    }

    fn of(line: &str) -> Effects {
        let argv = split(line).unwrap();
        effects(&Command { argv, ..Command::default() }, &[])
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
