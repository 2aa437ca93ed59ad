//! `advisor suggest`: analyze a role and write a batch.
use anyhow::Context as _;
use clap::Args;

use super::{Context, Exit, Output, WrongUse, batch_text, readiness_text, words::instant};
use crate::{
    clock,
    events::Timestamp,
    pipeline::{
        analyze::{Analysis, Analyzed, analyze},
        outlook::outlook,
        suggest::Advice,
        watch::raise_anomalies,
    },
};

/// `advisor suggest`.
#[derive(Debug, Args)]
#[command(after_help = "\
The batch is stored and printed; review it with `advisor review`. The same role, rules and activity
give the same batch, which is stored once, also where the window moved on and nothing came. Where
there is nothing to suggest, a sentence on stderr says why, and nothing is printed. Below the changes
stands how ready the role is: how much of tomorrow's activity is likely to be of a kind not seen yet,
and whether enforcing is safe.

Examples:
  advisor suggest --role platform
  advisor suggest --role platform --from 2026-01-01T00:00:00Z --to 2026-01-31T00:00:00Z
  advisor suggest --role platform --dry-run --explain
  advisor suggest --role platform --output json | jq '.changes[] | .after'")]
pub(super) struct Suggest {
    /// The role to analyze
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// First instant of the window, RFC 3339 [default: `retention_days` before its end]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Last instant of the window, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// Print the batch without storing it
    #[arg(long)]
    dry_run: bool,
    /// Print the reasoning of every change, too
    #[arg(long)]
    explain: bool,
    /// Exit with 3 where a batch with changes was written
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) async fn run(args: Suggest, context: &Context) -> anyhow::Result<Exit> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        return Err(WrongUse(format!("the window ends ({to}) before it begins ({from})")).into());
    }
    if !args.dry_run {
        context.writes().context("a batch is stored, unless it is a `--dry-run`")?;
    }
    let store = context.store().await?;
    let lake = context.lake()?;
    let analysis = Analysis { role: args.role, from: args.from, to: args.to, now: clock::now() };
    let printer = &context.printer;
    let Analyzed { advice, is_new } = analyze(store, &lake, &analysis, args.dry_run).await?;
    match advice {
        Advice::Nothing(silence) => {
            printer.note(&format!("no suggestion for role `{}`: {silence}", analysis.role));
            if let Some(readiness) = outlook(store, &lake, &analysis).await? {
                printer.note(readiness_text::paragraph(&readiness).trim_end());
            }
            Ok(Exit::Done)
        }
        Advice::Batch(batch) => {
            match printer.output {
                Output::Csv => printer.list(&batch.changes, || batch_text::change_rows(&batch))?,
                _ => printer.document(&batch, || {
                    if args.explain {
                        batch_text::diff(&batch, *printer)
                    } else {
                        batch_text::overview(&batch, *printer)
                    }
                })?,
            }
            if !args.dry_run {
                raise_anomalies(store, &context.config.alerts, &batch).await?;
                let id = &batch.batch_id;
                let found = if is_new {
                    "is stored".to_owned()
                } else {
                    format!("is of {}, and nothing has changed since", batch.generated_at)
                };
                printer.note(&format!(
                    "batch {id} {found}; `advisor suggestions diff {id}` shows it in full"
                ));
            }
            Ok(if args.detailed_exitcode { Exit::Changes } else { Exit::Done })
        }
    }
}
