//! How far a command goes, where all that it does is known.
//!
//! It looks; or it runs the checks that a project has of itself; or it changes the work at hand, and nothing
//! beyond. This is told by lists of what tools are asked for, by the effects, and by the acts that
//! must not pass, of which it must be none. An interpreter whose program was read, and does no more than
//! compute and print, looks only, too.
use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use super::{
    Effect, Effects,
    acts::{Act, acts},
    secrets::is_sample,
    severity::is_guarded,
};
use crate::{
    commands::{Command, Open, Site, base_name, canonical, is_below, normal},
    policy::{Access, proof::Language},
};

mod builds;
mod checks;
mod edits;
mod files;
mod git;
mod local;
mod looks;
mod request;
mod scratch;
mod sqlite;
mod viewers;

/// Effects of looking.
const READS: Effects = Effects::of(&[
    Effect::FileRead,
    Effect::VcsRead,
    Effect::InfraRead,
    Effect::DbRead,
    Effect::NetworkIn,
]);

/// Effects of find, which may run what it finds something for.
const FINDS: Effects = READS.union(Effects::of(&[Effect::Process]));

/// Effects of checks.
const RUNS: Effects =
    READS.union(Effects::of(&[Effect::FileWrite, Effect::Process, Effect::PackageInstall]));

/// Effects of edits.
const WRITES: Effects = READS.union(Effects::of(&[
    Effect::FileDelete,
    Effect::FileWrite,
    Effect::NetworkOut,
    Effect::PackageInstall,
    Effect::Process,
    Effect::VcsWrite,
    Effect::VcsHistoryRewrite,
]));

/// Lines of the acts that are done with a tool; put together when they are first asked for.
static ACTS: LazyLock<BTreeMap<&str, OnceLock<Vec<&'static Language>>>> = LazyLock::new(|| {
    let looking = request::names(looks::LOOKS).chain(viewers::names());
    let names = looking.chain(checks::names()).chain(edits::names()).chain(["curl"]);
    names.map(|it| (it, OnceLock::new())).collect()
});

/// Whether a line of a tool is none of the acts that must not pass; `false` for a tool that is not known here.
fn is_no_act(name: &str, line: &str) -> bool {
    let Some(of_tool) = ACTS.get(name) else { return false };
    let of_tool = of_tool.get_or_init(|| {
        let of_tool = acts().iter().filter(|it| it.may_be_of(name));
        of_tool.map(Act::language).collect()
    });
    !of_tool.iter().any(|it| it.contains(line))
}

/// Whether it is none of these, and no guard is about it.
fn is_harmless(name: &str, line: &str) -> bool {
    !is_guarded(line) && is_no_act(name, line)
}

/// What every program is asked for who it is with, and nothing else.
///
/// # Source
/// GNU Coding Standards, 4.8: both end the program successfully without its usual work.
const INTRODUCTIONS: &[&str] = &["--help", "--version"];

/// Shells that read a script to its end with `-n`, and run nothing of it.
const SHELLS: &[&str] = &["bash", "dash", "ksh", "sh", "zsh"];

/// Variables that are no secrets.
const VARIABLES: &[&str] = &[
    "CI",
    "EDITOR",
    "GOPATH",
    "GOROOT",
    "HOME",
    "JAVA_HOME",
    "LANG",
    "NODE_ENV",
    "PATH",
    "PWD",
    "SHELL",
    "TERM",
    "TMPDIR",
    "USER",
    "VIRTUAL_ENV",
];

/// Whether a word asks lsof for ports, and which program has them: `-ti:3000`, `-sTCP:LISTEN`.
fn is_of_ports(word: &str) -> bool {
    let is_plain = |it: &str| it.chars().all(|ch| ch.is_ascii_alphanumeric() || ":,-".contains(ch));
    let letters = word.strip_prefix('-').map(|it| it.trim_start_matches(['n', 'P', 't']));
    letters.map_or(word.starts_with(':') || word.starts_with("tcp:"), |it| {
        it.is_empty() || it.starts_with('i') || it.starts_with("sTCP:")
    }) && is_plain(word)
}

/// Whether a program of the search path is asked who it is; a shell, whether a script is well formed; Python, to
/// show JSON; or for what one process does, who has a port, or for a variable that is no secret.
fn is_plain(argv: &[String], cwd: Option<&str>) -> bool {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let is_usual = |word: &str| !files::is_elsewhere("", word, cwd);
    match *words.as_slice() {
        [name, asked] if INTRODUCTIONS.contains(&asked) => !name.contains('/'),
        [name, "-n", script] => {
            SHELLS.contains(&name) && !script.starts_with('-') && is_usual(script)
        }
        ["python" | "python3", "-m", "json.tool"] | ["lsof" | "ps", "-p", _] => true,
        ["lsof", ..] => words.iter().skip(1).all(|it| is_of_ports(it)) && words.len() > 1,
        ["printenv", name] => VARIABLES.contains(&name),
        ["python" | "python3", "-m", "json.tool", file] => !file.starts_with('-') && is_usual(file),
        _ => false,
    }
}

/// Folders of programs that were installed, for all and for a project.
///
/// # Source
/// Filesystem Hierarchy Standard 3.0; Homebrew 4.4; npm 11; Python's venv.
const INSTALLED: &[&str] = &[
    "/bin",
    "/opt/homebrew/bin",
    "/usr/bin",
    "/usr/local/bin",
    "/usr/local/go/bin",
    "./node_modules/.bin",
    "node_modules/.bin",
    ".venv/bin",
    "venv/bin",
    "./vendor/bin",
    "vendor/bin",
];

/// Programs of a project that stand for its build tool.
///
/// # Source
/// What Gradle, Maven and Rails put into a new project.
const OWN: &[&str] = &[
    "./bin/rails",
    "./bin/rake",
    "./bin/rspec",
    "./gradlew",
    "./mvnw",
    "bin/rails",
    "bin/rake",
    "bin/rspec",
];

/// Wrappers that give a command no operands, and change nothing about what it does.
const WRAPPERS: &[&str] = &["command", "env", "nice", "nohup", "stdbuf", "time", "timeout"];

/// Where a script is that has gone to a folder. Somebody's home stands for the home, and some folder in it for
/// a working directory that is not known.
fn folder(to: &str, cwd: Option<&str>) -> String {
    match (to.strip_prefix('~'), to.starts_with('/')) {
        (Some(rest), _) => normal(&format!("/home/user{rest}")),
        (None, true) => normal(to),
        (None, false) => normal(&format!("{}/{to}", cwd.unwrap_or("/home/user/work"))),
    }
}

/// How far a command with these effects goes, where all that it does is known; `cwd` is where its script
/// begins.
pub fn access(command: &Command, cwd: Option<&str>, effects: Effects) -> Option<Access> {
    let there = command.folder.as_ref().map(|to| folder(to, cwd));
    if removes_scratch(command, there.as_deref(), cwd) {
        return Some(Access::Edit);
    }
    let access = access_in(command, cwd, effects)?;
    let (Some(to), Some(there)) = (&command.folder, there) else { return Some(access) };
    if files::is_elsewhere("cd", to, cwd) {
        return None;
    }
    // Whether the script really went there is not always known: both have to hold.
    let is_hidden = files::is_hidden(to) && !cwd.is_some_and(|cwd| is_below(cwd, &there));
    let is_file =
        access == Access::Edit && !matches!(base_name(command.argv.first()?), "gh" | "git");
    let same = access_in(command, Some(&there), effects).filter(|it| *it == access);
    same.filter(|_| !(is_hidden && is_file))
}

/// Whether a command removes what is in folders for temporary files; a relative path counts where the script
/// surely came `there`.
fn removes_scratch(command: &Command, there: Option<&str>, cwd: Option<&str>) -> bool {
    let is_plain = || {
        let is_other = |it: &String| !WRAPPERS.contains(&it.as_str());
        command.site == Site::Local
            && !command.is_computed
            && !command.wrappers.iter().any(is_other)
    };
    scratch::removes(&command.argv, there.filter(|_| command.is_there), cwd)
        && is_plain()
        && is_no_act("rm", &command.line())
}

fn access_in(command: &Command, cwd: Option<&str>, effects: Effects) -> Option<Access> {
    if command.site != Site::Local {
        return None;
    }
    let argv = &command.argv;
    let program = argv.first()?;
    let is_installed = |(folder, _)| INSTALLED.contains(&folder);
    if !program.rsplit_once('/').is_none_or(is_installed) && !OWN.contains(&program.as_str()) {
        return None;
    }
    let name = base_name(program);
    let are_of = |known: Effects| effects.iter().all(|it| known.contains(it));
    if command.is_filter {
        return are_of(READS).then_some(Access::Read);
    }
    let is_other = effects.contains(Effect::Privilege) || effects.contains(Effect::Persistence);
    let is_open = |texts: &[usize]| may_be_options(command, texts);
    if !is_other && !is_open(&[]) && is_plain(argv, cwd) {
        return Some(Access::Read);
    }
    let is_sure = || {
        viewers::takes_any_option(name)
            || !is_open(&[])
            || looks::takes_any_option(argv, !command.open.splits.is_empty())
    };
    // What find runs is a command of its own.
    let are_reads = are_of(if name == "find" { FINDS } else { READS });
    if are_reads && looks(command, cwd, effects) && is_sure() {
        // Nor is the example of a file that would hold secrets one of them.
        let samples = viewers::without_pattern(argv).into_iter();
        let plain = samples.map(|it| if is_sample(&it) { "x".to_owned() } else { it });
        let line = canonical(&plain.collect::<Vec<_>>());
        // Guards of files are for what is in them.
        if viewers::only_lists(name) && is_no_act(name, &line) || is_harmless(name, &line) {
            return Some(Access::Read);
        }
    }
    // Others are given their operands by what runs them.
    if !command.wrappers.iter().all(|it| WRAPPERS.contains(&it.as_str())) {
        return None;
    }
    if command.open.is_empty()
        && are_of(READS)
        && local::asks(argv)
        && is_no_act(name, &command.line())
    {
        return Some(Access::Check);
    }
    if command.open.is_empty()
        && are_of(RUNS)
        && checks::checks(argv, cwd)
        && is_harmless(name, &command.line())
    {
        return Some(Access::Check);
    }
    let texts = edits::text_places(argv);
    if !are_of(WRITES) || is_open(&texts) {
        return None;
    }
    if let Some(files) = git::put_back(argv, cwd) {
        // Guards cannot tell a file from a folder.
        return is_no_act("git", &canonical(&files)).then_some(Access::Edit);
    }
    if let Some(files) = edits::removed(argv, cwd) {
        let is_named = is_no_act("git", &canonical(&git::put_back_form(files)));
        return (is_named && is_harmless(name, &command.line())).then_some(Access::Edit);
    }
    let argv = edits::without_text(argv, &texts);
    (edits::edits(&argv, cwd) && is_harmless(name, &canonical(&argv))).then_some(Access::Edit)
}

/// Whether a word of a command may turn out to be an option, or more than one word; at `texts` one word is text.
fn may_be_options(command: &Command, texts: &[usize]) -> bool {
    let is_given = command.wrappers.iter().any(|it| matches!(it.as_str(), "parallel" | "xargs"));
    let end = command.argv.iter().position(|it| it == "--").unwrap_or(command.argv.len());
    let Open { begins, splits } = command.open;
    is_given || (0..end).any(|at| splits.has(at) || (begins.has(at) && !texts.contains(&at)))
}

fn looks(command: &Command, cwd: Option<&str>, effects: Effects) -> bool {
    let argv = &command.argv;
    let is_sqlite = argv.first().is_some_and(|it| base_name(it) == "sqlite3");
    // A fetch from elsewhere alone is no looking.
    let is_asked = request::is_asked(looks::LOOKS, argv)
        && effects != Effects::of(&[Effect::NetworkIn])
        && (!is_sqlite || sqlite::looks(argv, command.is_computed));
    // `git diff --no-index /dev/null /srv/x` shows a file that is in no repository.
    let mut words = argv.iter().skip(1).skip_while(|it| it.as_str() != "diff");
    let is_outside = words.any(|it| files::is_elsewhere("git", it, cwd));
    (is_asked && !is_outside) || git::shows_settings(argv) || viewers::looks(argv, cwd)
}

#[cfg(test)]
mod tests;
