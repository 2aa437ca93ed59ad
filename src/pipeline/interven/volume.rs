//! Whether an agent calls far more often than it used to, against its own hours.
use std::collections::BTreeMap;

use crate::events::Timestamp;

/// One hour, in microseconds.
const HOUR_US: i64 = 3_600_000_000;

/// Hours with calls that an agent must have behind it before anything is a burst.
const MIN_HOURS: usize = 5;

/// Calls of an hour up to which it is never a burst.
const MIN_CALLS: u64 = 10;

/// Deviations above the median from which on an hour is a burst.
const DEVIATIONS: f64 = 3.0;

/// What makes a median absolute deviation a standard deviation where values are normal.
const CONSISTENCY: f64 = 1.4826;

/// What agents did by the hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Volumes(BTreeMap<String, BTreeMap<i64, Hour>>);

/// The calls of an hour.
#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    /// All that were asked for.
    n_asked: u64,
    /// Those that ran.
    n_ran: u64,
}

impl Volumes {
    /// Counts a call that is asked for; whether the agent's calls of this hour are more than the median
    /// of its earlier hours with calls that ran, and three deviations.
    ///
    /// The deviation is the median one from the median, so that hours that were a burst do not make the
    /// next one ordinary, while a new habit becomes one once it fills half of the hours. It is at least
    /// the root of the median, as if calls came by themselves (Poisson), so that a few even hours do not
    /// make the next call a burst.
    ///
    /// # Source
    /// Leys et al., "Detecting outliers", J. Experimental Social Psychology 49 (2013): median and median
    /// absolute deviation, three deviations, 1.4826.
    pub(super) fn ask(&mut self, agent: &str, at: Timestamp) -> bool {
        let hours = self.0.entry(agent.to_owned()).or_default();
        let hour = hour_of(at);
        let asked = hours.entry(hour).or_default();
        asked.n_asked += 1;
        let n_calls = asked.n_asked;
        let earlier = hours.range(..hour).map(|(_, it)| as_float(it.n_ran));
        let earlier: Vec<f64> = earlier.filter(|n| *n > 0.0).collect();
        if earlier.len() < MIN_HOURS || n_calls <= MIN_CALLS {
            return false;
        }
        let middle = median(earlier.clone());
        let deviation = median(earlier.iter().map(|it| (it - middle).abs()).collect());
        as_float(n_calls) > middle + DEVIATIONS * (CONSISTENCY * deviation).max(middle.sqrt())
    }

    /// Notes that a call ran.
    pub(super) fn ran(&mut self, agent: &str, at: Timestamp) {
        let hours = self.0.entry(agent.to_owned()).or_default();
        hours.entry(hour_of(at)).or_default().n_ran += 1;
    }
}

const fn hour_of(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR_US)
}

/// The middle of some values; of an even number the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let at = |idx: usize| values.get(idx).copied().unwrap_or_default();
    if values.len() % 2 == 1 {
        at(half)
    } else {
        f64::midpoint(at(half.saturating_sub(1)), at(half))
    }
}

#[expect(clippy::cast_precision_loss, reason = "calls of an hour")]
fn as_float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_a_burst_against_the_agents_own_hours() {
        let mut volumes = Volumes::default();
        let mut note = |agent: &str, hour: i64, n: i64| {
            let bursts = (0..n).map(|idx| {
                let at = Timestamp(hour * HOUR_US + idx);
                let is_burst = volumes.ask(agent, at);
                volumes.ran(agent, at);
                is_burst
            });
            bursts.filter(|it| *it).count()
        };
        for hour in 0..6 {
            assert_eq!(note("a", hour, 9), 0);
        }
        // Median 9, deviation 3: more than 18 calls are too many.
        assert_eq!(note("a", 6, 18), 0);
        assert_eq!(note("a", 7, 40), 40 - 18);
        assert_eq!(note("a", 8, 40), 40 - 18, "one burst does not excuse the next");
        // What is so in half of the hours is how the agent works now.
        for hour in 9..14 {
            note("a", hour, 40);
        }
        assert_eq!(note("a", 14, 40), 0);
        // Another agent has no history yet.
        assert_eq!(note("b", 7, 500), 0);
        // Ten calls are never a burst.
        for hour in 0..6 {
            note("c", hour, 1);
        }
        assert_eq!((note("c", 6, 10), note("c", 7, 11)), (0, 1));
    }

    #[test]
    fn what_never_ran_is_no_history() {
        let mut volumes = Volumes::default();
        for hour in 0..6 {
            for idx in 0..50 {
                volumes.ask("a", Timestamp(hour * HOUR_US + idx));
            }
            volumes.ran("a", Timestamp(hour * HOUR_US));
        }
        let bursts = (0..50).filter(|idx| volumes.ask("a", Timestamp(6 * HOUR_US + idx))).count();
        assert_eq!(bursts, 40);
    }
}
