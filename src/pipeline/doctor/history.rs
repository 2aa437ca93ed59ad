//! What earlier runs tell: when one last did all it had to, whether one hangs, which hosts they missed.
use super::{Check, Health};
use crate::{
    events::Timestamp,
    pipeline::ingest::{Silent, silent},
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
    let mut checks = vec![last_success(&runs, now)];
    checks.extend(hangs(&runs, now));
    let ended: Vec<&RunRow> = runs.iter().filter(|it| it.outcome != RunOutcome::Running).collect();
    if let Some(last) = ended.first() {
        let silent = silent(store, None, last.started_at).await?;
        checks.push(missed(&ended, &silent, now));
    }
    Ok(checks)
}

fn last_success(runs: &[RunRow], now: Timestamp) -> Check {
    // Who calls `run --role` sees what comes of it; what has to come by itself is the whole.
    let is_whole = |it: &&RunRow| count(it, "roles_left") == 0;
    let mut whole = runs.iter().filter(is_whole);
    let Some(last) = whole.clone().find(|it| it.outcome != RunOutcome::Running) else {
        let hint = "let cron, systemd, Kubernetes or `advisor daemon` call `advisor run`";
        return Check::new("last success", Health::Warn, "no run has ended yet", hint);
    };
    let success = whole.find(|it| it.outcome == RunOutcome::Done);
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

/// A run that began and did not end. The next one ends the rows of those that died, so that it can
/// only be the newest.
fn hangs(runs: &[RunRow], now: Timestamp) -> Option<Check> {
    let run = runs.first().filter(|it| it.outcome == RunOutcome::Running)?;
    let hours = now.hours_since(run.started_at);
    let found = format!("the run of {} has not ended, {hours:.0} hours later", run.started_at);
    let hint = "is it still at work? if it was killed, or out of memory or time, its logs tell; nothing \
                is lost, the next run goes on from there";
    (hours > RUN_HOURS).then(|| Check::new("runs", Health::Warn, found, hint))
}

/// So many hosts are named.
const HOSTS_NAMED: usize = 3;

/// Hosts that had stopped reporting when the last of the runs that ended looked, and days that were
/// deleted unread.
fn missed(ended: &[&RunRow], silent: &[Silent], now: Timestamp) -> Check {
    let gone = ended
        .iter()
        .take_while(|it| now.hours_since(it.started_at) < TOLD_HOURS)
        .find(|it| count(it, "hosts_with_days_gone") > 0);
    let mut found: Vec<String> = Vec::new();
    if !silent.is_empty() {
        let named = silent.iter().take(HOSTS_NAMED);
        let mut names: Vec<String> =
            named.map(|it| format!("`{}` (last seen {})", it.hostname, it.last_seen)).collect();
        if silent.len() > HOSTS_NAMED {
            names.push(format!("{} more", silent.len() - HOSTS_NAMED));
        }
        found.push(format!("hosts that used to report have stopped: {}", names.join(", ")));
    }
    if let Some(run) = gone {
        found.push(format!(
            "days of {} hosts were deleted before the run of {} came to read them",
            count(run, "hosts_with_days_gone"),
            run.started_at
        ));
    }
    if found.is_empty() {
        return Check::ok("hosts", "none fell silent, and no day was missed");
    }
    let hint = "`advisor hosts list` shows when each was last seen; let runs come at least daily";
    Check::new("hosts", Health::Warn, found.join("; "), hint)
}

fn count(run: &RunRow, name: &str) -> u64 {
    run.counts.get(name).copied().unwrap_or_default()
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
    fn a_run_that_does_not_end_is_told() {
        use RunOutcome::{Done, Running};
        for (runs, told) in [
            (&[("2026-03-10T11:00:00Z", Running)][..], false),
            (&[("2026-03-10T08:00:00Z", Running)], true),
            (&[("2026-03-10T08:00:00Z", Done)], false),
            (&[("2026-03-10T08:00:00Z", Running), ("2026-03-10T07:00:00Z", Done)], true),
        ] {
            let rows: Vec<RunRow> = runs.iter().map(|(at, it)| run(at, *it, &[])).collect();
            let found = hangs(&rows, Timestamp::parse(NOW).unwrap());
            assert_eq!(found.is_some(), told, "{runs:?}: {found:?}");
        }
    }

    #[test]
    fn a_run_of_one_role_is_neither_the_success_nor_the_failure_of_the_whole() {
        use RunOutcome::{Done, Failed};
        let now = Timestamp::parse(NOW).unwrap();
        let one = [("roles_left", 2)];
        for (runs, health) in [
            (vec![run("2026-03-10T11:00:00Z", Done, &one)], Health::Warn),
            (vec![run("2026-03-10T11:00:00Z", Done, &[("roles_left", 0)])], Health::Ok),
            (
                vec![
                    run("2026-03-10T11:00:00Z", Done, &one),
                    run("2026-03-10T10:00:00Z", Failed, &[]),
                ],
                Health::Fail,
            ),
            (
                vec![
                    run("2026-03-10T11:00:00Z", Failed, &one),
                    run("2026-03-10T10:00:00Z", Done, &[]),
                ],
                Health::Ok,
            ),
        ] {
            let check = last_success(&runs, now);
            assert_eq!(check.health, health, "{check:?}");
        }
    }

    #[test]
    fn hosts_that_vanished_and_days_that_are_gone_are_told() {
        use RunOutcome::Done;
        let now = Timestamp::parse(NOW).unwrap();
        let well = run(NOW, Done, &[("hosts_with_days_gone", 0)]);
        let gone = run("2026-03-08T12:00:00Z", Done, &[("hosts_with_days_gone", 2)]);
        let long_gone = run("2026-02-08T12:00:00Z", Done, &[("hosts_with_days_gone", 2)]);
        let silent: Vec<Silent> = ["build-1", "build-2", "build-3", "build-4"]
            .map(|name| Silent { hostname: name.to_owned(), last_seen: now, is_new: false })
            .into();
        for (runs, n_silent, health, told) in [
            (vec![&well], 0, Health::Ok, "none fell silent"),
            (vec![&well], 1, Health::Warn, "stopped: `build-1` (last seen 2026-03-10T12:00:00Z)"),
            (vec![&well], 4, Health::Warn, "`build-3` (last seen 2026-03-10T12:00:00Z), 1 more"),
            (vec![&well, &gone], 0, Health::Warn, "days of 2 hosts were deleted before the run"),
            (vec![&well, &long_gone], 0, Health::Ok, "none fell silent"),
        ] {
            let check = missed(&runs, &silent[..n_silent], now);
            assert!(check.health == health && check.found.contains(told), "{check:?}");
        }
    }
}
