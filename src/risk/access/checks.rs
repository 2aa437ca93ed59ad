//! What runs the checks that a project has of itself: builds, tests, type checkers and linters.
//!
//! They run the project's own code, and nothing that the command line brings along: settings, plugins and
//! programs from elsewhere are told by their options.
use super::{
    builds,
    files::{is_elsewhere, is_loose, is_setting, is_workpiece},
    request::{self, Request, does_more, is_asked, writing},
};
use crate::commands::{base_name, grammar, inside, lists};

/// How options of package managers of JavaScript begin that take code, settings or a project from elsewhere.
const NODE_OPTIONS: &[&str] = &[
    "--config",
    "--cwd",
    "--dir",
    "--global",
    "--node-options",
    "--pnpmfile",
    "--prefix",
    "--preload",
    "--require",
    "--script-shell",
    "--user",
    "-C",
    "-r",
];

/// The tools.
///
/// # Source
/// Their manuals: go 1.24, cargo 1.88, npm 11, TypeScript 5, eslint 9, Prettier 3, Vitest 3, Jest 30, pytest 8,
/// mypy 1, pyright 1, ruff 0.12, black 25, golangci-lint 2, shellcheck 0.10, Terraform 1.10.
const CHECKS: &[Request] = &[
    Request {
        names: "go",
        paths: "build, test, tool cover, vet",
        not: &[
            "-C",
            "-compiler",
            "-exec",
            "-fix",
            "-gcc",
            "-modfile",
            "-overlay",
            "-pkgdir",
            "-toolexec",
            "-vettool",
            "--",
        ],
    },
    Request {
        names: "cargo",
        paths: "bench, build, check, clippy, doc, fmt, nextest list, nextest run, test",
        not: &["--archive", "--config", "--fix", "--manifest-path", "--open", "-C", "-Z", "+"],
    },
    Request { names: "npm pnpm yarn bun", paths: "test, t", not: NODE_OPTIONS },
    Request {
        names: "tsc vue-tsc",
        paths: "",
        not: &[
            "--declarationDir",
            "--generate",
            "--init",
            "--out",
            "--plugins",
            "--tsBuildInfoFile",
        ],
    },
    Request {
        names: "eslint",
        paths: "",
        not: &[
            "--cache-",
            "--config",
            "--format",
            "--init",
            "--inspect",
            "--output",
            "--parser",
            "--plugin",
            "--resolve-plugins",
            "--rulesdir",
            "-c",
            "-f",
            "-o",
        ],
    },
    Request {
        names: "prettier",
        paths: "",
        not: &["--cache-", "--config", "--find-config", "--plugin"],
    },
    Request {
        names: "vitest",
        paths: "run",
        not: &[
            "--browser",
            "--config",
            "--coverage.",
            "--diff",
            "--dir",
            "--environment",
            "--globalSetup",
            "--outputFile",
            "--pool",
            "--reporter",
            "--root",
            "--runner",
            "--sequence.",
            "--setup",
            "--typecheck",
            "--workspace",
            "-c",
        ],
    },
    Request {
        names: "jest",
        paths: "",
        not: &[
            "--config",
            "--env",
            "--filter",
            "--global",
            "--outputFile",
            "--prettierPath",
            "--projects",
            "--reporters",
            "--resolver",
            "--rootDir",
            "--roots",
            "--runner",
            "--setupFiles",
            "--snapshotResolver",
            "--test",
            "--transform",
            "-c",
        ],
    },
    Request {
        names: "pytest py.test",
        paths: "",
        not: &[
            "--basetemp",
            "--config-file",
            "--confcutdir",
            "--junit",
            "--log-file",
            "--override-ini",
            "--pastebin",
            "--pdbcls",
            "--rootdir",
            "-c",
            "-o",
            "-p",
        ],
    },
    Request {
        names: "mypy pyright",
        paths: "",
        not: &[
            "--cache-dir",
            "--config-file",
            "--custom-typ",
            "--install-types",
            "--junit",
            "--project",
            "--python-executable",
            "--pythonpath",
            "--venv",
            "-p",
        ],
    },
    Request {
        names: "ruff",
        paths: "check, format",
        not: &["--cache-dir", "--config", "--output-file", "-o"],
    },
    Request {
        names: "black flake8 isort",
        paths: "",
        not: &["--append-config", "--config", "--output-file", "--settings", "--tee"],
    },
    Request {
        names: "golangci-lint",
        paths: "run",
        not: &["--config", "--cpu-", "--mem-", "--out", "--trace-", "-c"],
    },
    Request {
        names: "shellcheck staticcheck",
        paths: "",
        not: &["--rcfile", "--source-path", "-P"],
    },
    Request { names: "terraform tofu", paths: "fmt, validate", not: &["-chdir"] },
];

/// How options of make begin that take what it does from elsewhere.
const MAKE_OPTIONS: &[&str] =
    &["--directory", "--eval", "--file", "--include-dir", "--makefile", "-C", "-E", "-I", "-f"];

/// Make, asked for nothing: its first target.
const MAKE: &[Request] = &[Request { names: "gmake make", paths: "", not: MAKE_OPTIONS }];

/// What runs the tasks that a project defines, and how words begin with which it takes them from elsewhere.
///
/// # Source
/// The manuals of npm 11, pnpm 10, yarn 4, bun 1.2, GNU make 4.4, just 1.40, Task 3 and mise 2025.
const TASK_RUNNERS: &[Request] = &[
    Request { names: "npm pnpm yarn bun", paths: "run *", not: NODE_OPTIONS },
    Request { names: "gmake make", paths: "*", not: MAKE_OPTIONS },
    Request {
        names: "just task",
        paths: "*",
        not: &[
            "--dir",
            "--justfile",
            "--set",
            "--shell",
            "--taskfile",
            "--working-directory",
            "-d",
            "-f",
        ],
    },
    Request { names: "mise", paths: "run *", not: &["--cd", "--env", "-C", "-E"] },
];

/// What projects call such tasks; `test:unit` is one of `test`.
///
/// # Source
/// Our choice, by what is usual.
const TASKS: &[&str] =
    &["all", "build", "check", "fmt", "format", "lint", "test", "type-check", "typecheck", "vet"];

/// What runs the tools that a project has installed.
const RUNNERS: &[&str] = &[
    "bun", "bundle", "bunx", "mise", "npm", "npx", "php", "pipenv", "pnpm", "poetry", "python",
    "python3", "uv", "yarn",
];

/// Words of such runners that change nothing about what is run.
const RUNNER_WORDS: &[&str] =
    &["--", "--no", "--no-install", "--silent", "-m", "-s", "exec", "run", "x"];

/// Names of the tools and of what runs them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let requests =
        request::names(CHECKS).chain(request::names(TASK_RUNNERS)).chain(builds::names());
    requests.chain(RUNNERS.iter().copied())
}

/// Whether a vector runs checks, on files where people work.
pub(super) fn checks(argv: &[String], cwd: Option<&str>) -> bool {
    let Some(name) = argv.first().map(|it| base_name(it)) else { return false };
    let words = argv.get(1..).unwrap_or_default();
    let is_foreign = |word: &String| is_elsewhere(name, word, cwd) || is_setting(word, cwd);
    if words.iter().any(is_foreign)
        || writes_elsewhere(words, cwd)
        || links_more(words)
        || takes_loose(words, cwd)
    {
        return false;
    }
    let at = inside(argv).filter(|_| RUNNERS.contains(&name)).unwrap_or_default();
    let (front, tool) = argv.split_at(at);
    let is_known = || is_asked(CHECKS, tool) || builds::is_known(tool, cwd);
    (is_plain(front) && is_known()) || (at == 0 && is_task(argv)) || is_direct_task(name, words)
}

/// Whether a word is an option that names a file to be written.
fn is_output(option: &str) -> bool {
    option.starts_with('-')
        && (matches!(option, "-o" | "-outputdir" | "-trace") || option.ends_with("profile"))
}

/// Whether an option says to write what is no part of the work.
fn writes_elsewhere(words: &[String], cwd: Option<&str>) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word.as_str(), words.get(at + 1).map(String::as_str)),
        };
        is_output(option) && value.is_some_and(|it| !is_workpiece(it, cwd))
    })
}

/// Whether anything but what is written is taken from where others may have put it: code, or settings.
fn takes_loose(words: &[String], cwd: Option<&str>) -> bool {
    let mut before = "";
    words.iter().any(|word| {
        let is_written = is_output(word.split('=').next().unwrap_or_default()) || is_output(before);
        before = word;
        !is_written && is_loose(word, cwd)
    })
}

/// Whether a linker of Go is asked for more than to leave out symbols and to set strings: for another linker.
fn links_more(words: &[String]) -> bool {
    let mut is_value = false;
    words.iter().any(|word| {
        let value = word.strip_prefix("-ldflags=");
        let value = value.or_else(|| std::mem::take(&mut is_value).then_some(word.as_str()));
        is_value = word == "-ldflags";
        let Some(value) = value else { return false };
        let mut parts = value.split_ascii_whitespace().map(|it| it.trim_matches(['\'', '"']));
        parts.any(|it| it.starts_with('-') && !matches!(it, "-s" | "-w" | "-X"))
    })
}

/// Whether the words of a runner say where it finds the tool and no more.
fn is_plain(front: &[String]) -> bool {
    let mut words = front.iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--prefix" => _ = words.next(),
            word if RUNNER_WORDS.contains(&word) => (),
            _ => return false,
        }
    }
    true
}

/// Options of package managers in front of a task that say in which parts of a project it is run, and whether
/// a word follows.
///
/// # Source
/// The manuals of pnpm 10 and yarn 4.
const PARTS: &[(&str, bool)] = &[
    ("--filter", true),
    ("--recursive", false),
    ("--workspace-root", false),
    ("-F", true),
    ("-r", false),
    ("-w", false),
    ("workspace", true),
];

/// Whether a task is run that is a check by its name, as pnpm and yarn take it: without `run`, in parts of the
/// project.
fn is_direct_task(name: &str, words: &[String]) -> bool {
    let mut words = words.iter().peekable();
    while let Some(word) = words.peek() {
        let part = PARTS.iter().find(|it| it.0 == word.as_str());
        match part {
            Some((_, has_value)) => _ = words.nth(usize::from(*has_value)),
            None if word.starts_with("--filter=") || word.as_str() == "run" => _ = words.next(),
            None => break,
        }
    }
    let rest: Vec<String> = words.cloned().collect();
    lists("pnpm yarn", name)
        && rest.first().is_some_and(|it| is_check(it))
        && !does_more(&rest, NODE_OPTIONS, writing(name))
}

/// Whether a task is a check by its name.
fn is_check(task: &str) -> bool {
    TASKS.contains(&task.split(':').next().unwrap_or_default())
}

/// Whether nothing but tasks are run that are checks by their names.
fn is_task(argv: &[String]) -> bool {
    let path = grammar::subcommand(argv);
    let name = argv.first().map_or("", |it| base_name(it));
    // Of these each operand is one; `make test SHELL=/tmp/x` sets what runs it.
    let takes_many = !matches!(name, "bun" | "npm" | "pnpm" | "yarn");
    let mut operands = argv.iter().skip(1).filter(|it| !it.starts_with('-'));
    let are_checks = operands.all(|it| !takes_many || it == "run" || is_check(it));
    // `make` alone builds.
    let is_bare = lists("gmake make", name) && path.is_empty();
    are_checks
        && (path.last().is_some_and(|it| is_check(it)) || is_bare)
        && is_asked(if is_bare { MAKE } else { TASK_RUNNERS }, argv)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn checks_of_the_project_are_told_from_what_the_line_brings_along() {
        for line in [
            "go test ./... -run TestX -count=1",
            "go build -o /tmp/x ./cmd/x",
            "go vet -tags=e2e ./x/...",
            "go build -ldflags '-s -w -X main.version=1' ./x",
            "go build '-ldflags=-s -w' -o /tmp/x .",
            "go tool cover -func=coverage.out -o /dev/null",
            "cargo clippy --all-targets",
            "npm test",
            "npm run lint",
            "npm run test:unit -- --watch=false",
            "make test",
            "mise run lint",
            "npx tsc --noEmit -p a",
            "npx --prefix /Users/ana/p tsc --noEmit",
            "npx eslint src --fix",
            "npx vitest run a.test.ts",
            "pnpm exec jest a",
            "pnpm build",
            "pnpm -r test",
            "pnpm --filter web run build",
            "pnpm --filter=web lint --fix",
            "yarn workspace web test",
            "yarn typecheck",
            "uv run pytest -q tests",
            "python3 -m pytest -k x",
            "mise exec -- golangci-lint run --timeout=30m ./...",
            "golangci-lint run --new=false ./...",
            "ruff check --fix .",
        ] {
            assert!(checks(&split(line).unwrap(), None), "{line}");
        }
        for line in [
            "go test -exec=/tmp/x ./...",
            "go test --exec /tmp/x ./...",
            "go build -toolexec x",
            "go run ./x",
            "go build -ldflags '-extld /tmp/x' .",
            "go build -ldflags=-extld=/tmp/x .",
            "go build -o ~/bin/git .",
            "go test -cpuprofile=/home/ana/.bashrc .",
            "cargo test --config x",
            "cargo run",
            "npm run deploy",
            "npm -r test",
            "pnpm deploy",
            "pnpm --filter web deploy",
            "pnpm --filter test deploy",
            "pnpm -r",
            "pnpm -C /x test",
            "pnpm --dir x test",
            "yarn workspace test deploy",
            "yarn test --cwd=x",
            "npm install",
            "make deploy",
            "make test SHELL=/tmp/x",
            "make test deploy",
            "just test deploy",
            "mise run test ::: deploy",
            "npx --prefix /tmp/x tsc",
            "vitest run --globalSetup=/tmp/x.js",
            "npx vitest run --coverage.customProviderModule=/tmp/x.js",
            "pytest -xp evil",
            "pytest ../../../tmp/x",
            "make -sf x test",
            "cargo doc --open",
            "eslint --inspect-config",
            "golangci-lint run -vc x",
            "make -f /tmp/x test",
            "npx cowsay",
            "npx -c 'tsc'",
            "npx -p evil tsc",
            "npx tsc --outFile /srv/x",
            "npx eslint --plugin x",
            "npx vitest run --config /tmp/x",
            "jest --globalSetup ./x",
            "pytest -p evil",
            "mypy /path/to/input-file",
            "python3 -m http.server",
            "uv run --with evil pytest",
        ] {
            assert!(!checks(&split(line).unwrap(), None), "{line}");
        }
    }
}
