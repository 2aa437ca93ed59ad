//! `advisor trail`: who did what, with before and after; rows are only ever appended.
use clap::Args;

use super::{Context, Exit, Rows};
use crate::store::TrailEntry;

/// `advisor trail`.
#[derive(Debug, Args)]
#[command(after_help = "\
Who made, changed and deleted roles, reviewed and applied batches, assigned hosts, changed settings and
variables, erased events: with the time, and what it was before and after.

Examples:
  advisor trail --limit 20
  advisor trail --act setting.set --output ndjson | jq '{who: .done_by, before, after}'")]
pub(super) struct Trail {
    /// At most so many, newest first
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// Only acts that begin so, such as `review` or `setting.set`
    #[arg(long, value_name = "ACT")]
    act: Option<String>,
    /// Only acts on subjects that hold this text
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Only acts of this person or service
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) async fn run(args: Trail, context: &Context) -> anyhow::Result<Exit> {
    let entries = context.store().await?.trail(u32::MAX).await?;
    let wanted = |it: &TrailEntry| {
        args.act.as_ref().is_none_or(|act| it.act.starts_with(act.as_str()))
            && args.subject.as_ref().is_none_or(|text| it.subject.contains(text.as_str()))
            && args.by.as_ref().is_none_or(|by| it.done_by == *by)
    };
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let entries: Vec<TrailEntry> = entries.into_iter().filter(wanted).take(limit).collect();
    context.printer.list(&entries, || rows(&entries))?;
    Ok(Exit::Done)
}

fn rows(entries: &[TrailEntry]) -> Rows {
    let json = |it: &Option<serde_json::Value>| it.as_ref().map(ToString::to_string);
    let cells = entries.iter().map(|it| {
        vec![
            it.sequence.to_string(),
            it.done_at.to_string(),
            it.done_by.clone(),
            it.act.clone(),
            it.subject.clone(),
            json(&it.before).unwrap_or_default(),
            json(&it.after).unwrap_or_default(),
        ]
    });
    Rows {
        columns: vec!["sequence", "done_at", "done_by", "act", "subject", "before", "after"],
        cells: cells.collect(),
    }
}
