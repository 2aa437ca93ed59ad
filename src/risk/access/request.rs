//! What tools are asked to do, by the words of their subcommand and those that must not be among the others.
use crate::commands::{base_name, grammar, lists};

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

/// How the options of a tool are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// Short ones may be put together, long ones cut short.
    Usual,
    /// Short ones may be put together.
    Whole,
    /// One dash or two, whatever their length.
    Dash,
}

/// Tools that write their options otherwise than usual.
///
/// # Source
/// Documentation of the packages flag and pflag of Go, which they use; find(1); the manual of TypeScript.
const WRITINGS: &[(&str, Writing)] = &[
    ("docker gh golangci-lint helm kubectl oc podman", Writing::Whole),
    ("find go gofmt goimports staticcheck terraform tofu tsc vue-tsc", Writing::Dash),
];

/// How a tool writes its options.
pub(super) fn writing(name: &str) -> Writing {
    WRITINGS.iter().find(|it| lists(it.0, name)).map_or(Writing::Usual, |it| it.1)
}

/// Tools that are asked for something in one of these ways.
pub(super) fn names(requests: &'static [Request]) -> impl Iterator<Item = &'static str> {
    requests.iter().flat_map(|it| it.names.split_ascii_whitespace())
}

/// Whether a vector is one of these requests.
pub(super) fn is_asked(requests: &[Request], argv: &[String]) -> bool {
    asked(requests, argv).is_some()
}

/// The first of these requests that a vector is.
pub(super) fn asked<'a>(requests: &'a [Request], argv: &[String]) -> Option<&'a Request> {
    let (name, words) = argv.split_first()?;
    let name = base_name(name);
    let mut of_tool = requests.iter().filter(|it| lists(it.names, name)).peekable();
    of_tool.peek()?;
    let path = grammar::subcommand(argv);
    let is_subcommand = |it: &&[String]| it.first() == path.first();
    let words =
        if name == "git" { behind_options(words).filter(is_subcommand) } else { Some(words) }?;
    let writing = writing(name);
    of_tool.find(|it| it.has(&path) && !does_more(words, it.not, writing))
}

/// The words of git from its subcommand on; `None` for other tools, and where options in front say more than
/// where it works.
pub(super) fn git_words(argv: &[String]) -> Option<&[String]> {
    let (name, words) = argv.split_first()?;
    let words = (base_name(name) == "git").then(|| behind_options(words))?;
    words.filter(|it| it.first().is_some_and(|it| !it.starts_with('-')))
}

/// The words of git from its subcommand on; `None` where options in front say more than where it works.
fn behind_options(words: &[String]) -> Option<&[String]> {
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
    words.get(at..)
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

/// Whether a word begins with one of these, or with a value of one, or is one cut short, or put together with
/// others.
pub(super) fn does_more(words: &[String], not: &[&str], writing: Writing) -> bool {
    words.iter().any(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let is_long = name.len() > 2 && name.starts_with("--");
        let is_cut = |it: &str| writing == Writing::Usual && is_long && it.starts_with(name);
        let letters = word.strip_prefix('-').filter(|it| {
            // `-ojson` has its value behind it.
            let is_output = writing == Writing::Whole && it.starts_with('o');
            writing != Writing::Dash && !it.starts_with('-') && !is_output
        });
        let holds = |it: &str| match (it.strip_prefix('-'), letters) {
            (Some(letter), Some(letters)) => letter.len() == 1 && letters.contains(letter),
            _ => false,
        };
        not.iter()
            .any(|it| word.starts_with(it) || value.starts_with(it) || is_cut(it) || holds(it))
    })
}
