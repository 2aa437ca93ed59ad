//! Alerts: from what comes in to what people do about it, on both databases and by the commands.
use std::fmt::Write as _;

use policy_advisor::{
    alerts::{AlertKind, AlertState, Detail, Noticed, Resolution, Step},
    events::Severity,
    policy::{Role, Rule, RuleAction},
    store::{Store, StoreError, Why},
};

use crate::{
    backends::{Home, ana, at, on_both},
    cli::Advisor,
};

fn noticed(kind: AlertKind, key: &str, minute: i64) -> Noticed {
    Noticed {
        kind,
        key: key.to_owned(),
        severity: Severity::Warning,
        role: Some("platform".to_owned()),
        hostname: Some("web-1".to_owned()),
        message: format!("`{key}` was seen"),
        events: 2,
        first: at(minute),
        last: at(minute),
        changed: None,
        detail: Detail { subject: key.to_owned(), ..Detail::default() },
    }
}

async fn raise(store: &Store, noticed: Noticed) -> (u64, u64) {
    let raised = store.raise_alerts(&[noticed], &[], at(60)).await.unwrap();
    (raised.raised, raised.repeated)
}

async fn what_is_alike_counts_up_until_it_is_resolved(store: &Store, _: &Home) {
    let blocked = |minute| noticed(AlertKind::BlockedCommand, "rm", minute);
    assert_eq!(raise(store, blocked(1)).await, (1, 0));
    let critical = Noticed { severity: Severity::Critical, ..blocked(5) };
    assert_eq!(raise(store, critical).await, (0, 1));
    assert_eq!(raise(store, blocked(3)).await, (0, 1));
    let alerts = store.alerts().await.unwrap();
    assert_eq!(alerts.len(), 1);
    let alert = &alerts[0];
    assert_eq!((alert.events, alert.severity), (6, Severity::Critical));
    assert_eq!((alert.last_seen_at, alert.raised_at), (at(5), at(60)));

    let note = Some("a known job");
    let stepped =
        store.step_alert(alert.alert_id.split_at(6).0, Step::Escalate, note, &ana(61)).await;
    let stepped = stepped.unwrap().alert;
    let seen = store.step_alert(&alert.alert_id, Step::Acknowledge, None, &ana(61)).await;
    assert_eq!(
        seen.unwrap().alert.state,
        AlertState::Escalated,
        "who has it in hand is no step back"
    );
    assert_eq!(
        (stepped.state, stepped.changed_by.as_deref()),
        (AlertState::Escalated, Some("ana"))
    );
    assert_eq!(raise(store, blocked(6)).await, (0, 1), "still the same alert");
    let handled = Step::Resolve(Resolution::Handled);
    let over = store.step_alert(&alert.alert_id, handled, None, &ana(62)).await.unwrap().alert;
    assert_eq!((over.state, over.note), (AlertState::Resolved, None), "a note is its step's own");
    let again = store.step_alert(&alert.alert_id, Step::Acknowledge, None, &ana(63)).await;
    assert!(matches!(again, Err(StoreError::Step(_))), "{again:?}");

    assert_eq!(raise(store, blocked(70)).await, (1, 0), "it came again");
    let alerts = store.alerts().await.unwrap();
    assert_eq!((alerts.len(), alerts[0].events, alerts[1].events), (2, 2, 8));
    let trail = store.trail(10).await.unwrap();
    let steps: Vec<&str> = trail.iter().map(|it| it.act.as_str()).collect();
    assert_eq!(steps, ["alert.step", "alert.step", "alert.step"]);
    let steps = store.alert_steps(&alert.alert_id).await.unwrap();
    let steps: Vec<_> = steps.iter().map(|it| (it.state, it.at, it.note.as_deref())).collect();
    let (escalated, resolved) = (AlertState::Escalated, AlertState::Resolved);
    let want = [(escalated, at(61), note), (escalated, at(61), None), (resolved, at(62), None)];
    assert_eq!(steps, want);
}

async fn a_server_is_decided_about_once_and_a_blocked_one_is_denied(store: &Store, _: &Home) {
    for name in ["platform", "web"] {
        store.create_role(Role::new(name), &Why::command("test"), &ana(0)).await.unwrap();
    }
    let mut ids = Vec::new();
    for server in ["wiki", "ev*il"] {
        assert_eq!(raise(store, noticed(AlertKind::NewServer, server, 1)).await, (1, 0));
        let alerts = store.alerts().await.unwrap();
        ids.push(alerts.into_iter().find(|it| it.detail.subject == server).unwrap().alert_id);
    }
    let resolve = async |id: &str, it| store.step_alert(id, Step::Resolve(it), None, &ana(2)).await;
    let undecided = resolve(&ids[0], Resolution::Handled).await.unwrap_err().to_string();
    assert!(undecided.contains("approved, blocked or dismissed"), "{undecided}");
    assert_eq!(resolve(&ids[0], Resolution::Approved).await.unwrap().roles, []);
    let blocked = resolve(&ids[1], Resolution::Blocked).await.unwrap();
    let roles: Vec<&str> = blocked.roles.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(roles, ["platform", "web"]);
    // A star in the name of a server is a star and no glob.
    let rules = store.role("web").await.unwrap().mcp_rules;
    assert_eq!((rules.len(), rules[0].pattern.as_str()), (1, r"ev\*il/*"));
    // Nothing new is said of what was approved, nor of what a blocked one did before.
    for (server, minute, want) in
        [("wiki", 99, (0, 0)), ("ev*il", 1, (0, 0)), ("ev*il", 99, (1, 0)), ("ev*il", 100, (0, 1))]
    {
        assert_eq!(raise(store, noticed(AlertKind::NewServer, server, minute)).await, want);
    }
    let again = store.alerts().await.unwrap().remove(0);
    assert_eq!(again.message, "MCP server `ev*il` was blocked, and is used or configured again");
    assert_eq!(
        store.blocked_arrivals().await.unwrap(),
        [(AlertKind::NewServer, "ev*il".to_owned())]
    );
    // A role that came later is denied it by the same decision, taken again.
    store.create_role(Role::new("late"), &Why::command("test"), &ana(3)).await.unwrap();
    let roles = resolve("ev*il", Resolution::Blocked).await.unwrap().roles;
    assert_eq!(roles.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["late"]);
    // Another decision takes the denies of the block away, and no others.
    let own = Rule::new(r"ev\*il/*", RuleAction::Deny);
    let edit = |it: &mut Role| {
        it.mcp_rules.push(own);
        Ok(())
    };
    store.edit_role("web", &Why::command("test"), &ana(4), edit).await.unwrap();
    let approved = store
        .step_alert("ev*il", Step::Resolve(Resolution::Approved), None, &ana(5))
        .await
        .unwrap();
    assert_eq!((approved.alert.resolution, approved.roles.len()), (Some(Resolution::Approved), 3));
    assert_eq!(store.role("web").await.unwrap().mcp_rules.len(), 1, "a deny of one's own stays");
    assert_eq!(store.role("late").await.unwrap().mcp_rules.len(), 0);
    assert_eq!(store.blocked_arrivals().await.unwrap(), []);
    assert_eq!(raise(store, noticed(AlertKind::NewServer, "ev*il", 200)).await, (0, 0));
}

async fn a_plugin_is_decided_about_by_its_name(store: &Store, _: &Home) {
    for name in ["platform", "web"] {
        store.create_role(Role::new(name), &Why::command("test"), &ana(0)).await.unwrap();
    }
    let resolve = async |id: &str, it| store.step_alert(id, Step::Resolve(it), None, &ana(2)).await;
    for (kind, name, resolution, n_roles) in [
        (AlertKind::NewPlugin, "figma", Resolution::Blocked, 2),
        (AlertKind::NewServer, "wiki", Resolution::Approved, 0),
        (AlertKind::NewPlugin, "mochi", Resolution::Dismissed, 0),
    ] {
        assert_eq!(raise(store, noticed(kind, name, 1)).await, (1, 0));
        let stepped = resolve(name, resolution).await.unwrap();
        assert_eq!((stepped.alert.resolution, stepped.roles.len()), (Some(resolution), n_roles));
        let again = (u64::from(resolution == Resolution::Blocked), 0);
        assert_eq!(raise(store, noticed(kind, name, 99)).await, again, "{name}");
        // The same once more changes no role.
        let stepped = resolve(name, resolution).await.unwrap();
        assert_eq!((stepped.alert.resolution, stepped.roles.len()), (Some(resolution), 0));
        let change = Noticed { changed: Some(at(200)), ..noticed(kind, name, 200) };
        let again = u64::from(resolution != Resolution::Approved);
        assert_eq!(raise(store, change).await, (again, 0), "{name} is configured again");
    }
    let denied: Vec<String> =
        store.role("web").await.unwrap().mcp_rules.into_iter().map(|it| it.pattern).collect();
    assert_eq!(
        denied,
        ["plugin_figma_*/*", "plugin_figma/*", "plugin:figma:*/*", "plugin:figma/*"]
    );
    // A name that could be another alert's is no name.
    raise(store, noticed(AlertKind::NewServer, "both", 1)).await;
    raise(store, noticed(AlertKind::NewPlugin, "both", 1)).await;
    let alerts = store.alerts().await.unwrap();
    let id = alerts.iter().find(|it| it.detail.subject == "both").unwrap().alert_id.clone();
    raise(store, noticed(AlertKind::NewServer, &id, 1)).await;
    for name in ["both", &id] {
        let refused = resolve(name, Resolution::Approved).await.unwrap_err().to_string();
        assert!(refused.contains("more than one alert"), "{refused}");
    }
    // Only what decides about something new takes names.
    assert!(store.step_alert("both", Step::Acknowledge, None, &ana(2)).await.is_err());
}

async fn there_are_never_more_than_can_be_read(store: &Store, _: &Home) {
    let many: Vec<Noticed> =
        (0..1_200).map(|n| noticed(AlertKind::UndeclaredTool, &format!("tool-{n}"), n)).collect();
    let raised = store.raise_alerts(&many, &[], at(0)).await.unwrap();
    assert_eq!((raised.raised, raised.repeated), (1_001, 199));
    let alerts = store.alerts().await.unwrap();
    assert_eq!(alerts.iter().map(|it| it.events).sum::<u64>(), 2_400, "none is lost");
    let more = alerts.iter().find(|it| it.detail.subject == "more").unwrap();
    assert_eq!((more.events, more.hostname.as_deref()), (400, None));
}

on_both!(
    what_is_alike_counts_up_until_it_is_resolved,
    a_server_is_decided_about_once_and_a_blocked_one_is_denied,
    a_plugin_is_decided_about_by_its_name,
    there_are_never_more_than_can_be_read,
);

/// Events of one host: a call of a new server, a command that was stopped twice, tampering.
const SIGNALS: &str = r#"
{"schema_version":"1.0","event_id":"1","timestamp":"2026-01-05T09:00:00Z","hostname":"web-1","event_type":"mcp_tool_call","mcp_server":"wiki\u202e","mcp_tool":"read","decision":"allowed","role":"default"}
{"schema_version":"1.0","event_id":"2","timestamp":"2026-01-05T09:01:00Z","hostname":"web-1","event_type":"command_execution","binary":"rm","argv":["rm","-rf","/"],"decision":"blocked","rule":"rm *","role":"default"}
{"schema_version":"1.0","event_id":"3","timestamp":"2026-01-05T09:02:00Z","hostname":"web-1","event_type":"command_execution","binary":"rm","argv":["rm","-rf","/etc"],"decision":"blocked","rule":"rm *","role":"default"}
{"schema_version":"1.0","event_id":"4","timestamp":"2026-01-05T09:03:00Z","hostname":"web-1","event_type":"policy_integrity","decision":"blocked","role":"default"}
{"schema_version":"1.0","event_id":"5","timestamp":"2026-01-05T09:04:00Z","hostname":"web-1","event_type":"command_execution","binary":"git","argv":["git","status"],"decision":"allowed","role":"default"}
"#;

#[test]
fn what_is_ingested_is_looked_at_once() {
    let advisor = Advisor::new();
    let file = advisor.write("signals.ndjson", SIGNALS.trim_start());
    let listed = || {
        let alerts = advisor.json(&["alerts", "list"]);
        let alerts = alerts.as_array().unwrap().iter();
        let text =
            |it: &serde_json::Value| format!("{} {} {}", it["kind"], it["severity"], it["events"]);
        alerts.map(text).collect::<Vec<String>>()
    };
    let expected = [
        r#""policy_integrity" "critical" 1"#,
        r#""blocked_command" "critical" 2"#,
        r#""new_server" "warning" 1"#,
    ];
    advisor.ok(&["ingest", &file]);
    assert_eq!(listed(), expected);
    // The same events again, then more of one kind.
    advisor.ok(&["ingest", &file]);
    let more = advisor.write("copy.ndjson", SIGNALS.trim_start());
    advisor.ok(&["ingest", &more]);
    assert_eq!(listed(), expected);
    let again = SIGNALS.lines().nth(2).unwrap().replace(r#""event_id":"2""#, r#""event_id":"6""#);
    let again = advisor.write("again.ndjson", &format!("{again}\n"));
    advisor.ok(&["ingest", &again]);
    // Parts that were merged are not looked at again.
    advisor.ok(&["run"]);
    advisor.ok(&["run"]);
    assert_eq!(listed()[1], r#""blocked_command" "critical" 3"#);

    let all = advisor.json(&["alerts", "list"]);
    let id = |at: usize| all[at]["alert_id"].as_str().unwrap().to_owned();
    let shown = advisor.ok(&["alerts", "show", &id(1)]);
    for line in [
        "role default stopped `rm -rf /` by `rm *`",
        "  role     default",
        "  example  rm -rf /etc",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line} in {shown}");
    }
    let blocked = advisor.ok(&["alerts", "block", &id(2), "--note", "not ours"]);
    insta::assert_snapshot!(blocked, @r"
    88c691612d2455f4: resolved, blocked
    role `default` denies `wiki\u{202e}/*` as of revision 2
    ");
    insta::assert_snapshot!(advisor.ok(&["alerts", "acknowledge", &id(0), &id(1)]), @r"
    7e399c5f601bcbcc: acknowledged
    8801cb15e07c83e0: acknowledged
    ");
    assert_eq!(
        advisor.json(&["alerts", "list", "--state", "acknowledged"]).as_array().unwrap().len(),
        2
    );
    assert_eq!(
        advisor.json(&["alerts", "list", "--all", "--kind", "new_server"])[0]["resolution"],
        "blocked"
    );
    // What was done before the one that fails is told.
    let ended =
        advisor.run(&["alerts", "escalate", &id(0), "ffffffff", &id(1), "--output", "ndjson"]);
    assert_eq!((ended.code, ended.out.lines().count()), (1, 1), "{ended:?}");
    assert!(ended.err.starts_with("error: no alert `ffffffff`"), "{ended:?}");
    assert_eq!(
        advisor.fails(1, &["alerts", "resolve", &id(2)]),
        format!("error: alert `{}` is resolved already", id(2))
    );
    assert_eq!(advisor.fails(1, &["alerts", "show", "ffffffff"]), "error: no alert `ffffffff`");
}

#[test]
fn a_role_that_lets_a_blocked_server_through_is_told() {
    let advisor = Advisor::new();
    let file =
        advisor.write("signals.ndjson", &SIGNALS.trim_start().replace("wiki\\u202e", "evil"));
    advisor.ok(&["ingest", &file]);
    advisor.ok(&["roles", "create", "early", "--default-action", "allow"]);
    advisor.ok(&["alerts", "block", "evil"]);
    let told = "lets calls of `evil` through, which was blocked";
    let role = advisor.write("late.json", r#"{"name": "late", "default_action": "allow"}"#);
    for args in [
        &["roles", "import", &role][..],
        &["roles", "create", "later", "--default-action", "allow"],
        &["roles", "rollback", "early", "1"],
    ] {
        let ended = advisor.run(args);
        assert!(ended.code == 0 && ended.err.contains(told), "{args:?}: {ended:?}");
    }
    let ended = advisor.run(&["roles", "create", "closed", "--default-action", "deny"]);
    assert!(ended.code == 0 && !ended.err.contains(told), "{ended:?}");
    let blocked = advisor.ok(&["alerts", "block", "evil", "--note", "still"]);
    assert!(blocked.contains("role `late` denies `evil/*`"), "{blocked}");
    let id = blocked.split(':').next().unwrap();
    let shown = advisor.ok(&["alerts", "show", id]);
    let steps: Vec<&str> = shown.lines().filter(|it| it.starts_with("  step")).collect();
    assert!(steps.len() == 2 && steps[1].ends_with(": still"), "{shown}");
    let approved = advisor.ok(&["alerts", "approve", "evil"]);
    assert!(approved.contains("role `late` no longer denies `evil/*`"), "{approved}");
}

#[test]
fn a_name_that_somebody_else_chose_stands_quoted_in_the_command_that_is_advised() {
    let advisor = Advisor::new();
    let name = "e'; rm -rf ~; '";
    let signals = SIGNALS.trim_start().replace("wiki\\u202e", name);
    let file = advisor.write("signals.ndjson", &signals);
    advisor.ok(&["ingest", &file]);
    advisor.ok(&["alerts", "block", name]);
    let ended = advisor.run(&["roles", "create", "later", "--default-action", "allow"]);
    let advised =
        ended.err.lines().find_map(|it| it.split('`').nth(1).filter(|_| it.starts_with("hint")));
    let words = policy_advisor::commands::split(advised.unwrap()).unwrap();
    assert_eq!(words, ["advisor", "alerts", "block", name], "{ended:?}");
}

/// A plugin whose files came, which an agent installed through a shell, and which ran a command.
const PLUGIN: &str = r#"
{"schema_version":"1.0","event_id":"1","timestamp":"2026-01-05T09:00:00Z","hostname":"web-1","event_type":"command_execution","binary":"bash","argv":["bash","-lc","claude plugin install formatter@market"],"decision":"allowed","role":"default"}
{"schema_version":"1.0","event_id":"2","timestamp":"2026-01-05T09:01:00Z","hostname":"web-1","event_type":"config_change","command":"/home/ana/.claude/plugins/cache/market/formatter/1.2.0/hooks/hooks.json","decision":"allowed","agent":"Claude Code","role":"default"}
{"schema_version":"1.0","event_id":"3","timestamp":"2026-01-05T09:02:00Z","hostname":"web-1","event_type":"command_execution","binary":"claude","argv":["claude","plugin","list"],"decision":"allowed","role":"default"}
"#;

#[test]
fn a_plugin_that_brings_no_server_waits_for_approval_too() {
    let advisor = Advisor::new();
    let file = advisor.write("plugin.ndjson", PLUGIN.trim_start());
    advisor.ok(&["ingest", &file]);
    let plugins = || advisor.json(&["alerts", "list", "--kind", "new_plugin"]);
    let found = plugins();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(
        (&found[0]["detail"]["subject"], &found[0]["events"]),
        (&"formatter".into(), &2.into())
    );
    // No decision: it is told again when it is installed again.
    advisor.ok(&["alerts", "dismiss", "formatter"]);
    assert_eq!(plugins(), serde_json::json!([]));
    let again = PLUGIN.lines().nth(1).unwrap().replace(r#""event_id":"1""#, r#""event_id":"9""#);
    let again = again.replace("2026-01-05", &policy_advisor::clock::now().day().to_string());
    let again = again.replace("T09:00:00Z", "T23:59:59Z");
    let again = advisor.write("again.ndjson", &(again + "\n"));
    advisor.ok(&["ingest", &again]);
    assert_eq!(plugins().as_array().unwrap().len(), 1);
    // What it brings besides servers is no matter of roles, and that is said.
    let ended = advisor.run(&["alerts", "block", "formatter"]);
    assert!(ended.out.contains("role `default` denies `plugin_formatter_*/*`"), "{ended:?}");
    assert!(ended.err.contains("`claude plugin uninstall formatter`"), "{ended:?}");
    let approved = advisor.ok(&["alerts", "approve", "formatter"]);
    assert!(approved.contains("role `default` no longer denies"), "{approved}");
}

/// A week of calls of two servers.
fn week_of_calls() -> String {
    let mut lines = String::new();
    for idx in 0..56 {
        let (day, hour, server) = (1 + idx / 8, 8 + idx % 8, ["evil", "wiki"][idx % 2]);
        let _ = writeln!(
            lines,
            r#"{{"schema_version":"1.0","event_id":"{idx}","timestamp":"2026-01-0{day}T{hour:02}:00:00Z","hostname":"web-{}","event_type":"mcp_tool_call","mcp_server":"{server}","mcp_tool":"read","decision":"allowed","role":"early","session_id":"s-{day}"}}"#,
            idx % 3,
        );
    }
    lines
}

#[test]
fn a_role_that_lets_a_blocked_server_through_is_advised_to_deny_it() {
    let advisor = Advisor::new();
    advisor.ok(&["roles", "create", "early", "--default-action", "allow"]);
    let file = advisor.write("calls.ndjson", &week_of_calls());
    advisor.ok(&["ingest", &file]);
    advisor.ok(&["alerts", "block", "evil"]);
    let suggest = [
        "suggest",
        "--role",
        "early",
        "--from",
        "2026-01-01T00:00:00Z",
        "--to",
        "2026-01-09T00:00:00Z",
    ];
    let denied = |batch: &serde_json::Value| -> Option<u64> {
        let mut changes = batch["changes"].as_array()?.iter();
        let is_deny = |it: &serde_json::Value| {
            it["action"].as_str() == Some("deny") && it["pattern"].as_str() == Some("evil/*")
        };
        let denies = |it: &&serde_json::Value| it["after"].as_array().unwrap().iter().any(is_deny);
        changes.find(denies)?["ordinal"].as_u64()
    };
    let batch = advisor.json(&suggest);
    assert_eq!(denied(&batch), None, "it is denied already: {batch}");
    // Put back to what it was before the block.
    advisor.ok(&["roles", "rollback", "early", "1"]);
    let batch = advisor.json(&suggest);
    let ordinal = denied(&batch).unwrap().to_string();
    let id = batch["batch_id"].as_str().unwrap();
    advisor.ok(&["review", "accept", id, "--change", &ordinal]);
    advisor.ok(&["review", "apply", id]);
    let mcp_rules = || advisor.json(&["roles", "export", "early"])["mcp_rules"].clone();
    assert_eq!(mcp_rules()[0]["pattern"], "evil/*");
    // The deny goes with the block, as those that the block made.
    let approved = advisor.ok(&["alerts", "approve", "evil"]);
    assert!(approved.contains("role `early` no longer denies `evil/*`"), "{approved}");
    assert_eq!(mcp_rules(), serde_json::json!([]));
}

#[test]
fn a_host_that_is_forgotten_is_in_no_alert_and_no_signal() {
    let advisor = Advisor::new();
    let file = advisor.write("signals.ndjson", SIGNALS.trim_start());
    advisor.ok(&["ingest", &file]);
    advisor.ok(&["lake", "forget", "--host", "web-1"]);
    assert_eq!(advisor.json(&["alerts", "list", "--all"]).as_array().unwrap().len(), 0);
    let told = advisor.data_dir().join("told");
    advisor
        .write("advisor.toml", &format!("[signals]\ndirectory = {:?}\n", told.to_str().unwrap()));
    advisor.ok(&["run"]);
    let files: Vec<_> = std::fs::read_dir(&told).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 1);
    let text = std::fs::read_to_string(files[0].path()).unwrap();
    assert!(text.lines().count() == 3 && !text.contains("web-1"), "{text}");
}
