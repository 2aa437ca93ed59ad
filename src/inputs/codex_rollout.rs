//! Rollouts of Codex CLI: the `rollout-*.jsonl` files under its `sessions` folder.
//!
//! `session_meta` names the session and its folder, `turn_context` another folder; calls and their
//! outputs are `response_item` payloads with one `call_id`. A call without an output is no event yet.
//! What `write_stdin` types into a program that runs is read as a command of the session's shell: which
//! program it is, the rollout does not tell with certainty.
//!
//! # Source
//! The files themselves, and the protocol types of Codex: `function_call`, `local_shell_call`,
//! `function_call_output`.
use serde_json::{Map, Value};

use super::{
    calls::Calls,
    claude_hooks::shell,
    foreign::{Act, Draft, Out, Place, Source, at, instant, mcp_name, needed, object, text_at},
    json,
    reject::{Fault, Reason},
};
use crate::events::Outcome;

const AGENT: &str = "Codex CLI";

/// How the output of a refused call begins.
const REFUSED: &[&str] = &[
    "exec command rejected by user",
    "execution error: Rejected",
    "rejected by user",
    "command rejected",
    "approval denied",
    "user rejected",
];

#[derive(Default)]
struct Rollout {
    calls: Calls,
    session_id: Option<String>,
    cwd: Option<String>,
}

/// A reader of one file.
pub(super) fn source() -> Box<dyn Source> {
    Box::new(Rollout::default())
}

impl Source for Rollout {
    fn line(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<(), Fault> {
        if !self.read(place, text, out)? {
            out.pass_over();
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.calls.end(false, out);
    }
}

impl Rollout {
    /// Takes a line; false where it is no action and no result of one.
    fn read(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<bool, Fault> {
        let line = object(text)?;
        let kind = needed(&line, &["type"])?;
        let Some(payload) = line.get("payload").and_then(Value::as_object) else {
            return Err(Fault::at(Reason::MissingField, "payload"));
        };
        match kind.as_str() {
            "session_meta" => {
                self.session_id = Some(needed(payload, &["id"])?);
                self.cwd = text_at(payload, &["cwd"]);
                return Ok(false);
            }
            "turn_context" => {
                self.cwd = text_at(payload, &["cwd"]).or_else(|| self.cwd.take());
                return Ok(false);
            }
            "response_item" => (),
            _ => return Ok(false),
        }
        let item = needed(payload, &["type"])?;
        if item == "function_call_output" {
            let call_id = needed(payload, &["call_id"])?;
            return Ok(self.calls.answer(&call_id, outcome(payload), out));
        }
        let (act, workdir) = match item.as_str() {
            "function_call" => function_call(payload)?,
            "local_shell_call" => local_shell_call(payload)?,
            _ => (None, None),
        };
        let Some(act) = act else { return Ok(false) };
        let call_id = needed(payload, &["call_id"])?;
        let session_id = self
            .session_id
            .clone()
            .ok_or_else(|| Fault::at(Reason::MissingField, "session_meta"))?;
        let timestamp = instant(&line, &["timestamp"])?;
        // Ids of other models than the maker's own begin anew in every turn.
        let says = [timestamp.to_string(), format!("{act:?}")];
        let says = says.each_ref().map(String::as_str);
        let draft = Draft {
            id: self.calls.id(format!("codex:{session_id}:{call_id}"), &says),
            timestamp,
            hostname: None,
            act,
            decision: Outcome::Allowed,
            agent: Some(AGENT),
            severity: None,
            session_id: Some(session_id),
            cwd: workdir.or_else(|| self.cwd.clone()),
            user: None,
        };
        self.calls.ask(call_id, place, text, draft, out);
        Ok(true)
    }
}

/// What was done, and in which folder where it says so.
type ActAndFolder = (Option<Act>, Option<String>);

/// A call of a function: a shell in one of its forms, or an MCP tool.
fn function_call(payload: &Map<String, Value>) -> Result<ActAndFolder, Fault> {
    let name = needed(payload, &["name"])?;
    let is_shell = matches!(
        name.as_str(),
        "shell" | "shell_command" | "exec_command" | "container.exec" | "local_shell"
    );
    let is_typed = name == "write_stdin";
    let called = mcp_name(&name);
    if !is_shell && !is_typed && called.is_none() {
        return Ok((None, None));
    }
    // The arguments are an object, mostly as the text that the model wrote.
    let wrong = || Fault::at(Reason::WrongField, "payload.arguments");
    let arguments = match payload.get("arguments") {
        Some(Value::String(text)) => json::value(text).map_err(|_| wrong())?,
        Some(value) => value.clone(),
        None => return Err(Fault::at(Reason::MissingField, "payload.arguments")),
    };
    let object = arguments.as_object().ok_or_else(wrong)?;
    if let Some((server, tool)) = called {
        let (server, tool) = (server.to_owned(), tool.to_owned());
        return Ok((Some(Act::Call { server, tool, arguments }), None));
    }
    if is_typed {
        return typed(object).map(|it| (it, None));
    }
    let workdir = text_at(object, &["workdir"]);
    let command = object.get("command").or_else(|| object.get("cmd"));
    let command = command.ok_or_else(|| Fault::at(Reason::MissingField, "arguments.command"))?;
    Ok((Some(command_of(command, "arguments.command")?), workdir))
}

/// What was typed: lines; nothing where the agent waits for output, or presses keys such as Ctrl-C.
fn typed(arguments: &Map<String, Value>) -> Result<Option<Act>, Fault> {
    let keys = match arguments.get("chars") {
        Some(Value::String(keys)) => keys.replace('\r', "\n"),
        Some(Value::Null) | None => return Ok(None),
        Some(_) => return Err(Fault::at(Reason::WrongField, "arguments.chars")),
    };
    let is_text = |it: &char| !it.is_control() || matches!(it, '\n' | '\t');
    let text: String = keys.chars().filter(is_text).collect();
    let line = text.trim();
    Ok((!line.is_empty()).then(|| shell(line)))
}

fn local_shell_call(payload: &Map<String, Value>) -> Result<ActAndFolder, Fault> {
    let command = at(payload, &["action", "command"]);
    let command = command.ok_or_else(|| Fault::at(Reason::MissingField, "action.command"))?;
    let workdir = text_at(payload, &["action", "working_directory"]);
    Ok((Some(command_of(command, "action.command")?), workdir))
}

/// An argument vector, or a line for a shell.
fn command_of(command: &Value, field: &str) -> Result<Act, Fault> {
    let wrong = || Fault::at(Reason::WrongField, field);
    match command {
        Value::String(line) if !line.trim().is_empty() => Ok(shell(line)),
        Value::Array(words) if !words.is_empty() => {
            let words = words.iter().map(|it| it.as_str().map(ToOwned::to_owned));
            Ok(Act::Command(words.collect::<Option<Vec<String>>>().ok_or_else(wrong)?))
        }
        _ => Err(wrong()),
    }
}

/// What an output says of its call: it ran, well or not, unless it was refused.
fn outcome(payload: &Map<String, Value>) -> Outcome {
    let output = payload.get("output");
    let text = match output {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Object(object)) => object.get("content").and_then(Value::as_str),
        _ => None,
    };
    let first = text.unwrap_or_default().trim_start();
    let is_refused = REFUSED.iter().any(|it| first.starts_with(it));
    if is_refused { Outcome::Blocked } else { Outcome::Allowed }
}
