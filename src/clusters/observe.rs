//! From tallies to uses: every distinct simple command with all that was seen of it.
use std::{collections::BTreeMap, sync::Arc};

use super::{Stem, stem};
use crate::{
    commands::{Command, grammar::Learned, is_free_builtin, read},
    events::{Action, Outcome, Tally, Timestamp, Unit},
    risk::{Effects, effects, mcp_effects},
    shapes,
};

/// Everything that was seen of a role in a window.
#[derive(Debug, Default)]
pub struct Observation {
    /// The units, sorted; supports hold indexes into this.
    pub units: Vec<Unit>,
    /// Simple commands, sorted by line and effects.
    pub uses: Vec<Use>,
    /// MCP tools, sorted.
    pub mcp_uses: Vec<McpUse>,
    /// Events in all.
    pub n_events: u64,
    /// Events whose command could not be read to the end.
    pub n_unresolved: u64,
    /// First event.
    pub first: Option<Timestamp>,
    /// Last event.
    pub last: Option<Timestamp>,
}

/// One distinct simple command.
#[derive(Clone, Debug)]
pub struct Use {
    /// Its canonical line.
    pub line: String,
    /// The command.
    pub command: Command,
    /// What its line begins with.
    pub stem: Stem,
    /// Its shape.
    pub shape: String,
    /// What it does.
    pub effects: Effects,
    /// What was seen of it.
    pub support: Support,
}

/// One MCP tool.
#[derive(Clone, Debug)]
pub struct McpUse {
    /// The server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// What it does, by its name and the names of its arguments.
    pub effects: Effects,
    /// What was seen of it.
    pub support: Support,
}

/// What was seen of something, in bounded units.
#[derive(Clone, Debug, Default)]
pub struct Support {
    /// Indexes of the units in which it ran and nothing of its event was stopped or unreadable,
    /// sorted, each once. Only these speak for an allow.
    pub units: Vec<u32>,
    /// Indexes of the units in which an event of it was blocked, sorted, each once.
    pub blocked_units: Vec<u32>,
    /// Events, blocked ones included.
    pub n_events: u64,
    /// Events by what became of them.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// First seen.
    pub first: Option<Timestamp>,
    /// Last seen.
    pub last: Option<Timestamp>,
}

impl Support {
    /// How many units speak for it.
    pub fn n_units(&self) -> usize {
        self.units.len()
    }

    fn add(&mut self, tally: &Tally, unit: u32, is_readable: bool) {
        if tally.outcome == Outcome::Blocked {
            self.blocked_units.push(unit);
        } else if is_readable {
            self.units.push(unit);
        }
        self.n_events += tally.n_events;
        *self.outcomes.entry(tally.outcome).or_default() += tally.n_events;
        self.first = Some(self.first.map_or(tally.first, |it| it.min(tally.first)));
        self.last = Some(self.last.map_or(tally.last, |it| it.max(tally.last)));
    }

    fn settle(&mut self) {
        for units in [&mut self.units, &mut self.blocked_units] {
            units.sort_unstable();
            units.dedup();
        }
    }

    /// What was seen of several things together.
    pub fn of_all<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.take_in(part);
        }
        all.settle();
        all
    }

    /// Adds what was seen of something else; to be settled after the last.
    fn take_in(&mut self, other: &Self) {
        self.units.extend_from_slice(&other.units);
        self.blocked_units.extend_from_slice(&other.blocked_units);
        self.n_events += other.n_events;
        for (outcome, n_events) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += n_events;
        }
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = [self.last, other.last].into_iter().flatten().max();
    }
}

/// Reads every distinct command once and gathers what was seen of each simple command in it.
pub fn observe(tallies: &[Tally]) -> Observation {
    let mut units: Vec<Unit> = tallies.iter().map(|tally| tally.unit.clone()).collect();
    units.sort_unstable();
    units.dedup();
    let mut actions: BTreeMap<&Action, Vec<&Tally>> = BTreeMap::new();
    for tally in tallies {
        actions.entry(&tally.action).or_default().push(tally);
    }
    let unit_of = |tally: &Tally| {
        let idx = units.binary_search(&tally.unit).unwrap_or_default();
        u32::try_from(idx).unwrap_or(u32::MAX)
    };
    let mut n_unresolved = 0;
    let mut commands: BTreeMap<(Command, Option<Arc<str>>), Support> = BTreeMap::new();
    let mut tools: BTreeMap<(&str, &str, Effects), Support> = BTreeMap::new();
    for (action, tallies) in &actions {
        match action {
            Action::Command { argv, cwd } => {
                let reading = read(argv);
                let is_readable = reading.unresolved.is_empty();
                if !is_readable {
                    n_unresolved += tallies.iter().map(|tally| tally.n_events).sum::<u64>();
                }
                let mut inner = reading.commands;
                inner.retain(|command| !is_free_builtin(command.name()));
                inner.sort_unstable();
                inner.dedup();
                let cwd: Option<Arc<str>> = cwd.as_deref().map(Arc::from);
                for command in inner {
                    let support = commands.entry((command, cwd.clone())).or_default();
                    for tally in tallies {
                        support.add(tally, unit_of(tally), is_readable);
                    }
                }
            }
            Action::McpCall { server, tool, argument_names } => {
                let effects = mcp_effects(server, tool, argument_names);
                let support = tools.entry((server, tool, effects)).or_default();
                for tally in tallies {
                    support.add(tally, unit_of(tally), true);
                }
            }
        }
    }
    let learned = Learned::new(commands.keys().map(|(command, _)| command.argv.as_slice()));
    let mut uses: BTreeMap<(String, Effects), Use> = BTreeMap::new();
    for ((command, cwd), support) in commands {
        let stem = stem(&command.argv, &learned);
        let effects = effects(&command, &stem.subcommand);
        let line = command.line();
        if let Some(seen) = uses.get_mut(&(line.clone(), effects)) {
            seen.support.take_in(&support);
            continue;
        }
        let shape = shapes::shape(&command.argv, cwd.as_deref(), &learned).text;
        let seen = Use { line: line.clone(), command, stem, shape, effects, support };
        uses.insert((line, effects), seen);
    }
    let mcp_uses = tools.into_iter().map(|((server, tool, effects), mut support)| {
        support.settle();
        McpUse { server: server.to_owned(), tool: tool.to_owned(), effects, support }
    });
    let mcp_uses = mcp_uses.collect();
    let mut uses: Vec<Use> = uses.into_values().collect();
    for seen in &mut uses {
        seen.support.settle();
    }
    Observation {
        uses,
        mcp_uses,
        n_events: tallies.iter().map(|tally| tally.n_events).sum(),
        n_unresolved,
        first: tallies.iter().map(|tally| tally.first).min(),
        last: tallies.iter().map(|tally| tally.last).max(),
        units,
    }
}
