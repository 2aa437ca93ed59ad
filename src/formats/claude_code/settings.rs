//! Permissions in settings that are there: every other byte of the file stays as it is.
use serde_json::value::RawValue;

use super::{
    super::{
        Invalid, Read,
        role_json::RawObject,
        tree::{Node, Reader},
    },
    LISTS, MODES, mode_name,
    permission::{Refused, permission},
    permissions,
};
use crate::{
    events::visible_json,
    policy::{Role, RuleAction},
};

/// How a file sets its lines.
struct Style {
    newline: &'static str,
    /// One level of indentation.
    indent: String,
}

impl Style {
    /// The style of a text: its first line that is indented tells.
    fn of(text: &str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let blanks = |line: &str| {
            let rest = line.trim_start_matches([' ', '\t']);
            let is_one = rest.len() < line.len() && !rest.trim().is_empty();
            is_one.then(|| line.get(..line.len() - rest.len()).unwrap_or_default().to_owned())
        };
        let indent = text.lines().find_map(blanks).unwrap_or_else(|| "  ".to_owned());
        Self { newline, indent }
    }

    /// Texts between brackets, each on a line of its own `depth` levels in.
    fn lines(&self, open: char, items: &[String], close: char, depth: usize) -> String {
        if items.is_empty() {
            return format!("{open}{close}");
        }
        let inner = format!("{}{}", self.newline, self.indent.repeat(depth + 1));
        let outer = format!("{}{}", self.newline, self.indent.repeat(depth));
        format!("{open}{inner}{}{outer}{close}", items.join(&format!(",{inner}")))
    }
}

/// The settings with these permissions. Permissions that stand there stay, as they are spelled, where
/// the role says them, too, or where they are about Claude Code's own tools.
///
/// # Errors
/// Where the settings or their permissions cannot be read.
pub(super) fn updated(
    existing: &str,
    mode: RuleAction,
    lists: &[Vec<String>],
    notes: &mut Vec<String>,
) -> Result<String, Vec<Invalid>> {
    let (mark, text) = match existing.strip_prefix('\u{feff}') {
        Some(text) => ("\u{feff}", text),
        None => ("", existing),
    };
    check(text)?;
    let unreadable = |err: serde_json::Error| {
        vec![Invalid { line: err.line(), field: String::new(), message: err.to_string() }]
    };
    let settings: RawObject<'_> = serde_json::from_str(text).map_err(unreadable)?;
    let style = Style::of(text);
    let old = settings.0.iter().find(|(name, _)| name == "permissions").map(|(_, value)| *value);
    let members: RawObject<'_> = match old {
        Some(old) => serde_json::from_str(old.get()).map_err(unreadable)?,
        None => RawObject(Vec::new()),
    };
    let made = object(&members.0, mode, lists, &style, notes);
    let changed = match (old, settings.0.last()) {
        (Some(old), _) => replaced(text, old, &made),
        (None, Some((_, last))) => {
            let more = format!("{},{}{}", last.get(), style.newline, style.indent);
            replaced(text, last, &format!("{more}\"permissions\": {made}"))
        }
        (None, None) => {
            let members = [format!("\"permissions\": {made}")];
            style.lines('{', &members, '}', 0) + style.newline
        }
    };
    Ok(format!("{mark}{changed}"))
}

/// Whether the settings can be read; members of permissions that nobody knows are none of our
/// business, and stay.
fn check(text: &str) -> Result<(), Vec<Invalid>> {
    let node = Node::from_json(text)?;
    let mut reader = Reader::default();
    if let Some(mut settings) = reader.object(&node, "")
        && let Some(node) = settings.take("permissions")
        && let Some(mut object) = reader.object(node, "permissions")
    {
        permissions(&mut object, &mut reader, &mut Read::exact(Role::new("claude-code")));
    }
    reader.finish(())
}

/// The text with something else in the place of a value.
fn replaced(text: &str, old: &RawValue, new: &str) -> String {
    let start = old.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let (before, rest) = text.split_at(start);
    format!("{before}{new}{}", rest.get(old.get().len()..).unwrap_or_default())
}

/// The permissions, with the members that were there in their order.
fn object(
    old: &[(String, &RawValue)],
    mode: RuleAction,
    lists: &[Vec<String>],
    style: &Style,
    notes: &mut Vec<String>,
) -> String {
    let said = |name: &str| old.iter().find(|(it, _)| it == name).map(|(_, value)| value.get());
    let mut ours: Vec<(&str, String)> = Vec::new();
    let old_mode = said("defaultMode").and_then(|it| serde_json::from_str::<String>(it).ok());
    let action = |name: &str| MODES.iter().find(|(it, _)| *it == name).map(|(_, action)| *action);
    let was = old_mode.as_deref().map_or(Some(RuleAction::RequireApproval), action);
    if was != Some(mode) {
        let name = mode_name(mode);
        let before = old_mode.as_deref().unwrap_or("default");
        notes.push(format!(
            "the default mode `{before}` for Claude Code's own tools: `{name}` holds for them, too"
        ));
        ours.push(("defaultMode", format!("\"{name}\"")));
    }
    for ((name, _), wanted) in LISTS.iter().zip(lists) {
        let before = said(name);
        let before_texts: Vec<String> =
            before.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        let after = merged(&before_texts, wanted);
        if after != before_texts || before.is_none() && !after.is_empty() {
            let texts: Vec<String> = after
                .iter()
                .map(|it| visible_json(serde_json::to_string(it).unwrap_or_default()))
                .collect();
            ours.push((name, style.lines('[', &texts, ']', 2)));
        }
    }
    let mut members: Vec<String> = Vec::new();
    let member = |name: &str, value: &str| {
        format!("{}: {value}", serde_json::to_string(name).unwrap_or_default())
    };
    for (name, value) in old {
        let new = ours.iter().position(|(it, _)| it == name).map(|at| ours.remove(at).1);
        members.push(member(name, new.as_deref().unwrap_or(value.get())));
    }
    members.extend(ours.iter().map(|(name, value)| member(name, value)));
    style.lines('{', &members, '}', 1)
}

/// The permissions that stay of those that were there, then those that are new.
fn merged(before: &[String], wanted: &[String]) -> Vec<String> {
    let mut new: Vec<&String> = wanted.iter().collect();
    let mut res: Vec<String> = Vec::new();
    for text in before {
        let stays = match permission(text) {
            Err(Refused::Other(_)) => true,
            Err(Refused::Invalid(_)) => false,
            // `Bash(make:*)` and `Bash(make *)` are one permission, and stay as they are spelled.
            Ok(said) => {
                said.place.is_none() && {
                    let is_same = |it: &&String| permission(it).as_ref() == Ok(&said);
                    let is_wanted = wanted.iter().any(|it| is_same(&it));
                    new.retain(|it| !is_same(it));
                    is_wanted
                }
            }
        };
        if stays {
            res.push(text.clone());
        }
    }
    for it in new {
        if !res.contains(it) {
            res.push(it.clone());
        }
    }
    res
}
