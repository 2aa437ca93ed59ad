//! What a line begins with up to its last subcommand word, as a pattern.
use std::fmt;

use crate::{
    commands::{
        base_name,
        grammar::{ArgumentKind, Join, Parsed, lists_subcommands},
        quote,
    },
    policy::literal,
};

/// The beginning that lines of one kind share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stem {
    /// Base name of the binary.
    pub binary: String,
    /// Subcommand path, or the script that an interpreter runs.
    pub subcommand: Vec<String>,
    /// The pattern without its tail: `git -C * status`.
    pub pattern: String,
    /// Whether the rest of the line decides what runs: an interpreter that was given code, or
    /// nothing at all. No pattern over such a stem can be narrow.
    pub is_open: bool,
    /// Whether the subcommands of the binary are known from its documentation.
    pub is_listed: bool,
}

impl fmt::Display for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

/// Programs that run what their arguments say; a stem names the script, never the program alone.
///
/// # Source
/// The prefixes that Codex refuses to suggest, and interpreters with an inline-code option in
/// their manual pages.
const INTERPRETERS: &[&str] = &[
    "ash",
    "awk",
    "bash",
    "bun",
    "csh",
    "dash",
    "deno",
    "elixir",
    "expect",
    "fish",
    "gawk",
    "ghci",
    "groovy",
    "guile",
    "irb",
    "jshell",
    "julia",
    "ksh",
    "lua",
    "luajit",
    "mawk",
    "node",
    "nodejs",
    "ocaml",
    "octave",
    "osascript",
    "perl",
    "php",
    "powershell",
    "pwsh",
    "pypy",
    "python",
    "racket",
    "Rscript",
    "ruby",
    "sbcl",
    "scala",
    "sh",
    "tclsh",
    "ts-node",
    "tsx",
    "wish",
    "zsh",
];

/// Interpreters whose ordinary use is a short program in the arguments; guards keep their doors.
const FILTERS: &[&str] = &["awk", "gawk", "mawk"];

/// Options whose value is a module to run, after which the module counts as a subcommand.
const MODULE_OPTIONS: &[&str] = &["-m"];

/// The stem of an argument vector and what it was taken apart into.
pub fn stem(argv: &[String], parsed: &Parsed<'_>) -> Stem {
    let binary = argv.first().map_or("", |it| base_name(it)).to_owned();
    let version = binary.trim_end_matches(|ch: char| ch.is_ascii_digit() || ch == '.');
    if INTERPRETERS.contains(&version) && !FILTERS.contains(&version) {
        return interpreter_stem(binary, argv);
    }
    let mut kinds = vec![Part::Subcommand; argv.len()];
    for argument in &parsed.arguments {
        let (part, value) = match &argument.kind {
            ArgumentKind::Flag(flag) => match flag.value {
                Some(value) if value.join == Join::Next => (Part::Fixed, true),
                Some(_) => (Part::Valued, false),
                None => (Part::Fixed, false),
            },
            ArgumentKind::Operand(_) => (Part::Operand, false),
            ArgumentKind::Separator => (Part::Fixed, false),
        };
        if let Some(slot) = kinds.get_mut(argument.at) {
            *slot = part;
        }
        if value && let Some(slot) = kinds.get_mut(argument.at + 1) {
            *slot = Part::Any;
        }
    }
    let last = kinds.iter().rposition(|kind| *kind == Part::Subcommand).unwrap_or(0);
    let mut words = vec![word_pattern(&binary)];
    for (word, kind) in argv.iter().zip(&kinds).take(last + 1).skip(1) {
        words.push(match kind {
            Part::Subcommand | Part::Fixed => word_pattern(word),
            Part::Valued => {
                let name = word
                    .split_once('=')
                    .map_or_else(|| word.chars().take(2).collect(), |(name, _)| format!("{name}="));
                format!("{}*", literal(&name))
            }
            Part::Operand | Part::Any => "*".to_owned(),
        });
    }
    let subcommand = parsed.subcommand.iter().map(|&it| it.to_owned()).collect();
    let pattern = words.join(" ");
    let is_listed = lists_subcommands(&binary);
    Stem { pattern, binary, subcommand, is_open: false, is_listed }
}

/// What a word of the vector is to the stem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Subcommand,
    Fixed,
    Valued,
    Operand,
    Any,
}

/// `python -m pytest`, `node build.js`, `bash scripts/x.sh`; open where there is no script.
fn interpreter_stem(binary: String, argv: &[String]) -> Stem {
    let is_listed = lists_subcommands(&binary);
    let mut words = vec![word_pattern(&binary)];
    // Any option but these may carry code.
    let found = match argv.get(1..).unwrap_or_default() {
        [option, module, ..] if MODULE_OPTIONS.contains(&option.as_str()) => {
            words.push(word_pattern(option));
            Some(module)
        }
        [word, ..] if matches!(word.as_str(), "--version" | "-V" | "--help") => Some(word),
        [word, ..] if !word.starts_with('-') && !word.contains(['$', '`']) => Some(word),
        _ => None,
    };
    if let Some(script) = found {
        words.push(word_pattern(script));
        let subcommand = vec![script.clone()];
        return Stem { pattern: words.join(" "), binary, subcommand, is_open: false, is_listed };
    }
    Stem { pattern: words.join(" "), binary, subcommand: Vec::new(), is_open: true, is_listed }
}

/// A word as it stands in a line, as a pattern that matches exactly it.
fn word_pattern(word: &str) -> String {
    literal(&quote(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{grammar::parse, split};

    #[test]
    fn stems_reach_to_the_last_subcommand_word() {
        for (line, want, is_open) in [
            ("git status -s", "git status", false),
            ("git -C /x push origin", "git -C * push", false),
            ("git --no-pager log", "git --no-pager log", false),
            ("ls -la", "ls", false),
            ("npm run build", "npm run build", false),
            ("python3 -m pytest tests", "python3 -m pytest", false),
            ("python3 -c 'print(1)'", "python3", true),
            ("python3", "python3", true),
            ("bash scripts/x.sh a", "bash scripts/x.sh", false),
            ("node '$X'", "node", true),
        ] {
            let argv = split(line).unwrap();
            let stem = stem(&argv, &parse(&argv));
            assert_eq!((stem.pattern.as_str(), stem.is_open), (want, is_open), "{line}");
        }
    }
}
