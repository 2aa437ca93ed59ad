//! Every command and the schemas of what it prints as JSON: none can be added without one.
use std::{collections::BTreeSet, fs, path::Path};

use policy_advisor::{cli::command_line, formats::FORMATS, inputs::INPUTS};
use serde_json::Value;

use crate::{
    cli::Advisor,
    formats::POLICIES,
    schemas::{check, problems, schema},
};

/// Every command, and what it prints with `--output json`: one document of a schema, or a list of
/// them in brackets.
const COMMANDS: &[(&str, &[&str])] = &[
    ("alerts acknowledge", &["[alert-step]"]),
    ("alerts approve", &["[alert-step]"]),
    ("alerts block", &["[alert-step]"]),
    ("alerts dismiss", &["[alert-step]"]),
    ("alerts escalate", &["[alert-step]"]),
    ("alerts list", &["[alert]"]),
    ("alerts resolve", &["[alert-step]"]),
    ("alerts show", &["alert"]),
    ("audit", &["[audit-entry]", "[audit-count]"]),
    ("backtest", &["backtest"]),
    ("backup", &["backup"]),
    ("daemon", &["run-report"]),
    ("demo", &["demo"]),
    ("doctor", &["[doctor-check]"]),
    ("hosts assign", &["assignment"]),
    ("hosts list", &["[host]"]),
    ("hosts unassign", &["assignment"]),
    ("ingest", &["ingest-report"]),
    ("init", &["initialization"]),
    ("lake forget", &["erasure"]),
    ("lake parts", &["[lake-part]"]),
    ("lake rejects", &["[reject]"]),
    ("lake rollups", &["[rollup]"]),
    ("policy closure", &["[closure]"]),
    ("policy convert", &["translation"]),
    ("policy coverage", &["card-coverage"]),
    ("policy diff", &["role-difference"]),
    ("policy evaluate", &["[decision]", "[gated-call]", "tool-evaluation"]),
    ("policy explain", &["explanation"]),
    ("policy lint", &["[lint-finding]"]),
    ("policy merge", &["role", "[weakening]", "policy-file", "[held-default]"]),
    ("policy recommend", &["policy-recommendation"]),
    ("policy test", &["role-test", "tool-test"]),
    ("policy validate", &["[problem]"]),
    ("policy verify", &["[verification]"]),
    ("review accept", &["review"]),
    ("review apply", &["review"]),
    ("review dismiss", &["review"]),
    ("review modify", &["review"]),
    ("review reject", &["review"]),
    ("roles assign", &["assignment"]),
    ("roles clone", &["role-outcome"]),
    ("roles create", &["role-outcome"]),
    ("roles delete", &["role-deletion"]),
    ("roles edit", &["role-outcome"]),
    ("roles export", &["role", "translation"]),
    ("roles history", &["[role-revision]"]),
    ("roles import", &["[role-outcome]"]),
    ("roles list", &["[role-summary]"]),
    ("roles rollback", &["role-outcome"]),
    ("roles show", &["role-view"]),
    ("run", &["run-report"]),
    ("settings reset", &["settings"]),
    ("settings set", &["settings"]),
    ("settings show", &["settings"]),
    ("shapes", &["[reading]"]),
    ("simulate", &["simulation"]),
    ("suggest", &["suggestion-batch"]),
    ("suggestions diff", &["suggestion-batch"]),
    ("suggestions export", &["translation"]),
    ("suggestions list", &["[suggestion-summary]"]),
    ("suggestions show", &["suggestion-batch", "[suggestion-change]"]),
    ("trail", &["[trail-entry]"]),
    ("variables list", &["[variable-value]"]),
    ("variables remove", &["[variable-value]"]),
    ("variables set", &["[variable-value]"]),
];

/// Commands that print no data, and why.
const SILENT: &[(&str, &str)] =
    &[("policy init", "makes a file, which is a policy.yaml, and prints nothing")];

/// Schemas of files that are read or written besides.
const FILES: &[(&str, &str)] = &[
    ("card", "an agent's card, read"),
    ("claude-code-settings", "a policy of another system"),
    ("configuration", "advisor.toml, read"),
    ("event", "read"),
    ("interven-policy", "a policy of another system"),
    ("signal", "written for other systems"),
    ("simulation-truth", "written beside made-up events"),
    ("truvant-role", "a policy of another system"),
];

/// The commands that do something, by their names.
fn leaves(command: &clap::Command, name: &str, res: &mut BTreeSet<String>) {
    let subcommands: Vec<_> = command.get_subcommands().collect();
    if subcommands.is_empty() {
        res.insert(name.trim_start().to_owned());
    }
    for it in subcommands {
        leaves(it, &format!("{name} {}", it.get_name()), res);
    }
}

#[test]
fn every_command_has_a_schema_and_every_schema_a_document() {
    let mut commands = BTreeSet::new();
    leaves(&command_line(), "", &mut commands);
    let listed = COMMANDS.iter().map(|(name, _)| *name).chain(SILENT.iter().map(|(name, _)| *name));
    assert_eq!(
        commands,
        listed.map(str::to_owned).collect(),
        "a command has no schema, or is gone"
    );
    let named = COMMANDS.iter().flat_map(|(_, names)| names.iter().copied());
    let named = named.chain(FILES.iter().map(|(name, _)| *name));
    let mut schemas = BTreeSet::new();
    for name in named.map(|it| it.trim_matches(['[', ']'])) {
        assert_ne!(schema(name)["title"], Value::Null);
        schemas.insert(name.to_owned());
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let there = fs::read_dir(dir).unwrap().map(|it| {
        let name = it.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".schema.json").unwrap().to_owned()
    });
    assert_eq!(schemas, there.collect(), "a schema is of no document, or is missing");
}

/// Calls of the program, each held to a schema of its command.
struct Held {
    advisor: Advisor,
    seen: BTreeSet<(&'static str, &'static str)>,
}

impl Held {
    /// Calls the program; what it printed is of this schema, and a list is not empty.
    fn to(&mut self, name: &str, args: &[&str]) -> Value {
        let ended = self.advisor.run(&[args, &["--output", "json"]].concat());
        // A policy that does not hold ends with 1, and its data are data.
        assert!(ended.code <= 1 && !ended.out.is_empty(), "{args:?}: {ended:?}");
        let words = if args[0] == "--data-dir" { &args[2..] } else { args };
        let words = format!("{} ", words.join(" "));
        let mut commands = COMMANDS.iter();
        let (command, names) =
            commands.find(|(it, _)| words.starts_with(&format!("{it} "))).unwrap();
        let at = names.iter().position(|it| *it == name);
        assert!(at.is_some(), "{command} {name}");
        self.seen.extend(at.map(|at| (*command, names[at])));
        let value = serde_json::from_str(&ended.out).unwrap();
        let schema = name.trim_matches(['[', ']']);
        if name.starts_with('[') {
            let items: &Vec<Value> = Value::as_array(&value).unwrap();
            assert!(!items.is_empty(), "{args:?}: nothing to check");
            for it in items {
                check(schema, it);
            }
        } else {
            check(schema, &value);
        }
        value
    }
}

const SIGNALS: &str = r#"
{"schema_version":"1.0","event_id":"1","timestamp":"2026-01-05T09:00:00Z","hostname":"web-1","event_type":"mcp_tool_call","mcp_server":"wiki","mcp_tool":"read","decision":"allowed","role":"default"}
{"schema_version":"1.0","event_id":"2","timestamp":"2026-01-05T09:01:00Z","hostname":"web-1","event_type":"mcp_tool_call","mcp_server":"slack","mcp_tool":"post_message","mcp_arguments":{"to":"x@acme.com"},"decision":"allowed","role":"default"}
{"schema_version":"1.0","event_id":"3","timestamp":"2026-01-05T09:02:00Z","hostname":"web-1","event_type":"mcp_tool_call","mcp_server":"plugin_figma_figma","mcp_tool":"get","decision":"allowed","role":"default"}
{"schema_version":"1.0","event_id":"4","timestamp":"2026-01-05T09:03:00Z","hostname":"web-1","event_type":"command_execution","binary":"rm","argv":["rm","-rf","/"],"decision":"blocked","rule":"rm *","role":"default"}
{"schema_version":"1.0","event_id":"5","timestamp":"2026-01-05T09:04:00Z","hostname":"web-1","event_type":"policy_integrity","decision":"blocked","role":"default"}
{"schema_version":"1.0","event_id":"6","timestamp":"2026-01-05T09:05:00Z","hostname":"web-1","event_type":"config_change","decision":"allowed","role":"default"}
"#;

#[test]
fn what_every_command_prints_is_valid_by_its_schema() {
    let advisor = Advisor::new();
    let (one, other) = (advisor.data_dir().join("demo"), advisor.data_dir().join("other"));
    let (one, other) = (one.to_str().unwrap(), other.to_str().unwrap());
    let input = advisor.write("events.ndjson", SIGNALS.trim_start());
    let bad = advisor.write("bad.json", "{}");
    let card = advisor.write("card.json", r#"{"bounded_actions": ["read"]}"#);
    let strict = advisor
        .write("a.json", r#"{"name": "a", "rules": [{"pattern": "git *", "action": "deny"}]}"#);
    let mild = advisor.write(
        "b.json",
        r#"{"name": "b", "default_action": "allow", "rules": [{"pattern": "git *", "action": "allow"}, {"pattern": "git status", "action": "deny"}]}"#,
    );
    let yaml = format!("{POLICIES}support.policy.yaml");
    let org = advisor.write(
        "org.yaml",
        &fs::read_to_string(&yaml)
            .unwrap()
            .replace("unmapped_tool_action: warn", "unmapped_tool_action: deny"),
    );
    let mut held = Held { advisor, seen: BTreeSet::new() };
    let demo = held.to("demo", &["demo", "--dir", one]);
    assert!(!demo["alerts"].as_array().unwrap().is_empty());
    let data = format!("{one}/data");
    let data = data.as_str();
    let on = |args: &[&'static str]| [&["--data-dir", data][..], args].concat();

    held.to("initialization", &["init"]);
    held.to("[suggestion-summary]", &on(&["suggestions", "list"]));
    let (id, role) = (&demo["batch"]["batch_id"], &demo["batch"]["role"]);
    let (id, role) = (id.as_str().unwrap(), role.as_str().unwrap());
    let with = |args: &[&'static str], more: &[&str]| -> Vec<String> {
        let all = on(args).into_iter().chain(more.iter().copied());
        all.map(str::to_owned).collect()
    };
    let mut of = |name: &str, args: &[&'static str], more: &[&str]| {
        let args = with(args, more);
        held.to(name, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    of("suggestion-batch", &["suggestions", "show"], &[id]);
    of("[suggestion-change]", &["suggestions", "show"], &[id, "--change", "1"]);
    of("suggestion-batch", &["suggestions", "diff"], &[id]);
    let undecided = held_fails(&with(&["suggestions", "export"], &[id]));
    assert!(undecided.contains("no change"), "{undecided}");
    // The role as it would be, as a file and as a patch that makes it.
    for format in FORMATS.iter().filter(|it| it.name != "role") {
        let more = [id, "--all", "--allow-loss", "--format", format.name];
        let exported = of("translation", &["suggestions", "export"], &more);
        let patch = with(
            &["suggestions", "export"],
            &[&more[..], &["--patch", "--path", "no/such"]].concat(),
        );
        let patch = Advisor::new().ok(&patch.iter().map(String::as_str).collect::<Vec<_>>());
        let lines = patch.lines().skip(3).filter_map(|it| it.strip_prefix('+'));
        assert!(patch.starts_with("--- /dev/null\n+++ b/no/such\n@@ -0,0 +1,"), "{patch}");
        assert!(exported["text"].as_str().unwrap().lines().eq(lines), "{patch}");
    }
    of(
        "suggestion-batch",
        &["suggest", "--dry-run", "--from", "2026-03-01T00:00:00Z", "--role"],
        &[role],
    );
    of("backtest", &["backtest", "--from", "2026-03-01T00:00:00Z", "--role"], &[role]);
    of("review", &["review", "reject", "--change", "2", "--reason", "no"], &[id]);
    let changes = demo["batch"]["changes"].as_array().unwrap();
    let scoped = changes.iter().find(|it| it["scopes"].is_array()).unwrap();
    let (ordinal, narrowest) = (scoped["ordinal"].to_string(), &scoped["scopes"][0]["level"]);
    let scope = narrowest.as_str().unwrap();
    of("review", &["review", "modify"], &["--change", &ordinal, "--scope", scope, id]);
    of("review", &["review", "accept", "--change", "1"], &[id]);
    of("review", &["review", "apply"], &[id]);
    let other_batch =
        demo["batches"].as_array().unwrap().iter().find(|it| it["batch_id"] != *id).unwrap();
    of(
        "review",
        &["review", "dismiss", "--reason", "no"],
        &[other_batch["batch_id"].as_str().unwrap()],
    );

    of("[role-summary]", &["roles", "list"], &[]);
    of("role-view", &["roles", "show"], &[role]);
    of("role", &["roles", "export"], &[role]);
    of("translation", &["roles", "export", "--format", "rego", "--allow-loss"], &[role]);
    of("[role-revision]", &["roles", "history"], &[role]);
    of("role-outcome", &["roles", "clone"], &[role, "copy"]);
    of("role-outcome", &["roles", "create", "made"], &[]);
    of("role-outcome", &["roles", "edit", "made", "--mode", "enforce"], &[]);
    of("role-outcome", &["roles", "rollback", "made", "1"], &[]);
    of("[role-outcome]", &["roles", "import"], &[&mild]);
    of("assignment", &["roles", "assign", "made", "web-1"], &[]);
    of("role-deletion", &["roles", "delete", "made"], &[]);
    of("assignment", &["hosts", "assign", "web-1", "web-2", "--role", "b"], &[]);
    of("assignment", &["hosts", "unassign", "web-1"], &[]);
    of("[host]", &["hosts", "list"], &[]);
    of("[variable-value]", &["variables", "set", "tier", "gold", "--pattern", "^web"], &[]);
    of("[variable-value]", &["variables", "list"], &[]);
    of("[variable-value]", &["variables", "remove", "tier"], &[]);
    of("settings", &["settings", "show"], &[]);
    of("settings", &["settings", "set", "retention_days", "30", "--role"], &[role]);
    of("settings", &["settings", "reset", "retention_days", "--role"], &[role]);
    of("[trail-entry]", &["trail"], &[]);

    let torn = held_write(one, "torn.ndjson", "{\"schema_version\":\n");
    let report = of("ingest-report", &["ingest"], &[&input, &torn]);
    assert!(report["rejected"].as_u64() > Some(0), "{report}");
    of("[reject]", &["lake", "rejects"], &[]);
    of("[lake-part]", &["lake", "parts"], &[]);
    let alerts = of("[alert]", &["alerts", "list"], &[]);
    let id_of = |kind: &str, subject: &str| {
        let found = alerts.as_array().unwrap().iter().find(|it| {
            it["kind"] == kind && (subject.is_empty() || it["detail"]["subject"] == subject)
        });
        found.unwrap()["alert_id"].as_str().unwrap().to_owned()
    };
    let (tampered, changed) = (id_of("policy_integrity", ""), id_of("config_change", ""));
    of("alert", &["alerts", "show"], &[&tampered]);
    let both = of("[alert-step]", &["alerts", "acknowledge"], &[&tampered, &changed]);
    assert_eq!(both.as_array().unwrap().len(), 2);
    of("[alert-step]", &["alerts", "escalate"], &[&tampered]);
    of("[alert-step]", &["alerts", "resolve"], &[&tampered]);
    of("[alert-step]", &["alerts", "approve", "wiki"], &[]);
    of("[alert-step]", &["alerts", "dismiss"], &[&id_of("new_server", "slack")]);
    let blocked = of("[alert-step]", &["alerts", "block", "figma"], &[]);
    assert!(!blocked[0]["roles"].as_array().unwrap().is_empty(), "{blocked}");

    of("[audit-entry]", &["audit", "--limit", "50"], &[]);
    of("[audit-count]", &["audit", "--count-by", "decision"], &[]);
    of("run-report", &["run"], &[]);
    of("run-report", &["daemon", "--runs", "1"], &[]);
    of("[rollup]", &["lake", "rollups"], &[]);
    of("[rollup]", &["lake", "rollups", "--daily"], &[]);
    of("[doctor-check]", &["doctor"], &[]);
    of("erasure", &["lake", "forget", "--host", "web-1"], &[]);
    of("backup", &["backup"], &[&format!("{one}/backup")]);
    of(
        "simulation",
        &["simulate", "--events", "200", "--hosts", "3", "--days", "2", "--out"],
        &[other],
    );
    let truth = fs::read_to_string(format!("{other}/truth.json")).unwrap();
    check("simulation-truth", &serde_json::from_str(&truth).unwrap());

    of(
        "[decision]",
        &["policy", "evaluate", "--policy", "builtin:coding-agents", "--input"],
        &[&input],
    );
    of(
        "[gated-call]",
        &["policy", "evaluate", "--policy", "builtin:interven-starter", "--input"],
        &[&input],
    );
    of("tool-evaluation", &["policy", "evaluate", "--tools", "mcp__x__y", "--policy"], &[&yaml]);
    of("[reading]", &["shapes", "--input"], &[&input]);
    of("explanation", &["policy", "explain"], &["--policy", &strict, "git push"]);
    of("role-test", &["policy", "test", "--policy"], &[&strict, "--input", &input]);
    of("tool-test", &["policy", "test", "--policy"], &[&yaml, "--input", &input]);
    of("role", &["policy", "merge", "--floor"], &[&strict, "--policy", &mild]);
    of("[weakening]", &["policy", "merge", "--report", "--floor"], &[&strict, "--policy", &mild]);
    of("policy-file", &["policy", "merge", "--floor"], &[&org, "--policy", &yaml]);
    of("[held-default]", &["policy", "merge", "--report", "--floor"], &[&org, "--policy", &yaml]);
    of("role-difference", &["policy", "diff"], &[&strict, &mild]);
    of("[verification]", &["policy", "verify", "--act", "git.force-push", "--policy"], &[&mild]);
    of("[lint-finding]", &["policy", "lint", "--policy"], &[&mild]);
    of("translation", &["policy", "convert", "--from", "role", "--to", "cedar"], &[&strict]);
    of("[closure]", &["policy", "closure", "git push --force*"], &[]);
    of("card-coverage", &["policy", "coverage", "--policy"], &[&yaml, "--card", &card]);
    of("policy-recommendation", &["policy", "recommend", "--input"], &[&input]);
    of("[problem]", &["policy", "validate"], &[&bad]);

    let all = COMMANDS.iter().flat_map(|(name, docs)| docs.iter().map(move |doc| (*name, *doc)));
    let unseen: Vec<_> = all.filter(|it| !held.seen.contains(it)).collect();
    assert!(unseen.is_empty(), "nothing was held to {unseen:?}");
}

fn held_fails(args: &[String]) -> String {
    Advisor::new().fails(1, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

fn held_write(dir: &str, name: &str, text: &str) -> String {
    let path = format!("{dir}/{name}");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn files_that_are_read_are_valid_by_their_schemas() {
    for line in SIGNALS.trim().lines() {
        check("event", &serde_json::from_str(line).unwrap());
    }
    let schema = schema("configuration");
    let valid = |text: &str| {
        let value: toml::Table = toml::from_str(text).unwrap();
        problems(&serde_json::to_value(value).unwrap(), &schema, &schema, "configuration")
    };
    let template = policy_advisor::config::TEMPLATE;
    let switched_on: Vec<&str> =
        template.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect();
    assert_eq!(valid(template), [""; 0]);
    assert_eq!(valid(&switched_on.join("\n")), [""; 0]);
    assert_eq!(valid("colour = true\n[[directories]]\nformat = \"csv\"").len(), 3);
    // What may stand in it follows the program.
    let formats = &schema["properties"]["directories"]["items"]["properties"]["format"]["enum"];
    let names: Vec<&str> = INPUTS.iter().map(|it| it.name).collect();
    assert_eq!(formats, &serde_json::json!(names));
    for text in
        [r#"{"bounded_actions": ["read"]}"#, r#"{"id": 1, "autonomy": {"bounded_actions": []}}"#]
    {
        check("card", &serde_json::from_str(text).unwrap());
    }
}
