//! Tetragon's JSON export: its `process_exec` events.
//!
//! Arguments are one text: words with blanks in them stand in double quotes, without any escaping.
//! A process that ran before Tetragon began (`procFS`) is no new execution.
//!
//! # Source
//! Tetragon's event types: `process_exec.process` with `binary`, `arguments`, `flags`; `node_name`.
use super::{
    foreign::{Act, Draft, EachLine, Source, at, content_id, instant, object, text_at},
    reject::{Fault, Reason},
};
use crate::events::Outcome;

/// A reader of one file.
pub(super) fn source() -> Box<dyn Source> {
    Box::new(EachLine(read))
}

fn read(text: &str) -> Result<Option<Draft>, Fault> {
    let event = object(text)?;
    if !event.contains_key("process_exec") {
        let is_event =
            event.keys().any(|it| it.starts_with("process_")) && event.contains_key("time");
        return if is_event {
            Ok(None)
        } else {
            Err(Fault::at(Reason::MissingField, "process_exec"))
        };
    }
    let missing = || Fault::at(Reason::MissingField, "process_exec.process");
    let process = at(&event, &["process_exec", "process"]).and_then(|it| it.as_object());
    let process = process.ok_or_else(missing)?;
    let flags = text_at(process, &["flags"]).unwrap_or_default();
    let has = |flag: &str| flags.split(' ').any(|it| it == flag);
    if has("procFS") {
        return Ok(None);
    }
    // What is cut off may be the part that matters.
    if has("truncArgs") || has("errorArgs") || has("truncFilename") {
        return Err(Fault::at(Reason::WrongField, "process.arguments is cut off"));
    }
    let binary = text_at(process, &["binary"]);
    let binary = binary.ok_or_else(|| Fault::at(Reason::MissingField, "process.binary"))?;
    let arguments = text_at(process, &["arguments"]).unwrap_or_default();
    let mut argv = vec![binary];
    argv.extend(words(&arguments));
    let timestamp = instant(&event, &["time"])?;
    let hostname = text_at(&event, &["node_name"]);
    let id = text_at(process, &["exec_id"]).map(|it| format!("tetragon:{it}:{timestamp}"));
    let uid = process.get("uid").and_then(serde_json::Value::as_u64);
    Ok(Some(Draft {
        id: id.unwrap_or_else(|| content_id("tetragon", &[text])),
        timestamp,
        hostname,
        act: Act::Command(argv),
        decision: Outcome::Allowed,
        agent: None,
        severity: None,
        session_id: None,
        cwd: text_at(process, &["cwd"]),
        user: uid.map(|it| it.to_string()),
    }))
}

/// Words between blanks; those that begin with a quote end at the quote before a blank, or the end.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(' ');
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('"').and_then(|inner| {
            let closing = inner.find("\" ").or_else(|| inner.strip_suffix('"').map(str::len))?;
            let (word, behind) = inner.split_at_checked(closing)?;
            Some((word, behind.strip_prefix('"')?))
        });
        let (word, behind) = quoted.unwrap_or_else(|| rest.split_once(' ').unwrap_or((rest, "")));
        words.push(word.to_owned());
        rest = behind.trim_start_matches(' ');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_as_they_were_joined() {
        for (text, want) in [
            ("", &[][..]),
            ("5", &["5"]),
            (r#"-c "while true; do x; done""#, &["-c", "while true; do x; done"]),
            (r#""a b" c "d e""#, &["a b", "c", "d e"]),
            (r#"-c "echo "hi there" now""#, &["-c", "echo \"hi there", "now\""]),
            (r#"it's "open"#, &["it's", "\"open"]),
        ] {
            assert_eq!(words(text), want, "{text}");
        }
    }
}
