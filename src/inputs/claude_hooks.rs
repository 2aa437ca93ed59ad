//! Hook inputs of Claude Code, one a line, as a hook that logs its input writes them.
//!
//! `PreToolUse` asks; `PostToolUse`, `PostToolUseFailure` (it ran) and `PermissionDenied` (it did
//! not) answer, by `tool_use_id`. A log of requests alone counts each as allowed, and so does one of
//! results alone. Hooks are told no time: whoever logs them adds `timestamp`. A host may be added as
//! `hostname`. Where there is no `tool_use_id`, session, tool, input and time make the id, and of calls
//! that are alike in all of these their number in the file.
//!
//! # Source
//! The hooks reference of Claude Code: common input fields, and those of the tool events.
use serde_json::{Map, Value};

use super::{
    calls::Calls,
    foreign::{
        Act, Draft, Out, Place, Source, content_id, instant, mcp_name, needed, object, text_at,
    },
    reject::{Fault, Reason},
};
use crate::events::Outcome;

/// The name of the agent, as events have it.
pub(super) const AGENT: &str = "Claude Code";

/// How the ids of its events begin.
const FORMAT: &str = "claude-code";

#[derive(Default)]
struct Hooks {
    calls: Calls,
}

/// A reader of one file.
pub(super) fn source() -> Box<dyn Source> {
    Box::new(Hooks::default())
}

impl Source for Hooks {
    fn line(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<(), Fault> {
        let hook = object(text)?;
        let event = needed(&hook, &["hook_event_name"])?;
        let decision = match event.as_str() {
            "PreToolUse" => None,
            "PostToolUse" | "PostToolUseFailure" => Some(Outcome::Allowed),
            "PermissionDenied" => Some(Outcome::Blocked),
            _ => {
                out.pass_over();
                return Ok(());
            }
        };
        let tool = needed(&hook, &["tool_name"])?;
        let Some(act) = act(&tool, &hook)? else {
            out.pass_over();
            return Ok(());
        };
        let session = needed(&hook, &["session_id"])?;
        let own_id = text_at(&hook, &["tool_use_id"]);
        let input = hook.get("tool_input").map(Value::to_string).unwrap_or_default();
        // What request and result share.
        let alike = || content_id("call", &[&session, &tool, &input]);
        let call_id = own_id.clone().unwrap_or_else(alike);
        if let Some(decision) = decision
            && self.calls.answer(&call_id, decision, out)
        {
            return Ok(());
        }
        let timestamp = instant(&hook, &["timestamp"])?;
        let id = if let Some(id) = own_id {
            // Two hooks that log one call tell it at two times.
            self.calls.id(event_id(&session, &id), &[&tool, &input])
        } else {
            let says = [session.as_str(), &tool, &input, &timestamp.to_string()];
            self.calls.numbered("claude-code:call", &says)
        };
        let draft = Draft {
            id,
            timestamp,
            hostname: text_at(&hook, &["hostname"]),
            act,
            decision: decision.unwrap_or(Outcome::Allowed),
            agent: Some(AGENT),
            severity: None,
            session_id: Some(session),
            cwd: text_at(&hook, &["cwd"]),
            user: text_at(&hook, &["user"]),
        };
        self.calls.ask(call_id.clone(), place, text, draft, out);
        if let Some(decision) = decision {
            // A log of results alone.
            self.calls.answer(&call_id, decision, out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) {
        let as_asked = !self.calls.has_answers();
        self.calls.end(as_asked, out);
    }
}

/// The id of the event that a call is. The ids of the model's provider are unique; others may begin
/// anew in every session.
pub(super) fn event_id(session: &str, call_id: &str) -> String {
    if is_unique(call_id) {
        return format!("{FORMAT}:{call_id}");
    }
    format!("{FORMAT}:{session}:{call_id}")
}

/// Whether no other call has this id.
///
/// # Source
/// The ids of `tool_use` blocks of Anthropic's API; gateways to other models count `call_0`, `call_1`.
pub(super) fn is_unique(call_id: &str) -> bool {
    call_id.starts_with("toolu_")
}

/// What a tool call does; `None` for the agent's own tools.
fn act(tool: &str, hook: &Map<String, Value>) -> Result<Option<Act>, Fault> {
    let input = hook.get("tool_input").cloned().unwrap_or_default();
    tool_act(tool, input, "tool_input")
}

/// What a tool call with this input does; `None` for the agent's own tools.
pub(super) fn tool_act(tool: &str, input: Value, field: &str) -> Result<Option<Act>, Fault> {
    if tool == "Bash" {
        return match input.get("command").and_then(Value::as_str) {
            Some(line) if !line.trim().is_empty() => Ok(Some(shell(line))),
            Some(_) => Err(Fault::at(Reason::WrongField, format!("{field}.command"))),
            None => Err(Fault::at(Reason::MissingField, format!("{field}.command"))),
        };
    }
    Ok(mcp_name(tool).map(|(server, tool)| Act::Call {
        server: server.to_owned(),
        tool: tool.to_owned(),
        arguments: input,
    }))
}

/// A line that an agent gives to a shell.
pub(super) fn shell(line: &str) -> Act {
    Act::Command(["bash", "-c", line].map(ToOwned::to_owned).to_vec())
}
