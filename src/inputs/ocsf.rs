//! OCSF Process Activity (class 1007), one event a line: processes that were launched, or were not let.
//!
//! # Source
//! The OCSF schema, class `process_activity`: `activity_id` 1 is a launch; `action_id` 2 (denied)
//! and `disposition_id` 2 (blocked) are what was stopped; `time` is in milliseconds; `os.type_id` 100 is
//! Windows. A command line of Windows is taken apart as its C runtime does, and the program's path is
//! written with `/`, so that patterns see its base name.
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

/// Windows, of the types of operating systems.
const WINDOWS: i64 = 100;

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
    let path = text_at(&event, &["process", "file", "path"]);
    let is_windows = number(&["device", "os", "type_id"]) == Some(WINDOWS)
        || path.as_deref().is_some_and(has_drive)
        || has_drive(line.trim_start_matches('"'));
    let words = if is_windows { Some(windows_words(&line)) } else { split(&line) };
    let mut argv = words.filter(|it| !it.is_empty()).ok_or_else(wrong)?;
    let path = path.map(|it| if is_windows { it.replace('\\', "/") } else { it });
    if let Some(first) = argv.first_mut().filter(|_| is_windows) {
        *first = first.replace('\\', "/");
    }
    call_by_path(&mut argv, path);
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

/// Whether a path begins with a drive, or names a share.
fn has_drive(path: &str) -> bool {
    let mut chars = path.chars();
    let drive = chars.next().is_some_and(|it| it.is_ascii_alphabetic());
    drive && chars.next() == Some(':') && chars.next() == Some('\\') || path.starts_with(r"\\")
}

/// The words of a command line of Windows.
///
/// # Source
/// Microsoft's documentation of `main` and its arguments: backslashes stand for themselves unless a
/// quote follows; 2n of them and a quote are n and a quote that opens or closes, 2n + 1 are n and a
/// quote as text; in the program's name no backslash escapes.
fn windows_words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut is_open, mut is_word) = (String::new(), false, false);
    let mut chars = line.trim().chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' if !words.is_empty() => {
                let mut n = 1;
                while chars.next_if_eq(&'\\').is_some() {
                    n += 1;
                }
                let is_quote = chars.peek() == Some(&'"');
                word.push_str(&"\\".repeat(if is_quote { n / 2 } else { n }));
                if is_quote && n % 2 == 1 {
                    word.extend(chars.next());
                }
                is_word = true;
            }
            '"' => {
                is_word = true;
                // Two within quotes are one as text.
                if is_open && !words.is_empty() && chars.next_if_eq(&'"').is_some() {
                    word.push('"');
                } else {
                    is_open = !is_open;
                }
            }
            ' ' | '\t' if !is_open => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            char => {
                word.push(char);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    words
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_of_windows_are_taken_apart_as_their_programs_do() {
        for (line, want) in [
            (
                r"C:\Windows\System32\cmd.exe /c dir",
                &[r"C:\Windows\System32\cmd.exe", "/c", "dir"][..],
            ),
            (
                r#""C:\Program Files\git\git.exe" commit -m "fix it""#,
                &[r"C:\Program Files\git\git.exe", "commit", "-m", "fix it"],
            ),
            // The examples of Microsoft's page, behind a program's name.
            (r#"x "abc" d e"#, &["x", "abc", "d", "e"]),
            (r#"x a\\b d"e f"g h"#, &["x", r"a\\b", "de fg", "h"]),
            (r#"x a\\\"b c d"#, &["x", r#"a\"b"#, "c", "d"]),
            (r#"x a\\\\"b c" d e"#, &["x", r"a\\b c", "d", "e"]),
            (r#"x """#, &["x", ""]),
            (r"x", &["x"]),
        ] {
            assert_eq!(windows_words(line), want, "{line}");
        }
    }
}
