//! Interven's rules on our events: their matches and conditions, in the order in which things happened.
mod body;
mod volume;

use std::collections::BTreeSet;

use serde::Serialize;

use self::{
    body::{Body, is_external},
    volume::Volumes,
};
use crate::{
    events::{Event, EventType, MARKER_OPEN, Outcome},
    formats::interven::{
        Action, Asked, IntervenPolicy, IntervenRule, Match, is_of, is_same, is_taken,
    },
    policy::{ActionType, DataClass, Facts, RuleAction},
    risk::call_facts,
};

/// What the rules say of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gated {
    /// The event.
    pub event_id: String,
    /// `server/tool`.
    pub call: String,
    /// What happens, as one of the six outcomes.
    pub decision: RuleAction,
    /// The rule that says so; `None` where none does, and the call passes.
    pub rule: Option<String>,
    /// Fields that are sanitized; all where it is empty and the decision is to redact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sanitize_fields: Vec<String>,
    /// One sentence.
    pub reason: String,
}

/// Rules, and what they have to remember of what was before.
#[derive(Clone, Debug)]
pub struct Gate<'a> {
    policy: &'a IntervenPolicy,
    own_domains: &'a [String],
    /// Agent and resource, once touched by a call that ran.
    touched: BTreeSet<(String, String)>,
    volumes: Volumes,
}

impl<'a> Gate<'a> {
    /// A gate that has seen nothing yet.
    pub fn new(policy: &'a IntervenPolicy, own_domains: &'a [String]) -> Self {
        let touched = BTreeSet::new();
        Self { policy, own_domains, touched, volumes: Volumes::default() }
    }

    /// The first rule that asks who is external, where no own domain is known to tell.
    pub fn unanswerable(&self) -> Option<&'a IntervenRule> {
        let asks = |it: &&IntervenRule| it.enabled && it.condition.is_external_principal.is_some();
        self.policy.rules.iter().find(asks).filter(|_| self.own_domains.is_empty())
    }

    /// Remembers a call from before, which ran unless its record says that it was blocked.
    pub fn remember(&mut self, event: &Event) {
        let (EventType::McpToolCall, Some(server), Some(tool)) =
            (event.event_type, event.mcp_server.as_deref(), event.mcp_tool.as_deref())
        else {
            return;
        };
        let body = Body::new(event.mcp_arguments.as_deref().unwrap_or_default());
        let agent = who(event);
        self.volumes.ask(&agent, event.timestamp);
        if event.decision != Outcome::Blocked {
            self.volumes.ran(&agent, event.timestamp);
            let resources = body.resources(server, tool);
            self.touched.extend(resources.into_iter().map(|it| (agent.clone(), it)));
        }
    }

    /// Decides a call and remembers it; events have to come in the order of their time. `None` for
    /// what is no call.
    pub fn judge(&mut self, event: &Event) -> Option<Gated> {
        if event.event_type != EventType::McpToolCall {
            return None;
        }
        let (server, tool) = (event.mcp_server.as_deref()?, event.mcp_tool.as_deref()?);
        let arguments = event.mcp_arguments.as_deref().unwrap_or_default();
        let (facts, _) = call_facts(server, tool, arguments);
        let body = Body::new(arguments);
        let agent = who(event);
        let resources = body.resources(server, tool);
        let resources: Vec<(String, String)> =
            resources.into_iter().map(|it| (agent.clone(), it)).collect();
        let known = Known {
            classes: classes(&facts, &body, arguments),
            is_external: is_external(&body, self.own_domains),
            is_new: resources.iter().any(|it| !self.touched.contains(it)),
            is_burst: self.volumes.ask(&agent, event.timestamp),
            facts,
            body,
        };
        let holds = |it: &&IntervenRule| {
            it.enabled && meant(&it.matches, server, tool, &known) && holds(&it.condition, &known)
        };
        let matching: Vec<&IntervenRule> = self.policy.rules.iter().filter(holds).collect();
        // The first by priority, but for a DENY, which goes before whatever else matches.
        let denying = matching.iter().find(|it| it.action == Action::Deny);
        let rule = denying.or_else(|| matching.first()).copied();
        let decision = rule.map_or(RuleAction::Allow, |it| outcome(it.action));
        // What was held or stopped, here or where it was recorded, has touched nothing.
        if decision.passes() && event.decision != Outcome::Blocked {
            self.volumes.ran(&agent, event.timestamp);
            self.touched.extend(resources);
        }
        Some(Gated {
            event_id: event.event_id.clone(),
            call: format!("{server}/{tool}"),
            decision,
            rule: rule.map(|it| it.rule_id.clone()),
            sanitize_fields: rule.map(|it| it.sanitize_fields.clone()).unwrap_or_default(),
            reason: rule.map_or_else(
                || "no rule is about it, so it passes".to_owned(),
                |it| format!("rule `{}` says {}{}", it.rule_id, it.action, because(&it.condition)),
            ),
        })
    }
}

/// Who calls: the agent of a session's host; sessions of one agent share their history.
fn who(event: &Event) -> String {
    let agent = event.agent.as_deref().unwrap_or("");
    format!("{agent}@{}", event.hostname)
}

/// The outcome that an action stands for.
pub const fn outcome(action: Action) -> RuleAction {
    match action {
        Action::Allow => RuleAction::Allow,
        Action::Sanitize => RuleAction::Redact,
        Action::RequireApproval => RuleAction::RequireApproval,
        Action::Deny => RuleAction::Deny,
    }
}

/// What is known of one call.
struct Known {
    facts: Facts,
    body: Body,
    classes: BTreeSet<&'static str>,
    is_external: bool,
    is_new: bool,
    is_burst: bool,
}

/// Classes of data: secrets where one was taken out or is reached for, personal and internal data by
/// what is in the body and what the call reaches for.
fn classes(facts: &Facts, body: &Body, arguments: &str) -> BTreeSet<&'static str> {
    let has = |class: DataClass| facts.data_classes.contains(&class);
    let mut res = BTreeSet::new();
    if arguments.contains(MARKER_OPEN) || has(DataClass::Secret) {
        res.insert("SECRETS");
    }
    if body.has_personal_data() || has(DataClass::Personal) {
        res.insert("PII");
    }
    if has(DataClass::Workspace) || has(DataClass::System) {
        res.insert("INTERNAL");
    }
    res
}

fn meant(asked: &Match, server: &str, tool: &str, known: &Known) -> bool {
    let operation = |it: &String| match it.split_once(':') {
        Some(("method", method)) => {
            known.body.field("method").is_some_and(|it| is_same(method, it))
        }
        Some(("category", name)) => is_of(name, tool),
        _ => it == "*" || is_same(it, tool),
    };
    let verb = |it: &String| {
        known.facts.acts.iter().any(|(deed, _)| match it.as_str() {
            "READ" => *deed == ActionType::Read,
            "WRITE" => matches!(deed, ActionType::Write | ActionType::Send),
            "DELETE" => *deed == ActionType::Delete,
            _ => *deed == ActionType::Execute,
        }) || it == "ADMIN" && body::is_admin(tool)
    };
    let one = |list: &Option<Vec<String>>, holds: &dyn Fn(&String) -> bool| {
        list.as_ref().is_none_or(|it| it.iter().any(holds))
    };
    let named = |globs: &Option<Vec<String>>, names: &[String]| {
        one(globs, &|glob| names.iter().any(|name| is_taken(glob, name)))
    };
    asked.tool_name.as_deref().is_none_or(|it| is_same(it, server))
        && one(&asked.operations, &operation)
        && one(&asked.verbs, &verb)
        && named(&asked.org_patterns, &known.body.repositories())
        && named(&asked.repo_patterns, &known.body.repositories())
        && named(&asked.channel_patterns, &known.body.channels())
}

fn holds(asked: &Asked, known: &Known) -> bool {
    let is = |asked: Option<bool>, is: bool| asked.is_none_or(|it| it == is);
    let classes = &asked.has_data_class;
    is(asked.is_external_principal, known.is_external)
        && is(asked.new_resource, known.is_new)
        && is(asked.volume_burst, known.is_burst)
        && (classes.is_empty() || classes.iter().any(|it| known.classes.contains(it.as_str())))
        && (asked.body_contains_any.is_empty()
            || asked.body_contains_any.iter().any(|it| known.body.contains(it)))
        && asked.body_contains_all.iter().all(|it| known.body.contains(it))
}

/// The conditions of a rule, for people.
fn because(asked: &Asked) -> String {
    let mut res = Vec::new();
    if let Some(is) = asked.is_external_principal {
        res.push(if is { "somebody outside is addressed" } else { "nobody outside is addressed" });
    }
    if asked.new_resource == Some(true) {
        res.push("the resource is new to the agent");
    }
    if asked.volume_burst == Some(true) {
        res.push("the agent calls far more often than it used to");
    }
    if !asked.has_data_class.is_empty() {
        res.push("it holds such data");
    }
    if !asked.body_contains_any.is_empty() || !asked.body_contains_all.is_empty() {
        res.push("the words are in its body");
    }
    if res.is_empty() { String::new() } else { format!(": {}", res.join(", ")) }
}
