//! Programs that run another one in an environment of a project: what that one does, they do, too.
//!
//! They are no transparent wrappers: a rule for `uv run pytest` names both.
use std::{collections::BTreeMap, sync::LazyLock};

use super::{base_name, without_version};

/// One way in which such a program runs another one.
#[derive(Debug)]
pub struct Runner {
    /// Base names, without version suffix, blank-separated.
    names: &'static str,
    /// Its subcommand path.
    path: &'static str,
    /// Options that take the next word, besides those that are known anyway; blank-separated.
    valued: &'static str,
    /// Operands before the program.
    n_operands: usize,
    /// Words that are no program but subcommands of its own, blank-separated.
    own: &'static str,
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
    Runner { names, path, valued, n_operands: 0, own: "", hit, miss }
}

/// All of them.
///
/// # Source
/// The manuals of the tools.
const RUNNERS: &[Runner] = &[
    runner(
        "npx bunx",
        "",
        "-p --package -c --call --cache --prefix -w --workspace",
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
    runner(
        "npm",
        "x",
        "-p --package -c --call --workspace -w",
        ("npm x -- eslint .", "eslint ."),
        "npm view x",
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
        "poetry pipenv pdm rye hatch pixi",
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
        "mise rtx asdf rbenv pyenv nodenv",
        "exec",
        "-j --jobs -C --cd",
        ("mise exec -- go test ./...", "go test ./..."),
        "mise ls",
    ),
    runner("mise", "x", "-j --jobs -C --cd", ("mise x -- go vet", "go vet"), "mise run x"),
    Runner {
        n_operands: 1,
        ..runner(
            "yarn",
            "workspace",
            "",
            ("yarn workspace app eslint .", "eslint ."),
            "yarn workspaces info",
        )
    },
    // Anything else is a script of the project, or a program of its packages.
    Runner {
        own: "add approve-builds audit bin c cache cat-file cat-index ci completion config create dedupe \
              deploy deprecate dist-tag dlx doctor env exec fetch find-hash get help i ignored-builds import \
              info init install install-test it la licenses link list ll ln login logout ls outdated owner \
              pack patch patch-commit patch-remove ping prune publish rb rebuild recursive remove restart rm \
              root run run-script search self-update server set setup start stop store t test tst un \
              uninstall unlink unpublish up update upgrade version view whoami why",
        ..runner(
            "pnpm",
            "",
            "--filter -F -C --dir --prefix --workspace-concurrency --reporter --loglevel",
            ("pnpm --filter app prisma migrate dev", "prisma migrate dev"),
            "pnpm install x",
        )
    },
    Runner {
        own: "access add audit autoclean bin cache check config constraints create dedupe dlx exec explain \
              generate-lock-entry global help import info init install licenses link list login logout node \
              npm outdated owner pack patch patch-commit plugin policies publish rebuild remove run search \
              self-update set stage start stop tag team test unlink unplug up upgrade upgrade-interactive \
              version versions why workspace workspaces",
        ..runner("yarn", "", "--cwd", ("yarn prisma db push", "prisma db push"), "yarn add x")
    },
    runner(
        "java",
        "",
        "-cp -classpath --class-path -p --module-path --add-opens --add-exports --add-modules --add-reads",
        ("java -Xmx2g -jar a.jar x", "a.jar x"),
        "java -version",
    ),
    runner(
        "xcrun",
        "",
        "--sdk -sdk --toolchain -toolchain",
        ("xcrun swift test", "swift test"),
        "xcrun --version",
    ),
    runner("sail", "", "", ("sail artisan db:wipe", "artisan db:wipe"), "sail --help"),
    runner(
        "nx lerna",
        "exec",
        "--scope --ignore --since",
        ("lerna exec -- rm -rf x", "rm -rf x"),
        "nx test app",
    ),
    runner("flutter", "pub run", "", ("flutter pub run x", "x"), "flutter pub get"),
    runner("dart", "run", "", ("dart run build_runner build", "build_runner build"), "dart test"),
    runner(
        "dotnet",
        "tool run",
        "",
        ("dotnet tool run csharpier .", "csharpier ."),
        "dotnet tool list",
    ),
    runner(
        "swift",
        "run",
        "-c --configuration --package-path",
        ("swift run -c release tool", "tool"),
        "swift build",
    ),
    runner(
        "coverage",
        "run",
        "--source --omit --include --rcfile --data-file",
        ("coverage run -m pytest -q", "pytest -q"),
        "coverage report",
    ),
    runner(
        "torchrun deepspeed",
        "",
        "--nproc_per_node --nproc-per-node --nnodes --node_rank --node-rank --rdzv_endpoint --rdzv-endpoint \
         --rdzv_backend --rdzv-backend --rdzv_id --rdzv-id --master_addr --master-addr --master_port \
         --master-port --num_gpus --include --hostfile",
        ("torchrun --nproc_per_node 4 --no-python rm -rf x", "rm -rf x"),
        "torchrun --help",
    ),
    runner(
        "accelerate",
        "launch",
        "--config_file --num_processes --num_machines --mixed_precision --gpu_ids --main_process_port",
        ("accelerate launch --num_processes 2 train.py", "train.py"),
        "accelerate env",
    ),
    runner(
        "srun sbatch",
        "",
        "-A -c -e -G -J -N -n -o -p -t -w --account --gpus --gres --job-name --mem --nodes --ntasks \
         --output --partition --time",
        ("srun -n 2 git push -f", "git push -f"),
        "srun --version",
    ),
    runner(
        "foreman honcho",
        "run",
        "-e --env -f --procfile",
        ("foreman run -e .env rails s", "rails s"),
        "foreman check",
    ),
    runner(
        "dotenv",
        "",
        "-c -e -f -p -v",
        ("dotenv -e .env -- npm test", "npm test"),
        "dotenv --help",
    ),
    runner(
        "devbox ddev volta",
        "run",
        "-c --config --node",
        ("devbox run -- ls", "ls"),
        "devbox list",
    ),
    runner("ddev lando", "exec", "-s --service", ("ddev exec ls", "ls"), "ddev describe"),
    runner(
        "heroku",
        "run",
        "-a --app -s --size",
        ("heroku run -a x rails c", "rails c"),
        "heroku ps",
    ),
    runner(
        "fnm saml2aws",
        "exec",
        "--using -a --profile",
        ("fnm exec --using 20 node", "node"),
        "fnm ls",
    ),
    runner("corepack", "", "", ("corepack pnpm dlx x", "pnpm dlx x"), "corepack --version"),
    runner(
        "proxychains proxychains4 torsocks torify",
        "",
        "-f",
        ("proxychains4 -q curl x", "curl x"),
        "torsocks --version",
    ),
    Runner {
        n_operands: 1,
        ..runner("direnv", "exec", "", ("direnv exec . make all", "make all"), "direnv allow")
    },
    Runner {
        n_operands: 1,
        ..runner(
            "envchain",
            "",
            "",
            ("envchain aws terraform plan", "terraform plan"),
            "envchain --list",
        )
    },
    Runner {
        n_operands: 1,
        ..runner(
            "chamber",
            "exec",
            "",
            ("chamber exec app -- rails s", "rails s"),
            "chamber list app",
        )
    },
    runner(
        "xvfb-run",
        "",
        "-e -f -n -p -s -w",
        ("xvfb-run -s x npm test", "npm test"),
        "xvfb-run --help",
    ),
    runner(
        "dotenv dotenvx doppler op infisical teller",
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
];

/// Scripts of frameworks that are known by name: the word behind them is a command of its own.
///
/// # Source
/// The manuals of Laravel 11, Symfony 7 and Django 5.
pub const FRAMEWORKS: &[&str] = &["artisan", "console", "manage.py"];

/// Programs that run the scripts and modules they are given: of these, those that are known by name are
/// looked into.
const SCRIPTS: &[Runner] = &[
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
    for runner in RUNNERS.iter().chain(SCRIPTS) {
        for name in runner.names() {
            res.entry(name).or_default().push(runner);
        }
    }
    res
});

/// Every way to run any program.
pub fn runners() -> impl Iterator<Item = &'static Runner> {
    RUNNERS.iter()
}

/// Whether these are a runner's own words and nothing else: `uv run`.
pub fn is_runner(words: &str) -> bool {
    let mut words = words.split(' ');
    let name = words.next().unwrap_or_default();
    let mut named = runners().filter(|it| it.names().any(|own| own == name));
    named.any(|it| it.path().eq(words.clone()))
}

/// Deepest nesting of runners that is looked through.
pub const MAX_NESTED: usize = 4;

/// What follows a runner's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The program begins at this word.
    At(usize),
    /// There is none, or it is in an option.
    Hidden,
}

/// The program that an argument vector runs in an environment of a project; `None` where it is no runner,
/// or does something else.
pub fn program(argv: &[String]) -> Option<Program> {
    let name = base_name(argv.first()?);
    if is_script_runner(name) {
        return None;
    }
    BY_NAME.get(name)?.iter().find_map(|it| it.program(argv))
}

/// Where the program inside begins, scripts that are known by name and modules among them.
pub fn inside(argv: &[String]) -> Option<usize> {
    let name = base_name(argv.first()?);
    if !is_script_runner(name) {
        return match program(argv)? {
            Program::At(at) => Some(at),
            Program::Hidden => None,
        };
    }
    // `python -m X` runs X as a program of that name.
    let bare = without_version(name);
    if bare == "python" && argv.get(1).is_some_and(|it| it == "-m") {
        return (argv.len() > 2).then_some(2);
    }
    let Program::At(at) = BY_NAME.get(bare)?.iter().find_map(|it| it.program(argv))? else {
        return None;
    };
    let script = base_name(argv.get(at)?);
    FRAMEWORKS.contains(&script).then_some(at)
}

/// What a runner itself puts into the environment of the program: `cross-env NODE_ENV=test jest`.
pub(super) fn assigned(argv: &[String]) -> Vec<(String, String)> {
    let Some((first, words)) = argv.split_first() else { return Vec::new() };
    let mut named = BY_NAME.get(base_name(first)).into_iter().flatten();
    if !named.any(|it| it.assigns()) {
        return Vec::new();
    }
    let pairs = words.iter().map_while(|it| it.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn is_script_runner(name: &str) -> bool {
    SCRIPTS.iter().any(|it| it.names == without_version(name))
}

impl Runner {
    /// Its names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.names.split(' ')
    }

    /// The words of its subcommand path.
    pub fn path(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path.split_ascii_whitespace()
    }

    /// Options that take the next word.
    pub fn valued(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.valued.split_ascii_whitespace()
    }

    /// How many operands stand in front of the program.
    pub const fn n_operands(&self) -> usize {
        self.n_operands
    }

    /// Whether assignments may stand in front of the program.
    pub fn assigns(&self) -> bool {
        self.names.starts_with("cross-env")
    }

    /// What an argument vector of this name runs; `None` where the path is another one.
    fn program(&self, argv: &[String]) -> Option<Program> {
        let mut at = 1;
        let mut path = self.path().peekable();
        let mut n_operands = self.n_operands;
        if argv.first().is_some_and(|it| it.contains("-compose")) {
            path.next();
        }
        while let Some(word) = argv.get(at).map(String::as_str) {
            if word == "--" {
                at += 1 + n_operands;
                break;
            }
            if word.starts_with('-') {
                at += if self.valued().any(|it| it == word) { 2 } else { 1 };
                continue;
            }
            match path.peek() {
                Some(wanted) if *wanted == word => drop(path.next()),
                Some(_) => return None,
                None if n_operands > 0 => n_operands -= 1,
                None if self.assigns() && word.contains('=') => (),
                None if self.own.split_ascii_whitespace().any(|it| it == word) => return None,
                None => break,
            }
            at += 1;
        }
        match (path.peek(), at < argv.len()) {
            (Some(_), _) => None,
            (None, true) => Some(Program::At(at)),
            // What stands in front of the program has one of its own.
            (None, false) if self.n_operands > 0 => None,
            (None, false) => Some(Program::Hidden),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn every_runner_runs_its_hit_and_not_its_miss() {
        for runner in RUNNERS.iter().chain(SCRIPTS) {
            let (line, inner) = runner.hit;
            let argv = split(line).unwrap();
            let found = inside(&argv).map(|at| argv[at..].join(" "));
            assert_eq!(found.as_deref(), Some(inner), "{line}");
            assert_eq!(inside(&split(runner.miss).unwrap()), None, "{}", runner.miss);
        }
    }
}
