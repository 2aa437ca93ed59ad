//! `advisor init`: configuration, store, the organization's default role.
use clap::Args;
use serde::Serialize;

use super::{Context, Exit};

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
    context.config.write_template()?;
    let store = context.make_store().await?;
    let made = Made {
        data_dir: context.config.data_dir.display().to_string(),
        store: store.place().to_string(),
        schema_version: store.schema_version().await?,
        default_role: store.make_default_role(&context.by()).await?,
    };
    context.printer.document(&made, || {
        format!(
            "ready: store `{}`, schema {}, default role `{}`",
            made.store, made.schema_version, made.default_role
        )
    })?;
    Ok(Exit::Done)
}
