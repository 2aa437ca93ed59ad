//! Which words that are not known are no options all the same, and no more than one word.
use brush_parser::ast::{Command as Node, CommandPrefixOrSuffixItem as Item};

use super::{scope::Scope, vector::Vector};

/// Variables and programs that give one word each, or several of which none is an option: git has no branches that
/// begin with a dash, or hold a blank.
///
/// # Source
/// POSIX.1-2017, Shell: special parameters; git-check-ref-format(1), git-rev-parse(1), git-merge-base(1).
const WORDS: &[&str] = &[
    "$#",
    "$$",
    "$?",
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

/// What an expansion may turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expansion {
    /// An option, where it begins a word.
    pub(super) may_be_option: bool,
    /// Several words, options among them, outside of quotes.
    pub(super) may_split: bool,
}

/// What an expansion may turn out to be, as it is written.
pub(super) fn expansion(raw: &str, scope: &Scope) -> Expansion {
    let merge_base = || {
        let names = raw.strip_prefix("$(git merge-base ").and_then(|it| it.strip_suffix(')'));
        names.is_some_and(|it| {
            it.chars().all(|ch| ch.is_ascii_alphanumeric() || " ._/-".contains(ch))
        })
    };
    let quiet = raw.replace(" 2>/dev/null)", ")");
    // What the script itself makes of a name is not known here.
    let name = raw.trim_matches(['$', '(', ')', '{', '}']).split(' ').next().unwrap_or_default();
    let is_own = scope.is_set(name) || scope.function(name).is_some();
    // A number may have a sign.
    let is_word = raw.starts_with("$((") || WORDS.contains(&quiet.as_str()) || merge_base();
    let is_path = PATHS.contains(&quiet.as_str());
    Expansion { may_be_option: is_own || !(is_word || is_path), may_split: is_own || !is_word }
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
