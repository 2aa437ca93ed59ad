//! `advisor run` and `advisor daemon`: what cron calls, and the same for those without cron.
use std::{
    io::IsTerminal as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::Args;
use tokio::sync::Notify;

use super::{
    Context, Exit, Output, Printer, Rows,
    ingest::silent_hosts,
    printer::table,
    run_metrics::{self, Reach},
};
use crate::{
    clock,
    events::{Timestamp, visible},
    schedule::{RunReport, Selection, run as run_once},
    store::RunOutcome,
};

/// `advisor run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Reads what is new in the directories of advisor.toml, rolls up days that are over, applies retention
and merges small files of the lake, then analyzes every role whose schedule has fired since it was last
analyzed, one after the other. Safe to call at any time, twice at once, and again: a second run says
that one is under way and ends well. Asked to stop by SIGTERM or SIGINT it ends before its
next file or role, with 1; the next run goes on there. Every run leaves a row for every role in
`advisor_runs`, with its reason.

Gauges go to `--metrics-file` (a run of one role is not the success of the whole: with --role, the time of
the last success stays as it was), and to an OpenTelemetry collector where OTEL_EXPORTER_OTLP_ENDPOINT names
one (OTLP over HTTP).")]
pub(super) struct Run {
    /// Only this role
    #[arg(long)]
    role: Option<String>,
    /// Analyze whether or not it is time
    #[arg(long)]
    force: bool,
    /// Exit with 3 where a batch with changes was written
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    pub(super) metrics: MetricsFile,
}

/// `advisor daemon`.
#[derive(Debug, Args)]
#[command(after_help = "\
Does what `advisor run` does, again and again, until SIGTERM or SIGINT: a run that is under way then
ends before its next directory or role. Where another run is under way, on this machine or, with
PostgreSQL, any, it does the work. A run that fails is told on stderr and tried again at the next
turn.")]
pub(super) struct Daemon {
    /// Minutes from the end of one run to the begin of the next
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_080))]
    every: u64,
    /// Up to so many seconds more, so that machines that start together do not run together
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=86_400))]
    jitter: u64,
    /// End after so many runs
    #[arg(long, value_name = "N", hide = true)]
    runs: Option<u64>,
    #[command(flatten)]
    pub(super) metrics: MetricsFile,
}

#[derive(Debug, Args)]
pub(super) struct MetricsFile {
    /// Leave gauges for Prometheus in this file (textfile collector)
    #[arg(long, value_name = "FILE", env = "ADVISOR_METRICS_FILE")]
    metrics_file: Option<PathBuf>,
}

pub(super) async fn run(args: Run, context: &Context) -> anyhow::Result<Exit> {
    let stop = Arc::new(AtomicBool::new(false));
    listen(Arc::clone(&stop), Arc::default())?;
    let selection = Selection { role: args.role, force: args.force, stop };
    let Some(report) = once(&selection, &args.metrics, context).await? else {
        context.printer.note("another run is under way, it does the work");
        return Ok(Exit::Done);
    };
    if show(&report, context)? {
        return Ok(Exit::Failed);
    }
    if report.outcome == RunOutcome::Stopped {
        // Whoever asked is told that not all was done: a scheduler tries again where it wants to.
        context.printer.error(&format!("warning: {}", report.reason));
        return Ok(Exit::Failed);
    }
    let has_changes = args.detailed_exitcode && report.has_batches();
    Ok(if has_changes { Exit::Changes } else { Exit::Done })
}

pub(super) async fn daemon(args: Daemon, context: &Context) -> anyhow::Result<Exit> {
    context.writes()?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(Notify::new());
    listen(Arc::clone(&stop), Arc::clone(&asked))?;
    let selection = Selection { stop: Arc::clone(&stop), ..Selection::default() };
    let printer = &context.printer;
    let mut n_runs = 0;
    while !stop.load(Ordering::Relaxed) {
        match once(&selection, &args.metrics, context).await {
            Ok(Some(report)) => _ = show(&report, context)?,
            Ok(None) => printer.note("another run is under way, it does the work"),
            Err(err) => printer.error(&super::sentence(&err)),
        }
        n_runs += 1;
        if args.runs.is_some_and(|wanted| n_runs >= wanted) {
            break;
        }
        let wait = Duration::from_secs(args.every * 60 + jitter_seconds(args.jitter));
        tokio::select! {
            () = tokio::time::sleep(wait) => (),
            () = asked.notified() => (),
        }
    }
    printer.note("stopped");
    Ok(Exit::Done)
}

/// Sets `stop` and wakes whoever waits when the process is asked to end.
fn listen(stop: Arc<AtomicBool>, asked: Arc<Notify>) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
        stop.store(true, Ordering::Relaxed);
        asked.notify_one();
    });
    Ok(())
}

/// Up to `most` seconds: machines differ in the microsecond in which they end and in their ids.
fn jitter_seconds(most: u64) -> u64 {
    let seed = clock::now().0.unsigned_abs() ^ (u64::from(std::process::id()) << 32);
    // Source: Fibonacci hashing, Knuth, The Art of Computer Programming 3, 6.4.
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % (most + 1)
}

/// One run, and its gauges; `None` where another one is under way.
async fn once(
    selection: &Selection,
    metrics: &MetricsFile,
    context: &Context,
) -> anyhow::Result<Option<RunReport>> {
    let started_at = clock::now();
    let ended = attempt(selection, context).await;
    if !matches!(ended, Ok(None)) {
        let report = ended.as_ref().ok().and_then(Option::as_ref);
        let reach = if selection.role.is_some() { Reach::Role } else { Reach::Whole };
        for err in tell_gauges(metrics, context, started_at, report, reach).await {
            warn(&err, context.printer);
        }
    }
    ended
}

/// What a run did counts whether or not it can be told.
fn warn(err: &anyhow::Error, printer: Printer) {
    printer.error(&super::sentence(err).replacen("error: ", "warning: ", 1));
}

/// Says that there was no run, since its configuration cannot be read: in the file that the command
/// line or the environment names, whatever the configuration says.
pub(super) fn tell_of_no_run(metrics: &MetricsFile, printer: Printer) {
    let Some(path) = &metrics.metrics_file else { return };
    let now = clock::now();
    let gauges = run_metrics::gauges(now, now, None, Reach::Whole);
    if let Err(err) = run_metrics::write(path, &gauges) {
        warn(&err.into(), printer);
    }
}

/// Leaves the gauges of a run where they are wanted; gives why they could not be.
async fn tell_gauges(
    metrics: &MetricsFile,
    context: &Context,
    started_at: Timestamp,
    report: Option<&RunReport>,
    reach: Reach,
) -> Vec<anyhow::Error> {
    let finished_at = clock::now();
    let gauges = run_metrics::gauges(started_at, finished_at, report, reach);
    let mut failed: Vec<anyhow::Error> = Vec::new();
    let file = metrics.metrics_file.as_ref().or(context.config.metrics_file.as_ref());
    if let Some(path) = file {
        failed.extend(run_metrics::write(path, &gauges).err().map(Into::into));
    }
    if let Some(collector) = &context.config.collector {
        failed.extend(collector.send(&gauges, finished_at).await.err().map(Into::into));
    }
    failed
}

async fn attempt(selection: &Selection, context: &Context) -> anyhow::Result<Option<RunReport>> {
    let printer = &context.printer;
    context.writes()?;
    let store = context.store().await?;
    let lake = context.lake()?;
    let shows_steps = std::io::stderr().is_terminal();
    let step = |text: &str| {
        if shows_steps {
            printer.note(&visible(text));
        }
    };
    run_once(store, &lake, &context.config, selection, &step).await
}

/// Prints a report; whether it tells of a failure.
fn show(report: &RunReport, context: &Context) -> anyhow::Result<bool> {
    let printer = &context.printer;
    if printer.output == Output::Csv {
        printer.list(&report.roles, || rows(report))?;
    } else {
        printer.document(report, || page(report))?;
    }
    for warning in warnings(report) {
        printer.error_of_run(&format!("warning: {warning}"), &report.run_id);
    }
    let has_failed = report.outcome == RunOutcome::Failed;
    if has_failed {
        let hints = report.hints.iter().map(|it| format!("\nhint: {}", visible(it)));
        let text = format!("error: {}{}", visible(&report.reason), hints.collect::<String>());
        printer.error_of_run(&text, &report.run_id);
    }
    Ok(has_failed)
}

fn page(report: &RunReport) -> String {
    let mut lines: Vec<String> = Vec::new();
    for it in &report.directories {
        lines.push(format!(
            "{}: read {} = accepted {} + duplicates {} + rejected {}",
            visible(&it.path),
            it.read,
            it.accepted,
            it.duplicates,
            it.rejected
        ));
    }
    if report.directories.is_empty() {
        lines.push("no directories in advisor.toml, nothing was read".to_owned());
    }
    lines.push(table(&rows(report)).trim_end().to_owned());
    if let Some(it) = report.alerts.filter(|it| it.raised > 0) {
        lines.push(format!("{} new alerts; `advisor alerts list` shows them", it.raised));
    }
    if let Some(it) = &report.upkeep {
        if it.parts_expired > 0 {
            lines.push(format!(
                "older than {} days: {} events in {} files, {} bytes given back",
                it.retention_days, it.events_expired, it.parts_expired, it.bytes_freed
            ));
        }
        if it.events_of_roles_expired > 0 {
            lines.push(format!(
                "{} events of roles that keep them for fewer days are gone",
                it.events_of_roles_expired
            ));
        }
        if it.days_rolled_up > 0 {
            lines
                .push(format!("{} days rolled up into {} rows", it.days_rolled_up, it.rollup_rows));
        }
        if it.rollups_expired > 0 {
            lines.push(format!("{} rollups were too old and are gone", it.rollups_expired));
        }
        if it.parts_made > 0 {
            lines.push(format!("{} small files became {}", it.parts_merged, it.parts_made));
        }
    }
    lines.join("\n")
}

/// What somebody should look at.
fn warnings(report: &RunReport) -> Vec<String> {
    let mut res: Vec<String> = Vec::new();
    res.extend(report.directories.iter().flat_map(|it| it.notices.clone()));
    for it in report.gone() {
        res.push(format!(
            "events of `{}` from {} to {} are gone for good: no run came while they were kept",
            it.hostname, it.from, it.to
        ));
    }
    res.extend(silent_hosts(&report.silent()));
    res.extend(report.upkeep.iter().filter_map(|it| it.held_back.clone()));
    res
}

fn rows(report: &RunReport) -> Rows {
    let cells = report.roles.iter().map(|it| {
        vec![it.role.clone().unwrap_or_default(), it.outcome.to_string(), it.reason.clone()]
    });
    Rows { columns: vec!["role", "outcome", "reason"], cells: cells.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_its_bound_and_is_not_always_the_same() {
        let drawn: std::collections::BTreeSet<u64> = (0..200)
            .map(|_| {
                std::thread::sleep(Duration::from_micros(50));
                jitter_seconds(60)
            })
            .collect();
        assert!(drawn.len() > 10 && drawn.iter().all(|it| *it <= 60), "{drawn:?}");
        assert_eq!(jitter_seconds(0), 0);
    }
}
