//! A document in another notation of its own format: nothing goes through a role, so all of it stays.
use super::{
    Invalid, PolicyFormat,
    tree::{Node, Value},
    yaml,
};

/// A format's notation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    Json,
    Yaml,
}

/// Formats that are notations of one system's documents: the format, whose it is, its notation, and
/// where documents have their name.
const NOTATIONS: &[(&str, &str, Notation, &[&str])] = &[
    ("truvant", "truvant", Notation::Json, &["name"]),
    ("truvant-yaml", "truvant", Notation::Yaml, &["name"]),
    ("policy-yaml", "policy", Notation::Yaml, &["meta", "name"]),
    ("policy-json", "policy", Notation::Json, &["meta", "name"]),
    ("interven", "interven", Notation::Json, &["name"]),
];

/// The document in the other format, with another name where one is given; `None` where the formats
/// are not of one system. A document that stays in its format stays as it is, comments included.
///
/// # Errors
/// Where the document is not valid.
pub fn restated(
    from: &PolicyFormat,
    to: &PolicyFormat,
    text: &str,
    name: Option<&str>,
) -> Option<Result<String, Vec<Invalid>>> {
    let of = |format: &PolicyFormat| NOTATIONS.iter().find(|it| it.0 == format.name);
    let ((_, system, source, path), (_, other, target, _)) = of(from).zip(of(to))?;
    if system != other {
        return None;
    }
    Some((from.read)(text).and_then(|_| {
        if source == target && name.is_none() {
            return Ok(text.to_owned());
        }
        let mut node = match source {
            Notation::Json => Node::from_json(text)?,
            Notation::Yaml => yaml::read(text)?,
        };
        if let Some(name) = name {
            rename(&mut node, path, name);
        }
        Ok(match target {
            Notation::Json => node.to_json(),
            Notation::Yaml => yaml::write(&node),
        })
    }))
}

/// Puts a text at a path of members that are there.
fn rename(node: &mut Node, path: &[&str], name: &str) {
    match (path, &mut node.value) {
        ([], value) => *value = Value::Text(name.to_owned()),
        ([first, rest @ ..], Value::Map(members)) => {
            if let Some((_, inner)) = members.iter_mut().find(|(it, _)| it == first) {
                rename(inner, rest, name);
            }
        }
        _ => (),
    }
}
