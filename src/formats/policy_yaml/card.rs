//! An agent's alignment card, as far as policies ask for it: its bounded actions.
use super::{
    super::{
        Invalid,
        tree::{Node, Reader},
        yaml,
    },
    evaluate::Card,
};

/// Where cards have their actions, newest first; a card that is nothing else has them at the top.
const SECTIONS: &[&str] = &["autonomy", "autonomy_envelope"];

/// Reads a card, JSON or YAML.
///
/// # Errors
/// Where it has no bounded actions.
pub fn read_card(text: &str) -> Result<Card, Vec<Invalid>> {
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let node = if is_json { Node::from_json(text)? } else { yaml::read(text)? };
    let mut reader = Reader::default();
    let mut card = Card::default();
    if let Some(mut object) = reader.object(&node, "") {
        let section = SECTIONS.iter().find(|it| object.has(it));
        let inner = section.and_then(|name| Some((*name, object.take(name)?)));
        let found = match inner {
            Some((name, node)) => reader
                .object(node, name)
                .and_then(|mut it| reader.texts(&mut it, "bounded_actions")),
            None => reader.texts(&mut object, "bounded_actions"),
        };
        match found {
            Some(actions) => card.bounded_actions = actions,
            None => reader.note(object.line, "bounded_actions".to_owned(), "is missing"),
        }
    }
    reader.finish(card)
}
