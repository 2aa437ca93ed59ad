//! Text of others is shown, not obeyed: no output holds a character that hides, turns or erases.
use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

/// One of each kind: controls, bidirectional, zero-width, joiners, tags, variation, separators.
const HIDDEN: &[char] = &[
    '\u{1b}',
    '\u{7}',
    '\u{8}',
    '\r',
    '\u{7f}',
    '\u{9b}',
    '\u{ad}',
    '\u{61c}',
    '\u{200b}',
    '\u{200d}',
    '\u{200e}',
    '\u{202a}',
    '\u{202e}',
    '\u{2028}',
    '\u{2060}',
    '\u{2066}',
    '\u{2069}',
    '\u{feff}',
    '\u{fe0f}',
    '\u{e0041}',
    '\u{e007f}',
    '\u{e0101}',
];

/// Whether a character may stand in no output: tabs and newlines of our own are fine.
fn is_hidden(ch: char) -> bool {
    ch.is_control() && !matches!(ch, '\n' | '\t') || HIDDEN.contains(&ch)
}

/// A text with one of each in it.
fn hostile(text: &str) -> String {
    let hidden: String = HIDDEN.iter().collect();
    format!("{text}{hidden}\n{text}")
}

/// Events with such text wherever the schema takes text.
fn events() -> Vec<Value> {
    let event = |id: &str, rest: Value| {
        let mut event = json!({
            "schema_version": "1.0", "event_id": format!("{id}{}", hostile("e")),
            "timestamp": "2026-01-05T12:00:00Z", "hostname": hostile("host"), "decision": "allowed",
            "agent": hostile("agent"), "session_id": format!("{id}{}", hostile("s")),
            "user": hostile("user"), "cwd": hostile("/home/u/p"), "rule": hostile("rule *"),
            hostile("unknown"): hostile("value"),
        });
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let command = |id: &str, argv: &[&str]| {
        let argv: Vec<String> = argv.iter().map(|it| hostile(it)).collect();
        let kind = "command_execution";
        event(id, json!({"event_type": kind, "binary": argv[0], "argv": argv}))
    };
    let script = |id: &str, script: &str| {
        let kind = "command_execution";
        let argv = ["bash", "-lc", script];
        event(id, json!({"event_type": kind, "binary": "bash", "argv": argv}))
    };
    let mut events: Vec<Value> = Vec::new();
    for at in 0..6 {
        events.push(command(&format!("a{at}"), &["tool", "run", "--flag", "x"]));
        events.push(script(&format!("b{at}"), &format!("git commit -m '{}'", hostile("text"))));
        events.push(script(&format!("c{at}"), &hostile("rm -rf $X; $(x) | sh; ls '")));
        events.push(event(
            &format!("d{at}"),
            json!({
                "event_type": "mcp_tool_call", "mcp_server": hostile("server"),
                "mcp_tool": hostile("delete_file"), "mcp_arguments": {hostile("path"): hostile("a")},
                "endpoint": hostile("https://x"), "trust_score": 3,
            }),
        ));
    }
    let mut rejected = command("r", &["x"]);
    rejected["decision"] = hostile("perhaps").into();
    events.push(rejected);
    events
}

fn run(data: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
    let output = command
        .env("ADVISOR_LOG", "trace")
        .arg("--data-dir")
        .arg(data)
        .args(args)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    let found: Vec<String> = text
        .iter()
        .flat_map(|it| it.lines())
        .filter(|it| it.contains(is_hidden))
        .map(|it| it.escape_debug().to_string())
        .collect();
    assert!(found.is_empty(), "{args:?}: {}", found.join("\n"));
    text.concat()
}

#[test]
fn no_output_holds_what_cannot_be_seen() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let input = home.path().join("events.ndjson");
    let lines: Vec<String> = events().iter().map(Value::to_string).collect();
    fs::write(&input, lines.join("\n") + "\n{\"broken\u{202e}\": \u{1b}[2J\n").unwrap();
    let rules = home.path().join("role.json");
    let role = json!({
        "name": hostile("role"), "mode": "enforce", "default_action": "deny",
        "rules": [
            {"rule_id": hostile("r1"), "pattern": hostile("tool *"), "action": "allow"},
            {"rule_id": hostile("r2"), "pattern": hostile("tool run *"), "action": "deny"},
        ],
    });
    fs::write(&rules, role.to_string()).unwrap();
    let (input, rules) = (input.to_str().unwrap(), rules.to_str().unwrap());
    let (strange_path, strange_role) = (hostile("no/such").replace('\n', ""), hostile("none"));
    let mut seen = run(&data, &["init"]);
    for args in [
        &["roles", "create", "r"][..],
        &["ingest", input, "--role", "r"],
        &["suggest", "--role", "r", "--explain"],
        &["suggestions", "list"],
        &["shapes", "--input", input],
        &["policy", "evaluate", "--policy", "builtin:coding-agents", "--input", input],
        &["policy", "evaluate", "--policy", rules, "--input", input],
        &["policy", "validate", rules],
        &["policy", "lint", rules],
        &["policy", "verify", rules],
        &["roles", "import", rules],
        &["roles", "list"],
        &["roles", "show", "r"],
        &["hosts", "list"],
        &["backtest", "--role", "r"],
        &["ingest", &strange_path],
        &["roles", "show", &strange_role],
        &["shapes", "--input", &strange_path],
        &["policy", "validate", &strange_path],
        &[&strange_role],
    ] {
        for output in ["table", "json", "ndjson", "csv"] {
            seen.push_str(&run(&data, &[args, &["--output", output]].concat()));
        }
    }
    // What was to be hidden was there to be shown.
    for escaped in ["\\u{202e}", "\\u202e", "\\u{1b}", "\\u001b", "\\u{e0041}"] {
        assert!(seen.contains(escaped), "{escaped} is nowhere");
    }
}
