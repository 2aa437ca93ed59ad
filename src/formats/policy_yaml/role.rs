//! A policy.yaml as a role over MCP calls, and back.
use std::collections::BTreeSet;

use super::{
    super::{
        Effect, Loss, Read, Written,
        ordered::{Item, Keeps, Ordered, meet, no_place, no_threshold, stricter},
        tool_glob::{glob, patterns},
    },
    document::{
        EnforcementMode, Forbidden, Mapping, PolicyFile, Scope, Severity, Trigger, TriggerAction,
        Unmapped,
    },
};
use crate::policy::{Mode, Pattern, RiskLevel, Role, Rule, RuleAction, Target, merge};

/// Rules of a role, by pattern and action, that a document says already.
pub(super) type Covered = BTreeSet<(String, RuleAction)>;

/// Rules over calls, and what of them no pattern says.
#[derive(Default)]
struct Rules {
    list: Vec<Rule>,
    losses: Vec<Loss>,
}

impl Rules {
    fn add(&mut self, field: &str, glob: &str, made: &Rule) {
        let action = made.action;
        let mut lose = |why: &str| {
            let is_allow = action == RuleAction::Allow;
            let effect = if is_allow { Effect::Stricter } else { Effect::Milder };
            let what = format!("{action} `{glob}`");
            self.losses.push(Loss { field: field.to_owned(), what, why: why.to_owned(), effect });
        };
        let found = match patterns(glob) {
            None => return lose("holds `?`, for which patterns have no sign"),
            Some(found) if found.is_empty() => {
                return lose("names no MCP tool, and a role decides on no others");
            }
            Some(found) => found,
        };
        self.list.extend(found.into_iter().map(|pattern| Rule { pattern, ..made.clone() }));
    }

    /// A role of these rules that lets everything else through.
    fn role(&mut self, name: &str) -> Role {
        let mut role = Role::new(name);
        role.default_action = RuleAction::Allow;
        role.mcp_rules = std::mem::take(&mut self.list);
        role
    }
}

/// What a rule of a document does and says, without its calls.
fn made(action: RuleAction, risk: Option<RiskLevel>, why: Option<&str>) -> Rule {
    let rationale = why.filter(|it| !it.is_empty()).map(str::to_owned);
    Rule { risk, rationale, ..Rule::new("", action) }
}

/// What a trigger comes to.
pub(super) const fn by_trigger(action: TriggerAction) -> RuleAction {
    match action {
        TriggerAction::Deny => RuleAction::Deny,
        TriggerAction::Escalate => RuleAction::RequireApproval,
        TriggerAction::Warn => RuleAction::Alert,
    }
}

/// The role that decides on calls as the policy does, for cards that have all actions: what fails is
/// denied, what warns alerts, what escalates asks.
pub(super) fn role(file: &PolicyFile) -> Read {
    let name = file.meta.name.as_str();
    let (mut forbidden, mut triggers, mut mapped) =
        (Rules::default(), Rules::default(), Rules::default());
    for (idx, it) in file.forbidden.iter().enumerate() {
        let rule = made(by_severity(it.severity), Some(declared(it.severity)), Some(&it.reason));
        forbidden.add(&format!("forbidden[{idx}]"), &it.pattern, &rule);
    }
    for (idx, it) in file.triggers.iter().enumerate() {
        let field = format!("escalation_triggers[{idx}]");
        match it.glob() {
            Some(glob) => {
                triggers.add(&field, glob, &made(by_trigger(it.action), None, Some(&it.reason)));
            }
            None => triggers.losses.push(Loss {
                field: format!("{field}.condition"),
                what: it.condition.clone(),
                why: "is not understood, `tool_matches('GLOB')` is".to_owned(),
                effect: Effect::Milder,
            }),
        }
    }
    for it in &file.mappings {
        for (idx, glob) in it.tools.iter().enumerate() {
            let field = format!("capability_mappings.{}.tools[{idx}]", it.name);
            mapped.add(&field, glob, &made(RuleAction::Allow, None, it.description.as_deref()));
        }
    }
    let mut losses = of_its_system(file);
    for it in [&mut forbidden, &mut triggers, &mut mapped] {
        losses.append(&mut it.losses);
    }
    let mut stricter_rules = |found: crate::policy::Merged| {
        losses.extend(found.stricter.iter().map(|it| Loss {
            field: "mcp_rules".to_owned(),
            what: it.pattern.clone(),
            why: format!("{} in the place of {}, patterns cannot say it", it.action, it.exact),
            effect: Effect::Stricter,
        }));
        found.role
    };
    // The first forbidden rule that names a tool decides, and the strictest of it and the triggers.
    let floor = if is_worst_first(&forbidden.list) {
        let mut floor = forbidden.role(name);
        floor.mcp_rules.append(&mut triggers.list);
        floor.mcp_rules.sort_by_key(|it| std::cmp::Reverse(it.action));
        floor
    } else {
        stricter_rules(merge(&forbidden.role(name), &triggers.role(name)))
    };
    let mut base = mapped.role(name);
    base.default_action = match file.defaults.unmapped_tool_action {
        Unmapped::Allow => RuleAction::Allow,
        Unmapped::Warn => RuleAction::Alert,
        Unmapped::Deny => by_severity(file.defaults.unmapped_severity),
    };
    // What is forbidden and triggered comes first, then what is mapped, then the default.
    let is_floor_stricter = floor.mcp_rules.iter().all(|it| it.action >= base.default_action);
    let mut role = if is_floor_stricter {
        base.mcp_rules.splice(0..0, floor.mcp_rules);
        base
    } else {
        stricter_rules(merge(&floor, &base))
    };
    // The default is for calls: of commands the policy says nothing, so none passes.
    let default = std::mem::replace(&mut role.default_action, RuleAction::Deny);
    let is_denied = file.defaults.unmapped_tool_action == Unmapped::Deny;
    let severity = Some(file.defaults.unmapped_severity);
    // A stop declares nothing more than that of a default does, where it is of high severity.
    let severity = severity.filter(|it| is_denied && *it != Severity::High);
    if default != RuleAction::Deny || severity.is_some() {
        let risk = severity.map(declared);
        role.mcp_rules.push(Rule { risk, ..Rule::new("*/*", default) });
    }
    if default == RuleAction::Deny && file.defaults.grace() > 0.0 {
        losses.push(Loss {
            field: "defaults.grace_period_hours".to_owned(),
            what: file.defaults.grace().to_string(),
            why: "a role has no grace for tools that are new: they are denied at once".to_owned(),
            effect: Effect::Stricter,
        });
    }
    role.name.clone_from(&file.meta.name);
    role.description = file.meta.description.clone().unwrap_or_default();
    role.mode = match file.defaults.enforcement_mode {
        Some(EnforcementMode::Enforce) => Mode::Enforce,
        Some(EnforcementMode::Warn | EnforcementMode::Off) | None => Mode::Monitor,
    };
    Read { losses, notes: unsaid(file), ..Read::exact(role) }
}

/// Whether no rule stands behind a milder one that takes some of its calls.
fn is_worst_first(rules: &[Rule]) -> bool {
    let milder = |at: usize, rule: &Rule| {
        let pattern = Pattern::new(&rule.pattern);
        let earlier = rules.iter().take(at).filter(|it| it.action < rule.action);
        earlier.map(|it| Pattern::new(&it.pattern)).any(|it| meet(&it, &pattern))
    };
    !rules.iter().enumerate().any(|(at, rule)| milder(at, rule))
}

/// Fields that say how a policy is used in its own system; a tool alone is decided without them.
const OF_ITS_SYSTEM: &[&str] =
    &["card_actions", "meta.scope", "defaults.enforcement_mode", "defaults.fail_open"];

/// Whether a loss is one of how a policy is used in its own system: that is none where the policy
/// itself is looked at, and no role is made of it.
pub fn is_of_its_system(loss: &Loss) -> bool {
    OF_ITS_SYSTEM.iter().any(|it| loss.field == *it || loss.field.ends_with(&format!(".{it}")))
}

/// What is lost of how a policy is used: cards, floors, what is told, what holds where it cannot be asked.
fn of_its_system(file: &PolicyFile) -> Vec<Loss> {
    let loss = |field: &str, what: String, why: &str, effect| Loss {
        field: field.to_owned(),
        what,
        why: why.to_owned(),
        effect,
    };
    let mut res: Vec<Loss> = Vec::new();
    for it in &file.mappings {
        let field = format!("capability_mappings.{}.card_actions", it.name);
        let why =
            "a role asks no card: tools pass whether an agent's card has these actions or not";
        res.push(loss(&field, it.card_actions.join(", "), why, Effect::Milder));
    }
    if file.meta.scope == Scope::Org {
        let why = "a role is no floor: `advisor policy merge --floor` puts it under another one";
        res.push(loss("meta.scope", file.meta.scope.to_string(), why, Effect::Same));
    }
    if file.defaults.enforcement_mode == Some(EnforcementMode::Off) {
        let why = "monitor mode tells what would be stopped";
        let what = EnforcementMode::Off.to_string();
        res.push(loss("defaults.enforcement_mode", what, why, Effect::Same));
    }
    if file.defaults.fail_open {
        let why = "a role does not let calls through where it cannot be asked";
        res.push(loss("defaults.fail_open", "true".to_owned(), why, Effect::Stricter));
    }
    res
}

/// What a policy says that no role does, and by which nothing is decided.
fn unsaid(file: &PolicyFile) -> Vec<String> {
    let mut res = vec![super::super::NO_COMMANDS.to_owned()];
    if !file.mappings.is_empty() {
        res.push("names of capabilities".to_owned());
    }
    res
}

/// The risk that a severity declares.
pub(super) const fn declared(severity: Severity) -> RiskLevel {
    match severity {
        Severity::Low => RiskLevel::Low,
        Severity::Medium => RiskLevel::Medium,
        Severity::High => RiskLevel::High,
        Severity::Critical => RiskLevel::Critical,
    }
}

/// The severity of what is stopped: high, but where the risk is declared critical.
const fn stopped(risk: Option<RiskLevel>) -> Severity {
    match risk {
        Some(RiskLevel::Critical) => Severity::Critical,
        _ => Severity::High,
    }
}

/// Notes declared risks that no severity says: those of what is not stopped, and the low ones.
fn unsaid_risks(list: &Ordered, covered: &Covered, losses: &mut Vec<Loss>) {
    let is_said =
        |action: RuleAction, risk: RiskLevel| action == RuleAction::Deny && risk >= RiskLevel::High;
    let is_new = |it: &&Item| !covered.contains(&(it.text.clone(), it.action));
    for item in list.items.iter().filter(is_new) {
        if let Some(risk) = item.risk.filter(|it| !is_said(item.action, *it)) {
            let why =
                format!("only what is forbidden has a severity, high or critical: not {risk}");
            losses.push(item.loss(why, Effect::Same));
        }
    }
    if let Some(risk) = list.default_risk.filter(|it| !is_said(list.default, *it)) {
        let why = format!("only unmapped tools that are denied have a severity: not {risk}");
        losses.push(list.default_loss(why, Effect::Same));
    }
}

/// What a severity comes to.
pub(super) const fn by_severity(severity: Severity) -> RuleAction {
    match severity {
        Severity::High | Severity::Critical => RuleAction::Deny,
        Severity::Low | Severity::Medium => RuleAction::Alert,
    }
}

/// The policy that decides on calls as a role does, but for the rules that are covered, which it
/// leaves out.
pub(super) fn file(role: &Role, covered: &Covered) -> (PolicyFile, Written) {
    let mut losses = Vec::new();
    no_place(role, Target::Command, &mut losses);
    no_threshold(role, &mut losses);
    let keeps = Keeps { risk: true, ..Keeps::NOTHING };
    let mut list = Ordered::new(role, Target::Mcp, keeps, &mut losses);
    list.translate(actions, &mut losses);
    let mut notes = std::mem::take(&mut list.idle);
    let mut file = PolicyFile::named(&role.name);
    file.meta.description = Some(role.description.clone()).filter(|it| !it.is_empty());
    let is_asked = list.default == RuleAction::RequireApproval;
    if is_asked {
        let why = "nothing asks for unmapped tools alone: denied";
        losses.push(list.default_loss(why, Effect::Stricter));
        list.default = RuleAction::Deny;
    }
    unsaid_risks(&list, covered, &mut losses);
    file.defaults.unmapped_tool_action = match list.default {
        RuleAction::Allow => Unmapped::Allow,
        RuleAction::Alert => Unmapped::Warn,
        _ => Unmapped::Deny,
    };
    if list.default == RuleAction::Deny {
        file.defaults.unmapped_severity = stopped(list.default_risk);
    }
    // Where it cannot be asked, a role lets nothing through.
    file.defaults.fail_open = false;
    let is_enforced = role.mode == Mode::Enforce;
    let mode = if is_enforced { EnforcementMode::Enforce } else { EnforcementMode::Warn };
    file.defaults.enforcement_mode = Some(mode);
    // A grace period would soften the default, which a role does not.
    file.defaults.grace_period_hours = Some(0.0);
    let words = |item: &Item| {
        if covered.contains(&(item.text.clone(), item.action)) {
            return Ok(None);
        }
        let found = glob(&item.text).ok_or("is no glob over the tools of one server");
        found.map(Some).map_err(str::to_owned)
    };
    let said = list.say(words, &mut losses);
    Ordered::unorder(&said, stricter, &mut losses);
    let default = list.default;
    for (item, glob) in said {
        let Some(glob) = glob else { continue };
        let why = item.rationale.clone().filter(|it| !it.is_empty());
        let reason = why.unwrap_or_else(|| format!("`{}` of role `{}`", item.text, role.name));
        match item.action {
            RuleAction::Deny => {
                let severity = stopped(item.risk);
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
        if item.action == RuleAction::Allow || item.action < default || covered.is_empty() {
            map(&mut file, &item.text, glob);
        }
    }
    if !file.mappings.is_empty() {
        let cards =
            "card actions: each new capability asks an agent's card for an action of its own name";
        notes.push(cards.to_owned());
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
