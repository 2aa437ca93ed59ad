//! Which words that are not known are no options all the same, and no more than one word.
use brush_parser::ast::{Command as Node, CommandPrefixOrSuffixItem as Item};

use super::{scope::Scope, vector::Vector};

/// Parameters that are numbers.
///
/// # Source
/// POSIX.1-2017, Shell: special parameters.
const NUMBERS: &[&str] = &["$#", "$$", "$?"];

/// Programs that give one word each, or several of which none is an option: git has no branches that begin with a
/// dash, or hold a blank.
///
/// # Source
/// git-check-ref-format(1), git-rev-parse(1), git-merge-base(1).
const WORDS: &[&str] = &[
    "$(git branch --show-current)",
    "$(git branch -r --format='%(refname:short)')",
    "$(git rev-parse --abbrev-ref HEAD)",
    "$(git rev-parse --short HEAD)",
    "$(git rev-parse HEAD)",
    "$(hostname)",
    "$(nproc)",
    "$(uname -m)",
    "$(uname -s)",
    "$(uname)",
    "$(whoami)",
];

/// The same of paths, which begin with a slash and may hold blanks.
const PATHS: &[&str] = &[
    "$HOME",
    "${HOME}",
    "$(git rev-parse --show-toplevel)",
    "$(go env GOMODCACHE)",
    "$(go env GOPATH)",
    "$(go env GOROOT)",
    "$(mktemp -d)",
    "$(mktemp)",
    "$(pwd)",
];

/// What an expansion comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expansion {
    /// A number, which may have a sign: no option even behind a dash.
    Number,
    /// Words that are no options.
    Words,
    /// The same, but that blanks may be in it, at which a shell splits outside of quotes.
    Text,
    /// Anything: options, and several words.
    Anything,
}

/// What an expansion comes to, as it is written.
pub(super) fn expansion(raw: &str, scope: &Scope) -> Expansion {
    let name = raw.trim_matches(['$', '(', ')', '{', '}']).split(' ').next().unwrap_or_default();
    let is_program = raw.starts_with("$(");
    if !is_program && scope.is_word(name) {
        return Expansion::Text;
    }
    // What the script itself makes of a name is not known here.
    if scope.is_set(name) || scope.function(name).is_some() {
        return Expansion::Anything;
    }
    let is_of = |list: &[&str]| {
        let quiet = raw.strip_suffix(" 2>/dev/null)");
        list.contains(&raw)
            || quiet.is_some_and(|it| list.iter().any(|word| word.strip_suffix(')') == Some(it)))
    };
    let merge_base = || {
        let names = raw.strip_prefix("$(git merge-base ").and_then(|it| it.strip_suffix(')'));
        names.is_some_and(|it| {
            it.chars().all(|ch| ch.is_ascii_alphanumeric() || " ._/-".contains(ch))
        })
    };
    if raw.starts_with("$((") || NUMBERS.contains(&raw) {
        Expansion::Number
    } else if is_of(WORDS) || merge_base() {
        Expansion::Words
    } else if is_of(PATHS) {
        Expansion::Text
    } else {
        Expansion::Anything
    }
}

/// Whether a part of a pipeline passes on paths that begin with where they were looked for, which is no option.
pub(super) fn finds_paths(node: &Node, scope: &Scope) -> bool {
    // What these write begins otherwise, and a variable may hold one of them.
    const OTHERS: &[&str] = &["-exec", "-fprintf", "-ls", "-ok", "-printf"];
    let Node::Simple(simple) = node else { return false };
    let name = simple.word_or_name.as_ref().map(|it| it.value.as_str());
    let is_plain = |item: &Item| match item {
        Item::Word(word) => {
            let text: String = word.value.chars().filter(|it| !"'\"\\".contains(*it)).collect();
            !OTHERS.iter().any(|it| text.starts_with(it)) && !text.contains(['$', '`', '{'])
        }
        _ => true,
    };
    let is_find = name == Some("find") && scope.function("find").is_none();
    is_find && simple.suffix.iter().flat_map(|it| &it.0).all(is_plain)
}

/// `read X` of paths that find found: one to a line.
pub(super) fn read_path(vector: &Vector, has_no_redirect: bool, scope: &mut Scope) {
    let is_read = vector.argv.first().is_some_and(|it| it == "read") && vector.unknown.is_empty();
    let names: Vec<&String> = vector.argv.iter().skip(1).filter(|it| *it != "-r").collect();
    if let [name] = names.as_slice()
        && is_read
        && has_no_redirect
        && scope.reads_paths
        && !name.starts_with('-')
    {
        scope.set_word(name);
    }
}
