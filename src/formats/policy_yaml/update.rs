//! A role written into a policy.yaml that is there: what both say stays as its author wrote it.
use super::{
    super::{
        Invalid, Written,
        tool_glob::patterns,
        tree::{Node, Value},
        yaml,
    },
    document::{Defaults, EnforcementMode, PolicyFile, Unmapped, read},
    role::{Covered, by_severity, by_trigger, declared, file},
};
use crate::policy::{Mode, RiskLevel, Role, RuleAction};

/// Writes the role into a document. Of that stay capabilities, forbidden rules and triggers whose
/// rules the role has, with their names, reasons and severities, what is called how, and defaults as
/// far as the role does not differ; in YAML the sections in which nothing changed stay as they stand.
///
/// # Errors
/// Where the document is not valid.
pub(super) fn update(role: &Role, existing: &str, is_json: bool) -> Result<Written, Vec<Invalid>> {
    let node = if is_json { Node::from_json(existing)? } else { yaml::read(existing)? };
    let old = read(&node)?;
    let (mut merged, covered) = kept(&old, role);
    let (new, written) = file(role, &covered);
    let Written { mut losses, mut notes, .. } = written;
    merged.forbidden.extend(new.forbidden);
    for trigger in new.triggers {
        if !merged.triggers.contains(&trigger) {
            merged.triggers.push(trigger);
        }
    }
    for mapping in new.mappings {
        match merged.mappings.iter_mut().find(|it| it.name == mapping.name) {
            Some(ours) => {
                let is_new = |it: &String| !ours.tools.contains(it);
                let more: Vec<String> = mapping.tools.into_iter().filter(is_new).collect();
                ours.tools.extend(more);
            }
            None => merged.mappings.push(mapping),
        }
    }
    // The grace period of the file is no loss: it stands there, and stays.
    losses.retain(|it| it.field != "defaults.grace_period_hours");
    defaults(&old, &new.defaults, role, &mut merged);
    for (was, is) in old.mappings.iter().filter_map(|was| {
        let is = merged.mappings.iter().find(|it| it.name == was.name);
        Some((was, is)).filter(|(was, is)| *is != Some(*was))
    }) {
        let how = if is.is_some() { "changes" } else { "goes" };
        notes.push(format!("capability `{}` as it was: it {how}", was.name));
    }
    let text = if is_json {
        let is_same = merged == old;
        if is_same { existing.to_owned() } else { merged.to_json() }
    } else {
        spliced(existing, &old, &merged, &mut notes)
    };
    Ok(Written { text, losses, notes })
}

/// What of a document a role says, too, and which rules of the role that are.
fn kept(old: &PolicyFile, role: &Role) -> (PolicyFile, Covered) {
    let mut covered = Covered::new();
    let mut stays = |glob: &str, action: RuleAction, risk: Option<RiskLevel>| {
        let Some(found) = patterns(glob) else { return true };
        let has = |pattern: &String| {
            role.mcp_rules.iter().any(|it| {
                let declares = it.risk.is_none() || it.risk == risk;
                it.pattern == *pattern && it.action == action && declares && it.when.is_empty()
            })
        };
        // What names no MCP tool is none of the role's business, and stays.
        let is_said = found.iter().all(has);
        if is_said {
            covered.extend(found.into_iter().map(|it| (it, action)));
        }
        is_said
    };
    let mut res = old.clone();
    res.forbidden
        .retain(|it| stays(&it.pattern, by_severity(it.severity), Some(declared(it.severity))));
    res.triggers.retain(|it| it.glob().is_none_or(|glob| stays(glob, by_trigger(it.action), None)));
    for mapping in &mut res.mappings {
        mapping.tools.retain(|glob| stays(glob, RuleAction::Allow, None));
    }
    res.mappings.retain(|it| !it.tools.is_empty());
    (res, covered)
}

/// The defaults: those of the file where they come to the same.
fn defaults(old: &PolicyFile, new: &Defaults, role: &Role, merged: &mut PolicyFile) {
    let of = |it: &Defaults| match it.unmapped_tool_action {
        Unmapped::Allow => RuleAction::Allow,
        Unmapped::Warn => RuleAction::Alert,
        Unmapped::Deny => by_severity(it.unmapped_severity),
    };
    if of(&old.defaults) != of(new) {
        merged.defaults.unmapped_tool_action = new.unmapped_tool_action;
        merged.defaults.unmapped_severity = new.unmapped_severity;
        let is_denied = new.unmapped_tool_action == Unmapped::Deny;
        merged.defaults.fail_open = old.defaults.fail_open && !is_denied;
    }
    let was_enforced = old.defaults.enforcement_mode == Some(EnforcementMode::Enforce);
    if was_enforced != (role.mode == Mode::Enforce) {
        merged.defaults.enforcement_mode = new.enforcement_mode;
    }
}

/// The document in YAML, with the text of those sections that did not change.
fn spliced(
    existing: &str,
    old: &PolicyFile,
    merged: &PolicyFile,
    notes: &mut Vec<String>,
) -> String {
    if old == merged {
        return existing.to_owned();
    }
    let (was, is) = (old.tree(), merged.tree());
    let member = |node: &Node, name: &str| match &node.value {
        Value::Map(members) => members.iter().find(|(it, _)| it == name).map(|(_, it)| it.clone()),
        _ => None,
    };
    let mut text = String::new();
    let mut lost = Vec::new();
    let mut done: Vec<String> = Vec::new();
    for (name, section) in sections(existing) {
        let name = name.to_owned();
        let after = member(&is, &name);
        if after.is_none() || after == member(&was, &name) {
            text.push_str(section);
        } else {
            if section.contains('#') {
                lost.push(name.clone());
            }
            text.push_str(&one_section(&name, after));
        }
        done.push(name);
    }
    for name in ["meta", "capability_mappings", "forbidden", "escalation_triggers", "defaults"] {
        let after = member(&is, name).filter(|it| Some(it) != member(&was, name).as_ref());
        if !done.iter().any(|it| it == name) && after.is_some() {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&one_section(name, after));
        }
    }
    let is_right = yaml::read(&text).is_ok_and(|it| read(&it).as_ref() == Ok(merged));
    if !is_right {
        notes.push("comments of the file: it is written anew".to_owned());
        return merged.to_yaml();
    }
    if !lost.is_empty() {
        notes.push(format!("comments within {}", lost.join(", ")));
    }
    text
}

fn one_section(name: &str, section: Option<Node>) -> String {
    yaml::write(&Node::map([]).with(name, section))
}

/// The parts of a text that begin with a key at the beginning of a line, each with its key; what
/// stands before the first goes along with it.
fn sections(text: &str) -> Vec<(&str, &str)> {
    let mut starts: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let is_key = line.starts_with(|ch: char| ch.is_ascii_alphabetic() || ch == '_');
        if is_key && let Some((name, _)) = line.split_once(':') {
            starts.push((at, name));
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let all = starts.iter().zip(ends).enumerate();
    all.filter_map(|(idx, ((start, name), end))| {
        let start = if idx == 0 { 0 } else { *start };
        Some((*name, text.get(start..end)?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURATED: &str = "# Ours.
meta:
  schema_version: \"1.0\"
  name: support
  scope: org
capability_mappings:
  reading:
    description: Looks
    tools: [\"mcp__fs__read*\", \"mcp__*__list*\"]  # no more
    card_actions: [read]
  web:
    tools: [WebFetch]
    card_actions: [fetch]
forbidden:
  # Never.
  - {pattern: \"mcp__*__delete*\", reason: gone is gone, severity: critical}
escalation_triggers:
  - {condition: \"amount > 100\", action: escalate, reason: money}
defaults:
  unmapped_tool_action: deny
  unmapped_severity: critical
  fail_open: false
  enforcement_mode: off
  grace_period_hours: 24 # a day
";

    fn of(text: &str) -> Role {
        super::super::role::role(&super::super::read_file(text).unwrap()).role
    }

    #[test]
    fn what_the_role_does_not_change_stays() {
        let role = of(CURATED);
        let same = update(&role, CURATED, false).unwrap();
        assert_eq!((same.text.as_str(), same.losses), (CURATED, vec![]));
        // One more rule: one section changes, and with it its comments.
        let mut more = role.clone();
        more.mcp_rules.insert(0, crate::policy::Rule::new("slack/post", RuleAction::Allow));
        let written = update(&more, CURATED, false).unwrap();
        assert_eq!(written.losses, vec![]);
        let whole = |name: &str| CURATED.split_once(name).unwrap().1.to_owned();
        assert!(written.text.starts_with("# Ours.\nmeta:\n"), "{}", written.text);
        assert!(written.text.ends_with(&whole("\nforbidden:")), "{}", written.text);
        assert!(written.text.contains("mcp__slack__post"), "{}", written.text);
        assert!(written.notes.iter().any(|it| it == "comments within capability_mappings"));
        let file = super::super::read_file(&written.text).unwrap();
        assert_eq!(file.mappings[0].description.as_deref(), Some("Looks"));
        assert_eq!(file.mappings[1].tools, ["WebFetch"]);
        assert_eq!(of(&written.text).mcp_rules.len(), more.mcp_rules.len());
        // One rule less.
        let mut fewer = role;
        fewer.mcp_rules.retain(|it| it.pattern != "fs/read*");
        let written = update(&fewer, CURATED, false).unwrap();
        assert!(!written.text.contains("mcp__fs__read*") && written.text.contains("mcp__*__list*"));
        assert!(update(&fewer, "meta: {}\n", false).is_err());
    }
}
