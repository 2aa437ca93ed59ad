//! Single events of the lake, newest first: filters go down to the files, what is not needed is not read.
use std::collections::BTreeMap;

use polars::prelude::{
    DataType, Expr, LazyFrame, PlRefPath, PolarsResult, SortMultipleOptions, col, len, lit,
};

use super::{
    Lake, LakeError, Part, Window,
    scan::{ROWS_AT_A_TIME, Table, microseconds, open},
    view::{VIEWED, View, each_view},
};
use crate::events::{Timestamp, text_forms};

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

/// Parts that are read together.
struct Batch<'a> {
    parts: Vec<&'a Part>,
    /// Not earlier than any of their events.
    last: Timestamp,
}

impl Lake {
    /// Shows the events that pass a filter to `each`, from newer parts to older ones; of parts that
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
        each: &mut dyn FnMut(&View<'_>),
        goes_on: &mut dyn FnMut(Timestamp) -> bool,
    ) -> Result<(), LakeError> {
        for batch in newest_first(parts, filter.window, FIRST_ROWS) {
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
                let columns = VIEWED.map(col).into_iter().chain([microseconds()]);
                let mut frame = frame.select(columns.collect::<Vec<_>>()).collect()?;
                frame.rechunk_mut();
                each_view(&frame, each)
            })?;
        }
        Ok(())
    }

    /// Whether some event has a text in a column that passes a test; nothing but the column is read.
    ///
    /// # Errors
    /// Where a part is gone or cannot be read.
    pub fn has_text(
        &self,
        parts: &[Part],
        column: Column,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<bool, LakeError> {
        for batch in newest_first(parts, Window::ALL, ROWS_AT_A_TIME) {
            let paths = self.paths(&batch.parts)?;
            let found = self.query(|| {
                let frame = open(&paths)?.select([col(column.as_str())]).collect()?;
                let rows = Table::new(&frame);
                Ok(rows.text(column.as_str())?.iter().flatten().any(is_wanted))
            })?;
            if found {
                return Ok(true);
            }
        }
        Ok(false)
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
        for batch in newest_first(parts, filter.window, ROWS_AT_A_TIME) {
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

/// So many rows are read at first where the newest ones may be enough: to open a part costs as much as
/// to read some thousand rows, so that small parts are read together.
const FIRST_ROWS: u64 = 1_024;

/// The parts that a window touches, those with the newest events first, in batches: the first of at most
/// `first_rows` rows, each of the next of twice as many, up to [`ROWS_AT_A_TIME`]; none without a part.
fn newest_first(parts: &[Part], window: Window, first_rows: u64) -> Vec<Batch<'_>> {
    let mut parts: Vec<&Part> =
        parts.iter().filter(|part| window.overlaps(part.first, part.last)).collect();
    parts.sort_by(|one, other| other.last.cmp(&one.last).then(one.cmp(other)));
    let mut batches: Vec<Batch<'_>> = Vec::new();
    let (mut n_rows, mut room) = (0_u64, first_rows);
    for part in parts {
        n_rows = n_rows.saturating_add(part.n_events);
        match batches.last_mut() {
            Some(batch) if n_rows <= room => batch.parts.push(part),
            last => {
                if last.is_some() {
                    // Who goes on wants more at a time.
                    room = room.saturating_mul(2).min(ROWS_AT_A_TIME);
                }
                n_rows = part.n_events;
                batches.push(Batch { parts: vec![part], last: part.last });
            }
        }
    }
    batches
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Day;

    #[test]
    fn small_parts_are_read_together_and_who_goes_on_reads_more() {
        let part = |minute: i64, n_events: u64| Part {
            day: Day(0),
            name: minute.to_string(),
            n_events,
            n_bytes: 0,
            first: Timestamp(minute),
            last: Timestamp(minute),
        };
        let names = |parts: &[Part], window: Window, first_rows: u64| -> Vec<Vec<String>> {
            let batches = newest_first(parts, window, first_rows);
            assert!(batches.is_sorted_by_key(|it| std::cmp::Reverse(it.last)));
            let names = batches.iter().map(|it| it.parts.iter().map(|it| it.name.clone()));
            names.map(Iterator::collect).collect()
        };
        let small: Vec<Part> = (0..9).map(|minute| part(minute, 400)).collect();
        let all = names(&small, Window::ALL, 1_000);
        let wanted = [&["8", "7"][..], &["6", "5", "4", "3", "2"], &["1", "0"]];
        assert_eq!(all, wanted, "at most 1,000, then 2,000, then 4,000");
        assert_eq!(names(&small, Window::ALL, ROWS_AT_A_TIME).len(), 1);
        // A large one stands alone, and there is no row that nobody reads.
        let large = [part(0, 10), part(1, 500_000), part(2, 10)];
        assert_eq!(names(&large, Window::ALL, 1_000), [["2"], ["1"], ["0"]]);
        let window = Window { from: Timestamp(1), to: Timestamp(2) };
        assert_eq!(names(&large, window, 1_000), [["1"]]);
    }
}
