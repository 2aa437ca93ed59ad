//! Runs on a schedule of their own: a role's own schedule, and the end of a daemon in the middle of its
//! work.
#![expect(clippy::disallowed_types, reason = "tests may lock files")]
use std::{
    fmt::Write as _,
    fs::{self, File},
    process::{Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::Value;

use crate::{
    faults::Bench,
    ingest::{events, ids, ids_in_lake},
};

fn outcomes(output: &Output) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let roles = report["roles"].as_array().unwrap();
    roles.iter().map(|it| (text(&it["role"]), text(&it["outcome"]))).collect()
}

#[test]
fn a_role_has_its_own_schedule_over_that_of_the_organization() {
    let bench = Bench::new(None);
    let data = bench.template();
    for args in [
        &["roles", "create", "platform"][..],
        &["settings", "set", "analysis_schedule", "weekly"],
        &["settings", "set", "analysis_schedule", "* * * * * *", "--role", "platform"],
    ] {
        bench.ok(&data, args);
    }
    let run = || bench.command(&data).args(["run", "--output", "json"]).output().unwrap();
    let first = outcomes(&run());
    assert!(first[0] == ("backend".to_owned(), "suggested".to_owned()), "{first:?}");
    assert!(first[2] == ("platform".to_owned(), "suggested".to_owned()), "{first:?}");
    sleep(Duration::from_millis(1_100));
    let second = outcomes(&run());
    assert_eq!(second[0].1, "not_due", "weekly, and it was analyzed a moment ago: {second:?}");
    assert_ne!(second[2].1, "not_due", "every second: {second:?}");
}

#[test]
fn a_daemon_that_is_asked_to_stop_in_the_middle_of_a_run_leaves_the_rest_to_the_next() {
    let bench = Bench::new(None);
    let data = bench.template();
    let mut config = String::new();
    for (number, name) in ["one", "two"].iter().enumerate() {
        let dir = bench.path(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("a.log"), events(number * 10..number * 10 + 10)).unwrap();
        writeln!(config, "[[directories]]\npath = \"{}\"", dir.display()).unwrap();
    }
    fs::write(data.join("advisor.toml"), config).unwrap();
    // Whoever holds the lake keeps the run waiting in its first directory.
    fs::create_dir_all(data.join("lake")).unwrap();
    let lock = File::create(data.join("lake/lock")).unwrap();
    lock.lock().unwrap();
    let mut command = bench.command(&data);
    command.args(["daemon", "--output", "ndjson", "--metrics-file"]).arg(data.join("advisor.prom"));
    let daemon = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let rows = || {
        let mut command = bench.command(&data);
        let runs = command.args(["--read-only", "doctor", "--output", "json"]).output().unwrap();
        String::from_utf8(runs.stdout).unwrap()
    };
    for _ in 0..300 {
        // Its first row is written once it has begun.
        let has_begun =
            fs::read_dir(&data).unwrap().any(|it| it.unwrap().file_name() == "run.lock");
        if has_begun && rows().contains("no run has ended yet") {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    sleep(Duration::from_secs(1));
    assert!(
        Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap().success()
    );
    sleep(Duration::from_millis(300));
    drop(lock);
    let ended = daemon.wait_with_output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(0), "{err}");
    assert_eq!(out.lines().count(), 1, "{out}");
    let report: Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!(report["outcome"], "stopped");
    assert_eq!(report["reason"], "asked to stop; the next run does the rest");
    assert_eq!(report["directories"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!((&report["roles"], &report["upkeep"]), (&Value::Array(Vec::new()), &Value::Null));
    assert_eq!(crate::faults::is_success(&data), Some(false), "it is no success");
    assert_eq!(report["directories"][0]["read"], 0, "no file was begun");
    bench.ok(&data, &["run"]);
    assert_eq!(ids_in_lake(&data), ids(0..20));
}
