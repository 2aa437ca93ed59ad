//! The gauges of a run, for Prometheus and for a collector.
use std::{collections::BTreeMap, path::Path};

use crate::{
    events::Timestamp,
    schedule::RunReport,
    store::RunOutcome,
    telemetry::metrics::{self, Gauge, MetricsError},
};

/// The gauge that is set by a success only: alert on its age, and on its absence.
const LAST_SUCCESS: &str = "last_success_timestamp_seconds";

/// What a run was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// All roles.
    Whole,
    /// One role: its success says nothing of the others.
    Role,
}

/// Leaves the gauges of a run in a file.
///
/// # Errors
/// Where the file cannot be written.
pub(super) fn write(path: &Path, gauges: &[Gauge]) -> Result<(), MetricsError> {
    metrics::write(path, gauges, LAST_SUCCESS)
}

/// The gauges of a run; without a report where it failed before it began.
pub(super) fn gauges(
    started_at: Timestamp,
    finished_at: Timestamp,
    report: Option<&RunReport>,
    reach: Reach,
) -> Vec<Gauge> {
    let is_success = report.is_some_and(|it| it.outcome == RunOutcome::Done);
    let mut gauges = vec![
        Gauge::one("last_run_timestamp_seconds", "When the last run ended.", seconds(finished_at)),
        Gauge::one(
            "last_run_success",
            "Whether the last run did all it had to.",
            f64::from(u8::from(is_success)),
        ),
        Gauge::one(
            "last_run_duration_seconds",
            "How long the last run took.",
            seconds(Timestamp(finished_at.0.saturating_sub(started_at.0))),
        ),
    ];
    if is_success && reach == Reach::Whole {
        gauges.push(Gauge::one(
            LAST_SUCCESS,
            "When a run of all roles last did all it had to.",
            seconds(finished_at),
        ));
    }
    gauges.extend(report.map(of_report).into_iter().flatten());
    gauges
}

fn of_report(report: &RunReport) -> [Gauge; 6] {
    let lines = |what, count: fn(&crate::schedule::Ingested) -> u64| {
        let sum: u64 = report.directories.iter().map(count).sum();
        (Some(("what", String::from(what))), number(sum))
    };
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for role in &report.roles {
        *outcomes.entry(role.outcome.as_str()).or_default() += 1;
    }
    let failed = report.directories.iter().filter(|it| it.error.is_some()).count();
    let one = |name, help, count: usize| Gauge::one(name, help, number(count as u64));
    [
        Gauge {
            name: "last_run_lines",
            help: "Lines of the last run: read = accepted + duplicates + rejected.",
            values: vec![
                lines("read", |it| it.read),
                lines("accepted", |it| it.accepted),
                lines("duplicates", |it| it.duplicates),
                lines("rejected", |it| it.rejected),
            ],
        },
        Gauge {
            name: "last_run_roles",
            help: "Roles of the last run by what became of them.",
            values: outcomes
                .into_iter()
                .map(|(outcome, count)| (Some(("outcome", outcome.to_owned())), number(count)))
                .collect(),
        },
        one("last_run_directories", "Directories of the last run.", report.directories.len()),
        one("last_run_directories_failed", "Directories that could not be read whole.", failed),
        one("hosts_silent", "Hosts that stopped reporting.", report.silent().len()),
        one(
            "hosts_with_days_gone",
            "Hosts with days that were deleted unread.",
            report.gone().len(),
        ),
    ]
}

/// Seconds since 1970.
fn seconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of this age are exact in 53 bits")]
    let us = at.0 as f64;
    us / 1e6
}

fn number(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a gauge, and counts stay below 2^53")]
    let res = count as f64;
    res
}
