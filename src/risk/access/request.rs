//! What tools are asked to do, by the words of their subcommand and those that must not be among the others.
use crate::commands::{base_name, grammar};

/// What some tools may be asked for.
#[derive(Debug)]
pub(super) struct Request {
    /// The tools, separated by blanks.
    pub(super) names: &'static str,
    /// Subcommand paths, separated by commas; a path that ends in `*` is the beginning of its last word.
    /// Whatever the tool is asked for where there are none.
    pub(super) paths: &'static str,
    /// How words begin with which it does more.
    pub(super) not: &'static [&'static str],
}

/// Options of git in front of a subcommand that say how things are shown and found.
///
/// # Source
/// git(1). The others bring settings, programs and repositories from elsewhere.
const GIT_OPTIONS: &[&str] =
    &["--literal-pathspecs", "--no-optional-locks", "--no-pager", "--no-replace-objects", "-P"];

/// Tools whose long options cannot be cut short.
///
/// # Source
/// Documentation of the packages flag and pflag of Go, which they use.
const EXACT: &[&str] = &[
    "docker",
    "gh",
    "go",
    "gofmt",
    "golangci-lint",
    "helm",
    "kubectl",
    "oc",
    "podman",
    "terraform",
    "tofu",
];

/// Tools that are asked for something in one of these ways.
pub(super) fn names(requests: &'static [Request]) -> impl Iterator<Item = &'static str> {
    requests.iter().flat_map(|it| it.names.split_ascii_whitespace())
}

/// Whether a vector is one of these requests.
pub(super) fn is_asked(requests: &[Request], argv: &[String]) -> bool {
    let Some((name, words)) = argv.split_first() else { return false };
    let name = base_name(name);
    let mut of_tool = requests.iter().filter(|it| names_of(it).any(|it| it == name)).peekable();
    if of_tool.peek().is_none() {
        return false;
    }
    let path = grammar::subcommand(argv);
    let words = if name == "git" { behind_options(words, &path) } else { Some(words) };
    let Some(words) = words else { return false };
    let is_exact = EXACT.contains(&name);
    of_tool.any(|it| {
        let begins = |word: &String| it.not.iter().any(|not| word.starts_with(not));
        let does_more = if is_exact { words.iter().any(begins) } else { does_more(words, it.not) };
        it.has(&path) && !does_more
    })
}

fn names_of(request: &Request) -> impl Iterator<Item = &'static str> + use<> {
    request.names.split_ascii_whitespace()
}

/// The words of git from its subcommand on; `None` where options in front say more than where it works.
fn behind_options<'a>(words: &'a [String], path: &[String]) -> Option<&'a [String]> {
    let mut at = 0;
    loop {
        let word = words.get(at)?;
        if word == "-C" {
            at += 2;
        } else if GIT_OPTIONS.contains(&word.as_str()) {
            at += 1;
        } else {
            break;
        }
    }
    words.get(at..).filter(|it| it.first() == path.first())
}

impl Request {
    fn has(&self, path: &[String]) -> bool {
        let is_of = |word: &str, wanted: &str| {
            wanted.strip_suffix('*').map_or(word == wanted, |begin| word.starts_with(begin))
        };
        self.paths.is_empty()
            || self.paths.split(", ").any(|wanted| {
                let mut wanted = wanted.split_ascii_whitespace();
                let is_same =
                    path.iter().all(|word| wanted.next().is_some_and(|wanted| is_of(word, wanted)));
                is_same && wanted.next().is_none()
            })
    }
}

/// Whether a word begins with one of these, or with a value of one, or is one cut short.
pub(super) fn does_more(words: &[String], not: &[&str]) -> bool {
    words.iter().any(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let is_long = name.len() > 2 && name.starts_with("--");
        not.iter().any(|it| {
            word.starts_with(it) || value.starts_with(it) || (is_long && it.starts_with(name))
        })
    })
}
