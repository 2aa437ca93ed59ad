//! Interven's rules as a role over MCP calls, and back.
use super::{
    super::{
        Effect, Loss, Read, Written,
        ordered::{Item, Ordered, effect, literal_of, no_place, no_threshold, unsaid},
    },
    document::{Action, Asked, IntervenPolicy, IntervenRule, Match},
};
use crate::policy::{DataClass, Input, Mode, Role, Rule, RuleAction, Target, When, literal};

/// Distance between the priorities of rules that are written.
const STEP: i64 = 10;

/// The actions of both.
const ACTIONS: &[(Action, RuleAction)] = &[
    (Action::Allow, RuleAction::Allow),
    (Action::Sanitize, RuleAction::Redact),
    (Action::RequireApproval, RuleAction::RequireApproval),
    (Action::Deny, RuleAction::Deny),
];

/// The role that decides as the rules do, where patterns and conditions of roles can say them; what
/// no rule is about passes.
pub(super) fn role(policy: &IntervenPolicy) -> Read {
    let mut losses = Vec::new();
    let mut role = Role::new(policy.name.clone());
    role.mode = Mode::Enforce;
    let enabled = policy.rules.iter().enumerate().filter(|(_, it)| it.enabled);
    for (idx, rule) in enabled {
        let action = ACTIONS.iter().find(|(it, _)| *it == rule.action);
        let action = action.map_or(RuleAction::Deny, |(_, action)| *action);
        match words(rule) {
            Ok((patterns, when)) => role.mcp_rules.extend(patterns.iter().map(|pattern| Rule {
                rule_id: if patterns.len() == 1 { rule.rule_id.clone() } else { String::new() },
                when: when.clone(),
                ..Rule::new(pattern, action)
            })),
            Err(why) => losses.push(Loss {
                field: format!("rules[{idx}]"),
                what: format!("{} {}", rule.action, rule.rule_id),
                why: format!("a role cannot ask for {why}"),
                effect: effect(action, RuleAction::Allow),
            }),
        }
        if !rule.sanitize_fields.is_empty() {
            losses.push(Loss {
                field: format!("rules[{idx}].sanitize_fields"),
                what: rule.sanitize_fields.join(", "),
                why: "a role redacts all fields".to_owned(),
                effect: Effect::Stricter,
            });
        }
    }
    // A DENY comes before all, the others stand as they are.
    role.mcp_rules.sort_by_key(|it| it.action != RuleAction::Deny);
    // The default is for calls: of commands the rules say nothing, so none passes.
    role.mcp_rules.push(Rule::new("*/*", RuleAction::Allow));
    Read { losses, ..Read::exact(role) }
}

/// What a rule asks for, as patterns and conditions; else what of it a role cannot ask.
fn words(rule: &IntervenRule) -> Result<(Vec<String>, When), &'static str> {
    let Match { tool_name, operations, verbs, org_patterns, repo_patterns, channel_patterns } =
        &rule.matches;
    if !org_patterns.is_empty() || !repo_patterns.is_empty() || !channel_patterns.is_empty() {
        return Err("organizations, repositories or channels");
    }
    if !verbs.is_empty() {
        return Err("verbs");
    }
    let Asked { is_external_principal, has_data_class, body_contains_any, .. } = &rule.condition;
    let Asked { body_contains_all, new_resource, volume_burst, .. } = &rule.condition;
    if is_external_principal.is_some() || new_resource.is_some() || volume_burst.is_some() {
        return Err("what was before, or who is outside");
    }
    if !body_contains_any.is_empty() || !body_contains_all.is_empty() {
        return Err("words of the body");
    }
    let mut when = When::new();
    if !has_data_class.is_empty() {
        let class = |name: &String| match name.as_str() {
            "SECRETS" => Some(DataClass::Secret.as_str().to_owned()),
            "PII" => Some(DataClass::Personal.as_str().to_owned()),
            _ => None,
        };
        let classes: Option<Vec<String>> = has_data_class.iter().map(class).collect();
        let classes = classes.ok_or("internal data")?;
        when.insert(Input::DataClass.as_str().to_owned(), classes);
    }
    let server = tool_name.as_deref().map_or_else(|| "*".to_owned(), literal);
    let tool = |name: &String| match name.as_str() {
        "*" => Ok("*".to_owned()),
        name if name.contains(':') => Err("methods or categories"),
        name => Ok(literal(name)),
    };
    let mut tools: Vec<String> = operations.iter().map(tool).collect::<Result<_, _>>()?;
    if tools.is_empty() {
        tools.push("*".to_owned());
    }
    Ok((tools.iter().map(|tool| format!("{server}/{tool}")).collect(), when))
}

/// The policy that decides on calls as a role does.
pub(super) fn policy(role: &Role) -> (IntervenPolicy, Written) {
    let mut losses = Vec::new();
    no_place(role, Target::Command, &mut losses);
    no_threshold(role, &mut losses);
    let mut list = Ordered::new(role, Target::Mcp, false, &mut losses);
    list.translate(actions, &mut losses);
    let mut notes = unsaid(role, true);
    notes.append(&mut list.idle);
    if list.default == RuleAction::Deny {
        let why = "a DENY of all would deny what is allowed, too: asks";
        losses.push(list.default_loss(why, Effect::Milder));
        list.default = RuleAction::RequireApproval;
    }
    let said = list.say(matches, &mut losses);
    let beats = |later: RuleAction, earlier: RuleAction| {
        later == RuleAction::Deny && earlier != RuleAction::Deny
    };
    Ordered::unorder(&said, beats, &mut losses);
    let mut rules: Vec<IntervenRule> = Vec::new();
    let mut add = |rule_id: String, matches: Match, action: RuleAction| {
        let found = ACTIONS.iter().find(|(_, it)| *it == action);
        let priority = rules.last().map_or(STEP, |it| it.priority + STEP);
        rules.push(IntervenRule {
            rule_id,
            priority,
            matches,
            condition: Asked::default(),
            action: found.map_or(Action::Deny, |(it, _)| *it),
            sanitize_fields: Vec::new(),
            enabled: true,
        });
    };
    for (item, matches) in said {
        add(item.field.clone(), matches, item.action);
    }
    if list.default != RuleAction::Allow {
        add("default".to_owned(), Match::default(), list.default);
    }
    if role.mode == Mode::Monitor {
        notes.push("it has no monitor mode: rules are enforced".to_owned());
    }
    let policy = IntervenPolicy { name: role.name.clone(), rules };
    (policy, Written { losses, notes, ..Written::default() })
}

/// A pattern as match: a tool, or all tools, of a server or of all.
fn matches(item: &Item) -> Result<Match, String> {
    let why = || "is more than a tool, and not all tools of a server".to_owned();
    let (server, tool) = item.text.split_once('/').ok_or_else(why)?;
    let tool_name = if server == "*" { None } else { Some(server.to_owned()) };
    let is_plain = |text: &str| !text.contains(['*', '\\', ':']) && !text.is_empty();
    let is_server = tool_name.as_deref().is_none_or(is_plain);
    let is_whole = literal_of(&item.pattern).is_some() || tool == "*";
    // `*/x` is also `a/b/x`, and no operation is that.
    if !is_server || !(tool == "*" || is_plain(tool) && tool_name.is_some()) || !is_whole {
        return Err(why());
    }
    Ok(Match { tool_name, operations: vec![tool.to_owned()], ..Match::default() })
}

const fn actions(action: RuleAction) -> (RuleAction, &'static str) {
    match action {
        RuleAction::Alert => (RuleAction::Allow, "has no alerts: allowed"),
        RuleAction::Terminate => (RuleAction::Deny, "ends no sessions: denied"),
        action => (action, ""),
    }
}
