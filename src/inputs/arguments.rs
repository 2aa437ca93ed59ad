//! Arguments of MCP calls: compact JSON text without its secrets.
use serde_json::{Map, Value};

use super::notes::Notes;
use crate::events::redact;

/// The compact text of a JSON value, redacted; depth is bounded by whoever parsed it.
pub(super) fn compact(value: Value, notes: &mut Notes) -> String {
    clean(value, "", notes).to_string()
}

/// A value without its secrets; `name` is the key it was found under, which often tells them.
fn clean(value: Value, name: &str, notes: &mut Notes) -> Value {
    match value {
        Value::String(text) => Value::String(clean_text(text, name, notes)),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| clean(item, name, notes)).collect())
        }
        Value::Object(object) => {
            let mut res = Map::new();
            for (key, value) in object {
                let value = clean(value, &key, notes);
                res.insert(notes.clean(key.into()), value);
            }
            Value::Object(res)
        }
        Value::Number(number) => {
            // A password of digits is still a password.
            let text = number.to_string();
            let cleaned = clean_text(text.clone(), name, notes);
            if cleaned == text { Value::Number(number) } else { Value::String(cleaned) }
        }
        Value::Null | Value::Bool(_) => value,
    }
}

/// A text without its secrets: on its own, else as what its name says it is.
fn clean_text(text: String, name: &str, notes: &mut Notes) -> String {
    let alone = notes.n_secrets;
    let text = notes.clean(text.into());
    if notes.n_secrets > alone || name.is_empty() {
        return text;
    }
    let pair = format!("{name}={text}");
    let redacted = redact(&pair);
    if redacted.n_secrets == 0 {
        return text;
    }
    notes.n_secrets += redacted.n_secrets as u64;
    let value = redacted.text.strip_prefix(&format!("{name}=")).map(ToOwned::to_owned);
    value.unwrap_or_else(|| redacted.text.into_owned())
}
