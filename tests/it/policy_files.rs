//! policy.yaml and Interven's rules on the command line, as the pages of their users describe them.

use std::process::Command;

use crate::{
    cli::{Advisor, with_batch},
    formats::POLICIES,
};

fn call(id: &str, time: &str, server: &str, tool: &str, arguments: &serde_json::Value) -> String {
    serde_json::json!({
        "schema_version": "1.0", "event_id": id, "timestamp": time, "hostname": "dev-1",
        "event_type": "mcp_tool_call", "mcp_server": server, "mcp_tool": tool, "mcp_arguments": arguments,
        "decision": "allowed", "role": "support", "session_id": "s-1", "agent": "Claude Code",
    })
    .to_string()
}

fn support() -> String {
    format!("{POLICIES}support.policy.yaml")
}

/// What a report says is lost, by field.
fn lost_fields(report: &serde_json::Value) -> Vec<&str> {
    let losses = report["losses"].as_array().unwrap().iter();
    losses.map(|it| it["field"].as_str().unwrap()).collect()
}

#[test]
fn a_policy_is_begun_checked_and_never_written_over() {
    let advisor = Advisor::new();
    let file = advisor.write("x", "");
    let file = file.replace("/x", "/policy.yaml");
    advisor.ok(&["policy", "init", &file, "--name", "mine"]);
    advisor.ok(&["policy", "validate", &file]);
    assert!(advisor.fails(1, &["policy", "init", &file]).contains("policy.yaml"));
    let bad = advisor.write("bad.yaml", "meta:\n  schema_version: \"1.0\"\n  name: x\n  scope: agent\nforbidden:\n  - pattern: a\n    reason: b\n    severity: severe\n");
    let ended = advisor.run(&["policy", "validate", &bad, "--output", "json"]);
    assert_eq!(ended.code, 1);
    let problems: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let fields: Vec<(u64, &str)> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["line"].as_u64().unwrap(), it["field"].as_str().unwrap()))
        .collect();
    assert_eq!(fields, [(1, "defaults"), (8, "forbidden[0].severity")]);
}

#[test]
fn tools_are_judged_by_capabilities_forbidden_rules_and_triggers() {
    let advisor = Advisor::new();
    let tools =
        "mcp__browser__click,mcp__filesystem__delete_file,mcp__payment__refund,mcp__jira__get";
    let ended = advisor.run(&[
        "policy",
        "evaluate",
        "--policy",
        &support(),
        "--tools",
        tools,
        "--output",
        "json",
    ]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let said: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(said["verdict"], "fail");
    let rows = said["tools"].as_array().unwrap();
    let got: Vec<(&str, Option<&str>)> = rows
        .iter()
        .map(|it| (it["verdict"].as_str().unwrap(), it["findings"][0]["type"].as_str()))
        .collect();
    assert_eq!(
        got,
        [
            ("pass", None),
            ("fail", Some("forbidden")),
            ("warn", Some("unmapped_tool")),
            ("warn", Some("unmapped_tool")),
        ]
    );
    assert_eq!(rows[2]["findings"][1]["type"], "escalation_triggered");
    // A card that lacks the action of a capability.
    let card = advisor.write("card.json", r#"{"autonomy_envelope": {"bounded_actions": ["read", "web_fetch", "web_search", "chat"]}}"#);
    let args = [
        "policy",
        "evaluate",
        "--policy",
        &support(),
        "--card",
        &card,
        "--output",
        "json",
        "--tools",
    ];
    let ended = advisor.run(&[&args[..], &["mcp__filesystem__write_file"]].concat());
    assert!(ended.code == 1 && ended.out.contains("capability_exceeded"), "{ended:?}");
    let covered = advisor.json(&["policy", "coverage", "--policy", &support(), "--card", &card]);
    assert_eq!(covered["coverage_pct"], 75.0);
    assert_eq!(covered["unmapped_card_actions"], serde_json::json!(["chat"]));
    let args = ["policy", "coverage", "--policy", &support(), "--card", &card, "--at-least", "90"];
    assert_eq!(advisor.run(&args).code, 1);
}

#[test]
fn recent_activity_shows_unmapped_tools_and_new_ones_have_their_grace() {
    let advisor = Advisor::new();
    let none = serde_json::json!({});
    let events = [
        call("1", "2026-03-01T09:00:00Z", "browser", "click", &none),
        call("2", "2026-03-01T09:01:00Z", "jira", "get_issue", &none),
        call("3", "2026-03-03T09:00:00Z", "wiki", "search", &none),
        call("4", "2026-03-03T10:00:00Z", "browser", "click", &none),
    ];
    let input = advisor.write("events.ndjson", &events.join("\n"));
    let strict = std::fs::read_to_string(support()).unwrap();
    let strict = strict.replace("unmapped_tool_action: warn", "unmapped_tool_action: deny");
    let strict = strict.replace("unmapped_severity: medium", "unmapped_severity: high");
    let strict = advisor.write("strict.yaml", &strict);
    let args = ["policy", "test", "--policy", &strict, "--input", &input, "--output", "json"];
    let ended = advisor.run(&args);
    assert_eq!(ended.code, 1, "{ended:?}");
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        report["unmapped"],
        serde_json::json!(["mcp__jira__get_issue", "mcp__wiki__search"])
    );
    let verdicts: Vec<(&str, &str)> = report["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["tool"].as_str().unwrap(), it["verdict"].as_str().unwrap()))
        .collect();
    // The wiki was first seen an hour before the last event: it has its grace period.
    assert_eq!(
        verdicts,
        [
            ("mcp__jira__get_issue", "fail"),
            ("mcp__wiki__search", "warn"),
            ("mcp__browser__click", "pass"),
        ]
    );
    let limited = advisor.json(&[&args[..6], &["--limit", "1"]].concat());
    assert_eq!(limited["tools"].as_array().unwrap().len(), 1);
    // What is recommended from this activity is valid and says nothing against it.
    let policy = advisor.ok(&["policy", "recommend", "--input", &input]);
    assert!(policy.starts_with("# capability_mappings: "), "{policy}");
    let policy = advisor.write("recommended.yaml", &policy);
    advisor.ok(&["policy", "validate", &policy]);
    let report = advisor.json(&["policy", "test", "--policy", &policy, "--input", &input]);
    assert_eq!(report["unmapped"], serde_json::json!([]));
    assert_ne!(report["verdict"], "fail");
}

#[test]
fn an_agent_strengthens_the_organization_and_never_weakens_it() {
    let advisor = Advisor::new();
    let org = advisor.write("org.yaml", "meta: {schema_version: \"1.0\", name: org, scope: org}\ncapability_mappings:\n  files: {tools: [mcp__fs__read], card_actions: [read]}\nforbidden:\n  - {pattern: mcp__admin__*, reason: never, severity: high}\ndefaults: {unmapped_tool_action: deny, unmapped_severity: high, fail_open: false, enforcement_mode: enforce, grace_period_hours: 4}\n");
    let agent = advisor.write("agent.yaml", "meta: {schema_version: \"1.0\", name: agent, scope: agent}\ncapability_mappings:\n  files: {tools: [mcp__fs__list], card_actions: [list]}\n  web: {tools: [mcp__web__get], card_actions: [fetch]}\nforbidden:\n  - {pattern: mcp__admin__*, reason: twice, severity: low}\nescalation_triggers:\n  - {condition: \"tool_matches('mcp__pay__*')\", action: escalate, reason: money}\ndefaults: {unmapped_tool_action: allow, unmapped_severity: critical, fail_open: true, enforcement_mode: warn, grace_period_hours: 24}\n");
    let merged = advisor.json(&["policy", "merge", "--floor", &org, "--policy", &agent]);
    assert_eq!(
        merged["capability_mappings"]["files"]["tools"],
        serde_json::json!(["mcp__fs__read", "mcp__fs__list"])
    );
    assert_eq!(merged["capability_mappings"]["web"]["tools"], serde_json::json!(["mcp__web__get"]));
    assert_eq!(
        merged["forbidden"],
        serde_json::json!([{"pattern": "mcp__admin__*", "reason": "never", "severity": "high"}])
    );
    assert_eq!(merged["escalation_triggers"].as_array().unwrap().len(), 1);
    assert_eq!(
        merged["defaults"],
        serde_json::json!({
            "unmapped_tool_action": "deny", "unmapped_severity": "critical", "fail_open": false,
            "enforcement_mode": "enforce", "grace_period_hours": 4,
        })
    );
    let held = advisor.json(&["policy", "merge", "--floor", &org, "--policy", &agent, "--report"]);
    let fields: Vec<&str> =
        held.as_array().unwrap().iter().map(|it| it["field"].as_str().unwrap()).collect();
    assert_eq!(
        fields,
        [
            "defaults.unmapped_tool_action",
            "defaults.fail_open",
            "defaults.enforcement_mode",
            "defaults.grace_period_hours",
        ]
    );
}

#[test]
fn intervens_conditions_are_asked_of_events() {
    let advisor = Advisor::new();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let mut events = vec![
        call(
            "plain",
            "2026-03-01T09:00:00Z",
            "slack",
            "post_message",
            &json(r##"{"channel": "#team", "text": "all good"}"##),
        ),
        call(
            "internal",
            "2026-03-01T09:00:01Z",
            "slack",
            "post_message",
            &json(r#"{"text": "This is INTERNAL ONLY"}"#),
        ),
        call(
            "pii",
            "2026-03-01T09:00:02Z",
            "slack",
            "post_message",
            &json(r#"{"text": "write to jo@example.com"}"#),
        ),
        call(
            "outside",
            "2026-03-01T09:00:03Z",
            "gmail",
            "send",
            &json(r#"{"to": "x@elsewhere.org", "body": "hi"}"#),
        ),
        call(
            "inside",
            "2026-03-01T09:00:04Z",
            "gmail",
            "send",
            &json(r#"{"to": "x@mail.acme.com", "body": "hi"}"#),
        ),
        call(
            "new",
            "2026-03-01T09:00:05Z",
            "github",
            "create_issue",
            &json(r#"{"owner": "acme", "repo": "site"}"#),
        ),
        call(
            "known",
            "2026-03-01T09:00:06Z",
            "github",
            "create_issue",
            &json(r#"{"owner": "acme", "repo": "site"}"#),
        ),
        call(
            "alerts",
            "2026-03-01T09:00:07Z",
            "slack",
            "delete_message",
            &json(r##"{"channel": "#alerts-eu"}"##),
        ),
        call(
            "both",
            "2026-03-01T09:00:08Z",
            "slack",
            "post_message",
            &json(r#"{"text": "jo@example.com, do not share"}"#),
        ),
    ];
    for hour in 10..16 {
        for n in 0..5 {
            let id = format!("h{hour}-{n}");
            events.push(call(
                &id,
                &format!("2026-03-01T{hour}:00:0{n}Z"),
                "wiki",
                "get",
                &json("{}"),
            ));
        }
    }
    for n in 10..40 {
        events.push(call(
            &format!("burst-{n}"),
            &format!("2026-03-01T17:00:{n}Z"),
            "wiki",
            "get",
            &json("{}"),
        ));
    }
    let input = advisor.write("events.ndjson", &events.join("\n"));
    let rules = advisor.write("rules.json", r##"{"name": "all conditions", "rules": [
      {"rule_id": "sanitize", "priority": 5, "match": {"tool_name": "slack"}, "condition": {"has_data_class": ["PII"]}, "action": "SANITIZE", "sanitize_fields": ["text"]},
      {"rule_id": "words", "priority": 10, "match": {"tool_name": "slack", "operations": ["post_message"]}, "condition": {"body_contains_any": ["internal only", "do not share"]}, "action": "DENY"},
      {"rule_id": "external", "priority": 20, "match": {"verbs": ["WRITE"]}, "condition": {"is_external_principal": true}, "action": "REQUIRE_APPROVAL"},
      {"rule_id": "first", "priority": 30, "match": {"repo_patterns": ["acme/*"]}, "condition": {"new_resource": true}, "action": "REQUIRE_APPROVAL"},
      {"rule_id": "alerts", "priority": 40, "match": {"channel_patterns": ["#alerts*"]}, "action": "DENY"},
      {"rule_id": "burst", "priority": 50, "match": {}, "condition": {"volume_burst": true}, "action": "REQUIRE_APPROVAL"},
      {"rule_id": "off", "priority": 1, "match": {}, "action": "DENY", "enabled": false}]}"##);
    let args =
        ["policy", "evaluate", "--policy", &rules, "--format", "interven", "--input", &input];
    assert!(advisor.fails(2, &args).contains("asks who is external"));
    let said = advisor.json(&[&args[..], &["--own-domain", "acme.com"]].concat());
    let of = |id: &str| {
        let row = said.as_array().unwrap().iter().find(|it| it["event_id"] == id).unwrap();
        (row["decision"].as_str().unwrap().to_owned(), row["rule"].as_str().map(str::to_owned))
    };
    for (id, decision, rule) in [
        ("plain", "allow", None),
        ("internal", "deny", Some("words")),
        ("pii", "redact", Some("sanitize")),
        ("outside", "require_approval", Some("external")),
        ("inside", "allow", None),
        ("new", "require_approval", Some("first")),
        // What was held has touched nothing: trying twice is no way round.
        ("known", "require_approval", Some("first")),
        ("alerts", "deny", Some("alerts")),
        // A DENY goes before what has the lower priority number.
        ("both", "deny", Some("words")),
        ("h15-4", "allow", None),
        ("burst-12", "allow", None),
        ("burst-39", "require_approval", Some("burst")),
    ] {
        assert_eq!(of(id), (decision.to_owned(), rule.map(str::to_owned)), "{id}");
    }
    // What is in the lake was before: the repository is known then.
    let earlier = call(
        "e",
        "2026-02-28T09:00:00Z",
        "github",
        "create_issue",
        &json(r#"{"owner": "acme", "repo": "site"}"#),
    );
    let earlier = advisor.write("earlier.ndjson", &earlier);
    advisor.ok(&["ingest", &earlier]);
    let said =
        advisor.json(&[&args[..], &["--own-domain", "acme.com", "--history", "lake"]].concat());
    let row = said.as_array().unwrap().iter().find(|it| it["event_id"] == "new").unwrap();
    assert_eq!((&row["decision"], &row["rule"]), (&"allow".into(), &serde_json::Value::Null));
    // The starter rules have a name of their own.
    let said = advisor.json(&[
        "policy",
        "evaluate",
        "--policy",
        "builtin:interven-starter",
        "--input",
        &input,
    ]);
    let row = said.as_array().unwrap().iter().find(|it| it["event_id"] == "pii").unwrap();
    assert_eq!((&row["decision"], &row["rule"]), (&"redact".into(), &"P5-slack-pii-egress".into()));
}

#[test]
fn no_spelling_of_a_name_gets_past_intervens_rules() {
    let advisor = Advisor::new();
    let none = serde_json::json!({});
    let channel = serde_json::json!({"channel": "#Alerts-EU"});
    let repository = serde_json::json!({"owner": "ACME", "repo": "Secrets-1"});
    let calls = [
        ("Slack", "POST_MESSAGE", &none, Some("post")),
        ("slack", "post_message", &none, Some("post")),
        ("slack", "post_messages", &none, None),
        ("GitHub", "List_Issues", &none, Some("issues")),
        ("github", "createIssue", &none, Some("issues")),
        ("github", "get_tissues", &none, None),
        ("github", "reissue", &none, None),
        ("mail", "get", &channel, Some("channel")),
        ("git", "get", &repository, Some("repository")),
        ("wiki", "get", &none, None),
    ];
    let lines: Vec<String> = calls
        .iter()
        .enumerate()
        .map(|(n, (server, tool, body, _))| {
            call(&format!("e{n}"), &format!("2026-03-01T09:00:0{n}Z"), server, tool, body)
        })
        .collect();
    let input = advisor.write("events.ndjson", &lines.join("\n"));
    let rules = advisor.write("rules.json", r##"{"name": "x", "rules": [
      {"rule_id": "post", "priority": 1, "match": {"tool_name": "slack", "operations": ["post_message"]}, "action": "DENY"},
      {"rule_id": "issues", "priority": 2, "match": {"tool_name": "GITHUB", "operations": ["category:issues"]}, "action": "DENY"},
      {"rule_id": "channel", "priority": 3, "match": {"channel_patterns": ["#alerts*"]}, "action": "DENY"},
      {"rule_id": "repository", "priority": 4, "match": {"org_patterns": ["acme/*"], "repo_patterns": ["acme/secrets-?"]}, "action": "DENY"},
      {"rule_id": "none", "priority": 5, "match": {"tool_name": "wiki", "operations": []}, "action": "DENY"},
      {"rule_id": "all", "priority": 6, "match": {"verbs": []}, "action": "DENY"}]}"##);
    let args =
        ["policy", "evaluate", "--policy", &rules, "--format", "interven", "--input", &input];
    let said = advisor.json(&args);
    let said: Vec<Option<&str>> =
        said.as_array().unwrap().iter().map(|it| it["rule"].as_str()).collect();
    let wanted: Vec<Option<&str>> = calls.iter().map(|it| it.3).collect();
    assert_eq!(said, wanted);
    // What can hold for nothing is told wherever the rules are looked at.
    let ended = advisor.run(&args);
    assert!(ended.err.contains("rules[4].match.operations is empty"), "{ended:?}");
    let ended = advisor.run(&["policy", "validate", "--format", "interven", &rules]);
    assert!(ended.code == 0 && ended.err.contains("rules[5].match.verbs"), "{ended:?}");
    let ended = advisor.run(&["roles", "import", "--format", "interven", &rules]);
    assert!(ended.code == 1 && ended.err.contains("names nothing"), "{ended:?}");
}

#[test]
fn secrets_are_held_by_a_role_as_by_the_rules_it_was_made_of() {
    let advisor = Advisor::new();
    let secrets = [
        "ghp_a1B2c3D4a1B2c3D4a1B2c3D4a1B2c3D4abcd",
        "AKIAIOSFODNN7EXAMPLE secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    ];
    let text = |text: &str| serde_json::json!({"channel": "#team", "text": format!("use {text}")});
    let at = |n: usize| format!("2026-03-01T09:00:0{n}Z");
    let mut events: Vec<String> = Vec::new();
    for (n, it) in secrets.iter().chain(&["plain words"]).enumerate() {
        events.push(call(&format!("e{n}"), &at(n), "slack", "post_message", &text(it)));
    }
    let input = advisor.write("events.ndjson", &(events.join("\n") + "\n"));
    let rules = advisor.write("rules.json", r#"{"name": "slack", "rules": [{"rule_id": "s", "priority": 5,
      "match": {"tool_name": "slack"}, "condition": {"has_data_class": ["SECRETS"]}, "action": "DENY"}]}"#);
    let decisions = |args: &[&str]| -> Vec<String> {
        let said = advisor.json(&[&["policy", "evaluate", "--input", &input][..], args].concat());
        said.as_array()
            .unwrap()
            .iter()
            .map(|it| it["decision"].as_str().unwrap().to_owned())
            .collect()
    };
    let by_rules = decisions(&["--policy", &rules, "--format", "interven"]);
    assert_eq!(by_rules, ["deny", "deny", "deny", "allow"]);
    advisor.ok(&["roles", "import", "--format", "interven", &rules]);
    assert_eq!(decisions(&["--role", "slack"]), by_rules);
    let back = advisor.ok(&["roles", "export", "slack", "--format", "interven", "--allow-loss"]);
    assert!(back.matches("SECRETS").count() == 1 && !back.contains("risk_signal"), "{back}");
    // What holds no secret in its arguments, and what they say, is not told by names of arguments.
    let ended =
        advisor.run(&["policy", "test", "--policy", "builtin:interven-starter", "--input", &input]);
    assert!(ended.err.contains("only their names are kept"), "{ended:?}");
    // What no role can ask is told.
    let rules = advisor.write("pii.json", r#"{"name": "pii", "rules": [{"rule_id": "p", "priority": 5,
      "match": {"tool_name": "slack"}, "condition": {"has_data_class": ["PII"]}, "action": "DENY"}]}"#);
    let told = advisor.fails(1, &["roles", "import", "--format", "interven", &rules]);
    assert!(told.contains("PII in a body"), "{told}");
}

#[test]
fn a_name_that_is_a_glob_is_recommended_nowhere() {
    let advisor = Advisor::new();
    let none = serde_json::json!({});
    let names = [("*", "*"), ("evil", "*"), ("ev?l", "read"), ("it's", "x"), ("wiki", "read")];
    let events: Vec<String> = names
        .iter()
        .enumerate()
        .flat_map(|(n, (server, tool))| {
            let allowed =
                call(&format!("e{n}"), &format!("2026-03-01T09:00:0{n}Z"), server, tool, &none);
            let id = (format!("\"e{n}\""), format!("\"b{n}\""));
            let blocked = allowed.replace("allowed", "blocked").replace(&id.0, &id.1);
            [allowed, blocked]
        })
        .collect();
    let input = advisor.write("events.ndjson", &(events.join("\n") + "\n"));
    let ended = advisor.run(&["policy", "recommend", "--input", &input]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("mcp__wiki__read"), "{}", ended.out);
    for text in ["mcp__*", "__*", "ev?l", "it's"] {
        assert!(!ended.out.contains(text), "{text}: {}", ended.out);
    }
    assert!(ended.err.matches("is left out").count() == 4, "{}", ended.err);
}

#[test]
fn options_that_decide_nothing_are_refused_and_the_others_decide() {
    let advisor = Advisor::new();
    let none = serde_json::json!({});
    let event = call("e", "2026-03-01T09:00:00Z", "unheard", "of", &none);
    let input = advisor.write("events.ndjson", &(event + "\n"));
    let policy = support();
    let role = advisor.write("role.json", r#"{"name": "r"}"#);
    let card = advisor.write("card.json", r#"{"bounded_actions": ["read"]}"#);
    for (args, told) in [
        (&["evaluate", "--policy", &policy, "--card", &card, "--input", &input][..], "--card"),
        (
            &["evaluate", "--policy", &role, "--own-domain", "a.com", "--input", &input],
            "--own-domain",
        ),
        (&["evaluate", "--policy", &role, "--history", "lake", "--input", &input], "--history"),
        (&["coverage", "--policy", &policy, "--card", &card, "--at-least", "900"], "from 0 to 100"),
        (&["coverage", "--policy", &policy, "--card", &card, "--at-least", "NaN"], "from 0 to 100"),
        (&["evaluate", "--policy", "builtin:interven-starter", "--tools", "mcp__a__b"], "--input"),
    ] {
        let text = advisor.fails(2, &[&["policy"][..], args].concat());
        assert!(text.contains(told), "{args:?}: {text}");
    }
    let test = ["policy", "test", "--policy", &policy, "--input", &input];
    let text = advisor.run(&[&test[..], &["--output", "json"]].concat());
    let verdict: serde_json::Value = serde_json::from_str(&text.out).unwrap();
    let verdict = verdict["verdict"].as_str().unwrap().to_owned();
    for grade in ["pass", "warn", "fail"] {
        let shown = advisor.run(&[&test[..], &["--grade", grade, "--output", "ndjson"]].concat());
        assert_eq!(shown.out.lines().count(), usize::from(grade == verdict), "{shown:?}");
    }
    let warns = advisor.write(
        "warns.yaml",
        "meta:\n  schema_version: \"1.0\"\n  name: w\n  scope: agent\ndefaults:\n  unmapped_tool_action: warn\n  unmapped_severity: low\n  fail_open: false\n",
    );
    let test = ["policy", "test", "--policy", &warns, "--input", &input];
    assert_eq!(advisor.run(&test).code, 0);
    assert_eq!(advisor.run(&[&test[..], &["--deny-warnings"]].concat()).code, 1);
    let ended = advisor.run(&["policy", "init", &role.replace("role.json", "no/where.yaml")]);
    assert!(ended.code == 1 && ended.err.contains("hint: its directory is not there"), "{ended:?}");
}

#[test]
fn a_role_goes_to_other_systems_and_comes_back() {
    let advisor = Advisor::new();
    let role = advisor.write(
        "r.json",
        r#"{"name": "dev", "mode": "enforce", "rules": [
      {"pattern": "git push *--force*", "action": "deny"}, {"pattern": "git *", "action": "allow"}],
     "mcp_rules": [{"pattern": "github/*", "action": "allow"}]}"#,
    );
    advisor.ok(&["roles", "import", &role]);
    let text = advisor.ok(&["roles", "export", "dev", "--format", "claude-code"]);
    let settings = advisor.write("settings.json", &text);
    let args = ["roles", "import", "--format", "claude-code", "--name", "dev-claude", &settings];
    advisor.ok(&args);
    let same = advisor.json(&["policy", "diff", "dev", "dev-claude"]);
    assert_eq!(same, serde_json::json!([]));
    // What prefix rules cannot say is listed, and nothing is printed without leave.
    let args = ["policy", "convert", "--from", "role", "--to", "codex", &role];
    assert_eq!(
        advisor.fails(1, &args),
        "lost: mcp_rules[0] allow `github/*`: the format does not decide on calls (MILDER)"
    );
    let report = advisor.json(&[&args[..], &["--allow-loss"]].concat());
    let lost = lost_fields(&report);
    assert_eq!(lost, ["mcp_rules[0]", "default_action", "rules[0]", "rules[1]"]);
    assert_eq!(report["equivalence"], "different");
    let report = advisor.json(&["policy", "convert", "--from", "role", "--to", "cedar", &role]);
    assert_eq!(
        (&report["equivalence"], &report["losses"]),
        (&"proved".into(), &serde_json::json!([]))
    );
    // A broken file of each format: file, line and field.
    let bad = advisor.write("bad.json", "{\"permissions\":\n{\"deny\": [\"Bash(\"]}}");
    let first = advisor.fails(1, &["roles", "import", "--format", "claude-code", &bad]);
    assert!(first.contains("line 2: permissions.deny[0]"), "{first}");
}

#[test]
fn a_patch_keeps_what_is_no_business_of_the_role() {
    let advisor = with_batch();
    let repository = tempfile::tempdir().unwrap();
    let settings = repository.path().join(".claude/settings.json");
    std::fs::create_dir(repository.path().join(".claude")).unwrap();
    let export = |more: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_advisor"))
            .env_clear()
            .env("ADVISOR_DATA_DIR", advisor.data_dir())
            .current_dir(repository.path())
            .args(["suggestions", "export", "3f2a", "--all", "--allow-loss", "--patch"])
            .args(more)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
    };
    let claude = ["--format", "claude-code"];
    let text = "{\n\t\"n\": 12345678901234567890123,\n\t\"permissions\": {\n\t\t\"deny\": [\"Read(./.env)\", \"WebFetch\"]\n\t}\n}\n";
    std::fs::write(&settings, text).unwrap();
    let (code, patch, err) = export(&claude);
    assert_eq!(code, 0, "{err}");
    let after: Vec<&str> = patch
        .lines()
        .filter(|it| !it.starts_with("+++"))
        .filter_map(|it| it.strip_prefix('+').or_else(|| it.strip_prefix(' ')))
        .collect();
    let after: serde_json::Value = serde_json::from_str(&after.join("\n")).unwrap();
    let denied = after["permissions"]["deny"].to_string();
    assert!(denied.starts_with(r#"["Read(./.env)","WebFetch""#), "{patch}");
    assert!(after["permissions"]["allow"].to_string().contains("Bash("), "{patch}");
    assert!(!patch.contains("-\t\"n\"") && patch.contains("\t\t\"allow\""), "{patch}");
    // What cannot be read is not written over.
    for (text, place) in [
        ("{\n  // mine\n  \"permissions\": {\"deny\": [\"WebFetch\"]}\n}\n", "line 2: "),
        ("{\"permissions\": [\"x\"]}", "line 1: permissions: is a list, not an object"),
    ] {
        std::fs::write(&settings, text).unwrap();
        let (code, out, err) = export(&claude);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(place) && err.contains("hint: "), "{err}");
    }
    // A path is one of the repository.
    for path in ["/etc/hostname", "../x", "a/../../x", "a\nb"] {
        let (code, out, err) = export(&["--format", "codex", "--path", path]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("is no path of a file below"), "{err}");
    }
}

#[test]
fn a_policy_as_json_is_known_by_what_it_holds_and_what_is_not_asked_is_told() {
    let advisor = Advisor::new();
    let text = advisor.ok(&[
        "policy",
        "convert",
        "--from",
        "policy-yaml",
        "--to",
        "policy-json",
        &support(),
    ]);
    let file = advisor.write("sp.json", &text);
    let ended = advisor.run(&["policy", "validate", &file]);
    assert!(ended.code == 0 && ended.err.contains("`support-agent-policy` is valid"), "{ended:?}");
    let none = serde_json::json!({});
    let event = call("1", "2026-03-01T09:00:00Z", "browser", "click", &none);
    let input = advisor.write("events.ndjson", &event);
    let tested = advisor.json(&["policy", "test", "--policy", &file, "--input", &input]);
    assert_eq!((&tested["verdict"], &tested["warnings"]), (&"pass".into(), &serde_json::json!([])));
    let merged = advisor.json(&["policy", "merge", "--floor", &file, "--policy", &file]);
    assert_eq!(merged["meta"]["name"], "support-agent-policy+support-agent-policy");
    let yaml = std::fs::read_to_string(support()).unwrap();
    let odd =
        yaml.replace("tool_matches('mcp__payment__*')", "tool_matches('mcp__payment__*') and x");
    let odd = advisor.write("odd.yaml", &odd);
    let ended =
        advisor.run(&["policy", "evaluate", "--policy", &odd, "--tools", "mcp__payment__x"]);
    assert!(ended.err.contains("is not understood and never holds"), "{ended:?}");
    let ended = advisor.run(&["policy", "test", "--policy", &odd, "--input", &input]);
    assert!(ended.err.contains("is not understood and never holds"), "{ended:?}");
}

#[test]
fn rules_that_never_fire_and_twofold_losses_are_told() {
    let advisor = Advisor::new();
    let odd = advisor.write(
        "odd.json",
        r#"{"name": "r", "rules": [{"pattern": "git \"x\" *", "action": "deny"}]}"#,
    );
    let told = "has rule 1, deny `git \"x\" *`, which can never fire: no command matches it";
    for args in [
        &["policy", "validate", &odd][..],
        &["policy", "convert", "--from", "role", "--to", "rego", &odd],
        &["roles", "import", &odd],
    ] {
        let ended = advisor.run(args);
        assert!(ended.code == 0 && ended.err.contains(told), "{ended:?}");
    }
    let settings = advisor.write("settings.json", r#"{"permissions": {"deny": ["Bash(rm:*)"]}}"#);
    let args = ["policy", "convert", "--from", "claude-code", "--to", "role", &settings];
    let ended = advisor.run(&args);
    assert!(ended.code == 0 && ended.err.contains("denies hold further here"), "{ended:?}");
    // An alert that stands before a deny becomes an allow, and is stopped: one loss, not two.
    let role = advisor.write(
        "r.json",
        r#"{"name": "r", "rules": [{"pattern": "git push -v *", "action": "alert"},
            {"pattern": "git push *", "action": "deny"}, {"pattern": "git *", "action": "allow"}],
            "default_action": "require_approval"}"#,
    );
    let args = ["policy", "convert", "--from", "role", "--to", "codex", "--allow-loss", &role];
    let report = advisor.json(&args);
    let lost = lost_fields(&report);
    assert_eq!(lost, ["rules[0]", "rules[1]"][..lost.len()], "{report}");
    assert!(report["losses"][0]["why"].as_str().unwrap().contains("; then "), "{report}");
}
