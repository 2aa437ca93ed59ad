//! `advisor ingest`: files and directories into the lake, every event once.
use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser},
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, Exit, Output, Rows, WrongUse, printer::table};
use crate::{
    clock,
    events::visible,
    inputs::{FileReader, Format, Given, INPUTS, Input, Known, looks_like},
    pipeline::{
        ingest::{self, FileReport, FileStatus, IngestReport, Silent, Step},
        watch::watch,
    },
};

/// `advisor ingest`.
#[derive(Debug, Args)]
#[command(after_help = "\
Plain, gzip and zstd files are told apart by their first bytes. Under a directory, files ending in
.ndjson, .jsonl, .json or .log are read (also rotated and packed ones, such as a.log.2.gz).
What was read before is not read again, also under another name or packed since; a file that has
grown is read from where it ended (by formats whose records belong together, whole: its events are
known). Lines that are no events are kept in quarantine and counted.

Buckets that speak S3 are read like directories. Endpoint, region and credentials come from the
environment (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or
AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE), never from an address. An endpoint without TLS is
used only with AWS_ALLOW_HTTP=true.

Examples:
  advisor ingest /var/log/agents
  advisor ingest events.ndjson.gz --role platform
  advisor ingest s3://signals/hosts
  advisor ingest ~/.claude/projects --format claude-transcript --host laptop-7
  advisor ingest /srv/collected --format auto --host laptop-7
  advisor ingest /var/log/audit/audit.log --format auditd --host build-7
  advisor ingest /var/log/agents --output json | jq .rejected")]
pub(super) struct Ingest {
    /// Files and directories; objects and prefixes of buckets (`s3://BUCKET/PREFIX`)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How the files are to be read
    #[arg(long, value_name = "FORMAT", default_value = "signal")]
    #[arg(value_parser = formats())]
    format: String,
    /// Host of records that name none
    #[arg(long, value_name = "HOSTNAME")]
    host: Option<String>,
    /// Role of events that name none [default: the role of the host at that time]
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Commit after so many events; smaller chunks take less memory and make smaller parts
    #[arg(long, value_name = "N", default_value_t = ingest::CHUNK_EVENTS, hide = true)]
    chunk_events: usize,
}

pub(super) async fn run(args: Ingest, context: &Context) -> anyhow::Result<Exit> {
    context.writes()?;
    let Some(format) = Format::named(&args.format) else {
        return Err(WrongUse(format!("no format `{}`", args.format)).into());
    };
    let given = given(format, args.host)?;
    let printer = &context.printer;
    let store = context.store().await?;
    let lake = context.lake()?;
    let bar = progress_bar(printer.quiet);
    let n_committed = AtomicU64::new(0);
    let on_step = |step| match step {
        Step::Waiting => {
            printer.note("another advisor writes to the lake; waiting until it is done");
        }
        Step::Total(n_bytes) => bar.set_length(n_bytes),
        Step::Read(n_bytes) => bar.inc(n_bytes),
        Step::Committed(n_events) => {
            let n_events = n_committed.fetch_add(n_events, Ordering::Relaxed) + n_events;
            bar.set_message(format!("{n_events} events"));
        }
    };
    let mut what = ingest::Ingest::new(args.paths, clock::now());
    (what.format, what.given) = (format, given);
    (what.role, what.chunk_events) = (args.role, args.chunk_events.max(1));
    what.access = context.config.buckets.clone();
    let report = ingest::ingest(store, &lake, what, &on_step).await;
    bar.finish_and_clear();
    let report = report?;
    let waiting = || printer.note("another advisor has the lake; waiting until it is done");
    let alerts = watch(store, &lake, &context.config.alerts, clock::now(), &waiting).await?;
    if printer.output == Output::Csv {
        printer.list(&report.files, || file_rows(&report, |_| true))?;
    } else {
        printer.document(&report, || summary(&report))?;
    }
    if alerts.raised > 0 {
        printer.note(&format!("{} new alerts; `advisor alerts list` shows them", alerts.raised));
    }
    for warning in warnings(&report).into_iter().chain(mistaken(&report, format)) {
        printer.error(&format!("warning: {warning}"));
    }
    for file in &report.files {
        if let Some(err) = &file.error {
            printer.error(&format!("error: {}", visible(err)));
        }
    }
    Ok(if report.files_failed > 0 { Exit::Failed } else { Exit::Done })
}

/// What is given besides the lines; the host has to be where lines of the format never name it.
///
/// # Errors
/// Where it is missing.
pub(super) fn given(format: &Format, hostname: Option<String>) -> Result<Given, WrongUse> {
    if format.names_no_host && hostname.is_none() {
        let name = format.name;
        return Err(WrongUse(format!("`{name}` names no host: say which one with --host")));
    }
    Ok(Given { hostname })
}

/// Every format with what it is, for help.
pub(super) fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(
        INPUTS.iter().map(|format| PossibleValue::new(format.name).help(format.about)),
    )
}

/// A bar on stderr, hidden where stderr is no terminal.
fn progress_bar(quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {msg}";
    let bar = ProgressBar::new(0).with_message("0 events");
    match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// For people: the files that have something to tell, then the sums.
fn summary(report: &IngestReport) -> String {
    let has_news = |status| !matches!(status, FileStatus::Unchanged | FileStatus::Known);
    let mut lines = Vec::new();
    if report.files.iter().any(|file| has_news(file.status)) {
        lines.push(table(&file_rows(report, has_news)));
    }
    if report.files_skipped > 0 {
        let s = if report.files_skipped == 1 { "" } else { "s" };
        lines.push(format!("{} file{s} without anything new", report.files_skipped));
    }
    if report.rejected > 0 {
        let reasons = counts(report.reasons.iter().map(|(name, count)| (*name, *count)));
        lines.push(format!(
            "rejected: {reasons}; {} kept, see `advisor lake rejects`",
            report.quarantined
        ));
    }
    if !report.unknown_keys.is_empty() {
        let keys = report.unknown_keys.iter().map(|(name, count)| (name.as_str(), *count));
        lines.push(format!("unknown keys, not kept: {}", counts(keys)));
    }
    if report.passed_over > 0 {
        lines.push(format!("no actions, passed over: {}", report.passed_over));
    }
    if report.secrets_redacted > 0 {
        lines.push(format!("secrets redacted: {}", report.secrets_redacted));
    }
    lines.push(format!(
        "read {} = accepted {} + duplicates {} + rejected {}",
        report.read, report.accepted, report.duplicates, report.rejected
    ));
    lines.join("\n")
}

/// What somebody should look at.
fn warnings(report: &IngestReport) -> Vec<String> {
    let mut res = report.notices();
    for name in &report.parts_lost {
        res.push(format!("part `{name}` is committed, and gone from the lake"));
    }
    for it in &report.gone {
        res.push(format!(
            "events of `{}` from {} to {} are gone for good: nobody read them while they were kept",
            it.hostname, it.from, it.to
        ));
    }
    res.extend(silent_hosts(&report.silent.iter().collect::<Vec<_>>()));
    res
}

/// Most hosts that are named at once.
const MAX_NAMED: usize = 20;

/// Says which hosts stopped reporting since the last time: each is named once, and not all of many.
pub(super) fn silent_hosts(silent: &[&Silent]) -> Vec<String> {
    let new: Vec<&&Silent> = silent.iter().filter(|it| it.is_new).collect();
    let named = new.iter().take(MAX_NAMED).map(|it| {
        format!("`{}` stopped reporting, its last event is of {}", it.hostname, it.last_seen)
    });
    let mut res: Vec<String> = named.collect();
    if let Some(n_more) = new.len().checked_sub(MAX_NAMED).filter(|it| *it > 0) {
        res.push(format!(
            "{n_more} more hosts stopped reporting; `advisor hosts list` has them all"
        ));
    }
    res
}

/// Most files of another format that are told one by one.
const MAX_TOLD: usize = 5;

/// Files that gave nothing but rejects, or nothing at all, with what they look like: of a format that is
/// named, and of another, no line is an event.
fn mistaken(report: &IngestReport, format: &Format) -> Vec<String> {
    let is_read = |it: &&FileReport| {
        !matches!(it.status, FileStatus::Unchanged | FileStatus::Known)
            && it.error.is_none()
            && it.read == it.rejected
            && (it.read > 0 || report.passed_over > 0)
    };
    let files: Vec<&FileReport> = report.files.iter().filter(is_read).collect();
    let mut res = Vec::new();
    for file in files.iter().take(MAX_TOLD) {
        let path = visible(&file.path);
        let as_what = format!("`{path}` gave no event as `{}`", format.name);
        match looked_at(&file.path).filter(|it| it.name != format.name) {
            Some(found) => {
                let name = found.name;
                res.push(format!("{as_what}; it looks like `{name}`: --format {name}"));
            }
            // Of a file as a whole all records may be of other activities.
            None if file.read == 0 => (),
            None => res.push(format!("{as_what}: every line was rejected")),
        }
    }
    if files.len() > MAX_TOLD {
        res.push(format!("{} more files gave no event", files.len() - MAX_TOLD));
    }
    res
}

/// What a file looks like by its first lines; objects of buckets are not fetched again for it.
fn looked_at(path: &str) -> Option<&'static Format> {
    if path.contains("://") {
        return None;
    }
    let mut reader = FileReader::open(&Input::from(Path::new(path)), &Known::default()).ok()?;
    let block = reader.next_block().ok()??;
    looks_like(block.lines())
}

fn counts<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let counts: Vec<String> =
        counts.map(|(name, count)| format!("{} {count}", visible(name))).collect();
    counts.join(", ")
}

fn file_rows(report: &IngestReport, wanted: impl Fn(FileStatus) -> bool) -> Rows {
    let columns =
        vec!["path", "status", "read", "accepted", "duplicates", "rejected", "torn_bytes"];
    let cells = report.files.iter().filter(|file| wanted(file.status)).map(|file| {
        let counts = [file.read, file.accepted, file.duplicates, file.rejected, file.torn_bytes];
        let mut cells = vec![file.path.clone(), file.status.as_str().to_owned()];
        cells.extend(counts.map(|count| count.to_string()));
        cells
    });
    Rows { columns, cells: cells.collect() }
}
