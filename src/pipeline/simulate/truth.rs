//! What is in a simulated fleet: the answers to compare an analysis with.
use std::collections::BTreeMap;

use serde::Serialize;

/// What was put into the events.
#[derive(Debug, Default, Serialize)]
pub struct Truth {
    /// The seed.
    pub seed: u64,
    /// All events.
    pub events: u64,
    /// By role.
    pub roles: BTreeMap<&'static str, RoleTruth>,
    /// Secrets written into commands, by kind.
    pub secrets: BTreeMap<&'static str, u64>,
}

/// What was put into the events of one role.
#[derive(Debug, Default, Serialize)]
pub struct RoleTruth {
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Its events.
    pub events: u64,
    /// Everyday work: what was done, with its variable words in braces, and how often.
    pub routine: BTreeMap<&'static str, u64>,
    /// Legitimate, and seldom done.
    pub rare: BTreeMap<&'static str, u64>,
    /// Stopped by the enforcement agent.
    pub refused: BTreeMap<&'static str, u64>,
    /// Calls of MCP tools, by `server/tool`.
    pub calls: BTreeMap<String, u64>,
    /// Acts that must never be allowed on the strength of this activity.
    pub planted: Vec<PlantedTruth>,
}

/// One planted act.
#[derive(Debug, Serialize)]
pub struct PlantedTruth {
    /// What kind of act.
    pub kind: &'static str,
    /// MITRE ATT&CK technique.
    pub technique: &'static str,
    /// What was done, with its variable words in braces.
    pub act: String,
    /// Where.
    pub hostname: String,
    /// In which session; more than one where it is the same act once a day.
    pub session_id: String,
    /// How often.
    pub events: u64,
    /// What became of it.
    pub decision: &'static str,
}
