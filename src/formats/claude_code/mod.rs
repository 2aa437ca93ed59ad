//! Claude Code's permissions: deny over ask over allow, else what the default mode says.
//!
//! `Bash(git status)` is this command, `Bash(git status:*)` and `Bash(git status *)` this one with or
//! without more behind it, `Bash(git * main)` a glob, `Bash` every command. `mcp__server` is every
//! tool of a server, `mcp__server__tool` one, and with stars in its name it is a glob.
mod permission;
mod settings;

use self::permission::{Permitted, Refused, canonical_pattern, permission};
use super::{
    Besides, Effect, Invalid, Loss, Read, Written,
    ordered::{Item, Keeps, Ordered, effect, literal_of, no_threshold, stricter, unsaid},
    reach::{further, nearer},
    tree::{Node, Object, Reader, Value},
};
use crate::policy::{Mode, Role, Rule, RuleAction, Target};

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
            Some(node) => {
                if let Some(mut object) = reader.object(node, "permissions") {
                    permissions(&mut object, &mut reader, &mut read);
                    others(object, &mut read.losses);
                }
            }
        }
    }
    read.notes.extend(further(&read.role.rules));
    reader.finish(read)
}

/// Members that nobody knows, but for those that are no rules.
fn others(mut object: Object<'_>, losses: &mut Vec<Loss>) {
    for (name, _) in object.rest() {
        let known = ["additionalDirectories", "disableBypassPermissionsMode"].contains(&name);
        if !known {
            losses.push(Loss {
                field: object.at(name),
                what: name.to_owned(),
                why: "is no field of permissions that is known".to_owned(),
                effect: Effect::Milder,
            });
        }
    }
}

fn permissions(object: &mut Object<'_>, reader: &mut Reader, read: &mut Read) {
    let default = reader.word(object, "defaultMode", MODES);
    read.role.default_action = default.unwrap_or(RuleAction::RequireApproval);
    for (list, action) in LISTS {
        let is_asked = read.role.default_action != RuleAction::Deny;
        let action = match action {
            RuleAction::RequireApproval if !is_asked => RuleAction::Deny,
            action => *action,
        };
        for (idx, item) in reader.items(object, list).iter().enumerate() {
            let field = format!("permissions.{list}[{idx}]");
            let Value::Text(text) = &item.value else {
                reader.note(item.line, field, "is no text");
                continue;
            };
            match permission(text) {
                Ok(Permitted { target, patterns, place }) => {
                    if let Some(place) = place {
                        let pattern = patterns.first().map_or("", String::as_str);
                        read.losses.push(Loss {
                            field,
                            what: format!("{action} `{pattern}` as `{place}` alone"),
                            why: "a role knows programs by their names, wherever they lie and whatever is set"
                                .to_owned(),
                            effect: effect(read.role.default_action, action),
                        });
                    }
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
}

/// What a role is as permissions.
struct Said {
    /// What holds where no permission matches.
    mode: RuleAction,
    /// The permissions of each of [`LISTS`].
    lists: Vec<Vec<String>>,
    losses: Vec<Loss>,
    notes: Vec<String>,
}

/// Writes settings that hold the permissions.
pub(super) fn write(role: &Role, _: &Besides<'_>) -> Written {
    let Said { mode, lists, losses, notes } = said(role);
    let mut permissions = Node::map([("defaultMode", Node::from(mode_name(mode)))]);
    for ((name, _), list) in LISTS.iter().zip(lists) {
        permissions = permissions.with(name, Some(list.into_iter().map(Node::from).collect()));
    }
    let text = Node::map([("permissions", permissions)]).to_json();
    Written { text, losses, notes }
}

/// Puts the permissions into settings that are there; what else stands in them stays as it is.
///
/// # Errors
/// Where they are no settings.
pub(super) fn update(
    role: &Role,
    _: &Besides<'_>,
    existing: &str,
) -> Result<Written, Vec<Invalid>> {
    let Said { mode, lists, losses, mut notes } = said(role);
    let text = settings::updated(existing, mode, &lists, &mut notes)?;
    Ok(Written { text, losses, notes })
}

fn mode_name(mode: RuleAction) -> &'static str {
    MODES.iter().find(|(_, action)| *action == mode).map_or("default", |(it, _)| it)
}

fn said(role: &Role) -> Said {
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
    let mut lists: Vec<(RuleAction, Vec<String>)> =
        LISTS.iter().map(|(_, action)| (*action, Vec::new())).collect();
    let mut add = |action: RuleAction, texts: Vec<String>| {
        if let Some((_, list)) = lists.iter_mut().find(|(it, _)| *it == action) {
            list.extend(texts);
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
    let how = "Claude Code takes `timeout`, `time`, `nice`, `nohup`, `stdbuf` and bare `xargs` off a command \
               and nothing else";
    notes.extend(nearer(&commands.items, how, "`sudo X`, `env X` and `/bin/X`"));
    if role.mode == Mode::Monitor {
        notes.push("it has no monitor mode: permissions are enforced".to_owned());
    }
    let lists = lists.into_iter().map(|(_, list)| list).collect();
    Said { mode, lists, losses, notes }
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
    if canonical_pattern(text, true).ok().as_ref() != Some(&(text.clone(), None)) {
        return Err("is spelled otherwise as a shell reads it".into());
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
