//! What earlier runs tell: when one last did all it had to, which died, which hosts they missed.
use super::{Check, Health};
use crate::{
    events::Timestamp,
    store::{RunOutcome, RunRow, Store},
};

/// A weekly run and a day; longer ago, runs do not come or do not succeed.
const SUCCESS_HOURS: f64 = 8.0 * 24.0;

/// The job and the unit in `deploy/` end a run after two hours; one that is older and has no end has
/// none to come.
const RUN_HOURS: f64 = 3.0;

/// What went wrong longer ago was told often enough.
const TOLD_HOURS: f64 = 7.0 * 24.0;

/// At most so many runs are looked at: more than a week of one every 15 minutes.
const MAX_RUNS: u32 = 1_000;

/// Looks at what runs left behind.
///
/// # Errors
/// Where the store fails.
pub(super) async fn examine(store: &Store, now: Timestamp) -> anyhow::Result<Vec<Check>> {
    // A role's name is never empty, so that these are the rows of runs as a whole.
    let runs = store.runs(Some(""), MAX_RUNS).await?;
    let checks = [Some(last_success(&runs, now)), died(&runs, now), missed(&runs, now)];
    Ok(checks.into_iter().flatten().collect())
}

fn last_success(runs: &[RunRow], now: Timestamp) -> Check {
    let Some(last) = runs.iter().find(|it| it.outcome != RunOutcome::Running) else {
        let hint = "let cron, systemd, Kubernetes or `advisor daemon` call `advisor run`";
        return Check::new("last success", Health::Warn, "no run has ended yet", hint);
    };
    let success = runs.iter().find(|it| it.outcome == RunOutcome::Done);
    let success = success.and_then(|it| it.finished_at);
    match (last.outcome, success) {
        (RunOutcome::Failed, _) => Check::new(
            "last success",
            Health::Fail,
            format!("the last run failed: {}", last.reason),
            "the reason says what to do; the next run tries again",
        ),
        (_, Some(at)) if now.hours_since(at) < SUCCESS_HOURS => {
            Check::ok("last success", format!("a run did all it had to at {at}"))
        }
        (_, at) => Check::new(
            "last success",
            Health::Warn,
            at.map_or_else(
                || "no run has done all it had to yet".to_owned(),
                |at| format!("the last run that did all it had to ended at {at}"),
            ),
            "does anybody call `advisor run`?",
        ),
    }
}

/// Runs that began and never ended. There is one at a time, so that one that is not the newest has died.
fn died(runs: &[RunRow], now: Timestamp) -> Option<Check> {
    let mut died = runs.iter().enumerate().filter(|(at, it)| {
        let hours = now.hours_since(it.started_at);
        it.outcome == RunOutcome::Running && hours < TOLD_HOURS && (*at > 0 || hours > RUN_HOURS)
    });
    let (_, newest) = died.next()?;
    let n_died = 1 + died.count();
    let found = format!(
        "{n_died} of the last week's runs began and never ended, the newest at {}",
        newest.started_at
    );
    let hint = "was it killed, out of memory, or out of time? its logs tell; nothing is lost, the next \
                run goes on from there";
    Some(Check::new("runs", Health::Warn, found, hint))
}

/// Hosts that stopped reporting, by the last run that ended, and days that were deleted unread.
fn missed(runs: &[RunRow], now: Timestamp) -> Option<Check> {
    let count = |run: &RunRow, name: &str| run.counts.get(name).copied().unwrap_or_default();
    let ended = || runs.iter().filter(|it| it.outcome != RunOutcome::Running);
    let n_silent = ended().next().map_or(0, |it| count(it, "hosts_silent"));
    let gone = ended()
        .take_while(|it| now.hours_since(it.started_at) < TOLD_HOURS)
        .find(|it| count(it, "hosts_with_days_gone") > 0);
    let mut found: Vec<String> = Vec::new();
    if n_silent > 0 {
        found.push(format!("{n_silent} hosts that used to report have stopped"));
    }
    if let Some(run) = gone {
        found.push(format!(
            "days of {} hosts were deleted before the run of {} came to read them",
            count(run, "hosts_with_days_gone"),
            run.started_at
        ));
    }
    if found.is_empty() {
        return Some(Check::ok("hosts", "none fell silent, and no day was missed"))
            .filter(|_| ended().next().is_some());
    }
    let hint = "`advisor hosts list` shows when each was last seen; let runs come at least daily";
    Some(Check::new("hosts", Health::Warn, found.join("; "), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(started_at: &str, outcome: RunOutcome, counts: &[(&str, u64)]) -> RunRow {
        let started_at = Timestamp::parse(started_at).unwrap();
        RunRow {
            run_id: started_at.to_string(),
            role: None,
            started_at,
            finished_at: (outcome != RunOutcome::Running).then_some(started_at),
            outcome,
            reason: "because".to_owned(),
            batch_id: None,
            counts: counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        }
    }

    const NOW: &str = "2026-03-10T12:00:00Z";

    #[test]
    fn runs_that_died_are_told_and_one_that_is_under_way_is_not() {
        use RunOutcome::{Done, Running};
        for (runs, told) in [
            (&[("2026-03-10T11:00:00Z", Running)][..], None),
            (&[("2026-03-10T08:00:00Z", Running)], Some("1 of")),
            (&[("2026-03-10T11:00:00Z", Done), ("2026-03-10T10:00:00Z", Running)], Some("1 of")),
            (&[("2026-03-10T11:00:00Z", Done), ("2026-03-01T10:00:00Z", Running)], None),
            (
                &[
                    ("2026-03-10T11:30:00Z", Running),
                    ("2026-03-10T11:00:00Z", Running),
                    ("2026-03-10T10:00:00Z", Running),
                ],
                Some("2 of"),
            ),
        ] {
            let rows: Vec<RunRow> = runs.iter().map(|(at, it)| run(at, *it, &[])).collect();
            let found = died(&rows, Timestamp::parse(NOW).unwrap()).map(|it| it.found);
            assert_eq!(
                found.as_deref().map(|it| it.get(..4).unwrap()),
                told,
                "{runs:?}: {found:?}"
            );
        }
    }

    #[test]
    fn hosts_that_vanished_and_days_that_are_gone_are_told() {
        use RunOutcome::{Done, Running};
        let now = Timestamp::parse(NOW).unwrap();
        assert_eq!(missed(&[run(NOW, Running, &[])], now), None, "nobody has looked yet");
        let well = run(NOW, Done, &[("hosts_silent", 0), ("hosts_with_days_gone", 0)]);
        let silent = run(NOW, Done, &[("hosts_silent", 3)]);
        let gone = run("2026-03-08T12:00:00Z", Done, &[("hosts_with_days_gone", 2)]);
        let long_gone = run("2026-02-08T12:00:00Z", Done, &[("hosts_with_days_gone", 2)]);
        for (runs, health, told) in [
            (vec![well.clone()], Health::Ok, "none fell silent"),
            (vec![silent.clone(), well.clone()], Health::Warn, "3 hosts that used to report"),
            (vec![well.clone(), silent], Health::Ok, "none fell silent"),
            (vec![well.clone(), gone], Health::Warn, "days of 2 hosts were deleted before the run"),
            (vec![well, long_gone], Health::Ok, "none fell silent"),
        ] {
            let check = missed(&runs, now).unwrap();
            assert!(check.health == health && check.found.contains(told), "{check:?}");
        }
    }
}
