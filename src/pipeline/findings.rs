//! What the activity says besides changes: how ready the role is, and what stands out.
use std::collections::BTreeMap;

use crate::{
    batch::{Anomalies, Findings, SuggestionBatch, Target, anomalies},
    clusters::Observation,
    commands::split,
    evidence::{DEFAULT_TOLERANCE, readiness},
    feedback::Background,
    policy::{Engine, Role, RuleAction, Subject},
    review::{Verdict, merge, rule_on},
};

/// The findings that go with a batch for a role; each anomaly with what the role would make of it
/// once the whole batch is accepted.
pub fn findings(
    role: &Role,
    batch: &SuggestionBatch,
    observation: &Observation,
    background: &Background,
) -> Findings {
    let Anomalies { listed: mut anomalies, more: more_anomalies } =
        anomalies(observation, background.accepted_until);
    if let Some(role) = accepted(role, batch) {
        let engine = Engine::new(&role, &BTreeMap::new());
        for anomaly in &mut anomalies {
            let example = anomaly.examples.first();
            anomaly.outcome = example.and_then(|it| decide(&engine, anomaly.target, it));
        }
    }
    let readiness = readiness(observation, DEFAULT_TOLERANCE);
    Findings { readiness, anomalies, more_anomalies, ..Findings::default() }
}

/// The role with everything of the batch.
fn accepted(role: &Role, batch: &SuggestionBatch) -> Option<Role> {
    let mut batch = batch.clone();
    rule_on(&mut batch, &Verdict::Accept { changes: Vec::new() }).ok()?;
    merge(role, role, &batch).ok()
}

/// What happens with a line, on a host without variables.
fn decide(engine: &Engine<'_>, target: Target, line: &str) -> Option<RuleAction> {
    match target {
        Target::Command => {
            let argv = split(line)?;
            Some(engine.decide(&Subject::Command(&argv)).decision)
        }
        Target::Mcp => {
            let (server, tool) = line.split_once('/')?;
            let subject = Subject::McpCall { server, tool, trust_score: None };
            Some(engine.decide(&subject).decision)
        }
    }
}
