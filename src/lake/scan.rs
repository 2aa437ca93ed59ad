//! What the lake holds of a role in a window, tallied by action, unit and outcome.
use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{
    DataFrame, DataType, Expr, HiveOptions, Int64Chunked, LazyFrame, PlRefPath, PolarsError,
    PolarsResult, ScanArgsParquet, StringChunked, col, len, lit,
};

use super::{
    Lake, LakeError, Part,
    tallies::{Activity, Room, Row, RowAction, Tallies},
};
use crate::events::{Day, EventType, Outcome, Tally, Timestamp};

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
pub(super) const ROWS_AT_A_TIME: u64 = 256 * 1024;

impl Window {
    /// All of time that an event may have: the years 1970 to 9999.
    pub const ALL: Self = Self { from: Timestamp(0), to: Timestamp(253_402_300_800_000_000) };

    /// Whether something from `first` to `last` may lie in it.
    pub(super) fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        first < self.to && last >= self.from
    }
}

impl Lake {
    /// Commands and MCP calls of a role in a window, tallied; sorted, whatever the order of parts.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read, or there is no room for so much.
    pub fn tallies(
        &self,
        parts: &[Part],
        role: &str,
        window: Window,
    ) -> Result<Vec<Tally>, LakeError> {
        let Activity { tallies, since } =
            self.newest_tallies(parts, role, window, Room::default())?;
        since.map_or(Ok(tallies), |since| Err(LakeError::TooMuch { since }))
    }

    /// The same, of the newest days of the window for which there is room.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read.
    pub fn newest_tallies(
        &self,
        parts: &[Part],
        role: &str,
        window: Window,
        room: Room,
    ) -> Result<Activity, LakeError> {
        let mut tallies = Tallies::default();
        for batch in batches(parts, window).into_iter().rev() {
            let paths = self.paths(&batch)?;
            self.query(|| {
                // Not grouped by polars: half of what agents do is done once, so that grouping
                // there and merging here would be the work twice.
                let mut frame = activity(&paths, window)?
                    .filter(col("role").eq(lit(role)))
                    .select(
                        COLUMNS.map(col).into_iter().chain([microseconds()]).collect::<Vec<_>>(),
                    )
                    .collect()?;
                frame.rechunk_mut();
                add_rows(&frame, |_, row| tallies.add(row))
            })?;
            if tallies.exceeds(room) {
                let full = batch.iter().map(|part| part.day).max().unwrap_or(Day(0));
                tallies.drop_until(full);
                return Ok(Activity { tallies: tallies.finish(), since: Some(full.next()) });
            }
        }
        Ok(Activity { tallies: tallies.finish(), since: None })
    }

    /// Commands and MCP calls of all roles in a window, tallied by role, some rows at a time: `see`
    /// is called with the tallies of each role of each batch of rows.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read.
    pub fn each_tallies(
        &self,
        parts: &[Part],
        window: Window,
        mut see: impl FnMut(&str, &[Tally]),
    ) -> Result<(), LakeError> {
        for batch in batches(parts, window) {
            let paths = self.paths(&batch)?;
            let roles = self.query(|| {
                let columns = COLUMNS.map(col).into_iter().chain([microseconds(), col("role")]);
                let mut frame =
                    activity(&paths, window)?.select(columns.collect::<Vec<_>>()).collect()?;
                frame.rechunk_mut();
                let role = Table::new(&frame).text("role")?;
                let mut roles: BTreeMap<&str, Tallies> = BTreeMap::new();
                add_rows(&frame, |idx, row| {
                    roles.entry(role.get(idx).unwrap_or_default()).or_default().add(row);
                })?;
                let finished = roles.into_iter().map(|(role, it)| (role.to_owned(), it.finish()));
                Ok(finished.collect::<Vec<_>>())
            })?;
            for (role, tallies) in &roles {
                see(role, tallies);
            }
        }
        Ok(())
    }

    /// When the commands and MCP calls of a role ran in a window, ascending: 8 bytes an event, far
    /// less than its tallies. What was blocked did not run.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read.
    pub fn instants(
        &self,
        parts: &[Part],
        role: &str,
        window: Window,
    ) -> Result<Vec<Timestamp>, LakeError> {
        let mut instants = Vec::new();
        for batch in batches(parts, window) {
            let paths = self.paths(&batch)?;
            self.query(|| {
                let ran = col("decision").neq(lit(Outcome::Blocked.as_str()));
                let frame = activity(&paths, window)?
                    .filter(col("role").eq(lit(role)).and(ran))
                    .select([microseconds()])
                    .collect()?;
                let rows = Table::new(&frame);
                let at = rows.number("timestamp")?;
                instants.extend(at.iter().flatten().map(Timestamp));
                Ok(())
            })?;
        }
        instants.sort_unstable();
        Ok(instants)
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
        for batch in batches(parts, window) {
            let paths = self.paths(&batch)?;
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

    /// Where parts can be read that are read together.
    pub(super) fn paths(&self, batch: &[&Part]) -> Result<Vec<PlRefPath>, LakeError> {
        let path = |part: &&Part| {
            PlRefPath::try_from_path(&self.find(part)?).map_err(|err| self.read_error(err))
        };
        batch.iter().map(path).collect()
    }

    pub(super) fn query<T>(&self, query: impl FnOnce() -> PolarsResult<T>) -> Result<T, LakeError> {
        query().map_err(|err| self.read_error(err))
    }

    pub(super) fn read_error(&self, err: PolarsError) -> LakeError {
        LakeError::Read { path: self.place(), source: Box::new(err) }
    }
}

/// The parts that a window touches, in batches of bounded size, each of one day.
fn batches(parts: &[Part], window: Window) -> Vec<Vec<&Part>> {
    let mut parts: Vec<&Part> =
        parts.iter().filter(|part| window.overlaps(part.first, part.last)).collect();
    parts.sort();
    let mut batches: Vec<Vec<&Part>> = Vec::new();
    let mut n_rows = 0;
    for part in parts {
        match batches.last_mut() {
            Some(batch)
                if n_rows + part.n_events <= ROWS_AT_A_TIME
                    && batch.first().is_some_and(|it| it.day == part.day) =>
            {
                batch.push(part);
                n_rows += part.n_events;
            }
            _ => {
                batches.push(vec![part]);
                n_rows = part.n_events;
            }
        }
    }
    batches
}

/// What one tally is about, in columns, and the event's id.
const COLUMNS: [&str; 11] = [
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
    "event_id",
];

/// Commands and MCP calls in a window.
fn activity(paths: &[PlRefPath], window: Window) -> PolarsResult<LazyFrame> {
    let frame = open(paths)?;
    let kind = |kind: EventType| col("event_type").eq(lit(kind.as_str()));
    Ok(frame.filter(
        kind(EventType::CommandExecution)
            .or(kind(EventType::McpToolCall))
            .and(microseconds().gt_eq(lit(window.from.0)))
            .and(microseconds().lt(lit(window.to.0))),
    ))
}

/// All rows of some parts.
pub(super) fn open(paths: &[PlRefPath]) -> PolarsResult<LazyFrame> {
    // The day of a part is known from the manifest and its rows; nobody asks its path.
    let hive_options = HiveOptions::new_disabled();
    let args =
        ScanArgsParquet { glob: false, cache: false, hive_options, ..ScanArgsParquet::default() };
    LazyFrame::scan_parquet_files(paths.iter().cloned().collect(), args)
}

/// The timestamp as a number. Parts outside the window are left out by the manifest, so that the
/// file's own statistics on time have little to add.
pub(super) fn microseconds() -> Expr {
    col("timestamp").cast(DataType::Int64)
}

/// The columns of a query's result.
pub(super) struct Table<'a>(&'a DataFrame);

impl<'a> Table<'a> {
    pub(super) const fn new(frame: &'a DataFrame) -> Self {
        Self(frame)
    }

    pub(super) fn text(&self, name: &str) -> PolarsResult<&'a StringChunked> {
        self.0.column(name)?.str()
    }

    pub(super) fn number(&self, name: &str) -> PolarsResult<&'a Int64Chunked> {
        self.0.column(name)?.i64()
    }
}

/// Gives every row of a frame to `add`, with its number.
fn add_rows(frame: &DataFrame, mut add: impl FnMut(usize, &Row<'_>)) -> PolarsResult<()> {
    let rows = Table::new(frame);
    let kind = rows.text("event_type")?;
    let (binary, line, cwd) = (rows.text("binary")?, rows.text("command")?, rows.text("cwd")?);
    let (server, tool) = (rows.text("mcp_server")?, rows.text("mcp_tool")?);
    let argument_names = rows.text("mcp_argument_names")?;
    let (hostname, session_id) = (rows.text("hostname")?, rows.text("session_id")?);
    let (decision, event_id) = (rows.text("decision")?, rows.text("event_id")?);
    let at = rows.number("timestamp")?;
    for idx in 0..frame.height() {
        let action = if kind.get(idx) == Some(EventType::McpToolCall.as_str()) {
            RowAction::McpCall {
                server: server.get(idx).unwrap_or_default(),
                tool: tool.get(idx).unwrap_or_default(),
                argument_names: argument_names.get(idx),
            }
        } else {
            RowAction::Command {
                binary: binary.get(idx).unwrap_or_default(),
                line: line.get(idx).unwrap_or_default(),
                cwd: cwd.get(idx),
            }
        };
        let row = Row {
            action,
            hostname: hostname.get(idx).unwrap_or_default(),
            session_id: session_id.get(idx).unwrap_or_default(),
            outcome: decision.get(idx).and_then(Outcome::parse).unwrap_or(Outcome::Allowed),
            at: Timestamp(at.get(idx).unwrap_or_default()),
            event_id: event_id.get(idx).unwrap_or_default(),
        };
        add(idx, &row);
    }
    Ok(())
}
