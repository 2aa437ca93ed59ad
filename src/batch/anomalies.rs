//! What stands out in the activity: refused, risky, new, repeated or rare; told to the reviewer, and
//! no ground for an allow.
use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{RiskLevel, Target};
use crate::{
    clusters::{Observation, Support},
    events::{Timestamp, text_forms},
    evidence::Evidence,
    policy::RuleAction,
    risk::Effects,
    synthesis::stake,
};

/// Most anomalies that are listed.
pub const MAX_ANOMALIES: usize = 20;

/// Most lines that are kept of one.
const MAX_EXAMPLES: usize = 3;

/// Most events that are named of one.
const MAX_EVENT_IDS: usize = 5;

/// Longest line that is kept, in characters.
const MAX_EXAMPLE: usize = 160;

/// New is what was first seen in the last of so many equal parts of the window.
const NEW_PARTS: f64 = 7.0;

/// Hours of activity before anything can be new in it.
const MIN_HOURS: f64 = 72.0;

/// Units of activity before anything can be rare in it.
const MIN_UNITS: usize = 10;

/// A high-risk act in so many units is an anomaly no more: it is asked for by a change.
const ROUTINE_UNITS: u64 = 3;

/// A burst has at least so many events, and at least so many in a unit on average, in at most so
/// many units.
const BURST_EVENTS: u64 = 20;
const BURST_EVENTS_A_UNIT: u64 = 10;
const BURST_UNITS: u64 = 2;

/// Why something stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// The enforcement agent stopped it, at least once.
    Refused,
    /// What it does cannot be undone or leaves the machine, and it is no routine.
    Risky,
    /// It was first seen at the end of the window.
    New,
    /// Few units did it over and over.
    Burst,
    /// One unit did it, and it changes something.
    Rare,
}

text_forms!(Oddity {
    Refused = "refused",
    Risky = "risky",
    New = "new",
    Burst = "burst",
    Rare = "rare",
});

/// An activity that stands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// What its lines begin with, or `server/tool`.
    pub subject: String,
    /// A command or an MCP tool.
    pub target: Target,
    /// Why it stands out, in the order of [`Oddity`], at least one.
    pub oddities: Vec<Oddity>,
    /// What is at stake.
    pub risk: RiskLevel,
    /// What it does.
    pub effects: Vec<String>,
    /// One sentence.
    pub reason: String,
    /// Events, refused ones included.
    pub events: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Units (session x host x day) in which it ran.
    pub units: u64,
    /// Sessions of these.
    pub sessions: u64,
    /// Hosts of these.
    pub hosts: u64,
    /// First seen.
    pub first_seen: Option<Timestamp>,
    /// Last seen.
    pub last_seen: Option<Timestamp>,
    /// Lines, redacted.
    pub examples: Vec<String>,
    /// Some of its events; of the refused ones where there are any.
    pub event_ids: Vec<String>,
    /// What happens with the first example once all changes of the batch are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RuleAction>,
}

/// What stands out, most serious first, and how much more there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Anomalies {
    /// At most [`MAX_ANOMALIES`].
    pub listed: Vec<Anomaly>,
    /// How many are left out.
    pub more: u64,
}

/// One kind of activity.
#[derive(Debug, Default)]
struct Kind<'a> {
    supports: Vec<&'a Support>,
    lines: Vec<(&'a Support, String)>,
    /// Its binary; empty for a tool.
    binary: &'a str,
}

/// Finds what stands out. An activity is what lines begin with together with what they do, or an MCP
/// tool.
pub fn anomalies(observation: &Observation) -> Anomalies {
    let mut kinds: BTreeMap<(Target, &str, Effects), Kind<'_>> = BTreeMap::new();
    let mut binaries: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for seen in &observation.uses {
        let key = (Target::Command, seen.stem.pattern.as_str(), seen.effects);
        let kind = kinds.entry(key).or_default();
        kind.supports.push(&seen.support);
        kind.lines.push((&seen.support, seen.line.clone()));
        kind.binary = &seen.stem.binary;
        if let Some(first) = seen.support.first {
            let known = binaries.entry(&seen.stem.binary).or_insert(first);
            *known = first.min(*known);
        }
    }
    let tools: Vec<String> =
        observation.mcp_uses.iter().map(|it| format!("{}/{}", it.server, it.tool)).collect();
    for (seen, tool) in observation.mcp_uses.iter().zip(&tools) {
        let kind = kinds.entry((Target::Mcp, tool, seen.effects)).or_default();
        kind.supports.push(&seen.support);
        kind.lines.push((&seen.support, tool.clone()));
    }
    let late = late(observation);
    let mut found: Vec<Anomaly> = kinds
        .into_iter()
        .filter_map(|((target, subject, effects), kind)| {
            let is_new = |first: Option<Timestamp>| late.is_some_and(|late| first >= Some(late));
            let has_new_binary = is_new(binaries.get(kind.binary).copied());
            anomaly(target, subject, effects, &kind, &is_new, has_new_binary, observation)
        })
        .collect();
    found.sort_by(|a, b| {
        let key = |it: &Anomaly| {
            let is_refused = it.oddities.contains(&Oddity::Refused);
            (std::cmp::Reverse((it.risk, is_refused, it.oddities.len())), it.units)
        };
        key(a).cmp(&key(b)).then_with(|| (a.target, &a.subject).cmp(&(b.target, &b.subject)))
    });
    let more = found.len().saturating_sub(MAX_ANOMALIES) as u64;
    found.truncate(MAX_ANOMALIES);
    Anomalies { listed: found, more }
}

/// From when on what is seen for the first time is new; `None` where too little came before.
fn late(observation: &Observation) -> Option<Timestamp> {
    let (first, last) = (observation.first?, observation.last?);
    let hours = last.hours_since(first);
    (hours >= MIN_HOURS).then(|| last.plus_hours(-hours / NEW_PARTS))
}

fn anomaly(
    target: Target,
    subject: &str,
    effects: Effects,
    kind: &Kind<'_>,
    is_new: &dyn Fn(Option<Timestamp>) -> bool,
    has_new_binary: bool,
    observation: &Observation,
) -> Option<Anomaly> {
    let support = Support::of_all(kind.supports.iter().copied());
    let evidence = Evidence::of_support(&support, observation);
    let risk = stake(effects);
    let is_routine = evidence.n_units >= ROUTINE_UNITS;
    let mut oddities = Vec::new();
    if evidence.n_blocked > 0 {
        oddities.push(Oddity::Refused);
    }
    if risk == RiskLevel::Critical || risk == RiskLevel::High && !is_routine {
        oddities.push(Oddity::Risky);
    }
    if is_new(support.first) && (has_new_binary || risk >= RiskLevel::Medium) {
        oddities.push(Oddity::New);
    }
    let n_units = evidence.n_units.max(1);
    if evidence.n_events >= BURST_EVENTS
        && evidence.n_events >= BURST_EVENTS_A_UNIT * n_units
        && evidence.n_units <= BURST_UNITS
    {
        oddities.push(Oddity::Burst);
    }
    let is_window_wide = observation.units.len() >= MIN_UNITS;
    if evidence.n_units == 1 && is_window_wide && risk >= RiskLevel::Medium {
        oddities.push(Oddity::Rare);
    }
    if oddities.is_empty() {
        return None;
    }
    let mut lines: Vec<&(&Support, String)> = kind.lines.iter().collect();
    // What was refused is what people want to see.
    lines.sort_by(|a, b| {
        let often = |it: &(&Support, String)| (it.0.blocked_units.len(), it.0.n_events);
        often(b).cmp(&often(a)).then_with(|| a.1.cmp(&b.1))
    });
    let examples = lines.into_iter().take(MAX_EXAMPLES);
    let ids = |of: fn(&Support) -> Option<&Arc<str>>| -> Vec<String> {
        let mut ids: Vec<&str> =
            kind.supports.iter().filter_map(|it| of(it)).map(|it| &**it).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().take(MAX_EVENT_IDS).map(str::to_owned).collect()
    };
    let ids = if support.blocked_id.is_some() {
        ids(|it| it.blocked_id.as_ref())
    } else {
        ids(|it| it.event_id.as_ref())
    };
    Some(Anomaly {
        subject: subject.to_owned(),
        target,
        reason: reason(&oddities, effects, &evidence, observation),
        oddities,
        risk,
        effects: effects.iter().map(|it| it.as_str().to_owned()).collect(),
        events: evidence.n_events,
        refused: evidence.n_blocked,
        units: evidence.n_units,
        sessions: evidence.n_sessions,
        hosts: evidence.n_hosts,
        first_seen: evidence.first,
        last_seen: evidence.last,
        examples: examples.map(|(_, line)| line.chars().take(MAX_EXAMPLE).collect()).collect(),
        event_ids: ids,
        outcome: None,
    })
}

/// What stands out, with its counts.
fn reason(
    oddities: &[Oddity],
    effects: Effects,
    evidence: &Evidence,
    observation: &Observation,
) -> String {
    let count = |n: u64, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let clauses: Vec<String> = oddities
        .iter()
        .map(|oddity| match oddity {
            Oddity::Refused => {
                format!(
                    "was refused in {} of {}",
                    evidence.n_blocked,
                    count(evidence.n_events, "event")
                )
            }
            Oddity::Risky => format!(
                "does what is no routine here ({effects}), in {} of {}",
                evidence.n_units,
                count(observation.units.len() as u64, "unit")
            ),
            Oddity::New => {
                let first = evidence.first.unwrap_or_default();
                format!("is new for this role, first seen {}", first.day())
            }
            Oddity::Burst => format!(
                "came {} in {}",
                count(evidence.n_events, "time"),
                count(evidence.n_units, "unit")
            ),
            Oddity::Rare => {
                format!("ran in one unit of {} only", observation.units.len())
            }
        })
        .collect();
    let text = match clauses.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    };
    format!("It {text}.")
}

#[cfg(test)]
mod tests;
