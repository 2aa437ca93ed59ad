//! Reading a command as a shell does: one argument vector -> the simple commands inside it.
use std::sync::Arc;

mod builtins;
mod carriers;
mod environment;
mod filters;
pub mod grammar;
mod open;
mod parse;
mod plain;
mod quote;
mod runners;
mod runs;
mod scope;
mod script;
mod stdin;
mod unwrap;
mod vector;
mod word;
mod wrappers;

pub use builtins::{free_builtins, is_free_builtin};
pub use environment::{Change, TEMPORARY, change, code_variables};
pub use quote::{canonical, quote, split};
pub use runners::{FRAMEWORKS, MAX_NESTED, Program, Runner, inside, is_runner, program, runners};
pub use runs::{Runs, runs};
pub use unwrap::read;
pub use vector::{Open, Places, Stdin};

/// What one argument vector comes down to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The simple commands, in order of appearance.
    pub commands: Vec<Command>,
    /// What could not be known. Not empty: the event is decided on its outer command line, too, and
    /// is never the ground for an allow.
    pub unresolved: Vec<Unresolved>,
}

/// One simple command: wrappers taken off, quotes removed, literal variables put in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command {
    /// The argument vector, never empty; `argv[0]` as invoked, may be a path.
    pub argv: Vec<String>,
    /// Names of the wrappers that were taken off, outermost first.
    pub wrappers: Vec<String>,
    /// For each wrapper the whole vector that begins with it: rules that name a wrapper see these.
    pub layers: Vec<Arc<[String]>>,
    /// Environment assignments that the script makes for it, in order: those in front of it, and
    /// what was exported before. A value that is not known stands as it was written.
    pub assignments: Vec<(String, String)>,
    /// Where it was found.
    pub origin: Origin,
    /// Where it runs.
    pub site: Site,
    /// Where the script went before, by its last `cd` above: as written, or put together from several that
    /// go on from each other. `None` where it went nowhere, or that is not known.
    pub folder: Option<Arc<str>>,
    /// Whether it only runs where the script came there: `cd DIR && COMMAND`.
    pub is_there: bool,
    /// What it reads from its standard input.
    pub stdin: Stdin,
    /// Whether a part of its words is computed; it stands in them as it was written.
    pub is_computed: bool,
    /// Words of it that may turn out to be options, or more than one word.
    pub open: Open,
    /// Whether it is an interpreter whose program was read, and does no more than compute and print;
    /// files that it opens are commands beside it.
    pub is_filter: bool,
}

/// Where a simple command was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The vector itself, or what its wrappers run.
    #[default]
    Direct,
    /// A script given to a shell.
    Script,
    /// A redirection: `> f` is `tee f`, `>> f` is `tee -a f`, `< f` is `cat f`.
    Redirect,
}

/// Where a simple command runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// On the machine of the event.
    #[default]
    Local,
    /// On another machine, or in a container.
    Remote,
}

/// Why something could not be known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unresolved {
    /// What kind of doubt.
    pub reason: Doubt,
    /// The text in doubt.
    pub text: String,
}

/// What kind of doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// No shell, or no filter whose script it is, would parse it.
    ParseError,
    /// The name of the command is computed.
    ComputedName,
    /// The code that runs is computed.
    ComputedCode,
    /// A variable of the environment puts other code in the place of the command's, or before it.
    ChangedCode,
    /// Deeper, longer or more than we read.
    TooLarge,
}

crate::events::text_forms!(Origin {
    Direct = "direct",
    Script = "script",
    Redirect = "redirect",
});
crate::events::text_forms!(Site { Local = "local", Remote = "remote" });
crate::events::text_forms!(Doubt {
    ParseError = "parse_error",
    ComputedName = "computed_name",
    ComputedCode = "computed_code",
    ChangedCode = "changed_code",
    TooLarge = "too_large",
});

impl Command {
    /// The binary's base name.
    pub fn name(&self) -> &str {
        base_name(self.argv.first().map_or("", String::as_str))
    }

    /// The canonical command line, which patterns match.
    pub fn line(&self) -> String {
        canonical(&self.argv)
    }
}

/// The part after the last `/`.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// An absolute path without `.`, `..` and doubled slashes, by its text alone.
pub fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => (),
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether a normal path is a folder or lies in it.
pub fn is_below(path: &str, folder: &str) -> bool {
    folder == "/"
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a word is in a list that is separated by blanks.
pub fn lists(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|it| it == word)
}

/// `python` for `python3.11`.
pub fn without_version(name: &str) -> &str {
    name.trim_end_matches(|ch: char| ch.is_ascii_digit() || ch == '.' || ch == '-')
}
