//! What JSON and YAML have in common: a tree that knows its lines, and how it is taken apart.
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::value::RawValue;

use super::{Invalid, role_json::RawObject};
use crate::events::visible_json;

/// Deepest nesting that is read; policies need five.
pub(super) const MAX_DEPTH: usize = 32;

/// A value, and the line on which it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// 1-based; 0 in what is written.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What JSON and YAML can say; the members of a map in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl<T: Into<String>> From<T> for Node {
    fn from(text: T) -> Self {
        Self { line: 0, value: Value::Text(text.into()) }
    }
}

impl FromIterator<Node> for Node {
    fn from_iter<I: IntoIterator<Item = Node>>(items: I) -> Self {
        Self { line: 0, value: Value::List(items.into_iter().collect()) }
    }
}

impl Node {
    /// A map with these members, in their order.
    pub(super) fn map<const N: usize>(members: [(&str, Self); N]) -> Self {
        let members = members.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
        Self { line: 0, value: Value::Map(members) }
    }

    /// A whole number.
    pub(super) fn number(number: u64) -> Self {
        Self { line: 0, value: Value::Number(number.into()) }
    }

    /// Yes or no.
    pub(super) const fn bool(value: bool) -> Self {
        Self { line: 0, value: Value::Bool(value) }
    }

    /// Adds a member where there is one to add.
    #[must_use]
    pub(super) fn with(mut self, name: &str, node: Option<Self>) -> Self {
        if let (Value::Map(members), Some(node)) = (&mut self.value, node) {
            members.push((name.to_owned(), node));
        }
        self
    }

    /// JSON with two blanks a level and a newline at its end.
    pub(super) fn to_json(&self) -> String {
        // Nothing in a tree can fail to serialize: keys are texts and numbers are finite.
        let mut text = visible_json(serde_json::to_string_pretty(self).unwrap_or_default());
        text.push('\n');
        text
    }

    /// Reads JSON.
    pub(super) fn from_json(text: &str) -> Result<Self, Vec<Invalid>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ends = super::role_json::line_ends(text.as_bytes());
        json_node(text, text, &ends, 0).map_err(|problem| vec![problem])
    }

    /// What it is, for people.
    const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(value) => value.serialize(serializer),
            Value::Text(value) => serializer.serialize_str(value),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Value::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, node) in members {
                    map.serialize_entry(name, node)?;
                }
                map.end()
            }
        }
    }
}

/// The tree of `part`, a piece of `text`.
fn json_node(part: &str, text: &str, ends: &[usize], depth: usize) -> Result<Node, Invalid> {
    let offset = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let blanks = part.len() - part.trim_start().len();
    let line = 1 + ends.partition_point(|end| *end < offset + blanks);
    let bad = |err: &serde_json::Error| {
        let message = err.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
        let first = 1 + ends.partition_point(|end| *end < offset);
        let line = first + err.line().saturating_sub(1);
        Invalid { line, field: String::new(), message: message.to_owned() }
    };
    if depth > MAX_DEPTH {
        return Err(too_deep(line));
    }
    let value = match part.trim_start().bytes().next() {
        Some(b'{') => {
            let members: RawObject<'_> = serde_json::from_str(part).map_err(|err| bad(&err))?;
            let member = |(name, value): (String, &RawValue)| {
                Ok((name, json_node(value.get(), text, ends, depth + 1)?))
            };
            Value::Map(members.0.into_iter().map(member).collect::<Result<_, Invalid>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(part).map_err(|err| bad(&err))?;
            let item = |value: &RawValue| json_node(value.get(), text, ends, depth + 1);
            Value::List(items.into_iter().map(item).collect::<Result<_, Invalid>>()?)
        }
        _ => match serde_json::from_str(part).map_err(|err| bad(&err))? {
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(value) => Value::Number(value),
            serde_json::Value::String(value) => Value::Text(value),
            _ => Value::Null,
        },
    };
    Ok(Node { line, value })
}

/// What is said where a text is nested too deeply.
pub(super) fn too_deep(line: usize) -> Invalid {
    let message = format!("is nested more than {MAX_DEPTH} levels deep");
    Invalid { line, field: String::new(), message }
}

/// Takes trees apart and collects what is wrong, with line and field.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Invalid>,
}

/// An object whose members are taken one by one.
#[derive(Debug)]
pub(super) struct Object<'a> {
    /// Such as `rules[3]`; empty for the whole.
    pub(super) field: String,
    pub(super) line: usize,
    members: Vec<(&'a str, &'a Node)>,
}

impl<'a> Object<'a> {
    /// Takes a member that is there and not null.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a Node> {
        let at = self.members.iter().position(|(it, _)| *it == name)?;
        let (_, node) = self.members.remove(at);
        (node.value != Value::Null).then_some(node)
    }

    /// Whether a member is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(it, node)| *it == name && node.value != Value::Null)
    }

    /// The line of a member, else that of the object.
    pub(super) fn line_of(&self, name: &str) -> usize {
        let member = self.members.iter().find(|(it, _)| *it == name);
        member.map_or(self.line, |(_, node)| node.line)
    }

    /// The members that are left, taken.
    pub(super) fn rest(&mut self) -> Vec<(&'a str, &'a Node)> {
        std::mem::take(&mut self.members)
    }

    /// The full name of a member.
    pub(super) fn at(&self, name: &str) -> String {
        if self.field.is_empty() { name.to_owned() } else { format!("{}.{name}", self.field) }
    }
}

impl Reader {
    /// Notes a problem.
    pub(super) fn note(&mut self, line: usize, field: String, message: impl Into<String>) {
        self.problems.push(Invalid { line, field, message: message.into() });
    }

    fn wrong(&mut self, node: &Node, field: &str, wanted: &str) {
        self.note(node.line, field.to_owned(), format!("is {}, not {wanted}", node.kind()));
    }

    /// The object that a node is; each member once.
    pub(super) fn object<'a>(&mut self, node: &'a Node, field: &str) -> Option<Object<'a>> {
        let Value::Map(all) = &node.value else {
            self.wrong(node, field, "an object");
            return None;
        };
        let mut res = Object { field: field.to_owned(), line: node.line, members: Vec::new() };
        for (name, value) in all {
            if res.members.iter().any(|(it, _)| it == name) {
                self.note(value.line, res.at(name), "is given twice");
            } else {
                res.members.push((name, value));
            }
        }
        Some(res)
    }

    /// The items of a list that may be absent.
    pub(super) fn items<'a>(&mut self, object: &mut Object<'a>, name: &str) -> &'a [Node] {
        self.items_if_any(object, name).unwrap_or_default()
    }

    /// The items of a list; `None` where it is absent.
    pub(super) fn items_if_any<'a>(
        &mut self,
        object: &mut Object<'a>,
        name: &str,
    ) -> Option<&'a [Node]> {
        let node = object.take(name)?;
        if let Value::List(items) = &node.value {
            return Some(items);
        }
        self.wrong(node, &object.at(name), "a list");
        None
    }

    /// A text that may be absent.
    pub(super) fn text(&mut self, object: &mut Object<'_>, name: &str) -> Option<String> {
        let node = object.take(name)?;
        self.as_text(node, &object.at(name))
    }

    /// A text that must be there and say something.
    pub(super) fn needed(&mut self, object: &mut Object<'_>, name: &str) -> Option<String> {
        let Some(node) = object.take(name) else {
            self.note(object.line, object.at(name), "is missing");
            return None;
        };
        let text = self.as_text(node, &object.at(name))?;
        if text.is_empty() {
            self.note(node.line, object.at(name), "is empty");
        }
        Some(text)
    }

    fn as_text(&mut self, node: &Node, field: &str) -> Option<String> {
        if let Value::Text(text) = &node.value {
            return Some(text.clone());
        }
        self.wrong(node, field, "a text");
        None
    }

    /// A list of texts that may be absent.
    pub(super) fn texts(&mut self, object: &mut Object<'_>, name: &str) -> Option<Vec<String>> {
        let node = object.take(name)?;
        let field = object.at(name);
        let Value::List(items) = &node.value else {
            self.wrong(node, &field, "a list of texts");
            return None;
        };
        let texts = items.iter().enumerate();
        Some(texts.filter_map(|(idx, it)| self.as_text(it, &format!("{field}[{idx}]"))).collect())
    }

    /// Yes or no, where it is said.
    pub(super) fn bool(&mut self, object: &mut Object<'_>, name: &str) -> Option<bool> {
        let node = object.take(name)?;
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.wrong(node, &object.at(name), "true or false");
        None
    }

    /// A number that may be absent.
    pub(super) fn number(&mut self, object: &mut Object<'_>, name: &str) -> Option<f64> {
        let node = object.take(name)?;
        if let Value::Number(number) = &node.value {
            return number.as_f64();
        }
        self.wrong(node, &object.at(name), "a number");
        None
    }

    /// One of some words that must be there.
    pub(super) fn needed_word<T: Copy>(
        &mut self,
        object: &mut Object<'_>,
        name: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        if !object.has(name) {
            self.note(object.line, object.at(name), "is missing");
        }
        self.word(object, name, words)
    }

    /// One of some words; absent where it is not there.
    pub(super) fn word<T: Copy>(
        &mut self,
        object: &mut Object<'_>,
        name: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let line = object.line_of(name);
        let text = self.text(object, name)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("is `{text}`, it can be {}", known.join(", "));
            self.note(line, object.at(name), message);
        }
        found
    }

    /// Says of every member that is left that nobody knows it.
    pub(super) fn nothing_left(&mut self, mut object: Object<'_>, what: &str) {
        for (name, node) in object.rest() {
            self.note(node.line, object.at(name), format!("is no field of {what}"));
        }
    }

    /// What was read, where nothing was wrong.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Vec<Invalid>> {
        if self.problems.is_empty() {
            return Ok(value);
        }
        self.problems.sort();
        self.problems.dedup();
        Err(self.problems)
    }
}
