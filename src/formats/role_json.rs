//! The contract's own JSON of a role: read with line and field, written in a fixed order.
use std::{
    collections::BTreeMap,
    fmt,
    fmt::Write as _,
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Besides, Read, Written};
use crate::{
    events::visible_json,
    policy::{
        Evaluation, Matching, Mode, RiskLevel, RiskPolicy, Role, Rule, RuleAction, When, validate,
    },
    risk::signal_problems,
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
    #[error("`{}` is larger than 64 MiB, that is no policy", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not a valid role.
    #[error("{}", told(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where, in the order of the lines; never empty.
        problems: Vec<Invalid>,
    },
}

/// Most problems of a file that are told in one sentence; `policy validate` tells all.
const MAX_TOLD: usize = 3;

/// The first problems of a file.
fn told(path: &Path, problems: &[Invalid]) -> String {
    let first: Vec<String> = problems
        .iter()
        .take(MAX_TOLD)
        .map(|it| format!("`{}` line {}: {}", path.display(), it.line, it.what()))
        .collect();
    let mut text = first.join("\n       ");
    if problems.len() > MAX_TOLD {
        let path = path.display();
        let n = problems.len();
        let _ = write!(
            text,
            "\nhint: {n} problems in all, `advisor policy validate {path}` shows them"
        );
    }
    text
}

/// What is wrong with the text of a role, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    risk: Option<RiskLevel>,
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
            risk: rule.risk,
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

/// A role's document, for the table of formats.
pub(super) fn write(role: &Role, _: &Besides<'_>) -> Written {
    let text = serde_json::to_string_pretty(&RoleDocument::new(role)).unwrap_or_default();
    Written { text: visible_json(text) + "\n", ..Written::default() }
}

/// A role of its document, for the table of formats.
pub(super) fn read(text: &str) -> Result<Read, Vec<Invalid>> {
    read_role(text).map(Read::exact)
}

/// Reads a role from a file; `-` is stdin.
///
/// # Errors
/// Where it cannot be read or is not a valid role.
pub fn load_role(path: &Path) -> Result<Role, BadRoleFile> {
    let invalid = |problems| BadRoleFile::Invalid { path: path.to_owned(), problems };
    read_role(&load_text(path)?).map_err(invalid)
}

/// Reads the text of a policy file; `-` is stdin.
///
/// # Errors
/// Where it cannot be read, is too large, or no UTF-8.
#[expect(clippy::disallowed_types, reason = "reading policy files is what this is for")]
pub fn load_text(path: &Path) -> Result<String, BadRoleFile> {
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
    let invalid = |problems| BadRoleFile::Invalid { path: path.to_owned(), problems };
    String::from_utf8(bytes).map_err(|err| {
        let ends = line_ends(err.as_bytes());
        let line = 1 + ends.partition_point(|end| *end < err.utf8_error().valid_up_to());
        invalid(vec![Invalid { line, field: String::new(), message: "is not UTF-8".to_owned() }])
    })
}

/// Reads a role from JSON text.
///
/// # Errors
/// Every problem, with line and field, in the order of the lines.
pub fn read_role(text: &str) -> Result<Role, Vec<Invalid>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line_ends = line_ends(text.as_bytes());
    let mut reader = Reader { text, line_ends, lines: BTreeMap::new(), problems: Vec::new() };
    let Some(mut fields) = reader.object("", text) else { return Err(reader.problems) };
    let role = Role {
        name: reader.needed(&mut fields, "", "name").unwrap_or_else(|| UNNAMED.to_owned()),
        description: reader.field(&mut fields, "", "description").unwrap_or_default(),
        mode: reader.field(&mut fields, "", "mode").unwrap_or_default(),
        default_action: reader.field(&mut fields, "", "default_action").unwrap_or(RuleAction::Deny),
        evaluation: reader.field(&mut fields, "", "evaluation").unwrap_or_default(),
        matching: reader.field(&mut fields, "", "matching").unwrap_or_default(),
        rules: reader.rules(&mut fields, "rules"),
        mcp_rules: reader.rules(&mut fields, "mcp_rules"),
        risk_policy: reader.field(&mut fields, "", "risk_policy").unwrap_or_default(),
        revision: reader.field(&mut fields, "", "revision").unwrap_or_default(),
    };
    reader.nothing_left(&fields, "");
    for problem in validate(&role).into_iter().chain(signal_problems(&role)) {
        reader.note(problem.field, problem.message);
    }
    if reader.problems.is_empty() {
        return Ok(role);
    }
    reader.problems.sort();
    reader.problems.dedup();
    Err(reader.problems)
}

/// Stands for what is missing or unreadable, so that the rest can be checked; a valid value.
const UNNAMED: &str = "unnamed";

/// Takes JSON apart, remembers on which line each field stands, and collects what is wrong.
struct Reader<'a> {
    text: &'a str,
    line_ends: Vec<usize>,
    lines: BTreeMap<String, usize>,
    problems: Vec<Invalid>,
}

/// The members of one object, in the order of the text.
pub(super) type Members<'a> = Vec<(String, &'a RawValue)>;

impl<'a> Reader<'a> {
    /// The members of the object that `part` is; `None` where it is none.
    fn object(&mut self, field: &str, part: &'a str) -> Option<Members<'a>> {
        let members: RawObject<'a> = self.parse(field, part)?;
        let mut once: Members<'a> = Vec::with_capacity(members.0.len());
        for (name, value) in members.0 {
            if once.iter().any(|(other, _)| *other == name) {
                let line = self.line_of(value.get());
                let message = "is given twice".to_owned();
                self.problems.push(Invalid { line, field: join(field, &name), message });
            } else {
                once.push((name, value));
            }
        }
        Some(once)
    }

    /// What a piece of the text says.
    fn parse<T: Deserialize<'a>>(&mut self, field: &str, part: &'a str) -> Option<T> {
        match serde_json::from_str(part) {
            Ok(value) => Some(value),
            Err(err) => {
                self.complain(field, part, &err);
                None
            }
        }
    }

    /// Takes a member, where it is there and not null.
    fn field<T: DeserializeOwned>(
        &mut self,
        members: &mut Members<'a>,
        parent: &str,
        name: &str,
    ) -> Option<T> {
        let (field, value) = self.take(members, parent, name)?;
        self.parse::<Option<T>>(&field, value.get()).flatten()
    }

    /// Takes a member that must be there; where it is not, the object's line is named.
    fn needed<T: DeserializeOwned>(
        &mut self,
        members: &mut Members<'a>,
        parent: &str,
        name: &str,
    ) -> Option<T> {
        let first = members.first().map_or(1, |(_, value)| self.line_of(value.get()));
        let value = self.take(members, parent, name);
        let Some((field, value)) = value.filter(|(_, value)| value.get() != "null") else {
            let line = self.lines.get(parent).copied().unwrap_or(first);
            let message = "is missing".to_owned();
            self.problems.push(Invalid { line, field: join(parent, name), message });
            return None;
        };
        self.parse(&field, value.get())
    }

    fn take(
        &mut self,
        members: &mut Members<'a>,
        parent: &str,
        name: &str,
    ) -> Option<(String, &'a RawValue)> {
        let at = members.iter().position(|(it, _)| it == name)?;
        let (_, value) = members.remove(at);
        let field = join(parent, name);
        self.lines.insert(field.clone(), self.line_of(value.get()));
        Some((field, value))
    }

    /// Takes a list of rules.
    fn rules(&mut self, members: &mut Members<'a>, list: &str) -> Vec<Rule> {
        let Some((_, value)) = self.take(members, "", list) else { return Vec::new() };
        let items: Vec<&'a RawValue> = self.parse(list, value.get()).unwrap_or_default();
        let mut rules = Vec::with_capacity(items.len());
        for (idx, item) in items.into_iter().enumerate() {
            let field = format!("{list}[{idx}]");
            self.lines.insert(field.clone(), self.line_of(item.get()));
            let Some(mut members) = self.object(&field, item.get()) else {
                rules.push(stand_in());
                continue;
            };
            let stand_in = stand_in();
            rules.push(Rule {
                rule_id: self.field(&mut members, &field, "rule_id").unwrap_or_default(),
                pattern: self.needed(&mut members, &field, "pattern").unwrap_or(stand_in.pattern),
                action: self.needed(&mut members, &field, "action").unwrap_or(stand_in.action),
                when: self.when(&mut members, &field),
                risk: self.field(&mut members, &field, "risk"),
                rationale: self.field(&mut members, &field, "rationale"),
            });
            self.nothing_left(&members, &field);
        }
        rules
    }

    /// Takes the conditions of a rule, each with its own line.
    fn when(&mut self, members: &mut Members<'a>, parent: &str) -> When {
        let Some((field, value)) = self.take(members, parent, "when") else { return When::new() };
        if value.get() == "null" {
            return When::new();
        }
        let mut conditions = self.object(&field, value.get()).unwrap_or_default();
        let names: Vec<String> = conditions.iter().map(|(name, _)| name.clone()).collect();
        let mut when = When::new();
        for name in names {
            if let Some(values) = self.needed(&mut conditions, &field, &name) {
                when.insert(name, values);
            }
        }
        when
    }

    fn nothing_left(&mut self, members: &Members<'a>, parent: &str) {
        for (name, value) in members {
            let line = self.line_of(value.get());
            let message = "is no field of a role".to_owned();
            self.problems.push(Invalid { line, field: join(parent, name), message });
        }
    }

    /// Notes what is wrong with a field that was read.
    fn note(&mut self, field: String, message: String) {
        let line = self.line_of_field(&field);
        self.problems.push(Invalid { line, field, message });
    }

    /// A parser's complaint about `part`, without the place it names: that is relative to the part.
    fn complain(&mut self, field: &str, part: &str, err: &serde_json::Error) {
        let message = err.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
        let line = self.line_of(part) + err.line().saturating_sub(1);
        let problem = Invalid { line, field: field.to_owned(), message: message.to_owned() };
        self.problems.push(problem);
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

/// A rule that nothing is wrong with, in the place of one that cannot be read.
fn stand_in() -> Rule {
    Rule {
        rule_id: String::new(),
        pattern: "*/*".to_owned(),
        action: RuleAction::Deny,
        when: When::new(),
        risk: None,
        rationale: None,
    }
}

/// Offsets of the newlines.
pub(super) fn line_ends(text: &[u8]) -> Vec<usize> {
    text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect()
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// An object whose members are kept as text, all of them.
pub(super) struct RawObject<'a>(pub(super) Members<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for RawObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawObjectVisitor).map(Self)
    }
}

struct RawObjectVisitor;

impl<'de> Visitor<'de> for RawObjectVisitor {
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
                "mcp_rules[0].when.env",
                "invalid type: integer `3`, expected a sequence",
            ),
            (
                "{\"name\": \"r\", \"rules\": [\n{\"pattern\":\n \" \", \"action\": \"deny\"}]}",
                3,
                "rules[0].pattern",
                "is empty; `*` matches everything",
            ),
            (
                "{\"name\": \"r\", \"rules\": [\n{\"pattern\": \"ls\", \"action\": \"deny\",\n\"risk\": \"grave\"}]}",
                3,
                "rules[0].risk",
                "unknown variant `grave`",
            ),
            (
                "{\"name\": \"r\",\n\"risk_policy\": {\"trust_threshold\": 101}}",
                2,
                "risk_policy.trust_threshold",
                "is over 100",
            ),
            ("{\"name\": \"r\",\n\"rules\": [{},}", 2, "", "expected value"),
        ] {
            let problems = read_role(text).unwrap_err();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            let problem = &problems[0];
            let shown = (problem.line, problem.field.as_str());
            assert_eq!(shown, (line, field), "{text}: {problem:?}");
            assert!(problem.message.starts_with(message), "{text}: {problem:?}");
        }
    }

    #[test]
    fn every_problem_is_told_in_the_order_of_the_lines() {
        let text = r#"{
            "name": "a/b",
            "mode": "strict",
            "rules": [
                {"pattern": "", "action": "alow"},
                {"pattern": "ls", "action": "allow", "when": {"action_type": ["reed"],
                    "ENV": ["x"], "risk_signal": ["doom"]}},
                7,
                {"action": "deny", "colour": "red"}
            ],
            "rulez": []
        }"#;
        let found: Vec<String> = read_role(text)
            .unwrap_err()
            .into_iter()
            .map(|it| format!("{} {}", it.line, it.field))
            .collect();
        assert_eq!(
            found,
            [
                "2 name",
                "3 mode",
                "5 rules[0].action",
                "5 rules[0].pattern",
                "6 rules[1].when.action_type",
                "7 rules[1].when.ENV",
                "7 rules[1].when.risk_signal",
                "8 rules[2]",
                "9 rules[3].colour",
                "9 rules[3].pattern",
                "11 rulez",
            ]
        );
    }

    #[test]
    fn what_is_exported_is_imported() {
        let role: Role = serde_json::from_str(
            r#"{"name":"r","description":"d","mode":"enforce","default_action":"allow",
                "evaluation":"deny_overrides","matching":"literal",
                "rules":[{"rule_id":"r1","pattern":"git *","action":"allow","when":{"env":["dev"],"resource_path":["*/auth/*"]},"risk":"critical","rationale":"why"}],
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
