//! Acts through programs that run others in an environment of a project: `uv run git push --force`.
use std::sync::LazyLock;

use crate::{
    commands::{Runner, runners},
    policy::proof::{Graph, Language, any_argument, argument, begins, unquoted},
};

/// The lines of a language, each behind a runner, or several, with the path of the program or without.
pub(super) fn through_runners(lines: &Language) -> Language {
    static RUNNERS: LazyLock<Language> = LazyLock::new(|| {
        let blank = Language::text(" ");
        let one = Language::any_of(runners().map(words)).then(&blank).minimal();
        let dir = Language::byte(unquoted()).star().then(&Language::text("/"));
        Language::chain([one.clone(), one.star(), dir.maybe()]).minimal()
    });
    RUNNERS.then(lines)
}

/// The words of a runner up to the program, options in any place.
fn words(runner: &Runner) -> Language {
    let (anything, any) = (Language::anything(), any_argument());
    let valued: Vec<&str> = runner.valued().collect();
    let valued = Language::one_of(valued);
    let dashes = Language::one_of(["--"]);
    let option = argument(&begins("-").minus(&valued).minus(&dashes));
    let (valued, end) = (argument(&valued), argument(&dashes));
    let operand = argument(&anything.minus(&begins("-")));
    let assignment = argument(&anything.minus(&begins("-")).and(&Language::chain([
        anything.clone(),
        Language::text("="),
        anything.clone(),
    ])));
    let mut graph = Graph::default();
    let start = graph.node(false);
    let steps: Vec<Language> = runner
        .path()
        .map(|it| argument(&Language::text(it)))
        .chain((0..runner.n_operands()).map(|_| operand.clone()))
        .collect();
    let n_path = steps.len() - runner.n_operands();
    let mut from = graph.node(steps.is_empty());
    graph.edge(start, &Language::one_of(runner.names()), from);
    for (idx, step) in steps.iter().chain([&Language::nothing()]).enumerate() {
        graph.edge(from, &option, from);
        let waiting = graph.node(false);
        graph.edge(from, &valued, waiting);
        graph.edge(waiting, &any, from);
        if idx >= n_path && runner.assigns() {
            graph.edge(from, &assignment, from);
        }
        // Behind a `--` there are operands only.
        if idx >= n_path {
            let mut behind = graph.node(idx == steps.len());
            graph.edge(from, &end, behind);
            for left in idx + 1..=steps.len() {
                let next = graph.node(left == steps.len());
                graph.edge(behind, &any, next);
                behind = next;
            }
        }
        if idx < steps.len() {
            let next = graph.node(idx + 1 == steps.len());
            graph.edge(from, step, next);
            from = next;
        }
    }
    graph.language()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Program, canonical, program, split};

    #[test]
    fn a_line_is_found_behind_every_runner_just_where_it_is_read_there() {
        let inside = through_runners(&Language::text("git push -f"));
        for (line, want) in [
            ("uv run git push -f", true),
            ("uv run --with x git push -f", true),
            ("uv --quiet run -- git push -f", true),
            ("uv run --with git push -f", false),
            ("uv sync git push -f", false),
            ("npx -y git push -f", true),
            ("npx git push", false),
            ("poetry run /usr/bin/git push -f", true),
            ("poetry run uv run git push -f", true),
            ("docker compose run --rm web git push -f", true),
            ("docker compose run git push -f", false),
            ("docker compose run -- web git push -f", true),
            ("chamber exec app -- git push -f", true),
            ("cross-env A=b git push -f", true),
            ("uv run echo git push -f", false),
            ("git push -f", false),
        ] {
            let argv = split(line).unwrap();
            assert_eq!(canonical(&argv), line);
            assert_eq!(inside.contains(line), want, "{line}");
            let mut rest = argv.as_slice();
            while let Some(Program::At(at)) = program(rest) {
                rest = &rest[at..];
            }
            let is_read = rest.len() < argv.len() && rest.join(" ").ends_with("git push -f");
            let is_git = rest[0].rsplit('/').next() == Some("git");
            assert_eq!(is_read && is_git, want, "read: {line}");
        }
    }
}
