//! Single events of the lake, newest first: filters go down to the files, what is not needed is not read.
use std::collections::BTreeMap;

use polars::prelude::{
    DataFrame, DataType, Expr, Int32Chunked, LazyFrame, PlRefPath, PolarsResult,
    SortMultipleOptions, col, len, lit,
};

use super::{
    Lake, LakeError, Part, Window,
    scan::{ROWS_AT_A_TIME, Table, microseconds, open},
};
use crate::{
    commands::split,
    events::{Event, EventType, Outcome, Severity, Timestamp, text_forms},
};

/// A column of texts that filters may ask for and counts may go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// What kind of action.
    EventType,
    /// What became of it.
    Decision,
    /// As recorded.
    Severity,
    /// The host.
    Hostname,
    /// The role it counts for.
    Role,
    /// The agent.
    Agent,
    /// The session.
    SessionId,
    /// The account.
    User,
    /// As invoked, may be a path.
    Binary,
    /// The canonical command line.
    Command,
    /// Working directory.
    Cwd,
    /// The pattern that decided.
    Rule,
    /// MCP server.
    McpServer,
    /// MCP tool.
    McpTool,
    /// Remote MCP endpoint.
    Endpoint,
    /// The file it came from.
    Source,
}

text_forms!(Column {
    EventType = "event_type",
    Decision = "decision",
    Severity = "severity",
    Hostname = "hostname",
    Role = "role",
    Agent = "agent",
    SessionId = "session_id",
    User = "user",
    Binary = "binary",
    Command = "command",
    Cwd = "cwd",
    Rule = "rule",
    McpServer = "mcp_server",
    McpTool = "mcp_tool",
    Endpoint = "endpoint",
    Source = "source",
});

/// A question that the columns of an event answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The column has one of these values; `None` is that it has none.
    OneOf(Column, Vec<Option<String>>),
    /// One of them holds.
    Any(Vec<Test>),
}

/// Which events are asked for, as far as columns tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// When.
    pub window: Window,
    /// All of them hold.
    pub tests: Vec<Test>,
    /// Binaries, by their base names or as they were invoked; any where there are none.
    pub binaries: Vec<String>,
}

/// One event of the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The event, its role the one it counts for.
    pub event: Event,
    /// Its canonical command line.
    pub command: Option<String>,
    /// The file it came from.
    pub source: String,
}

/// Parts that are read together.
struct Batch<'a> {
    parts: Vec<&'a Part>,
    /// Not earlier than any of their events.
    last: Timestamp,
}

impl Lake {
    /// Hands the events that pass a filter to `each`, from newer parts to older ones; of parts that
    /// are read together only the newest `top`, where given.
    ///
    /// Before the next parts `goes_on` is asked, with the time of the newest event they may hold:
    /// whoever has enough newer events ends it there.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read.
    pub fn records(
        &self,
        parts: &[Part],
        filter: &Filter,
        top: Option<usize>,
        each: &mut dyn FnMut(Record),
        goes_on: &mut dyn FnMut(Timestamp) -> bool,
    ) -> Result<(), LakeError> {
        for batch in newest_first(parts, filter.window) {
            if !goes_on(batch.last) {
                break;
            }
            let paths = self.paths(&batch.parts)?;
            self.query(|| {
                let Some(mut frame) = filtered(&paths, filter)? else { return Ok(()) };
                if let Some(top) = top {
                    let newest = SortMultipleOptions::default()
                        .with_order_descending_multi([true, true, false])
                        .with_maintain_order(true);
                    frame = frame.sort(["timestamp", "event_id", "source"], newest);
                    frame = frame.limit(u32::try_from(top).unwrap_or(u32::MAX));
                }
                let columns = COLUMNS.map(col).into_iter().chain([microseconds()]);
                let mut frame = frame.select(columns.collect::<Vec<_>>()).collect()?;
                frame.rechunk_mut();
                records_of(&frame, each)
            })?;
        }
        Ok(())
    }

    /// How many events pass a filter, by the value of a column; `None` for those without any.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read.
    pub fn counts(
        &self,
        parts: &[Part],
        filter: &Filter,
        column: Column,
    ) -> Result<BTreeMap<Option<String>, u64>, LakeError> {
        let mut counts: BTreeMap<Option<String>, u64> = BTreeMap::new();
        for batch in newest_first(parts, filter.window) {
            let paths = self.paths(&batch.parts)?;
            self.query(|| {
                let Some(frame) = filtered(&paths, filter)? else { return Ok(()) };
                let count = len().cast(DataType::Int64).alias("n_events");
                let frame = frame.group_by([col(column.as_str())]).agg([count]).collect()?;
                let rows = Table::new(&frame);
                let (value, count) = (rows.text(column.as_str())?, rows.number("n_events")?);
                for idx in 0..frame.height() {
                    let value = value.get(idx).map(ToOwned::to_owned);
                    let count = count.get(idx).unwrap_or_default().unsigned_abs();
                    *counts.entry(value).or_default() += count;
                }
                Ok(())
            })?;
        }
        Ok(counts)
    }
}

/// The parts that a window touches, those with the newest events first, in batches of bounded
/// and growing size.
fn newest_first(parts: &[Part], window: Window) -> Vec<Batch<'_>> {
    let mut parts: Vec<&Part> =
        parts.iter().filter(|part| window.overlaps(part.first, part.last)).collect();
    parts.sort_by(|one, other| other.last.cmp(&one.last).then(one.cmp(other)));
    let mut batches: Vec<Batch<'_>> = Vec::new();
    let (mut n_rows, mut n_parts) = (0, 1);
    for part in parts {
        n_rows += part.n_events;
        match batches.last_mut() {
            Some(batch) if batch.parts.len() < n_parts && n_rows <= ROWS_AT_A_TIME => {
                batch.parts.push(part);
            }
            last => {
                // A page is mostly in the newest part; who goes on wants more at a time.
                n_parts *= if last.is_some() { 2 } else { 1 };
                n_rows = part.n_events;
                batches.push(Batch { parts: vec![part], last: part.last });
            }
        }
    }
    batches
}

/// The columns of a record besides its time; the argument vector is in `binary` and `command`.
const COLUMNS: [&str; 19] = [
    "event_id",
    "hostname",
    "event_type",
    "binary",
    "command",
    "decision",
    "rule",
    "agent",
    "severity",
    "role",
    "session_id",
    "cwd",
    "user",
    "mcp_server",
    "mcp_tool",
    "mcp_arguments",
    "endpoint",
    "trust_score",
    "source",
];

/// The rows that pass a filter; `None` where none can.
fn filtered(paths: &[PlRefPath], filter: &Filter) -> PolarsResult<Option<LazyFrame>> {
    let Window { from, to } = filter.window;
    let mut frame =
        open(paths)?.filter(microseconds().gt_eq(lit(from.0)).and(microseconds().lt(lit(to.0))));
    for test in &filter.tests {
        frame = frame.filter(predicate(test));
    }
    if filter.binaries.is_empty() {
        return Ok(Some(frame));
    }
    // Few binaries, each spelled in few ways: which ones are there is read first, from the one
    // column, so that the files are filtered by whole values.
    let spelled = open(paths)?.select([col("binary")]).group_by([col("binary")]);
    let spelled = spelled.agg([len()]).collect()?;
    let spelled = Table::new(&spelled);
    let named = |it: &&str| {
        let name = it.rsplit('/').next().unwrap_or(it);
        filter.binaries.iter().any(|wanted| wanted == name || wanted == it)
    };
    let values: Vec<_> = spelled.text("binary")?.iter().flatten().filter(named).collect();
    let values: Vec<_> = values.into_iter().map(|it| Some(it.to_owned())).collect();
    if values.is_empty() {
        return Ok(None);
    }
    Ok(Some(frame.filter(predicate(&Test::OneOf(Column::Binary, values)))))
}

fn predicate(test: &Test) -> Expr {
    let any = |tests: &mut dyn Iterator<Item = Expr>| {
        tests.reduce(Expr::or).unwrap_or_else(|| lit(false))
    };
    match test {
        Test::OneOf(column, values) => any(&mut values.iter().map(|value| match value {
            Some(value) => col(column.as_str()).eq(lit(value.as_str())),
            None => col(column.as_str()).is_null(),
        })),
        Test::Any(tests) => any(&mut tests.iter().map(predicate)),
    }
}

/// Hands every row of a frame to `each`.
fn records_of(frame: &DataFrame, each: &mut dyn FnMut(Record)) -> PolarsResult<()> {
    let rows = Table::new(frame);
    let at = rows.number("timestamp")?;
    let trust: &Int32Chunked = frame.column("trust_score")?.i32()?;
    macro_rules! texts {
        ($($name:ident),+ $(,)?) => { $(let $name = rows.text(stringify!($name))?;)+ };
    }
    texts!(event_id, hostname, event_type, binary, command, decision, rule, agent, severity, role);
    texts!(session_id, cwd, user, mcp_server, mcp_tool, mcp_arguments, endpoint, source);
    for idx in 0..frame.height() {
        macro_rules! text {
            ($name:ident) => {
                $name.get(idx).map(ToOwned::to_owned)
            };
        }
        let argv = argv(binary.get(idx), command.get(idx));
        let kind = event_type.get(idx).and_then(EventType::parse);
        let outcome = decision.get(idx).and_then(Outcome::parse);
        let event = Event {
            event_id: text!(event_id).unwrap_or_default(),
            timestamp: Timestamp(at.get(idx).unwrap_or_default()),
            hostname: text!(hostname).unwrap_or_default(),
            event_type: kind.unwrap_or(EventType::CommandExecution),
            binary: text!(binary),
            argv,
            decision: outcome.unwrap_or(Outcome::Allowed),
            rule: text!(rule),
            agent: text!(agent),
            severity: severity.get(idx).and_then(Severity::parse),
            role: text!(role),
            session_id: text!(session_id),
            cwd: text!(cwd),
            user: text!(user),
            mcp_server: text!(mcp_server),
            mcp_tool: text!(mcp_tool),
            mcp_arguments: text!(mcp_arguments),
            endpoint: text!(endpoint),
            trust_score: trust.get(idx).and_then(|it| u8::try_from(it).ok()),
        };
        let source = text!(source).unwrap_or_default();
        each(Record { event, command: text!(command), source });
    }
    Ok(())
}

/// The argument vector: the canonical line taken apart, its first word as invoked.
fn argv(binary: Option<&str>, line: Option<&str>) -> Vec<String> {
    let mut argv = line.and_then(split).unwrap_or_default();
    if let (Some(first), Some(binary)) = (argv.first_mut(), binary) {
        binary.clone_into(first);
    }
    argv
}
