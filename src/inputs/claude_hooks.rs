//! Hook inputs of Claude Code, one a line, as a hook that logs its input writes them.
//!
//! `PreToolUse` asks; `PostToolUse`, `PostToolUseFailure` (it ran) and `PermissionDenied` (it did
//! not) answer, by `tool_use_id`. A log of requests alone counts each as allowed. Hooks are told no
//! time: whoever logs them adds `timestamp`. A host may be added as `hostname`.
//!
//! # Source
//! The hooks reference of Claude Code: common input fields, and those of the tool events.
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    foreign::{
        Act, Calls, Draft, Out, Place, Source, content_id, instant, mcp_name, needed, object,
        text_at,
    },
    reject::{Fault, Reason},
};
use crate::events::Outcome;

/// The name of the agent, as events have it.
pub(super) const AGENT: &str = "Claude Code";

#[derive(Default)]
struct Hooks {
    calls: Calls,
    /// How often a call without an id was asked for.
    asked: BTreeMap<String, u64>,
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
        let call_id = self.call_id(&hook, &session, &tool, decision.is_none());
        if let Some(decision) = decision
            && self.calls.answer(&call_id, decision, out)
        {
            return Ok(());
        }
        let draft = Draft {
            id: format!("claude-code:{call_id}"),
            timestamp: instant(&hook, &["timestamp"])?,
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

impl Hooks {
    /// The id that request and result share: their own, or one of what they say, counted.
    fn call_id(
        &mut self,
        hook: &Map<String, Value>,
        session: &str,
        tool: &str,
        is_request: bool,
    ) -> String {
        if let Some(id) = text_at(hook, &["tool_use_id"]) {
            return id;
        }
        let input = hook.get("tool_input").map(Value::to_string).unwrap_or_default();
        let id = content_id("call", &[session, tool, &input]);
        let n = self.asked.entry(id.clone()).or_default();
        *n += u64::from(is_request);
        format!("{id}:{n}")
    }
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
