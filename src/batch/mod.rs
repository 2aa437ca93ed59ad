//! Suggestion batches, as section 5 of the contract prints them.
mod anomalies;
mod assemble;
mod words;

use serde::{Deserialize, Serialize};

use crate::{
    events::{Timestamp, text_forms},
    evidence::Readiness,
    feedback::EvidenceMark,
};

pub use anomalies::{Anomalies, Anomaly, MAX_ANOMALIES, Oddity, anomalies};
pub use assemble::{Assembled, Meta, assemble, change_id};

pub use crate::{
    changes::{ChangeKind, Fate, LedgerEntry, PlacedRule},
    feedback::Level,
    policy::Target,
    risk::RiskLevel,
    synthesis::{Factor, FactorName, Later},
};

/// The version of the JSON that `SuggestionBatch` prints.
pub const SCHEMA_VERSION: &str = "1.0";

/// One analysis of one role over one window: an ordered list of changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuggestionBatch {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// Hash of role, revision, window and changes: the same analysis has the same id.
    pub batch_id: String,
    /// The role it is for.
    pub role: String,
    /// The revision that was analyzed.
    pub role_revision: u64,
    /// What reviewers made of it.
    pub status: BatchStatus,
    /// When it was made.
    pub generated_at: Timestamp,
    /// What was looked at.
    pub window: Window,
    /// Distinct hosts in the window.
    pub hosts: u64,
    /// Distinct sessions in the window.
    pub sessions: u64,
    /// Events in the window.
    pub events: u64,
    /// 0 to 1: mean of the changes' confidence, weighted by their evidence.
    pub confidence: f64,
    /// The highest risk of a change.
    pub risk: RiskLevel,
    /// How many changes of each kind.
    pub summary: Summary,
    /// In the order in which a reviewer should read them.
    pub changes: Vec<Change>,
    /// What else the activity says; no part of the batch's identity.
    #[serde(flatten)]
    pub findings: Findings,
}

/// What the activity says besides changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// How much of tomorrow's activity is likely to be new, and whether enforcing is safe; `None`
    /// in batches of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness>,
    /// What stands out, most serious first; no ground for an allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anomalies: Vec<Anomaly>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more_anomalies: u64,
    /// What became of rules that earlier batches took away, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<LedgerEntry>,
    /// What is left to next time.
    #[serde(default)]
    pub left_out: LeftOut,
}

/// Changes that are not in a batch, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Not sure enough.
    pub below_threshold: u64,
    /// Rejected before, on evidence that is no different.
    pub rejected_before: u64,
    /// Kinds of activity that are likely to come again and for which a role that people can read has
    /// no room: their rules, with the guards these need, would give less than those that are here.
    pub over_budget: u64,
    /// The most frequent of these, by what their lines begin with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// Activity before this instant, where the newest days alone are as much as an analysis takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_before: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// The time that was analyzed, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// First instant.
    pub from: Timestamp,
    /// Last instant.
    pub to: Timestamp,
    /// Between the first and the last event seen in it, in hours.
    pub hours: f64,
}

/// How many changes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// New rules.
    pub add: u64,
    /// Rules narrowed, reordered or split.
    pub modify: u64,
    /// Rules taken away.
    pub remove: u64,
}

/// One proposal, accepted or rejected as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Hash of kind, target, `before` and `after`: the same proposal has the same id in every batch.
    pub change_id: String,
    /// 1-based place in the batch; what `--change N` names.
    pub ordinal: u64,
    /// Add, modify or remove.
    pub kind: ChangeKind,
    /// Command rules or MCP rules.
    pub target: Target,
    /// Rules of the role that go.
    pub before: Vec<PlacedRule>,
    /// Rules that come.
    pub after: Vec<PlacedRule>,
    /// 0 to 1: probability that the change proves right over a next window as long as this one.
    pub confidence: f64,
    /// What is at stake if it is wrong.
    pub risk: RiskLevel,
    /// Plain English: what was seen, how often, with what arguments, and why this follows.
    pub reasoning: String,
    /// Plain English: what goes wrong if it is a mistake.
    pub risk_if_wrong: String,
    /// What it stands on.
    pub evidence: ChangeEvidence,
    /// Effects of what it covers, such as `vcs.read`.
    pub effects: Vec<String>,
    /// ATT&CK technique ids of what it guards against.
    pub techniques: Vec<String>,
    /// `change_id`s without which this one must not be applied.
    pub requires: Vec<String>,
    /// What `confidence` is the product of; empty where it is a mean or an interval of something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Factor>,
    /// For an allow: how wide it could be, narrowest first, and what each would give and cost;
    /// `review modify --scope` takes another one than is proposed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// What the reviewer made of it.
    pub state: ChangeState,
    /// A reviewer's own version of `after`, where the state is `modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_after: Option<Vec<PlacedRule>>,
}

/// One scope of an allow, and its price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// How wide it is.
    pub level: Level,
    /// Whether it is the one that is proposed.
    #[serde(rename = "proposed")]
    pub is_proposed: bool,
    /// What would come: guards that the rest of the batch does not bring, then the allows.
    pub after: Vec<PlacedRule>,
    /// 0 to 1: probability that it is needed over a next window.
    pub confidence: f64,
    /// What a scope made from the first 70% of the window's days would have allowed of the binary's
    /// uses in the rest; `None` where the window has one day only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<Later>,
    /// Guard rules that it needs in front of it, those of the batch included.
    pub guards: u64,
    /// Effects of what was seen of it.
    pub effects: Vec<String>,
    /// Acts that share a line with it, and that its guards stop.
    pub guarded_acts: Vec<String>,
    /// Acts of which some spelling passes in spite of its guards; such a scope cannot be chosen.
    pub open_acts: Vec<String>,
}

/// What a change stands on. Counts of events are raw; confidence counts bounded units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeEvidence {
    /// Events.
    pub events: u64,
    /// Distinct hosts.
    pub hosts: u64,
    /// Distinct sessions.
    pub sessions: u64,
    /// Distinct UTC days.
    pub days: u64,
    /// Distinct units (session x host x day).
    pub units: u64,
    /// `None` where nothing was seen.
    pub first_seen: Option<Timestamp>,
    /// `None` where nothing was seen.
    pub last_seen: Option<Timestamp>,
    /// Events by what the enforcement agent did with them.
    #[serde(default)]
    pub decisions: std::collections::BTreeMap<String, u64>,
    /// A few real command lines, redacted.
    pub examples: Vec<String>,
    /// The shapes it was seen in, most frequent first.
    pub arguments: Vec<SeenShape>,
}

impl ChangeEvidence {
    /// What a later analysis compares its own evidence with.
    pub fn mark(&self) -> EvidenceMark {
        let mut shapes: Vec<String> = self.arguments.iter().map(|it| it.shape.clone()).collect();
        shapes.sort();
        EvidenceMark { units: self.units, hosts: self.hosts, sessions: self.sessions, shapes }
    }
}

/// A shape and how often it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenShape {
    /// A command line with typed placeholders.
    pub shape: String,
    /// Events.
    pub events: u64,
}

/// What reviewers made of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// Waits for review.
    Pending,
    /// All of it is in the role.
    Applied,
    /// A part of it is in the role.
    PartiallyApplied,
    /// Nothing of it is, nor will be.
    Dismissed,
}

text_forms!(BatchStatus {
    Pending = "pending",
    Applied = "applied",
    PartiallyApplied = "partially_applied",
    Dismissed = "dismissed",
});

/// What the reviewer made of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Not decided.
    Pending,
    /// Goes into the role as proposed.
    Accepted,
    /// Does not go into the role.
    Rejected,
    /// Goes into the role as the reviewer wrote it.
    Modified,
}

impl ChangeState {
    /// Whether the change goes into the role, as proposed or as written by the reviewer.
    pub const fn goes_in(self) -> bool {
        matches!(self, Self::Accepted | Self::Modified)
    }
}

text_forms!(ChangeState {
    Pending = "pending",
    Accepted = "accepted",
    Rejected = "rejected",
    Modified = "modified",
});
