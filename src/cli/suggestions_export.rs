//! `advisor suggestions export`: the role as it would be after a batch, as a file or as a patch for a repository.
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::{
    Context, Exit, WrongUse,
    exchange::{self, Existing, Tolerance, format_name},
};
use crate::{
    batch::{BatchStatus, ChangeState, SuggestionBatch},
    formats::{Besides, PolicyFormat, load_text, unified},
    review,
};

/// `advisor suggestions export`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --patch the whole file is printed. With --patch, what is printed makes it of the file that
stands at the path below the working directory, or makes the file where there is none. What else stands
in Claude Code's settings and in a policy.yaml is kept, permissions for Claude Code's own tools, too.

Examples:
  advisor suggestions export 3f2a --format claude-code --patch | git apply
  advisor suggestions export 3f2a --all --format codex --allow-loss
  advisor suggestions export 3f2a --format policy-yaml --patch --path agents/support/policy.yaml")]
pub(super) struct Export {
    /// The batch, or the beginning of its id
    batch: String,
    /// The policy format (`advisor policy convert --help` lists them)
    #[arg(long, value_name = "FORMAT", default_value = "role", value_parser = format_name())]
    format: &'static PolicyFormat,
    /// With every change that is not rejected [default: with those that are accepted]
    #[arg(long)]
    all: bool,
    /// A unified patch in the place of the file
    #[arg(long)]
    patch: bool,
    /// Where the repository keeps the file [default: where the format's system looks for it]
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    #[command(flatten)]
    tolerance: Tolerance,
}

pub(super) async fn run(args: Export, context: &Context) -> anyhow::Result<Exit> {
    let path = args.path.clone().unwrap_or_else(|| PathBuf::from(args.format.file));
    in_repository(&path)?;
    let store = context.store().await?;
    let mut batch = store.batch(&args.batch).await?;
    if args.all {
        for change in batch.changes.iter_mut().filter(|it| it.state == ChangeState::Pending) {
            change.state = ChangeState::Accepted;
        }
    }
    if !batch.changes.iter().any(|it| it.state.goes_in()) {
        anyhow::bail!(
            "no change of batch `{}` is accepted\nhint: `advisor review accept {}`, or --all",
            batch.batch_id,
            args.batch
        );
    }
    let base = store.role_at(&batch.role, batch.role_revision).await?;
    let current = store.role(&batch.role).await?;
    let role = match batch.status {
        // It is in the role already.
        BatchStatus::Applied | BatchStatus::PartiallyApplied => current,
        BatchStatus::Pending | BatchStatus::Dismissed => review::merge(&base, &current, &batch)
            .map_err(|conflicts| {
                let all: Vec<String> = conflicts.iter().map(ToString::to_string).collect();
                anyhow::anyhow!("{}\nhint: `advisor suggest` makes a new batch", all.join("; "))
            })?,
    };
    let is_there = args.patch && path.exists();
    let existing = if is_there { Some(load_text(&path)?) } else { None };
    let examples = examples(&batch);
    let variables = exchange::variables(store).await?;
    let besides = Besides { examples: &examples, variables: &variables };
    if !args.patch {
        return exchange::print(&role, args.format, &besides, args.tolerance, context);
    }
    let there = existing.as_deref().map(|text| Existing { path: &path, text });
    let (written, found) =
        exchange::written(&role, args.format, &besides, there, args.tolerance, context)?;
    context.printer.raw(&unified(&path.display().to_string(), existing.as_deref(), &written.text));
    exchange::told(&written, &found, args.format, context);
    Ok(Exit::Done)
}

/// Refuses a path that a patch for a repository cannot name.
fn in_repository(path: &Path) -> Result<(), WrongUse> {
    let is_below =
        path.components().all(|it| matches!(it, Component::Normal(_) | Component::CurDir));
    let is_plain = path.to_str().is_some_and(|it| !it.is_empty() && !it.contains(char::is_control));
    if is_below && is_plain {
        return Ok(());
    }
    let path = format!("{}", path.display());
    Err(WrongUse(format!(
        "`{}` is no path of a file below the working directory\nhint: name it from the root of the repository, as `{}`",
        crate::events::visible(&path),
        "agents/support/policy.yaml"
    )))
}

/// What was seen, of all changes.
fn examples(batch: &SuggestionBatch) -> Vec<String> {
    let mut res: Vec<String> =
        batch.changes.iter().flat_map(|it| it.evidence.examples.iter().cloned()).collect();
    res.sort();
    res.dedup();
    res
}
