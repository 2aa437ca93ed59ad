//! An organization's policy and an agent's as one: unions, and the organization is the floor.
use serde::Serialize;

use super::document::{GRACE_HOURS, PolicyFile, Scope};

/// A default of the agent's policy that is weaker than the floor, which holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Floor {
    /// Such as `defaults.unmapped_tool_action`.
    pub field: String,
    /// What the organization says, and what holds.
    pub org: String,
    /// What the agent's policy says.
    pub agent: String,
}

/// The policy that holds for an agent, and where the floor held.
///
/// Capabilities, forbidden rules and triggers of both count. Of a capability of both, tools and
/// actions of both count. Of each default the stricter holds; a grace period is stricter the shorter
/// it is, an organization that says none has the usual one, and `fail_open` where it is false.
///
/// The first forbidden rule that names a tool decides how bad it is, so rules of both stand the worst
/// first: none is weakened by a milder one of the other policy in front of it.
pub fn merge(org: &PolicyFile, agent: &PolicyFile) -> (PolicyFile, Vec<Floor>) {
    let mut res = org.clone();
    res.meta.name = format!("{}+{}", org.meta.name, agent.meta.name);
    res.meta.description.clone_from(&agent.meta.description);
    res.meta.scope = Scope::Agent;
    for mapping in &agent.mappings {
        match res.mappings.iter_mut().find(|it| it.name == mapping.name) {
            None => res.mappings.push(mapping.clone()),
            Some(ours) => {
                union(&mut ours.tools, &mapping.tools);
                union(&mut ours.card_actions, &mapping.card_actions);
            }
        }
    }
    for rule in &agent.forbidden {
        match res.forbidden.iter_mut().find(|it| it.pattern == rule.pattern) {
            None => res.forbidden.push(rule.clone()),
            // Of two rules for one pattern the worse counts.
            Some(ours) if ours.severity < rule.severity => *ours = rule.clone(),
            Some(_) => (),
        }
    }
    res.forbidden.sort_by_key(|it| std::cmp::Reverse(it.severity));
    union(&mut res.triggers, &agent.triggers);
    let (floor, own) = (&org.defaults, &agent.defaults);
    let mut held = Vec::new();
    let mut note = |field: &str, org: String, agent: String| {
        held.push(Floor { field: format!("defaults.{field}"), org, agent });
    };
    let defaults = &mut res.defaults;
    if own.unmapped_tool_action < floor.unmapped_tool_action {
        let (org, agent) = (floor.unmapped_tool_action, own.unmapped_tool_action);
        note("unmapped_tool_action", org.to_string(), agent.to_string());
    }
    defaults.unmapped_tool_action = floor.unmapped_tool_action.max(own.unmapped_tool_action);
    if own.unmapped_severity < floor.unmapped_severity {
        let (org, agent) = (floor.unmapped_severity, own.unmapped_severity);
        note("unmapped_severity", org.to_string(), agent.to_string());
    }
    defaults.unmapped_severity = floor.unmapped_severity.max(own.unmapped_severity);
    if own.fail_open && !floor.fail_open {
        note("fail_open", "false".to_owned(), "true".to_owned());
    }
    defaults.fail_open = floor.fail_open && own.fail_open;
    if let (Some(org), Some(agent)) = (floor.enforcement_mode, own.enforcement_mode)
        && agent < org
    {
        note("enforcement_mode", org.to_string(), agent.to_string());
    }
    defaults.enforcement_mode = floor.enforcement_mode.max(own.enforcement_mode);
    defaults.grace_period_hours = match (floor.grace_period_hours, own.grace_period_hours) {
        (org, None) => org,
        (org, Some(agent)) => {
            let org = org.unwrap_or(GRACE_HOURS);
            if agent > org {
                note("grace_period_hours", org.to_string(), agent.to_string());
            }
            Some(org.min(agent))
        }
    };
    (res, held)
}

/// Adds what is not there yet, in order.
fn union<T: Clone + PartialEq>(ours: &mut Vec<T>, theirs: &[T]) {
    for it in theirs {
        if !ours.contains(it) {
            ours.push(it.clone());
        }
    }
}
