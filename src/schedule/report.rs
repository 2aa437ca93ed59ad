//! What a run did, for people, dashboards and whoever called it.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    events::Timestamp,
    pipeline::{
        ingest::{Gone, IngestReport, Silent},
        signals::SignalsWritten,
        upkeep::Upkeep,
    },
    store::{AlertsRaised, RunOutcome, RunRow},
};

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// The run; `run_id` of its rows in `advisor_runs`.
    pub run_id: String,
    /// Its begin.
    pub started_at: Timestamp,
    /// Its end.
    pub finished_at: Timestamp,
    /// `done`, `stopped` where it was asked to, or `failed` where a directory could not be read, a
    /// role not be analyzed, or the house not be kept.
    pub outcome: RunOutcome,
    /// One sentence.
    pub reason: String,
    /// Directory by directory, in the order of the configuration.
    pub directories: Vec<Ingested>,
    /// Role by role, by name; last those over which the run before was killed.
    pub roles: Vec<RunRow>,
    /// How many roles it was not asked to look at, with `--role`.
    pub roles_left: u64,
    /// What became of the events that were new; `None` where they were not looked at.
    pub alerts: Option<AlertsRaised>,
    /// Why they were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts_error: Option<String>,
    /// What other systems were told; `None` where nowhere is configured, or it failed.
    pub signals: Option<SignalsWritten>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals_error: Option<String>,
    /// What was too old and what was merged; `None` where it was not done.
    pub upkeep: Option<Upkeep>,
    /// Why it was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upkeep_error: Option<String>,
    /// What to do about what failed, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// What was ingested from one directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ingested {
    /// The directory.
    pub path: String,
    /// Lines that were read.
    pub read: u64,
    /// Events that are in the lake now and were not before.
    pub accepted: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Lines that are no events.
    pub rejected: u64,
    /// Files that could not be read to their end.
    pub files_failed: u64,
    /// Days whose events of a host were deleted before anybody read them.
    pub gone: Vec<Gone>,
    /// Hosts that used to report and stopped.
    pub silent: Vec<Silent>,
    /// Rejected lines by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Bytes of unfinished last lines, left for the next time.
    pub torn_bytes: u64,
    /// Committed parts that are gone from the lake.
    pub parts_lost: Vec<String>,
    /// What was repaired in the lake, archives of which not all was read, events that nobody
    /// analyzes: what, and what to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Ingested {
    /// What came of a directory that could be read.
    pub(super) fn read(path: String, report: &IngestReport) -> Self {
        let failed = report.files.iter().find_map(|it| it.error.clone());
        Self {
            path,
            read: report.read,
            accepted: report.accepted,
            duplicates: report.duplicates,
            rejected: report.rejected,
            files_failed: report.files_failed,
            gone: report.gone.clone(),
            silent: report.silent.clone(),
            reasons: report.reasons.clone(),
            torn_bytes: report.files.iter().map(|it| it.torn_bytes).sum(),
            parts_lost: report.parts_lost.clone(),
            notices: report.notices(),
            error: failed,
        }
    }

    /// What came of a directory that could not be read.
    pub(super) fn failed(path: String, error: String) -> Self {
        let nothing = IngestReport::default();
        Self { error: Some(error), ..Self::read(path, &nothing) }
    }
}

impl RunReport {
    /// Whether a batch was written.
    pub fn has_batches(&self) -> bool {
        self.roles.iter().any(|it| it.outcome == RunOutcome::Suggested)
    }

    /// Hosts that used to report and stopped, each once, those that reported for longest first.
    pub fn silent(&self) -> Vec<&Silent> {
        let mut named = BTreeSet::new();
        let all = self.directories.iter().flat_map(|it| &it.silent);
        all.filter(|it| named.insert(&it.hostname)).collect()
    }

    /// Days whose events were deleted before anybody read them, each once.
    pub fn gone(&self) -> BTreeSet<&Gone> {
        self.directories.iter().flat_map(|it| &it.gone).collect()
    }

    /// The row of the run as a whole.
    pub(super) fn row(&self) -> RunRow {
        let sum = |count: fn(&Ingested) -> u64| self.directories.iter().map(count).sum::<u64>();
        let roles = |outcome| self.roles.iter().filter(|it| it.outcome == outcome).count() as u64;
        let counts: BTreeMap<String, u64> = [
            ("directories", self.directories.len() as u64),
            ("read", sum(|it| it.read)),
            ("accepted", sum(|it| it.accepted)),
            ("duplicates", sum(|it| it.duplicates)),
            ("rejected", sum(|it| it.rejected)),
            ("files_failed", sum(|it| it.files_failed)),
            ("hosts_silent", self.silent().len() as u64),
            ("hosts_with_days_gone", self.gone().len() as u64),
            ("alerts_raised", self.alerts.map_or(0, |it| it.raised)),
            ("signals_written", self.signals.map_or(0, |it| it.lines)),
            (
                "events_expired",
                self.upkeep.as_ref().map_or(0, |it| it.events_expired + it.events_of_roles_expired),
            ),
            ("parts_merged", self.upkeep.as_ref().map_or(0, |it| it.parts_merged)),
            ("roles", self.roles.len() as u64),
            ("roles_left", self.roles_left),
            ("roles_suggested", roles(RunOutcome::Suggested)),
            ("roles_failed", roles(RunOutcome::Failed)),
        ]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
        RunRow {
            run_id: self.run_id.clone(),
            role: None,
            started_at: self.started_at,
            finished_at: Some(self.finished_at),
            outcome: self.outcome,
            reason: self.reason.clone(),
            batch_id: None,
            counts,
        }
    }

    /// Adds what failed after the run had ended.
    pub(super) fn fail_also(&mut self, why: String) {
        self.reason = match self.outcome {
            RunOutcome::Failed => format!("{}; {why}", self.reason),
            _ => why,
        };
        self.outcome = RunOutcome::Failed;
    }

    /// Says how the run ended, from what became of its parts.
    pub(super) fn conclude(&mut self, finished_at: Timestamp, is_stopped: bool) {
        let directories =
            self.directories.iter().filter_map(|it| Some((&it.path, it.error.as_ref()?)));
        let directories = directories.map(|(path, error)| format!("`{path}`: {error}"));
        let failed = self.roles.iter().filter(|it| it.outcome == RunOutcome::Failed);
        let failed = failed
            .map(|it| format!("role `{}`: {}", it.role.as_deref().unwrap_or_default(), it.reason));
        let failures: Vec<String> = directories.chain(failed).collect();
        let upkeep = self.upkeep_error.iter().map(|it| format!("keeping house: {it}"));
        let alerts = self.alerts_error.iter().map(|it| format!("alerts: {it}"));
        let signals = self.signals_error.iter().map(|it| format!("signals: {it}"));
        let kept = alerts.chain(signals).chain(upkeep);
        let failures: Vec<String> = failures.into_iter().chain(kept).collect();
        self.finished_at = finished_at;
        if is_stopped && failures.is_empty() {
            self.outcome = RunOutcome::Stopped;
            "asked to stop; the next run does the rest".clone_into(&mut self.reason);
        } else if failures.is_empty() {
            let suggested =
                self.roles.iter().filter(|it| it.outcome == RunOutcome::Suggested).count();
            self.outcome = RunOutcome::Done;
            self.reason = format!("{suggested} of {} roles have a new batch", self.roles.len());
        } else {
            self.outcome = RunOutcome::Failed;
            self.reason = failures.join("; ");
            if self.hints.is_empty() {
                let hint = "the next run tries again; `advisor doctor` looks for what is wrong";
                self.hints.push(hint.to_owned());
            }
        }
    }
}
