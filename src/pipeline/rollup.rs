//! Rolls days up: what was done, by role, environment and shape, kept when the events are gone.
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::upkeep::days_before;
use crate::{
    changes::ENVIRONMENT,
    commands::{self, grammar::Learned},
    events::{Action, EventType, Tally, Timestamp},
    lake::{Lake, LakeError, Manifest, Part, RollupKey, RollupRow, Window},
    shapes::shape,
    store::{HostVariables, Store},
};

/// Most rows of a day; what is more is counted by binary. Who names files and tools chooses how many
/// shapes there are.
const MAX_ROWS: usize = 100_000;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RolledUp {
    /// Days that were rolled up, again or for the first time.
    pub(super) n_days: u64,
    /// Rows of these.
    pub(super) n_rows: u64,
}

/// Rolls up the days before today whose events have changed since. Needs the lock of the lake.
///
/// Of roles whose events of a day are gone by `retention` the rows stay as they were made first.
pub(super) async fn roll_up(
    store: &Store,
    lake: &Lake,
    manifest: &mut Manifest,
    retention: &BTreeMap<String, u32>,
    now: Timestamp,
) -> anyhow::Result<RolledUp> {
    let mut res = RolledUp::default();
    let due = store.days_due(now.day()).await?;
    if due.is_empty() {
        return Ok(res);
    }
    let variables = HostVariables::new(&store.variables().await?)?;
    for day in due {
        let parts: Vec<Part> = manifest.parts.iter().filter(|it| it.day == day).cloned().collect();
        let before = manifest.rollups.iter().find(|it| it.day == day);
        let is_over = |role: &str| {
            let days = retention.get(role).or_else(|| retention.get("")).copied();
            days.is_some_and(|days| day < days_before(now, days))
        };
        let rollup = tokio::task::block_in_place(|| {
            let mut rows = rows(lake, &parts, &variables)?;
            // One that is lost is told where the lake is put in order.
            if let Some(old) = before.and_then(|it| lake.rollup_rows(it).ok()) {
                rows.retain(|it| !is_over(&it.key.role));
                rows.extend(old.into_iter().filter(|it| is_over(&it.key.role)));
                rows.sort_unstable();
            }
            if rows.is_empty() { Ok(None) } else { lake.stage_rollup(day, &rows).map(Some) }
        })?;
        manifest.generation =
            store.commit_rollup(manifest.generation, day, rollup.as_ref()).await?;
        lake.publish_rollup(day, rollup.as_ref())?;
        manifest.rollups.retain(|it| it.day != day);
        res.n_days += 1;
        res.n_rows += rollup.as_ref().map_or(0, |it| it.n_rows);
        manifest.rollups.extend(rollup);
    }
    Ok(res)
}

/// What the events of some parts of one day come to, sorted.
fn rows(
    lake: &Lake,
    parts: &[Part],
    variables: &HostVariables,
) -> Result<Vec<RollupRow>, LakeError> {
    let mut counts = Counts::default();
    lake.each_tallies(parts, Window::ALL, |role, tallies| {
        // Tallies are sorted by action: each is read once.
        let actions: Vec<&[Tally]> = tallies.chunk_by(|a, b| a.action == b.action).collect();
        let read = |it: &&[Tally]| it.first().map(|it| shapes_of(&it.action)).unwrap_or_default();
        let shapes: Vec<BTreeSet<Shaped>> = actions.par_iter().map(read).collect();
        for (tallies, shapes) in actions.iter().zip(&shapes) {
            tallies.iter().for_each(|it| counts.add(role, it, shapes, variables));
        }
    })?;
    Ok(counts.finish())
}

/// Rows in the making.
#[derive(Debug, Default)]
struct Counts {
    rows: BTreeMap<RollupKey, Count>,
    /// Number and environment of each host.
    hosts: BTreeMap<String, (u32, Option<String>)>,
    /// Number of each session of a host.
    sessions: BTreeMap<(u32, String), u32>,
}

#[derive(Debug)]
struct Count {
    n_events: u64,
    hosts: BTreeSet<u32>,
    sessions: BTreeSet<u32>,
    first: Timestamp,
    last: Timestamp,
}

impl Counts {
    fn add(
        &mut self,
        role: &str,
        tally: &Tally,
        shapes: &BTreeSet<Shaped>,
        variables: &HostVariables,
    ) {
        let (host, environment) = self.host(&tally.unit.hostname, variables);
        let next = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX);
        let session = (host, tally.unit.session_id.to_string());
        let session = *self.sessions.entry(session).or_insert(next);
        for shaped in shapes {
            let mut key = RollupKey {
                role: role.to_owned(),
                environment: environment.clone(),
                event_type: shaped.event_type,
                binary: shaped.binary.clone(),
                subcommand: shaped.subcommand.clone(),
                shape: Some(shaped.shape.clone()),
                decision: tally.outcome,
            };
            if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key) {
                (key.subcommand, key.shape) = (None, None);
            }
            let (first, last) = (tally.first, tally.last);
            let (hosts, sessions) = (BTreeSet::new(), BTreeSet::new());
            let empty = || Count { n_events: 0, hosts, sessions, first, last };
            let count = self.rows.entry(key).or_insert_with(empty);
            count.n_events += tally.n_events;
            count.hosts.insert(host);
            count.sessions.insert(session);
            count.first = count.first.min(tally.first);
            count.last = count.last.max(tally.last);
        }
    }

    fn host(&mut self, hostname: &str, variables: &HostVariables) -> (u32, Option<String>) {
        if let Some(known) = self.hosts.get(hostname) {
            return known.clone();
        }
        let number = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let new = (number, variables.of(hostname).remove(ENVIRONMENT));
        self.hosts.insert(hostname.to_owned(), new.clone());
        new
    }

    fn finish(self) -> Vec<RollupRow> {
        let rows = self.rows.into_iter().map(|(key, count)| RollupRow {
            key,
            n_events: count.n_events,
            n_hosts: count.hosts.len() as u64,
            n_sessions: count.sessions.len() as u64,
            first: count.first,
            last: count.last,
        });
        rows.collect()
    }
}

/// One thing that an action does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shaped {
    event_type: EventType,
    binary: Option<String>,
    subcommand: Option<String>,
    shape: String,
}

/// The shapes of an action, each once.
///
/// Nothing is learned of tools that nobody described: the same command has the same shape every day.
fn shapes_of(action: &Action) -> BTreeSet<Shaped> {
    match action {
        Action::McpCall { server, tool, .. } => BTreeSet::from([Shaped {
            event_type: EventType::McpToolCall,
            binary: None,
            subcommand: None,
            shape: format!("{server}/{tool}"),
        }]),
        Action::Command { argv, cwd } => {
            let learned = Learned::default();
            let commands = commands::read(argv).commands;
            let shaped = commands.iter().map(|it| shape(&it.argv, cwd.as_deref(), &learned));
            let shaped = shaped.map(|it| Shaped {
                event_type: EventType::CommandExecution,
                binary: Some(it.binary),
                subcommand: Some(it.subcommand.join(" ")).filter(|it| !it.is_empty()),
                shape: it.text,
            });
            shaped.collect()
        }
    }
}
