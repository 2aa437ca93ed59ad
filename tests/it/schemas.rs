//! The published JSON Schemas: what the program prints and reads is valid by them.
use std::{collections::BTreeSet, fs, path::Path};

use policy_advisor::formats::{Besides, FORMATS, load_role};
use serde_json::Value;

use crate::{cli::Advisor, formats::POLICIES};

fn schema(name: &str) -> Value {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");
    let text = fs::read_to_string(format!("{dir}/{name}.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every keyword that a schema may use, which are those that [`problems`] knows.
const KEYWORDS: &[&str] = &[
    "$schema",
    "title",
    "$defs",
    "$ref",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minimum",
    "maximum",
    "minLength",
    "minItems",
    "pattern",
    "format",
];

/// What is wrong with a value by a schema, each with its place.
fn problems(value: &Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    let mut res = Vec::new();
    let mut wrong = |what: String| res.push(format!("{at}: {what}"));
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(name.strip_prefix('#').unwrap()).unwrap();
        return problems(value, target, root, at);
    }
    if let Some(kinds) = schema.get("type") {
        let all = kinds.as_array().cloned().unwrap_or_else(|| vec![kinds.clone()]);
        let is = |kind: &Value| match kind.as_str().unwrap() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        };
        if !all.iter().any(is) {
            wrong(format!("is no {kinds}"));
        }
    }
    if schema.get("enum").is_some_and(|it| !it.as_array().unwrap().contains(value)) {
        wrong(format!("{value} is none of {}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|it| it != value) {
        wrong(format!("{value} is not {}", schema["const"]));
    }
    if let Some(number) = value.as_f64() {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if bound("minimum").is_some_and(|it| number < it)
            || bound("maximum").is_some_and(|it| number > it)
        {
            wrong(format!("{number} is out of range"));
        }
    }
    if let Some(text) = value.as_str() {
        let is_short = schema
            .get("minLength")
            .and_then(Value::as_u64)
            .is_some_and(|it| (text.len() as u64) < it);
        let pattern =
            schema.get("pattern").and_then(Value::as_str).map(|it| regex::Regex::new(it).unwrap());
        let is_time = policy_advisor::events::Timestamp::parse(text).is_some();
        if is_short
            || pattern.is_some_and(|it| !it.is_match(text))
            || schema.get("format").is_some() && !is_time
        {
            wrong(format!("{text:?} does not do"));
        }
    }
    if let Some(items) = value.as_array() {
        if schema
            .get("minItems")
            .and_then(Value::as_u64)
            .is_some_and(|it| (items.len() as u64) < it)
        {
            wrong("has too few items".to_owned());
        }
        if let Some(schema) = schema.get("items") {
            for (idx, item) in items.iter().enumerate() {
                res.extend(problems(item, schema, root, &format!("{at}[{idx}]")));
            }
        }
    } else if let Some(members) = value.as_object() {
        let known =
            schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !members.contains_key(name.as_str().unwrap()) {
                res.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, value) in members {
            let at = format!("{at}.{name}");
            match (known.get(name), schema.get("additionalProperties")) {
                (Some(schema), _) => res.extend(problems(value, schema, root, &at)),
                (None, Some(Value::Bool(false))) => res.push(format!("{at}: is not known")),
                (None, Some(schema)) if schema.is_object() => {
                    res.extend(problems(value, schema, root, &at));
                }
                (None, _) => (),
            }
        }
    }
    res
}

pub(crate) fn check(name: &str, value: &Value) {
    let schema = schema(name);
    let found = problems(value, &schema, &schema, name);
    assert!(found.is_empty(), "{found:#?}\n{value:#}");
}

fn each(name: &str, values: &Value) {
    let values = values.as_array().unwrap();
    assert!(!values.is_empty(), "{name}: nothing to check");
    for value in values {
        check(name, value);
    }
}

/// Every schema's keywords, its definitions and subschemas included.
fn keywords(schema: &Value, res: &mut BTreeSet<String>) {
    let Some(members) = schema.as_object() else { return };
    for (name, value) in members {
        res.insert(name.clone());
        match name.as_str() {
            "properties" | "$defs" => {
                value.as_object().unwrap().values().for_each(|it| keywords(it, res));
            }
            "items" | "additionalProperties" => keywords(value, res),
            _ => (),
        }
    }
}

#[test]
fn schemas_use_what_is_checked_here_and_nothing_else() {
    let mut n_schemas = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")).unwrap() {
        let path = entry.unwrap().path();
        let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{path:?}");
        let mut found = BTreeSet::new();
        keywords(&schema, &mut found);
        found.retain(|it| !KEYWORDS.contains(&it.as_str()));
        assert!(found.is_empty(), "{path:?} {found:?}");
        n_schemas += 1;
    }
    assert!(n_schemas >= 15);
    // The check itself finds what is wrong.
    let problem = schema("problem");
    let bad = serde_json::json!({"file": "a", "line": 0, "field": 1, "more": true});
    assert_eq!(problems(&bad, &problem, &problem, "x").len(), 4);
}

#[test]
fn what_the_program_prints_is_valid_by_its_schemas() {
    let advisor = Advisor::new();
    let dir = format!("{}/demo", advisor.data_dir().display());
    advisor.ok(&["--quiet", "demo", "--dir", &dir]);
    let data = format!("{dir}/data");
    let on = |args: &[&str]| advisor.json(&[&["--data-dir", &data], args].concat());
    let batches = on(&["suggestions", "list"]);
    for batch in batches.as_array().unwrap() {
        check(
            "suggestion-batch",
            &on(&["suggestions", "show", batch["batch_id"].as_str().unwrap()]),
        );
    }
    assert!(!batches.as_array().unwrap().is_empty());
    // The role as it would be, as a file and as a patch that makes it.
    let id = batches[0]["batch_id"].as_str().unwrap();
    for format in FORMATS.iter().filter(|it| it.name != "role") {
        let args = ["suggestions", "export", id, "--all", "--allow-loss", "--format", format.name];
        let exported = on(&args);
        check("translation", &exported);
        let args = [&["--data-dir", &data], &args[..], &["--patch", "--path", "no/such"]].concat();
        let patch = advisor.ok(&args);
        let lines = patch.lines().skip(3).filter_map(|it| it.strip_prefix('+'));
        assert!(patch.starts_with("--- /dev/null\n+++ b/no/such\n@@ -0,0 +1,"), "{patch}");
        assert!(exported["text"].as_str().unwrap().lines().eq(lines), "{patch}");
    }
    assert!(
        advisor.fails(1, &["--data-dir", &data, "suggestions", "export", id]).contains("no change")
    );
    for role in on(&["roles", "list"]).as_array().unwrap() {
        let role = role["name"].as_str().unwrap();
        check("role", &on(&["roles", "export", role]));
        for format in FORMATS.iter().filter(|it| it.name != "role") {
            let args = ["roles", "export", role, "--format", format.name, "--allow-loss"];
            check("translation", &on(&args));
        }
    }
    each("audit-entry", &on(&["audit", "--limit", "200"]));
    let none = serde_json::json!({"to": "x@acme.com", "text": "hi"});
    let events = [
        serde_json::json!({
            "schema_version": "1.0", "event_id": "1", "timestamp": "2026-03-01T09:00:00Z", "hostname": "dev-1",
            "event_type": "mcp_tool_call", "mcp_server": "slack", "mcp_tool": "post_message", "mcp_arguments": none,
            "decision": "allowed", "session_id": "s", "agent": "a",
        }),
        serde_json::json!({
            "schema_version": "1.0", "event_id": "2", "timestamp": "2026-03-01T09:00:01Z", "hostname": "dev-1",
            "event_type": "command_execution", "argv": ["git", "status"], "decision": "allowed",
        }),
    ];
    for event in &events {
        check("event", event);
    }
    let input = advisor.write("events.ndjson", &events.map(|it| it.to_string()).join("\n"));
    let policy = format!("{POLICIES}support.policy.yaml");
    let card = advisor.write("card.json", r#"{"bounded_actions": ["read"]}"#);
    each(
        "decision",
        &advisor.json(&[
            "policy",
            "evaluate",
            "--policy",
            "builtin:coding-agents",
            "--input",
            &input,
        ]),
    );
    each("reading", &advisor.json(&["shapes", "--input", &input]));
    each(
        "gated-call",
        &advisor.json(&[
            "policy",
            "evaluate",
            "--policy",
            "builtin:interven-starter",
            "--input",
            &input,
        ]),
    );
    check(
        "tool-evaluation",
        &advisor.json(&["policy", "evaluate", "--policy", &policy, "--tools", "mcp__x__y"]),
    );
    check("tool-test", &advisor.json(&["policy", "test", "--policy", &policy, "--input", &input]));
    check(
        "card-coverage",
        &advisor.json(&["policy", "coverage", "--policy", &policy, "--card", &card]),
    );
    check("policy-recommendation", &advisor.json(&["policy", "recommend", "--input", &input]));
    let bad = advisor.write("bad.json", "{}");
    let ended = advisor.run(&["policy", "validate", &bad, "--output", "json"]);
    each("problem", &serde_json::from_str(&ended.out).unwrap());
    let (a, b) = (
        advisor.write("a.json", r#"{"name": "a"}"#),
        advisor.write("b.json", r#"{"name": "b", "default_action": "allow"}"#),
    );
    check("role-difference", &advisor.json(&["policy", "diff", &a, &b]));
}

#[test]
fn documents_of_other_systems_are_valid_by_their_schemas() {
    let role = load_role(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/demo/roles/platform.json"
    )))
    .unwrap();
    for (format, name) in [
        ("role", "role"),
        ("truvant", "truvant-role"),
        ("policy-json", "policy-file"),
        ("interven", "interven-policy"),
        ("claude-code", "claude-code-settings"),
    ] {
        let format = crate::formats::format(format);
        let written = (format.write)(&role, &Besides::default());
        check(name, &serde_json::from_str(&written.text).unwrap());
    }
    for (file, name) in [
        ("slack.interven.json", "interven-policy"),
        ("claude.settings.json", "claude-code-settings"),
    ] {
        let text = fs::read_to_string(format!("{POLICIES}{file}")).unwrap();
        check(name, &serde_json::from_str(&text).unwrap());
    }
}
