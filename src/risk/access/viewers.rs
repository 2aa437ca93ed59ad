//! Tools that show files, or compute from text, and do nothing else.
//!
//! What they show is what people work with: files of the working directory and beside it, of a home
//! directory, temporary ones, and those of programs that were installed. What lies elsewhere is not known to
//! be meant.
use std::{collections::BTreeMap, sync::LazyLock};

use super::{
    files::{is_all, is_elsewhere},
    request::{Writing, does_more, writing},
};
use crate::commands::{base_name, lists};

/// What stands behind the options of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operands {
    /// Files.
    Files,
    /// A pattern or a program, then files.
    Program,
    /// Text, no files.
    Text,
}

/// Tools with the same kind of operands.
#[derive(Debug)]
struct Viewers {
    /// Separated by blanks.
    names: &'static str,
    operands: Operands,
    /// How words begin with which they do more.
    not: &'static [&'static str],
}

/// The tools.
///
/// # Source
/// POSIX.1-2017, Utilities; the manuals of GNU coreutils 9.5, findutils 4.10, diffutils 3.10, grep 3.11, sed 4.9,
/// gawk 5.3, jq 1.7, yq 4.44, ripgrep 14, fd 10, Go 1.24. Files that they write and commands that they run are told
/// by their effects and read as commands of their own; what else does more stands here. Left out is what
/// shows the state of the machine, its users and its processes.
const VIEWERS: &[Viewers] = &[
    Viewers {
        names: "b2sum cat cksum cmp column comm cut diff du exa expand eza fmt fold head hexdump hexyl join ls lsd \
                md5 md5sum nl numfmt od paste pathchk rev sha1sum sha224sum sha256sum sha384sum sha512sum \
                shasum stat strings sum tac tail tsort unexpand wc",
        operands: Operands::Files,
        not: &[],
    },
    Viewers {
        names: "nm objdump readelf size tree uniq xxd",
        operands: Operands::Files,
        not: &["--plugin"],
    },
    Viewers {
        names: "sort",
        operands: Operands::Files,
        not: &["--compress-program", "-o", "--output"],
    },
    Viewers { names: "shuf", operands: Operands::Files, not: &["-o", "--output"] },
    Viewers {
        names: "file",
        operands: Operands::Files,
        not: &["-C", "--compile", "-m", "--magic"],
    },
    Viewers { names: "date", operands: Operands::Files, not: &["-s", "--set"] },
    Viewers {
        names: "find",
        operands: Operands::Files,
        not: &["-delete", "-ok", "-fprint", "-fls"],
    },
    Viewers {
        names: "fd fdfind",
        operands: Operands::Program,
        not: &["-x", "-X", "--exec", "--exec-batch", "-l", "--list-details"],
    },
    Viewers {
        names: "gofmt",
        operands: Operands::Files,
        not: &["-w", "--w", "-cpuprofile", "--cpuprofile"],
    },
    Viewers { names: "egrep fgrep grep", operands: Operands::Program, not: &[] },
    Viewers {
        names: "rg ripgrep",
        operands: Operands::Program,
        not: &["--pre", "--hostname-bin", "-z", "--search-zip"],
    },
    Viewers { names: "gsed sed", operands: Operands::Program, not: &["-i", "--in-place"] },
    Viewers {
        names: "awk gawk mawk nawk",
        operands: Operands::Program,
        not: &[
            "--debug",
            "--dump",
            "--include",
            "--load",
            "--pretty",
            "--profile",
            "-D",
            "-d",
            "-i",
            "-l",
            "-o",
            "-p",
        ],
    },
    Viewers { names: "jq", operands: Operands::Program, not: &["-L", "--library-path"] },
    Viewers {
        names: "yq",
        operands: Operands::Program,
        not: &["-i", "--in-place", "--inplace", "-s", "--split-exp"],
    },
    Viewers {
        names: "basename cal dirname expr factor false pwd readlink realpath seq sleep test tr true uuidgen which",
        operands: Operands::Text,
        not: &[],
    },
];

static KNOWN: LazyLock<BTreeMap<&str, &Viewers>> = LazyLock::new(|| {
    VIEWERS
        .iter()
        .flat_map(|it| it.names.split_ascii_whitespace().map(move |name| (name, it)))
        .collect()
});

/// Options that take a program from where no operand is, or from a file.
const PROGRAM_OPTIONS: &[&str] = &["-e", "-f", "--expression", "--regexp", "--file", "--from-file"];

/// Words of the languages of `jq` and `yq` for what is in the environment, or in other files.
const ENVIRONMENT: &[&str] =
    &["env", "ENV", "strenv", "envsubst", "load", "load_str", "import", "include"];

/// Whether no option of a tool does more than look.
pub(super) fn takes_any_option(name: &str) -> bool {
    KNOWN.get(name).is_some_and(|it| it.not.is_empty())
}

/// Names of the tools.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.keys().copied()
}

/// Tools that show names, sizes and dates of files, and nothing of what is in them.
const LISTS: &[&str] = &["eza", "exa", "ls", "lsd", "stat", "tree"];

/// Whether what is in files is shown by none of a tool's options.
pub(super) fn only_lists(name: &str) -> bool {
    LISTS.contains(&name)
}

/// Tools that show what is in all the files below a folder.
const SEARCHERS: &[&str] = &["egrep", "fgrep", "grep", "rg", "ripgrep"];

/// Options of tools that search for a pattern behind which the next word is one of their own.
///
/// # Source
/// The manuals of GNU grep 3.11 and ripgrep 14: all others may take a value.
const PLAIN_OPTIONS: &[(&str, &str)] =
    &[("grep egrep fgrep", "EFGHLPchilnoqrRsvwxyz"), ("rg ripgrep", "FHILNSUchilnopqsuvwx")];

/// Whether an option brings the program, so that no operand is one.
fn is_program_given(words: &[String]) -> bool {
    let is_cluster = |it: &&String| it.starts_with('-') && !it.starts_with("--");
    words.iter().filter(is_cluster).any(|it| it.contains(['e', 'f']))
        || does_more(words, PROGRAM_OPTIONS, Writing::Usual)
}

/// A vector without the pattern that is searched for: what it says is the name of no file.
pub(super) fn without_pattern(argv: &[String]) -> Vec<String> {
    let name = argv.first().map_or("", |it| base_name(it));
    let mut res = argv.to_vec();
    let Some((_, plain)) = PLAIN_OPTIONS.iter().find(|it| lists(it.0, name)) else { return res };
    if is_program_given(argv.get(1..).unwrap_or_default()) {
        return res;
    }
    let is_plain = |word: &str| {
        word.strip_prefix('-')
            .is_some_and(|it| !it.is_empty() && it.chars().all(|it| plain.contains(it)))
    };
    let at = argv.iter().skip(1).position(|it| !is_plain(it)).map(|at| at + 1);
    if let Some(pattern) = at.and_then(|at| res.get_mut(at)).filter(|it| !it.starts_with('-')) {
        "x".clone_into(pattern);
    }
    res
}

/// Whether a vector of one of the tools shows no files but those where people work, and does no more.
pub(super) fn looks(argv: &[String], cwd: Option<&str>) -> bool {
    let Some((name, words)) = argv.split_first() else { return false };
    let name = base_name(name);
    let Some(viewers) = KNOWN.get(name) else { return false };
    let asks = matches!(name, "jq" | "yq") && words.iter().any(|it| asks_environment(it));
    if asks || does_more(words, viewers.not, writing(name)) {
        return false;
    }
    let program = match viewers.operands {
        Operands::Text => return true,
        Operands::Files => None,
        Operands::Program => {
            let is_given = is_program_given(words);
            words.iter().position(|it| !it.starts_with('-')).filter(|_| !is_given)
        }
    };
    let mut others = words.iter().enumerate().filter(|(at, _)| Some(*at) != program);
    !others.any(|(_, word)| {
        is_elsewhere(name, word, cwd) || (SEARCHERS.contains(&name) && is_all(word))
    })
}

/// Whether a program asks for what no file of its operands holds.
fn asks_environment(word: &str) -> bool {
    let is_part = |ch: char| ch.is_alphanumeric() || ch == '_';
    word.split(|ch| !is_part(ch)).any(|it| ENVIRONMENT.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn a_pattern_is_told_from_files() {
        for (line, wanted) in [
            ("grep -rnE '\\.env' src", "grep -rnE x src"),
            ("grep '' .env", "grep x .env"),
            ("rg -n .env", "rg -n x"),
            ("grep -r --include .env ''", "grep -r --include .env ''"),
            ("grep -A 3 .env x", "grep -A 3 .env x"),
            ("grep -rf .env x", "grep -rf .env x"),
            ("grep -e x .env", "grep -e x .env"),
            ("grep -n .env -e x", "grep -n .env -e x"),
            ("grep .env --reg=x", "grep .env --reg=x"),
            ("rg -r .env x", "rg -r .env x"),
            ("cat .env", "cat .env"),
        ] {
            assert_eq!(without_pattern(&split(line).unwrap()), split(wanted).unwrap(), "{line}");
        }
    }

    #[test]
    fn files_where_people_work_are_told_from_others() {
        for line in [
            "cat a.txt ../b/c.txt ~/x /home/ana/x /Users/ana/x /tmp/y /private/tmp/z",
            "head -n 3 $F",
            "grep -rn /api/v1 src",
            "sed -n /from/,/to/p a.txt",
            "awk -F/ '/x/ {print $2}' a.txt",
            "jq -r '.a / .b' a.json",
            "cut -d / -f 2 a.txt",
            "diff /dev/fd/63 /dev/fd/62",
            "tr / -",
            "find . -name '*.go' -not -path './x/*'",
            "basename /path/to/file",
            "sort -u a.txt",
        ] {
            assert!(looks(&split(line).unwrap(), None), "{line}");
        }
        for line in [
            "cat /path/to/input-file",
            "cat /home /srv/x",
            "cat /home/ana/../../srv/x",
            "grep '' /path/to/input-file",
            "grep -f /path/to/input-file x",
            "grep -rn BEGIN ~",
            "rg x /home/ana/",
            "fd -Hx rm",
            "grep -e x /path/to/input-file",
            "sed '' /path/to/input-file",
            "wc --files0-from=/path/to/input-file",
            "wc --files0-from /path/to/input-file",
            "date -f/path/to/input-file",
            "date -s 10:00",
            "ls /",
            "grep -r x /",
            "jq -n env",
            "jq -n '$ENV.TOKEN'",
            "jq -n --rawfile a /path/x '$a'",
            "yq -i .a=1 x.yml",
            "sed -i s/a/b/ x",
            "find . -delete",
            "find . -ok rm {} +",
            "fd -x rm",
            "rg --pre cat x",
            "sort --compress-prog=x a",
            "gofmt -w .",
            "gawk -o 1 a",
            "nm --plugin=./x.so a",
            "file -C -m x",
        ] {
            assert!(!looks(&split(line).unwrap(), None), "{line}");
        }
    }
}
