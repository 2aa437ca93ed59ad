//! From tallies to uses: every distinct simple command with all that was seen of it.
#![expect(
    clippy::disallowed_types,
    reason = "hundreds of thousands of keys are looked up; what leaves this file is sorted"
)]
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{Stem, stem};
use crate::{
    commands::{
        Command,
        grammar::{Learned, parse_with},
        is_free_builtin, read,
    },
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

/// A command and the directory it ran in.
type Placed = (Command, Option<Arc<str>>);

/// Reads every distinct command once and gathers what was seen of each simple command in it.
///
/// The same tallies in any order give the same observation.
pub fn observe(tallies: &[Tally]) -> Observation {
    let (units, unit_numbers) = numbered_units(tallies);
    let mut order: Vec<(&Tally, u32)> = tallies.iter().zip(unit_numbers).collect();
    // Quick where they are in order already, as those of a lake are.
    order.sort_by(|(a, _), (b, _)| by_action(a, b));
    let mut n_unresolved = 0;
    let mut numbers: HashMap<Placed, usize> = HashMap::new();
    let mut supports: Vec<Support> = Vec::new();
    let mut tools: BTreeMap<(&str, &str, Effects), Support> = BTreeMap::new();
    for tallies in order.chunk_by(|(a, _), (b, _)| by_action(a, b).is_eq()) {
        let Some((first, _)) = tallies.first() else { continue };
        match &*first.action {
            Action::Command { argv, cwd } => {
                let reading = read(argv);
                let is_readable = reading.unresolved.is_empty();
                if !is_readable {
                    n_unresolved += tallies.iter().map(|(tally, _)| tally.n_events).sum::<u64>();
                }
                let mut inner = reading.commands;
                inner.retain(|command| !is_free_builtin(command.name()));
                inner.sort_unstable();
                inner.dedup();
                let cwd: Option<Arc<str>> = cwd.as_deref().map(Arc::from);
                for command in inner {
                    let number = *numbers.entry((command, cwd.clone())).or_insert_with(|| {
                        supports.push(Support::default());
                        supports.len() - 1
                    });
                    let Some(support) = supports.get_mut(number) else { continue };
                    for (tally, unit) in tallies {
                        support.add(tally, *unit, is_readable);
                    }
                }
            }
            Action::McpCall { server, tool, argument_names } => {
                let effects = mcp_effects(server, tool, argument_names);
                let support = tools.entry((server, tool, effects)).or_default();
                for (tally, unit) in tallies {
                    support.add(tally, *unit, true);
                }
            }
        }
    }
    // In the order in which the sorted actions showed them.
    let mut commands: Vec<_> = numbers.into_iter().collect();
    commands.sort_unstable_by_key(|(_, number)| *number);
    let commands = commands.into_iter().map(|((command, cwd), _)| (command, cwd)).zip(supports);
    let mcp_uses = tools.into_iter().map(|((server, tool, effects), mut support)| {
        support.settle();
        McpUse { server: server.to_owned(), tool: tool.to_owned(), effects, support }
    });
    Observation {
        uses: uses(commands.collect()),
        mcp_uses: mcp_uses.collect(),
        n_events: tallies.iter().map(|tally| tally.n_events).sum(),
        n_unresolved,
        first: tallies.iter().map(|tally| tally.first).min(),
        last: tallies.iter().map(|tally| tally.last).max(),
        units,
    }
}

/// The units, sorted, and for each tally the number of its own.
fn numbered_units(tallies: &[Tally]) -> (Vec<Unit>, Vec<u32>) {
    let distinct: HashSet<&Unit> = tallies.iter().map(|tally| &tally.unit).collect();
    let mut units: Vec<&Unit> = distinct.into_iter().collect();
    units.sort_unstable();
    let numbers: HashMap<&Unit, u32> = units.iter().copied().zip(0..).collect();
    let number = |tally: &Tally| numbers.get(&tally.unit).copied().unwrap_or(u32::MAX);
    let of_tallies = tallies.iter().map(number).collect();
    (units.into_iter().cloned().collect(), of_tallies)
}

/// The order of actions; one that is shared is not compared.
fn by_action(a: &Tally, b: &Tally) -> Ordering {
    if Arc::ptr_eq(&a.action, &b.action) { Ordering::Equal } else { a.action.cmp(&b.action) }
}

/// Distinct commands, with where they ran and what was seen of them, as uses.
fn uses(commands: Vec<(Placed, Support)>) -> Vec<Use> {
    let learned = Learned::new(commands.iter().map(|((command, _), _)| command.argv.as_slice()));
    let mut numbers: HashMap<(String, Effects), usize> = HashMap::with_capacity(commands.len());
    let mut uses: Vec<Use> = Vec::with_capacity(commands.len());
    for ((command, cwd), support) in commands {
        let parsed = parse_with(&command.argv, &learned);
        let stem = stem(&command.argv, &parsed);
        let effects = effects(&command, &stem.subcommand);
        let line = command.line();
        let key = (line, effects);
        if let Some(seen) = numbers.get(&key).and_then(|number| uses.get_mut(*number)) {
            seen.support.take_in(&support);
            continue;
        }
        let shape = shapes::shape_of(&command.argv, &parsed, cwd.as_deref()).text;
        let line = key.0.clone();
        numbers.insert(key, uses.len());
        uses.push(Use { line, command, stem, shape, effects, support });
    }
    uses.sort_unstable_by(|a, b| (&a.line, a.effects).cmp(&(&b.line, b.effects)));
    for seen in &mut uses {
        seen.support.settle();
    }
    uses
}
