//! The contract's own JSON of a role: read with line and field, written in a fixed order.
use std::{
    collections::BTreeMap,
    fmt, fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::policy::{
    Evaluation, Matching, Mode, RiskPolicy, Role, Rule, RuleAction, When, validate,
};

/// Largest role file, in bytes: ten thousand rules with the longest patterns are more than enough.
const MAX_BYTES: u64 = 64 << 20;

/// Why a role file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadRoleFile {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is too large.
    #[error("`{}` is larger than 64 MiB, that is no role", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not a valid role.
    #[error("`{}` line {}: {}", path.display(), problem.line, problem.what())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: Invalid,
    },
}

/// What is wrong with the text of a role, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// 1-based.
    pub line: usize,
    /// Such as `rules[3].action`; empty where it is about the whole.
    pub field: String,
    /// Lower case.
    pub message: String,
}

/// A role as `roles export` prints it: the contract's keys in the contract's order.
#[derive(Debug, Serialize)]
pub struct RoleDocument<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    mode: Mode,
    default_action: RuleAction,
    evaluation: Evaluation,
    matching: Matching,
    rules: Vec<RuleDocument<'a>>,
    mcp_rules: Vec<RuleDocument<'a>>,
    risk_policy: RiskPolicy,
    revision: u64,
}

#[derive(Debug, Serialize)]
struct RuleDocument<'a> {
    rule_id: &'a str,
    pattern: &'a str,
    action: RuleAction,
    when: &'a When,
    #[serde(skip_serializing_if = "Option::is_none")]
    rationale: Option<&'a str>,
}

impl<'a> RoleDocument<'a> {
    /// The document of a role.
    pub fn new(role: &'a Role) -> Self {
        let rules = |rules: &'a [Rule]| rules.iter().map(RuleDocument::new).collect();
        Self {
            name: &role.name,
            description: &role.description,
            mode: role.mode,
            default_action: role.default_action,
            evaluation: role.evaluation,
            matching: role.matching,
            rules: rules(&role.rules),
            mcp_rules: rules(&role.mcp_rules),
            risk_policy: role.risk_policy,
            revision: role.revision,
        }
    }
}

impl<'a> RuleDocument<'a> {
    fn new(rule: &'a Rule) -> Self {
        Self {
            rule_id: &rule.rule_id,
            pattern: &rule.pattern,
            action: rule.action,
            when: &rule.when,
            rationale: rule.rationale.as_deref(),
        }
    }
}

impl Invalid {
    fn what(&self) -> String {
        if self.field.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.field, self.message)
        }
    }
}

/// Reads a role from a file; `-` is stdin.
///
/// # Errors
/// Where it cannot be read or is not a valid role.
#[expect(clippy::disallowed_types, reason = "reading role files is what this is for")]
pub fn load_role(path: &Path) -> Result<Role, BadRoleFile> {
    let read = |source| BadRoleFile::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let n_bytes = if path == Path::new("-") {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    if n_bytes.map_err(read)? as u64 > MAX_BYTES {
        return Err(BadRoleFile::TooLarge { path: path.to_owned() });
    }
    let invalid = |problem| BadRoleFile::Invalid { path: path.to_owned(), problem };
    let text = String::from_utf8(bytes).map_err(|err| {
        let ends = line_ends(err.as_bytes());
        let line = 1 + ends.partition_point(|end| *end < err.utf8_error().valid_up_to());
        invalid(Invalid { line, field: String::new(), message: "is not UTF-8".to_owned() })
    })?;
    read_role(&text).map_err(invalid)
}

/// Reads a role from JSON text.
///
/// # Errors
/// The first problem, with line and field.
pub fn read_role(text: &str) -> Result<Role, Invalid> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line_ends = line_ends(text.as_bytes());
    let mut reader = Reader { text, line_ends, lines: BTreeMap::new() };
    let mut fields = reader.object("", text)?;
    let role = Role {
        name: reader.needed(&mut fields, "", "name")?,
        description: reader.field(&mut fields, "", "description")?.unwrap_or_default(),
        mode: reader.field(&mut fields, "", "mode")?.unwrap_or_default(),
        default_action: reader
            .field(&mut fields, "", "default_action")?
            .unwrap_or(RuleAction::Deny),
        evaluation: reader.field(&mut fields, "", "evaluation")?.unwrap_or_default(),
        matching: reader.field(&mut fields, "", "matching")?.unwrap_or_default(),
        rules: reader.rules(&mut fields, "rules")?,
        mcp_rules: reader.rules(&mut fields, "mcp_rules")?,
        risk_policy: reader.field(&mut fields, "", "risk_policy")?.unwrap_or_default(),
        revision: reader.field(&mut fields, "", "revision")?.unwrap_or_default(),
    };
    reader.nothing_left(&fields, "")?;
    match validate(&role).into_iter().next() {
        None => Ok(role),
        Some(problem) => Err(Invalid {
            line: reader.line_of_field(&problem.field),
            field: problem.field,
            message: problem.message,
        }),
    }
}

/// Takes JSON apart and remembers on which line each field stands.
struct Reader<'a> {
    text: &'a str,
    line_ends: Vec<usize>,
    lines: BTreeMap<String, usize>,
}

/// The members of one object, in the order of the text.
type Members<'a> = Vec<(String, &'a RawValue)>;

impl<'a> Reader<'a> {
    /// The members of the object that `part` is.
    fn object(&self, field: &str, part: &'a str) -> Result<Members<'a>, Invalid> {
        let members: Result<Object<'a>, serde_json::Error> = serde_json::from_str(part);
        let members = members.map_err(|err| self.problem(field, part, &err))?.0;
        for (idx, (name, value)) in members.iter().enumerate() {
            if members.iter().take(idx).any(|(other, _)| other == name) {
                let message = "is given twice".to_owned();
                let line = self.line_of(value.get());
                return Err(Invalid { line, field: join(field, name), message });
            }
        }
        Ok(members)
    }

    /// Takes a member, where it is there and not null.
    fn field<T: DeserializeOwned>(
        &mut self,
        members: &mut Members<'a>,
        parent: &str,
        name: &str,
    ) -> Result<Option<T>, Invalid> {
        let Some(at) = members.iter().position(|(it, _)| it == name) else { return Ok(None) };
        let (_, value) = members.remove(at);
        let field = join(parent, name);
        self.lines.insert(field.clone(), self.line_of(value.get()));
        serde_json::from_str(value.get()).map_err(|err| self.problem(&field, value.get(), &err))
    }

    /// Takes a member that must be there; where it is not, the object's line is named.
    fn needed<T: DeserializeOwned>(
        &mut self,
        members: &mut Members<'a>,
        parent: &str,
        name: &str,
    ) -> Result<T, Invalid> {
        let line = members.first().map_or(1, |(_, value)| self.line_of(value.get()));
        self.field(members, parent, name)?.ok_or_else(|| Invalid {
            line: self.lines.get(parent).copied().unwrap_or(line),
            field: join(parent, name),
            message: "is missing".to_owned(),
        })
    }

    /// Takes a list of rules.
    fn rules(&mut self, members: &mut Members<'a>, list: &str) -> Result<Vec<Rule>, Invalid> {
        let Some(at) = members.iter().position(|(it, _)| it == list) else { return Ok(Vec::new()) };
        let (_, value) = members.remove(at);
        let items: Result<Vec<&'a RawValue>, serde_json::Error> = serde_json::from_str(value.get());
        let items = items.map_err(|err| self.problem(list, value.get(), &err))?;
        let mut rules = Vec::with_capacity(items.len());
        for (idx, item) in items.into_iter().enumerate() {
            let field = format!("{list}[{idx}]");
            self.lines.insert(field.clone(), self.line_of(item.get()));
            let mut members = self.object(&field, item.get())?;
            rules.push(Rule {
                rule_id: self.field(&mut members, &field, "rule_id")?.unwrap_or_default(),
                pattern: self.needed(&mut members, &field, "pattern")?,
                action: self.needed(&mut members, &field, "action")?,
                when: self.field(&mut members, &field, "when")?.unwrap_or_default(),
                rationale: self.field(&mut members, &field, "rationale")?,
            });
            self.nothing_left(&members, &field)?;
        }
        Ok(rules)
    }

    fn nothing_left(&self, members: &Members<'a>, parent: &str) -> Result<(), Invalid> {
        match members.first() {
            None => Ok(()),
            Some((name, value)) => Err(Invalid {
                line: self.line_of(value.get()),
                field: join(parent, name),
                message: "is no field of a role".to_owned(),
            }),
        }
    }

    /// A parser's complaint about `part`, without the place it names: that is relative to the part.
    fn problem(&self, field: &str, part: &str, err: &serde_json::Error) -> Invalid {
        let message = err.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
        let line = self.line_of(part) + err.line().saturating_sub(1);
        Invalid { line, field: field.to_owned(), message: message.to_owned() }
    }

    /// The line on which a field stands, or what holds it.
    fn line_of_field(&self, field: &str) -> usize {
        let known = self.lines.get(field).copied();
        known.unwrap_or_else(|| match field.rsplit_once('.') {
            Some((parent, _)) => self.line_of_field(parent),
            None => 1,
        })
    }

    /// The line on which `part`, a piece of the text, begins.
    fn line_of(&self, part: &str) -> usize {
        let offset = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        1 + self.line_ends.partition_point(|end| *end < offset)
    }
}

/// Offsets of the newlines.
fn line_ends(text: &[u8]) -> Vec<usize> {
    text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect()
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// An object whose members are kept as text, all of them.
struct Object<'a>(Members<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor).map(Self)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_with_line_and_field() {
        for (text, line, field, message) in [
            ("", 1, "", "EOF while parsing a value"),
            ("[]", 1, "", "invalid type: sequence, expected an object"),
            ("{\n\"rules\": []\n}", 2, "name", "is missing"),
            ("{\"name\": \"r\",\n\"mode\": \"strict\"}", 2, "mode", "unknown variant `strict`"),
            ("{\"name\": 7}", 1, "name", "invalid type: integer `7`, expected a string"),
            ("{\"name\": \"r\",\n\"rulez\": []}", 2, "rulez", "is no field of a role"),
            ("{\"name\": \"r\",\n\"name\": \"s\"}", 2, "name", "is given twice"),
            (
                "{\"name\": \"r\", \"rules\": [\n{\"pattern\": \"ls\", \"action\": \"allow\"},\n{\"pattern\": \"x\",\n\"action\": \"alow\"}]}",
                4,
                "rules[1].action",
                "unknown variant `alow`",
            ),
            (
                "{\"name\": \"r\", \"rules\": [\n{\"action\": \"allow\"}]}",
                2,
                "rules[0].pattern",
                "is missing",
            ),
            (
                "{\"name\": \"r\", \"mcp_rules\": [\n{\"pattern\": \"a/b\",\n\n\"action\": \"deny\", \"when\": {\"env\": 3}}]}",
                4,
                "mcp_rules[0].when",
                "invalid type: integer `3`, expected a sequence",
            ),
            (
                "{\"name\": \"r\", \"rules\": [\n{\"pattern\":\n \" \", \"action\": \"deny\"}]}",
                3,
                "rules[0].pattern",
                "is empty; `*` matches everything",
            ),
            (
                "{\"name\": \"r\",\n\"risk_policy\": {\"trust_threshold\": 101}}",
                2,
                "risk_policy.trust_threshold",
                "is over 100",
            ),
            ("{\"name\": \"r\",\n\"rules\": [{},}", 2, "", "expected value"),
        ] {
            let problem = read_role(text).unwrap_err();
            let shown = (problem.line, problem.field.as_str());
            assert_eq!(shown, (line, field), "{text}: {problem:?}");
            assert!(problem.message.starts_with(message), "{text}: {problem:?}");
        }
    }

    #[test]
    fn what_is_exported_is_imported() {
        let role: Role = serde_json::from_str(
            r#"{"name":"r","description":"d","mode":"enforce","default_action":"allow",
                "evaluation":"deny_overrides","matching":"literal",
                "rules":[{"rule_id":"r1","pattern":"git *","action":"allow","when":{"env":["dev"]},"rationale":"why"}],
                "mcp_rules":[{"rule_id":"r2","pattern":"fs/*","action":"require_approval"}],
                "risk_policy":{"trust_threshold":40},"revision":7}"#,
        )
        .unwrap();
        let text = serde_json::to_string_pretty(&RoleDocument::new(&role)).unwrap();
        assert_eq!(read_role(&text).unwrap(), role);
        let plain = serde_json::to_string(&RoleDocument::new(&Role::new("x"))).unwrap();
        assert_eq!(
            plain,
            r#"{"name":"x","mode":"monitor","default_action":"deny","evaluation":"first_match","matching":"expanded","rules":[],"mcp_rules":[],"risk_policy":{"trust_threshold":null},"revision":1}"#
        );
    }
}
