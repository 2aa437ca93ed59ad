//! The risk that a rule declares: kept wherever the rule goes, and told by the severity of what it stops.
use serde_json::{Value, json};

use crate::cli::Advisor;

/// The id of the rule with a pattern.
fn id(role: &Value, pattern: &str) -> String {
    let lists = ["rules", "mcp_rules"].map(|it| role[it].as_array().unwrap());
    let rule = lists.into_iter().flatten().find(|it| it["pattern"] == pattern).unwrap();
    rule["rule_id"].as_str().unwrap().to_owned()
}

/// Patterns of a role with the risks that they declare.
fn declared(role: &Value) -> Vec<(String, Value)> {
    let lists = ["rules", "mcp_rules"].map(|it| role[it].as_array().unwrap());
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    lists.into_iter().flatten().map(|it| (text(&it["pattern"]), it["risk"].clone())).collect()
}

/// A role with rules that declare all kinds of risk, and one that declares none.
fn with_role() -> Advisor {
    let advisor = Advisor::new();
    let create = ["roles", "create", "web", "--default-action", "allow"];
    advisor.ok(&[&create[..], &["--add", "deny", "deploy *", "--risk", "critical"]].concat());
    for (pattern, risk) in [("brew *", "low"), ("make release *", "high")] {
        advisor.ok(&["roles", "edit", "web", "--add", "deny", pattern, "--risk", risk]);
    }
    advisor.ok(&["roles", "edit", "web", "--add", "deny", "tea *"]);
    let add = ["roles", "edit", "web", "--mcp", "--add", "deny", "pay/*", "--risk", "critical"];
    advisor.ok(&add);
    advisor
}

#[test]
fn a_declared_risk_goes_wherever_its_rule_goes() {
    let advisor = with_role();
    let role = advisor.json(&["roles", "export", "web"]);
    let want = [
        ("deploy *".to_owned(), json!("critical")),
        ("brew *".to_owned(), json!("low")),
        ("make release *".to_owned(), json!("high")),
        ("tea *".to_owned(), Value::Null),
        ("pay/*".to_owned(), json!("critical")),
    ];
    assert_eq!(declared(&role), want);
    let page = advisor.ok(&["roles", "show", "web"]);
    let line = page.lines().find(|it| it.contains("make release *")).unwrap();
    assert!(page.contains(" RISK") && line.trim_end().ends_with("high"), "{page}");
    // Out and in again, in the formats that say it.
    for format in ["role", "truvant", "truvant-yaml", "rego", "cedar"] {
        let text = advisor.ok(&["roles", "export", "web", "--format", format]);
        let file = advisor.write("role.txt", &text);
        advisor.ok(&["roles", "import", "--format", format, "--name", format, &file]);
        let mut back = declared(&advisor.json(&["roles", "export", format]));
        // The default of commands is a rule there.
        back.retain(|(pattern, _)| !["*", "*/*"].contains(&pattern.as_str()));
        let mut want = want.to_vec();
        if format == "cedar" {
            // What forbids stands first there.
            let key = |it: &(String, Value)| it.0.clone();
            back.sort_by_key(key);
            want.sort_by_key(key);
        }
        assert_eq!(back, want, "{format}");
    }
    // The others list it, and decide alike.
    for format in ["claude-code", "interven"] {
        let args = ["roles", "export", "web", "--format", format];
        let ended = advisor.run(&args);
        let n_rules = if format == "interven" { 1 } else { 4 };
        let n_told = ended.err.matches("has no declared risk").count();
        assert_eq!((ended.code, n_told), (1, n_rules), "{format} {ended:?}");
    }
    // Changed by the id of the rule; a revision says what was declared before.
    let deploy = id(&role, "deploy *");
    let pay = id(&role, "pay/*");
    advisor.ok(&[
        "roles",
        "edit",
        "web",
        "--declare",
        &deploy,
        "medium",
        "--declare",
        &pay,
        "none",
    ]);
    let changed = advisor.json(&["roles", "export", "web"]);
    assert_eq!(changed["revision"].as_u64(), role["revision"].as_u64().map(|it| it + 1));
    assert_eq!(declared(&changed)[0].1, "medium");
    assert_eq!(declared(&changed)[4].1, Value::Null);
    advisor.ok(&["roles", "clone", "web", "copy"]);
    assert_eq!(declared(&advisor.json(&["roles", "export", "copy"])), declared(&changed));
    advisor.ok(&["roles", "rollback", "web", &role["revision"].to_string()]);
    assert_eq!(declared(&advisor.json(&["roles", "export", "web"])), want);
    // What is no level, or no rule, is told.
    let told = advisor.fails(2, &["roles", "edit", "web", "--add", "deny", "x", "--risk", "grave"]);
    assert!(told.contains("grave"), "{told}");
    let told = advisor.fails(1, &["roles", "edit", "web", "--declare", &deploy, "grave"]);
    assert!(told.contains("no level of risk"), "{told}");
    let told = advisor.fails(1, &["roles", "edit", "web", "--declare", "r-99", "low"]);
    assert!(told.contains("has no rule `r-99`"), "{told}");
}

#[test]
fn what_a_rule_stops_is_as_severe_as_it_declares() {
    let advisor = with_role();
    let event = |n: usize, role: &str, rule: &str, decision: &str, command: &str| {
        json!({
            "schema_version": "1.0", "event_id": format!("e{n}"), "timestamp": format!("2026-03-01T09:00:{n:02}Z"),
            "hostname": "dev-1", "event_type": "command_execution", "binary": command.split(' ').next(),
            "command": command, "decision": decision, "rule": rule, "role": role, "agent": "Claude Code",
        })
    };
    let call = json!({
        "schema_version": "1.0", "event_id": "call", "timestamp": "2026-03-01T09:01:00Z", "hostname": "dev-1",
        "event_type": "mcp_tool_call", "mcp_server": "pay", "mcp_tool": "list", "decision": "would_block",
        "rule": "pay/*", "role": "web",
    });
    advisor.ok(&["roles", "create", "other"]);
    let cases = [
        ("web", "deploy *", "blocked", "deploy now", "critical"),
        ("web", "deploy *", "would_block", "deploy now", "critical"),
        ("web", "brew *", "blocked", "brew list", "warning"),
        ("web", "make release *", "would_block", "make release x", "warning"),
        ("web", "tea *", "blocked", "tea --green", "warning"),
        // Nothing lowers what a guard declares.
        ("web", "brew *", "blocked", "rm -rf /", "critical"),
        // The rule of another role declares nothing here.
        ("other", "deploy *", "blocked", "deploy now", "warning"),
        ("web", "*", "allowed", "tea --green", "info"),
    ];
    let lines: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(n, it)| event(n, it.0, it.1, it.2, it.3).to_string())
        .chain([call.to_string()])
        .collect();
    let input = advisor.write("events.ndjson", &(lines.join("\n") + "\n"));
    advisor.ok(&["ingest", &input]);
    let severities = || {
        let log = advisor.json(&["audit"]);
        let of = |id: &str| {
            let row = log.as_array().unwrap().iter().find(|it| it["event_id"] == id).unwrap();
            row["severity"].as_str().unwrap().to_owned()
        };
        let all = (0..cases.len()).map(|n| of(&format!("e{n}"))).chain([of("call")]);
        all.collect::<Vec<String>>()
    };
    let wanted: Vec<&str> = cases.iter().map(|it| it.4).chain(["critical"]).collect();
    assert_eq!(severities(), wanted);
    // Filters and counts know it, and so do alerts.
    let critical = advisor.json(&["audit", "--severity", "critical"]);
    assert_eq!(critical.as_array().unwrap().len(), 4);
    let counts = advisor.json(&["audit", "--count-by", "severity"]);
    assert!(
        counts.as_array().unwrap().contains(&json!({"value": "critical", "events": 4})),
        "{counts}"
    );
    advisor.ok(&["run"]);
    let alerts = advisor.json(&["alerts", "list"]);
    let of = |text: &str| {
        let found = alerts.as_array().unwrap().iter();
        let mut found =
            found.filter(|it| it["kind"] == "blocked_command" && it.to_string().contains(text));
        found.next().map(|it| it["severity"].clone())
    };
    assert_eq!(of("web stopped `deploy now"), Some(json!("critical")), "{alerts}");
    assert_eq!(of("web stopped `brew list"), Some(json!("warning")), "{alerts}");
    // What a rule declares is asked for when the log is looked at.
    let role = advisor.json(&["roles", "export", "web"]);
    advisor.ok(&["roles", "edit", "web", "--declare", &id(&role, "brew *"), "critical"]);
    assert_eq!(severities()[2], "critical");
}
