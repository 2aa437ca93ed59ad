//! What a role would make of activity that was seen: pass, warn or fail for each distinct command.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;

use super::evaluate::{Act, Judge};
use crate::{
    commands::canonical,
    events::{Action, Outcome, Tally, text_forms},
    policy::{Inputs, RuleAction},
};

/// How a decision stands to what became of the command when it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// It ran and would be stopped.
    Fail,
    /// It ran and would be told of, redacted or asked about; or it was stopped and would run.
    Warn,
    /// It ran and would run, or was stopped and would be.
    Pass,
}

text_forms!(Grade { Fail = "fail", Warn = "warn", Pass = "pass" });

impl Grade {
    /// The grade of a decision on something that had this outcome. What would have been blocked in
    /// enforce mode counts as stopped: the role of the time did not want it.
    pub const fn new(outcome: Outcome, decision: RuleAction) -> Self {
        match (outcome, decision) {
            (Outcome::Allowed, RuleAction::Allow) => Self::Pass,
            (Outcome::Allowed, decision) if decision.is_stop() => Self::Fail,
            (Outcome::Allowed, _) => Self::Warn,
            (_, decision) if decision.passes() => Self::Warn,
            _ => Self::Pass,
        }
    }
}

/// One distinct command or call, with one outcome and one decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// How it does.
    pub grade: Grade,
    /// Its canonical line, or `server/tool`.
    pub line: String,
    /// What became of it when it was seen.
    pub seen: Outcome,
    /// What the role says.
    pub decision: RuleAction,
    /// The pattern that decided; `null` where the default did.
    pub rule: Option<String>,
    /// One sentence.
    pub reason: String,
    /// How many events.
    pub events: u64,
    /// In how many sessions.
    pub sessions: usize,
    /// On how many hosts.
    pub hosts: usize,
    /// One of the events, the first by id.
    pub event_id: Arc<str>,
}

/// How many commands and events have a grade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Distinct commands.
    pub commands: u64,
    /// Events.
    pub events: u64,
}

/// All grades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Runs as it ran.
    pub pass: Count,
    /// Somebody hears of it.
    pub warn: Count,
    /// Work that would stop.
    pub fail: Count,
}

/// What activity comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// How many of each.
    pub summary: Summary,
    /// Worst first, then the most frequent, then by line.
    pub commands: Vec<Tested>,
}

/// Hosts and sessions of one row.
type Places = (BTreeSet<Arc<str>>, BTreeSet<(Arc<str>, Arc<str>)>);

/// What tells rows apart: line, outcome, decision, rule.
type Key = (String, Outcome, RuleAction, Option<String>);

/// Decides every tally; `variables` gives those of a host by name.
pub fn dry_run(
    judge: &mut Judge<'_>,
    tallies: &[Tally],
    mut variables: impl FnMut(&str) -> BTreeMap<String, String>,
) -> DryRun {
    let mut rows: BTreeMap<Key, (Tested, Places)> = BTreeMap::new();
    let mut of_host: BTreeMap<Arc<str>, BTreeMap<String, String>> = BTreeMap::new();
    for tally in tallies {
        let host = &tally.unit.hostname;
        if !of_host.contains_key(host) {
            of_host.insert(Arc::clone(host), variables(host));
        }
        let Some(values) = of_host.get(host) else { continue };
        let session = tally.unit.session_id.as_ref();
        let session = (!session.is_empty()).then(|| session.to_owned());
        let inputs = judge.inputs(Inputs { session, ..Inputs::default() });
        let (line, judgment) = match tally.action.as_ref() {
            Action::Command { argv, cwd } => {
                let act = Act::Command { argv, cwd: cwd.as_deref() };
                (canonical(argv), judge.decide(&act, &inputs, values))
            }
            Action::McpCall { server, tool, argument_names } => {
                let names = argument_names.iter().map(|it| (it.clone(), serde_json::Value::Null));
                let arguments =
                    serde_json::Value::Object(names.collect::<serde_json::Map<_, _>>()).to_string();
                let act = Act::Call { server, tool, arguments: &arguments, trust_score: None };
                (format!("{server}/{tool}"), judge.decide(&act, &inputs, values))
            }
        };
        let Some(judgment) = judgment else { continue };
        let decision = judgment.decision;
        let key = (line.clone(), tally.outcome, decision.decision, decision.rule.clone());
        let (row, places) = rows.entry(key).or_insert_with(|| {
            let row = Tested {
                grade: Grade::new(tally.outcome, decision.decision),
                line,
                seen: tally.outcome,
                decision: decision.decision,
                rule: decision.rule,
                reason: decision.reason,
                events: 0,
                sessions: 0,
                hosts: 0,
                event_id: Arc::clone(&tally.event_id),
            };
            (row, Places::default())
        });
        row.events += tally.n_events;
        row.event_id = Arc::clone((&row.event_id).min(&tally.event_id));
        places.0.insert(Arc::clone(host));
        places.1.insert((Arc::clone(host), Arc::clone(&tally.unit.session_id)));
    }
    let mut summary = Summary::default();
    let mut commands: Vec<Tested> = rows
        .into_values()
        .map(|(row, (hosts, sessions))| {
            let count = match row.grade {
                Grade::Fail => &mut summary.fail,
                Grade::Warn => &mut summary.warn,
                Grade::Pass => &mut summary.pass,
            };
            count.commands += 1;
            count.events += row.events;
            Tested { hosts: hosts.len(), sessions: sessions.len(), ..row }
        })
        .collect();
    // Stable: rows with as many events stay in the order of their lines.
    commands.sort_by_key(|it| (it.grade, std::cmp::Reverse(it.events)));
    DryRun { summary, commands }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        events::{Day, Timestamp, Unit},
        policy::Role,
    };

    fn tally(line: &str, host: &str, session: &str, outcome: Outcome, n_events: u64) -> Tally {
        let argv = crate::commands::split(line).unwrap();
        Tally {
            action: Arc::new(Action::Command { argv, cwd: None }),
            unit: Unit { hostname: host.into(), session_id: session.into(), day: Day(20_000) },
            outcome,
            n_events,
            first: Timestamp(1),
            last: Timestamp(2),
            event_id: format!("{host}-{session}").into(),
        }
    }

    #[test]
    fn activity_is_graded_by_what_became_of_it() {
        let role: Role = serde_json::from_str(
            r#"{"name":"r","rules":[
                {"pattern":"git push *","action":"deny","when":{"env":["production"]}},
                {"pattern":"git *","action":"allow"},
                {"pattern":"curl *","action":"alert"}]}"#,
        )
        .unwrap();
        let tallies = [
            tally("git status", "dev-1", "a", Outcome::Allowed, 5),
            tally("git status", "dev-2", "b", Outcome::Allowed, 2),
            tally("git push", "dev-1", "a", Outcome::Allowed, 3),
            tally("git push", "prod-1", "a", Outcome::Allowed, 1),
            tally("curl x", "dev-1", "a", Outcome::Allowed, 4),
            tally("rm x", "dev-1", "a", Outcome::Blocked, 9),
            tally("git gc", "dev-1", "", Outcome::WouldBlock, 1),
        ];
        let env = |host: &str| {
            let value = if host.starts_with("prod") { "production" } else { "dev" };
            BTreeMap::from([("env".to_owned(), value.to_owned())])
        };
        let run = dry_run(&mut Judge::new(&role), &tallies, env);
        let shown: Vec<String> = run
            .commands
            .iter()
            .map(|it| {
                format!("{} {} {} {} {}", it.grade, it.line, it.events, it.sessions, it.hosts)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "fail git push 1 1 1",
                "warn curl x 4 1 1",
                "warn git gc 1 1 1",
                "pass rm x 9 1 1",
                "pass git status 7 2 2",
                "pass git push 3 1 1",
            ]
        );
        let count = |commands, events| Count { commands, events };
        let want = Summary { pass: count(3, 19), warn: count(2, 5), fail: count(1, 1) };
        assert_eq!(run.summary, want);
    }
}
