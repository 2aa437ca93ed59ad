//! One run: ingest what is new, keep house, then analyze every role that is due, one after the other.
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::anyhow;
use tracing::Instrument as _;

use super::{Due, Ingested, RunReport, due};
use crate::{
    clock,
    config::{Config, SignalDirectory},
    events::Timestamp,
    inputs::Given,
    lake::Lake,
    pipeline::{
        analyze::{Analysis, Analyzed, analyze},
        causes::Causes,
        ingest::{Ingest, IngestReport, ingest},
        signals::{self, SignalsWritten, write_signals},
        suggest::{Advice, Silence},
        upkeep::upkeep,
        watch::{raise_anomalies, watch},
    },
    store::{RunOutcome, RunRow, Store},
};

/// So many lines in a row of a directory of which none is an event are no accident.
const POISONED_LINES: u64 = 20;

/// The reason of a row without an end.
const UNDER_WAY: &str = "under way, or it died";

/// Which roles a run is for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only this one.
    pub role: Option<String>,
    /// Whether or not they are due.
    pub force: bool,
    /// Set from outside, it ends the run before its next directory or role.
    pub stop: Arc<AtomicBool>,
}

impl Selection {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Runs once. `None` where another run is under way: it does the work, on this machine or, with a
/// server, any other. `step` is told what is being done.
///
/// Every role leaves a row with its reason, also where there is nothing to suggest. What fails is
/// told in the report and does not keep the rest from being done. A run that dies leaves no half
/// batch, and its lock goes with it.
///
/// # Errors
/// Where there is no such role, or the store is away.
pub async fn run(
    store: &Store,
    lake: &Lake,
    config: &Config,
    selection: &Selection,
    step: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Option<RunReport>> {
    let Some(_lock) = store.try_run_lock().await? else { return Ok(None) };
    let started_at = clock::now();
    let mut report = RunReport {
        run_id: format!("{:x}-{:x}", started_at.0, std::process::id()),
        started_at,
        finished_at: started_at,
        outcome: RunOutcome::Running,
        reason: UNDER_WAY.to_owned(),
        directories: Vec::new(),
        roles: Vec::new(),
        roles_left: 0,
        alerts: None,
        alerts_error: None,
        signals: None,
        signals_error: None,
        upkeep: None,
        upkeep_error: None,
        hints: Vec::new(),
    };
    let died = store.end_dead_runs(started_at).await?;
    // Of the highest level, so that whatever is shown of a run carries its id.
    let span = tracing::error_span!("run", run_id = report.run_id);
    let done =
        work(store, lake, config, selection, &died, step, &mut report).instrument(span).await;
    match done {
        Err(err) if report.directories.is_empty() => return Err(err),
        // What had failed before is why, more often than not: it is told, too.
        Err(err) => {
            let sentence = told(&err, &mut report.hints);
            report.conclude(clock::now(), false);
            report.fail_also(sentence);
        }
        Ok(()) => (),
    }
    Ok(Some(report))
}

/// What a run does, from its first row to its last; `died` are the roles that were being analyzed when
/// the one before was killed. They come last: none keeps others from being analyzed, however often
/// memory or time runs out over it. Nor does it keep what is too old from being deleted.
async fn work(
    store: &Store,
    lake: &Lake,
    config: &Config,
    selection: &Selection,
    died: &BTreeSet<String>,
    step: &(dyn Fn(&str) + Sync),
    report: &mut RunReport,
) -> anyhow::Result<()> {
    let (mut roles, n_left) = roles(store, selection).await?;
    roles.sort_by_key(|role| died.contains(role));
    report.roles_left = n_left;
    store.record_run(&RunRow { finished_at: None, ..report.row() }).await?;
    tracing::info!("begins");

    for directory in config.directories.iter().take_while(|_| !selection.is_stopped()) {
        step(&format!("reading {}", directory.path.display()));
        let stop = &selection.stop;
        let ingested = read(store, lake, config, directory, stop, &mut report.hints).await;
        report.directories.push(ingested);
    }
    if !selection.is_stopped() {
        step("looking for alerts");
        let done = watch(store, lake, &config.alerts, clock::now(), &|| ()).await;
        let what = "events were not looked at for alerts";
        (report.alerts, report.alerts_error) = kept_apart(done, what, &mut report.hints);
    }
    if !selection.is_stopped() {
        step("keeping house");
        let done = upkeep(store, lake, config.rollup_days, clock::now(), &|| ()).await;
        let what = "house was not kept";
        (report.upkeep, report.upkeep_error) = kept_apart(done, what, &mut report.hints);
    }
    let last = store.last_analyses(clock::now()).await?;
    for role in roles.into_iter().take_while(|_| !selection.is_stopped()) {
        let now = clock::now();
        let skipped = skipped(store, config, selection, &role, &last, now).await?;
        let mut row = RunRow {
            run_id: report.run_id.clone(),
            role: Some(role.clone()),
            started_at: now,
            finished_at: None,
            outcome: RunOutcome::Running,
            reason: UNDER_WAY.to_owned(),
            batch_id: None,
            counts: BTreeMap::new(),
        };
        if let Some((outcome, reason)) = skipped {
            (row.outcome, row.reason) = (outcome, reason);
        } else {
            store.record_run(&row).await?;
            step(&format!("analyzing {role}"));
            let hints = &mut report.hints;
            let (outcome, reason, batch) = suggest(store, lake, config, &role, now, hints).await;
            (row.outcome, row.reason) = (outcome, reason);
            (row.batch_id, row.counts) = batch.unwrap_or_default();
        }
        row.finished_at = Some(clock::now());
        store.record_run(&row).await?;
        report.roles.push(row);
    }
    let done = tell(store, config).await;
    let (signals, error) = kept_apart(done, "other systems were not told", &mut report.hints);
    (report.signals, report.signals_error) = (signals.flatten(), error);
    report.conclude(clock::now(), selection.is_stopped());
    if let Err(err) = store.record_run(&report.row()).await {
        // What failed before is not lost with its row.
        let sentence = told(&err.into(), &mut report.hints);
        report.fail_also(format!("its row was not written: {sentence}"));
    }
    tracing::info!(outcome = report.outcome.as_str(), reason = report.reason, "ended");
    Ok(())
}

/// What a step came to, or why it failed: that is told, and does not keep the rest from being done.
fn kept_apart<T>(
    done: anyhow::Result<T>,
    what: &str,
    hints: &mut Vec<String>,
) -> (Option<T>, Option<String>) {
    match done {
        Ok(done) => (Some(done), None),
        Err(err) => {
            tracing::warn!(error = format!("{err:#}"), "{what}");
            (None, Some(told(&err, hints)))
        }
    }
}

/// Tells other systems what is new; what nobody is told is forgotten.
async fn tell(store: &Store, config: &Config) -> anyhow::Result<Option<SignalsWritten>> {
    let now = clock::now();
    let Some(signals) = &config.signals else {
        let before = now.plus_hours(-24.0 * f64::from(signals::KEPT_DAYS));
        store.forget_signals(before.day()).await?;
        return Ok(None);
    };
    let kept_days = signals.kept_days.unwrap_or(signals::KEPT_DAYS);
    Ok(Some(write_signals(store, &signals.directory, kept_days, now).await?))
}

/// The roles that a run looks at, by name, and how many it was not asked to look at.
async fn roles(store: &Store, selection: &Selection) -> anyhow::Result<(Vec<String>, u64)> {
    let all = store.roles().await?.into_iter().map(|it| it.name).collect::<Vec<String>>();
    let Some(role) = &selection.role else { return Ok((all, 0)) };
    let wanted = vec![store.role(role).await?.name];
    let n_left = all.iter().filter(|it| !wanted.contains(it)).count() as u64;
    Ok((wanted, n_left))
}

/// Why a role is not analyzed now; `None` where it is.
async fn skipped(
    store: &Store,
    config: &Config,
    selection: &Selection,
    role: &str,
    last: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) -> anyhow::Result<Option<(RunOutcome, String)>> {
    let settings = store.settings(Some(role)).await?;
    if !settings.enabled {
        return Ok(Some((RunOutcome::Disabled, Silence::Disabled.to_string())));
    }
    if selection.force {
        return Ok(None);
    }
    let last = last.get(role).copied();
    Ok(match due(&settings.analysis_schedule, config.time_zone, last, now) {
        Due::First | Due::Since(_) => None,
        Due::Not(Some(next)) => Some((RunOutcome::NotDue, format!("due at {next}"))),
        Due::Not(None) => Some((RunOutcome::NotDue, "its schedule never fires again".to_owned())),
    })
}

/// Ingests one directory of the configuration.
async fn read(
    store: &Store,
    lake: &Lake,
    config: &Config,
    directory: &SignalDirectory,
    stop: &Arc<AtomicBool>,
    hints: &mut Vec<String>,
) -> Ingested {
    let path = directory.path.display().to_string();
    match try_read(store, lake, config, directory, stop).await {
        Ok((ingested, None)) => ingested,
        // What was read counts, and so does what was missing.
        Ok((ingested, Some(trouble))) => {
            tracing::warn!(
                path,
                error = format!("{trouble:#}"),
                "a directory is not as it should be"
            );
            Ingested { error: Some(told(&trouble, hints)), ..ingested }
        }
        Err(err) => {
            tracing::warn!(path, error = format!("{err:#}"), "a directory was not read");
            Ingested::failed(path, told(&err, hints))
        }
    }
}

async fn try_read(
    store: &Store,
    lake: &Lake,
    config: &Config,
    directory: &SignalDirectory,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<(Ingested, Option<anyhow::Error>)> {
    let paths: Vec<PathBuf> = vec![directory.path.clone()];
    let mut what = Ingest::new(paths, clock::now());
    what.format = directory.input().ok_or_else(|| anyhow!("there is no such format"))?;
    what.given = Given { hostname: directory.host.clone() };
    what.role.clone_from(&directory.role);
    what.access = config.buckets.clone();
    what.kept_days = directory.kept_days.unwrap_or(what.kept_days);
    what.stop = Arc::clone(stop);
    let report = ingest(store, lake, what, &|_| ()).await?;
    let path = directory.path.display().to_string();
    let n_events = report.accepted + report.duplicates;
    let bad = store.note_lines(&path, n_events, report.rejected, clock::now()).await?;
    let trouble = trouble(&report, bad);
    let mut ingested = Ingested::read(path, &report);
    // Once is enough.
    let told = trouble.as_ref().map(ToString::to_string);
    ingested.notices.retain(|it| Some(it) != told.as_ref());
    Ok((ingested, trouble))
}

/// What is wrong with a directory that was read, though every line of it was; `bad` is how many lines
/// in a row were no events by now, and since when.
fn trouble(report: &IngestReport, bad: Option<(u64, Timestamp)>) -> Option<anyhow::Error> {
    if !report.parts_lost.is_empty() {
        return Some(anyhow!(
            "{} committed files are gone from the lake, and their events with them: {}\n\
             hint: put the lake back from a backup; `advisor doctor` looks at every file",
            report.parts_lost.len(),
            report.parts_lost.iter().take(3).cloned().collect::<Vec<_>>().join(", ")
        ));
    }
    if report.files.is_empty() {
        return Some(anyhow!(
            "it holds no files that `advisor ingest` reads\n\
             hint: is it mounted, and does whoever ships signals write there?"
        ));
    }
    if report.archives_cut_off > 0 {
        // The others are among the notices.
        let mut cut_off = report.files.iter().filter_map(|it| it.cut_off.as_ref());
        return cut_off.next().map(|it| anyhow!("{it}"));
    }
    let (n_lines, since) = bad.filter(|it| it.0 >= POISONED_LINES)?;
    let reasons: Vec<&str> = report.reasons.keys().copied().collect();
    let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    Some(anyhow!(
        "all of its {n_lines} lines since {since} are no events{why}\n\
         hint: `advisor lake rejects` shows them; is `format` in advisor.toml right for them?"
    ))
}

/// What became of a role: outcome, reason, and batch with its counts.
type RoleOutcome = (RunOutcome, String, Option<(Option<String>, BTreeMap<String, u64>)>);

async fn suggest(
    store: &Store,
    lake: &Lake,
    config: &Config,
    role: &str,
    now: Timestamp,
    hints: &mut Vec<String>,
) -> RoleOutcome {
    let analysis = Analysis { role: role.to_owned(), from: None, to: None, now };
    match analyze(store, lake, &analysis, false).await {
        Ok(Analyzed { advice: Advice::Batch(batch), is_new }) => {
            if let Err(err) = raise_anomalies(store, &config.alerts, &batch).await {
                return (RunOutcome::Failed, told(&err, hints), None);
            }
            let summary = batch.summary;
            let counts = [
                ("events", batch.events),
                ("hosts", batch.hosts),
                ("sessions", batch.sessions),
                ("add", summary.add),
                ("modify", summary.modify),
                ("remove", summary.remove),
            ];
            let counts = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
            let told = format!(
                "batch {}: +{} ~{} -{}",
                batch.batch_id, summary.add, summary.modify, summary.remove
            );
            let (outcome, reason) = if is_new {
                (RunOutcome::Suggested, told)
            } else {
                let since = batch.generated_at;
                (RunOutcome::Nothing, format!("nothing has changed since {since}, {told}"))
            };
            (outcome, reason, Some((Some(batch.batch_id.clone()), counts)))
        }
        Ok(Analyzed { advice: Advice::Nothing(silence), .. }) => {
            let outcome = match silence {
                Silence::Disabled => RunOutcome::Disabled,
                // The next run looks again, it may be enough by then.
                Silence::NoActivity | Silence::WindowTooShort { .. } => RunOutcome::Waiting,
                // Nothing will be enough until somebody looks at what floods the role.
                Silence::TooMuch { .. } => RunOutcome::Failed,
                Silence::NothingToChange
                | Silence::RejectedBefore { .. }
                | Silence::BelowThreshold { .. } => RunOutcome::Nothing,
            };
            (outcome, silence.to_string(), None)
        }
        Err(err) => {
            tracing::warn!(role, error = format!("{err:#}"), "a role was not analyzed");
            (RunOutcome::Failed, told(&err, hints), None)
        }
    }
}

/// A chain of causes in one sentence; what to do comes to `hints`, each once.
fn told(err: &anyhow::Error, hints: &mut Vec<String>) -> String {
    let causes = Causes::of(err);
    for hint in causes.hints {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    causes.sentence.replace('\n', " ")
}
