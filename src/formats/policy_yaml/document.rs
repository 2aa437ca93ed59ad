//! The document: its sections, read with line and field, written in its users' order.
use serde::Serialize;

use super::super::{
    Invalid,
    tree::{Node, Object, Reader, Value},
    yaml,
};
use crate::events::text_forms;

/// For whom a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every agent of the organization.
    Org,
    /// One agent, on top of the organization's.
    Agent,
}

text_forms!(Scope { Org = "org", Agent = "agent" });

/// How bad it is, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Warns.
    Low,
    /// Warns.
    Medium,
    /// Fails.
    High,
    /// Fails.
    Critical,
}

text_forms!(Severity { Low = "low", Medium = "medium", High = "high", Critical = "critical" });

/// What becomes of a tool that no capability names, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmapped {
    /// It passes.
    Allow,
    /// It passes with a warning.
    Warn,
    /// It is a violation.
    Deny,
}

text_forms!(Unmapped { Allow = "allow", Warn = "warn", Deny = "deny" });

/// What becomes of violations, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnforcementMode {
    /// Nothing.
    Off,
    /// They are told.
    Warn,
    /// They are stopped.
    Enforce,
}

text_forms!(EnforcementMode { Off = "off", Warn = "warn", Enforce = "enforce" });

/// What a trigger does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerAction {
    /// Warns.
    Warn,
    /// Asks a person.
    Escalate,
    /// Is a violation.
    Deny,
}

text_forms!(TriggerAction { Warn = "warn", Escalate = "escalate", Deny = "deny" });

/// What a policy is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// `1.0`.
    pub schema_version: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// For whom it is.
    pub scope: Scope,
}

/// A capability: which tools do which actions of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Globs over names of tools.
    pub tools: Vec<String>,
    /// Actions of the card.
    pub card_actions: Vec<String>,
}

/// Tools that are always blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// A glob over names of tools.
    pub pattern: String,
    /// Why.
    pub reason: String,
    /// How bad it is.
    pub severity: Severity,
}

/// When somebody is told or asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// `tool_matches('GLOB')`.
    pub condition: String,
    /// What happens.
    pub action: TriggerAction,
    /// Why.
    pub reason: String,
}

impl Trigger {
    /// The glob of its condition; `None` where it asks for something else, or for more.
    pub fn glob(&self) -> Option<&str> {
        let inner = self.condition.trim().strip_prefix("tool_matches(")?.strip_suffix(')')?.trim();
        let quote = inner.chars().next().filter(|ch| ['\'', '"'].contains(ch))?;
        let glob = inner.strip_prefix(quote)?.strip_suffix(quote)?;
        (!glob.is_empty() && !glob.contains(['\'', '"'])).then_some(glob)
    }
}

/// What holds for tools that nothing else names.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// What becomes of them.
    pub unmapped_tool_action: Unmapped,
    /// How bad it is.
    pub unmapped_severity: Severity,
    /// Whether tools pass where the policy cannot be asked.
    pub fail_open: bool,
    /// What becomes of violations.
    pub enforcement_mode: Option<EnforcementMode>,
    /// Hours for which a tool that is seen for the first time only warns; [`GRACE_HOURS`] where
    /// nothing is said.
    pub grace_period_hours: Option<f64>,
}

/// The grace period of a policy that says none.
///
/// # Source
/// The page of policies: "The default 24-hour grace period".
pub const GRACE_HOURS: f64 = 24.0;

impl Defaults {
    /// The grace period that holds, in hours.
    pub fn grace(&self) -> f64 {
        self.grace_period_hours.unwrap_or(GRACE_HOURS)
    }
}

/// The version of documents that is read.
const VERSION: &str = "1.0";

/// A policy.yaml.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFile {
    /// What it is called.
    pub meta: Meta,
    /// Capabilities, in order: the first that names a tool counts.
    pub mappings: Vec<Mapping>,
    /// What is always blocked.
    pub forbidden: Vec<Forbidden>,
    /// When somebody is told or asked.
    pub triggers: Vec<Trigger>,
    /// What holds for all others.
    pub defaults: Defaults,
}

/// Reads a policy.yaml, or the same as JSON.
///
/// # Errors
/// Every problem, with line and field.
pub fn read_file(text: &str) -> Result<PolicyFile, Vec<Invalid>> {
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    read(&if is_json { Node::from_json(text)? } else { yaml::read(text)? })
}

/// Whether a text is a policy of capability mappings in JSON, by what it has at its top.
pub fn is_policy_json(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('{') {
        return false;
    }
    let Ok(Node { value: Value::Map(members), .. }) = Node::from_json(text) else { return false };
    let has = |name: &str| members.iter().any(|(it, _)| it == name);
    has("meta") && (has("capability_mappings") || has("defaults"))
}

/// The words of an enumeration.
macro_rules! words {
    ($name:ident) => {
        $name::ALL.iter().map(|it| (it.as_str(), *it)).collect::<Vec<(&str, $name)>>()
    };
}

pub(super) fn read(node: &Node) -> Result<PolicyFile, Vec<Invalid>> {
    let mut reader = Reader::default();
    let mut file = PolicyFile::named("");
    let Some(mut object) = reader.object(node, "") else { return reader.finish(file) };
    match object.take("meta") {
        None => reader.note(object.line, "meta".to_owned(), "is missing"),
        Some(node) => meta(node, &mut reader, &mut file.meta),
    }
    if let Some(node) = object.take("capability_mappings") {
        file.mappings = mappings(node, &mut reader);
    }
    for (idx, item) in reader.items(&mut object, "forbidden").iter().enumerate() {
        let Some(mut it) = reader.object(item, &format!("forbidden[{idx}]")) else { continue };
        let pattern = reader.needed(&mut it, "pattern");
        let reason = reader.needed(&mut it, "reason");
        let severity = reader.needed_word(&mut it, "severity", &words!(Severity));
        reader.nothing_left(it, "a forbidden rule");
        if let (Some(pattern), Some(reason), Some(severity)) = (pattern, reason, severity) {
            file.forbidden.push(Forbidden { pattern, reason, severity });
        }
    }
    for (idx, item) in reader.items(&mut object, "escalation_triggers").iter().enumerate() {
        let field = format!("escalation_triggers[{idx}]");
        let Some(mut it) = reader.object(item, &field) else { continue };
        let condition = reader.needed(&mut it, "condition");
        let action = reader.needed_word(&mut it, "action", &words!(TriggerAction));
        let reason = reader.needed(&mut it, "reason");
        reader.nothing_left(it, "a trigger");
        if let (Some(condition), Some(action), Some(reason)) = (condition, action, reason) {
            file.triggers.push(Trigger { condition, action, reason });
        }
    }
    match object.take("defaults") {
        None => reader.note(object.line, "defaults".to_owned(), "is missing"),
        Some(node) => defaults(node, &mut reader, &mut file.defaults),
    }
    reader.nothing_left(object, "a policy");
    reader.finish(file)
}

fn meta(node: &Node, reader: &mut Reader, meta: &mut Meta) {
    let Some(mut it) = reader.object(node, "meta") else { return };
    let line = it.line_of("schema_version");
    meta.schema_version = reader.needed(&mut it, "schema_version").unwrap_or_default();
    if !meta.schema_version.is_empty() && meta.schema_version != VERSION {
        let message = format!("is `{}`, only `{VERSION}` is read", meta.schema_version);
        reader.note(line, it.at("schema_version"), message);
    }
    meta.name = reader.needed(&mut it, "name").unwrap_or_default();
    meta.description = reader.text(&mut it, "description");
    meta.scope = reader.needed_word(&mut it, "scope", &words!(Scope)).unwrap_or(Scope::Agent);
    reader.nothing_left(it, "meta");
}

fn mappings(node: &Node, reader: &mut Reader) -> Vec<Mapping> {
    let mut res = Vec::new();
    let Some(mut all) = reader.object(node, "capability_mappings") else { return res };
    for (name, node) in all.rest() {
        let Some(mut it) = reader.object(node, &format!("capability_mappings.{name}")) else {
            continue;
        };
        let description = reader.text(&mut it, "description");
        let tools = some(reader, &mut it, "tools");
        let card_actions = some(reader, &mut it, "card_actions");
        reader.nothing_left(it, "a capability");
        res.push(Mapping { name: name.to_owned(), description, tools, card_actions });
    }
    res
}

/// A list of texts that must not be empty.
fn some(reader: &mut Reader, object: &mut Object<'_>, name: &str) -> Vec<String> {
    let was_there = object.has(name);
    let line = object.line_of(name);
    let texts = reader.texts(object, name);
    if !was_there || texts.as_ref().is_some_and(Vec::is_empty) {
        let message = if was_there { "is empty" } else { "is missing" };
        reader.note(line, object.at(name), message);
    }
    texts.unwrap_or_default()
}

fn defaults(node: &Node, reader: &mut Reader, defaults: &mut Defaults) {
    let Some(mut it) = reader.object(node, "defaults") else { return };
    let action = reader.needed_word(&mut it, "unmapped_tool_action", &words!(Unmapped));
    defaults.unmapped_tool_action = action.unwrap_or(Unmapped::Deny);
    let severity = reader.needed_word(&mut it, "unmapped_severity", &words!(Severity));
    defaults.unmapped_severity = severity.unwrap_or(Severity::High);
    if !it.has("fail_open") {
        reader.note(it.line, it.at("fail_open"), "is missing");
    }
    defaults.fail_open = reader.bool(&mut it, "fail_open").unwrap_or(false);
    defaults.enforcement_mode = reader.word(&mut it, "enforcement_mode", &words!(EnforcementMode));
    let line = it.line_of("grace_period_hours");
    defaults.grace_period_hours = reader.number(&mut it, "grace_period_hours");
    if defaults.grace_period_hours.is_some_and(|it| it < 0.0) {
        reader.note(line, it.at("grace_period_hours"), "is below 0");
    }
    reader.nothing_left(it, "the defaults");
}

impl PolicyFile {
    /// An empty policy for an agent, which warns of every tool.
    pub fn named(name: &str) -> Self {
        Self {
            meta: Meta {
                schema_version: VERSION.to_owned(),
                name: name.to_owned(),
                description: None,
                scope: Scope::Agent,
            },
            mappings: Vec::new(),
            forbidden: Vec::new(),
            triggers: Vec::new(),
            defaults: Defaults {
                unmapped_tool_action: Unmapped::Warn,
                unmapped_severity: Severity::Medium,
                fail_open: true,
                enforcement_mode: Some(EnforcementMode::Warn),
                grace_period_hours: Some(GRACE_HOURS),
            },
        }
    }

    /// The document in YAML.
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.tree())
    }

    /// The document in JSON.
    pub fn to_json(&self) -> String {
        self.tree().to_json()
    }

    pub(super) fn tree(&self) -> Node {
        let text = |text: &String| Node::from(text.as_str());
        let meta = &self.meta;
        let mut mappings = Node::map([]);
        for it in &self.mappings {
            let mapping = Node::map([])
                .with("description", it.description.as_ref().map(text))
                .with("tools", Some(it.tools.iter().map(text).collect()))
                .with("card_actions", Some(it.card_actions.iter().map(text).collect()));
            mappings = mappings.with(&it.name, Some(mapping));
        }
        let forbidden = self.forbidden.iter().map(|it| {
            Node::map([
                ("pattern", text(&it.pattern)),
                ("reason", text(&it.reason)),
                ("severity", it.severity.as_str().into()),
            ])
        });
        let triggers = self.triggers.iter().map(|it| {
            Node::map([
                ("condition", text(&it.condition)),
                ("action", it.action.as_str().into()),
                ("reason", text(&it.reason)),
            ])
        });
        let defaults = &self.defaults;
        let hours = defaults.grace_period_hours.and_then(|hours| {
            let whole = (0..=100_000_u32).find(|it| f64::from(*it).total_cmp(&hours).is_eq());
            let number = match whole {
                Some(whole) => whole.into(),
                None => serde_json::Number::from_f64(hours)?,
            };
            Some(Node { line: 0, value: Value::Number(number) })
        });
        let mode = defaults.enforcement_mode.map(|it| it.as_str().into());
        Node::map([
            (
                "meta",
                Node::map([
                    ("schema_version", text(&meta.schema_version)),
                    ("name", text(&meta.name)),
                ])
                .with("description", meta.description.as_ref().map(text))
                .with("scope", Some(meta.scope.as_str().into())),
            ),
            ("capability_mappings", mappings),
            ("forbidden", forbidden.collect()),
            ("escalation_triggers", triggers.collect()),
            (
                "defaults",
                Node::map([
                    ("unmapped_tool_action", defaults.unmapped_tool_action.as_str().into()),
                    ("unmapped_severity", defaults.unmapped_severity.as_str().into()),
                    ("fail_open", Node::bool(defaults.fail_open)),
                ])
                .with("enforcement_mode", mode)
                .with("grace_period_hours", hours),
            ),
        ])
    }
}
