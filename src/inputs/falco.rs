//! Falco's JSON output: alerts about executions (`execve`, `execveat`).
//!
//! Falco joins the arguments with blanks and tells nothing of where words end, so that a word with
//! blanks is read as several. Its rules alert and do not stop; what they are called is no pattern of
//! ours, and is left out.
//!
//! # Source
//! Falco's output formats: `time`, `hostname`, `priority`, `output_fields` with `evt.type`,
//! `proc.cmdline`, `proc.exepath`, `proc.cwd`, `user.name`.
use serde_json::Value;

use super::{
    foreign::{Act, Draft, EachLine, Source, call_by_path, content_id, instant, object, text_at},
    reject::{Fault, Reason},
};
use crate::events::{Outcome, Severity};

/// What Falco writes for a field that it could not get.
const NOT_KNOWN: &str = "<NA>";

/// A reader of one file.
pub(super) fn source() -> Box<dyn Source> {
    Box::new(EachLine(read))
}

fn read(text: &str) -> Result<Option<Draft>, Fault> {
    let alert = object(text)?;
    let fields = alert.get("output_fields").and_then(Value::as_object);
    let fields = fields.ok_or_else(|| Fault::at(Reason::MissingField, "output_fields"))?;
    let field = |name: &str| text_at(fields, &[name]).filter(|it| it != NOT_KNOWN);
    match field("evt.type").as_deref() {
        Some("execve" | "execveat") => (),
        _ => return Ok(None),
    }
    let line = field("proc.cmdline");
    let line = line.ok_or_else(|| Fault::at(Reason::MissingField, "proc.cmdline"))?;
    let mut argv: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
    call_by_path(&mut argv, field("proc.exepath"));
    let timestamp = instant(&alert, &["time"])?;
    let hostname = text_at(&alert, &["hostname"]);
    let number = |name: &str| fields.get(name).map(Value::to_string).unwrap_or_default();
    // One execution may meet several rules: it is one event.
    let id = content_id(
        "falco",
        &[
            hostname.as_deref().unwrap_or_default(),
            &timestamp.to_string(),
            &number("evt.num"),
            &number("proc.pid"),
            &line,
        ],
    );
    Ok(Some(Draft {
        id,
        timestamp,
        hostname,
        act: Act::Command(argv),
        decision: Outcome::Allowed,
        agent: None,
        severity: text_at(&alert, &["priority"]).and_then(|it| severity(&it)),
        session_id: None,
        cwd: field("proc.cwd"),
        user: field("user.name"),
    }))
}

fn severity(priority: &str) -> Option<Severity> {
    match priority.to_ascii_lowercase().as_str() {
        "emergency" | "alert" | "critical" => Some(Severity::Critical),
        "error" | "warning" => Some(Severity::Warning),
        "notice" | "informational" | "info" | "debug" => Some(Severity::Info),
        _ => None,
    }
}
