//! `advisor lake`: what the lake holds, what was done, the lines in quarantine, and what is to be erased.
use std::collections::BTreeMap;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Exit, Rows};
use crate::{
    events::{Day, EventType, Outcome, Timestamp, visible},
    lake::{Rollup, RollupKey, Subject},
    pipeline::{ingest::RejectReport, upkeep::forget},
};

/// `advisor lake`.
#[derive(Debug, Args)]
pub(super) struct Lake {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The committed Parquet files, by day
    Parts,
    /// Erase all events of a host or a session, and what else is known of it
    #[command(after_help = "\
Files of the lake that hold such events are written again without them, at once; lines in quarantine
that hold the name go, too, and a host leaves the list of hosts with its assignments. What comes again
of the same events stays out; events that never came before do not. Batches hold counts, commands and
ids of events, no names of hosts or sessions, and stay; so does the trail, which tells of the erasure.

Examples:
  advisor lake forget --host build-7
  advisor lake forget --session s-81")]
    Forget {
        #[command(flatten)]
        subject: Whose,
    },
    /// What was done, by role, environment and shape, also where the events are gone: most events first
    #[command(after_help = "\
`advisor run` rolls up each day when it is over, in UTC. An event counts in every shape that occurs in
it. Days add up to events; hosts and sessions are counted for a day, and the most of a day are shown.

Examples:
  advisor lake rollups --role platform --from 2026-01-01 --to 2026-03-31
  advisor lake rollups --daily --output csv > rollups.csv")]
    Rollups {
        /// Only this role
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// First day
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        from: Option<Day>,
        /// Last day
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        to: Option<Day>,
        /// A row for each day
        #[arg(long)]
        daily: bool,
        /// At most so many rows
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: usize,
    },
    /// Lines that were no events, newest first
    #[command(after_help = "\
Examples:
  advisor lake rejects --limit 20
  advisor lake rejects --output ndjson | jq -r .reason | sort | uniq -c")]
    Rejects {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// All events of this host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// All events of this session, on whichever host
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
}

#[derive(Debug, Serialize)]
struct PartRow {
    day: String,
    name: String,
    events: u64,
    bytes: u64,
    first: Timestamp,
    last: Timestamp,
}

/// One shape over some days.
#[derive(Debug, Serialize)]
struct RollupLine {
    /// The day, where there is a row for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    role: String,
    environment: Option<String>,
    event_type: EventType,
    binary: Option<String>,
    subcommand: Option<String>,
    shape: Option<String>,
    decision: Outcome,
    events: u64,
    days: u64,
    /// The most of a day.
    hosts: u64,
    /// The most of a day.
    sessions: u64,
    first_seen: Timestamp,
    last_seen: Timestamp,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "a day such as 2026-01-31".to_owned())
}

/// Rows of some days, those of one key together unless `daily`, most events first.
fn summed(
    lake: &crate::lake::Lake,
    rollups: &[Rollup],
    is_wanted: &impl Fn(&RollupKey) -> bool,
    daily: bool,
) -> anyhow::Result<Vec<RollupLine>> {
    let mut lines: BTreeMap<(Option<Day>, RollupKey), RollupLine> = BTreeMap::new();
    for rollup in rollups {
        for row in lake.rollup_rows(rollup)?.into_iter().filter(|it| is_wanted(&it.key)) {
            let day = daily.then_some(rollup.day);
            let line = lines.entry((day, row.key.clone())).or_insert_with(|| RollupLine {
                day: day.map(|it| it.to_string()),
                role: row.key.role,
                environment: row.key.environment,
                event_type: row.key.event_type,
                binary: row.key.binary,
                subcommand: row.key.subcommand,
                shape: row.key.shape,
                decision: row.key.decision,
                events: 0,
                days: 0,
                hosts: 0,
                sessions: 0,
                first_seen: row.first,
                last_seen: row.last,
            });
            line.events += row.n_events;
            line.days += 1;
            line.hosts = line.hosts.max(row.n_hosts);
            line.sessions = line.sessions.max(row.n_sessions);
            line.first_seen = line.first_seen.min(row.first);
            line.last_seen = line.last_seen.max(row.last);
        }
    }
    let mut lines: Vec<RollupLine> = lines.into_values().collect();
    lines.sort_by(|one, other| one.day.cmp(&other.day).then(other.events.cmp(&one.events)));
    Ok(lines)
}

pub(super) async fn run(args: Lake, context: &Context) -> anyhow::Result<Exit> {
    let store = context.store().await?;
    match args.verb {
        Verb::Parts => {
            let parts = store.manifest().await?.parts.into_iter().map(|part| PartRow {
                day: part.day.to_string(),
                name: part.name,
                events: part.n_events,
                bytes: part.n_bytes,
                first: part.first,
                last: part.last,
            });
            let parts: Vec<PartRow> = parts.collect();
            context.printer.list(&parts, || part_rows(&parts))?;
        }
        Verb::Forget { subject: Whose { host, session } } => {
            context.writes()?;
            let lake = context.lake()?;
            let subject = host.map(Subject::Host).or(session.map(Subject::Session));
            let Some(subject) = subject.filter(|it| !it.name().is_empty()) else {
                return Err(super::WrongUse("the name is empty".to_owned()).into());
            };
            let waiting = || {
                context
                    .printer
                    .note("another advisor writes to the lake; waiting until it is done");
            };
            let erased = forget(store, &lake, &subject, &context.by(), &waiting).await?;
            context.printer.document(&erased, || {
                format!(
                    "erased of {}: {} events, {} lines in quarantine, {} other rows; \
                     {} files written again",
                    visible(subject.name()),
                    erased.events,
                    erased.rejects,
                    erased.rows,
                    erased.parts
                )
            })?;
            if erased.is_nothing() {
                bail!(
                    "there is nothing here of `{}`\n\
                     hint: names are compared as they are, `advisor hosts list` and `advisor audit` show \
                     them; `advisor trail` tells what was erased before",
                    visible(subject.name())
                );
            }
        }
        Verb::Rollups { role, from, to, daily, limit } => {
            let mut rollups = store.manifest().await?.rollups;
            rollups.retain(|it| from.is_none_or(|from| it.day >= from));
            rollups.retain(|it| to.is_none_or(|to| it.day <= to));
            let is_wanted = |row: &RollupKey| role.as_ref().is_none_or(|it| row.role == *it);
            let lake = context.lake()?;
            let mut rows = summed(&lake, &rollups, &is_wanted, daily)?;
            let n_left_out = rows.len().saturating_sub(limit);
            rows.truncate(limit);
            if n_left_out > 0 {
                context
                    .printer
                    .note(&format!("{n_left_out} more rows are left out; `--limit` shows more"));
            }
            context.printer.list(&rows, || rollup_rows(&rows))?;
        }
        Verb::Rejects { limit } => {
            let rejects = store.rejects(limit).await?;
            let rejects: Vec<RejectReport> = rejects.iter().map(RejectReport::from).collect();
            context.printer.list(&rejects, || reject_rows(&rejects))?;
        }
    }
    Ok(Exit::Done)
}

fn part_rows(parts: &[PartRow]) -> Rows {
    let cells = parts.iter().map(|part| {
        vec![
            part.day.clone(),
            part.name.clone(),
            part.events.to_string(),
            part.bytes.to_string(),
            part.first.to_string(),
            part.last.to_string(),
        ]
    });
    Rows {
        columns: vec!["day", "name", "events", "bytes", "first", "last"],
        cells: cells.collect(),
    }
}

fn rollup_rows(lines: &[RollupLine]) -> Rows {
    let daily = lines.iter().any(|it| it.day.is_some());
    let mut columns = vec![
        "role",
        "environment",
        "shape",
        "decision",
        "events",
        "days",
        "hosts",
        "sessions",
        "last_seen",
    ];
    if daily {
        columns.insert(0, "day");
    }
    let cells = lines.iter().map(|line| {
        let binary = line.binary.clone().unwrap_or_default();
        let mut cells = vec![
            line.role.clone(),
            line.environment.clone().unwrap_or_default(),
            line.shape.clone().unwrap_or_else(|| format!("{binary} ...")),
            line.decision.to_string(),
            line.events.to_string(),
            line.days.to_string(),
            line.hosts.to_string(),
            line.sessions.to_string(),
            line.last_seen.to_string(),
        ];
        if daily {
            cells.insert(0, line.day.clone().unwrap_or_default());
        }
        cells
    });
    Rows { columns, cells: cells.collect() }
}

fn reject_rows(rejects: &[RejectReport]) -> Rows {
    let cells = rejects.iter().map(|reject| {
        vec![
            reject.source.clone(),
            reject.line.to_string(),
            reject.byte_offset.to_string(),
            reject.reason.to_owned(),
            reject.detail.clone().unwrap_or_default(),
            reject.excerpt.clone(),
        ]
    });
    Rows {
        columns: vec!["source", "line", "byte_offset", "reason", "detail", "excerpt"],
        cells: cells.collect(),
    }
}
