//! Programs that run another one in an environment of a project: what that one does, they do, too.
//!
//! They are no transparent wrappers: a rule for `uv run pytest` names both.
use std::{collections::BTreeMap, sync::LazyLock};

use super::{Effect, Effects, own_effects, without_version};
use crate::commands::{Command, base_name, grammar};

/// One such program.
#[derive(Debug)]
struct Runner {
    /// Base names, without version suffix, blank-separated.
    names: &'static str,
    /// Its subcommand path.
    path: &'static str,
    /// Options that take the next word, besides those that are known anyway; blank-separated.
    valued: &'static str,
    /// Operands before the program.
    n_operands: usize,
    /// A command line, and the one inside.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's test reads it"))]
    hit: (&'static str, &'static str),
    /// A command line that runs nothing else.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's test reads it"))]
    miss: &'static str,
}

const fn runner(
    names: &'static str,
    path: &'static str,
    valued: &'static str,
    hit: (&'static str, &'static str),
    miss: &'static str,
) -> Runner {
    Runner { names, path, valued, n_operands: 0, hit, miss }
}

/// All of them.
///
/// # Source
/// The manuals of the tools.
const RUNNERS: &[Runner] = &[
    runner(
        "npx bunx",
        "",
        "-p --package -c --call --cache",
        ("npx -y prisma migrate reset --force", "prisma migrate reset --force"),
        "npx --version",
    ),
    runner(
        "npm pnpm yarn",
        "exec",
        "-p --package --filter -F -w --workspace -C",
        ("npm exec -- eslint . --fix", "eslint . --fix"),
        "npm test",
    ),
    runner(
        "pnpm yarn",
        "dlx",
        "-p --package",
        ("pnpm dlx wrangler deploy", "wrangler deploy"),
        "pnpm ls",
    ),
    runner("bun", "x", "-p --package", ("bun x prisma generate", "prisma generate"), "bun test"),
    runner(
        "uvx",
        "",
        "--from --with -p --python --index",
        ("uvx --from alembic alembic upgrade head", "alembic upgrade head"),
        "uvx --version",
    ),
    runner(
        "uv",
        "run",
        "--with --extra --group -p --python --env-file --project --package --directory",
        ("uv run --with psycopg alembic downgrade -1", "alembic downgrade -1"),
        "uv sync",
    ),
    runner(
        "uv",
        "tool run",
        "--from --with -p --python",
        ("uv tool run ruff check .", "ruff check ."),
        "uv tool list",
    ),
    runner(
        "poetry pipenv pdm rye hatch",
        "run",
        "-C --directory -P --project -e --env",
        ("poetry run flask db downgrade", "flask db downgrade"),
        "poetry show",
    ),
    runner("pipx", "run", "--spec --python", ("pipx run black .", "black ."), "pipx list"),
    runner(
        "conda mamba micromamba",
        "run",
        "-n --name -p --prefix --cwd",
        ("conda run -n x pytest -q", "pytest -q"),
        "conda list",
    ),
    runner(
        "bundle",
        "exec",
        "--gemfile",
        ("bundle exec rails db:drop", "rails db:drop"),
        "bundle list",
    ),
    runner(
        "composer",
        "exec",
        "",
        ("composer exec phpunit tests", "phpunit tests"),
        "composer show",
    ),
    runner(
        "mise rtx asdf rbenv pyenv nodenv direnv",
        "exec",
        "-j --jobs -C --cd",
        ("mise exec -- go test ./...", "go test ./..."),
        "mise ls",
    ),
    runner(
        "dotenv dotenvx doppler op infisical teller chamber envchain",
        "run",
        "-f --env-file -p --project -c --config --env",
        ("doppler run -- rails db:migrate", "rails db:migrate"),
        "doppler secrets",
    ),
    Runner {
        n_operands: 1,
        ..runner(
            "aws-vault",
            "exec",
            "-d --duration",
            ("aws-vault exec prod -- terraform destroy", "terraform destroy"),
            "aws-vault list",
        )
    },
    runner(
        "cross-env env-cmd",
        "",
        "-f",
        ("cross-env NODE_ENV=test A=b jest --ci", "jest --ci"),
        "cross-env --help",
    ),
    Runner {
        n_operands: 1,
        ..runner(
            "docker docker-compose podman",
            "compose run",
            "-e --env -u --user -w --workdir -v --volume -f --file -p --name --entrypoint",
            ("docker compose run --rm web rails db:drop", "rails db:drop"),
            "docker compose ps",
        )
    },
    runner(
        "python",
        "",
        "-W -X",
        ("python3 manage.py flush --noinput", "manage.py flush --noinput"),
        "python3 app.py",
    ),
    runner("php", "", "-d", ("php artisan db:wipe", "artisan db:wipe"), "php index.php"),
];

/// All of them by each of their names.
static BY_NAME: LazyLock<BTreeMap<&str, Vec<&Runner>>> = LazyLock::new(|| {
    let mut res: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for runner in RUNNERS {
        for name in runner.names.split(' ') {
            res.entry(name).or_default().push(runner);
        }
    }
    res
});

/// Deepest nesting of runners that is looked through.
const MAX_DEPTH: usize = 4;

/// What the program inside a runner does; nothing where there is none, or nobody knows it.
pub(super) fn inner_effects(command: &Command) -> Effects {
    let mut res = Effects::NONE;
    let mut at = 0;
    for _ in 0..MAX_DEPTH {
        let Some(inside) = inside(command.argv.get(at..).unwrap_or_default()) else { break };
        at += inside;
        let argv = command.argv.get(at..).unwrap_or_default().to_vec();
        let path = grammar::subcommand(&argv);
        let inner = Command { argv, stdin: command.stdin.clone(), ..Command::default() };
        let known = own_effects(&inner, &path).iter().filter(|it| *it != Effect::Unknown);
        res = res.union(known.collect());
    }
    res
}

/// Where the program inside begins.
fn inside(argv: &[String]) -> Option<usize> {
    let name = base_name(argv.first()?);
    let bare = without_version(name);
    let named = BY_NAME.get(name).or_else(|| BY_NAME.get(bare))?;
    // `python -m X` runs X as a program of that name.
    if bare == "python" && argv.get(1).is_some_and(|it| it == "-m") {
        return (argv.len() > 2).then_some(2);
    }
    let at = named.iter().find_map(|it| it.program(argv))?;
    let inner = base_name(argv.get(at)?);
    // Of scripts, only those that are known by name.
    let is_script = matches!(bare, "python" | "php");
    (!is_script || matches!(inner, "manage.py" | "artisan")).then_some(at)
}

impl Runner {
    /// Where the program begins.
    fn program(&self, argv: &[String]) -> Option<usize> {
        let mut at = 1;
        let mut path = self.path.split_ascii_whitespace().peekable();
        let mut n_operands = self.n_operands;
        let is_compose = argv.first().is_some_and(|it| it.contains("-compose"));
        if is_compose {
            path.next();
        }
        loop {
            let word = argv.get(at)?.as_str();
            if word == "--" {
                at += 1;
                return (path.peek().is_none() && at < argv.len()).then_some(at + n_operands);
            }
            if word.starts_with('-') {
                at += if self.valued.split(' ').any(|it| it == word) { 2 } else { 1 };
                continue;
            }
            match path.peek() {
                Some(wanted) if *wanted == word => drop(path.next()),
                Some(_) => return None,
                None if n_operands > 0 => n_operands -= 1,
                None if self.names.starts_with("cross-env") && word.contains('=') => (),
                None => return Some(at),
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn every_runner_runs_its_hit_and_not_its_miss() {
        for runner in RUNNERS {
            let (line, inner) = runner.hit;
            let argv = split(line).unwrap();
            let found = inside(&argv).map(|at| argv[at..].join(" "));
            assert_eq!(found.as_deref(), Some(inner), "{line}");
            assert_eq!(inside(&split(runner.miss).unwrap()), None, "{}", runner.miss);
        }
    }

    #[test]
    fn runners_in_runners_and_modules_are_looked_through() {
        let of = |line: &str| {
            let command = Command { argv: split(line).unwrap(), ..Command::default() };
            inner_effects(&command)
        };
        for line in [
            "uv run python -m alembic downgrade -1",
            "poetry run python manage.py flush",
            "npx -y prisma migrate reset",
            "docker compose run --rm web bundle exec rails db:drop",
        ] {
            assert!(of(line).contains(Effect::DbDestroy), "{line}: {}", of(line));
        }
        assert_eq!(of("uv run frobnicate"), Effects::NONE);
    }
}
