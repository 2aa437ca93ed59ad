//! What a line begins with up to its last subcommand word, as a pattern.
use std::fmt;

use crate::{
    commands::{
        FRAMEWORKS, MAX_NESTED, Program, base_name,
        grammar::{ArgumentKind, Join, Parsed, lists_subcommands, parse},
        program, quote, without_version,
    },
    policy::literal,
};

/// The beginning that lines of one kind share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stem {
    /// Base name of the binary.
    pub binary: String,
    /// Subcommand path, or the script that an interpreter runs; of a runner, the program inside with its
    /// own, too.
    pub subcommand: Vec<String>,
    /// The pattern without its tail: `git -C * status`.
    pub pattern: String,
    /// Whether the rest of the line decides what runs: an interpreter that was given code, or
    /// nothing at all. No pattern over such a stem can be narrow.
    pub is_open: bool,
    /// Whether the subcommands of the binary are known from its documentation.
    pub is_listed: bool,
    /// Of a program inside a runner the pattern up to that program: `uv run`.
    pub runner: Option<String>,
}

impl Stem {
    /// The words that say what the binary itself is to do, without those of a program inside.
    pub(super) fn own_path(&self, parsed: &Parsed<'_>) -> Vec<String> {
        if self.runner.is_none() {
            return self.subcommand.clone();
        }
        parsed.subcommand.iter().map(|&it| it.to_owned()).collect()
    }
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
    "R",
    "ash",
    "awk",
    "bash",
    "bb",
    "bun",
    "clj",
    "clojure",
    "crystal",
    "csh",
    "dash",
    "deno",
    "elixir",
    "erl",
    "escript",
    "expect",
    "fish",
    "gawk",
    "ghci",
    "groovy",
    "guile",
    "iex",
    "ipython",
    "irb",
    "jbang",
    "jshell",
    "jython",
    "julia",
    "kotlin",
    "ksh",
    "lua",
    "luajit",
    "matlab",
    "mawk",
    "micropython",
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
    "qjs",
    "racket",
    "Rscript",
    "ruby",
    "rust-script",
    "sbcl",
    "scala",
    "scala-cli",
    "sh",
    "source",
    "swipl",
    "tclsh",
    "ts-node",
    "tsx",
    "wish",
    "zsh",
];

/// Debuggers: their commands call functions, run programs and read files of commands.
const DEBUGGERS: &[&str] = &["gdb", "gdb-multiarch", "lldb"];

/// Interpreters whose ordinary use is a short program in the arguments; what it does besides passing
/// text on is read.
const FILTERS: &[&str] = &["awk", "gawk", "mawk"];

/// Subcommands of interpreters behind which the script stands.
const SCRIPT_SUBCOMMANDS: &[(&str, &str)] = &[("bun", "run"), ("deno", "run"), ("deno", "task")];

/// Options whose value is a module to run, after which the module counts as a subcommand.
const MODULE_OPTIONS: &[&str] = &["-m"];

/// The stem of an argument vector and what it was taken apart into.
///
/// That of a runner reaches into the program inside: who may run `uv run pytest` may not run everything
/// else through `uv run`, too.
pub fn stem(argv: &[String], parsed: &Parsed<'_>) -> Stem {
    stem_within(argv, parsed, MAX_NESTED)
}

fn stem_within(argv: &[String], parsed: &Parsed<'_>, depth: usize) -> Stem {
    match program(argv) {
        Some(Program::At(at)) if depth > 0 => runner_stem(argv, at, depth),
        Some(Program::At(_)) => Stem { is_open: true, ..own_stem(argv, parsed) },
        Some(Program::Hidden) => Stem { is_open: !only_tells(argv), ..own_stem(argv, parsed) },
        None => own_stem(argv, parsed),
    }
}

/// Whether a runner is only asked for its version or help.
fn only_tells(argv: &[String]) -> bool {
    let tells =
        |word: &String| matches!(word.as_str(), "--version" | "-V" | "-v" | "--help" | "-h");
    argv.iter().any(tells)
}

/// The stem of a runner, with the program that begins at a word.
fn runner_stem(argv: &[String], at: usize, depth: usize) -> Stem {
    let binary = argv.first().map_or("", |it| base_name(it)).to_owned();
    let inner = argv.get(at..).unwrap_or_default();
    let inside = stem_within(inner, &parse(inner), depth - 1);
    let words = argv.get(..at).unwrap_or_default().iter().enumerate();
    let words = words.map(|(idx, it)| word_pattern(if idx == 0 { &binary } else { it }));
    let runner = words.collect::<Vec<_>>().join(" ");
    // Where the program is is part of what runs.
    let name = inner.first().map_or("", String::as_str);
    let rest = inside.pattern.strip_prefix(&word_pattern(&inside.binary)).unwrap_or_default();
    let pattern = format!("{runner} {}{rest}", word_pattern(name));
    let is_plain = |word: &&String| !word.starts_with('-');
    let path = argv.get(1..at).unwrap_or_default().iter().filter(is_plain).cloned();
    let subcommand = path.chain([name.to_owned()]).chain(inside.subcommand).collect();
    Stem {
        is_listed: lists_subcommands(&binary),
        binary,
        subcommand,
        // A gap in the middle is nothing that a fence behind a runner is known for.
        is_open: inside.is_open || rest.contains('*'),
        pattern,
        runner: Some(runner),
    }
}

/// Whether a program runs what its arguments say, so that the next script is no more of the same.
pub fn is_interpreter(binary: &str) -> bool {
    let version = without_version(binary);
    let is_known = INTERPRETERS.contains(&version) || binary == ".";
    is_known && !FILTERS.contains(&version)
}

fn own_stem(argv: &[String], parsed: &Parsed<'_>) -> Stem {
    let binary = argv.first().map_or("", |it| base_name(it)).to_owned();
    if is_interpreter(&binary) {
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
    let is_open = DEBUGGERS.contains(&binary.as_str()) && !only_tells(argv);
    Stem { pattern, binary, subcommand, is_open, is_listed, runner: None }
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
    let mut subcommand = Vec::new();
    let mut rest = argv.get(1..).unwrap_or_default();
    if let [first, behind @ ..] = rest
        && SCRIPT_SUBCOMMANDS.contains(&(binary.as_str(), first.as_str()))
    {
        words.push(word_pattern(first));
        subcommand.push(first.clone());
        rest = behind;
    }
    let is_plain = |word: &String| !word.starts_with('-') && !word.contains(['$', '`']);
    // Any option but these may carry code.
    let found = match rest {
        [option, module, ..] if MODULE_OPTIONS.contains(&option.as_str()) => {
            words.push(word_pattern(option));
            Some(module)
        }
        [word, ..] if matches!(word.as_str(), "--version" | "-V" | "--help") => Some(word),
        [word, ..] if is_plain(word) => Some(word),
        _ => None,
    };
    if let Some(script) = found {
        words.push(word_pattern(script));
        subcommand.push(script.clone());
        let next = rest.get(1).filter(|_| FRAMEWORKS.contains(&base_name(script)));
        if let Some(command) = next.filter(|it| is_plain(it)) {
            words.push(word_pattern(command));
            subcommand.push(command.clone());
        }
    }
    let (pattern, is_open) = (words.join(" "), found.is_none());
    Stem { pattern, binary, subcommand, is_open, is_listed, runner: None }
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
            ("bun run build", "bun run build", false),
            ("php artisan migrate:status -v", "php artisan migrate:status", false),
            ("python3 manage.py test app", "python3 manage.py test", false),
            ("php artisan --version", "php artisan", false),
            ("bun run -e 1", "bun run", true),
            ("bun test a", "bun test", false),
            ("source .venv/bin/activate", "source .venv/bin/activate", false),
            (". env.sh", ". env.sh", false),
            ("source", "source", true),
            ("uv run pytest -q", "uv run pytest", false),
            ("yarn workspace a test", "yarn workspace a test", false),
            ("uv run --with x pytest -q", "uv run --with x pytest", false),
            ("uv run python -m mypy src", "uv run python -m mypy", false),
            ("uv run python -c 1", "uv run python", true),
            ("uv run ./bin/tool a", "uv run ./bin/tool", false),
            ("poetry run git push origin", "poetry run git push", false),
            ("poetry run git -C /x push", "poetry run git -C * push", true),
            ("npx -y prettier -w .", "npx -y prettier", false),
            ("npx -c 'x y'", "npx", true),
            ("npx --version", "npx", false),
            ("mise exec -- go test ./...", "mise exec -- go test", false),
            ("uv sync", "uv sync", false),
            ("gdb -batch -ex bt ./a", "gdb", true),
            ("lldb --version", "lldb", false),
            ("pnpm install x", "pnpm install", false),
            ("pnpm prisma migrate dev", "pnpm prisma migrate dev", false),
            ("pnpm --filter a tsc -b", "pnpm --filter a tsc", false),
            ("vendor/bin/sail artisan test", "sail artisan test", false),
            (
                "torchrun --nproc_per_node 4 train.py -x",
                "torchrun --nproc_per_node 4 train.py",
                false,
            ),
            ("npx npx npx npx npx npx x", "npx npx npx npx npx", true),
            ("npx npx npx npx npx x -h", "npx npx npx npx npx", true),
        ] {
            let argv = split(line).unwrap();
            let stem = stem(&argv, &parse(&argv));
            assert_eq!((stem.pattern.as_str(), stem.is_open), (want, is_open), "{line}");
        }
    }
}
