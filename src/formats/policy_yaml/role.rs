//! A policy.yaml as a role over MCP calls, and back.
use super::{
    super::{
        Effect, Loss, Read, Written,
        ordered::{Item, Keeps, Ordered, no_place, no_threshold, stricter},
        tool_glob::{glob, patterns},
    },
    document::{
        EnforcementMode, Forbidden, Mapping, PolicyFile, Severity, Trigger, TriggerAction, Unmapped,
    },
};
use crate::policy::{Mode, Role, Rule, RuleAction, Target, merge};

/// The role that decides on calls as the policy does, for cards that have all actions: what fails is
/// denied, what warns alerts, what escalates asks.
pub(super) fn role(file: &PolicyFile) -> Read {
    let mut losses = Vec::new();
    let mut floor = Role::new(file.meta.name.clone());
    floor.default_action = RuleAction::Allow;
    let mut base = floor.clone();
    let mut add = |rules: &mut Vec<Rule>, field: String, glob: &str, action, why: Option<&str>| {
        let Some(found) = patterns(glob) else {
            let why = "holds `?`, for which patterns have no sign".to_owned();
            let effect =
                if action == RuleAction::Allow { Effect::Stricter } else { Effect::Milder };
            losses.push(Loss { field, what: format!("{action} `{glob}`"), why, effect });
            return;
        };
        let rationale = why.filter(|it| !it.is_empty()).map(str::to_owned);
        rules.extend(
            found.iter().map(|it| Rule { rationale: rationale.clone(), ..Rule::new(it, action) }),
        );
    };
    for (idx, it) in file.forbidden.iter().enumerate() {
        let action = by_severity(it.severity);
        add(
            &mut floor.mcp_rules,
            format!("forbidden[{idx}]"),
            &it.pattern,
            action,
            Some(&it.reason),
        );
    }
    for (idx, it) in file.triggers.iter().enumerate() {
        let field = format!("escalation_triggers[{idx}]");
        let action = match it.action {
            TriggerAction::Deny => RuleAction::Deny,
            TriggerAction::Escalate => RuleAction::RequireApproval,
            TriggerAction::Warn => RuleAction::Alert,
        };
        if let Some(glob) = it.glob() {
            add(&mut floor.mcp_rules, field, glob, action, Some(&it.reason));
        }
    }
    for it in &file.mappings {
        for (idx, glob) in it.tools.iter().enumerate() {
            let field = format!("capability_mappings.{}.tools[{idx}]", it.name);
            let why = it.description.as_deref();
            add(&mut base.mcp_rules, field, glob, RuleAction::Allow, why);
        }
    }
    for (idx, it) in file.triggers.iter().enumerate().filter(|(_, it)| it.glob().is_none()) {
        losses.push(Loss {
            field: format!("escalation_triggers[{idx}].condition"),
            what: it.condition.clone(),
            why: "is not understood, `tool_matches('GLOB')` is".to_owned(),
            effect: Effect::Milder,
        });
    }
    base.default_action = match file.defaults.unmapped_tool_action {
        Unmapped::Allow => RuleAction::Allow,
        Unmapped::Warn => RuleAction::Alert,
        Unmapped::Deny => by_severity(file.defaults.unmapped_severity),
    };
    // All of a policy's rules count: the strictest first, then what is mapped, then the default.
    floor.mcp_rules.sort_by_key(|it| std::cmp::Reverse(it.action));
    let is_floor_stricter = floor.mcp_rules.iter().all(|it| it.action >= base.default_action);
    let mut role = if is_floor_stricter {
        base.mcp_rules.splice(0..0, floor.mcp_rules);
        base
    } else {
        let merged = merge(&floor, &base);
        losses.extend(merged.stricter.iter().map(|it| Loss {
            field: "mcp_rules".to_owned(),
            what: it.pattern.clone(),
            why: format!("{} in the place of {}, patterns cannot say it", it.action, it.exact),
            effect: Effect::Stricter,
        }));
        merged.role
    };
    // The default is for calls: of commands the policy says nothing, so none passes.
    let default = std::mem::replace(&mut role.default_action, RuleAction::Deny);
    if default != RuleAction::Deny {
        role.mcp_rules.push(Rule::new("*/*", default));
    }
    role.name.clone_from(&file.meta.name);
    role.description = file.meta.description.clone().unwrap_or_default();
    role.mode = match file.defaults.enforcement_mode {
        Some(EnforcementMode::Enforce) => Mode::Enforce,
        Some(EnforcementMode::Warn | EnforcementMode::Off) | None => Mode::Monitor,
    };
    Read { losses, ..Read::exact(role) }
}

const fn by_severity(severity: Severity) -> RuleAction {
    match severity {
        Severity::High | Severity::Critical => RuleAction::Deny,
        Severity::Low | Severity::Medium => RuleAction::Alert,
    }
}

/// The policy that decides on calls as a role does.
pub(super) fn file(role: &Role) -> (PolicyFile, Written) {
    let mut losses = Vec::new();
    no_place(role, Target::Command, &mut losses);
    no_threshold(role, &mut losses);
    let mut list = Ordered::new(role, Target::Mcp, Keeps::NOTHING, &mut losses);
    list.translate(actions, &mut losses);
    let notes = std::mem::take(&mut list.idle);
    let mut file = PolicyFile::named(&role.name);
    file.meta.description = Some(role.description.clone()).filter(|it| !it.is_empty());
    let is_asked = list.default == RuleAction::RequireApproval;
    if is_asked {
        let why = "nothing asks for unmapped tools alone: denied";
        losses.push(list.default_loss(why, Effect::Stricter));
        list.default = RuleAction::Deny;
    }
    file.defaults.unmapped_tool_action = match list.default {
        RuleAction::Allow => Unmapped::Allow,
        RuleAction::Alert => Unmapped::Warn,
        _ => Unmapped::Deny,
    };
    if list.default == RuleAction::Deny {
        file.defaults.unmapped_severity = Severity::High;
        file.defaults.fail_open = false;
    }
    let is_enforced = role.mode == Mode::Enforce;
    let mode = if is_enforced { EnforcementMode::Enforce } else { EnforcementMode::Warn };
    file.defaults.enforcement_mode = Some(mode);
    // A grace period would soften the default, which a role does not.
    file.defaults.grace_period_hours = Some(0.0);
    let words = |item: &Item| {
        glob(&item.text).ok_or_else(|| "is no glob over the tools of one server".to_owned())
    };
    let said = list.say(words, &mut losses);
    Ordered::unorder(&said, stricter, &mut losses);
    for (item, glob) in said {
        let why = item.rationale.clone().filter(|it| !it.is_empty());
        let reason = why.unwrap_or_else(|| format!("`{}` of role `{}`", item.text, role.name));
        match item.action {
            RuleAction::Deny => {
                let severity = Severity::High;
                file.forbidden.push(Forbidden { pattern: glob, reason, severity });
                continue;
            }
            RuleAction::RequireApproval | RuleAction::Alert => {
                let action = if item.action == RuleAction::Alert {
                    TriggerAction::Warn
                } else {
                    TriggerAction::Escalate
                };
                let condition = format!("tool_matches('{glob}')");
                file.triggers.push(Trigger { condition, action, reason });
            }
            _ => (),
        }
        // What is asked for or told of has to be mapped, or the default would say more.
        map(&mut file, &item.text, glob);
    }
    (file, Written { losses, notes, ..Written::default() })
}

/// Names a tool in the capability of its server.
fn map(file: &mut PolicyFile, pattern: &str, glob: String) {
    let server = pattern.split_once('/').map_or("*", |(server, _)| server);
    let name = if server == "*" { "any" } else { server };
    match file.mappings.iter_mut().find(|it| it.name == name) {
        Some(mapping) => mapping.tools.push(glob),
        None => file.mappings.push(Mapping {
            name: name.to_owned(),
            description: None,
            tools: vec![glob],
            card_actions: vec![name.to_owned()],
        }),
    }
}

const fn actions(action: RuleAction) -> (RuleAction, &'static str) {
    match action {
        RuleAction::Redact => (RuleAction::RequireApproval, "has no redaction: escalates"),
        RuleAction::Terminate => (RuleAction::Deny, "ends no sessions: forbidden"),
        action => (action, ""),
    }
}
