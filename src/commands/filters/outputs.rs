//! Filters that write a file which their arguments name.
//!
//! # Source
//! The manuals of coreutils 9, glibc's iconv, tree 2.1, xxd of Vim 9, and POSIX.1-2024.
use std::collections::BTreeMap;

use super::{
    Deed, Mode,
    arguments::{Argument, Syntax},
};

/// Where a filter names what it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Output {
    /// The value of `-o` or `--output`.
    Option,
    /// The second operand.
    Operand,
}

/// Options of Vim's `xxd` that take the next word: `-exec` is `-e`, and `-cols` takes it, which `-c8` does not.
const XXD_VALUED: &[&str] =
    &["c", "cols", "g", "group", "l", "len", "n", "name", "o", "offset", "R", "s", "seek", "skip"];

/// A filter by its name.
struct Filter {
    name: &'static str,
    syntax: Syntax,
    output: Output,
}

const fn filter(
    name: &'static str,
    valued: &'static str,
    long: &'static [&'static str],
    output: Output,
) -> Filter {
    let syntax = Syntax { valued, joined: "", long, long_joined: &[], words: None, permutes: true };
    Filter { name, syntax, output }
}

const FILTERS: &[Filter] = &[
    filter(
        "sort",
        "kStTo",
        &[
            "output",
            "key",
            "buffer-size",
            "field-separator",
            "temporary-directory",
            "parallel",
            "batch-size",
            "files0-from",
        ],
        Output::Option,
    ),
    filter(
        "shuf",
        "ino",
        &["output", "input-range", "head-count", "random-source"],
        Output::Option,
    ),
    filter("iconv", "fto", &["output", "from-code", "to-code"], Output::Option),
    filter("tree", "LPIHTo", &["output", "charset", "filelimit"], Output::Option),
    filter("uniq", "fsw", &["skip-fields", "skip-chars", "check-chars"], Output::Operand),
    filter("xxd", "cglsonR", &[], Output::Operand),
];

/// The filters that write a file, by name.
pub(in crate::commands) fn names() -> impl Iterator<Item = (&'static str, Output)> {
    FILTERS.iter().map(|it| (it.name, it.output))
}

/// The files that a filter of this name writes: their places in the vector, and what is done.
///
/// Programs of one name differ in whether options may stand behind operands, and in whether letters may
/// share a dash: `xxd - -i` writes `-i`, or nothing. Whatever one of them writes counts.
pub(super) fn written(name: &str, argv: &[String]) -> BTreeMap<usize, Deed> {
    let Some(filter) = FILTERS.iter().find(|it| it.name == name) else { return BTreeMap::new() };
    let getopt = [true, false].map(|permutes| Syntax { permutes, ..filter.syntax });
    let words = Syntax { words: Some(XXD_VALUED), permutes: false, ..filter.syntax };
    let ways = getopt.into_iter().chain((name == "xxd").then_some(words));
    let paths = ways.filter_map(|syntax| {
        let arguments = syntax.arguments(argv);
        match filter.output {
            Output::Option => arguments.iter().rev().find_map(|it| match it {
                Argument::Option("o" | "output", at, path) => Some((*at, *path)),
                _ => None,
            }),
            Output::Operand => {
                let operands = arguments.iter().filter_map(|it| match it {
                    Argument::Operand(at, path) => Some((*at, *path)),
                    Argument::Option(..) => None,
                });
                operands.skip(1).take(1).find(|it| it.1 != "-")
            }
        }
    });
    paths.map(|(at, path)| (at, Deed::Opens(Mode::Write, path.to_owned(), true))).collect()
}
