//! `advisor ingest` as people and scripts meet it.
use assert_cmd::Command;
use serde_json::Value;

use crate::ingest::{Home, events};

fn advisor(home: &Home, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
    command.args(args).arg("--data-dir").arg(home.data());
    command
}

fn stderr(home: &Home, args: &[&str], code: i32) -> String {
    let output = advisor(home, args).assert().code(code).get_output().clone();
    assert!(output.stdout.is_empty(), "nothing but data on stdout");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn counts_come_as_json_as_csv_and_for_people() {
    let home = Home::new();
    home.store();
    let file = home.write("a.log", events(0..3) + "bad\n" + &events(2..5));
    let file = file.to_str().unwrap();
    let run = |args: &[&str]| {
        let output = advisor(&home, args).assert().success().get_output().clone();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "no spinner off a terminal");
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&run(&["ingest", file, "--output", "json"])).unwrap();
    for (key, count) in [("read", 7), ("accepted", 5), ("duplicates", 1), ("rejected", 1)] {
        assert_eq!((key, &report[key]), (key, &Value::from(count)));
        assert_eq!(report["files"][0][key], count);
    }
    assert_eq!(report["reasons"]["not_json"], 1);
    assert_eq!(report["files"][0]["status"], "new");
    let rejects = run(&["lake", "rejects", "--output", "ndjson"]);
    let reject: Value = serde_json::from_str(&rejects).unwrap();
    assert_eq!((&reject["line"], &reject["excerpt"]), (&Value::from(4), &Value::from("bad")));
    assert_eq!(reject, report["rejects"][0]);
    let parts = run(&["lake", "parts", "--output", "ndjson"]);
    assert_eq!(parts.lines().count(), 5, "events of five days");
    let text = run(&["ingest", file]);
    assert!(text.ends_with("read 0 = accepted 0 + duplicates 0 + rejected 0\n"), "{text}");
    let text = run(&["ingest", file, "--output", "csv"]);
    assert!(text.starts_with("path,status,read,accepted,duplicates,rejected,torn_bytes\n"));
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn mistakes_are_told_with_what_where_and_what_to_do() {
    let home = Home::new();
    let file = home.write("a.log", events(0..3));
    let file = file.to_str().unwrap();
    let text = stderr(&home, &["ingest", file], 1);
    assert!(text.contains("hint: `advisor init`"), "{text}");
    home.store();
    let text = stderr(&home, &["ingest", file, "nowhere.log"], 1);
    assert!(text.contains("`nowhere.log`"), "{text}");
    assert!(text.contains("nothing was read"), "{text}");
    let text = stderr(&home, &["ingest", "/dev/null"], 1);
    assert!(text.contains("`/dev/null` is neither a file nor a directory"), "{text}");
    let text = stderr(&home, &["ingest", file, "--format", "tea"], 2);
    assert!(text.contains("signal"), "{text}");
    stderr(&home, &["ingest"], 2);
}
