//! The signal schema, version 1.x: what enforcement agents write, section 2 of the contract.
use std::{borrow::Cow, fmt};

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::{
    Parsed, arguments,
    json::{Faults, Key, Keys, Percent, Strict, Text, Texts},
    reject::{Fault, Notes, Reason},
};
use crate::{
    commands,
    events::{Event, EventType, Outcome, Severity, Timestamp},
};

/// Reads one line.
pub(super) fn read(line: &str, notes: &mut Notes) -> Result<Parsed, Fault> {
    let faults = Faults::default();
    let mut raw = Raw::default();
    let mut json = serde_json::Deserializer::from_str(line);
    let outcome = json
        .deserialize_any(Line { raw: &mut raw, faults: &faults, notes })
        .and_then(|()| json.end());
    match outcome {
        Ok(()) => raw.into_event(notes),
        Err(err) => Err(faults.explain(&err, raw.reading)),
    }
}

/// The fields as they came.
#[derive(Debug, Default)]
struct Raw<'de> {
    /// The field being read, for messages.
    reading: Option<&'static str>,
    schema_version: Option<Cow<'de, str>>,
    event_id: Option<Cow<'de, str>>,
    timestamp: Option<Cow<'de, str>>,
    hostname: Option<Cow<'de, str>>,
    event_type: Option<Cow<'de, str>>,
    binary: Option<Cow<'de, str>>,
    argv: Option<Vec<Cow<'de, str>>>,
    command: Option<Cow<'de, str>>,
    decision: Option<Cow<'de, str>>,
    rule: Option<Cow<'de, str>>,
    agent: Option<Cow<'de, str>>,
    severity: Option<Cow<'de, str>>,
    role: Option<Cow<'de, str>>,
    session_id: Option<Cow<'de, str>>,
    cwd: Option<Cow<'de, str>>,
    user: Option<Cow<'de, str>>,
    mcp_server: Option<Cow<'de, str>>,
    mcp_tool: Option<Cow<'de, str>>,
    mcp_arguments: Option<Value>,
    endpoint: Option<Cow<'de, str>>,
    trust_score: Option<u8>,
}

/// The line's outermost object.
struct Line<'a, 'de> {
    raw: &'a mut Raw<'de>,
    faults: &'a Faults,
    notes: &'a mut Notes,
}

impl<'de> Visitor<'de> for Line<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { raw, faults, notes } = self;
        let mut known = 0_u32;
        let mut unknown = Keys::default();
        while let Some(key) = map.next_key_seed(Key)? {
            macro_rules! fields {
                ($($bit:literal $name:ident: $seed:expr),+ $(,)?) => {
                    match key.as_ref() {
                        $(stringify!($name) => {
                            if known & (1 << $bit) != 0 {
                                let name = stringify!($name);
                                return Err(faults.stop(Fault::at(Reason::DuplicateKey, name)));
                            }
                            known |= 1 << $bit;
                            raw.reading = Some(stringify!($name));
                            raw.$name = map.next_value_seed($seed)?;
                        })+
                        _ => {
                            notes.unknown_key(&key);
                            map.next_value_seed(Strict { faults, depth: 2, keep: false })?;
                            unknown.add(key, faults)?;
                        }
                    }
                };
            }
            fields! {
                0 schema_version: Text,
                1 event_id: Text,
                2 timestamp: Text,
                3 hostname: Text,
                4 event_type: Text,
                5 binary: Text,
                6 argv: Texts,
                7 command: Text,
                8 decision: Text,
                9 rule: Text,
                10 agent: Text,
                11 severity: Text,
                12 role: Text,
                13 session_id: Text,
                14 cwd: Text,
                15 user: Text,
                16 mcp_server: Text,
                17 mcp_tool: Text,
                18 mcp_arguments: ObjectOrNull(Strict { faults, depth: 2, keep: true }),
                19 endpoint: Text,
                20 trust_score: Percent,
            }
            raw.reading = None;
        }
        Ok(())
    }
}

/// An object, or `None` for null.
struct ObjectOrNull<'a>(Strict<'a>);

impl<'de> serde::de::DeserializeSeed<'de> for ObjectOrNull<'_> {
    type Value = Option<Value>;

    fn deserialize<D>(self, deserializer: D) -> Result<Self::Value, D::Error>
    where
        D: serde::de::Deserializer<'de>,
    {
        match self.0.deserialize(deserializer)? {
            Value::Null => Ok(None),
            object @ Value::Object(_) => Ok(Some(object)),
            _ => Err(D::Error::custom("not an object")),
        }
    }
}

impl Raw<'_> {
    /// Checks every field and takes the secrets out.
    fn into_event(self, notes: &mut Notes) -> Result<Parsed, Fault> {
        check_version(&needed("schema_version", self.schema_version)?)?;
        let event_id = needed("event_id", self.event_id)?;
        let timestamp = needed("timestamp", self.timestamp)?;
        let timestamp = Timestamp::parse(&timestamp).ok_or_else(|| wrong("timestamp"))?;
        let hostname = needed("hostname", self.hostname)?;
        let event_type = needed("event_type", self.event_type)?;
        let event_type = EventType::parse(&event_type).ok_or_else(|| wrong("event_type"))?;
        let decision = needed("decision", self.decision)?;
        let decision = Outcome::parse(&decision).ok_or_else(|| wrong("decision"))?;
        let severity = match self.severity {
            Some(text) => Some(Severity::parse(&text).ok_or_else(|| wrong("severity"))?),
            None => None,
        };
        let argv = match event_type {
            EventType::CommandExecution => command(self.binary, self.argv, self.command)?,
            _ => Vec::new(),
        };
        let (mcp_server, mcp_tool) = match event_type {
            EventType::McpToolCall => (
                Some(needed("mcp_server", self.mcp_server)?),
                Some(needed("mcp_tool", self.mcp_tool)?),
            ),
            _ => (self.mcp_server, self.mcp_tool),
        };

        let id = super::EventKey::of(&event_id);
        let argv = notes.clean_argv(argv);
        let mut clean = |text: Option<Cow<'_, str>>| text.map(|text| notes.clean(text));
        let event = Event {
            event_id: clean(Some(event_id)).unwrap_or_default(),
            timestamp,
            hostname: clean(Some(hostname)).unwrap_or_default(),
            event_type,
            binary: argv.first().cloned(),
            argv,
            decision,
            rule: clean(self.rule),
            agent: clean(self.agent),
            severity,
            role: clean(self.role.filter(|role| !role.is_empty())),
            session_id: clean(self.session_id),
            cwd: clean(self.cwd),
            user: clean(self.user),
            mcp_server: clean(mcp_server),
            mcp_tool: clean(mcp_tool),
            endpoint: clean(self.endpoint),
            mcp_arguments: self.mcp_arguments.map(|it| arguments::compact(it, notes)),
            trust_score: self.trust_score,
        };
        Ok(Parsed { event, id })
    }
}

/// The argument vector: `argv` as it is, else `command` split; never empty, nor its first word.
fn command<'de>(
    binary: Option<Cow<'de, str>>,
    argv: Option<Vec<Cow<'de, str>>>,
    command: Option<Cow<'de, str>>,
) -> Result<Vec<String>, Fault> {
    needed("binary", binary)?;
    let (name, argv) = match (argv, command) {
        (Some(argv), _) => ("argv", argv.into_iter().map(Cow::into_owned).collect()),
        (None, Some(line)) => ("command", commands::split(&line).ok_or_else(|| wrong("command"))?),
        (None, None) => return Err(Fault::at(Reason::MissingField, "argv")),
    };
    match argv.first() {
        Some(first) if !first.is_empty() => Ok(argv),
        _ => Err(wrong(name)),
    }
}

/// A field that must be there and say something.
fn needed<'de>(name: &str, field: Option<Cow<'de, str>>) -> Result<Cow<'de, str>, Fault> {
    let field = field.ok_or_else(|| Fault::at(Reason::MissingField, name))?;
    if field.is_empty() { Err(wrong(name)) } else { Ok(field) }
}

fn wrong(name: &str) -> Fault {
    Fault::at(Reason::WrongField, name)
}

/// Any minor version of major version 1.
fn check_version(version: &str) -> Result<(), Fault> {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !number(major) || !minor.split('.').all(number) {
        return Err(wrong("schema_version"));
    }
    if major == "1" { Ok(()) } else { Err(Fault::at(Reason::UnknownVersion, "schema_version")) }
}
