//! OCSF Process Activity (class 1007), one event a line: processes that were launched, or were not let.
//!
//! # Source
//! The OCSF schema, class `process_activity`: `activity_id` 1 is a launch; `action_id` 2 (denied)
//! and `disposition_id` 2 (blocked) are what was stopped; `time` is in milliseconds.
use serde_json::{Map, Value};

use super::{
    foreign::{
        Act, Draft, EachLine, Source, at, call_by_path, content_id, needed, object, text_at,
    },
    reject::{Fault, Reason},
};
use crate::{
    commands::split,
    events::{Outcome, Severity, Timestamp},
};

/// Process Activity.
const CLASS: i64 = 1_007;

/// The activity of a launch.
const LAUNCH: i64 = 1;

/// A reader of one file.
pub(super) fn source() -> Box<dyn Source> {
    Box::new(EachLine(read))
}

fn read(text: &str) -> Result<Option<Draft>, Fault> {
    let event = object(text)?;
    let number = |path: &[&str]| at(&event, path).and_then(Value::as_i64);
    let class = number(&["class_uid"]);
    let class = class.ok_or_else(|| Fault::at(Reason::MissingField, "class_uid"))?;
    if class != CLASS || number(&["activity_id"]) != Some(LAUNCH) {
        return Ok(None);
    }
    let timestamp = time(&event)?;
    let line = needed(&event, &["process", "cmd_line"])?;
    let wrong = || Fault::at(Reason::WrongField, "process.cmd_line");
    let mut argv = split(&line).filter(|it| !it.is_empty()).ok_or_else(wrong)?;
    call_by_path(&mut argv, text_at(&event, &["process", "file", "path"]));
    let first_of = |paths: &[&[&str]]| paths.iter().find_map(|path| text_at(&event, path));
    let hostname = first_of(&[&["device", "hostname"], &["device", "name"]]);
    let id = text_at(&event, &["metadata", "uid"]).map(|it| format!("ocsf:{it}"));
    Ok(Some(Draft {
        id: id.unwrap_or_else(|| content_id("ocsf", &[text])),
        timestamp,
        hostname,
        act: Act::Command(argv),
        decision: outcome(&event),
        agent: None,
        severity: severity(number(&["severity_id"])),
        session_id: first_of(&[&["process", "session", "uid"], &["actor", "session", "uid"]]),
        cwd: text_at(&event, &["process", "working_directory"]),
        user: first_of(&[&["process", "user", "name"], &["actor", "user", "name"]]),
    }))
}

/// `time` in milliseconds, or `time_dt` in RFC 3339 where there is more of it.
fn time(event: &Map<String, Value>) -> Result<Timestamp, Fault> {
    if let Some(at) = text_at(event, &["time_dt"]).and_then(|it| Timestamp::parse(&it)) {
        return Ok(at);
    }
    let time = event.get("time").ok_or_else(|| Fault::at(Reason::MissingField, "time"))?;
    let us = time.as_i64().and_then(|ms| ms.checked_mul(1_000)).filter(|us| *us >= 0);
    us.map(Timestamp).ok_or_else(|| Fault::at(Reason::WrongField, "time"))
}

/// Blocked where the record says so in one of its ways.
fn outcome(event: &Map<String, Value>) -> Outcome {
    let is = |key: &str, value: i64| event.get(key).and_then(Value::as_i64) == Some(value);
    if is("action_id", 2) || is("disposition_id", 2) { Outcome::Blocked } else { Outcome::Allowed }
}

/// Informational and low; medium; high, critical and fatal.
const fn severity(id: Option<i64>) -> Option<Severity> {
    match id {
        Some(1 | 2) => Some(Severity::Info),
        Some(3) => Some(Severity::Warning),
        Some(4..=6) => Some(Severity::Critical),
        _ => None,
    }
}
