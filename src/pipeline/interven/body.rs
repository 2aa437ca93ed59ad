//! What the arguments of a call say: texts, resource, who is addressed, personal data.
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// Arguments that name what is touched, the most telling first.
const RESOURCES: &[&str] = &[
    "repo",
    "repository",
    "channel",
    "channel_id",
    "path",
    "file_path",
    "file",
    "file_id",
    "document_id",
    "folder_id",
    "bucket",
    "database",
    "table",
    "project",
    "project_id",
    "issue_key",
    "account",
    "url",
    "uri",
    "id",
    "key",
];

/// Arguments that name who gets something.
const RECIPIENTS: &[&str] = &[
    "to",
    "cc",
    "bcc",
    "recipient",
    "recipients",
    "email",
    "emails",
    "user",
    "users",
    "collaborator",
    "invitee",
    "share_with",
    "webhook_url",
    "url",
    "workspace",
    "domain",
    "principal",
    "member",
];

/// Last words of names of arguments below which whoever gets something is named: `toRecipients`,
/// `reply_to`, `emailAddress`.
const ADDRESSES: &[&str] = &[
    "address",
    "addresses",
    "attendee",
    "attendees",
    "bcc",
    "cc",
    "collaborator",
    "collaborators",
    "email",
    "emails",
    "invitee",
    "invitees",
    "member",
    "members",
    "participant",
    "participants",
    "principal",
    "recipient",
    "recipients",
    "to",
];

/// Most values of one call that are looked at.
const MAX_VALUES: usize = 10_000;

/// Words of tools that administer.
const ADMIN: &[&str] = &[
    "admin",
    "attach",
    "collaborator",
    "grant",
    "iam",
    "invite",
    "permission",
    "policy",
    "role",
    "user",
];

/// Addresses of people.
static EMAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b[a-z0-9._%+-]+@(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+)\b").ok());

/// Numbers of US social security, and numbers as long as those of payment cards.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(?:\d{3}-\d{2}-\d{4}|\d(?:[ -]?\d){12,18})\b").ok());

/// The arguments of one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    members: Map<String, Value>,
    /// Every text in them, in lower case.
    text: String,
}

impl Body {
    /// The body of arguments in JSON.
    pub(super) fn new(arguments: &str) -> Self {
        let members: Map<String, Value> = serde_json::from_str(arguments).unwrap_or_default();
        let mut texts = Vec::new();
        members.values().for_each(|it| collect(it, &mut texts));
        let text = texts.join("\n").to_lowercase();
        Self { members, text }
    }

    /// Whether a text is in it, whatever the case.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.text.contains(&text.to_lowercase())
    }

    /// An argument that is a text.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// What the call touches: every value of its most telling argument, wherever in the body that is.
    pub(super) fn resources(&self, server: &str, tool: &str) -> Vec<String> {
        let objects = objects(&self.members);
        for name in RESOURCES {
            let mut res = Vec::new();
            for object in &objects {
                let owner = object.get("owner").and_then(Value::as_str);
                let owner = owner.filter(|_| name.starts_with("repo"));
                // As one, or as several: `channel`, `channels`.
                for key in [(*name).to_owned(), format!("{name}s")] {
                    res.extend(texts_at(object, &key).into_iter().map(|value| match owner {
                        Some(owner) => format!("{server}:{owner}/{value}"),
                        None => format!("{server}:{value}"),
                    }));
                }
            }
            if !res.is_empty() {
                return res;
            }
        }
        vec![format!("{server}/{tool}")]
    }

    /// Repositories, with their organization where it is told.
    pub(super) fn repositories(&self) -> Vec<String> {
        let mut res = Vec::new();
        for object in objects(&self.members) {
            let text = |name: &str| object.get(name).and_then(Value::as_str);
            let owner = text("owner").or_else(|| text("org"));
            let names = ["repo", "repository", "repos", "repositories"];
            let repos: Vec<&str> = names.iter().flat_map(|it| texts_at(object, it)).collect();
            if let (Some(owner), true) = (owner, repos.is_empty()) {
                res.push(format!("{owner}/"));
            }
            res.extend(repos.into_iter().map(|repo| match owner {
                Some(owner) if !repo.contains('/') => format!("{owner}/{repo}"),
                _ => repo.to_owned(),
            }));
        }
        res
    }

    /// Channels, with their sign.
    pub(super) fn channels(&self) -> Vec<String> {
        let names = ["channel", "channel_name", "channel_id"];
        let mut res = Vec::new();
        for object in objects(&self.members) {
            let keys = names.iter().flat_map(|it| [(*it).to_owned(), format!("{it}s")]);
            for name in keys.flat_map(|key| texts_at(object, &key)) {
                res.push(name.to_owned());
                res.push(match name.strip_prefix('#') {
                    Some(plain) => plain.to_owned(),
                    None => format!("#{name}"),
                });
            }
        }
        res
    }

    /// Whether it holds what is somebody's own: addresses beyond those it goes to, numbers of social
    /// security or payment cards.
    pub(super) fn has_personal_data(&self) -> bool {
        let mut texts = Vec::new();
        for object in objects(&self.members) {
            let members = object.iter().filter(|(name, _)| !is_recipient(name));
            members.for_each(|(_, it)| own_texts(it, &mut texts));
        }
        let found = |regex: &LazyLock<Option<Regex>>, is: fn(&str) -> bool| {
            let Some(regex) = regex.as_ref() else { return false };
            texts.iter().any(|text| regex.find_iter(text).any(|it| is(it.as_str())))
        };
        found(&EMAIL, |_| true) || found(&NUMBER, is_number_of_somebody)
    }

    /// Domains and hosts of whoever is addressed, wherever in the body.
    fn domains(&self) -> Vec<String> {
        let mut res = Vec::new();
        for object in objects(&self.members) {
            for (name, value) in object.iter().filter(|(name, _)| is_recipient(name)) {
                let mut texts = Vec::new();
                collect(value, &mut texts);
                for text in &texts {
                    res.extend(hosts(text));
                }
                // A domain alone, where the argument is for one.
                if RECIPIENTS.contains(&name.to_lowercase().as_str()) {
                    let mut own = Vec::new();
                    own_texts(value, &mut own);
                    let is_domain =
                        |it: &&str| it.contains('.') && !it.contains(['@', ' ', '/', ':']);
                    res.extend(own.into_iter().filter(is_domain).map(str::to_lowercase));
                }
            }
        }
        res
    }
}

/// The hosts of addresses of people and of the web in a text, as they are written: what is no plain
/// domain, such as one of other letters, is nobody's own.
fn hosts(text: &str) -> Vec<String> {
    let ends = |it: char| {
        it.is_whitespace()
            || matches!(
                it,
                ',' | ';' | '<' | '>' | '(' | ')' | '"' | '\'' | '/' | '?' | '#' | ':' | '\\'
            )
    };
    let host = |rest: &str| {
        let inner = rest.strip_prefix('[').and_then(|it| it.split_once(']')).map(|it| it.0);
        let host = inner.unwrap_or_else(|| rest.split(ends).next().unwrap_or_default());
        host.trim_end_matches(['.', '!']).to_lowercase()
    };
    let mut res = Vec::new();
    for (at, _) in text.match_indices('@') {
        let (before, rest) = text.split_at(at);
        let is_address = before.chars().next_back().is_some_and(|it| !ends(it));
        res.push(host(rest.get(1..).unwrap_or_default()));
        res.truncate(if is_address { res.len() } else { res.len() - 1 });
    }
    for (at, sign) in text.match_indices("://") {
        let rest = text.get(at + sign.len()..).unwrap_or_default();
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        res.push(host(authority.rsplit('@').next().unwrap_or_default()));
    }
    res.retain(|it| !it.is_empty());
    res
}

/// Whether somebody is addressed who is in none of the own domains.
pub(super) fn is_external(body: &Body, own_domains: &[String]) -> bool {
    let is_own = |domain: &String| {
        own_domains.iter().map(|it| it.trim_start_matches('.').to_lowercase()).any(|own| {
            *domain == own || domain.strip_suffix(&own).is_some_and(|it| it.ends_with('.'))
        })
    };
    body.domains().iter().any(|it| !is_own(it))
}

/// Whether a tool administers, by the words of its name.
pub(super) fn is_admin(tool: &str) -> bool {
    tool.to_lowercase().split(['_', '-', '.']).any(|word| ADMIN.contains(&word))
}

/// Whether an argument names who gets something: by its whole name, or by the last of its words.
fn is_recipient(name: &str) -> bool {
    let mut last = String::new();
    let mut was_lower = false;
    for char in name.chars() {
        if matches!(char, '_' | '-' | '.' | ' ') || char.is_uppercase() && was_lower {
            last.clear();
        }
        if char.is_alphanumeric() {
            last.extend(char.to_lowercase());
        }
        was_lower = char.is_lowercase();
    }
    RECIPIENTS.contains(&name.to_lowercase().as_str()) || ADDRESSES.contains(&last.as_str())
}

/// The object and every object in it, outermost first; its depth is bounded by how lines are read.
fn objects(members: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    let mut res = vec![members];
    let mut at = 0;
    let mut n_left = MAX_VALUES;
    while let Some(object) = res.get(at).copied() {
        at += 1;
        let mut values: Vec<&Value> = object.values().collect();
        while let Some(value) = values.pop() {
            if n_left == 0 {
                return res;
            }
            n_left -= 1;
            match value {
                Value::Object(inner) => res.push(inner),
                Value::Array(items) => values.extend(items.iter().rev()),
                Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => (),
            }
        }
    }
    res
}

/// The texts of a member: itself, or the items of a list.
fn texts_at<'a>(object: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    let mut texts = Vec::new();
    if let Some(value) = object.get(name) {
        own_texts(value, &mut texts);
    }
    texts
}

/// The texts of a value and of lists in it, without those of objects.
fn own_texts<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|it| own_texts(it, texts)),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}

/// Every text in a value.
fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|it| collect(it, texts)),
        Value::Object(members) => members.values().for_each(|it| collect(it, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}

/// Whether a number is one of social security, or has the check digit of payment cards.
///
/// # Source
/// ISO/IEC 7812-1, annex B.
fn is_number_of_somebody(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|it| it.to_digit(10)).collect();
    if digits.len() == 9 {
        return true;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(idx, digit)| if idx % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { *digit })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_addressed_is_found_wherever_it_is_written() {
        let own = ["acme.com".to_owned()];
        for (arguments, want) in [
            (r#"{"to":"x@evil.com"}"#, true),
            (r#"{"message":{"to":"x@evil.com"}}"#, true),
            (r#"{"toRecipients":[{"emailAddress":{"address":"x@evil.com"}}]}"#, true),
            (
                r#"{"message":{"ccRecipients":[{"emailAddress":{"address":"ana@acme.com"}}]}}"#,
                false,
            ),
            (r#"{"to":"x@éxample.com"}"#, true),
            (r#"{"to":"x@localhost"}"#, true),
            (r#"{"to":"x@[10.0.0.1]"}"#, true),
            (r#"{"to":"x@acme.com\u200b.evil.com"}"#, true),
            (r#"{"to":"Ana <ana@acme.com>, bo@mail.acme.com."}"#, false),
            (r#"{"to":["ana@acme.com",["x@acme.com.evil.io"]]}"#, true),
            (r#"{"reply_to":"x@evil.com"}"#, true),
            (r#"{"to":"@channel"}"#, false),
            (r#"{"body":"write to x@evil.com"}"#, false),
            (r#"{"webhook_url":"https://acme.com@evil.com/x"}"#, true),
            (r#"{"url":"https://wiki.acme.com:8443/x?to=a"}"#, false),
            (r#"{"domain":"evil.com"}"#, true),
            (r#"{"user_agent":"x.y"}"#, false),
        ] {
            assert_eq!(is_external(&Body::new(arguments), &own), want, "{arguments}");
        }
    }

    #[test]
    fn what_is_touched_is_named_once_or_often_and_at_any_depth() {
        let body = |text: &str| Body::new(text);
        assert_eq!(body(r##"{"channels":["#alerts"]}"##).channels(), ["#alerts", "alerts"]);
        assert_eq!(body(r#"{"in":{"channel":"ops"}}"#).channels(), ["ops", "#ops"]);
        let both = body(r#"{"items":[{"owner":"acme","repo":"a"},{"repository":"x/y"}]}"#);
        assert_eq!(both.repositories(), ["acme/a", "x/y"]);
        assert_eq!(both.resources("github", "get"), ["github:acme/a"]);
        let several = body(r#"{"channels":["a","b"]}"#);
        assert_eq!(several.resources("slack", "post"), ["slack:a", "slack:b"]);
        assert_eq!(body("{}").resources("slack", "post"), ["slack/post"]);
        let personal = |text: &str| body(text).has_personal_data();
        assert!(personal(r#"{"message":{"text":"jo@example.com"}}"#));
        assert!(!personal(r#"{"message":{"to":"jo@example.com"}}"#));
    }
}
