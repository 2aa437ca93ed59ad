//! `advisor signals`: suggestions and reviews as files for SIEMs.
use std::path::PathBuf;

use clap::Args;

use super::{Context, Exit};
use crate::{
    clock,
    pipeline::signals::{signals, write},
};

/// `advisor signals`.
#[derive(Debug, Args)]
#[command(after_help = "\
Suggestions and reviews of the last 7 days are kept as `signals-YYYY-MM-DD.ndjson`, a line each, for
forwarders that watch a directory; files of earlier days are packed, older ones removed. What has been
written is not written again, so that this may be called at any time, as from cron. The lines are
described by schemas/signal.schema.json.

Examples:
  advisor signals
  advisor signals --dir /var/log/policy-advisor/signals")]
pub(super) struct Signals {
    /// The directory [default: `signals` in the data directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) async fn run(args: Signals, context: &Context) -> anyhow::Result<Exit> {
    let store = context.store().await?;
    let batches = store.batches(None, None).await?;
    let trail = store.trail(u32::MAX).await?;
    let dir = args.dir.unwrap_or_else(|| context.config.data_dir.join("signals"));
    let all = signals(&batches, &trail);
    let outcome = tokio::task::block_in_place(|| write(&dir, &all, clock::now()))?;
    context.printer.document(&outcome, || {
        format!(
            "{} new signals in `{}`; {} files packed, {} removed",
            outcome.written,
            dir.display(),
            outcome.packed,
            outcome.removed
        )
    })?;
    Ok(Exit::Done)
}
