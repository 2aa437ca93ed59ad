//! The published JSON Schemas: what the program prints and reads is valid by them.
use std::{collections::BTreeSet, fs, path::Path};

use policy_advisor::formats::{Besides, load_role};
use serde_json::Value;

use crate::formats::POLICIES;

pub(crate) fn schema(name: &str) -> Value {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");
    let text = fs::read_to_string(format!("{dir}/{name}.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every keyword that a schema may use, which are those that [`problems`] knows.
const KEYWORDS: &[&str] = &[
    "$schema",
    "title",
    "description",
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
pub(crate) fn problems(value: &Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    let mut res = Vec::new();
    let mut wrong = |what: String| res.push(format!("{at}: {what}"));
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        if let Some(file) = name.strip_suffix(".schema.json") {
            let other = self::schema(file);
            return problems(value, &other, &other, at);
        }
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
    assert!(n_schemas >= 50, "{n_schemas}");
    // The check itself finds what is wrong.
    let problem = schema("problem");
    let bad = serde_json::json!({"file": "a", "line": 0, "field": 1, "more": true});
    assert_eq!(problems(&bad, &problem, &problem, "x").len(), 4);
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
