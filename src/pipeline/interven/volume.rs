//! Whether an agent calls far more often than it used to, against its own hours.
use std::collections::BTreeMap;

use crate::events::Timestamp;

/// One hour, in microseconds.
const HOUR_US: i64 = 3_600_000_000;

/// Hours with calls that an agent must have behind it before anything is a burst.
const MIN_HOURS: usize = 5;

/// Calls below which an hour is never a burst.
const MIN_CALLS: u64 = 10;

/// Standard deviations above the mean from which on an hour is a burst.
const DEVIATIONS: f64 = 3.0;

/// What agents did by the hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Volumes(BTreeMap<String, BTreeMap<i64, u64>>);

impl Volumes {
    /// Notes a call; whether the agent's calls of this hour are more than the mean of its earlier
    /// hours with calls and three standard deviations.
    ///
    /// The variance is at least the mean, as if calls came by themselves (Poisson), so that a few even
    /// hours do not make the next call a burst.
    pub(super) fn note(&mut self, agent: &str, at: Timestamp) -> bool {
        let hours = self.0.entry(agent.to_owned()).or_default();
        let hour = at.0.div_euclid(HOUR_US);
        let n_calls = hours.entry(hour).or_default();
        *n_calls += 1;
        let n_calls = *n_calls;
        let earlier: Vec<f64> = hours.range(..hour).map(|(_, n)| as_float(*n)).collect();
        if earlier.len() < MIN_HOURS || n_calls < MIN_CALLS {
            return false;
        }
        let n = as_float(earlier.len() as u64);
        let mean = earlier.iter().sum::<f64>() / n;
        let variance = earlier.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (n - 1.0);
        as_float(n_calls) > mean + DEVIATIONS * variance.max(mean).sqrt()
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
            let call = |idx| Timestamp(hour * HOUR_US + idx);
            (0..n).map(|idx| volumes.note(agent, call(idx))).filter(|it| *it).count()
        };
        for hour in 0..6 {
            assert_eq!(note("a", hour, 9), 0);
        }
        // Mean 9, deviation 3: more than 18 calls are too many.
        assert_eq!(note("a", 6, 18), 0);
        assert_eq!(note("a", 7, 40), 40 - 20, "what was a full hour before counts, too");
        // Another agent has no history yet.
        assert_eq!(note("b", 7, 500), 0);
    }
}
