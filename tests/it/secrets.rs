//! Secrets end at the door: planted in every form, they are in no file, no output and no log.
use std::{fs, path::Path};

use aho_corasick::AhoCorasick;
use assert_cmd::Command;
use parquet::file::reader::{FileReader, SerializedFileReader};
use policy_advisor::{
    commands::split,
    events::{Planted, planted},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Sets of secrets: three of each form, in five frames, or as many as a long run asks for.
fn seeds() -> std::ops::RangeInclusive<u64> {
    1..=std::env::var("ADVISOR_TEST_PLANTED_SETS").map_or(3, |it| it.parse().unwrap())
}

/// An event of its own for each frame that a text may stand in.
fn events(planted: &Planted, id: &str) -> Vec<Value> {
    let text = &planted.text;
    let mut frames = vec![
        json!({"binary": "bash", "argv": ["bash", "-lc", format!("cd x && {text} | head -5")]}),
        json!({"binary": "bash", "argv": ["bash", "-lc", format!("export X='1'\n{text}\nls")]}),
        json!({"mcp_server": "s", "mcp_tool": "run", "mcp_arguments": {"command": text, "n": 1}}),
        json!({"mcp_server": "s", "mcp_tool": "put", "mcp_arguments": {"a": [{"note": format!("see {text}")}]}}),
    ];
    if let Some(words) = split(text).filter(|it| it.first().is_some_and(|word| !word.is_empty())) {
        frames.push(json!({"binary": words[0], "argv": words}));
    }
    for (at, frame) in frames.iter_mut().enumerate() {
        let is_call = frame.get("mcp_tool").is_some();
        let kind = if is_call { "mcp_tool_call" } else { "command_execution" };
        frame["schema_version"] = "1.0".into();
        frame["event_id"] = format!("{id}-{at}").into();
        frame["timestamp"] = "2026-01-05T12:00:00Z".into();
        frame["hostname"] = "h".into();
        frame["event_type"] = kind.into();
        frame["decision"] = "allowed".into();
        frame["session_id"] = format!("s{at}").into();
    }
    frames
}

/// What the program printed, both streams, at its most talkative.
fn run(data: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
    command.env("ADVISOR_LOG", "trace").arg("--data-dir").arg(data).args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Every byte below a folder; Parquet files unpacked, too.
fn contents(folder: &Path) -> Vec<u8> {
    let mut res = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            res.extend(contents(&path));
            continue;
        }
        res.extend(fs::read(&path).unwrap());
        if path.extension().is_some_and(|it| it == "parquet") {
            let reader = SerializedFileReader::try_from(path.as_path()).unwrap();
            for row in reader.get_row_iter(None).unwrap() {
                res.extend(row.unwrap().to_string().into_bytes());
            }
        }
    }
    res
}

#[test]
fn planted_secrets_reach_neither_lake_nor_store_nor_output() {
    let home = TempDir::new().unwrap();
    let mut lines = Vec::new();
    let mut secrets: Vec<String> = Vec::new();
    let mut n_planted = 0;
    for seed in seeds() {
        for (at, planted) in planted(seed).iter().enumerate() {
            let events = events(planted, &format!("{seed}-{at}"));
            n_planted += events.len() * planted.secrets.len();
            lines.extend(events.iter().map(Value::to_string));
            secrets.extend(planted.secrets.iter().cloned());
        }
    }
    assert!(n_planted >= 2_000, "{n_planted} planted");
    let input = home.path().join("events.ndjson");
    fs::write(&input, lines.join("\n") + "\n").unwrap();
    let (input, data) = (input.to_str().unwrap(), home.path().join("data"));
    let mut seen = Vec::new();
    for args in [
        &["init"][..],
        &["roles", "create", "r"],
        &["ingest", input, "--role", "r", "--output", "json"],
        &["shapes", "--input", input, "--output", "ndjson"],
        &["shapes", "--input", input, "--output", "csv"],
        &[
            "policy",
            "evaluate",
            "--policy",
            "builtin:coding-agents",
            "--input",
            input,
            "--output",
            "ndjson",
        ],
        &["suggest", "--role", "r", "--explain", "--output", "json"],
    ] {
        seen.extend(run(&data, args).into_bytes());
    }
    let n_printed = seen.len();
    seen.extend(contents(&data));
    assert!(n_printed > 100_000 && seen.len() > n_printed + 100_000, "all of it was looked at");
    let mut found: Vec<&str> = AhoCorasick::new(&secrets)
        .unwrap()
        .find_overlapping_iter(&seen)
        .map(|hit| secrets[hit.pattern().as_usize()].as_str())
        .collect();
    found.sort_unstable();
    found.dedup();
    let leaked: Vec<String> = seeds()
        .flat_map(planted)
        .filter(|it| it.secrets.iter().any(|secret| found.contains(&secret.as_str())))
        .map(|it| format!("{}: {}", it.kind, it.text))
        .collect();
    println!("{n_planted} planted, {} of {} secrets found again", found.len(), secrets.len());
    assert!(found.len() * 100 <= secrets.len(), "{}", leaked.join("\n"));
    assert!(leaked.is_empty(), "{}", leaked.join("\n"));
}
