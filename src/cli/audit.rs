//! `advisor audit`: the audit log, newest first, by any field.
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Color, Context, Exit, Output, Printer, Rows, WrongUse,
    printer::csv,
    words::{begin, end, one_of},
};
use crate::{
    events::{EventType, Outcome, Severity, Timestamp, visible, visible_json},
    lake::{Column, Part, Window},
    pipeline::{
        audit::{Auditor, CountBy, Entry, Page, Query, cursor},
        follow::Follower,
    },
    risk::{Effect, RiskLevel},
};

/// `advisor audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Every filter may be repeated: one of its values has to fit, and every filter that is given.
--text is the exception: every text has to be there, upper or lower case, in the binary, command, rule,
session, directory, account, MCP server, tool, arguments or endpoint, or the event's id.

The severity is what was recorded (info where nothing was), raised for what was stopped and what is
critical; never lowered:

  stopped (blocked, would_block)                  at least warning
  stopped, and its risk is critical               critical
  ran, and its risk is critical                   at least warning
  policy integrity that did not hold (stopped)    critical

The risk is what the guardrails declare that the command falls under (whichever rule decided), or what
the effects of the action come to, whichever is higher.

Examples:
  advisor audit --decision blocked --from 2026-03-02 --to 2026-03-08
  advisor audit --severity critical --output csv > critical.csv
  advisor audit --host build-7 --binary git --text push
  advisor audit --from 2026-03-02 --count-by rule
  advisor audit --follow --severity warning --severity critical")]
pub(super) struct Audit {
    /// Only this severity: info, warning, critical
    #[arg(long, value_name = "SEVERITY", value_parser = one_of(Severity::ALL, Severity::as_str))]
    severity: Vec<Severity>,
    /// Only this kind of event
    #[arg(long, value_name = "TYPE", value_parser = one_of(EventType::ALL, EventType::as_str))]
    event_type: Vec<EventType>,
    /// Only what was decided so
    #[arg(long, value_name = "DECISION", value_parser = one_of(Outcome::ALL, Outcome::as_str))]
    decision: Vec<Outcome>,
    /// Only this host
    #[arg(long = "host", visible_alias = "hostname", value_name = "HOSTNAME")]
    hostname: Vec<String>,
    /// Only commands of this name, whatever their path; or of this path
    #[arg(long, value_name = "NAME")]
    binary: Vec<String>,
    /// Only what counts for this role
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// Only this agent
    #[arg(long, value_name = "AGENT")]
    agent: Vec<String>,
    /// Only this session
    #[arg(long, value_name = "SESSION")]
    session: Vec<String>,
    /// Only this account
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// Only what this rule decided, by its pattern
    #[arg(long, value_name = "PATTERN")]
    rule: Vec<String>,
    /// Only calls of this MCP server
    #[arg(long, value_name = "SERVER")]
    mcp_server: Vec<String>,
    /// Only calls of this MCP tool
    #[arg(long, value_name = "TOOL")]
    mcp_tool: Vec<String>,
    /// Only what can do this, as `advisor shapes` prints effects
    #[arg(long, value_name = "EFFECT", value_parser = one_of(Effect::ALL, Effect::as_str))]
    effect: Vec<Effect>,
    /// Only events in which this text is
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// Nothing before this instant or day
    #[arg(long, value_name = "TIME", value_parser = begin)]
    from: Option<Timestamp>,
    /// Nothing after this instant or day
    #[arg(long, value_name = "TIME", value_parser = end)]
    to: Option<Timestamp>,
    /// So many events to a page [default: 100; with --count-by, all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Which page, the newest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(conflicts_with_all = ["cursor", "follow", "count_by"])]
    page: Option<u32>,
    /// Begin where a page before ended, as it said; stays in place while new events come
    #[arg(long, value_name = "CURSOR", value_parser = read_cursor)]
    #[arg(conflicts_with_all = ["follow", "count_by"])]
    cursor: Option<(Timestamp, usize)>,
    /// Count events by a field in the place of listing them
    #[arg(long, value_name = "FIELD", value_parser = one_of(CountBy::ALL, CountBy::as_str))]
    count_by: Option<CountBy>,
    /// Go on with what comes, oldest first, until interrupted
    #[arg(long, conflicts_with_all = ["count_by", "to"])]
    follow: bool,
    /// Look for new events every so many seconds
    #[arg(long, value_name = "SECONDS", requires = "follow")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3_600), default_value_t = 2)]
    interval: u64,
}

/// Events to a page, unless said otherwise.
const PAGE: u32 = 100;

/// All of an event, in JSON.
#[derive(Debug, Serialize)]
struct Row<'a> {
    event_id: &'a str,
    timestamp: Timestamp,
    severity: Severity,
    recorded_severity: Option<Severity>,
    risk: RiskLevel,
    effects: Vec<&'static str>,
    event_type: EventType,
    decision: Outcome,
    hostname: &'a str,
    role: Option<&'a str>,
    agent: Option<&'a str>,
    session_id: Option<&'a str>,
    user: Option<&'a str>,
    cwd: Option<&'a str>,
    binary: Option<&'a str>,
    argv: Option<&'a [String]>,
    command: Option<&'a str>,
    rule: Option<&'a str>,
    mcp_server: Option<&'a str>,
    mcp_tool: Option<&'a str>,
    mcp_arguments: Option<Box<RawValue>>,
    endpoint: Option<&'a str>,
    trust_score: Option<u8>,
    source: &'a str,
}

pub(super) async fn run(args: Audit, context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    if args.follow && printer.output == Output::Json {
        let text = "what goes on is no JSON document: use --output ndjson with --follow";
        return Err(WrongUse(text.to_owned()).into());
    }
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        return Err(WrongUse(format!("the window ends ({to}) before it begins ({from})")).into());
    }
    let store = context.store().await?;
    let lake = context.config.lake_to_read()?;
    let parts = store.manifest().await?.parts;
    let mut auditor = Auditor::new(&lake, store.declared_risks().await?);
    let query = args.query();
    if let Some(by) = args.count_by {
        let mut counts = tokio::task::block_in_place(|| auditor.counts(&parts, &query, by))?;
        let limit = args.limit.map_or(usize::MAX, |it| it as usize);
        if counts.len() > limit {
            printer.note(&format!("{} more values are not shown", counts.len() - limit));
            counts.truncate(limit);
        }
        printer.list(&counts, || Rows {
            columns: vec![by.as_str(), "events"],
            cells: counts
                .iter()
                .map(|it| vec![it.value.clone().unwrap_or_default(), it.events.to_string()])
                .collect(),
        })?;
        return Ok(Exit::Done);
    }
    let limit = args.limit.unwrap_or(PAGE) as usize;
    let before = args.page.map_or(0, |page| (page as usize - 1).saturating_mul(limit));
    let skip = args.cursor.map_or(before, |(_, n)| n);
    let page = tokio::task::block_in_place(|| auditor.page(&parts, &query, skip, limit))?;
    if args.follow {
        return follow(&args, context, &mut auditor, page, parts).await;
    }
    let rows: Vec<Row<'_>> = page.entries.iter().map(Row::new).collect();
    printer.list(&rows, || match printer.output {
        Output::Csv => all_fields(&page.entries),
        _ => overview(&page.entries),
    })?;
    if let Some((at, n)) = cursor(&page.entries, args.cursor).filter(|_| page.has_more) {
        printer.note(&format!("older events: --cursor {at}+{n}"));
    }
    Ok(Exit::Done)
}

/// Prints the page and then whatever comes, oldest first, until nobody reads any more.
async fn follow(
    args: &Audit,
    context: &Context,
    auditor: &mut Auditor<'_>,
    page: Page,
    parts: Vec<Part>,
) -> anyhow::Result<Exit> {
    let (printer, store) = (&context.printer, context.store().await?);
    let query = args.query();
    if printer.output == Output::Csv {
        printer.try_line(csv(&all_fields(&[])).trim_end())?;
    }
    let mut entries = page.entries;
    entries.reverse();
    let mut follower = Follower::new(parts);
    follower.note(&entries);
    let interval = Duration::from_secs(args.interval);
    loop {
        for entry in &entries {
            printer.try_line(&one_line(entry, *printer)?)?;
        }
        tokio::time::sleep(interval).await;
        let parts = store.manifest().await?.parts;
        entries = tokio::task::block_in_place(|| follower.next(auditor, parts, &query))?;
    }
}

/// An event on one line, in the form that is asked for.
fn one_line(entry: &Entry, printer: Printer) -> anyhow::Result<String> {
    Ok(match printer.output {
        Output::Csv => {
            let text = csv(&all_fields(std::slice::from_ref(entry)));
            text.split_once('\n').map_or("", |(_, row)| row.trim_end()).to_owned()
        }
        Output::Table => {
            let event = &entry.record.event;
            let severity = format!("{:<8}", entry.severity);
            let severity = color(entry.severity)
                .map_or_else(|| severity.clone(), |color| printer.paint(color, &severity));
            format!(
                "{} {severity} {:<11} {} {}",
                event.timestamp,
                event.decision,
                visible(&event.hostname),
                visible(&what(entry)),
            )
        }
        Output::Json | Output::Ndjson => visible_json(serde_json::to_string(&Row::new(entry))?),
    })
}

const fn color(severity: Severity) -> Option<Color> {
    match severity {
        Severity::Info => None,
        Severity::Warning => Some(Color::Yellow),
        Severity::Critical => Some(Color::Red),
    }
}

/// What was done, in one text.
fn what(entry: &Entry) -> String {
    let event = &entry.record.event;
    match (event.event_type, &entry.record.command, &event.mcp_server, &event.mcp_tool) {
        (EventType::CommandExecution, Some(command), ..) => command.clone(),
        (EventType::McpToolCall, _, Some(server), Some(tool)) => format!("{server}/{tool}"),
        (kind, command, server, _) => {
            // What has changed, with its whole path where it has one.
            let what = event.binary.as_ref().filter(|_| event.argv.len() == 1).or(command.as_ref());
            let server = server.as_ref().map(|it| format!("MCP server {it}"));
            let parts = [Some(kind.to_string()), what.cloned(), server];
            parts.into_iter().flatten().collect::<Vec<String>>().join(" ")
        }
    }
}

/// For people: what fits on a line.
fn overview(entries: &[Entry]) -> Rows {
    let cells = entries.iter().map(|entry| {
        let event = &entry.record.event;
        vec![
            event.timestamp.to_string(),
            entry.severity.to_string(),
            event.decision.to_string(),
            event.hostname.clone(),
            event.role.clone().unwrap_or_default(),
            event.agent.clone().unwrap_or_default(),
            what(entry),
        ]
    });
    Rows {
        columns: vec!["time", "severity", "decision", "host", "role", "agent", "what"],
        cells: cells.collect(),
    }
}

/// Everything, a column a field.
fn all_fields(entries: &[Entry]) -> Rows {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let json = |it: &[String]| serde_json::to_string(it).unwrap_or_default();
    let cells = entries.iter().map(|entry| {
        let event = &entry.record.event;
        let effects: Vec<&str> = entry.effects.iter().map(Effect::as_str).collect();
        vec![
            event.event_id.clone(),
            event.timestamp.to_string(),
            entry.severity.to_string(),
            event.severity.map(|it| it.to_string()).unwrap_or_default(),
            entry.risk.as_str().to_owned(),
            effects.join(" "),
            event.event_type.to_string(),
            event.decision.to_string(),
            event.hostname.clone(),
            text(&event.role),
            text(&event.agent),
            text(&event.session_id),
            text(&event.user),
            text(&event.cwd),
            text(&event.binary),
            if event.argv.is_empty() { String::new() } else { json(&event.argv) },
            text(&entry.record.command),
            text(&event.rule),
            text(&event.mcp_server),
            text(&event.mcp_tool),
            text(&event.mcp_arguments),
            text(&event.endpoint),
            event.trust_score.map(|it| it.to_string()).unwrap_or_default(),
            entry.record.source.clone(),
        ]
    });
    let columns = vec![
        "event_id",
        "timestamp",
        "severity",
        "recorded_severity",
        "risk",
        "effects",
        "event_type",
        "decision",
        "hostname",
        "role",
        "agent",
        "session_id",
        "user",
        "cwd",
        "binary",
        "argv",
        "command",
        "rule",
        "mcp_server",
        "mcp_tool",
        "mcp_arguments",
        "endpoint",
        "trust_score",
        "source",
    ];
    Rows { columns, cells: cells.collect() }
}

impl<'a> Row<'a> {
    fn new(entry: &'a Entry) -> Self {
        let event = &entry.record.event;
        let arguments = event.mcp_arguments.clone();
        Self {
            event_id: &event.event_id,
            timestamp: event.timestamp,
            severity: entry.severity,
            recorded_severity: event.severity,
            risk: entry.risk,
            effects: entry.effects.iter().map(Effect::as_str).collect(),
            event_type: event.event_type,
            decision: event.decision,
            hostname: &event.hostname,
            role: event.role.as_deref(),
            agent: event.agent.as_deref(),
            session_id: event.session_id.as_deref(),
            user: event.user.as_deref(),
            cwd: event.cwd.as_deref(),
            binary: event.binary.as_deref(),
            argv: (!event.argv.is_empty()).then_some(event.argv.as_slice()),
            command: entry.record.command.as_deref(),
            rule: event.rule.as_deref(),
            mcp_server: event.mcp_server.as_deref(),
            mcp_tool: event.mcp_tool.as_deref(),
            mcp_arguments: arguments.and_then(|it| RawValue::from_string(it).ok()),
            endpoint: event.endpoint.as_deref(),
            trust_score: event.trust_score,
            source: &entry.record.source,
        }
    }
}

impl Audit {
    fn query(&self) -> Query {
        let texts = |it: &[&'static str]| it.iter().map(|it| (*it).to_owned()).collect();
        let kinds: Vec<&str> = self.event_type.iter().map(|it| it.as_str()).collect();
        let decisions: Vec<&str> = self.decision.iter().map(|it| it.as_str()).collect();
        let columns = [
            (Column::EventType, texts(&kinds)),
            (Column::Decision, texts(&decisions)),
            (Column::Hostname, self.hostname.clone()),
            (Column::Role, self.role.clone()),
            (Column::Agent, self.agent.clone()),
            (Column::SessionId, self.session.clone()),
            (Column::User, self.user.clone()),
            (Column::Rule, self.rule.clone()),
            (Column::McpServer, self.mcp_server.clone()),
            (Column::McpTool, self.mcp_tool.clone()),
        ];
        let Window { from, to } = Window::ALL;
        let last = [self.to, self.cursor.map(|(at, _)| at)].into_iter().flatten().min();
        Query {
            window: Window {
                from: self.from.unwrap_or(from),
                // The window of the lake ends before its second instant.
                to: last.map_or(to, |last| Timestamp(last.0.saturating_add(1))),
            },
            severities: self.severity.clone(),
            binaries: self.binary.clone(),
            columns: columns.into_iter().collect(),
            effects: self.effect.clone(),
            texts: self.text.clone(),
        }
    }
}

/// Reads `TIME+N`: behind the first `N` events of that instant.
fn read_cursor(text: &str) -> Result<(Timestamp, usize), String> {
    let parts = text.rsplit_once('+');
    let parts = parts.and_then(|(at, n)| Some((Timestamp::parse(at)?, n.parse().ok()?)));
    parts.ok_or_else(|| format!("`{text}` is no cursor, such as 2026-01-31T09:00:00Z+1"))
}
