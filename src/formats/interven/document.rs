//! The document: a name and rules with match, condition, action and priority.
use serde::Serialize;

use super::super::{
    Invalid,
    tree::{Node, Reader, Value},
};
use crate::events::text_forms;

/// What a rule does, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// Lets the call through.
    Allow,
    /// Lets it through with sensitive values removed.
    Sanitize,
    /// Waits for a person.
    RequireApproval,
    /// Stops it.
    Deny,
}

text_forms!(Action {
    Allow = "ALLOW",
    Sanitize = "SANITIZE",
    RequireApproval = "REQUIRE_APPROVAL",
    Deny = "DENY",
});

/// Which calls a rule is about; what is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The server: `slack`.
    pub tool_name: Option<String>,
    /// Tools of it, `*`, `method:POST` or `category:issues`.
    pub operations: Vec<String>,
    /// `READ`, `WRITE`, `DELETE` or `ADMIN`.
    pub verbs: Vec<String>,
    /// Globs over the organization of a forge: `acme/*`.
    pub org_patterns: Vec<String>,
    /// Globs over a repository.
    pub repo_patterns: Vec<String>,
    /// Globs over a channel: `#alerts*`.
    pub channel_patterns: Vec<String>,
}

/// What else has to hold, all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whether somebody outside the own domains is addressed.
    pub is_external_principal: Option<bool>,
    /// One of these classes of data is in the call: `SECRETS`, `PII`, `INTERNAL`.
    pub has_data_class: Vec<String>,
    /// One of these texts is in the call, whatever the case.
    pub body_contains_any: Vec<String>,
    /// Each of these texts is.
    pub body_contains_all: Vec<String>,
    /// The agent has never touched the resource before.
    pub new_resource: Option<bool>,
    /// The agent calls far more often than it used to.
    pub volume_burst: Option<bool>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervenRule {
    /// Unique in the policy.
    pub rule_id: String,
    /// The lowest is tried first.
    pub priority: i64,
    /// Which calls.
    pub matches: Match,
    /// When.
    pub condition: Asked,
    /// What happens.
    pub action: Action,
    /// Which fields of the call are sanitized; all where there is none.
    pub sanitize_fields: Vec<String>,
    /// Whether it counts.
    pub enabled: bool,
}

/// A policy: its rules in the order of their priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervenPolicy {
    /// Its name.
    pub name: String,
    /// The rules, lowest priority number first, then as written.
    pub rules: Vec<IntervenRule>,
}

/// Classes of data.
const DATA_CLASSES: &[&str] = &["SECRETS", "PII", "INTERNAL"];

const VERBS: &[&str] = &["READ", "WRITE", "DELETE", "ADMIN"];

/// Where a rule stands that says no priority.
const DEFAULT_PRIORITY: i64 = 100;

/// Reads a policy.
///
/// # Errors
/// Every problem, with line and field.
pub fn read_policy(text: &str) -> Result<IntervenPolicy, Vec<Invalid>> {
    let node = Node::from_json(text)?;
    let mut reader = Reader::default();
    let mut policy = IntervenPolicy { name: String::new(), rules: Vec::new() };
    let Some(mut object) = reader.object(&node, "") else { return reader.finish(policy) };
    policy.name = reader.needed(&mut object, "name").unwrap_or_default();
    if !object.has("rules") {
        reader.note(object.line, "rules".to_owned(), "is missing");
    }
    for (idx, item) in reader.items(&mut object, "rules").iter().enumerate() {
        let field = format!("rules[{idx}]");
        if let Some(rule) = rule(item, &field, idx, &mut reader) {
            if policy.rules.iter().any(|it| it.rule_id == rule.rule_id) {
                let field = format!("{field}.rule_id");
                reader.note(item.line, field, "is used by an earlier rule, too");
            }
            policy.rules.push(rule);
        }
    }
    reader.nothing_left(object, "a policy");
    policy.rules.sort_by_key(|it| it.priority);
    reader.finish(policy)
}

fn rule(node: &Node, field: &str, idx: usize, reader: &mut Reader) -> Option<IntervenRule> {
    let mut it = reader.object(node, field)?;
    let rule_id = reader.text(&mut it, "rule_id").unwrap_or_else(|| format!("rule-{}", idx + 1));
    let line = it.line;
    let priority = match reader.number(&mut it, "priority") {
        None => DEFAULT_PRIORITY,
        #[expect(clippy::cast_possible_truncation, reason = "out of range is cut to the range")]
        Some(number) if number.fract().abs() < f64::EPSILON => number as i64,
        Some(_) => {
            reader.note(line, it.at("priority"), "is no whole number");
            DEFAULT_PRIORITY
        }
    };
    let mut matches = Match::default();
    if let Some(node) = it.take("match")
        && let Some(mut asked) = reader.object(node, &it.at("match"))
    {
        let mut list = |name: &str| reader.texts(&mut asked, name).unwrap_or_default();
        matches.operations = list("operations");
        matches.verbs = list("verbs");
        matches.org_patterns = list("org_patterns");
        matches.repo_patterns = list("repo_patterns");
        matches.channel_patterns = list("channel_patterns");
        matches.tool_name = reader.text(&mut asked, "tool_name").filter(|it| it != "*");
        known(&matches.verbs, VERBS, &asked.at("verbs"), line, reader);
        reader.nothing_left(asked, "a match");
    }
    let mut condition = Asked::default();
    if let Some(node) = it.take("condition")
        && let Some(mut asked) = reader.object(node, &it.at("condition"))
    {
        let mut list = |name: &str| reader.texts(&mut asked, name).unwrap_or_default();
        condition.has_data_class = list("has_data_class");
        condition.body_contains_any = list("body_contains_any");
        condition.body_contains_all = list("body_contains_all");
        condition.is_external_principal = reader.bool(&mut asked, "is_external_principal");
        condition.new_resource = reader.bool(&mut asked, "new_resource");
        condition.volume_burst = reader.bool(&mut asked, "volume_burst");
        let field = asked.at("has_data_class");
        known(&condition.has_data_class, DATA_CLASSES, &field, line, reader);
        reader.nothing_left(asked, "a condition");
    }
    let actions: Vec<(&str, Action)> = Action::ALL.iter().map(|it| (it.as_str(), *it)).collect();
    let action = reader.needed_word(&mut it, "action", &actions);
    let sanitize_fields = reader.texts(&mut it, "sanitize_fields").unwrap_or_default();
    if action.is_some_and(|it| it != Action::Sanitize) && !sanitize_fields.is_empty() {
        reader.note(line, it.at("sanitize_fields"), "is only for SANITIZE");
    }
    let enabled = reader.bool(&mut it, "enabled").unwrap_or(true);
    reader.nothing_left(it, "a rule");
    let action = action?;
    Some(IntervenRule { rule_id, priority, matches, condition, action, sanitize_fields, enabled })
}

fn known(words: &[String], all: &[&str], field: &str, line: usize, reader: &mut Reader) {
    for word in words.iter().filter(|it| !all.contains(&it.as_str())) {
        let message = format!("does not know `{word}`, it can be {}", all.join(", "));
        reader.note(line, field.to_owned(), message);
    }
}

impl IntervenPolicy {
    /// The document.
    pub fn to_json(&self) -> String {
        Node::map([
            ("name", Node::from(&*self.name)),
            ("rules", self.rules.iter().map(rule_node).collect()),
        ])
        .to_json()
    }
}

fn rule_node(rule: &IntervenRule) -> Node {
    let list = |texts: &[String]| {
        (!texts.is_empty()).then(|| texts.iter().map(|it| Node::from(&**it)).collect())
    };
    let it = &rule.matches;
    let matches = Node::map([])
        .with("tool_name", it.tool_name.as_deref().map(Node::from))
        .with("operations", list(&it.operations))
        .with("verbs", list(&it.verbs))
        .with("org_patterns", list(&it.org_patterns))
        .with("repo_patterns", list(&it.repo_patterns))
        .with("channel_patterns", list(&it.channel_patterns));
    let it = &rule.condition;
    let condition = Node::map([])
        .with("is_external_principal", it.is_external_principal.map(Node::bool))
        .with("has_data_class", list(&it.has_data_class))
        .with("body_contains_any", list(&it.body_contains_any))
        .with("body_contains_all", list(&it.body_contains_all))
        .with("new_resource", it.new_resource.map(Node::bool))
        .with("volume_burst", it.volume_burst.map(Node::bool));
    let has_condition = matches!(&condition.value, Value::Map(members) if !members.is_empty());
    let priority = Node { line: 0, value: Value::Number(rule.priority.into()) };
    Node::map([("rule_id", Node::from(&*rule.rule_id)), ("priority", priority), ("match", matches)])
        .with("condition", has_condition.then_some(condition))
        .with("action", Some(rule.action.as_str().into()))
        .with("sanitize_fields", list(&rule.sanitize_fields))
        .with("enabled", (!rule.enabled).then(|| Node::bool(false)))
}
