//! What stands out in the activity: refused, risky, new, repeated or rare; told to the reviewer, and
//! no ground for an allow.
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{RiskLevel, Target};
use crate::{
    clusters::{McpUse, Observation, Support},
    events::{Timestamp, text_forms},
    evidence::Evidence,
    policy::{Pattern, RuleAction},
    risk::{Effects, Guard, guards, stake},
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
const MIN_UNITS: u64 = 10;

/// A high-risk act in so many units is an anomaly no more: it is asked for by a change.
const ROUTINE_UNITS: u64 = 3;

/// A burst has at least so many events, and at least so many in a unit on average, in at most so
/// many units.
const BURST_EVENTS: u64 = 20;
const BURST_EVENTS_A_UNIT: u64 = 10;
const BURST_UNITS: u64 = 2;

/// A drip has so many days, and at most so many events in each on average.
const DRIP_DAYS: u64 = 5;
const DRIP_EVENTS_A_DAY: u64 = 3;

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
    /// It is risky and came back day after day, a little each time, from one host: too little to
    /// stand out in a day.
    Drip,
    /// Few units did it over and over.
    Burst,
    /// One unit did it, and it changes something.
    Rare,
}

text_forms!(Oddity {
    Refused = "refused",
    Risky = "risky",
    New = "new",
    Drip = "drip",
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

/// Patterns of the guards against what cannot be undone, by the binary that they name. Those that
/// name none are left out: they would be tried on every line, and effects know what they are about.
static DANGERS: LazyLock<BTreeMap<String, Vec<(&'static Guard, Pattern)>>> = LazyLock::new(|| {
    let mut dangers: BTreeMap<String, Vec<(&Guard, Pattern)>> = BTreeMap::new();
    let denying = guards().iter().filter(|it| it.level == RiskLevel::Critical);
    for guard in denying.filter(|it| it.action.is_stop()) {
        for pattern in guard.patterns.iter().map(|it| Pattern::new(it)) {
            if let Some(word) = pattern.first_word().map(str::to_owned) {
                dangers.entry(word).or_default().push((guard, pattern));
            }
        }
    }
    dangers
});

/// The first guard that denies a line, by its place among the guards.
fn danger(line: &str) -> Option<&'static Guard> {
    let word = line.split(' ').next()?;
    let found = DANGERS.get(word)?.iter().find(|(guard, pattern)| {
        pattern.matches(line) && !guard.except.iter().any(|it| Pattern::new(it).matches(line))
    });
    found.map(|(guard, _)| *guard)
}

/// Finds what stands out. An activity is what lines begin with together with what they do, or an MCP
/// tool.
///
/// `accepted_until` is the end of the window of the last batch that went into the role: what was first
/// seen since is new. Where that lies outside of the observation, the last part of it is.
pub fn anomalies(observation: &Observation, accepted_until: Option<Timestamp>) -> Anomalies {
    let dangers: Vec<Option<&Guard>> =
        observation.uses.par_iter().map(|seen| danger(&seen.line)).collect();
    let mut kinds: BTreeMap<(Target, &str, Effects, &str), Kind<'_>> = BTreeMap::new();
    let mut binaries: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for (seen, danger) in observation.uses.iter().zip(dangers) {
        let title = danger.map_or("", |it| it.title);
        let key = (Target::Command, seen.stem.pattern.as_str(), seen.effects, title);
        let kind = kinds.entry(key).or_default();
        kind.supports.push(&seen.support);
        kind.lines.push((&seen.support, seen.line.clone()));
        kind.binary = &seen.stem.binary;
        if let Some(first) = seen.support.first {
            let known = binaries.entry(&seen.stem.binary).or_insert(first);
            *known = first.min(*known);
        }
    }
    let tools: Vec<String> = observation.mcp_uses.iter().map(McpUse::name).collect();
    for (seen, tool) in observation.mcp_uses.iter().zip(&tools) {
        let kind = kinds.entry((Target::Mcp, tool, seen.effects, "")).or_default();
        kind.supports.push(&seen.support);
        kind.lines.push((&seen.support, tool.clone()));
    }
    let late = late(observation, accepted_until);
    let is_accepted = |first: Option<Timestamp>| {
        accepted_until.is_some_and(|until| first.is_some_and(|first| first <= until))
    };
    let mut found: Vec<Anomaly> = kinds
        .into_iter()
        .filter_map(|((target, subject, effects, danger), kind)| {
            let is_new = |first: Option<Timestamp>| late.is_some_and(|late| first >= Some(late));
            let is_new_binary = is_new(binaries.get(kind.binary).copied());
            let support = Support::of_all(kind.supports.iter().copied());
            let signs = Signs {
                risk: if danger.is_empty() { stake(effects) } else { RiskLevel::Critical },
                effects,
                danger,
                is_new: is_new(support.first),
                is_accepted: is_accepted(support.first),
                is_new_binary,
                n_window_units: observation.units.len() as u64,
                evidence: Evidence::of_support(&support, observation),
            };
            anomaly(target, subject, &kind, &signs)
        })
        .collect();
    found.sort_by(|a, b| {
        let key = |it: &Anomaly| {
            let is_refused = it.oddities.contains(&Oddity::Refused);
            let is_drip = it.oddities.contains(&Oddity::Drip);
            (std::cmp::Reverse((is_drip, it.risk, is_refused, it.oddities.len())), it.units)
        };
        key(a).cmp(&key(b)).then_with(|| (a.target, &a.subject).cmp(&(b.target, &b.subject)))
    });
    let more = found.len().saturating_sub(MAX_ANOMALIES) as u64;
    found.truncate(MAX_ANOMALIES);
    Anomalies { listed: found, more }
}

/// From when on what is seen for the first time is new; `None` where too little came before.
fn late(observation: &Observation, accepted_until: Option<Timestamp>) -> Option<Timestamp> {
    let (first, last) = (observation.first?, observation.last?);
    if let Some(until) = accepted_until.filter(|it| (first..last).contains(it)) {
        return Some(until);
    }
    let hours = last.hours_since(first);
    (hours >= MIN_HOURS).then(|| last.plus_hours(-hours / NEW_PARTS))
}

/// What may make an activity stand out.
#[derive(Debug)]
struct Signs<'a> {
    risk: RiskLevel,
    effects: Effects,
    /// What the guard is about that denies it; empty where none does.
    danger: &'a str,
    /// Whether it was first seen at the end of the window.
    is_new: bool,
    /// Whether it was there when a reviewer last accepted changes.
    is_accepted: bool,
    /// Whether its binary was.
    is_new_binary: bool,
    /// Units of the whole window.
    n_window_units: u64,
    evidence: Evidence,
}

impl Signs<'_> {
    fn is_drip(&self) -> bool {
        let Evidence { n_events, n_days, n_hosts, .. } = self.evidence;
        self.risk >= RiskLevel::High
            && !self.is_accepted
            && n_hosts == 1
            && n_days >= DRIP_DAYS
            && n_events <= DRIP_EVENTS_A_DAY * n_days
    }

    fn oddities(&self) -> Vec<Oddity> {
        let Evidence { n_events, n_units, n_blocked, .. } = self.evidence;
        let is_routine = n_units >= ROUTINE_UNITS;
        let is_burst = n_events >= BURST_EVENTS
            && n_events >= BURST_EVENTS_A_UNIT * n_units.max(1)
            && n_units <= BURST_UNITS;
        let changes_something = self.risk >= RiskLevel::Medium;
        let signs = [
            (Oddity::Refused, n_blocked > 0),
            (
                Oddity::Risky,
                self.risk == RiskLevel::Critical || self.risk == RiskLevel::High && !is_routine,
            ),
            (Oddity::New, self.is_new && (self.is_new_binary || changes_something)),
            (Oddity::Drip, self.is_drip()),
            (Oddity::Burst, is_burst),
            (Oddity::Rare, n_units == 1 && changes_something && self.n_window_units >= MIN_UNITS),
        ];
        signs.into_iter().filter(|(_, is_so)| *is_so).map(|(oddity, _)| oddity).collect()
    }
}

fn anomaly(target: Target, subject: &str, kind: &Kind<'_>, signs: &Signs<'_>) -> Option<Anomaly> {
    let oddities = signs.oddities();
    if oddities.is_empty() {
        return None;
    }
    let evidence = &signs.evidence;
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
    let ids = if evidence.n_blocked > 0 {
        ids(|it| it.blocked_id.as_ref())
    } else {
        ids(|it| it.event_id.as_ref())
    };
    Some(Anomaly {
        subject: subject.to_owned(),
        target,
        reason: reason(&oddities, signs),
        oddities,
        risk: signs.risk,
        effects: signs.effects.iter().map(|it| it.as_str().to_owned()).collect(),
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
fn reason(oddities: &[Oddity], signs: &Signs<'_>) -> String {
    let Signs { evidence, n_window_units, .. } = signs;
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
            Oddity::Risky => {
                let what = if signs.danger.is_empty() {
                    format!("does what is no routine ({})", signs.effects)
                } else {
                    format!("does what no role lets pass ({})", signs.danger)
                };
                format!("{what} in {} of {}", evidence.n_units, count(*n_window_units, "unit"))
            }
            Oddity::New => {
                let first = evidence.first.unwrap_or_default();
                format!("is new for this role, first seen {}", first.day())
            }
            Oddity::Drip => format!(
                "came back on {}, a little each time, from one host",
                count(evidence.n_days, "day")
            ),
            Oddity::Burst => format!(
                "came {} in {}",
                count(evidence.n_events, "time"),
                count(evidence.n_units, "unit")
            ),
            Oddity::Rare => {
                format!("ran in one unit of {n_window_units} only")
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
