//! Decides recorded events by a role: the decision of the contract, with everything it explains.
use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    commands::{grammar, read},
    events::{Event, EventType, Timestamp, marker, markers},
    policy::{CommandDecision, Engine, Role, RuleAction, Subject},
    risk::{Effects, RiskLevel, effects, level, mcp_effects},
};

/// One decision, with its grounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Hash of the role, its revision and the action: the same question has the same id.
    pub decision_id: String,
    /// The event.
    pub event_id: String,
    /// The event, under the name that policy systems give it.
    pub action_id: String,
    /// What happens.
    pub decision: RuleAction,
    /// The pattern that decided, `null` where the default did.
    pub rule: Option<String>,
    /// Ids of the rules that decided the inner commands.
    pub rule_ids: Vec<String>,
    /// The roles that were asked.
    pub policy_ids: Vec<String>,
    /// One sentence.
    pub reason: String,
    /// 0 (reads) to 100 (cannot be undone): what is at stake, whatever was decided.
    pub risk_score: u8,
    /// Who may say yes; `null` unless approval is required.
    pub approver_role: Option<&'static str>,
    /// Markers of the secrets that were taken out of the action before it was looked at.
    pub redactions: Vec<String>,
    /// When the action was seen.
    pub timestamp: Timestamp,
    /// The revision that decided.
    pub role_revision: u64,
    /// The expanded inner commands, each with its decision.
    pub commands: Vec<CommandDecision>,
}

/// Decides events by one role, for hosts of any environment.
#[derive(Debug)]
pub struct Judge<'a> {
    role: &'a Role,
    engines: BTreeMap<BTreeMap<String, String>, Engine<'a>>,
}

impl<'a> Judge<'a> {
    /// A judge for a role.
    pub const fn new(role: &'a Role) -> Self {
        Self { role, engines: BTreeMap::new() }
    }

    /// Decides an event of a host with these variables; `None` where the event is no action.
    pub fn judge(
        &mut self,
        event: &Event,
        variables: &BTreeMap<String, String>,
    ) -> Option<Verdict> {
        if !self.engines.contains_key(variables) {
            self.engines.insert(variables.clone(), Engine::new(self.role, variables));
        }
        let engine = self.engines.get(variables)?;
        let (subject, stake, text) = match event.event_type {
            EventType::CommandExecution => {
                (Subject::Command(&event.argv), command_effects(&event.argv), event.argv.join(" "))
            }
            EventType::McpToolCall => {
                let (server, tool) = (event.mcp_server.as_deref()?, event.mcp_tool.as_deref()?);
                let arguments = event.mcp_arguments.as_deref().unwrap_or_default();
                let subject = Subject::McpCall { server, tool, trust_score: event.trust_score };
                (
                    subject,
                    mcp_effects(server, tool, &argument_names(arguments)),
                    arguments.to_owned(),
                )
            }
            EventType::ConfigChange | EventType::PolicyIntegrity => return None,
        };
        let decision = engine.decide(&subject);
        let mut hash = Sha256::new();
        hash.update(format!(
            "{}\0{}\0{}\0{text}",
            self.role.name, self.role.revision, event.event_id
        ));
        let digits: Vec<String> =
            hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let needs_approval = decision.decision == RuleAction::RequireApproval;
        Some(Verdict {
            decision_id: format!("d-{}", digits.concat()),
            event_id: event.event_id.clone(),
            action_id: event.event_id.clone(),
            decision: decision.decision,
            rule: decision.rule,
            rule_ids: decision.rule_ids,
            policy_ids: vec![self.role.name.clone()],
            reason: decision.reason,
            risk_score: risk_score(level(stake)),
            approver_role: needs_approval.then_some("security"),
            redactions: redactions(&text),
            timestamp: event.timestamp,
            role_revision: self.role.revision,
            commands: decision.commands,
        })
    }
}

fn command_effects(argv: &[String]) -> Effects {
    read(argv).commands.iter().fold(Effects::NONE, |all, command| {
        all.union(effects(command, &grammar::subcommand(&command.argv)))
    })
}

/// The four levels, spread over 0 to 100.
const fn risk_score(level: RiskLevel) -> u8 {
    match level {
        RiskLevel::Low => 10,
        RiskLevel::Medium => 40,
        RiskLevel::High => 70,
        RiskLevel::Critical => 95,
    }
}

/// Names of the top-level arguments of a call, sorted.
fn argument_names(arguments: &str) -> Vec<String> {
    let parsed = serde_json::from_str::<BTreeMap<String, serde_json::Value>>(arguments);
    parsed.map(|it| it.into_keys().collect()).unwrap_or_default()
}

/// The redaction markers in a text, in order, each once.
fn redactions(text: &str) -> Vec<String> {
    let mut res: Vec<String> = Vec::new();
    for marker in markers(text).map(marker) {
        if !res.contains(&marker) {
            res.push(marker);
        }
    }
    res
}
