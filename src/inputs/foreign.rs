//! What the readers of other systems' records share: drafts of events, and what they are made of.
use std::{borrow::Cow, fmt::Write as _};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{
    EventKey, Parsed, arguments, json,
    notes::Notes,
    reject::{Fault, Reason, excerpt},
};
use crate::events::{Event, EventType, Outcome, Severity, Timestamp};

/// What is given besides the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The host of records that name none.
    pub hostname: Option<String>,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line number, from 1.
    pub number: u64,
    /// Where the line begins, in bytes of the unpacked file.
    pub byte_offset: u64,
}

/// An event or a reject, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The record's place; its first line where it has several.
    pub place: Place,
    /// What came of it.
    pub result: Result<Parsed, Fault>,
    /// How the record begins, redacted; of rejects only.
    pub excerpt: String,
}

/// Reads the lines of one file, in order, from its beginning.
pub(super) trait Source: Send {
    /// Takes one line; the fault is that of the line itself.
    fn line(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<(), Fault>;

    /// Takes the end of the file, as far as it was written.
    fn end(&mut self, out: &mut Out<'_>);
}

/// A source whose records stand by themselves, one a line; `None` is no action.
pub(super) struct EachLine(pub(super) fn(&str) -> Result<Option<Draft>, Fault>);

impl Source for EachLine {
    fn line(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<(), Fault> {
        match (self.0)(text)? {
            Some(draft) => out.put(place, text, Ok(draft)),
            None => out.pass_over(),
        }
        Ok(())
    }

    fn end(&mut self, _out: &mut Out<'_>) {}
}

/// Where a source puts what it finds.
pub(super) struct Out<'a> {
    pub(super) given: &'a Given,
    pub(super) notes: &'a mut Notes,
    pub(super) found: &'a mut Vec<Found>,
}

impl Out<'_> {
    /// An event, or why the record is none.
    pub(super) fn put(&mut self, place: Place, text: &str, draft: Result<Draft, Fault>) {
        let result = draft.and_then(|draft| draft.parsed(self.given, self.notes));
        let excerpt = if result.is_err() { excerpt(text.as_bytes()) } else { String::new() };
        self.found.push(Found { place, result, excerpt });
    }

    /// A record that is no action.
    pub(super) fn pass_over(&mut self) {
        self.notes.n_passed_over += 1;
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// A command, `argv[0]` included.
    Command(Vec<String>),
    /// A call of an MCP tool.
    Call {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// The arguments.
        arguments: Value,
    },
}

/// An event in the making.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    /// Unique in all files of the format.
    pub(super) id: String,
    pub(super) timestamp: Timestamp,
    /// Where the record names one.
    pub(super) hostname: Option<String>,
    pub(super) act: Act,
    pub(super) decision: Outcome,
    pub(super) agent: Option<&'static str>,
    pub(super) severity: Option<Severity>,
    pub(super) session_id: Option<String>,
    pub(super) cwd: Option<String>,
    pub(super) user: Option<String>,
}

impl Draft {
    /// The event, without its secrets.
    fn parsed(self, given: &Given, notes: &mut Notes) -> Result<Parsed, Fault> {
        let hostname = self.hostname.filter(|it| !it.is_empty());
        let hostname = hostname.or_else(|| given.hostname.clone());
        let hostname = hostname.ok_or_else(|| Fault::at(Reason::MissingField, "hostname"))?;
        let id = EventKey::of(&hostname, &self.id);
        let mut event = Event {
            event_id: notes.clean(Cow::Owned(self.id)),
            timestamp: self.timestamp,
            hostname: notes.clean(Cow::Owned(hostname)),
            event_type: EventType::CommandExecution,
            binary: None,
            argv: Vec::new(),
            decision: self.decision,
            rule: None,
            agent: self.agent.map(ToOwned::to_owned),
            severity: self.severity,
            role: None,
            session_id: None,
            cwd: None,
            user: None,
            mcp_server: None,
            mcp_tool: None,
            mcp_arguments: None,
            endpoint: None,
            trust_score: None,
        };
        match self.act {
            Act::Command(argv) => {
                if argv.first().is_none_or(String::is_empty) {
                    return Err(Fault::at(Reason::WrongField, "argv"));
                }
                event.argv = notes.clean_argv(argv);
                event.binary = event.argv.first().cloned();
            }
            Act::Call { server, tool, arguments } => {
                event.event_type = EventType::McpToolCall;
                event.mcp_server = Some(notes.clean(Cow::Owned(server)));
                event.mcp_tool = Some(notes.clean(Cow::Owned(tool)));
                event.mcp_arguments =
                    arguments.is_object().then(|| arguments::compact(arguments, notes));
            }
        }
        let mut clean = |field, text: Option<String>| {
            let text = text.filter(|it| !it.is_empty());
            text.map(|it| notes.clean_again(field, Cow::Owned(it)))
        };
        event.session_id = clean("session_id", self.session_id);
        event.cwd = clean("cwd", self.cwd);
        event.user = clean("user", self.user);
        Ok(Parsed { event, id })
    }
}

/// A line as a strict JSON object.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, Fault> {
    match json::value(text)? {
        Value::Object(object) => Ok(object),
        _ => Err(Fault::new(Reason::NotJson)),
    }
}

/// A value inside of objects, by the keys on the way.
pub(super) fn at<'v>(object: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(*first)?, |value, key| value.get(key))
}

/// A text inside of objects that is not empty.
pub(super) fn text_at(object: &Map<String, Value>, path: &[&str]) -> Option<String> {
    let text = at(object, path)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// A text that must be there.
pub(super) fn needed(object: &Map<String, Value>, path: &[&str]) -> Result<String, Fault> {
    match at(object, path) {
        None | Some(Value::Null) => Err(Fault::at(Reason::MissingField, path.join("."))),
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(_) => Err(Fault::at(Reason::WrongField, path.join("."))),
    }
}

/// Puts the file that was run in the place of the word it was called by, where they name one program:
/// it says more.
pub(super) fn call_by_path(argv: &mut [String], path: Option<String>) {
    if let (Some(path), Some(first)) = (path, argv.first_mut())
        && path.rsplit('/').next() == Some(first.as_str())
    {
        *first = path;
    }
}

/// A time in RFC 3339 that must be there.
pub(super) fn instant(object: &Map<String, Value>, path: &[&str]) -> Result<Timestamp, Fault> {
    let text = needed(object, path)?;
    Timestamp::parse(&text).ok_or_else(|| Fault::at(Reason::WrongField, path.join(".")))
}

/// An id made of what a record says, where it has none of its own.
pub(super) fn content_id(format: &str, parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        // Lengths keep the parts apart.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut id = format!("{format}:");
    for byte in digest.iter().take(16) {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// What an agent's tool call is, by the tool's name: a shell command, a call of an MCP server, or
/// one of the agent's own tools, which enforcers of commands do not see.
pub(super) fn mcp_name(name: &str) -> Option<(&str, &str)> {
    let (server, tool) = name.strip_prefix("mcp__")?.split_once("__")?;
    (!server.is_empty() && !tool.is_empty()).then_some((server, tool))
}
