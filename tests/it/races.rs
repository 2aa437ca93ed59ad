//! Many at once: the same window analyzed again and again, and reviewers beside ingests on one store.
use std::{
    fs,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use policy_advisor::store::Backend;
use serde_json::Value;

use crate::{backends, faults::Bench, ingest::event};

/// Seconds, or how many times: a few, or as many as a long run asks for.
fn long_or(variable: &str, few: u64) -> u64 {
    std::env::var(variable).map_or(few, |it| it.parse().unwrap())
}

/// A bench with the store on one of the databases, its files ingested; `None` where there is no server.
fn bench(backend: Backend) -> Option<Bench> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = match backend {
        Backend::Sqlite => None,
        Backend::Postgres => Some(runtime.block_on(backends::postgres_database("races"))?),
    };
    let bench = Bench::new(url);
    ok(&bench, &["ingest", &bench.path("fleet/events").display().to_string()]);
    Some(bench)
}

fn start(bench: &Bench, args: &[&str]) -> Child {
    let mut command: Command = bench.command(&bench.template());
    command.args(args).args(["--output", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child, args: &[&str]) -> Output {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn ok(bench: &Bench, args: &[&str]) -> Value {
    serde_json::from_slice(&ended(start(bench, args), args).stdout).unwrap_or_default()
}

/// The id of a batch, and a text of all that was proposed.
fn digest(output: &Output) -> String {
    let batch: Value = serde_json::from_slice(&output.stdout).unwrap();
    format!("{} {}", batch["batch_id"], batch["changes"])
}

fn the_same_window_gives_one_batch(backend: Backend) {
    let Some(bench) = bench(backend) else { return };
    let day = |ago: i32| policy_advisor::events::Day(policy_advisor::clock::now().day().0 - ago);
    let (from, to) = (day(20).start().to_string(), day(0).start().to_string());
    let args = ["suggest", "--role", "backend", "--from", &from, "--to", &to];
    let first = digest(&ended(start(&bench, &args), &args));
    for _ in 1..long_or("ADVISOR_TEST_WINDOWS", 2) {
        assert_eq!(digest(&ended(start(&bench, &args), &args)), first, "in turn");
    }
    for _ in 0..long_or("ADVISOR_TEST_WINDOWS", 4).div_ceil(4) {
        let three: Vec<Child> = (0..3).map(|_| start(&bench, &args)).collect();
        for child in three {
            assert_eq!(digest(&ended(child, &args)), first, "three at once");
        }
    }
    let batches = ok(&bench, &["suggestions", "list"]);
    assert_eq!(batches.as_array().unwrap().len(), 1, "{batches}");
}

#[test]
fn the_same_window_gives_one_batch_on_sqlite() {
    the_same_window_gives_one_batch(Backend::Sqlite);
}

#[test]
fn the_same_window_gives_one_batch_on_postgres() {
    the_same_window_gives_one_batch(Backend::Postgres);
}

/// Reviewers at one store at a time.
const REVIEWERS: usize = 40;

/// Ingests beside them, each of files of its own.
const INGESTS: usize = 10;

/// What a reviewer does, again and again.
const ACTS: &[&[&str]] = &[
    &["review", "accept", "BATCH"],
    &["suggestions", "list"],
    &["review", "reject", "BATCH", "--change", "1", "--reason", "not here"],
    &["settings", "set", "retention_days", "60"],
    &["roles", "list"],
    &["hosts", "list"],
];

fn reviewers_and_ingests_do_not_get_in_each_others_way(backend: Backend) {
    let Some(bench) = bench(backend) else { return };
    let day = |ago: i32| policy_advisor::events::Day(policy_advisor::clock::now().day().0 - ago);
    let (from, to) = (day(20).start().to_string(), day(0).start().to_string());
    let batch = ok(&bench, &["suggest", "--role", "backend", "--from", &from, "--to", &to]);
    let batch_id = batch["batch_id"].as_str().unwrap();
    let until = Instant::now() + Duration::from_secs(long_or("ADVISOR_TEST_RACE_SECONDS", 5));
    let (n_acts, n_ingests) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let has_failed = AtomicBool::new(false);
    let goes_on = || Instant::now() < until && !has_failed.load(Ordering::Relaxed);
    // What reviewers do to each other's decisions is refused in words; a store that is busy is not.
    let look = |args: &[&str], output: &Output| {
        let err = String::from_utf8_lossy(&output.stderr);
        let lower = err.to_lowercase();
        let is_busy = ["busy", "locked", "holds the store", "timed out", "timeout", "deadlock"]
            .iter()
            .any(|word| lower.contains(word));
        let is_told = output.status.success() || err.starts_with("error: ");
        let is_bad = is_busy || !is_told || lower.contains("panicked");
        has_failed.fetch_or(is_bad, Ordering::Relaxed);
        assert!(!is_bad, "{args:?}: {err}");
    };
    thread::scope(|scope| {
        for reviewer in 0..REVIEWERS {
            let (bench, n_acts) = (&bench, &n_acts);
            scope.spawn(move || {
                for act in ACTS.iter().cycle().skip(reviewer) {
                    if !goes_on() {
                        break;
                    }
                    let args: Vec<&str> =
                        act.iter().map(|it| if *it == "BATCH" { batch_id } else { it }).collect();
                    look(&args, &start(bench, &args).wait_with_output().unwrap());
                    n_acts.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for ingest in 0..INGESTS {
            let (bench, n_ingests) = (&bench, &n_ingests);
            scope.spawn(move || {
                for turn in 0.. {
                    if !goes_on() {
                        break;
                    }
                    let number = (ingest + 1) * 100_000 + turn;
                    let path = bench.path(&format!("{number}.log"));
                    fs::write(&path, event(number)).unwrap();
                    let path = path.display().to_string();
                    let args = ["ingest", path.as_str()];
                    let output = start(bench, &args).wait_with_output().unwrap();
                    look(&args, &output);
                    assert!(output.status.success(), "{output:?}");
                    n_ingests.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let n_ingests = n_ingests.into_inner();
    let ids = crate::ingest::ids_in_lake(&bench.template());
    let n_raced = ids.iter().filter(|id| id.starts_with("event-")).count();
    assert_eq!(n_raced, n_ingests, "every event of every ingest, once");
    eprintln!(
        "{REVIEWERS} reviewers and {INGESTS} ingests on {backend:?}: {} acts, {n_ingests} ingests, 0 busy",
        n_acts.into_inner()
    );
}

#[test]
fn reviewers_and_ingests_do_not_get_in_each_others_way_on_sqlite() {
    reviewers_and_ingests_do_not_get_in_each_others_way(Backend::Sqlite);
}

#[test]
fn reviewers_and_ingests_do_not_get_in_each_others_way_on_postgres() {
    reviewers_and_ingests_do_not_get_in_each_others_way(Backend::Postgres);
}
