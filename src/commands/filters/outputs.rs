//! Filters that write a file which their arguments name.
//!
//! # Source
//! The manuals of coreutils 9, glibc's iconv, tree 2.1, xxd of Vim 9, and POSIX.1-2024.
use super::{Deed, Mode};

/// Where a filter names what it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Output {
    /// The value of `-o` or `--output`.
    Option,
    /// The second operand.
    Operand,
}

/// A filter, with the letters of its options that take a value, and its long ones that take the next
/// word, blank-separated.
struct Filter {
    name: &'static str,
    short: &'static str,
    long: &'static str,
    output: Output,
}

const FILTERS: &[Filter] = &[
    Filter {
        name: "sort",
        short: "kStTo",
        long: "key buffer-size field-separator temporary-directory parallel batch-size files0-from output",
        output: Output::Option,
    },
    Filter {
        name: "shuf",
        short: "ino",
        long: "input-range head-count output random-source",
        output: Output::Option,
    },
    Filter {
        name: "iconv",
        short: "fto",
        long: "from-code to-code output",
        output: Output::Option,
    },
    Filter {
        name: "tree",
        short: "LPIHTo",
        long: "charset filelimit output",
        output: Output::Option,
    },
    Filter {
        name: "uniq",
        short: "fsw",
        long: "skip-fields skip-chars check-chars",
        output: Output::Operand,
    },
    Filter { name: "xxd", short: "cglsonR", long: "", output: Output::Operand },
];

/// The filters that write a file, by name.
pub(in crate::commands) fn names() -> impl Iterator<Item = (&'static str, Output)> {
    FILTERS.iter().map(|it| (it.name, it.output))
}

/// The file that a filter of this name writes: its place in the vector, and what is done.
pub(super) fn written(name: &str, argv: &[String]) -> Option<(usize, Deed)> {
    let filter = FILTERS.iter().find(|it| it.name == name)?;
    let opens = |at: usize, path: &str| Some((at, Deed::Opens(Mode::Write, path.to_owned(), true)));
    let mut operands = Vec::new();
    let mut written = None;
    let mut at = 1;
    while let Some(word) = argv.get(at) {
        let own = at;
        at += 1;
        if word == "--" {
            operands.extend(at..argv.len());
            break;
        } else if let Some(long) = word.strip_prefix("--") {
            let (given, joined) =
                long.split_once('=').map_or((long, None), |it| (it.0, Some(it.1)));
            let is_output = "output".starts_with(given) && filter.output == Output::Option;
            match joined {
                Some(path) if is_output => written = opens(own, path),
                Some(_) => (),
                None if is_output || filter.long.split(' ').any(|it| it.starts_with(given)) => {
                    at += 1;
                    if is_output {
                        written = argv.get(own + 1).and_then(|path| opens(own + 1, path));
                    }
                }
                None => (),
            }
        } else if let Some(letters) = word.strip_prefix('-').filter(|it| !it.is_empty()) {
            let found = letters.char_indices().find(|&(_, ch)| filter.short.contains(ch));
            let Some((idx, letter)) = found else { continue };
            let joined = letters.get(idx + 1..).filter(|it| !it.is_empty());
            at += usize::from(joined.is_none());
            if letter == 'o' && filter.output == Output::Option {
                let place = if joined.is_some() { own } else { own + 1 };
                let path = joined.or_else(|| argv.get(own + 1).map(String::as_str));
                written = path.and_then(|path| opens(place, path));
            }
        } else {
            operands.push(own);
        }
    }
    if filter.output == Output::Operand {
        let second = operands.get(1).copied();
        written = second.and_then(|at| opens(at, argv.get(at)?)).filter(|it| !is_stdout(&it.1));
    }
    written
}

/// Whether it is `-`, which is no file as an operand.
fn is_stdout(deed: &Deed) -> bool {
    matches!(deed, Deed::Opens(_, path, _) if path == "-")
}
