//! The readiness forecast against the day that came.
use serde::Serialize;

use crate::{
    clusters::observe,
    events::{Day, Tally},
    evidence::{DEFAULT_TOLERANCE, Readiness, acts_by_day, forecast, unseen_on},
};

/// What was forecast for the day after a cut, and what came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Foresight {
    /// The forecast.
    #[serde(flatten)]
    pub readiness: Readiness,
    /// Acts on the first day with activity after the cut: the rest of the day that was cut, where
    /// there is one.
    pub came_acts: u64,
    /// Share of these whose kind had not been seen, 0 to 1.
    pub came_unseen: f64,
}

impl Foresight {
    /// Whether the interval holds what came, to the four decimals it is stated with.
    pub fn is_held(&self) -> bool {
        let Readiness { unseen_low, unseen_high, .. } = self.readiness;
        unseen_low - 5e-5 <= self.came_unseen && self.came_unseen <= unseen_high + 5e-5
    }
}

/// The forecast from `learned` for the first day of `later`; `None` where nothing ran in either.
pub(super) fn foresee(learned: &[Tally], later: &[Tally]) -> Option<Foresight> {
    let last = learned.iter().map(|it| it.unit.day).max()?;
    let first = later.iter().map(|it| it.unit.day).min()?;
    // The rest of the day that was cut is a day of its own.
    let shift = i32::from(first <= last);
    let mut tallies = learned.to_vec();
    tallies.extend(later.iter().filter(|it| it.unit.day == first).cloned().map(|mut tally| {
        tally.unit.day = Day(tally.unit.day.0.saturating_add(shift));
        tally
    }));
    // Read together, so that kinds are the same on both sides.
    let mut days = acts_by_day(&observe(&tallies));
    let tomorrow = days.remove(&Day(first.0.saturating_add(shift)))?;
    let readiness = forecast(&days, DEFAULT_TOLERANCE)?;
    Some(Foresight {
        readiness,
        came_acts: tomorrow.iter().flatten().count() as u64,
        came_unseen: unseen_on(&days, &tomorrow),
    })
}
