//! What a command says on stderr as a log line, for those who read nothing but JSON there.
use serde_json::{Map, json};

use crate::events::{Timestamp, visible_json};

/// A line as those of the log: `level` by how the text begins (`error: `, `warning: `), else as given;
/// its hints apart. `run_id` where it is of a run.
pub(super) fn line(text: &str, level: &str, run_id: Option<&str>, at: Timestamp) -> String {
    let begins = [("error: ", "ERROR"), ("warning: ", "WARN")];
    let found = begins.iter().find_map(|(begin, it)| Some((text.strip_prefix(begin)?, *it)));
    let (text, level) = found.unwrap_or((text, level));
    let (hints, message): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("hint: "));
    let mut fields = Map::new();
    fields.insert("message".to_owned(), message.join("\n").into());
    if !hints.is_empty() {
        let hints = hints.iter().map(|it| it.trim_start_matches("hint: "));
        fields.insert("hints".to_owned(), hints.collect::<Vec<&str>>().join("; ").into());
    }
    if let Some(run_id) = run_id {
        fields.insert("run_id".to_owned(), run_id.into());
    }
    let line = json!({ "timestamp": at.to_string(), "level": level, "fields": fields });
    visible_json(line.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_and_its_hints_are_one_line_of_json() {
        let said = |text: &str, run_id| -> serde_json::Value {
            let line = line(text, "INFO", run_id, Timestamp(0));
            assert!(line.is_ascii() && line.lines().count() == 1, "{line}");
            serde_json::from_str(&line).unwrap()
        };
        let error = said("error: no store at `x\u{202e}`\nhint: a\nhint: b", Some("r-1"));
        assert_eq!(error["timestamp"], "1970-01-01T00:00:00Z");
        assert_eq!(error["level"], "ERROR");
        let fields =
            json!({ "message": "no store at `x\u{202e}`", "hints": "a; b", "run_id": "r-1" });
        assert_eq!(error["fields"], fields);
        assert_eq!(said("warning: it is late", None)["level"], "WARN");
        let note = said("stopped", None);
        assert_eq!(
            (&note["level"], &note["fields"]),
            (&"INFO".into(), &json!({"message": "stopped"}))
        );
    }
}
