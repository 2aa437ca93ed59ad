//! What a suggestion would have done to later activity: learn on a part of a window, decide the rest.
mod attacks;
mod calibration;
mod gather;
mod judged;
mod picture;
mod replay;
mod stops;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    analyze::{Seen, advise},
    suggest::Advice,
};
use crate::{
    batch::Summary,
    events::{Tally, Timestamp},
    policy::Role,
    review::{BadVerdict, Conflict, Verdict, merge, rule_on},
    risk::RiskLevel,
};

pub use attacks::{Attacks, ClassAttacks, attacks};
pub use calibration::{Bin, Calibration, NAIVE, Naive, Scores, calibrate};
pub use gather::{Experiment, Start, run};
pub use judged::{Judged, Outcomes};
pub use picture::picture;
pub use replay::{Coverage, DayCoverage, Refused, Replay, Replayed, replay};
pub use stops::{Stop, StopExample};

/// The version of the JSON that [`Report`] prints.
pub const SCHEMA_VERSION: &str = "1.0";

/// Everything that was tried, and how the stated confidence did over all of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: &'static str,
    /// One a role and cut: roles as they were named, cuts ascending.
    pub runs: Vec<Backtest>,
    /// Over the changes of all runs.
    pub calibration: Calibration,
}

/// One learning and what came after it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backtest {
    /// The role.
    pub role: String,
    /// Its revision; `null` where it began without rules.
    pub role_revision: Option<u64>,
    /// Share of the events that ran, 0 to 1, which were learned from.
    pub cut: f64,
    /// First instant that was not learned from.
    pub at: Timestamp,
    /// What was learned from.
    pub learned: Part,
    /// What came after it.
    pub later: Part,
    /// Why nothing was suggested; the later part is decided by the role as it is then.
    pub silence: Option<String>,
    /// What was suggested, all of which was accepted.
    pub suggested: Option<Suggested>,
    /// Rules that the role has with it, MCP rules included.
    pub rules: u64,
    /// The later part by the role with the suggestion.
    #[serde(flatten)]
    pub replay: Replay,
    /// The later part by the role without it.
    pub without: Coverage,
    /// Examples of attacks, by the role with the suggestion.
    pub attacks: Attacks,
    /// Stated confidence against what came of it.
    pub calibration: Calibration,
    /// Every change and whether it proved right.
    pub changes: Vec<Judged>,
}

/// How much activity a part of the window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Part {
    /// Events, refused ones included.
    pub events: u64,
    /// Distinct sessions.
    pub sessions: u64,
    /// Distinct hosts.
    pub hosts: u64,
    /// Hours from its first event to its last.
    pub hours: f64,
}

/// A batch in a few figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggested {
    /// Changes of each kind.
    pub summary: Summary,
    /// The batch's confidence, 0 to 1.
    pub confidence: f64,
    /// The batch's risk.
    pub risk: RiskLevel,
}

/// Why the suggestion could not be taken as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Untaken {
    /// A change could not be accepted.
    #[error("the suggestion cannot be accepted as a whole")]
    Verdict(#[from] BadVerdict),
    /// A change did not fit the role it was made for.
    #[error("the suggestion does not fit its own role: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Conflicts(Vec<Conflict>),
}

/// Learns from `seen`, accepts everything, and decides `later` with what comes of it; pure.
///
/// `cut` is only reported, as is `at`, the first instant of `later`. `variables` are those of each host; a host that
/// is not there has none. Trust in remote endpoints is not part of a tally, so the threshold of a
/// role stops nothing here.
///
/// # Errors
/// Where the suggestion cannot be applied to the role it was made for.
pub fn backtest(
    seen: &Seen,
    later: &[Tally],
    variables: &BTreeMap<String, BTreeMap<String, String>>,
    cut: f64,
    at: Timestamp,
) -> Result<Backtest, Untaken> {
    let advice = advise(seen);
    let (role, batch, silence) = match advice {
        Advice::Nothing(silence) => (seen.role.clone(), None, Some(silence.to_string())),
        Advice::Batch(mut batch) => {
            rule_on(&mut batch, &Verdict::Accept { changes: Vec::new() })?;
            let role = merge(&seen.role, &seen.role, &batch).map_err(Untaken::Conflicts)?;
            (role, Some(batch), None)
        }
    };
    let replayed = replay(&seen.role, &role, &seen.tallies, later, variables);
    let changes = batch.as_ref().map(|it| replayed.outcomes.judge(&it.changes)).unwrap_or_default();
    Ok(Backtest {
        role: role.name.clone(),
        role_revision: (seen.role.revision > 0).then_some(seen.role.revision),
        cut,
        at,
        learned: part(&seen.tallies),
        later: part(later),
        silence,
        suggested: batch.map(|it| Suggested {
            summary: it.summary,
            confidence: it.confidence,
            risk: it.risk,
        }),
        rules: n_rules(&role),
        without: replayed.without,
        attacks: attacks(&role),
        calibration: calibrate(&changes),
        replay: replayed.replay,
        changes,
    })
}

fn n_rules(role: &Role) -> u64 {
    (role.rules.len() + role.mcp_rules.len()) as u64
}

fn part(tallies: &[Tally]) -> Part {
    let mut sessions: Vec<(&str, &str)> =
        tallies.iter().map(|it| (&*it.unit.hostname, &*it.unit.session_id)).collect();
    sessions.sort_unstable();
    sessions.dedup();
    let mut hosts: Vec<&str> = sessions.iter().map(|(host, _)| *host).collect();
    hosts.dedup();
    let first = tallies.iter().map(|it| it.first).min();
    let last = tallies.iter().map(|it| it.last).max();
    let hours = first.zip(last).map_or(0.0, |(first, last)| last.hours_since(first));
    Part {
        events: tallies.iter().map(|it| it.n_events).sum(),
        sessions: sessions.len() as u64,
        hosts: hosts.len() as u64,
        hours: (hours * 100.0).round() / 100.0,
    }
}

#[cfg(test)]
mod tests;
