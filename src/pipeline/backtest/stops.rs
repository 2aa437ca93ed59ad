//! What is stopped later: by command and deciding rule, with examples, and what was seen of it before.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rayon::prelude::*;
use serde::Serialize;

use super::replay::session;
use crate::{
    commands::{base_name, grammar, is_free_builtin, read, split},
    events::{Action, Tally, Unit},
    policy::{Decision, RuleAction, Target},
};

/// Most kinds of stops that are told.
const MAX_STOPS: usize = 50;

/// Most examples of one kind of stop.
const MAX_EXAMPLES: usize = 3;

/// Longest example, in characters.
const MAX_EXAMPLE: usize = 200;

/// One kind of later event that does not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// Binary and subcommands, or `server/tool`.
    pub command: String,
    /// Command rules or MCP rules.
    pub target: Target,
    /// What happens with it.
    pub action: RuleAction,
    /// The pattern that decided; `null` where the default did.
    pub rule: Option<String>,
    /// One sentence.
    pub reason: String,
    /// Events in which it was stopped.
    pub events: u64,
    /// Sessions of these.
    pub sessions: u64,
    /// Units (session x host x day) in which the same command was seen in what was learned from.
    pub units_before: u64,
    /// Lines, the most frequent first.
    pub examples: Vec<StopExample>,
}

/// A line that is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StopExample {
    /// The line.
    pub line: String,
    /// Events.
    pub events: u64,
    /// One of them.
    pub event_id: String,
}

/// What is stopped: list, command, deciding rule, what it does.
type StopKey<'a> = (Target, String, Option<&'a str>, RuleAction);

/// Of one kind of stop.
#[derive(Debug, Default)]
struct Stopped<'a> {
    reason: String,
    n_events: u64,
    sessions: BTreeSet<(&'a str, &'a str)>,
    /// By line: events, and the smallest id.
    lines: BTreeMap<&'a str, (u64, &'a str)>,
}

/// Kinds of stops in the making.
#[derive(Debug, Default)]
pub(super) struct Stops<'a> {
    kinds: BTreeMap<StopKey<'a>, Stopped<'a>>,
}

impl<'a> Stops<'a> {
    /// Counts an event that does not pass: under each of its commands that does not, or as a whole
    /// where it could not be read.
    pub(super) fn add(&mut self, target: Target, tally: &'a Tally, decision: &'a Decision) {
        let commands = decision.commands.iter().filter(|it| !it.decision.passes());
        let mut known = BTreeSet::new();
        for command in commands {
            let name = name(target, &command.line);
            let key = (target, name, command.rule.as_deref(), command.decision);
            let is_new = known.insert((key.clone(), command.line.as_str()));
            if is_new {
                let reason = || match &command.rule {
                    Some(rule) => format!("rule `{rule}` says {}", command.decision),
                    None => format!("no rule matches, so the default, {}, holds", command.decision),
                };
                let is_first = known.iter().filter(|(it, _)| *it == key).count() == 1;
                let n_events = if is_first { tally.n_events } else { 0 };
                self.note(key, n_events, &command.line, tally, reason);
            }
        }
        if known.is_empty() {
            // Not all of it could be read, and the whole line found no rule that lets it pass.
            let line = match &*tally.action {
                Action::Command { argv, .. } => argv.last().map_or("", String::as_str),
                Action::McpCall { tool, .. } => tool,
            };
            let name = match &*tally.action {
                Action::Command { argv, .. } => argv.first().map_or("", |it| base_name(it)),
                Action::McpCall { server, .. } => server,
            };
            let key = (target, name.to_owned(), decision.rule.as_deref(), decision.decision);
            let reason = || decision.reason.clone();
            self.note(key, tally.n_events, line, tally, reason);
        }
    }

    fn note(
        &mut self,
        key: StopKey<'a>,
        n_events: u64,
        line: &'a str,
        tally: &'a Tally,
        reason: impl FnOnce() -> String,
    ) {
        let stopped = self
            .kinds
            .entry(key)
            .or_insert_with(|| Stopped { reason: reason(), ..Stopped::default() });
        stopped.n_events += n_events;
        stopped.sessions.insert(session(&tally.unit));
        let seen = stopped.lines.entry(line).or_insert((0, &tally.event_id));
        seen.0 += tally.n_events;
        seen.1 = seen.1.min(&tally.event_id);
    }

    /// The kinds with most events, and how many more there are; `learned` tells what was seen of
    /// each before.
    pub(super) fn finish(self, learned: &[Tally]) -> (Vec<Stop>, u64) {
        let n_stops = self.kinds.len();
        let mut stops: Vec<(StopKey<'_>, Stopped<'_>)> = self.kinds.into_iter().collect();
        stops.sort_by(|a, b| b.1.n_events.cmp(&a.1.n_events).then_with(|| a.0.cmp(&b.0)));
        stops.truncate(MAX_STOPS);
        let n_more = (n_stops - stops.len()) as u64;
        let names = stops.iter().map(|((target, name, ..), _)| (*target, name.clone()));
        let before = units_before(learned, &names.collect());
        let stops = stops
            .into_iter()
            .map(|((target, command, rule, action), stopped)| {
                let units_before = before.get(&(target, command.clone())).copied().unwrap_or(0);
                Stop {
                    target,
                    action,
                    rule: rule.map(str::to_owned),
                    reason: stopped.reason,
                    events: stopped.n_events,
                    sessions: stopped.sessions.len() as u64,
                    units_before,
                    examples: examples(stopped.lines),
                    command,
                }
            })
            .collect();
        (stops, n_more)
    }
}

/// The most frequent lines, each cut where it is too long to read.
fn examples(lines: BTreeMap<&str, (u64, &str)>) -> Vec<StopExample> {
    let mut lines: Vec<(&str, (u64, &str))> = lines.into_iter().collect();
    lines.sort_by_key(|(line, (n_events, _))| (std::cmp::Reverse(*n_events), *line));
    let first = lines.into_iter().take(MAX_EXAMPLES);
    first
        .map(|(line, (events, event_id))| StopExample {
            line: line.chars().take(MAX_EXAMPLE).collect(),
            events,
            event_id: event_id.to_owned(),
        })
        .collect()
}

/// Binary and subcommands of a canonical line, or `server/tool` as it is.
fn name(target: Target, line: &str) -> String {
    if target == Target::Mcp {
        return line.to_owned();
    }
    let argv = split(line).unwrap_or_default();
    let binary = argv.first().map_or(line, |it| base_name(it));
    let words = std::iter::once(binary.to_owned()).chain(grammar::subcommand(&argv));
    words.collect::<Vec<String>>().join(" ")
}

/// The commands of an action, and all tallies of it.
type Found<'a> = (Vec<(Target, String)>, &'a [&'a Tally]);

/// In how many units each of these commands was seen.
fn units_before(
    learned: &[Tally],
    names: &BTreeSet<(Target, String)>,
) -> BTreeMap<(Target, String), u64> {
    if names.is_empty() {
        return BTreeMap::new();
    }
    let mut by_action: Vec<&Tally> = learned.iter().collect();
    by_action.par_sort_by(|a, b| a.action.cmp(&b.action));
    let found: Vec<Found<'_>> = by_action
        .par_chunk_by(|a, b| Arc::ptr_eq(&a.action, &b.action) || a.action == b.action)
        .filter_map(|same| {
            let action = &same.first()?.action;
            let mut seen: Vec<(Target, String)> = match &**action {
                Action::Command { argv, .. } => {
                    let commands = read(argv).commands.into_iter();
                    let named = commands.filter(|it| !is_free_builtin(it.name()));
                    named.map(|it| (Target::Command, name(Target::Command, &it.line()))).collect()
                }
                Action::McpCall { server, tool, .. } => {
                    vec![(Target::Mcp, format!("{server}/{tool}"))]
                }
            };
            seen.retain(|it| names.contains(it));
            (!seen.is_empty()).then_some((seen, same))
        })
        .collect();
    let mut units: BTreeMap<(Target, String), BTreeSet<&Unit>> = BTreeMap::new();
    for (names, tallies) in found {
        for name in names {
            units.entry(name).or_default().extend(tallies.iter().map(|it| &it.unit));
        }
    }
    units.into_iter().map(|(name, units)| (name, units.len() as u64)).collect()
}
