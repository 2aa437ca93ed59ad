//! YAML, as far as policies need it: one document without aliases and tags, with its lines.
use std::fmt::Write as _;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{
    Invalid,
    tree::{MAX_DEPTH, Node, Value, too_deep},
};

/// Reads a document.
///
/// # Errors
/// The first problem, with its line: what follows a mistake in indentation is guesswork.
pub(super) fn read(text: &str) -> Result<Node, Vec<Invalid>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder { open: Vec::new(), root: None, n_documents: 0 };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|err| vec![bad(&err)])?;
        builder.take(event, span).map_err(|problem| vec![problem])?;
    }
    builder.root.ok_or_else(|| vec![invalid(1, "is empty")])
}

/// Writes a document in block style.
pub(super) fn write(node: &Node) -> String {
    let mut text = String::new();
    block(node, 0, &mut text);
    text
}

fn invalid(line: usize, message: &str) -> Invalid {
    Invalid { line, field: String::new(), message: message.to_owned() }
}

fn bad(err: &ScanError) -> Invalid {
    invalid(err.marker().line().max(1), err.info())
}

/// A list or map that is not complete yet.
struct Open {
    node: Node,
    /// In a map, the key whose value is to come.
    key: Option<String>,
}

struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    n_documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Invalid> {
        let line = span.start.line().max(1);
        match event {
            Event::DocumentStart(_) => {
                self.n_documents += 1;
                if self.n_documents > 1 {
                    return Err(invalid(line, "begins a second document, a policy is one"));
                }
            }
            Event::Alias(_) => {
                return Err(invalid(line, "refers to another place, which is not read; repeat it"));
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => return Err(invalid(line, "has a tag")),
            Event::Scalar(text, style, ..) => self.scalar(&text, style, line)?,
            Event::SequenceStart(..) => self.start(Value::List(Vec::new()), line)?,
            Event::MappingStart(..) => self.start(Value::Map(Vec::new()), line)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(done) = self.open.pop() {
                    self.put(done.node)?;
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => (),
        }
        Ok(())
    }

    fn start(&mut self, value: Value, line: usize) -> Result<(), Invalid> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(line));
        }
        self.open.push(Open { node: Node { line, value }, key: None });
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, line: usize) -> Result<(), Invalid> {
        if let Some(Open { node, key: key @ None }) = self.open.last_mut()
            && matches!(node.value, Value::Map(_))
        {
            *key = Some(text.to_owned());
            return Ok(());
        }
        let value = match style {
            ScalarStyle::Plain => plain(text),
            _ => Value::Text(text.to_owned()),
        };
        self.put(Node { line, value })
    }

    fn put(&mut self, node: Node) -> Result<(), Invalid> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(members) => match open.key.take() {
                Some(key) => members.push((key, node)),
                None => return Err(invalid(node.line, "is a key that is no text")),
            },
            _ => (),
        }
        Ok(())
    }
}

/// What a bare word means in YAML's core schema.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => (),
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = digits.starts_with(|ch: char| ch.is_ascii_digit());
    let number = is_number.then(|| text.trim_start_matches('+').parse::<i64>().ok()).flatten();
    if let Some(number) = number {
        return Value::Number(number.into());
    }
    let float = is_number.then(|| text.parse::<f64>().ok()).flatten();
    match float.and_then(serde_json::Number::from_f64) {
        Some(number) => Value::Number(number),
        None => Value::Text(text.to_owned()),
    }
}

/// Writes what is below a key or dash, each line indented by `depth` levels.
fn block(node: &Node, depth: usize, text: &mut String) {
    match &node.value {
        Value::List(items) => {
            for item in items {
                indent(depth, text);
                text.push('-');
                inline(item, depth, text);
            }
        }
        Value::Map(members) => {
            for (name, value) in members {
                indent(depth, text);
                text.push_str(&scalar(name));
                text.push(':');
                below(value, depth, text);
            }
        }
        _ => inline(node, depth, text),
    }
}

/// Writes the value of a key, which has just been written.
fn below(node: &Node, depth: usize, text: &mut String) {
    match &node.value {
        Value::List(items) if !items.is_empty() => {
            text.push('\n');
            block(node, depth + 1, text);
        }
        Value::Map(members) if !members.is_empty() => {
            text.push('\n');
            block(node, depth + 1, text);
        }
        _ => inline(node, depth, text),
    }
}

/// Writes an item of a list behind its dash, or a value on the line of its key.
fn inline(node: &Node, depth: usize, text: &mut String) {
    let word = match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Text(value) => scalar(value),
        Value::List(items) if items.is_empty() => "[]".to_owned(),
        Value::Map(members) if members.is_empty() => "{}".to_owned(),
        Value::List(_) => {
            text.push('\n');
            return block(node, depth + 1, text);
        }
        Value::Map(_) => {
            // The first member stands behind the dash, the others below it.
            let mut inner = String::new();
            block(node, depth + 1, &mut inner);
            text.push(' ');
            text.push_str(inner.trim_start());
            return;
        }
    };
    let _ = writeln!(text, " {word}");
}

fn indent(depth: usize, text: &mut String) {
    for _ in 0..depth {
        text.push_str("  ");
    }
}

/// A text as YAML: bare where nothing else could be meant, else in double quotes.
fn scalar(text: &str) -> String {
    const WORDS: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = |ch: char| ch.is_ascii_alphanumeric() || "_-./ ".contains(ch);
    let is_bare = text.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && text.chars().all(plain)
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_bare {
        return text.to_owned();
    }
    let mut res = String::from('"');
    for ch in text.chars() {
        match ch {
            '"' | '\\' => res.extend(['\\', ch]),
            '\n' => res.push_str("\\n"),
            '\t' => res.push_str("\\t"),
            ' '..='~' => res.push(ch),
            ch if ch.is_alphanumeric() => res.push(ch),
            ch if u32::from(ch) <= 0xffff => {
                let _ = write!(res, "\\u{:04x}", u32::from(ch));
            }
            ch => {
                let _ = write!(res, "\\U{:08x}", u32::from(ch));
            }
        }
    }
    res.push('"');
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let odd =
            ["no", "12", "a: b", "# c", "-", "", " x", "é\u{7f}\u{1f600}\n", "mcp__a__*", "~"];
        let texts: Node = odd.iter().map(|it| Node::from(*it)).collect();
        let tree = Node::map([
            ("plain text", Node::from("a/b c")),
            ("list", texts),
            ("empty", Node::map([])),
            ("none", Node { line: 0, value: Value::Null }),
            ("number", Node::number(7)),
            (
                "deep",
                [Node::map([("a", Node::bool(true)), ("b", Node::map([("c", "d".into())]))])]
                    .into_iter()
                    .collect(),
            ),
        ]);
        let text = write(&tree);
        assert_eq!(read(&text).unwrap().to_json(), tree.to_json(), "{text}");
    }

    #[test]
    fn what_is_not_read_is_said_with_its_line() {
        for (text, line, message) in [
            ("", 1, "is empty"),
            ("a: 1\nb: *x\n", 2, ""),
            ("a: &x 1\nb: *x\n", 2, "refers to another place"),
            ("a: !!str 1\n", 1, "has a tag"),
            ("a: 1\n---\nb: 2\n", 2, "begins a second document"),
            ("a:\n  - b\n c: d\n", 3, ""),
        ] {
            let problem = &read(text).unwrap_err()[0];
            assert_eq!(problem.line, line, "{text:?}: {problem:?}");
            assert!(problem.message.starts_with(message), "{text:?}: {problem:?}");
        }
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        assert!(read(&deep).unwrap_err()[0].message.contains("nested"));
    }
}
