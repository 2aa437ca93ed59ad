//! The whole way from what was seen to a suggestion batch: one pure function, a line a stage.
use std::{collections::BTreeMap, fmt};

use super::findings::findings;
use crate::{
    batch::{Findings, LeftOut, Meta, SuggestionBatch, Window, assemble},
    changes::{ledger, propose},
    clusters::{cluster, observe},
    events::{Day, Tally, Timestamp},
    evidence::Evidence,
    feedback::Background,
    policy::Role,
    synthesis::{Stops, synthesize},
};

/// What an analysis may look at, besides the activity.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// First instant of the window.
    pub from: Timestamp,
    /// Last instant of the window.
    pub to: Timestamp,
    /// The first day of which there is activity, where there was no room for earlier ones.
    pub since: Option<Day>,
    /// When the batch is made.
    pub generated_at: Timestamp,
    /// Hours of activity that a suggestion needs.
    pub minimum_hours: f64,
    /// Changes below this confidence, 0 to 1, are left out.
    pub confidence_threshold: f64,
}

/// Most kinds of activity that are named of those for which there is no room.
const MAX_LEFT_OUT: usize = 5;

/// What an analysis comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Advice {
    /// Changes to review.
    Batch(Box<SuggestionBatch>),
    /// Nothing to say, and why.
    Nothing(Silence),
}

/// Why there is no batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Silence {
    /// The advisor is switched off for the role.
    Disabled,
    /// No event of the role lies in the window.
    NoActivity,
    /// Too little was seen.
    WindowTooShort {
        /// Hours from the first event to the last.
        hours: f64,
        /// Hours that are needed.
        minimum_hours: f64,
    },
    /// The newest days alone are more than an analysis takes.
    TooMuch {
        /// The first day for which there is room.
        since: Day,
        /// Who did most different things: host, session, how many.
        busiest: Option<(String, String, u64)>,
    },
    /// The rules say already what the activity asks for.
    NothingToChange,
    /// Every change was rejected before, and its evidence is the same.
    RejectedBefore {
        /// How many.
        n_changes: u64,
    },
    /// No change is sure enough.
    BelowThreshold {
        /// How many there are.
        n_changes: u64,
        /// What they would need, 0 to 1.
        confidence_threshold: f64,
    },
}

/// Proposes changes for one role. Same input, same batch, byte for byte, whatever the order.
///
/// `background` is what is known besides: what reviewers decided, and what came of it.
pub fn suggest(role: &Role, tallies: &[Tally], params: &Params, background: &Background) -> Advice {
    let observation = observe(tallies);
    let since = params.since.max(observation.since);
    let (Some(first), Some(last)) = (observation.first, observation.last) else {
        return Advice::Nothing(since.map_or(Silence::NoActivity, |it| too_much(it, tallies)));
    };
    let hours = last.hours_since(first);
    if hours < params.minimum_hours {
        let minimum_hours = params.minimum_hours;
        let too_short = Silence::WindowTooShort { hours, minimum_hours };
        return Advice::Nothing(since.map_or(too_short, |it| too_much(it, tallies)));
    }
    let from = since.map_or(params.from, |it| params.from.max(it.start()));
    let clusters = cluster(&observation);
    let stops = Stops::new(&observation);
    let threshold = params.confidence_threshold;
    let synthesis = synthesize(&clusters, &observation, &stops, &background.lessons, threshold);
    let ledger = ledger(role, &observation, background);
    let drafts =
        propose(role, &synthesis.candidates, &stops, &observation, background, &ledger, threshold);
    let everything = Evidence::of_units(&observation);
    let meta = Meta {
        role: role.name.clone(),
        role_revision: role.revision,
        window: Window { from, to: params.to, hours: (hours * 100.0).round() / 100.0 },
        generated_at: params.generated_at,
        hosts: everything.n_hosts,
        sessions: everything.n_sessions,
        events: observation.n_events,
        confidence_threshold: params.confidence_threshold,
    };
    let assembled = assemble(&drafts, &meta, &background.lessons);
    if !assembled.batch.changes.is_empty() {
        let mut batch = assembled.batch;
        let left_out = LeftOut {
            below_threshold: assembled.n_below_threshold,
            rejected_before: assembled.n_rejected_before,
            over_budget: synthesis.over_budget.len() as u64,
            activity_before: since.map(Day::start),
            examples: synthesis.over_budget.into_iter().take(MAX_LEFT_OUT).collect(),
        };
        batch.findings =
            Findings { ledger, left_out, ..findings(role, &batch, &observation, background) };
        return Advice::Batch(Box::new(batch));
    }
    Advice::Nothing(match (assembled.n_below_threshold, assembled.n_rejected_before) {
        (0, 0) => Silence::NothingToChange,
        (0, n_changes) => Silence::RejectedBefore { n_changes },
        (n_changes, _) => {
            let confidence_threshold = params.confidence_threshold;
            Silence::BelowThreshold { n_changes, confidence_threshold }
        }
    })
}

/// Why there is no advice where the newest days, from one on, are too few.
fn too_much(since: Day, tallies: &[Tally]) -> Silence {
    let mut n_actions: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for Tally { unit, .. } in tallies {
        *n_actions.entry((&unit.hostname, &unit.session_id)).or_default() += 1;
    }
    let busiest = n_actions.into_iter().max_by_key(|it| it.1);
    let named = |((host, session), n): ((&str, &str), u64)| (host.into(), session.into(), n);
    Silence::TooMuch { since, busiest: busiest.map(named) }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => {
                f.write_str("the advisor is switched off for this role (setting `enabled`)")
            }
            Self::NoActivity => {
                f.write_str("no command or MCP call of this role lies in the window")
            }
            Self::WindowTooShort { hours, minimum_hours } => write!(
                f,
                "the window is too short: {hours:.1} hours of activity so far, \
                 `minimum_observation_window` asks for {minimum_hours:.0}"
            ),
            Self::TooMuch { since, busiest } => {
                write!(
                    f,
                    "more different commands than an analysis takes: there is room for none before \
                     {since}, and `minimum_observation_window` asks for more than that"
                )?;
                let Some((host, session, n_actions)) = busiest else { return Ok(()) };
                write!(
                    f,
                    "; session `{session}` of `{host}` alone did {n_actions} different things"
                )
            }
            Self::NothingToChange => f.write_str("nothing to change: the rules fit what was seen"),
            Self::RejectedBefore { n_changes } => write!(
                f,
                "nothing new: {n_changes} change(s) were rejected before and their evidence is the same"
            ),
            Self::BelowThreshold { n_changes, confidence_threshold } => write!(
                f,
                "{n_changes} change(s) stay below the confidence threshold of {:.0}%",
                confidence_threshold * 100.0
            ),
        }
    }
}
