//! `advisor demo`: the whole loop on a bundled fleet, in a directory of its own.
use std::{
    fmt::Write as _,
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde::Serialize;

use super::{Context, Exit, Printer, batch_text, printer::table, suggestions};
use crate::{
    alerts::{Alert, AlertKind},
    batch::SuggestionBatch,
    config::{Config, STORE_NAME},
    events::{Timestamp, visible},
    formats::read_role,
    lake::{Lake, Overview, Window},
    pipeline::{
        analyze::{Analysis, analyze},
        fixtures::{DEMO_EVENTS, DEMO_ROLES},
        ingest::{self, IngestReport},
        suggest::Advice,
        watch::{raise_anomalies, watch},
    },
    store::{BatchSummary, Place, Store, Why},
};

/// `advisor demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
The directory stays, so that you can look around in it and go on from there; the last lines say how.

Examples:
  advisor demo
  advisor demo --dir /tmp/tour
  advisor demo --output json | jq .batch.changes[0]")]
pub(super) struct Demo {
    /// Where to; must not be there yet, or be empty [default: a new directory for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The fleet's last day is over.
const FLEET_END: &str = "2026-03-09T00:00:00Z";

/// So many directories are tried before giving up.
const MAX_TRIES: u32 = 10_000;

/// What the demo did, in JSON.
#[derive(Debug, Serialize)]
struct Outcome {
    directory: String,
    data_dir: String,
    ingest: IngestReport,
    /// What a person should look at, the most serious first.
    alerts: Vec<Alert>,
    /// One batch a role.
    batches: Vec<BatchSummary>,
    /// The one with most to tell.
    batch: SuggestionBatch,
}

pub(super) async fn run(args: Demo, context: &Context) -> anyhow::Result<Exit> {
    let dir = fresh_directory(args.dir)?;
    let printer = context.printer;
    let data_dir = dir.join("data");
    let config = Config {
        place: Place::File(data_dir.join(STORE_NAME)),
        data_dir: data_dir.clone(),
        lake: None,
        ..context.config.clone()
    };
    // A context of its own: the store of the demo, never the one that the flags name.
    let context = Context::new(printer, config);
    let ended = tour(&dir, &context).await;
    context.close().await;
    let outcome = ended.with_context(|| format!("the demo in `{}` failed", dir.display()))?;
    printer.document(&outcome, || page(&outcome, printer))?;
    printer.note(&next(&outcome));
    Ok(Exit::Done)
}

/// Init, import, ingest, look for alerts, suggest.
async fn tour(dir: &Path, context: &Context) -> anyhow::Result<Outcome> {
    context.writes()?;
    let (events_dir, roles_dir) = (dir.join("events"), dir.join("roles"));
    write(&events_dir, "fleet.ndjson.zst", DEMO_EVENTS)?;
    let mut roles = Vec::new();
    for text in DEMO_ROLES {
        let role = read_role(text).map_err(|it| anyhow!("a bundled role: {it:?}"))?;
        write(&roles_dir, &format!("{}.json", role.name), text.as_bytes())?;
        roles.push(role);
    }

    context.config.make_data_dir()?;
    context.config.write_template()?;
    let store = context.make_store().await?;
    let by = context.by();
    store.make_default_role(&by).await?;
    for role in roles {
        store.save_role(role, &Why::command("imported by the demo"), &by).await?;
    }

    let lake = context.lake()?;
    // One time for all of it, and not before the fleet's own: a clock that is behind would take its
    // events for the future's.
    let now = Timestamp::parse(FLEET_END).map_or(by.at, |end| end.max(by.at));
    let what = ingest::Ingest::new(vec![events_dir], now);
    let report = ingest::ingest(store, &lake, what, &|_| ()).await?;
    let rules = &context.config.alerts;
    watch(store, &lake, rules, now, &|| ()).await?;

    let manifest = store.manifest().await?;
    let seen = tokio::task::block_in_place(|| lake.overview(&manifest.parts, Window::ALL))?;
    let mut batches = Vec::new();
    for (role, overview) in seen {
        batches.extend(advice(store, &lake, role, &overview, now).await?);
    }
    for batch in &batches {
        raise_anomalies(store, rules, batch).await?;
    }
    let Some(batch) = batches.into_iter().max_by_key(richness) else {
        bail!("there was nothing to suggest")
    };
    Ok(Outcome {
        alerts: store.alerts().await?,
        directory: dir.display().to_string(),
        data_dir: context.config.data_dir.display().to_string(),
        ingest: report,
        batches: store.batches(None, None).await?,
        batch,
    })
}

/// The batch of a role over all of its activity; none for events of a role that is not there.
async fn advice(
    store: &Store,
    lake: &Lake,
    role: String,
    seen: &Overview,
    now: Timestamp,
) -> anyhow::Result<Option<SuggestionBatch>> {
    if store.roles().await?.iter().all(|it| it.name != role) {
        return Ok(None);
    }
    // The window is the time of the fixture, however long ago that is.
    let analysis = Analysis { role, from: Some(seen.first), to: Some(seen.last), now };
    Ok(match analyze(store, lake, &analysis, false).await?.advice {
        Advice::Batch(batch) => Some(*batch),
        Advice::Nothing(_) => None,
    })
}

/// How much a batch has to show: kinds of changes, then changes to the role's own rules, then all.
fn richness(batch: &SuggestionBatch) -> (usize, u64, u64) {
    let summary = batch.summary;
    let counts = [summary.add, summary.modify, summary.remove];
    let n_kinds = counts.iter().filter(|it| **it > 0).count();
    (n_kinds, summary.modify + summary.remove, counts.iter().sum())
}

fn page(outcome: &Outcome, printer: Printer) -> String {
    let mut text = String::new();
    let report = &outcome.ingest;
    let _ =
        writeln!(text, "Imported {} roles, then ingested what their agents did:", DEMO_ROLES.len());
    let _ = writeln!(
        text,
        "read {} = accepted {} + duplicates {} + rejected {}; {} secrets replaced by markers\n",
        report.read, report.accepted, report.duplicates, report.rejected, report.secrets_redacted,
    );
    text.push_str(&waiting(&outcome.alerts));
    let _ = writeln!(text, "Suggestions:\n{}", table(&suggestions::list(&outcome.batches)));
    text.push_str(&batch_text::diff(&outcome.batch, printer));
    text
}

/// How many alerts wait, and the most serious of them.
fn waiting(alerts: &[Alert]) -> String {
    let Some(first) = alerts.first() else { return String::new() };
    let of = |kind: &AlertKind| alerts.iter().filter(|it| it.kind == *kind).count();
    let counts = AlertKind::ALL.iter().map(|kind| (kind, of(kind))).filter(|(_, n)| *n > 0);
    let counts: Vec<String> = counts.map(|(kind, n)| format!("{n} {kind}")).collect();
    format!(
        "Alerts: {} wait for a person ({}).\nThe first, {}: {}\n\n",
        alerts.len(),
        counts.join(", "),
        first.severity,
        visible(&first.message)
    )
}

/// What to type next.
fn next(outcome: &Outcome) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "advisor".to_owned());
    let program = visible(&program).into_owned();
    let id: String = outcome.batch.batch_id.chars().take(12).collect();
    // The last change is a small one that nothing else needs.
    let last = outcome.batch.changes.len();
    format!(
        "\nEverything is in {}. To go on from here:\n  \
           export ADVISOR_DATA_DIR={}\n  \
           {program} alerts list\n  \
           {program} review reject {id} --change {last} --reason 'not on these hosts'\n  \
           {program} review accept {id}\n  \
           {program} review apply {id}\n  \
           {program} roles history {}",
        outcome.directory, outcome.data_dir, outcome.batch.role,
    )
}

/// The directory that was asked for, or a new one; private to its owner.
fn fresh_directory(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    if let Some(dir) = asked {
        builder.recursive(true);
        builder.create(&dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
        if fs::read_dir(&dir)?.next().is_some() {
            bail!("`{}` is not empty\nhint: name a new directory with `--dir`", dir.display());
        }
        return Ok(dir);
    }
    let parent = std::env::temp_dir();
    for number in 1..=MAX_TRIES {
        let dir = parent.join(format!("advisor-demo-{number}"));
        match builder.create(&dir) {
            Ok(()) => return Ok(dir),
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => (),
            Err(err) => {
                return Err(err).with_context(|| {
                    format!("cannot make `{}`\nhint: name another with `--dir`", dir.display())
                });
            }
        }
    }
    bail!("`{}` is full of demos\nhint: name a directory with `--dir`", parent.display())
}

#[expect(clippy::disallowed_methods, reason = "the demo unpacks its own files")]
fn write(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, bytes))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
