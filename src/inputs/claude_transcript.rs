//! Transcripts of Claude Code: the `.jsonl` files under its `projects` folder.
//!
//! A message of the assistant holds `tool_use` items, a later message of the user their
//! `tool_result`, by id. What was refused has a result that says so. A call without a result is no
//! event yet: it is told as `no_result`, and read once the file has grown.
//!
//! # Source
//! The files themselves: `type`, `sessionId`, `cwd`, `timestamp`, `message.content[]`.
use serde_json::{Map, Value};

use super::{
    calls::Calls,
    claude_hooks::{AGENT, event_id, is_unique, tool_act},
    foreign::{Draft, Out, Place, Source, at, instant, needed, object, text_at},
    reject::Fault,
};
use crate::events::Outcome;

/// How the result of a refused call begins: by the person, by a rule, by a hook.
const REFUSED: &[&str] = &[
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action",
    "Permission to use ",
    "User rejected tool use",
    "Error: User rejected tool use",
];

/// What is in the result of a call that a hook stopped.
const STOPPED_BY_HOOK: &[&str] = &["PreToolUse:", "hook blocking error"];

#[derive(Default)]
struct Transcript {
    calls: Calls,
}

/// A reader of one file.
pub(super) fn source() -> Box<dyn Source> {
    Box::new(Transcript::default())
}

impl Source for Transcript {
    fn line(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<(), Fault> {
        let line = object(text)?;
        let kind = needed(&line, &["type"])?;
        let content = at(&line, &["message", "content"]).and_then(Value::as_array);
        let items = content.map(Vec::as_slice).unwrap_or_default();
        let mut is_used = false;
        for item in items.iter().filter_map(Value::as_object) {
            match (kind.as_str(), item.get("type").and_then(Value::as_str)) {
                ("assistant", Some("tool_use")) => {
                    is_used |= self.ask(place, text, &line, item, out)?;
                }
                ("user", Some("tool_result")) => {
                    let call_id = needed(item, &["tool_use_id"])?;
                    is_used |= self.calls.answer(&call_id, outcome(item), out);
                }
                _ => (),
            }
        }
        if !is_used {
            out.pass_over();
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.calls.end(false, out);
    }
}

impl Transcript {
    /// Takes a request; false where it is for one of the agent's own tools.
    fn ask(
        &mut self,
        place: Place,
        text: &str,
        line: &Map<String, Value>,
        item: &Map<String, Value>,
        out: &mut Out<'_>,
    ) -> Result<bool, Fault> {
        let call_id = needed(item, &["id"])?;
        let tool = needed(item, &["name"])?;
        let input = item.get("input").cloned().unwrap_or_default();
        let text_of_input = input.to_string();
        let Some(act) = tool_act(&tool, input, "input")? else { return Ok(false) };
        let timestamp = instant(line, &["timestamp"])?;
        let session = needed(line, &["sessionId"])?;
        let at = if is_unique(&call_id) { String::new() } else { timestamp.to_string() };
        let says = [tool.as_str(), &text_of_input, &at];
        let draft = Draft {
            id: self.calls.id(event_id(&session, &call_id), &says),
            timestamp,
            hostname: None,
            act,
            decision: Outcome::Allowed,
            agent: Some(AGENT),
            severity: None,
            session_id: Some(session),
            cwd: text_at(line, &["cwd"]),
            user: None,
        };
        self.calls.ask(call_id, place, text, draft, out);
        Ok(true)
    }
}

/// What a result says of its call: it ran, well or not, unless it was refused.
fn outcome(result: &Map<String, Value>) -> Outcome {
    if result.get("is_error") != Some(&Value::Bool(true)) {
        return Outcome::Allowed;
    }
    let text = match result.get("content") {
        Some(Value::String(text)) => text.as_str(),
        Some(Value::Array(items)) => {
            let text = items.first().and_then(|it| it.get("text"));
            text.and_then(Value::as_str).unwrap_or_default()
        }
        _ => "",
    };
    let first = text.lines().next().unwrap_or_default();
    let is_refused = REFUSED.iter().any(|it| first.starts_with(it))
        || STOPPED_BY_HOOK.iter().all(|it| first.contains(it));
    if is_refused { Outcome::Blocked } else { Outcome::Allowed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::Reason;

    #[test]
    fn only_refusals_are_blocked() {
        for (text, is_error, want) in [
            ("The user doesn't want to proceed with this tool use. Stop.", true, Outcome::Blocked),
            ("Permission to use Bash with command rm has been denied.", true, Outcome::Blocked),
            ("PreToolUse:Bash hook blocking error from command: no", true, Outcome::Blocked),
            ("Exit code 1\nPermission to use it is missing", true, Outcome::Allowed),
            ("The user doesn't want to proceed with this tool use", false, Outcome::Allowed),
        ] {
            for content in [Value::from(text), serde_json::json!([{"type": "text", "text": text}])]
            {
                let result = serde_json::json!({"is_error": is_error, "content": content});
                assert_eq!(outcome(result.as_object().unwrap()), want, "{text}");
            }
        }
        let missing = tool_act("Bash", Value::Null, "input");
        assert_eq!(missing, Err(Fault::at(Reason::MissingField, "input.command")));
    }
}
