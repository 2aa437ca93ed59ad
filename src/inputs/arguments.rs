//! Arguments of MCP calls: compact JSON text without its secrets.
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::notes::Notes;

/// Numbers below are looked at once a list, however often they are in it.
const MAX_SHORT: u64 = 1_000;

/// The compact text of a JSON value, redacted; depth is bounded by whoever parsed it.
pub(super) fn compact(value: Value, notes: &mut Notes) -> String {
    clean(value, "", notes).to_string()
}

/// A value without its secrets; `name` is the key it was found under, which often tells them.
fn clean(value: Value, name: &str, notes: &mut Notes) -> Value {
    match value {
        Value::String(text) => Value::String(notes.clean_named(name, text)),
        Value::Array(items) => {
            // A line can hold half a million numbers of one digit.
            let mut short: BTreeMap<String, Value> = BTreeMap::new();
            let mut clean_item = |item: Value| match &item {
                Value::Number(number) if number.as_u64().is_some_and(|it| it < MAX_SHORT) => {
                    let cleaned = short.entry(number.to_string());
                    cleaned.or_insert_with(|| clean(item, name, notes)).clone()
                }
                _ => clean(item, name, notes),
            };
            Value::Array(items.into_iter().map(&mut clean_item).collect())
        }
        Value::Object(object) => {
            let named = named(&object);
            let mut res = Map::new();
            for (key, value) in object {
                let name = named.as_deref().filter(|_| key.eq_ignore_ascii_case("value"));
                let value = clean(value, name.unwrap_or(&key), notes);
                res.insert(notes.clean(key.into()), value);
            }
            Value::Object(res)
        }
        Value::Number(number) => {
            // A password of digits is still a password.
            let text = number.to_string();
            let cleaned = notes.clean_named(name, text.clone());
            if cleaned == text { Value::Number(number) } else { Value::String(cleaned) }
        }
        Value::Null | Value::Bool(_) => value,
    }
}

/// The name in `{"name": "API_KEY", "value": "..."}`.
fn named(object: &Map<String, Value>) -> Option<String> {
    let named = ["name", "key", "Name", "Key"].iter().find_map(|key| object.get(*key));
    named.and_then(Value::as_str).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_tell_secrets_however_deep_they_lie() {
        for (arguments, clean) in [
            (json!({"password": "my pass phrase"}), r#"{"password":"%redacted:password%"}"#),
            (
                json!({"a": [{"apiKey": "a1b2c3d4e5f6"}]}),
                r#"{"a":[{"apiKey":"%redacted:api-key%"}]}"#,
            ),
            (
                json!({"headers": {"Authorization": "Bearer abcdef0123456789xyz"}}),
                r#"{"headers":{"Authorization":"Bearer %redacted:authorization%"}}"#,
            ),
            (
                json!({"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}),
                r#"{"env":[{"name":"DB_PASSWORD","value":"%redacted:password%"}]}"#,
            ),
            (json!({"pin_password": 48_151_623}), r#"{"pin_password":"%redacted:password%"}"#),
            (
                json!({"command": "curl -u me:s3cret9 https://x"}),
                r#"{"command":"curl -u me:%redacted:password% https://x"}"#,
            ),
            (json!({"name": "x", "value": "hunter2"}), r#"{"name":"x","value":"hunter2"}"#),
            (
                json!({"file_path": "bill-december-2023.txt"}),
                r#"{"file_path":"bill-december-2023.txt"}"#,
            ),
            (json!({"gitlab_pat": "a1b2c3d4e5f6"}), r#"{"gitlab_pat":"%redacted:token%"}"#),
            (
                json!({"path": "src/a.rs", "n": 3, "b": true}),
                r#"{"b":true,"n":3,"path":"src/a.rs"}"#,
            ),
        ] {
            assert_eq!(compact(arguments, &mut Notes::default()), clean);
        }
    }

    #[test]
    fn numbers_of_a_list_are_cleaned_as_each_of_them_alone() {
        for key in ["n", "pin_password", "token"] {
            let numbers =
                [json!(7), json!(999), json!(7), json!(48_151_623), json!(-1), json!(0.5)];
            let one = |it: &Value| clean(it.clone(), key, &mut Notes::default());
            let wanted: Vec<Value> = numbers.iter().map(one).collect();
            let list = clean(Value::Array(numbers.to_vec()), key, &mut Notes::default());
            assert_eq!(list, Value::Array(wanted), "{key}");
        }
    }
}
