//! Records of other systems: what comes of the fixtures of each format, one by one and through ingest.
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use policy_advisor::{
    commands::canonical,
    events::Timestamp,
    inputs::{FileReader, Format, Found, Given, INPUTS, Input, Known, Notes, Parser, looks_like},
};
use serde_json::Value;

use crate::ingest::{Home, ids_in_lake};

/// Format, fixture, events as `line decision host session | act`, rejects as `line reason detail`,
/// how many records are passed over.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str], u64);

const CASES: &[Case] = &[
    (
        "claude-hooks",
        "good.jsonl",
        &[
            "2 allowed laptop-7 s-1 | bash -c 'git status --short'",
            r#"4 allowed laptop-7 s-1 | github/list_issues {"repo":"app","state":"open"}"#,
        ],
        &[],
        2,
    ),
    (
        "claude-hooks",
        "edges.jsonl",
        &[
            "1 blocked given s-2 | bash -c 'rm -rf build && make'",
            "3 allowed given s-2 | bash -c make",
            "4 allowed given s-2 | bash -c ls",
            "6 allowed given s-2 | bash -c ls",
        ],
        &["8 no_result"],
        0,
    ),
    (
        "claude-hooks",
        "requests.jsonl",
        &["1 allowed given s-3 | bash -c ls", "2 allowed given s-3 | bash -c pwd"],
        &[],
        0,
    ),
    (
        "claude-hooks",
        "without_ids.jsonl",
        &[
            "1 allowed given s-5 | bash -c 'git status'",
            "2 allowed given s-5 | bash -c 'git status'",
            "3 allowed given s-5 | bash -c 'git status'",
            "5 allowed given s-5 | bash -c make",
            "4 blocked given s-5 | bash -c make",
        ],
        &["8 no_result"],
        0,
    ),
    (
        "claude-hooks",
        "bad.jsonl",
        &["8 allowed given s-4 | bash -c 'ls -l'"],
        &[
            "1 not_json",
            "2 missing_field hook_event_name",
            "3 missing_field timestamp",
            "4 missing_field tool_input.command",
            "5 wrong_field timestamp",
            "6 duplicate_key session_id",
            "7 future_timestamp timestamp",
        ],
        0,
    ),
    (
        "claude-transcript",
        "good.jsonl",
        &[
            "3 allowed given s-1 | bash -c 'git status --short'",
            r#"3 allowed given s-1 | db/query {"sql":"SELECT 1"}"#,
        ],
        &[],
        2,
    ),
    (
        "claude-transcript",
        "edges.jsonl",
        &[
            "1 blocked given s-2 | bash -c 'git push --force'",
            "3 allowed given s-2 | bash -c 'make test'",
        ],
        &["7 no_result"],
        2,
    ),
    (
        "claude-transcript",
        "again.jsonl",
        &[
            "2 allowed given s-3 | bash -c dup2",
            "4 allowed given s-3 | bash -c ls",
            "6 allowed given s-3 | bash -c ls",
        ],
        &["1 no_result"],
        0,
    ),
    (
        "claude-transcript",
        "bad.jsonl",
        &[],
        &[
            "1 not_json",
            "2 missing_field type",
            "3 missing_field timestamp",
            "4 missing_field id",
            "5 wrong_field input.command",
            "6 missing_field sessionId",
        ],
        0,
    ),
    (
        "codex-rollout",
        "good.jsonl",
        &[
            "3 allowed given 0195-a | bash -lc 'pytest -q'",
            r#"5 allowed given 0195-a | github/create_issue {"title":"x"}"#,
        ],
        &[],
        2,
    ),
    (
        "codex-rollout",
        "edges.jsonl",
        &[
            "4 blocked given 0195-b | git push --force",
            "3 allowed given 0195-b | bash -c 'npm test'",
            "7 allowed given 0195-b | ls -la",
        ],
        &[],
        4,
    ),
    (
        "codex-rollout",
        "again.jsonl",
        &[
            "2 allowed given 0195-c | ls 0",
            "4 allowed given 0195-c | ls 1",
            "7 allowed given 0195-c | ls 2",
            "9 allowed given 0195-c | bash -c 'rm -rf /'",
        ],
        &["6 no_result"],
        5,
    ),
    (
        "codex-rollout",
        "bad.jsonl",
        &[],
        &[
            "1 missing_field session_meta",
            "3 wrong_field payload.arguments",
            "4 missing_field arguments.command",
            "5 wrong_field arguments.command",
            "6 missing_field timestamp",
            "7 missing_field payload",
            "8 no_result",
        ],
        1,
    ),
    ("ocsf", "good.jsonl", &["1 allowed build-7 s-1 | git commit -m 'fix it'"], &[], 2),
    (
        "ocsf",
        "edges.jsonl",
        &[
            "1 blocked prod-1 s-9 | rm -rf /",
            "2 allowed build-7 - | 'my tool' --x",
            "3 allowed given - | ls",
        ],
        &[],
        0,
    ),
    (
        "ocsf",
        "windows.jsonl",
        &[
            r"1 allowed win-1 - | cmd.exe /c 'del /q C:\build\*'",
            "2 allowed win-1 - | git.exe commit -m 'fix it'",
            r"3 allowed win-1 - | powershell.exe -File 'C:\x.ps1'",
        ],
        &[],
        0,
    ),
    (
        "ocsf",
        "bad.jsonl",
        &[],
        &[
            "1 missing_field class_uid",
            "2 wrong_field time",
            "3 missing_field time",
            "4 wrong_field process.cmd_line",
            "5 missing_field process.cmd_line",
            "6 not_json",
        ],
        0,
    ),
    (
        "tetragon",
        "good.jsonl",
        &["1 allowed mars - | git status --short", "2 allowed mars - | bash -c 'cd /srv && ls -l'"],
        &[],
        1,
    ),
    (
        "tetragon",
        "edges.jsonl",
        &["2 allowed mars - | true", r#"3 allowed given - | echo 'it'"'"'s' 'a b'"#],
        &[],
        2,
    ),
    (
        "tetragon",
        "bad.jsonl",
        &[],
        &[
            "1 missing_field process_exec",
            "2 wrong_field process.arguments is cut off",
            "3 missing_field process.binary",
            "4 missing_field time",
            "5 missing_field process_exec.process",
        ],
        0,
    ),
    ("falco", "good.jsonl", &["1 allowed node-3 - | bash -l"], &[], 1),
    (
        "falco",
        "edges.jsonl",
        &[
            "1 allowed node-3 - | nc -l 99",
            "2 allowed node-3 - | nc -l 99",
            "3 allowed given - | ls -l",
        ],
        &[],
        0,
    ),
    (
        "falco",
        "bad.jsonl",
        &[],
        &[
            "1 missing_field output_fields",
            "2 missing_field proc.cmdline",
            "3 missing_field time",
            "4 not_json",
            "5 wrong_field argv",
            "6 missing_field proc.cmdline",
        ],
        0,
    ),
    ("auditd", "good.log", &["1 allowed build-7 11 | rm -rf 'build out'"], &[], 1),
    (
        "auditd",
        "edges.log",
        &["1 allowed given - | echo 'nïv' '\"'", "9 allowed given - | git log"],
        &[],
        1,
    ),
    (
        "auditd",
        "bad.log",
        &["10 allowed h - | ls"],
        &[
            "1 not_a_record",
            "2 not_a_record",
            "3 missing_field a1",
            "5 invalid_utf8 a0",
            "7 wrong_field a0",
            "9 wrong_field argc",
            "11 duplicate_key a0",
        ],
        0,
    ),
];

fn fixture(format: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/inputs").join(format).join(name)
}

fn now() -> Timestamp {
    Timestamp::parse("2026-04-01T00:00:00Z").unwrap()
}

/// Everything that a file gives, and what was noted.
fn read(format: &'static Format, path: &Path) -> (Vec<Found>, Notes) {
    let given = Given { hostname: Some("given".to_owned()) };
    let (mut reader, format) =
        FileReader::open_as(&Input::from(path), &Known::default(), format).unwrap();
    let (mut found, mut notes) = (Vec::new(), Notes::default());
    let mut parser = Parser::new(format, &given, now());
    while let Some(block) = reader.next_block().unwrap() {
        for line in block.lines() {
            parser.line(line, &mut notes, &mut |it| found.push(it));
        }
    }
    parser.end(&mut notes, &mut |it| found.push(it));
    (found, notes)
}

#[test]
fn every_fixture_gives_what_it_holds() {
    for (format, name, events, rejects, n_passed_over) in CASES {
        let (found, notes) = read(Format::named(format).unwrap(), &fixture(format, name));
        let (mut told, mut refused) = (Vec::new(), Vec::new());
        for Found { place, result, excerpt } in found {
            match result {
                Ok(parsed) => {
                    let event = parsed.event;
                    let act = match (&event.mcp_server, &event.mcp_tool) {
                        (Some(server), Some(tool)) => {
                            format!("{server}/{tool} {}", event.mcp_arguments.unwrap())
                        }
                        _ => canonical(&event.argv),
                    };
                    let session = event.session_id.as_deref().unwrap_or("-");
                    let (line, host) = (place.number, &event.hostname);
                    told.push(format!("{line} {} {host} {session} | {act}", event.decision));
                }
                Err(fault) => {
                    assert!(!excerpt.is_empty(), "{format}/{name}: a reject shows its line");
                    let detail = fault.detail.map(|it| format!(" {it}")).unwrap_or_default();
                    refused.push(format!("{} {}{detail}", place.number, fault.reason));
                }
            }
        }
        assert_eq!(told, *events, "{format}/{name}");
        assert_eq!(refused, *rejects, "{format}/{name}");
        assert_eq!(notes.n_passed_over, *n_passed_over, "{format}/{name}");
    }
}

#[test]
fn every_format_has_three_fixtures_and_every_fixture_is_looked_at() {
    for format in INPUTS.iter().filter(|it| !matches!(it.name, "signal" | "auto")) {
        let dir = fixture(format.name, "");
        let files = fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name());
        let files: BTreeSet<String> = files.map(|it| it.into_string().unwrap()).collect();
        let looked_at = CASES.iter().filter(|it| it.0 == format.name);
        let looked_at: BTreeSet<String> = looked_at.map(|it| it.1.to_owned()).collect();
        assert_eq!(files, looked_at, "{}", format.name);
        assert!(files.len() >= 3, "{}", format.name);
    }
}

#[test]
fn what_is_certain_is_found_out_and_nothing_else() {
    let auto = Format::named("auto").unwrap();
    let what = |found: Vec<Found>| -> Vec<_> {
        found.into_iter().map(|it| (it.place, it.result)).collect()
    };
    for (format, name, ..) in CASES.iter().filter(|it| it.1.starts_with("good")) {
        let path = fixture(format, name);
        let (named, notes) = read(Format::named(format).unwrap(), &path);
        let (found, of_auto) = read(auto, &path);
        assert_eq!(what(found), what(named), "{format}/{name}");
        assert_eq!(of_auto.n_passed_over, notes.n_passed_over, "{format}/{name}");
        let text = fs::read(&path).unwrap();
        let mut reader = FileReader::open(&Input::from(path.as_path()), &Known::default()).unwrap();
        let block = reader.next_block().unwrap().unwrap();
        assert_eq!(looks_like(block.lines()).map(|it| it.name), Some(*format), "{}", text.len());
    }
    // Lines of two formats, and lines of none, are of none: they are read as signals, and rejected.
    let home = Home::new();
    let two = ["ocsf", "falco"].map(|it| fs::read_to_string(fixture(it, "good.jsonl")).unwrap());
    let signal = crate::ingest::events(0..3);
    for (name, text, n_events) in [
        ("two.jsonl", two.concat(), 0),
        ("none.jsonl", "{\"type\":\"user\"}\n{}\nx\n".to_owned(), 0),
        ("signal.jsonl", signal, 3),
    ] {
        let n_lines = text.lines().count();
        let (found, _) = read(auto, &home.write(name, text));
        assert_eq!(found.len(), n_lines, "{name}: nothing is passed over in silence");
        assert_eq!(found.iter().filter(|it| it.result.is_ok()).count(), n_events, "{name}");
    }
}

#[test]
fn a_file_of_another_format_is_told_by_name() {
    for (format, read_as, told) in [
        (
            "claude-transcript",
            "signal",
            "it looks like `claude-transcript`: --format claude-transcript",
        ),
        ("auditd", "signal", "it looks like `auditd`: --format auditd"),
        ("codex-rollout", "claude-transcript", "it looks like `codex-rollout`"),
    ] {
        let home = Home::new();
        home.store();
        let name = if format == "auditd" { "good.log" } else { "good.jsonl" };
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_advisor"));
        command.args(["ingest", "--format", read_as, "--host", "h"]).arg(fixture(format, name));
        let output =
            command.arg("--data-dir").arg(home.data()).assert().success().get_output().clone();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("gave no event") && text.contains(told), "{text}");
    }
}

#[test]
fn fields_are_where_they_belong() {
    let first = |format: &str, name: &str| {
        let (found, _) = read(Format::named(format).unwrap(), &fixture(format, name));
        found.into_iter().find_map(|it| it.result.ok()).unwrap().event
    };
    let event = first("auditd", "edges.log");
    assert_eq!(event.cwd.as_deref(), Some("/tmp/a b "));
    assert_eq!((event.binary.as_deref(), event.user.as_deref()), (Some("/bin/echo"), None));
    let event = first("auditd", "good.log");
    assert_eq!(
        (event.binary.as_deref(), event.user.as_deref()),
        (Some("/usr/bin/rm"), Some("1000"))
    );
    assert_eq!(event.timestamp.to_string(), "2026-03-02T09:00:00.123Z");
    let event = first("ocsf", "good.jsonl");
    assert_eq!(event.timestamp.to_string(), "2026-03-02T09:00:00.123Z");
    assert_eq!(event.severity.unwrap().as_str(), "info");
    assert_eq!(
        (event.binary.as_deref(), event.user.as_deref()),
        (Some("/usr/bin/git"), Some("ana"))
    );
    let event = first("falco", "good.jsonl");
    assert_eq!((event.cwd.as_deref(), event.rule), (Some("/srv/"), None));
    let event = first("codex-rollout", "good.jsonl");
    assert_eq!(event.cwd.as_deref(), Some("/srv/app/api"));
    assert_eq!(event.agent.as_deref(), Some("Codex CLI"));
    let event = first("codex-rollout", "edges.jsonl");
    assert_eq!(event.cwd.as_deref(), Some("/srv/web"));
    let event = first("tetragon", "good.jsonl");
    assert_eq!(
        (event.cwd.as_deref(), event.user.as_deref()),
        (Some("/home/dan/proj"), Some("1000"))
    );
    let event = first("claude-transcript", "good.jsonl");
    assert_eq!(
        (event.event_id.as_str(), event.agent.as_deref()),
        ("claude-code:toolu_1", Some("Claude Code"))
    );
}

/// The counts of an ingest: read, accepted, duplicates, rejected, passed over.
fn ingest(home: &Home, format: &str, path: &Path) -> [u64; 5] {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_advisor"));
    command.args(["ingest", "--format", format, "--host", "given", "--output", "json"]);
    command.arg(path).arg("--data-dir").arg(home.data());
    let output = command.assert().success().get_output().clone();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |name: &str| report[name].as_u64().unwrap();
    let counts = ["read", "accepted", "duplicates", "rejected", "passed_over"].map(count);
    assert_eq!(counts[0], counts[1] + counts[2] + counts[3], "{format}: {report}");
    counts
}

#[test]
fn counts_balance_and_a_second_reading_gives_nothing_new() {
    for (format, name, events, rejects, n_passed_over) in CASES {
        let home = Home::new();
        home.store();
        let text = fs::read(fixture(format, name)).unwrap();
        let path = home.write(name, &text);
        let counts = ingest(&home, format, &path);
        // One execution that met two rules is one event.
        let n_twice = u64::from((*format, *name) == ("falco", "edges.jsonl"));
        let (n_events, n_rejects) = (events.len() as u64, rejects.len() as u64);
        let wanted = [n_events + n_rejects, n_events - n_twice, n_twice, n_rejects, *n_passed_over];
        assert_eq!(counts, wanted, "{format}/{name}");
        let ids = ids_in_lake(home.data());
        // The same content under another name.
        let again = home.write(&format!("again-{name}"), &text);
        let [read, accepted, duplicates, ..] = ingest(&home, format, &again);
        assert_eq!((read, accepted, duplicates), (wanted[0], 0, n_events), "{format}/{name}");
        assert_eq!(ids_in_lake(home.data()), ids);
    }
}

#[test]
fn a_call_is_an_event_once_its_result_is_there() {
    let home = Home::new();
    home.store();
    let whole = fs::read_to_string(fixture("claude-transcript", "edges.jsonl")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let path = home.write("t.jsonl", lines[..3].join("\n") + "\n");
    assert_eq!(ingest(&home, "claude-transcript", &path), [2, 1, 0, 1, 0]);
    home.write("t.jsonl", lines[..4].join("\n") + "\n");
    assert_eq!(ingest(&home, "claude-transcript", &path), [2, 1, 1, 0, 0]);
}

/// Who read a file in the wrong format reads it in the right one: neither a signature nor a checkpoint of
/// the first time stands in the way.
#[test]
fn a_file_is_read_anew_in_another_format_and_only_then() {
    let home = Home::new();
    home.store();
    // A signature is believed once the file was left alone for two seconds.
    let settle = || std::thread::sleep(Duration::from_millis(2_100));
    let transcript = fs::read_to_string(fixture("claude-transcript", "edges.jsonl")).unwrap();
    let n_lines = transcript.lines().count() as u64;
    let path = home.write("t.jsonl", &transcript);
    settle();
    assert_eq!(ingest(&home, "signal", &path)[1..4], [0, 0, n_lines]);
    assert_eq!(ingest(&home, "signal", &path), [0; 5], "unchanged");
    let [_, accepted, ..] = ingest(&home, "auto", &path);
    assert!(accepted > 0, "what was taken for signals is read as what it is");
    assert_eq!(ingest(&home, "auto", &path), [0; 5], "unchanged");
    assert_eq!(ingest(&home, "claude-transcript", &path), [0; 5], "the same format by its name");
    // The other way round: signals are no executions that Falco saw, and none of them is lost by that.
    let path = home.write("s.log", crate::ingest::events(0..3));
    settle();
    let [_, accepted, ..] = ingest(&home, "falco", &path);
    assert_eq!(accepted, 0);
    assert_eq!(ingest(&home, "signal", &path), [3, 3, 0, 0, 0]);
    assert_eq!(ingest(&home, "signal", &path), [0; 5], "unchanged");
}

#[test]
fn what_has_grown_is_read_on_where_the_format_that_is_found_out_is_of_lines() {
    let home = Home::new();
    home.store();
    let signals = crate::ingest::events;
    let path = home.write("s.log", signals(0..3));
    assert_eq!(ingest(&home, "auto", &path), [3, 3, 0, 0, 0]);
    home.write("s.log", signals(0..5));
    assert_eq!(ingest(&home, "auto", &path), [2, 2, 0, 0, 0], "only what is new");
    let again = home.write("again.log", signals(0..5));
    assert_eq!(ingest(&home, "auto", &again), [0; 5], "the same under another name");
    // What the named format has read counts for the one that is found out, and the other way round.
    home.write("s.log", signals(0..6));
    assert_eq!(ingest(&home, "signal", &path), [1, 1, 0, 0, 0]);
    home.write("s.log", signals(0..8));
    assert_eq!(ingest(&home, "auto", &path), [2, 2, 0, 0, 0]);
    // Records that belong together are read from the beginning, together.
    let whole = fs::read_to_string(fixture("claude-transcript", "edges.jsonl")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let path = home.write("t.jsonl", lines[..3].join("\n") + "\n");
    assert_eq!(ingest(&home, "auto", &path), [2, 1, 0, 1, 0]);
    home.write("t.jsonl", lines[..4].join("\n") + "\n");
    assert_eq!(ingest(&home, "auto", &path), [2, 1, 1, 0, 0]);
    // So is a file of which nothing was certain before: nothing of it is lost.
    let path = home.write("u.jsonl", "{}\n");
    assert_eq!(ingest(&home, "auto", &path), [1, 0, 0, 1, 0]);
    home.write(
        "u.jsonl",
        "{}\n".to_owned() + &lines[..2].join("\n").replace("toolu_", "other_") + "\n",
    );
    let [_, accepted, ..] = ingest(&home, "auto", &path);
    let named = home.write("v.jsonl", lines[..2].join("\n").replace("toolu_", "other_") + "\n");
    let [_, more, duplicates, ..] = ingest(&home, "claude-transcript", &named);
    assert_eq!((more, accepted), (0, duplicates), "all there is of it");
    assert_eq!(crate::ingest::ids_in_lake(home.data()).len() as u64, 8 + 2 + accepted);
}

#[test]
fn a_format_that_names_no_host_asks_for_one() {
    let home = Home::new();
    home.store();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_advisor"));
    let path = fixture("codex-rollout", "good.jsonl");
    command.args(["ingest", "--format", "codex-rollout"]).arg(path);
    let output = command.arg("--data-dir").arg(home.data()).assert().code(2).get_output().clone();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("`codex-rollout` names no host: say which one with --host"), "{text}");
}
