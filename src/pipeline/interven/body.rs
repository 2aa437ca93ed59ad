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
    LazyLock::new(|| Regex::new(r"(?i)\b[a-z0-9._%+-]+@([a-z0-9-]+(?:\.[a-z0-9-]+)+)\b").ok());

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

    /// What the call touches.
    pub(super) fn resource(&self, server: &str, tool: &str) -> String {
        let named = RESOURCES.iter().find_map(|name| Some((*name, self.field(name)?)));
        match named {
            Some((name, value)) => match self.field("owner").filter(|_| name.starts_with("repo")) {
                Some(owner) => format!("{server}:{owner}/{value}"),
                None => format!("{server}:{value}"),
            },
            None => format!("{server}/{tool}"),
        }
    }

    /// Repositories, with their organization where it is told.
    pub(super) fn repositories(&self) -> Vec<String> {
        let repo = self.field("repo").or_else(|| self.field("repository"));
        let owner = self.field("owner").or_else(|| self.field("org"));
        match (owner, repo) {
            (Some(owner), Some(repo)) if !repo.contains('/') => vec![format!("{owner}/{repo}")],
            (_, Some(repo)) => vec![repo.to_owned()],
            (Some(owner), None) => vec![format!("{owner}/")],
            (None, None) => Vec::new(),
        }
    }

    /// Channels, with their sign.
    pub(super) fn channels(&self) -> Vec<String> {
        let names =
            ["channel", "channel_name", "channel_id"].iter().filter_map(|it| self.field(it));
        let with_sign = |it: &str| match it.strip_prefix('#') {
            Some(name) => vec![it.to_owned(), name.to_owned()],
            None => vec![it.to_owned(), format!("#{it}")],
        };
        names.flat_map(with_sign).collect()
    }

    /// Whether it holds what is somebody's own: addresses beyond those it goes to, numbers of social
    /// security or payment cards.
    pub(super) fn has_personal_data(&self) -> bool {
        let mut texts = Vec::new();
        let members = self.members.iter().filter(|(name, _)| !is_recipient(name));
        members.for_each(|(_, it)| collect(it, &mut texts));
        let found = |regex: &LazyLock<Option<Regex>>, is: fn(&str) -> bool| {
            let Some(regex) = regex.as_ref() else { return false };
            texts.iter().any(|text| regex.find_iter(text).any(|it| is(it.as_str())))
        };
        found(&EMAIL, |_| true) || found(&NUMBER, is_number_of_somebody)
    }

    /// Domains of whoever is addressed.
    fn domains(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let members = self.members.iter().filter(|(name, _)| is_recipient(name));
        members.for_each(|(_, it)| collect(it, &mut texts));
        let mut res = Vec::new();
        for text in texts {
            if let Some(regex) = EMAIL.as_ref() {
                let domains = regex.captures_iter(text).filter_map(|it| it.get(1));
                res.extend(domains.map(|it| it.as_str().to_lowercase()));
            }
            if let Some((_, rest)) = text.split_once("://") {
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                let host = host.rsplit('@').next().unwrap_or_default();
                res.push(host.split(':').next().unwrap_or_default().to_lowercase());
            } else if !text.contains(['@', ' ', '/']) && text.contains('.') {
                res.push(text.to_lowercase());
            }
        }
        res
    }
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

fn is_recipient(name: &str) -> bool {
    RECIPIENTS.contains(&name.to_lowercase().as_str())
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
