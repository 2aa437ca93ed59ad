//! `advisor backup`: store, lake and configuration as they are at one moment, into a directory of their own.
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{Context, Exit};
use crate::{pipeline::backup::backup, store::Place};

/// `advisor backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Store, lake and configuration are copied as they are at one moment: who writes to the lake waits,
reviewers and readers go on. To restore, put DIR in the place of the data directory, or name it with
--data-dir; the next run reads what came since, as long as its files are kept. A store of an earlier
version is copied as it is: make a backup with the new program before anything else calls it.

A configuration that names a data directory itself is config.toml in the copy: --config DIR/config.toml
--data-dir DIR.

With PostgreSQL, dump the database and copy lake and configuration while the lake's lock is held:
  flock DATA/lake/lock sh -c 'pg_dump --file=DIR/store.sql \"$ADVISOR_DATABASE_URL\" &&
    cp -a DATA/lake DATA/advisor.toml DIR/'

A lake in a bucket becomes one on disk in the copy. With PostgreSQL, let no run come, dump the
database, then copy the bucket.

Example:
  advisor backup /backup/advisor-$(date +%F)")]
pub(super) struct Backup {
    /// Where to; made, must not be there yet
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Debug, Serialize)]
struct Done {
    directory: String,
    parts: usize,
    events: u64,
    schema_version: i64,
    configuration: Option<String>,
}

pub(super) async fn run(args: Backup, context: &Context) -> anyhow::Result<Exit> {
    context.writes()?;
    if let Place::Url(_) = context.config.place {
        anyhow::bail!(
            "the store is on a server, which has backups of its own\n\
             hint: `advisor backup --help` shows how to dump it together with the lake"
        );
    }
    let lake = context.lake()?;
    let waiting =
        || context.printer.note("another advisor writes to the lake; waiting until it is done");
    let to = args.dir.display().to_string();
    let copied = backup(&context.config, &lake, &args.dir, &waiting)
        .await
        .with_context(|| format!("no backup was made at `{to}`"))?;
    let done = Done {
        directory: to,
        parts: copied.manifest.parts.len(),
        events: copied.manifest.parts.iter().map(|it| it.n_events).sum(),
        schema_version: copied.schema_version,
        configuration: copied.configuration.map(|it| it.display().to_string()),
    };
    context.printer.document(&done, || {
        let configuration = if done.configuration.is_some() { "the" } else { "no" };
        format!(
            "{} events in {} files, a store of schema {} and {configuration} configuration, under `{}`",
            done.events, done.parts, done.schema_version, done.directory
        )
    })?;
    Ok(Exit::Done)
}
