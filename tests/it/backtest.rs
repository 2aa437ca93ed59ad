//! `advisor backtest` on the fleet of the demo: exact counts, a picture, and nothing stored.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

const WINDOW: [&str; 4] = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-12-31T00:00:00Z"];

fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .env_clear()
        .arg("--data-dir")
        .arg(dir)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
}

fn ok(dir: &Path, args: &[&str]) -> String {
    let (code, out, err) = run(dir, args);
    assert_eq!(code, 0, "{args:?}: {err}");
    out
}

/// The demo's fleet and roles.
fn demo() -> TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let dir = tempfile::tempdir().unwrap();
    ok(dir.path(), &["init"]);
    for role in ["backend", "platform", "web"] {
        let file = root.join(format!("roles/{role}.json"));
        ok(dir.path(), &["roles", "import", file.to_str().unwrap()]);
    }
    ok(dir.path(), &["ingest", root.join("events.ndjson.zst").to_str().unwrap()]);
    dir
}

fn backtest(dir: &Path, extra: &[&str]) -> Value {
    let mut args = vec!["backtest", "--output", "json"];
    args.extend(WINDOW);
    args.extend(extra);
    serde_json::from_str(&ok(dir, &args)).unwrap()
}

#[test]
fn cuts_part_the_window_exactly() {
    let dir = demo();
    let report = backtest(dir.path(), &["--role", "backend", "--scratch", "--cut", "0.85,0.6"]);
    let runs = report["runs"].as_array().unwrap();
    let cuts: Vec<f64> = runs.iter().map(|it| it["cut"].as_f64().unwrap()).collect();
    assert_eq!(cuts, [0.6, 0.85]);
    let count = |run: &Value, pointer: &str| run.pointer(pointer).unwrap().as_u64().unwrap();
    let total = |run: &Value| count(run, "/learned/events") + count(run, "/later/events");
    assert_eq!(total(&runs[0]), total(&runs[1]));
    for run in runs {
        let parts =
            ["allowed", "asked", "stopped"].map(|it| count(run, &format!("/coverage/{it}")));
        assert_eq!(parts.iter().sum::<u64>(), count(run, "/coverage/events"));
        let ran = count(run, "/coverage/events") + count(run, "/refused/events");
        assert_eq!(ran, count(run, "/later/events"));
        assert_eq!(run["role_revision"], Value::Null);
        assert_eq!(count(run, "/without/allowed"), 0);
        assert!(parts[0] * 10 > count(run, "/coverage/events") * 6, "{run}");
        let n_pairs = count(run, "/calibration/changes/pairs");
        assert_eq!(n_pairs, run["changes"].as_array().unwrap().len() as u64);
        let kept = count(run, "/attacks/stopped") + count(run, "/attacks/asked");
        assert!(kept * 10 > count(run, "/attacks/examples") * 9);
    }
    let pooled = count(&report, "/calibration/changes/pairs");
    assert_eq!(pooled, runs.iter().map(|it| count(it, "/calibration/changes/pairs")).sum::<u64>());
}

#[test]
fn nothing_is_stored_and_the_picture_is_written() {
    let dir = demo();
    let svg = dir.path().join("backtest.svg");
    let mut args = vec!["backtest", "--role", "web", "--role", "platform", "--output", "csv"];
    args.extend(WINDOW);
    args.extend(["--svg", svg.to_str().unwrap()]);
    let rows = ok(dir.path(), &args);
    let first = rows.lines().next().unwrap();
    assert_eq!(
        first,
        "role,cut,at,learned,later,rules,allowed,asked,stopped,without,sessions,attacks"
    );
    assert_eq!(rows.lines().count(), 3, "{rows}");
    assert!(fs::read_to_string(&svg).unwrap().contains("Backtest of web, platform"));
    assert_eq!(ok(dir.path(), &["suggestions", "list", "--output", "json"]).trim(), "[]");
}

#[test]
fn wrong_uses_are_told() {
    let dir = demo();
    let (code, out, err) = run(dir.path(), &["backtest", "--role", "web", "--cut", "1"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("`1` is not a share above 0 and below 1"), "{err}");
    let (code, _, err) = run(dir.path(), &["backtest", "--role", "nobody"]);
    assert_eq!(code, 1, "{err}");
    let early = ["backtest", "--role", "web", "--to", "2020-01-01T00:00:00Z"];
    let (code, _, err) = run(dir.path(), &early);
    assert_eq!(code, 1);
    assert!(err.contains("cannot backtest role `web`: no activity of the role lies"), "{err}");
}
