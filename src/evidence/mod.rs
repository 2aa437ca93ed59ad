//! What speaks for a cluster: counts that repetition inside one session cannot raise.
mod readiness;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    clusters::{Observation, Support, Use},
    events::{Outcome, Timestamp, Unit},
};

pub use readiness::{
    DEFAULT_TOLERANCE, Days, Readiness, Trend, acts_by_day, forecast, readiness, unseen_on,
};

/// A count, to compute with.
pub(crate) fn float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of what was seen are far below 2^52")]
    let count = count as f64;
    count
}

/// Most examples that are kept.
const MAX_EXAMPLES: usize = 3;

/// Most shapes that are kept.
const MAX_SHAPES: usize = 8;

/// Longest example, in characters.
const MAX_EXAMPLE: usize = 160;

/// What was seen of something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Events, blocked ones included.
    pub n_events: u64,
    /// Events that were blocked.
    pub n_blocked: u64,
    /// Distinct units (session x host x day) that speak for it.
    pub n_units: u64,
    /// Distinct hosts among these.
    pub n_hosts: u64,
    /// Distinct sessions among these.
    pub n_sessions: u64,
    /// Distinct days among these.
    pub n_days: u64,
    /// First seen.
    pub first: Option<Timestamp>,
    /// Last seen.
    pub last: Option<Timestamp>,
    /// Events by what became of them.
    pub outcomes: BTreeMap<String, u64>,
    /// Real lines, those seen in most units first.
    pub examples: Vec<String>,
    /// Shapes with their events, most frequent first.
    pub shapes: Vec<(String, u64)>,
}

impl Evidence {
    /// The evidence of uses taken together.
    pub fn of_uses(uses: &[&Use], observation: &Observation) -> Self {
        let mut evidence = Self::of_counts(uses, observation);
        evidence.illustrate(uses);
        evidence
    }

    /// The counts of uses taken together, without examples.
    pub fn of_counts(uses: &[&Use], observation: &Observation) -> Self {
        let support = Support::of_all(uses.iter().map(|seen| &seen.support));
        Self::of_support(&support, observation)
    }

    /// Puts in examples and shapes of the uses it stands on.
    pub fn illustrate(&mut self, uses: &[&Use]) {
        let mut shapes: BTreeMap<&str, u64> = BTreeMap::new();
        for seen in uses {
            *shapes.entry(&seen.shape).or_default() += seen.support.n_events;
        }
        let mut by_units: Vec<&&Use> = uses.iter().collect();
        let often_first = |a: &&&Use, b: &&&Use| {
            let n_units = b.support.n_units().cmp(&a.support.n_units());
            n_units.then_with(|| a.line.cmp(&b.line))
        };
        if by_units.len() > MAX_EXAMPLES {
            by_units.select_nth_unstable_by(MAX_EXAMPLES, often_first);
            by_units.truncate(MAX_EXAMPLES);
        }
        by_units.sort_by(often_first);
        let mut shapes: Vec<(String, u64)> =
            shapes.into_iter().map(|(shape, n_events)| (shape.to_owned(), n_events)).collect();
        shapes.sort_by_key(|(shape, n_events)| (std::cmp::Reverse(*n_events), shape.clone()));
        shapes.truncate(MAX_SHAPES);
        self.examples = by_units.iter().map(|seen| shorten(&seen.line)).collect();
        self.shapes = shapes;
    }

    /// The counts of everything in the window.
    pub fn of_units(observation: &Observation) -> Self {
        let all = 0..u32::try_from(observation.units.len()).unwrap_or(u32::MAX);
        let mut support = Support::default();
        support.units.extend(all);
        Self::of_support(&support, observation)
    }

    /// The counts of a support, without examples.
    pub fn of_support(support: &Support, observation: &Observation) -> Self {
        // Units are sorted by host, then session: a new one begins where it differs from the last.
        let units = support.units.iter().filter_map(|&unit| observation.units.get(unit as usize));
        let (mut n_hosts, mut n_sessions) = (0, 0);
        let mut days = BTreeSet::new();
        let mut last: Option<&Unit> = None;
        for unit in units {
            let is_new_host = last.is_none_or(|last| last.hostname != unit.hostname);
            if is_new_host || last.is_none_or(|last| last.session_id != unit.session_id) {
                n_sessions += 1;
            }
            n_hosts += u64::from(is_new_host);
            days.insert(unit.day);
            last = Some(unit);
        }
        let blocked = support.outcomes().find(|(outcome, _)| *outcome == Outcome::Blocked);
        Self {
            n_events: support.n_events,
            n_blocked: blocked.map_or(0, |(_, n_events)| n_events),
            n_units: support.units.len() as u64,
            n_hosts,
            n_sessions,
            n_days: days.len() as u64,
            first: support.first,
            last: support.last,
            outcomes: support.outcomes().map(|(it, n)| (it.to_string(), n)).collect(),
            examples: Vec::new(),
            shapes: Vec::new(),
        }
    }
}

/// A line, cut where it is too long to read.
fn shorten(line: &str) -> String {
    if line.chars().count() <= MAX_EXAMPLE {
        return line.to_owned();
    }
    let head: String = line.chars().take(MAX_EXAMPLE).collect();
    format!("{head}...")
}
