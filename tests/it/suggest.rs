//! From events to an applied suggestion, through the program, on the fleet of the demo.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The fleet's events, one a line.
fn fleet() -> Vec<String> {
    let packed = root().join("fixtures/demo/events.ndjson.zst");
    let bytes = zstd::decode_all(fs::read(packed).unwrap().as_slice()).unwrap();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn advisor(dir: &Path, args: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .env_clear()
        .arg("--data-dir")
        .arg(dir)
        .args(args)
        .output()
        .unwrap();
    let err = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "{args:?}: {err}");
    String::from_utf8(run.stdout).unwrap()
}

fn parsed(dir: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&advisor(dir, args)).unwrap()
}

/// A data directory with the demo's roles and these files of events.
fn ingested(files: &[Vec<String>]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    advisor(dir.path(), &["init"]);
    for role in ["backend", "platform", "web"] {
        let file = root().join(format!("fixtures/demo/roles/{role}.json"));
        advisor(dir.path(), &["roles", "import", file.to_str().unwrap()]);
    }
    let inbox = dir.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    for (idx, lines) in files.iter().enumerate() {
        fs::write(inbox.join(format!("{idx}.ndjson")), lines.join("\n") + "\n").unwrap();
    }
    advisor(dir.path(), &["ingest", inbox.to_str().unwrap()]);
    dir
}

const WINDOW: [&str; 4] = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-12-31T00:00:00Z"];

fn suggest(dir: &Path, role: &str) -> Value {
    let mut args = vec!["suggest", "--role", role, "--output", "json"];
    args.extend(WINDOW);
    parsed(dir, &args)
}

#[test]
fn shuffled_events_give_the_same_batch() {
    let lines = fleet();
    // Every third line first, then the others backwards, over two files.
    let (third, rest): (Vec<_>, Vec<_>) =
        lines.iter().cloned().enumerate().partition(|(idx, _)| idx % 3 == 0);
    let third = third.into_iter().map(|it| it.1).collect();
    let rest = rest.into_iter().rev().map(|it| it.1).collect();
    let (forward, shuffled) = (ingested(&[lines]), ingested(&[rest, third]));
    for role in ["backend", "platform", "web"] {
        let mut batches = [&forward, &shuffled].map(|dir| suggest(dir.path(), role));
        for batch in &mut batches {
            batch["generated_at"] = json!("");
        }
        assert!(batches[0]["changes"].as_array().unwrap().len() > 5, "{role}");
        assert_eq!(batches[0], batches[1], "{role}");
    }
}

#[test]
fn the_same_analysis_is_one_batch() {
    let dir = ingested(&[fleet()]);
    let first = suggest(dir.path(), "backend");
    let second = suggest(dir.path(), "backend");
    assert_eq!(first, second);
    let list = parsed(dir.path(), &["suggestions", "list", "--output", "json"]);
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn a_window_that_moved_on_without_anything_new_is_the_same_batch() {
    let mut lines = fleet();
    let last = lines.pop().unwrap();
    let dir = ingested(&[lines]);
    let until = |day: &str| {
        let to = format!("2026-{day}T00:00:00Z");
        let from = "2026-01-01T00:00:00Z";
        let role: Value = serde_json::from_str(&last).unwrap();
        let role = role["role"].as_str().unwrap();
        let asked = ["suggest", "--role", role, "--from", from, "--to", &to, "--output", "json"];
        parsed(dir.path(), &asked)
    };
    let n_batches = || {
        let list = parsed(dir.path(), &["suggestions", "list", "--output", "json"]);
        list.as_array().unwrap().len()
    };
    let first = until("12-01");
    assert_eq!(until("12-02"), first, "as it was stored, with the window of the first");
    assert_eq!(n_batches(), 1);
    let late = dir.path().join("late.ndjson");
    fs::write(&late, last.clone() + "\n").unwrap();
    advisor(dir.path(), &["ingest", late.to_str().unwrap()]);
    assert_ne!(until("12-02")["batch_id"], first["batch_id"], "one event more is new");
    assert_eq!(n_batches(), 2);
}

#[test]
fn readiness_comes_with_the_batch_and_with_the_role() {
    let dir = ingested(&[fleet()]);
    let batch = suggest(dir.path(), "backend");
    let readiness = &batch["readiness"];
    assert!(readiness["acts"].as_u64().unwrap() > 500, "{readiness}");
    let share = |key: &str| readiness[key].as_f64().unwrap();
    assert!(share("unseen_low") <= share("unseen") && share("unseen") <= share("unseen_high"));
    let id = batch["batch_id"].as_str().unwrap();
    let stored = parsed(dir.path(), &["suggestions", "show", id, "--output", "json"]);
    assert_eq!(stored["readiness"], *readiness);
    for args in [["suggestions", "show", id], ["suggestions", "diff", id]] {
        assert!(advisor(dir.path(), &args).contains("\nReadiness: "), "{args:?}");
    }
    // The kept activity of the role may be older than what `roles show` looks at by default.
    assert!(advisor(dir.path(), &["roles", "show", "backend"]).starts_with("backend, revision 1"));
}

#[test]
fn anomalies_come_with_their_events_and_are_not_let_through() {
    let dir = ingested(&[fleet()]);
    let batch = suggest(dir.path(), "backend");
    let anomalies = batch["anomalies"].as_array().unwrap();
    assert!((1..=20).contains(&anomalies.len()), "{}", anomalies.len());
    let ids: std::collections::BTreeSet<String> = fleet()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|event| event["event_id"].as_str().unwrap().to_owned())
        .collect();
    for anomaly in anomalies {
        let named = anomaly["event_ids"].as_array().unwrap();
        assert!(!named.is_empty(), "{anomaly}");
        assert!(named.iter().all(|it| ids.contains(it.as_str().unwrap())), "{anomaly}");
        assert!(anomaly["reason"].as_str().unwrap().ends_with('.'), "{anomaly}");
        // What is risky does not ride on an allow.
        if ["high", "critical"].contains(&anomaly["risk"].as_str().unwrap()) {
            let outcome = anomaly["outcome"].as_str().unwrap();
            assert!(!["allow", "alert"].contains(&outcome), "{anomaly}");
        }
    }
    let id = batch["batch_id"].as_str().unwrap();
    let stored = parsed(dir.path(), &["suggestions", "show", id, "--output", "json"]);
    assert_eq!(stored["anomalies"], batch["anomalies"]);
    assert!(advisor(dir.path(), &["suggestions", "diff", id]).contains("\nWhat stands out"));
}

#[test]
fn the_loop_closes_and_planted_acts_stay_out() {
    let lines = fleet();
    let dir = ingested(std::slice::from_ref(&lines));
    let batch = suggest(dir.path(), "backend");
    for kind in ["add", "modify", "remove"] {
        assert!(batch["summary"][kind].as_u64().unwrap() > 0, "{kind}: {}", batch["summary"]);
    }
    // The classic: the deny that could never fire moves above the allow that hid it.
    let woken = batch["changes"].as_array().unwrap().iter().find(|change| {
        change["kind"] == "modify" && change["before"][0]["pattern"] == "git push --force*"
    });
    assert!(woken.unwrap()["reasoning"].as_str().unwrap().contains("can never fire"));
    let id = batch["batch_id"].as_str().unwrap();
    advisor(dir.path(), &["review", "accept", id]);
    advisor(dir.path(), &["review", "apply", id]);
    let role = parsed(dir.path(), &["roles", "export", "backend", "--output", "json"]);
    assert_eq!(role["revision"], 2);

    let truth: Value =
        serde_json::from_slice(&fs::read(root().join("fixtures/demo/truth.json")).unwrap())
            .unwrap();
    let planted = &truth["roles"]["backend"]["planted"];
    let planted = planted.as_array().unwrap();
    assert!(planted.len() > 3);
    let events = dir.path().join("all.ndjson");
    fs::write(&events, lines.join("\n")).unwrap();
    let events = events.to_str().unwrap();
    let args = ["policy", "evaluate", "--role", "backend", "--input", events, "--output", "ndjson"];
    let decided = advisor(dir.path(), &args);
    let decisions: std::collections::BTreeMap<String, Value> = decided
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| (row["event_id"].as_str().unwrap().to_owned(), row))
        .collect();
    let mut n_work = 0;
    let mut n_allowed = 0;
    let mut n_planted = 0;
    for line in &lines {
        let event: Value = serde_json::from_str(line).unwrap();
        let id = event["event_id"].as_str().unwrap();
        let is_ours = event["hostname"].as_str().unwrap().starts_with("backend");
        let Some(decision) = decisions.get(id).filter(|_| is_ours) else { continue };
        let passes = ["allow", "alert"].contains(&decision["decision"].as_str().unwrap());
        if planted.iter().any(|act| is_act(&event, act)) {
            n_planted += 1;
            assert!(!passes, "planted, and allowed: {line}");
        } else if event["event_type"] == "command_execution" && event["decision"] != "blocked" {
            n_work += 1;
            n_allowed += usize::from(passes);
        }
    }
    assert!(n_planted >= planted.len());
    assert!(n_work > 500 && n_allowed * 10 >= n_work * 8, "{n_allowed} of {n_work} pass");
}

/// Whether an event is a planted act: its session, and the act up to its first variable part.
fn is_act(event: &Value, act: &Value) -> bool {
    let text = match event["argv"].as_array().and_then(|argv| argv.last()) {
        Some(script) => script.as_str().unwrap().to_owned(),
        None => format!("{}/{}", event["mcp_server"], event["mcp_tool"]).replace('"', ""),
    };
    let head = act["act"].as_str().unwrap().split('{').next().unwrap();
    event["session_id"] == act["session_id"] && text.starts_with(head)
}
