//! The document: a name and rules with match, condition, action and priority.
use serde::Serialize;

use super::{
    super::{
        Invalid,
        tree::{Node, Object, Reader, Value},
    },
    names::words,
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

/// Which calls a rule is about; what is absent asks for nothing, and an empty list names nothing, so that
/// the rule is about no call.
///
/// Names are compared in whatever case, and the words of a category as words ([`super::is_of`]).
///
/// # Source
/// The page of policies says neither of these: an empty list that held for all would make an ALLOW of
/// everything, and a name in capital letters would be a way round a DENY.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The server: `slack`.
    pub tool_name: Option<String>,
    /// Tools of it, `*`, `method:POST` or `category:issues`.
    pub operations: Option<Vec<String>>,
    /// `READ`, `WRITE`, `DELETE` or `ADMIN`.
    pub verbs: Option<Vec<String>>,
    /// Globs over the organization of a forge: `acme/*`.
    pub org_patterns: Option<Vec<String>>,
    /// Globs over a repository.
    pub repo_patterns: Option<Vec<String>>,
    /// Globs over a channel: `#alerts*`.
    pub channel_patterns: Option<Vec<String>>,
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
    /// Its place in the document, from 0.
    pub place: usize,
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

/// What an operation begins with that is no tool.
const KINDS: &[&str] = &["method", "category"];

/// Where a rule stands that says no priority.
const DEFAULT_PRIORITY: i64 = 100;

/// Highest priority number, and lowest below 0.
const MAX_PRIORITY: f64 = 1e9;

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
    let line = it.line_of("priority");
    let priority = match reader.number(&mut it, "priority") {
        None => DEFAULT_PRIORITY,
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
        Some(number) if number.fract().abs() < f64::EPSILON && number.abs() <= MAX_PRIORITY => {
            number as i64
        }
        Some(_) => {
            let message = format!("is no whole number up to {MAX_PRIORITY}");
            reader.note(line, it.at("priority"), message);
            DEFAULT_PRIORITY
        }
    };
    let mut matches = Match::default();
    if let Some(node) = it.take("match")
        && let Some(mut asked) = reader.object(node, &it.at("match"))
    {
        let operations = list(reader, &mut asked, "operations");
        for (line, field, operation) in operations.iter().flatten() {
            if let Some(problem) = bad_operation(operation) {
                reader.note(*line, field.clone(), problem);
            }
        }
        matches.operations = operations.map(texts);
        let verbs = list(reader, &mut asked, "verbs");
        matches.verbs = verbs.map(|it| known(reader, it, VERBS));
        matches.org_patterns = list(reader, &mut asked, "org_patterns").map(texts);
        matches.repo_patterns = list(reader, &mut asked, "repo_patterns").map(texts);
        matches.channel_patterns = list(reader, &mut asked, "channel_patterns").map(texts);
        let line = asked.line_of("tool_name");
        matches.tool_name = reader.text(&mut asked, "tool_name").filter(|it| it != "*");
        if matches.tool_name.as_deref() == Some("") {
            reader.note(line, asked.at("tool_name"), "is empty; `*` is every tool");
        }
        reader.nothing_left(asked, "a match");
    }
    let mut condition = Asked::default();
    if let Some(node) = it.take("condition")
        && let Some(mut asked) = reader.object(node, &it.at("condition"))
    {
        let classes = some(reader, &mut asked, "has_data_class");
        condition.has_data_class = known(reader, classes, DATA_CLASSES);
        condition.body_contains_any = texts(some(reader, &mut asked, "body_contains_any"));
        condition.body_contains_all = texts(some(reader, &mut asked, "body_contains_all"));
        condition.is_external_principal = reader.bool(&mut asked, "is_external_principal");
        condition.new_resource = reader.bool(&mut asked, "new_resource");
        condition.volume_burst = reader.bool(&mut asked, "volume_burst");
        reader.nothing_left(asked, "a condition");
    }
    let actions: Vec<(&str, Action)> = Action::ALL.iter().map(|it| (it.as_str(), *it)).collect();
    let action = reader.needed_word(&mut it, "action", &actions);
    let line = it.line_of("sanitize_fields");
    let sanitize_fields = reader.texts(&mut it, "sanitize_fields").unwrap_or_default();
    if action.is_some_and(|it| it != Action::Sanitize) && !sanitize_fields.is_empty() {
        reader.note(line, it.at("sanitize_fields"), "is only for SANITIZE");
    }
    let enabled = reader.bool(&mut it, "enabled").unwrap_or(true);
    reader.nothing_left(it, "a rule");
    let action = action?;
    Some(IntervenRule {
        place: idx,
        rule_id,
        priority,
        matches,
        condition,
        action,
        sanitize_fields,
        enabled,
    })
}

/// A text with its line and field.
type Placed = (usize, String, String);

/// The texts of a list; `None` where it is not there.
fn list(reader: &mut Reader, object: &mut Object<'_>, name: &str) -> Option<Vec<Placed>> {
    let field = object.at(name);
    let items = reader.items_if_any(object, name)?;
    let mut res = Vec::new();
    for (idx, item) in items.iter().enumerate() {
        let field = format!("{field}[{idx}]");
        match &item.value {
            Value::Text(text) if text.is_empty() => reader.note(item.line, field, "is empty"),
            Value::Text(text) => res.push((item.line, field, text.clone())),
            _ => reader.note(item.line, field, "is no text"),
        }
    }
    Some(res)
}

/// The texts of a condition's list. One that is there and empty asks for one of nothing, or for all of
/// nothing: whether that is meant to hold never or always is not guessed.
fn some(reader: &mut Reader, object: &mut Object<'_>, name: &str) -> Vec<Placed> {
    let (line, field) = (object.line_of(name), object.at(name));
    let n_problems = reader.problems.len();
    let found = list(reader, object, name);
    if found.as_ref().is_some_and(Vec::is_empty) && reader.problems.len() == n_problems {
        reader.note(line, field, "is empty: name something, or leave it out");
    }
    found.unwrap_or_default()
}

fn texts(list: Vec<Placed>) -> Vec<String> {
    list.into_iter().map(|(_, _, text)| text).collect()
}

/// Texts that are all of some words.
fn known(reader: &mut Reader, found: Vec<Placed>, words: &[&str]) -> Vec<String> {
    for (line, field, text) in &found {
        if !words.contains(&text.as_str()) {
            let message = format!("does not know `{text}`, it can be {}", words.join(", "));
            reader.note(*line, field.clone(), message);
        }
    }
    texts(found)
}

/// What is wrong with an operation.
fn bad_operation(text: &str) -> Option<String> {
    let (kind, name) = text.split_once(':')?;
    if !KINDS.contains(&kind) {
        let kinds: Vec<String> = KINDS.iter().map(|it| format!("`{it}:`")).collect();
        return Some(format!("does not know `{kind}:`, it can be {}", kinds.join(" or ")));
    }
    words(name).is_empty().then(|| format!("names no {kind} behind `{kind}:`"))
}

impl Match {
    /// The list by its key that is there and names nothing.
    pub fn names_nothing(&self) -> Option<&'static str> {
        let lists = [
            ("operations", &self.operations),
            ("verbs", &self.verbs),
            ("org_patterns", &self.org_patterns),
            ("repo_patterns", &self.repo_patterns),
            ("channel_patterns", &self.channel_patterns),
        ];
        lists.into_iter().find(|(_, it)| it.as_ref().is_some_and(Vec::is_empty)).map(|it| it.0)
    }
}

impl IntervenPolicy {
    /// Rules that are about no call, in words.
    pub fn warnings(&self) -> Vec<String> {
        let told = self.rules.iter().filter(|it| it.enabled).filter_map(|it| {
            let list = it.matches.names_nothing()?;
            Some(format!(
                "rules[{}].match.{list} is empty and names nothing: rule `{}` never holds; leave the list out \
                 where it is to ask for nothing",
                it.place, it.rule_id
            ))
        });
        told.collect()
    }

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
    let all = |texts: &[String]| texts.iter().map(|it| Node::from(&**it)).collect();
    let list = |texts: &[String]| (!texts.is_empty()).then(|| all(texts));
    let it = &rule.matches;
    let matches = Node::map([])
        .with("tool_name", it.tool_name.as_deref().map(Node::from))
        .with("operations", it.operations.as_deref().map(all))
        .with("verbs", it.verbs.as_deref().map(all))
        .with("org_patterns", it.org_patterns.as_deref().map(all))
        .with("repo_patterns", it.repo_patterns.as_deref().map(all))
        .with("channel_patterns", it.channel_patterns.as_deref().map(all));
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
