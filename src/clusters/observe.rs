//! From tallies to uses: every distinct simple command with all that was seen of it.
use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeMap,
    sync::Arc,
};

use rayon::prelude::*;

use super::{
    Stem,
    lines::Lines,
    room::{Dated, Filling, Room, plain},
    stem,
    units::{Numbered, units},
};
use crate::{
    commands::{
        Command,
        grammar::{Learned, parse_with},
        is_free_builtin, read,
    },
    events::{Action, Day, Outcome, Tally, Timestamp, Unit},
    policy::{Access, Pattern},
    risk::{Effects, RiskLevel, access, effects, mcp_effects, stake},
    shapes,
};

/// So many actions are read before their commands are put together with the others: the same
/// commands come again and again, and need not be held more often than so.
const ACTIONS_AT_A_TIME: usize = 1 << 15;

/// So many bytes of their text, too: one action may hold thousands of commands.
const BYTES_AT_A_TIME: usize = 4 << 20;

/// Everything that was seen of a role in a window.
#[derive(Debug, Default)]
pub struct Observation {
    /// The units, sorted; supports hold indexes into this.
    pub units: Vec<Unit>,
    /// Simple commands, sorted by line and effects.
    pub uses: Vec<Use>,
    /// Builtins of the shell that need no rule, with the units in which each was used.
    pub builtins: BTreeMap<String, Vec<u32>>,
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
    /// The first day that is in it, where earlier ones had no room.
    pub since: Option<Day>,
    /// The lines of the commands.
    lines: Lines,
}

impl Observation {
    /// The uses whose line a pattern matches, in order.
    pub fn matched(&self, pattern: &Pattern) -> impl Iterator<Item = &Use> {
        self.matched_at(pattern).map(|(_, seen)| seen)
    }

    /// The same, each with its index.
    pub fn matched_at(&self, pattern: &Pattern) -> impl Iterator<Item = (usize, &Use)> {
        // Uses are sorted by line, so that those a pattern may match stand together.
        let prefix = pattern.literal_prefix().trim_end_matches(' ');
        let start = self.uses.partition_point(|seen| seen.line.as_str() < prefix);
        let rest = self.uses.get(start..).unwrap_or_default();
        let end = start + rest.partition_point(|seen| seen.line.starts_with(prefix));
        let held = self.lines.holding(pattern.needle(), start..end);
        let held = held.filter_map(|idx| Some((idx, self.uses.get(idx)?)));
        held.filter(|(_, seen)| pattern.matches(&seen.line))
    }
}

/// One distinct simple command.
#[derive(Clone, Debug)]
pub struct Use {
    /// Its canonical line.
    pub line: String,
    /// What its line begins with.
    pub stem: Stem,
    /// Its shape.
    pub shape: String,
    /// What it does.
    pub effects: Effects,
    /// How far it goes, where that is known.
    pub access: Option<Access>,
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

impl McpUse {
    /// `server/tool`, as rules name it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.server, self.tool)
    }
}

/// What was seen of something, in bounded units.
#[derive(Clone, Debug, Default)]
pub struct Support {
    /// Indexes of the units in which it ran and nothing of its event was stopped or unreadable,
    /// sorted, each once. Only these speak for an allow.
    pub units: Vec<u32>,
    /// Indexes of the units in which an event of it was blocked, sorted, each once.
    pub blocked_units: Vec<u32>,
    /// The smallest id of its events that ran, as a reference for people.
    pub event_id: Option<Arc<str>>,
    /// The smallest id of its events that were blocked.
    pub blocked_id: Option<Arc<str>>,
    /// Events, blocked ones included.
    pub n_events: u64,
    /// Events of the units that speak for an allow.
    pub n_speaking: u64,
    /// Events by what became of them, in the order of `Outcome::ALL`.
    by_outcome: [u64; Outcome::ALL.len()],
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

    /// Events by what became of them, in order; what never happened is left out.
    pub fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        let all = Outcome::ALL.iter().copied().zip(self.by_outcome);
        all.filter(|(_, n_events)| *n_events > 0)
    }

    fn count(&mut self, outcome: Outcome, n_events: u64) {
        let slots = Outcome::ALL.iter().zip(&mut self.by_outcome);
        for (_, slot) in slots.filter(|(it, _)| **it == outcome) {
            *slot += n_events;
        }
    }

    fn add(&mut self, tally: &Tally, unit: u32, is_readable: bool) {
        if tally.outcome == Outcome::Blocked {
            self.blocked_units.push(unit);
        } else if is_readable {
            self.units.push(unit);
            self.n_speaking += tally.n_events;
        }
        let id = match tally.outcome {
            Outcome::Blocked => &mut self.blocked_id,
            Outcome::Allowed | Outcome::WouldBlock => &mut self.event_id,
        };
        take_smaller(id, Some(&tally.event_id));
        self.n_events += tally.n_events;
        self.count(tally.outcome, tally.n_events);
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
        take_smaller(&mut self.event_id, other.event_id.as_ref());
        take_smaller(&mut self.blocked_id, other.blocked_id.as_ref());
        self.n_events += other.n_events;
        self.n_speaking += other.n_speaking;
        for (outcome, n_events) in other.outcomes() {
            self.count(outcome, n_events);
        }
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = [self.last, other.last].into_iter().flatten().max();
    }
}

/// Keeps the smaller of two ids; copies one only where it is.
fn take_smaller(id: &mut Option<Arc<str>>, other: Option<&Arc<str>>) {
    if let Some(other) = other
        && id.as_ref().is_none_or(|id| other < id)
    {
        *id = Some(Arc::clone(other));
    }
}

/// Reads every distinct command once and gathers what was seen of each simple command in it.
///
/// Commands are read side by side; what comes of it is sorted, so that neither the order of the
/// tallies nor of the threads shows.
pub fn observe(tallies: &[Tally]) -> Observation {
    observe_within(tallies, Room::default())
}

/// The same, of the newest days for which there is room.
pub fn observe_within(tallies: &[Tally], room: Room) -> Observation {
    let tallies: Vec<&Tally> = tallies.iter().collect();
    match observe_all(&tallies, Some(room)) {
        Ok(observation) => observation,
        Err(since) => {
            let newer: Vec<&Tally> =
                tallies.into_iter().filter(|it| it.unit.day >= since).collect();
            let observation = observe_all(&newer, None).unwrap_or_default();
            Observation { since: Some(since), ..observation }
        }
    }
}

/// Observes all tallies; `Err` says from which day on there is room.
fn observe_all(tallies: &[&Tally], room: Option<Room>) -> Result<Observation, Day> {
    let (units, mut by_action) = units(tallies);
    // Of one lake, one action is one in memory, too.
    let is_one = |a: &Tally, b: &Tally| Arc::ptr_eq(&a.action, &b.action);
    let compare = |(a, _): &Numbered<'_>, (b, _): &Numbered<'_>| {
        if is_one(a, b) { Ordering::Equal } else { a.action.cmp(&b.action) }
    };
    by_action.par_sort_by(compare);
    let mut actions: Vec<&[Numbered<'_>]> =
        by_action.chunk_by(|a, b| compare(a, b) == Ordering::Equal).collect();
    // Newest first, so that nothing older is read where there is no room for it.
    actions.sort_by_cached_key(|it| Reverse(newest_day(it)));
    let mut groups: Vec<Group<'_>> = Vec::with_capacity(actions.len());
    let mut commands = Vec::new();
    let mut builtins = BTreeMap::new();
    let mut filling = room.map(Filling::new);
    while groups.len() < actions.len() {
        let left = actions.get(groups.len()..).unwrap_or_default();
        let chunk = left.get(..n_at_a_time(left)).unwrap_or(left);
        let mut read: Vec<Group<'_>> =
            chunk.par_iter().map(|tallies| Group::new(tallies)).collect();
        take_builtins(&mut read, &mut builtins);
        let mut new = take_commands(&mut read, groups.len());
        if let Some(filling) = &mut filling {
            filling.add(&dated(&new, groups.len(), &read));
        }
        commands.append(&mut new);
        groups.append(&mut read);
        let unread = actions.get(groups.len()).map(|it| newest_day(it));
        if let Some((room, filling)) = room.zip(filling.as_mut())
            && filling.is_full(unread.is_none())
        {
            commands = merge(commands);
            let dated = dated(&commands, 0, &groups);
            if room.since(&dated, None).is_some()
                && let Some(since) = room.since(&dated, unread)
            {
                return Err(since);
            }
            filling.put_together(&dated);
        }
    }
    let uses = command_uses(commands, &groups);
    let mcp_uses = mcp_uses(&groups);
    Ok(Observation {
        since: None,
        lines: Lines::new(uses.iter().map(|it| it.line.as_str())),
        uses,
        builtins,
        mcp_uses,
        n_events: tallies.iter().map(|tally| tally.n_events).sum(),
        n_unresolved: groups
            .iter()
            .filter(|it| !it.is_readable)
            .map(|it| it.support.n_events)
            .sum(),
        first: tallies.iter().map(|tally| tally.first).min(),
        last: tallies.iter().map(|tally| tally.last).max(),
        units,
    })
}

/// How many of these actions are read at a time, at least one.
fn n_at_a_time(actions: &[&[Numbered<'_>]]) -> usize {
    let mut n_bytes = 0;
    let fit = actions.iter().take(ACTIONS_AT_A_TIME).take_while(|tallies| {
        let has_room = n_bytes < BYTES_AT_A_TIME;
        if let Some(Action::Command { argv, .. }) = tallies.first().map(|it| &*it.0.action) {
            n_bytes += argv.iter().map(String::len).sum::<usize>();
        }
        has_room
    });
    fit.count()
}

/// The newest day of an action's tallies.
fn newest_day(tallies: &[Numbered<'_>]) -> Day {
    tallies.iter().map(|it| it.0.unit.day).max().unwrap_or(Day(0))
}

/// Commands and calls with the newest day of each; `first` groups stand before these.
fn dated<'a>(
    commands: &'a [InGroups<'_>],
    first: usize,
    groups: &'a [Group<'_>],
) -> Vec<Dated<'a>> {
    let newest = |idxs: &[u32]| {
        let places = idxs.iter().map(|idx| (*idx as usize).checked_sub(first));
        places.filter_map(|idx| groups.get(idx?)).map(|it| it.newest).max()
    };
    let unlearned = Learned::default();
    let of_command = |(command, _, idxs): &'a InGroups<'_>| {
        let first = command.argv.get(1).map_or("", |it| plain(it));
        let n_words = command.argv.len();
        let stem = stem(&command.argv, &parse_with(&command.argv, &unlearned));
        Some(Dated { head: (stem.pattern.into(), first), n_words, day: newest(idxs)? })
    };
    let of_call = |it: &'a Group<'_>| match it.action {
        Some(Action::McpCall { server, tool, argument_names }) => {
            let n_words = 1 + argument_names.len();
            Some(Dated { head: (server.into(), tool), n_words, day: it.newest })
        }
        _ => None,
    };
    let calls = groups.iter().filter_map(of_call);
    let mut res: Vec<Dated<'a>> = commands.par_iter().filter_map(of_command).collect();
    res.extend(calls);
    res
}

/// One distinct action with all that was seen of it.
struct Group<'a> {
    action: Option<&'a Action>,
    /// Its simple commands, sorted, each once.
    commands: Vec<Command>,
    /// Names of the free builtins in it, sorted, each once.
    builtins: Vec<String>,
    /// Whether all of it could be read.
    is_readable: bool,
    /// The newest day on which it was seen.
    newest: Day,
    support: Support,
}

impl<'a> Group<'a> {
    /// Reads an action, given all tallies of it.
    fn new(tallies: &[Numbered<'a>]) -> Self {
        let action = tallies.first().map(|(tally, _)| &*tally.action);
        let (commands, is_readable) = match action {
            Some(Action::Command { argv, .. }) => {
                let reading = read(argv);
                (reading.commands, reading.unresolved.is_empty())
            }
            _ => (Vec::new(), true),
        };
        // A free builtin that does harm, `history -c`, is no use of the builtin but an act.
        let is_free = |command: &Command| {
            is_free_builtin(command.name()) && stake(effects(command, &[])) <= RiskLevel::Medium
        };
        let (free, mut commands): (Vec<Command>, Vec<Command>) =
            commands.into_iter().partition(is_free);
        let mut builtins: Vec<String> = free.iter().map(|it| it.name().to_owned()).collect();
        builtins.sort_unstable();
        builtins.dedup();
        commands.sort_unstable();
        commands.dedup();
        let mut support = Support::default();
        for (tally, unit) in tallies {
            support.add(tally, *unit, is_readable);
        }
        support.settle();
        let newest = newest_day(tallies);
        Self { action, commands, builtins, is_readable, newest, support }
    }

    fn cwd(&self) -> Option<&'a str> {
        match self.action {
            Some(Action::Command { cwd, .. }) => cwd.as_deref(),
            _ => None,
        }
    }
}

/// Takes the builtins out of their groups, and notes the units in which each was used, sorted.
fn take_builtins(groups: &mut [Group<'_>], builtins: &mut BTreeMap<String, Vec<u32>>) {
    for group in groups {
        for name in std::mem::take(&mut group.builtins) {
            builtins.entry(name).or_default().extend(&group.support.units);
        }
    }
    for units in builtins.values_mut() {
        units.sort_unstable();
        units.dedup();
    }
}

/// A distinct simple command in a directory, with the indexes of the groups it is in.
type InGroups<'a> = (Command, Option<&'a str>, Vec<u32>);

/// Takes the commands out of their groups, each once; `first` groups stand before these.
fn take_commands<'a>(groups: &mut [Group<'a>], first: usize) -> Vec<InGroups<'a>> {
    let mut commands = Vec::new();
    for (idx, group) in (first..).zip(groups) {
        let cwd = group.cwd();
        let idx = u32::try_from(idx).unwrap_or(u32::MAX);
        commands
            .extend(std::mem::take(&mut group.commands).into_iter().map(|it| (it, cwd, vec![idx])));
    }
    merge(commands)
}

/// Sorts commands and makes one of equal ones.
fn merge(mut commands: Vec<InGroups<'_>>) -> Vec<InGroups<'_>> {
    commands.par_sort_unstable();
    commands.dedup_by(|next, kept| {
        let is_same = (&next.0, next.1) == (&kept.0, kept.1);
        if is_same {
            kept.2.append(&mut next.2);
        }
        is_same
    });
    commands
}

/// Every distinct simple command: sorted by line and effects, each once.
fn command_uses(commands: Vec<InGroups<'_>>, groups: &[Group<'_>]) -> Vec<Use> {
    let commands = merge(commands);
    let learned = Learned::new(commands.iter().map(|(command, ..)| command.argv.as_slice()));
    let mut uses: Vec<Use> = commands
        .into_par_iter()
        .map(|(command, cwd, idxs)| {
            let parsed = parse_with(&command.argv, &learned);
            let stem = stem(&command.argv, &parsed);
            let effects = effects(&command, &stem.own_path(&parsed));
            let groups = idxs.iter().filter_map(|idx| groups.get(*idx as usize));
            Use {
                line: command.line(),
                shape: shapes::shape_of(&command.argv, &parsed, cwd).text,
                access: access(&command, cwd, effects),
                effects,
                stem,
                support: Support::of_all(groups.map(|it| &it.support)),
            }
        })
        .collect();
    // Stable: of uses that differ only in what else is known of them, the first stays.
    uses.par_sort_by(|a, b| (&a.line, a.effects).cmp(&(&b.line, b.effects)));
    uses.dedup_by(|next, kept| {
        let is_same = next.line == kept.line && next.effects == kept.effects;
        if is_same {
            kept.access = kept.access.filter(|it| next.access == Some(*it));
            kept.support.take_in(&next.support);
        }
        is_same
    });
    for seen in &mut uses {
        seen.support.settle();
    }
    uses
}

/// Every MCP tool with each of its sets of effects, sorted.
fn mcp_uses(groups: &[Group<'_>]) -> Vec<McpUse> {
    let mut tools: BTreeMap<(&str, &str, Effects), Support> = BTreeMap::new();
    for group in groups {
        if let Some(Action::McpCall { server, tool, argument_names }) = group.action {
            let effects = mcp_effects(server, tool, argument_names);
            tools.entry((server, tool, effects)).or_default().take_in(&group.support);
        }
    }
    let uses = tools.into_iter().map(|((server, tool, effects), mut support)| {
        support.settle();
        McpUse { server: server.to_owned(), tool: tool.to_owned(), effects, support }
    });
    uses.collect()
}
