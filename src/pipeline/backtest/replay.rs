//! Later activity, decided by a role before and after a suggestion.
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    judged::Outcomes,
    stops::{Stop, Stops},
};
use crate::{
    commands::{Reading, read},
    events::{Action, Day, Outcome, Tally, Unit},
    policy::{Circumstances, Decision, Engine, Facts, Matching, Role, RuleAction, Subject, Target},
    risk::reading_facts,
};

/// What a role makes of the events that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Events that ran.
    pub events: u64,
    /// Those that the role lets pass.
    pub allowed: u64,
    /// Those that would wait for a person.
    pub asked: u64,
    /// Those that would not run.
    pub stopped: u64,
}

/// What a role makes of the events of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DayCoverage {
    /// The UTC day.
    pub day: Day,
    /// Its events.
    #[serde(flatten)]
    pub coverage: Coverage,
}

/// Later events that the enforcement agent refused at the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// How many.
    pub events: u64,
    /// Those that the role would let pass.
    pub allowed: u64,
}

/// What a role makes of later activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// Everything that ran.
    pub coverage: Coverage,
    /// Commands alone.
    pub commands: Coverage,
    /// MCP calls alone.
    pub mcp_calls: Coverage,
    /// Sessions in which something ran.
    pub sessions: u64,
    /// Those in which everything passes.
    pub sessions_unstopped: u64,
    /// By day, ascending.
    pub days: Vec<DayCoverage>,
    /// What was refused at the time.
    pub refused: Refused,
    /// Kinds of events that do not pass, most events first.
    pub stops: Vec<Stop>,
    /// How many kinds more there are.
    pub more_stops: u64,
}

/// What came of a replay besides the report.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// The report on the new role.
    pub replay: Replay,
    /// Everything that ran, by the old role.
    pub without: Coverage,
    /// What became of the rules.
    pub outcomes: Outcomes,
}

/// Decides `later` by the role before (`old`) and after (`new`); what is stopped is looked up in
/// `learned`. Blocked events count for [`Refused`] only: they are not known to be legitimate.
pub fn replay(
    old: &Role,
    new: &Role,
    learned: &[Tally],
    later: &[Tally],
    variables: &BTreeMap<String, BTreeMap<String, String>>,
) -> Replayed {
    let none = BTreeMap::new();
    let of_host = |hostname: &str| variables.get(hostname).unwrap_or(&none);
    let kinds: BTreeSet<&BTreeMap<String, String>> =
        later.iter().map(|it| of_host(&it.unit.hostname)).collect();
    let engines: BTreeMap<&BTreeMap<String, String>, (Engine<'_>, Engine<'_>)> = kinds
        .into_iter()
        .map(|kind| (kind, (Engine::new(old, kind), Engine::new(new, kind))))
        .collect();
    // What they do is worked out only where a rule asks for it.
    let asks = [old, new].iter().any(|it| it.rules.iter().any(|rule| !rule.when.is_empty()));
    let mut by_action: Vec<&Tally> = later.iter().collect();
    by_action.par_sort();
    let is_same = |a: &Tally, b: &Tally| {
        a.action == b.action && of_host(&a.unit.hostname) == of_host(&b.unit.hostname)
    };
    let decided: Vec<(&[&Tally], Decision, Decision)> = by_action
        .par_chunk_by(|a, b| is_same(a, b))
        .filter_map(|same| {
            let first = same.first()?;
            let (old_engine, new_engine) = engines.get(of_host(&first.unit.hostname))?;
            let reading = reading(&first.action);
            let facts =
                if asks { facts(&first.action, reading.as_ref()) } else { Default::default() };
            let decide = |engine, role: &Role| {
                decide(engine, role.matching, &first.action, reading.as_ref(), &facts)
            };
            Some((same, decide(old_engine, old), decide(new_engine, new)))
        })
        .collect();
    let mut count = Count::default();
    for (same, old, new) in &decided {
        for tally in *same {
            count.add(tally, old, new);
        }
    }
    count.finish(learned)
}

/// What is known of the inner commands of an action, and of the whole.
fn facts(action: &Action, reading: Option<&Reading>) -> (Vec<Facts>, Facts) {
    match (action, reading) {
        (Action::Command { cwd, .. }, Some(reading)) => {
            let (commands, whole, _) = reading_facts(reading, cwd.as_deref());
            (commands, whole)
        }
        _ => (Vec::new(), Facts::default()),
    }
}

fn reading(action: &Action) -> Option<Reading> {
    match action {
        Action::Command { argv, .. } => Some(read(argv)),
        Action::McpCall { .. } => None,
    }
}

/// The decision on an action that may have been read already.
fn decide(
    engine: &Engine<'_>,
    matching: Matching,
    action: &Action,
    reading: Option<&Reading>,
    facts: &(Vec<Facts>, Facts),
) -> Decision {
    match (action, reading) {
        (Action::Command { argv, .. }, Some(reading)) if matching == Matching::Expanded => {
            let known =
                Circumstances { commands: &facts.0, whole: &facts.1, ..Circumstances::UNKNOWN };
            engine.decide_command(argv, reading, &known)
        }
        (Action::Command { argv, .. }, _) => engine.decide(&Subject::Command(argv)),
        (Action::McpCall { server, tool, .. }, _) => {
            engine.decide(&Subject::McpCall { server, tool, trust_score: None })
        }
    }
}

const fn target(action: &Action) -> Target {
    match action {
        Action::Command { .. } => Target::Command,
        Action::McpCall { .. } => Target::Mcp,
    }
}

impl Coverage {
    fn add(&mut self, decision: RuleAction, n_events: u64) {
        self.events += n_events;
        if decision.passes() {
            self.allowed += n_events;
        } else if decision.is_stop() {
            self.stopped += n_events;
        } else {
            self.asked += n_events;
        }
    }

    /// The events of both.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            events: self.events + other.events,
            allowed: self.allowed + other.allowed,
            asked: self.asked + other.asked,
            stopped: self.stopped + other.stopped,
        }
    }

    /// Share of the events that pass, 0 to 1; 1 where there are none.
    pub fn allowed_share(&self) -> f64 {
        share(self.allowed, self.events)
    }
}

/// A share of a whole, 0 to 1; 1 of nothing.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of events are far below 2^52")]
    let share = part as f64 / whole.max(1) as f64;
    if whole == 0 { 1.0 } else { share }
}

/// A replay in the making.
#[derive(Debug, Default)]
struct Count<'a> {
    res: Replayed,
    days: BTreeMap<Day, Coverage>,
    /// By host and session: whether everything passes.
    sessions: BTreeMap<(&'a str, &'a str), bool>,
    stops: Stops<'a>,
}

impl<'a> Count<'a> {
    fn add(&mut self, tally: &'a Tally, old: &'a Decision, new: &'a Decision) {
        let n_events = tally.n_events;
        if tally.outcome == Outcome::Blocked {
            let refused = &mut self.res.replay.refused;
            refused.events += n_events;
            refused.allowed += if new.decision.passes() { n_events } else { 0 };
            return;
        }
        let target = target(&tally.action);
        let replay = &mut self.res.replay;
        let of_target = match target {
            Target::Command => &mut replay.commands,
            Target::Mcp => &mut replay.mcp_calls,
        };
        for coverage in
            [&mut replay.coverage, of_target, self.days.entry(tally.unit.day).or_default()]
        {
            coverage.add(new.decision, n_events);
        }
        self.res.without.add(old.decision, n_events);
        *self.sessions.entry(session(&tally.unit)).or_insert(true) &= new.decision.passes();
        self.outcomes(target, n_events, old, new);
        if !new.decision.passes() {
            self.stops.add(target, tally, new);
        }
    }

    /// What an event made of the rules: of those that decided its commands, and of the one that
    /// decided it as a whole.
    fn outcomes(&mut self, target: Target, n_events: u64, old: &Decision, new: &Decision) {
        let mut note = |counts: fn(&mut Outcomes) -> &mut BTreeMap<(Target, String), u64>,
                        rule: Option<&String>| {
            if let Some(rule) = rule {
                let counts = counts(&mut self.res.outcomes);
                *counts.entry((target, rule.clone())).or_default() += n_events;
            }
        };
        let commands = new.commands.iter().map(|it| (it.decision, it.rule.as_ref()));
        for (decision, rule) in commands.chain([(new.decision, new.rule.as_ref())]) {
            if decision.passes() {
                note(|it| &mut it.passed, rule);
            } else {
                note(|it| &mut it.stopped, rule);
            }
        }
        let mut is_explained = false;
        for (old, new) in old.commands.iter().zip(&new.commands) {
            if old.decision.passes() && !new.decision.passes() {
                is_explained = true;
                note(|it| &mut it.broken, old.rule.as_ref());
            }
        }
        if !is_explained && old.decision.passes() && !new.decision.passes() {
            note(|it| &mut it.broken, old.rule.as_ref());
        }
    }

    fn finish(mut self, learned: &[Tally]) -> Replayed {
        let replay = &mut self.res.replay;
        let days = self.days.into_iter();
        replay.days = days.map(|(day, coverage)| DayCoverage { day, coverage }).collect();
        replay.sessions = self.sessions.len() as u64;
        replay.sessions_unstopped = self.sessions.values().filter(|it| **it).count() as u64;
        (replay.stops, replay.more_stops) = self.stops.finish(learned);
        self.res
    }
}

pub(super) fn session(unit: &Unit) -> (&str, &str) {
    (&unit.hostname, &unit.session_id)
}
