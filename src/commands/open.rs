//! Which words that are not known are no options all the same, and no more than one word.
use brush_parser::ast::{Command as Node, CommandPrefixOrSuffixItem as Item};

use super::{scope::Scope, vector::Vector};

/// Variables and programs that give words without blanks, none of which is an option; git has no branches that begin
/// with a dash.
///
/// # Source
/// POSIX.1-2017, Shell: special parameters, and the environment; git-rev-parse(1), git-merge-base(1).
const PLAIN_WORDS: &[&str] = &[
    "$#",
    "$$",
    "$?",
    "$HOME",
    "${HOME}",
    "$(git branch --show-current)",
    "$(git branch -r --format='%(refname:short)')",
    "$(git rev-parse --abbrev-ref HEAD)",
    "$(git rev-parse --short HEAD)",
    "$(git rev-parse --show-toplevel)",
    "$(git rev-parse HEAD)",
    "$(go env GOMODCACHE)",
    "$(go env GOPATH)",
    "$(go env GOROOT)",
    "$(hostname)",
    "$(mktemp -d)",
    "$(mktemp)",
    "$(nproc)",
    "$(pwd)",
    "$(uname -m)",
    "$(uname -s)",
    "$(uname)",
    "$(whoami)",
];

/// Whether an expansion is words that are no options, whatever it comes to; a number may have a sign.
pub(super) fn is_plain_words(raw: &str) -> bool {
    let merge_base = || {
        let names = raw.strip_prefix("$(git merge-base ").and_then(|it| it.strip_suffix(')'));
        names.is_some_and(|it| {
            it.chars().all(|ch| ch.is_ascii_alphanumeric() || " ._/-".contains(ch))
        })
    };
    let quiet = raw.replace(" 2>/dev/null)", ")");
    raw.starts_with("$((") || PLAIN_WORDS.contains(&quiet.as_str()) || merge_base()
}

/// Whether a part of a pipeline passes on paths that begin with where they were looked for, which is no option.
pub(super) fn finds_paths(node: &Node) -> bool {
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
    name == Some("find") && simple.suffix.iter().flat_map(|it| &it.0).all(is_plain)
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
