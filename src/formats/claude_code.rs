//! Claude Code's permissions: deny over ask over allow, else what the default mode says.
//!
//! `Bash(git status)` is this command, `Bash(git status:*)` and `Bash(git status *)` this one with or
//! without more behind it, `Bash(git * main)` a glob, `Bash` every command. `mcp__server` is every
//! tool of a server, `mcp__server__tool` one.
use super::{
    Besides, Effect, Invalid, Loss, Read, Written,
    ordered::{Item, Keeps, Ordered, literal_of, no_threshold, stricter, unsaid},
    tree::{Node, Reader, Value},
};
use crate::policy::{Mode, Role, Rule, RuleAction, Target, literal};

/// The lists of permissions, strictest first.
const LISTS: &[(&str, RuleAction)] = &[
    ("deny", RuleAction::Deny),
    ("ask", RuleAction::RequireApproval),
    ("allow", RuleAction::Allow),
];

/// What holds where no permission matches, by default mode; `ask` is denied where nobody is asked.
const MODES: &[(&str, RuleAction)] = &[
    ("default", RuleAction::RequireApproval),
    ("acceptEdits", RuleAction::RequireApproval),
    ("plan", RuleAction::RequireApproval),
    ("dontAsk", RuleAction::Deny),
    ("bypassPermissions", RuleAction::Allow),
];

/// Reads the permissions of a settings file; its other settings are no policy.
pub(super) fn read(text: &str) -> Result<Read, Vec<Invalid>> {
    let node = Node::from_json(text)?;
    let mut reader = Reader::default();
    let mut read = Read::exact(Role::new("claude-code"));
    read.role.mode = Mode::Enforce;
    read.role.default_action = RuleAction::RequireApproval;
    if let Some(mut settings) = reader.object(&node, "") {
        match settings.take("permissions") {
            None => reader.note(settings.line, "permissions".to_owned(), "is missing"),
            Some(node) => permissions(node, &mut reader, &mut read),
        }
    }
    reader.finish(read)
}

fn permissions(node: &Node, reader: &mut Reader, read: &mut Read) {
    let Some(mut object) = reader.object(node, "permissions") else { return };
    let default = reader.word(&mut object, "defaultMode", MODES);
    read.role.default_action = default.unwrap_or(RuleAction::RequireApproval);
    for (list, action) in LISTS {
        let is_asked = read.role.default_action != RuleAction::Deny;
        let action = match action {
            RuleAction::RequireApproval if !is_asked => RuleAction::Deny,
            action => *action,
        };
        for (idx, item) in reader.items(&mut object, list).iter().enumerate() {
            let field = format!("permissions.{list}[{idx}]");
            let Value::Text(text) = &item.value else {
                reader.note(item.line, field, "is no text");
                continue;
            };
            match permission(text) {
                Ok((target, patterns)) => {
                    let rules = match target {
                        Target::Command => &mut read.role.rules,
                        Target::Mcp => &mut read.role.mcp_rules,
                    };
                    rules.extend(patterns.iter().map(|it| Rule::new(it, action)));
                }
                Err(Refused::Invalid(why)) => reader.note(item.line, field, why),
                Err(Refused::Other(why)) => {
                    let effect = if action.passes() { Effect::Stricter } else { Effect::Milder };
                    let what = format!("{action} `{text}`");
                    read.losses.push(Loss { field, what, why: why.to_owned(), effect });
                }
            }
        }
    }
    for (name, node) in object.rest() {
        let known = ["additionalDirectories", "disableBypassPermissionsMode"].contains(&name);
        if !known {
            reader.note(node.line, object.at(name), "is no field of permissions");
        }
    }
}

/// Why a permission is no rule.
enum Refused {
    /// It means nothing.
    Invalid(&'static str),
    /// It is about something else.
    Other(&'static str),
}

/// The patterns that a permission stands for.
fn permission(text: &str) -> Result<(Target, Vec<String>), Refused> {
    if let Some(name) = text.strip_prefix("mcp__") {
        let (server, tool) = match name.split_once("__") {
            Some((server, tool)) => (server, tool),
            None => (name, "*"),
        };
        if server.is_empty() || tool.is_empty() || name.contains('(') {
            return Err(Refused::Invalid("names no server and tool"));
        }
        let tool = if tool == "*" { tool.to_owned() } else { literal(tool) };
        return Ok((Target::Mcp, vec![format!("{}/{tool}", literal(server))]));
    }
    if text == "Bash" {
        return Ok((Target::Command, vec!["*".to_owned()]));
    }
    let Some(spec) = text.strip_prefix("Bash(") else {
        let is_tool = text.starts_with(|ch: char| ch.is_ascii_alphabetic());
        return Err(if is_tool {
            Refused::Other("is about a tool of Claude Code itself, not a command or an MCP call")
        } else {
            Refused::Invalid("names no tool")
        });
    };
    let Some(spec) = spec.strip_suffix(')') else {
        return Err(Refused::Invalid("has no closing parenthesis"));
    };
    if spec.is_empty() {
        return Err(Refused::Invalid("names no command; `Bash` is every command"));
    }
    if let Some(prefix) = spec.strip_suffix(":*") {
        return Ok((Target::Command, vec![format!("{} *", literal(prefix))]));
    }
    // A single star behind a blank takes the blank along; of several, the last one does not.
    let n_stars = spec.replace("\\\\", "").replace("\\*", "").matches('*').count();
    let pattern = match spec.strip_suffix(" *") {
        Some(_) if n_stars > 1 => format!("{spec}*"),
        _ => spec.to_owned(),
    };
    Ok((Target::Command, vec![pattern]))
}

/// Writes settings that hold the permissions, and what else stood in them.
pub(super) fn write(role: &Role, besides: &Besides<'_>) -> Written {
    let mut losses = Vec::new();
    no_threshold(role, &mut losses);
    let mut commands = Ordered::new(role, Target::Command, Keeps::NOTHING, &mut losses);
    let mut calls = Ordered::new(role, Target::Mcp, Keeps::NOTHING, &mut losses);
    let mut notes = unsaid(role, false);
    for list in [&mut commands, &mut calls] {
        list.translate(in_lists, &mut losses);
        notes.append(&mut list.idle);
    }
    // One mode holds for both; commands that pass by default can be said in another way.
    // Where either asks, both do: to deny what is not known would deny whatever is to be asked for.
    let mode = match (commands.default, calls.default) {
        (RuleAction::Deny | RuleAction::Allow, RuleAction::Deny)
        | (RuleAction::Deny, RuleAction::Allow) => RuleAction::Deny,
        _ => RuleAction::RequireApproval,
    };
    if mode == RuleAction::Deny {
        for list in [&mut commands, &mut calls] {
            list.translate(without_ask, &mut losses);
        }
    }
    let mut lists: Vec<(RuleAction, Vec<Node>)> =
        LISTS.iter().map(|(_, action)| (*action, Vec::new())).collect();
    let mut add = |action: RuleAction, texts: Vec<String>| {
        if let Some((_, list)) = lists.iter_mut().find(|(it, _)| *it == action) {
            list.extend(texts.into_iter().map(Node::from));
        }
    };
    for list in [&commands, &calls] {
        let words: fn(&Item) -> Result<Vec<String>, String> = match list.target {
            Target::Command => bash,
            Target::Mcp => tool,
        };
        let said = list.say(words, &mut losses);
        Ordered::unorder(&said, stricter, &mut losses);
        for (item, texts) in said {
            add(item.action, texts);
        }
        match (list.default, list.target) {
            (RuleAction::Allow, Target::Command) => {
                add(RuleAction::Allow, vec!["Bash".to_owned()]);
            }
            (default, _) if default != mode => {
                let why = format!("one mode is for all: {mode}");
                losses.push(list.default_loss(why, super::ordered::effect(default, mode)));
            }
            _ => (),
        }
    }
    let name = MODES.iter().find(|(_, action)| *action == mode).map_or("default", |(it, _)| it);
    let mut permissions = Node::map([("defaultMode", Node::from(name))]);
    for ((name, _), (_, list)) in LISTS.iter().zip(lists) {
        permissions = permissions.with(name, Some(list.into_iter().collect()));
    }
    let text = settings(permissions, besides.existing).to_json();
    if role.mode == Mode::Monitor {
        notes.push("it has no monitor mode: permissions are enforced".to_owned());
    }
    Written { text, losses, notes }
}

/// Settings with these permissions in the place of those that they have.
fn settings(permissions: Node, existing: Option<&str>) -> Node {
    let mut members = match existing.and_then(|it| Node::from_json(it).ok()).map(|it| it.value) {
        Some(Value::Map(members)) => members,
        _ => Vec::new(),
    };
    match members.iter_mut().find(|(name, _)| name == "permissions") {
        Some((_, old)) => {
            let new = std::mem::replace(old, permissions);
            // Directories and the like are no rules, and stay.
            if let (Value::Map(all), Value::Map(ours)) = (new.value, &mut old.value) {
                let is_ours = |name: &str| {
                    name == "defaultMode" || LISTS.iter().any(|(list, _)| *list == name)
                };
                ours.extend(all.into_iter().filter(|(name, _)| !is_ours(name)));
            }
        }
        None => members.push(("permissions".to_owned(), permissions)),
    }
    Node { line: 0, value: Value::Map(members) }
}

/// The action of the list that comes nearest.
const fn in_lists(action: RuleAction) -> (RuleAction, &'static str) {
    match action {
        RuleAction::Alert => (RuleAction::Allow, "has no alerts: allowed"),
        RuleAction::Redact => (RuleAction::RequireApproval, "has no redaction: asks"),
        RuleAction::Terminate => (RuleAction::Deny, "ends no sessions: denied"),
        action => (action, ""),
    }
}

const fn without_ask(action: RuleAction) -> (RuleAction, &'static str) {
    match action {
        RuleAction::RequireApproval => {
            (RuleAction::Deny, "nobody is asked where the default is to deny: denied")
        }
        action => (action, ""),
    }
}

/// A pattern as permissions for commands.
fn bash(item: &Item) -> Result<Vec<String>, String> {
    let text = &item.text;
    if text.contains(['(', ')', '\\']) {
        return Err(
            "holds parentheses or backslashes, which permissions spell in other ways".into()
        );
    }
    if text.ends_with(":*") {
        return Err("ends in `:*`, which is read as a prefix of words".into());
    }
    if text.trim() != text {
        return Err("begins or ends with a blank".into());
    }
    let n_stars = text.matches('*').count();
    Ok(match text.strip_suffix(" *") {
        // The last of several stars does not take its blank along.
        Some(short) if n_stars > 1 => vec![format!("Bash({text})"), format!("Bash({short})")],
        _ => vec![format!("Bash({text})")],
    })
}

/// A pattern as permission for calls.
fn tool(item: &Item) -> Result<Vec<String>, String> {
    let is_plain = |text: &str| {
        let plain = |ch: char| ch.is_ascii_alphanumeric() || "_-.".contains(ch);
        !text.is_empty() && text.chars().all(plain)
    };
    let parts = item
        .text
        .split_once('/')
        .filter(|(server, _)| is_plain(server) && !server.contains("__") && !server.ends_with('_'));
    match parts {
        Some((server, "*")) => Ok(vec![format!("mcp__{server}")]),
        Some((server, tool)) if is_plain(tool) && literal_of(&item.pattern).is_some() => {
            Ok(vec![format!("mcp__{server}__{tool}")])
        }
        _ => Err("is more than a tool, and not all tools of a server".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(text: &str) -> Option<Vec<String>> {
        permission(text).ok().map(|(_, patterns)| patterns)
    }

    #[test]
    fn permissions_mean_what_their_page_says() {
        for (text, pattern) in [
            ("Bash", "*"),
            ("Bash(npm run build)", "npm run build"),
            ("Bash(npm run test:*)", "npm run test *"),
            ("Bash(git push *)", "git push *"),
            ("Bash(ls*)", "ls*"),
            ("Bash(git * main)", "git * main"),
            ("Bash(git * -- *)", "git * -- **"),
            ("mcp__github", "github/*"),
            ("mcp__github__*", "github/*"),
            ("mcp__github__get_issue", "github/get_issue"),
        ] {
            assert_eq!(patterns(text), Some(vec![pattern.to_owned()]), "{text}");
        }
        for text in ["Bash(", "Bash()", "(x)", "mcp__", "Read(./.env)", "WebFetch"] {
            assert_eq!(patterns(text), None, "{text}");
        }
    }
}
