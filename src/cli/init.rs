//! `advisor init`: configuration, store, the organization's default role.
use clap::Args;
use serde::Serialize;

use super::{Context, Exit, Output};

/// `advisor init`.
#[derive(Debug, Args)]
pub(super) struct Init;

#[derive(Debug, Serialize)]
struct Made {
    data_dir: String,
    store: String,
    schema_version: i64,
    default_role: String,
}

pub(super) async fn run(_args: Init, context: &Context) -> anyhow::Result<Exit> {
    context.writes()?;
    context.config.make_data_dir()?;
    warn_of_others(context);
    context.config.write_template()?;
    let store = context.make_store().await?;
    let made = Made {
        data_dir: context.config.data_dir.display().to_string(),
        store: store.place().to_string(),
        schema_version: store.schema_version().await?,
        default_role: store.make_default_role(&context.by()).await?,
    };
    let printer = &context.printer;
    // For people it is a message, which they did not want where they said so.
    if printer.quiet && printer.output == Output::Table {
        return Ok(Exit::Done);
    }
    printer.document(&made, || {
        format!(
            "ready: store `{}`, schema {}, default role `{}`",
            made.store, made.schema_version, made.default_role
        )
    })?;
    Ok(Exit::Done)
}

/// A directory that was there before is left as it is: it may be somebody's for other things, too.
fn warn_of_others(context: &Context) {
    let dir = context.config.data_dir.display();
    if let Ok(mode) = context.config.data_dir_mode()
        && mode.trailing_zeros() < 6
    {
        context.printer.error(&format!(
            "warning: `{dir}` is open to others, mode {:o}\nhint: chmod 700 {dir}",
            mode & 0o777
        ));
    }
}
