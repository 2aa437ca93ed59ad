//! `advisor suggestions`: the batches, one batch, its diff.
use clap::{Args, Subcommand};

use super::{
    Context, Exit, Output, Rows,
    batch_text::{self, counts, percent},
    suggestions_export::{self, Export},
    words::one_of,
};
use crate::{batch::BatchStatus, store::BatchSummary};

/// Characters of a batch's id that lists show; enough to name it.
const SHORT_ID: usize = 12;

/// `advisor suggestions`.
#[derive(Debug, Args)]
pub(super) struct Suggestions {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Batches, newest first
    List {
        /// Only those for a role
        #[arg(long)]
        role: Option<String>,
        /// Only those with a status
        #[arg(long, value_parser = one_of(BatchStatus::ALL, BatchStatus::as_str))]
        status: Option<BatchStatus>,
    },
    /// A batch: a line a change; or changes in full, with the scopes they could have
    Show {
        /// The batch, or the beginning of its id
        batch: String,
        /// Only these changes, in full
        #[arg(long, value_name = "N", value_delimiter = ',')]
        change: Vec<u64>,
    },
    /// The role as it would be after a batch, in any policy format, as a file or a patch
    Export(Export),
    /// A batch as a reviewer reads it: what comes, what changes, what goes, and why
    Diff {
        /// The batch, or the beginning of its id
        batch: String,
    },
}

pub(super) async fn run(args: Suggestions, context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let store = context.store().await?;
    match args.verb {
        Verb::List { role, status } => {
            let batches = store.batches(role.as_deref(), status).await?;
            printer.list(&batches, || list(&batches))?;
        }
        Verb::Show { batch, change } if !change.is_empty() => {
            let batch = store.batch(&batch).await?;
            let changes = batch_text::chosen(&batch, &change)?;
            match printer.output {
                Output::Csv => {
                    printer.list(&changes, || batch_text::scope_rows(&changes))?;
                }
                _ => printer
                    .document(&changes, || batch_text::details(&batch, &changes, *printer))?,
            }
        }
        Verb::Show { batch, .. } => {
            let batch = store.batch(&batch).await?;
            if printer.output == Output::Csv {
                printer.list(&batch.changes, || batch_text::change_rows(&batch))?;
            } else {
                printer.document(&batch, || batch_text::overview(&batch, *printer))?;
            }
        }
        Verb::Export(args) => return suggestions_export::run(args, context).await,
        Verb::Diff { batch } => {
            let batch = store.batch(&batch).await?;
            printer.document(&batch, || batch_text::diff(&batch, *printer))?;
        }
    }
    Ok(Exit::Done)
}

/// The columns of the Suggestions tab, and the id to name a batch by.
pub(super) fn list(batches: &[BatchSummary]) -> Rows {
    let cells = batches.iter().map(|it| {
        let status = match &it.superseded_by {
            Some(newer) => format!("{}, superseded by {}", it.status, short(newer)),
            None => it.status.to_string(),
        };
        vec![
            short(&it.batch_id).to_owned(),
            it.role.clone(),
            it.hosts.to_string(),
            counts(it.changes_add, it.changes_modify, it.changes_remove),
            percent(it.confidence),
            it.risk.to_string(),
            it.generated_at.to_string(),
            status,
        ]
    });
    let columns =
        vec!["batch_id", "role", "hosts", "changes", "confidence", "risk", "date", "status"];
    Rows { columns, cells: cells.collect() }
}

fn short(id: &str) -> &str {
    id.char_indices().nth(SHORT_ID).map_or(id, |(end, _)| id.get(..end).unwrap_or(id))
}
