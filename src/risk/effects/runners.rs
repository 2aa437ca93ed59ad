//! What the program inside a runner does, the runner does, too: see [`crate::commands::program`].
use super::{Effect, Effects, own_effects};
use crate::commands::{Command, MAX_NESTED, grammar, inside};

/// What the program inside a runner does; nothing where there is none, or nobody knows it.
pub(super) fn inner_effects(command: &Command) -> Effects {
    let mut res = Effects::NONE;
    let mut at = 0;
    for _ in 0..MAX_NESTED {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

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
