//! Which format the lines of a file are, where that is certain: by keys that no other format has.
use serde_json::{Map, Value};

use super::{Format, Line};

/// How many lines of a file are looked at.
pub(super) const LOOKED_AT: usize = 20;

/// A format and what only its lines have.
type Mark = (&'static str, fn(&Map<String, Value>) -> bool);

/// What formats of JSON are told by.
const MARKS: &[Mark] = &[
    ("signal", |it| has_texts(it, &["schema_version", "event_id", "event_type"])),
    ("claude-hooks", |it| has_texts(it, &["hook_event_name", "session_id"])),
    ("claude-transcript", |it| {
        is_one_of(it, "type", &["user", "assistant"])
            && has_texts(it, &["sessionId"])
            && it.get("message").is_some_and(Value::is_object)
    }),
    ("codex-rollout", |it| {
        is_one_of(it, "type", &["session_meta", "turn_context", "response_item", "event_msg"])
            && has_texts(it, &["timestamp"])
            && it.get("payload").is_some_and(Value::is_object)
    }),
    ("ocsf", |it| {
        let is_number = |key: &str| it.get(key).is_some_and(Value::is_i64);
        is_number("class_uid") && is_number("activity_id")
    }),
    ("tetragon", |it| {
        ["process_exec", "process_exit", "process_kprobe"].iter().any(|key| it.contains_key(*key))
            && has_texts(it, &["time"])
    }),
    ("falco", |it| {
        has_texts(it, &["rule", "priority"])
            && it.get("output_fields").is_some_and(Value::is_object)
    }),
];

/// The format that a line is of for certain.
fn of_line(line: &[u8]) -> Option<&'static Format> {
    let text = std::str::from_utf8(line).ok()?.trim_ascii();
    let behind_node = text.strip_prefix("node=").and_then(|it| it.split_once(' '));
    let record = behind_node.map_or(text, |(_, record)| record);
    if record.starts_with("type=") && record.contains(" msg=audit(") {
        return Format::named("auditd");
    }
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut found = MARKS.iter().filter(|(_, is)| is(&object));
    let (name, _) = found.next()?;
    if found.next().is_some() { None } else { Format::named(name) }
}

/// The format of a file by its first lines: one of them is of it for certain, and none of another.
pub fn looks_like<'a>(lines: impl Iterator<Item = Line<'a>>) -> Option<&'static Format> {
    let mut found = lines.take(LOOKED_AT).filter_map(|it| of_line(it.bytes));
    let first = found.next()?;
    found.all(|it| it.name == first.name).then_some(first)
}

fn has_texts(object: &Map<String, Value>, keys: &[&str]) -> bool {
    keys.iter().all(|key| object.get(*key).is_some_and(Value::is_string))
}

fn is_one_of(object: &Map<String, Value>, key: &str, words: &[&str]) -> bool {
    object.get(key).and_then(Value::as_str).is_some_and(|it| words.contains(&it))
}
