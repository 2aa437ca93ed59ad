//! What the lake holds of a role in a window, tallied by action, unit and outcome.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use polars::prelude::{
    DataFrame, DataType, Expr, Int64Chunked, LazyFrame, PlRefPath, PolarsError, PolarsResult,
    ScanArgsParquet, StringChunked, col, len, lit,
};

use super::{Lake, LakeError, Part};
use crate::{
    commands::split,
    events::{Action, Day, EventType, Outcome, Tally, Timestamp, Unit},
};

/// A span of time: `from` belongs to it, `to` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
}

/// How much activity a role has in a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// How many events.
    pub n_events: u64,
    /// On how many hosts.
    pub n_hosts: u64,
    /// In how many sessions; events without one share the empty session of their host.
    pub n_sessions: u64,
    /// Time of the first event.
    pub first: Timestamp,
    /// Time of the last event.
    pub last: Timestamp,
}

/// So many rows are read at a time: parts are read together up to here, and one by one beyond.
const ROWS_AT_A_TIME: u64 = 256 * 1024;

impl Window {
    /// All of time that an event may have: the years 1970 to 9999.
    pub const ALL: Self = Self { from: Timestamp(0), to: Timestamp(253_402_300_800_000_000) };

    /// Whether something from `first` to `last` may lie in it.
    fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        first < self.to && last >= self.from
    }
}

impl Lake {
    /// Commands and MCP calls of a role in a window, tallied; sorted, whatever the order of parts.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read.
    pub fn tallies(
        &self,
        parts: &[Part],
        role: &str,
        window: Window,
    ) -> Result<Vec<Tally>, LakeError> {
        let mut tallies = Tallies::default();
        for paths in self.batches(parts, window)? {
            self.query(|| {
                let frame = activity(&paths, window)?
                    .filter(col("role").eq(lit(role)))
                    .group_by(GROUP.map(col))
                    .agg([
                        len().cast(DataType::Int64).alias("n_events"),
                        microseconds().min().alias("first"),
                        microseconds().max().alias("last"),
                        col("event_id").min(),
                    ])
                    .collect()?;
                tallies.add(&frame)
            })?;
        }
        Ok(tallies.finish())
    }

    /// How much activity each role has in a window, by name of the role.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read.
    pub fn overview(
        &self,
        parts: &[Part],
        window: Window,
    ) -> Result<BTreeMap<String, Overview>, LakeError> {
        let mut roles: BTreeMap<String, (Overview, BTreeSet<(String, String)>)> = BTreeMap::new();
        for paths in self.batches(parts, window)? {
            self.query(|| {
                let frame = activity(&paths, window)?
                    .group_by([col("role"), col("hostname"), col("session_id")])
                    .agg([
                        len().cast(DataType::Int64).alias("n_events"),
                        microseconds().min().alias("first"),
                        microseconds().max().alias("last"),
                    ])
                    .collect()?;
                let rows = Table::new(&frame);
                let [role, host, session] =
                    [rows.text("role")?, rows.text("hostname")?, rows.text("session_id")?];
                let [n_events, first, last] =
                    [rows.number("n_events")?, rows.number("first")?, rows.number("last")?];
                for idx in 0..frame.height() {
                    let text =
                        |column: &StringChunked| column.get(idx).unwrap_or_default().to_owned();
                    let number = |column: &Int64Chunked| column.get(idx).unwrap_or_default();
                    let (first, last) = (Timestamp(number(first)), Timestamp(number(last)));
                    let (overview, sessions) = roles.entry(text(role)).or_insert_with(|| {
                        (Overview { first, last, ..Overview::default() }, BTreeSet::new())
                    });
                    overview.n_events += number(n_events).unsigned_abs();
                    overview.first = overview.first.min(first);
                    overview.last = overview.last.max(last);
                    sessions.insert((text(host), text(session)));
                }
                Ok(())
            })?;
        }
        let count = |(mut overview, sessions): (Overview, BTreeSet<(String, String)>)| {
            let hosts: BTreeSet<&str> = sessions.iter().map(|(host, _)| host.as_str()).collect();
            overview.n_hosts = hosts.len() as u64;
            overview.n_sessions = sessions.len() as u64;
            overview
        };
        Ok(roles.into_iter().map(|(role, counts)| (role, count(counts))).collect())
    }

    /// Paths of the parts that a window touches, in batches of bounded size, each of one day.
    fn batches(&self, parts: &[Part], window: Window) -> Result<Vec<Vec<PlRefPath>>, LakeError> {
        let mut parts: Vec<&Part> =
            parts.iter().filter(|part| window.overlaps(part.first, part.last)).collect();
        parts.sort();
        let mut batches = Vec::new();
        let mut batch: Vec<PlRefPath> = Vec::new();
        let mut n_rows = 0;
        let mut day = None;
        for part in parts {
            let is_full = n_rows + part.n_events > ROWS_AT_A_TIME;
            if !batch.is_empty() && (is_full || day != Some(part.day)) {
                batches.push(std::mem::take(&mut batch));
                n_rows = 0;
            }
            day = Some(part.day);
            n_rows += part.n_events;
            let path = self.find(part)?;
            batch.push(PlRefPath::try_from_path(&path).map_err(|err| self.read_error(err))?);
        }
        if !batch.is_empty() {
            batches.push(batch);
        }
        Ok(batches)
    }

    fn query<T>(&self, query: impl FnOnce() -> PolarsResult<T>) -> Result<T, LakeError> {
        query().map_err(|err| self.read_error(err))
    }

    fn read_error(&self, err: PolarsError) -> LakeError {
        LakeError::Read { path: self.root.clone(), source: Box::new(err) }
    }
}

/// What one tally is about, in columns.
const GROUP: [&str; 10] = [
    "event_type",
    "binary",
    "command",
    "cwd",
    "mcp_server",
    "mcp_tool",
    "mcp_argument_names",
    "hostname",
    "session_id",
    "decision",
];

/// Commands and MCP calls in a window.
fn activity(paths: &[PlRefPath], window: Window) -> PolarsResult<LazyFrame> {
    let args = ScanArgsParquet { glob: false, cache: false, ..ScanArgsParquet::default() };
    let frame = LazyFrame::scan_parquet_files(paths.iter().cloned().collect(), args)?;
    let kind = |kind: EventType| col("event_type").eq(lit(kind.as_str()));
    Ok(frame.filter(
        kind(EventType::CommandExecution)
            .or(kind(EventType::McpToolCall))
            .and(microseconds().gt_eq(lit(window.from.0)))
            .and(microseconds().lt(lit(window.to.0))),
    ))
}

/// The timestamp as a number. Parts outside the window are left out by the manifest, so that the
/// file's own statistics on time have little to add.
fn microseconds() -> Expr {
    col("timestamp").cast(DataType::Int64)
}

/// The columns of a query's result.
struct Table<'a>(&'a DataFrame);

impl<'a> Table<'a> {
    const fn new(frame: &'a DataFrame) -> Self {
        Self(frame)
    }

    fn text(&self, name: &str) -> PolarsResult<&'a StringChunked> {
        self.0.column(name)?.str()
    }

    fn number(&self, name: &str) -> PolarsResult<&'a Int64Chunked> {
        self.0.column(name)?.i64()
    }
}

/// Distinct values, each with a number, in order of appearance.
#[derive(Debug)]
struct Interned<T> {
    numbers: BTreeMap<Box<str>, u32>,
    values: Vec<T>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { numbers: BTreeMap::new(), values: Vec::new() }
    }
}

impl<T> Interned<T> {
    fn number(&mut self, key: &str, value: impl FnOnce() -> T) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value());
        self.numbers.insert(key.into(), number);
        number
    }
}

impl<T: Ord> Interned<T> {
    /// The values, and the rank of each number among them, by the values' order.
    fn ranked(self) -> (Vec<T>, Vec<u32>) {
        let mut sorted: Vec<(T, usize)> =
            self.values.into_iter().enumerate().map(|(number, value)| (value, number)).collect();
        sorted.sort();
        let mut ranks = vec![0; sorted.len()];
        for (rank, (_, number)) in sorted.iter().enumerate() {
            if let Some(slot) = ranks.get_mut(*number) {
                *slot = u32::try_from(rank).unwrap_or(u32::MAX);
            }
        }
        (sorted.into_iter().map(|(value, _)| value).collect(), ranks)
    }
}

/// Action, host, session, day and outcome, by number.
type Cell = (u32, u32, u32, i32, Outcome);

/// How often, first, last, and the smallest id.
#[derive(Debug)]
struct Count {
    n_events: u64,
    first: Timestamp,
    last: Timestamp,
    event_id: Box<str>,
}

/// Tallies in the making.
#[derive(Debug, Default)]
struct Tallies {
    actions: Interned<Action>,
    hosts: Interned<Box<str>>,
    sessions: Interned<Box<str>>,
    counts: BTreeMap<Cell, Count>,
}

impl Tallies {
    fn add(&mut self, frame: &DataFrame) -> PolarsResult<()> {
        let rows = Table::new(frame);
        let kind = rows.text("event_type")?;
        let (binary, command) = (rows.text("binary")?, rows.text("command")?);
        let cwd = rows.text("cwd")?;
        let (server, tool) = (rows.text("mcp_server")?, rows.text("mcp_tool")?);
        let names = rows.text("mcp_argument_names")?;
        let (host, session) = (rows.text("hostname")?, rows.text("session_id")?);
        let (decision, event_id) = (rows.text("decision")?, rows.text("event_id")?);
        let n_events = rows.number("n_events")?;
        let (first, last) = (rows.number("first")?, rows.number("last")?);
        let mut key = String::new();
        for idx in 0..frame.height() {
            let is_mcp = kind.get(idx) == Some(EventType::McpToolCall.as_str());
            let parts = if is_mcp {
                [server.get(idx), tool.get(idx), names.get(idx)]
            } else {
                [binary.get(idx), command.get(idx), cwd.get(idx)]
            };
            // Lengths keep apart what a separator would not: any text may hold any character.
            key.clear();
            for part in parts {
                match part {
                    Some(part) => {
                        let _ = write!(key, "{}:{part}", part.len());
                    }
                    None => key.push('-'),
                }
            }
            key.push(if is_mcp { 'm' } else { 'c' });
            let action = self.actions.number(&key, || action(is_mcp, parts));
            let host = host.get(idx).unwrap_or_default();
            let session = session.get(idx).unwrap_or_default();
            let first = Timestamp(first.get(idx).unwrap_or_default());
            let last = Timestamp(last.get(idx).unwrap_or_default());
            let event_id = event_id.get(idx).unwrap_or_default();
            let n_events = n_events.get(idx).unwrap_or_default().unsigned_abs();
            let cell = (
                action,
                self.hosts.number(host, || host.into()),
                self.sessions.number(session, || session.into()),
                first.day().0,
                decision.get(idx).and_then(Outcome::parse).unwrap_or(Outcome::Allowed),
            );
            self.counts
                .entry(cell)
                .and_modify(|count| {
                    count.n_events += n_events;
                    count.first = count.first.min(first);
                    count.last = count.last.max(last);
                    if event_id < &*count.event_id {
                        count.event_id = event_id.into();
                    }
                })
                .or_insert_with(|| Count { n_events, first, last, event_id: event_id.into() });
        }
        Ok(())
    }

    /// The tallies, sorted as [`Tally`] sorts, without comparing an action more often than needed.
    fn finish(self) -> Vec<Tally> {
        let (actions, action_ranks) = self.actions.ranked();
        let (hosts, host_ranks) = self.hosts.ranked();
        let (sessions, session_ranks) = self.sessions.ranked();
        let rank = |ranks: &[u32], number: u32| ranks.get(number as usize).copied().unwrap_or(0);
        let mut counts: Vec<(Cell, Count)> = self
            .counts
            .into_iter()
            .map(|((action, host, session, day, outcome), count)| {
                let action = rank(&action_ranks, action);
                let (host, session) = (rank(&host_ranks, host), rank(&session_ranks, session));
                ((action, host, session, day, outcome), count)
            })
            .collect();
        counts.sort_unstable_by_key(|(cell, _)| *cell);
        let actions: Vec<Arc<Action>> = actions.into_iter().map(Arc::new).collect();
        let hosts: Vec<Arc<str>> = hosts.into_iter().map(Arc::from).collect();
        let sessions: Vec<Arc<str>> = sessions.into_iter().map(Arc::from).collect();
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
                    event_id: Arc::from(count.event_id),
                })
            })
            .collect()
    }
}

/// The action behind its columns: server, tool and argument names, or binary, command and directory.
fn action(is_mcp: bool, [one, two, three]: [Option<&str>; 3]) -> Action {
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    if is_mcp {
        return Action::McpCall {
            server: text(one),
            tool: text(two),
            argument_names: serde_json::from_str(three.unwrap_or("[]")).unwrap_or_default(),
        };
    }
    // The line begins with the base name; the binary is `argv[0]` as it was invoked.
    let words = split(two.unwrap_or_default()).unwrap_or_default();
    let argv = std::iter::once(text(one)).chain(words.into_iter().skip(1)).collect();
    Action::Command { argv, cwd: three.map(ToOwned::to_owned) }
}
