//! `advisor simulate`, and `advisor shapes` over what it makes.
use std::{collections::BTreeMap, fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

fn advisor(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
    command.arg("--data-dir").arg(home).args(args);
    command
}

fn simulate(home: &TempDir, out: &str) -> BTreeMap<String, Vec<u8>> {
    let out = home.path().join(out);
    let args =
        ["simulate", "--events", "400", "--hosts", "3", "--days", "5", "--seed", "9", "--out"];
    advisor(home.path(), &args).arg(&out).assert().success();
    let mut files = BTreeMap::new();
    let mut folders = vec![out.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&out).unwrap().display().to_string();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn the_same_arguments_give_the_same_files() {
    let home = TempDir::new().unwrap();
    let first = simulate(&home, "one");
    assert_eq!(first, simulate(&home, "two"));
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 3 * 5 + 1, "{names:?}");
    assert!(names.contains(&"truth.json") && names.contains(&"events/web-01/2026-03-06.ndjson"));
    for ending in [".ndjson", ".gz", ".zst"] {
        assert!(names.iter().any(|name| name.ends_with(ending)), "{ending}: {names:?}");
    }
    let args = ["simulate", "--out"];
    let again = advisor(home.path(), &args).arg(home.path().join("one")).assert().code(2);
    let text = String::from_utf8(again.get_output().stderr.clone()).unwrap();
    assert!(text.contains("is not empty"), "{text}");
}

#[test]
fn every_event_is_read_once_and_bad_lines_are_told() {
    let home = TempDir::new().unwrap();
    simulate(&home, "fleet");
    let extra = home.path().join("fleet/events/web-01/extra.ndjson");
    fs::write(&extra, "not an event\n").unwrap();
    let args = ["shapes", "--output", "ndjson", "--input"];
    let output =
        advisor(home.path(), &args).arg(home.path().join("fleet/events")).assert().success();
    let output = output.get_output();
    let rows: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 400);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("extra.ndjson:1: not_json") && told.contains("1 line "), "{told}");
    let mut commands = rows.iter().flat_map(|row| row["commands"].as_array().unwrap());
    let status = commands.find(|it| it["line"] == "git status").unwrap();
    let expected = serde_json::json!({
        "binary": "git", "subcommand": ["status"], "shape": "git status", "line": "git status",
        "wrappers": [], "origin": "script", "remote": false, "effects": ["vcs.read"],
    });
    assert_eq!(status, &expected);
}

#[test]
fn the_order_of_events_changes_no_shape() {
    let home = TempDir::new().unwrap();
    let line = |id: usize, argv: &[&str]| {
        serde_json::json!({
            "schema_version": "1.0", "event_id": id.to_string(), "timestamp": "2026-01-01T00:00:00Z",
            "hostname": "h", "event_type": "command_execution", "binary": argv[0], "argv": argv,
            "decision": "allowed",
        })
        .to_string()
    };
    let mut lines: Vec<String> = [
        &["zqx", "show", "a-1"][..],
        &["zqx", "--db", "x", "show"],
        &["zqx", "list"],
        &["zqx", "close", "b-2", "--reason", "it is done"],
        &["git", "checkout", "main"],
        &["other", "./file"],
    ]
    .iter()
    .enumerate()
    .map(|(id, argv)| line(id, argv))
    .collect();
    let read = |lines: &[String]| {
        let path = home.path().join("events.ndjson");
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let args = ["shapes", "--output", "ndjson", "--input"];
        let output = advisor(home.path(), &args).arg(&path).assert().success();
        let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
        rows.sort();
        rows
    };
    let first = read(&lines);
    assert!(first[1].contains(r#""subcommand":["show"],"shape":"zqx --db x show""#), "{first:?}");
    lines.reverse();
    assert_eq!(read(&lines), first);
    lines.rotate_left(2);
    assert_eq!(read(&lines), first);
}
