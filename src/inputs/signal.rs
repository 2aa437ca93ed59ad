//! The signal schema, version 1.x: what enforcement agents write, section 2 of the contract.
use std::{borrow::Cow, fmt};

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::{
    Parsed, arguments,
    json::{Faults, Key, Keys, Percent, Strict, Text, Texts},
    notes::Notes,
    reject::{Fault, Reason},
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
            EventType::McpToolCall => Vec::new(),
            EventType::ConfigChange | EventType::PolicyIntegrity => {
                named(self.binary, self.argv, self.command)
            }
        };
        let (mcp_server, mcp_tool) = match event_type {
            EventType::McpToolCall => (
                Some(needed("mcp_server", self.mcp_server)?),
                Some(needed("mcp_tool", self.mcp_tool)?),
            ),
            _ => (self.mcp_server, self.mcp_tool),
        };

        let id = super::EventKey::of(&hostname, &event_id);
        let argv = notes.clean_argv(argv);
        let event_id = notes.clean(event_id);
        let mcp_arguments = self.mcp_arguments.map(|it| arguments::compact(it, notes));
        let mut clean = |field, text: Option<Cow<'_, str>>| {
            text.filter(|it| !it.is_empty()).map(|it| notes.clean_again(field, it))
        };
        let event = Event {
            event_id,
            timestamp,
            hostname: clean("hostname", Some(hostname)).unwrap_or_default(),
            event_type,
            binary: argv.first().cloned(),
            argv,
            decision,
            rule: clean("rule", self.rule),
            agent: clean("agent", self.agent),
            severity,
            role: clean("role", self.role),
            session_id: clean("session_id", self.session_id),
            cwd: clean("cwd", self.cwd),
            user: clean("user", self.user),
            mcp_server: clean("mcp_server", mcp_server),
            mcp_tool: clean("mcp_tool", mcp_tool),
            mcp_arguments,
            endpoint: clean("endpoint", self.endpoint),
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

/// What a change or a report names, such as the file that was changed, where it names something: as a
/// command would be, but nothing of it is needed.
fn named<'de>(
    binary: Option<Cow<'de, str>>,
    argv: Option<Vec<Cow<'de, str>>>,
    command: Option<Cow<'de, str>>,
) -> Vec<String> {
    let words = match (argv, command, binary) {
        (Some(argv), ..) => argv.into_iter().map(Cow::into_owned).collect(),
        (None, Some(line), _) => commands::split(&line).unwrap_or_else(|| vec![line.into_owned()]),
        (None, None, Some(binary)) => vec![binary.into_owned()],
        (None, None, None) => Vec::new(),
    };
    if words.first().is_some_and(|it| !it.is_empty()) { words } else { Vec::new() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{INPUTS, MAX_LINE_BYTES};

    const NOW: Timestamp = Timestamp(1_767_700_800_000_000); // 2026-01-06T12:00:00Z

    /// A good command event with one part of its text replaced.
    fn line(old: &str, new: &str) -> String {
        let good = r#"{"schema_version":"1.0","event_id":"e1","timestamp":"2026-01-05T12:00:00Z","hostname":"h1","event_type":"command_execution","binary":"git","argv":["git","status"],"decision":"allowed"}"#;
        assert!(good.contains(old), "`{old}` is not in the line");
        good.replacen(old, new, 1)
    }

    fn read(line: &[u8]) -> Result<Event, Fault> {
        INPUTS[0].read(line, NOW, &mut Notes::default()).map(|parsed| parsed.event)
    }

    #[test]
    fn bad_lines_say_why() {
        let deep = |depth: usize| format!("{{\"x\":{}1{},", "[".repeat(depth), "]".repeat(depth));
        let mcp =
            r#""event_type":"mcp_tool_call","mcp_server":"s","mcp_tool":"t","mcp_arguments":"#;
        let command = r#""event_type":"command_execution""#;
        for (old, new, reason, detail) in [
            ("{", "", Reason::NotJson, None),
            ("}", "", Reason::NotJson, None),
            ("}", "} x", Reason::NotJson, None),
            ("\"e1\"", "\"\\ud800\"", Reason::NotJson, None),
            ("\"event_id\":\"e1\",", "", Reason::MissingField, Some("event_id")),
            ("\"e1\"", "null", Reason::MissingField, Some("event_id")),
            ("\"e1\"", "\"\"", Reason::WrongField, Some("event_id")),
            ("\"e1\"", "7", Reason::WrongField, Some("event_id")),
            ("\"binary\":\"git\",", "", Reason::MissingField, Some("binary")),
            ("\"argv\":[\"git\",\"status\"],", "", Reason::MissingField, Some("argv")),
            ("[\"git\",\"status\"]", "[]", Reason::WrongField, Some("argv")),
            ("[\"git\",\"status\"]", "[\"\",\"x\"]", Reason::WrongField, Some("argv")),
            ("[\"git\",\"status\"]", "[\"git\",1]", Reason::WrongField, Some("argv")),
            ("[\"git\",\"status\"]", "[\"git\",null]", Reason::WrongField, Some("argv")),
            ("[\"git\",\"status\"]", "\"git status\"", Reason::WrongField, Some("argv")),
            (
                "\"argv\":[\"git\",\"status\"]",
                "\"command\":\"git 'x\"",
                Reason::WrongField,
                Some("command"),
            ),
            (
                "\"argv\":[\"git\",\"status\"]",
                "\"command\":\"  \"",
                Reason::WrongField,
                Some("command"),
            ),
            ("allowed", "maybe", Reason::WrongField, Some("decision")),
            ("command_execution", "lunch", Reason::WrongField, Some("event_type")),
            ("2026-01-05T12:00:00Z", "yesterday", Reason::WrongField, Some("timestamp")),
            ("2026-01-05T12:00:00Z", "1969-01-05T12:00:00Z", Reason::WrongField, Some("timestamp")),
            ("2026-01-05", "2026-01-08", Reason::FutureTimestamp, Some("timestamp")),
            ("\"1.0\"", "\"2.0\"", Reason::UnknownVersion, Some("schema_version")),
            ("\"1.0\"", "\"one\"", Reason::WrongField, Some("schema_version")),
            ("\"1.0\"", "1", Reason::WrongField, Some("schema_version")),
            ("{", "{\"event_id\":\"e2\",", Reason::DuplicateKey, Some("event_id")),
            ("{", "{\"x\":1,\"x\":2,", Reason::DuplicateKey, Some("x")),
            ("{", "{\"x\":{\"y\":1,\"y\":2},", Reason::DuplicateKey, Some("y")),
            ("{", "{\"x\":[{\"a\\u0062\":1,\"ab\":2}],", Reason::DuplicateKey, Some("ab")),
            ("{", &deep(64), Reason::TooDeep, None),
            ("{", &deep(100_000), Reason::TooDeep, None),
            ("{", "{\"trust_score\":101,", Reason::WrongField, Some("trust_score")),
            ("{", "{\"trust_score\":-1,", Reason::WrongField, Some("trust_score")),
            ("{", "{\"trust_score\":\"9\",", Reason::WrongField, Some("trust_score")),
            ("{", "{\"severity\":\"mild\",", Reason::WrongField, Some("severity")),
            ("{", "{\"mcp_arguments\":[1],", Reason::WrongField, Some("mcp_arguments")),
            (command, &format!("{mcp}{{\"q\":1,\"q\":2}}"), Reason::DuplicateKey, Some("q")),
            (command, "\"event_type\":\"mcp_tool_call\"", Reason::MissingField, Some("mcp_server")),
        ] {
            let detail = detail.map(ToOwned::to_owned);
            let line = line(old, new);
            let shown = line.get(..200).unwrap_or(&line);
            assert_eq!(read(line.as_bytes()), Err(Fault { reason, detail }), "{shown}");
        }
        assert_eq!(read(b"\xff{}"), Err(Fault::new(Reason::InvalidUtf8)));
        assert_eq!(read(b"[]"), Err(Fault::new(Reason::NotJson)));
        let long = line("\"e1\"", &format!("\"{}\"", "e".repeat(MAX_LINE_BYTES)));
        assert_eq!(read(long.as_bytes()), Err(Fault::new(Reason::TooLong)));
    }

    #[test]
    fn good_lines_are_read() {
        let argv = |words: &[&str]| words.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        for (old, new, wanted) in [
            ("{", "{", argv(&["git", "status"])),
            ("}", "}\r", argv(&["git", "status"])),
            ("\"1.0\"", "\"1.17\"", argv(&["git", "status"])),
            ("{", "{\"rule\":null,\"later\":{\"a\":[1,2.5,true,null]},", argv(&["git", "status"])),
            ("{", "{\"command\":\"something else\",", argv(&["git", "status"])),
            (
                "\"argv\":[\"git\",\"status\"]",
                "\"command\":\"git commit -m 'a b'\"",
                argv(&["git", "commit", "-m", "a b"]),
            ),
            ("2026-01-05", "2026-01-07", argv(&["git", "status"])),
            ("status", "a\\nb\\u0000c\\\"", argv(&["git", "a\nb\0c\""])),
        ] {
            let event = read(line(old, new).as_bytes()).unwrap();
            assert_eq!(event.argv, wanted);
            assert_eq!(event.binary.as_deref(), Some("git"));
        }
        let text = line(
            "command_execution\",\"binary\":\"git\",\"argv\":[\"git\",\"status\"]",
            "mcp_tool_call\",\"mcp_server\":\"s\",\"mcp_tool\":\"t\",\"trust_score\":41.9,\"mcp_arguments\":{ \"q\" : [ 1 , \"b\" ] }",
        );
        let event = read(text.as_bytes()).unwrap();
        assert_eq!(event.mcp_arguments.as_deref(), Some(r#"{"q":[1,"b"]}"#));
        assert_eq!((event.trust_score, event.argv.len()), (Some(41), 0));
    }

    #[test]
    fn what_a_change_names_is_kept_and_nothing_of_it_is_needed() {
        let kind = "command_execution\",\"binary\":\"git\",\"argv\":[\"git\",\"status\"]";
        for (rest, want) in [
            ("", &[][..]),
            (
                ",\"command\":\"/home/ana/.claude/settings.json\"",
                &["/home/ana/.claude/settings.json"],
            ),
            (",\"command\":\"it's open\"", &["it's open"]),
            (",\"binary\":\"/usr/bin/advisor\"", &["/usr/bin/advisor"]),
            (",\"argv\":[]", &[]),
        ] {
            for event_type in ["config_change", "policy_integrity"] {
                let event = read(line(kind, &format!("{event_type}\"{rest}")).as_bytes()).unwrap();
                assert_eq!(event.argv, want, "{event_type}{rest}");
                assert_eq!(event.binary.as_deref(), want.first().copied());
            }
        }
    }

    #[test]
    fn unknown_keys_are_counted() {
        let mut notes = Notes::default();
        let text = line("{", "{\"zeta\":1,\"eventId\":\"x\",");
        INPUTS[0].read(text.as_bytes(), NOW, &mut notes).unwrap();
        INPUTS[0].read(text.as_bytes(), NOW, &mut notes).unwrap();
        let counts: Vec<_> = notes.unknown_keys.into_iter().collect();
        assert_eq!(counts, [("eventId".to_owned(), 2), ("zeta".to_owned(), 2)]);
    }
}
