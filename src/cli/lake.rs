//! `advisor lake`: what the lake holds, the lines in quarantine, and what is to be erased.
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Exit, Rows};
use crate::{
    events::{Timestamp, visible},
    lake::Subject,
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
                    "erased of {}: {} events, {} lines in quarantine; {} files written again",
                    visible(subject.name()),
                    erased.events,
                    erased.rejects,
                    erased.parts
                )
            })?;
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
