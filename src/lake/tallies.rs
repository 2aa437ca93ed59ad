//! Rows of events -> tallies: each action once, counted by session, host, day and outcome.
#![expect(
    clippy::disallowed_types,
    reason = "millions of keys are looked up; what leaves this file is sorted"
)]
use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use rayon::slice::ParallelSliceMut as _;

use crate::{
    commands::split,
    events::{Action, Day, Outcome, Tally, Timestamp, Unit},
};

/// How much activity is held at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Tallies.
    pub n_tallies: usize,
    /// Bytes of the text of distinct actions.
    pub n_bytes: usize,
}

impl Default for Room {
    /// # Source
    /// Measured: a tally takes some 300 bytes while it is made, the text of an action is held twice.
    fn default() -> Self {
        Self { n_tallies: 2_000_000, n_bytes: 128 << 20 }
    }
}

/// What a role did in a window, or in the newest days of it for which there is room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// How often each unit did each action; sorted.
    pub tallies: Vec<Tally>,
    /// The first day of it, where there was no room for earlier ones.
    pub since: Option<Day>,
}

/// One event, as its columns have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// What was done.
    pub(super) action: RowAction<'a>,
    pub(super) hostname: &'a str,
    /// Empty where the event has none.
    pub(super) session_id: &'a str,
    pub(super) outcome: Outcome,
    pub(super) at: Timestamp,
    pub(super) event_id: &'a str,
}

/// The columns of an action.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowAction<'a> {
    Command { binary: &'a str, line: &'a str, cwd: Option<&'a str> },
    McpCall { server: &'a str, tool: &'a str, argument_names: Option<&'a str> },
}

/// Action, host, session, day and outcome, by number.
type Cell = (u32, u32, u32, i32, Outcome);

/// How often, first, last, and the smallest id.
#[derive(Debug)]
struct Count {
    n_events: u64,
    first: Timestamp,
    last: Timestamp,
    event_id: Arc<str>,
}

/// Tallies in the making.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    actions: Interned<Action>,
    hosts: Interned<Arc<str>>,
    sessions: Interned<Arc<str>>,
    counts: HashMap<Cell, Count>,
    /// Room for the key of an action.
    key: String,
    /// Bytes of all keys.
    n_bytes: usize,
}

impl Tallies {
    /// Counts one event.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        row.action.key(&mut self.key);
        let (key, n_bytes) = (&self.key, &mut self.n_bytes);
        let cell = (
            self.actions.number(key, || {
                *n_bytes += key.len();
                row.action.action()
            }),
            self.hosts.number(row.hostname, || row.hostname.into()),
            self.sessions.number(row.session_id, || row.session_id.into()),
            row.at.day().0,
            row.outcome,
        );
        self.counts
            .entry(cell)
            .and_modify(|count| {
                count.n_events += 1;
                count.first = count.first.min(row.at);
                count.last = count.last.max(row.at);
                if row.event_id < &*count.event_id {
                    count.event_id = row.event_id.into();
                }
            })
            .or_insert_with(|| Count {
                n_events: 1,
                first: row.at,
                last: row.at,
                event_id: row.event_id.into(),
            });
    }

    /// Whether there is no room for so much.
    pub(super) fn exceeds(&self, room: Room) -> bool {
        self.counts.len() > room.n_tallies || self.n_bytes > room.n_bytes
    }

    /// Drops what was counted of a day and all before it.
    pub(super) fn drop_until(&mut self, day: Day) {
        self.counts.retain(|(_, _, _, it, _), _| *it > day.0);
    }

    /// The tallies, sorted as [`Tally`] sorts, without comparing an action more often than needed.
    pub(super) fn finish(self) -> Vec<Tally> {
        let (actions, action_ranks) = self.actions.ranked();
        let (hosts, host_ranks) = self.hosts.ranked();
        let (sessions, session_ranks) = self.sessions.ranked();
        let rank = |ranks: &[u32], number: u32| ranks.get(number as usize).copied().unwrap_or(0);
        let mut counts: Vec<(Cell, Count)> = Vec::with_capacity(self.counts.len());
        counts.extend(self.counts.into_iter().map(
            |((action, host, session, day, outcome), count)| {
                let action = rank(&action_ranks, action);
                let (host, session) = (rank(&host_ranks, host), rank(&session_ranks, session));
                ((action, host, session, day, outcome), count)
            },
        ));
        counts.par_sort_unstable_by_key(|(cell, _)| *cell);
        let actions: Vec<Arc<Action>> = actions.into_iter().map(Arc::new).collect();
        counts
            .into_iter()
            .filter_map(|((action, host, session, day, outcome), count)| {
                Some(Tally {
                    action: Arc::clone(actions.get(action as usize)?),
                    unit: Unit {
                        hostname: Arc::clone(hosts.get(host as usize)?),
                        session_id: Arc::clone(sessions.get(session as usize)?),
                        day: Day(day),
                    },
                    outcome,
                    n_events: count.n_events,
                    first: count.first,
                    last: count.last,
                    event_id: count.event_id,
                })
            })
            .collect()
    }
}

impl RowAction<'_> {
    /// A text that no other action has. Lengths keep the parts apart, since any text may hold any
    /// separator.
    fn key(&self, key: &mut String) {
        let (kind, one, two, three) = match self {
            Self::Command { binary, line, cwd } => ('c', binary, line, cwd),
            Self::McpCall { server, tool, argument_names } => ('m', server, tool, argument_names),
        };
        key.clear();
        key.push(kind);
        let _ = write!(key, "{} {} {one}{two}", one.len(), two.len());
        if let Some(three) = three {
            key.push('+');
            key.push_str(three);
        }
    }

    fn action(&self) -> Action {
        match *self {
            Self::Command { binary, line, cwd } => {
                // The line begins with the base name; the binary is `argv[0]` as it was invoked.
                let words = split(line).unwrap_or_default();
                let mut argv = Vec::with_capacity(words.len());
                argv.push(binary.to_owned());
                argv.extend(words.into_iter().skip(1));
                Action::Command { argv, cwd: cwd.map(ToOwned::to_owned) }
            }
            Self::McpCall { server, tool, argument_names } => Action::McpCall {
                server: server.to_owned(),
                tool: tool.to_owned(),
                argument_names: serde_json::from_str(argument_names.unwrap_or("[]"))
                    .unwrap_or_default(),
            },
        }
    }
}

/// Distinct values, each with a number, in order of appearance.
#[derive(Debug)]
struct Interned<T> {
    numbers: HashMap<Box<str>, u32>,
    values: Vec<T>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Ord + Send> Interned<T> {
    fn number(&mut self, key: &str, value: impl FnOnce() -> T) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value());
        self.numbers.insert(key.into(), number);
        number
    }

    /// The values in order, and the rank of each number among them.
    fn ranked(self) -> (Vec<T>, Vec<u32>) {
        drop(self.numbers);
        let values = self.values.into_iter().zip(0_usize..);
        let mut sorted: Vec<(T, usize)> = values.collect();
        sorted.par_sort_unstable();
        let mut ranks = vec![0; sorted.len()];
        for (rank, (_, number)) in (0_u32..).zip(&sorted) {
            if let Some(slot) = ranks.get_mut(*number) {
                *slot = rank;
            }
        }
        (sorted.into_iter().map(|(value, _)| value).collect(), ranks)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commands::canonical;

    fn row(
        line: &'static str,
        session_id: &'static str,
        at: i64,
        id: &'static str,
    ) -> Row<'static> {
        Row {
            action: RowAction::Command { binary: "/bin/git", line, cwd: None },
            hostname: "h",
            session_id,
            outcome: Outcome::Allowed,
            at: Timestamp(at),
            event_id: id,
        }
    }

    #[test]
    fn order_of_rows_changes_nothing() {
        let mut rows = [
            row("git status", "s1", 5, "e5"),
            row("git status", "s1", 3, "e3"),
            row("git status", "s2", 9, "e9"),
            row("git add 'a b'", "s1", 1, "e1"),
        ];
        let tally = |rows: &[Row<'_>]| {
            let mut tallies = Tallies::default();
            for row in rows {
                tallies.add(row);
            }
            tallies.finish()
        };
        let tallies = tally(&rows);
        assert!(tallies.is_sorted());
        let shown: Vec<_> = tallies
            .iter()
            .map(|it| {
                let Action::Command { argv, .. } = &*it.action else { panic!("{it:?}") };
                (argv.join("|"), &*it.unit.session_id, it.n_events, it.first.0, &*it.event_id)
            })
            .collect();
        let wanted = [
            ("/bin/git|add|a b".to_owned(), "s1", 1, 1, "e1"),
            ("/bin/git|status".to_owned(), "s1", 2, 3, "e3"),
            ("/bin/git|status".to_owned(), "s2", 1, 9, "e9"),
        ];
        assert_eq!(shown, wanted);
        rows.reverse();
        assert_eq!(tally(&rows), tallies);
    }

    #[test]
    fn keys_of_different_actions_differ() {
        let mut keys = Vec::new();
        for (binary, line) in [("a", "a b"), ("aa", " b"), ("a", "a"), ("", "a1 2 ")] {
            for cwd in [None, Some(""), Some("b")] {
                let mut key = String::new();
                RowAction::Command { binary, line, cwd }.key(&mut key);
                keys.push(key.clone());
                RowAction::McpCall { server: binary, tool: line, argument_names: cwd }
                    .key(&mut key);
                keys.push(key);
            }
        }
        let n_keys = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), n_keys);
    }
    proptest! {
        /// The lake keeps `argv[0]` and the canonical line: together they are the whole vector.
        #[test]
        fn binary_and_line_restore_the_argument_vector(
            first in ".*[^/]",
            rest in prop::collection::vec(r#"[\PC\n\t'"\\$` ]*|.*"#, 0..6),
        ) {
            let argv: Vec<String> = std::iter::once(first).chain(rest).collect();
            let row = RowAction::Command { binary: &argv[0], line: &canonical(&argv), cwd: None };
            prop_assert_eq!(row.action(), Action::Command { argv: argv.clone(), cwd: None });
        }
    }
}
