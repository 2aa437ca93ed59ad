//! What is met on the way from lines to events: unknown keys, and secrets, which end here.
use std::{borrow::Cow, collections::BTreeMap};

use super::reject::safe_name;
use crate::events::{redact, redact_argv, redact_named};

/// What was met on the way and is neither event nor reject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Keys outside the schema -> how often; at most [`MAX_UNKNOWN_KEYS`] names, the rest under
    /// `(others)`.
    pub unknown_keys: BTreeMap<String, u64>,
    /// How many secrets were replaced by markers.
    pub n_secrets: u64,
    /// Records of other systems that are no actions: messages, other activities, other tools.
    pub n_passed_over: u64,
    /// What was cleaned last, for each field that seldom changes.
    last: BTreeMap<&'static str, Cleaned>,
}

/// A text before and after its secrets were taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cleaned {
    before: String,
    after: String,
    n_secrets: u64,
}

/// How many names of unknown keys are told apart.
pub const MAX_UNKNOWN_KEYS: usize = 64;

/// A longer text is not remembered, in bytes.
const MAX_REMEMBERED_BYTES: usize = 512;

impl Notes {
    /// Counts a key outside the schema.
    pub(super) fn unknown_key(&mut self, key: &str) {
        if let Some(count) = self.unknown_keys.get_mut(key) {
            *count += 1;
            return;
        }
        self.add_unknown(&safe_name(key), 1);
    }

    /// Adds what others noted.
    pub fn merge(&mut self, others: &Self) {
        self.n_secrets += others.n_secrets;
        self.n_passed_over += others.n_passed_over;
        for (key, count) in &others.unknown_keys {
            self.add_unknown(key, *count);
        }
    }

    fn add_unknown(&mut self, key: &str, count: u64) {
        let full = self.unknown_keys.len() >= MAX_UNKNOWN_KEYS;
        let key = if full && !self.unknown_keys.contains_key(key) { "(others)" } else { key };
        *self.unknown_keys.entry(key.to_owned()).or_default() += count;
    }

    /// An argument vector without its secrets.
    pub(super) fn clean_argv(&mut self, argv: Vec<String>) -> Vec<String> {
        let (argv, n_secrets) = redact_argv(argv);
        self.n_secrets += n_secrets as u64;
        argv
    }

    /// A value without its secrets, some of which only its name tells.
    pub(super) fn clean_named(&mut self, name: &str, text: String) -> String {
        let redacted = redact_named(name, &text);
        if redacted.n_secrets == 0 {
            return text;
        }
        self.n_secrets += redacted.n_secrets as u64;
        redacted.text.into_owned()
    }

    /// `text` without its secrets.
    pub(super) fn clean(&mut self, text: Cow<'_, str>) -> String {
        let redacted = redact(&text);
        if redacted.n_secrets == 0 {
            return text.into_owned();
        }
        self.n_secrets += redacted.n_secrets as u64;
        redacted.text.into_owned()
    }

    /// `text` without its secrets, for a field that is mostly what it was in the line before: then
    /// it is not looked through again.
    pub(super) fn clean_again(&mut self, field: &'static str, text: Cow<'_, str>) -> String {
        let last = self.last.entry(field).or_default();
        if last.before == *text {
            self.n_secrets += last.n_secrets;
            return last.after.clone();
        }
        if text.len() > MAX_REMEMBERED_BYTES {
            return self.clean(text);
        }
        last.before.clear();
        last.before.push_str(&text);
        let redacted = redact(&text);
        last.after.clear();
        last.after.push_str(&redacted.text);
        last.n_secrets = redacted.n_secrets as u64;
        self.n_secrets += last.n_secrets;
        last.after.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_unknown_keys_are_bounded_and_none_is_lost() {
        let mut notes = Notes::default();
        for idx in 0..1_000 {
            notes.unknown_key(&format!("key{idx}"));
        }
        notes.unknown_key("key0");
        assert!(notes.unknown_keys.len() <= MAX_UNKNOWN_KEYS + 1);
        assert_eq!(notes.unknown_keys.values().sum::<u64>(), 1_001);
        assert_eq!(notes.unknown_keys["key0"], 2);
        let mut twice = notes.clone();
        twice.merge(&notes);
        assert_eq!(twice.unknown_keys.values().sum::<u64>(), 2_002);
    }

    #[test]
    fn what_is_remembered_is_what_would_be_found() {
        let long = "x".repeat(MAX_REMEMBERED_BYTES + 1);
        let mut notes = Notes::default();
        for text in ["", "a", "a", "b", &long, "b", "", "a"] {
            assert_eq!(notes.clean_again("user", text.into()), text);
            assert_eq!(notes.clean_again("cwd", "/".into()), "/");
        }
    }
}
