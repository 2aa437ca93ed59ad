//! How probable it is that a change proves right over a next window as long as this one.
use statrs::distribution::{Beta, ContinuousCDF as _, Discrete as _, NegativeBinomial};

use crate::{clusters::Observation, evidence::Evidence};

/// What one unit counts towards the rate of the next window; below one, because sessions of one
/// piece of work follow each other and then stop.
///
/// # Source
/// Fitted by hand to time-split backtests of two real roles; the fit is the subject of `backtest`.
const UNIT_WEIGHT: f64 = 0.75;

/// Probability that an allowed activity is needed again.
///
/// The units of the window are taken as a Poisson count with an unknown rate; after `n` units the
/// next window's count is negative binomial with shape `n` and even odds, so no unit follows with
/// probability `0.5^n`. Units are discounted by `UNIT_WEIGHT`, and once more for what was last
/// seen in the first half of the window.
///
/// # Source
/// Gamma-Poisson predictive distribution; Gelman et al., Bayesian Data Analysis, section 2.6.
pub fn allow_confidence(evidence: &Evidence, observation: &Observation) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let n_units = evidence.n_units as f64;
    let weight = UNIT_WEIGHT * recency(evidence, observation);
    if n_units * weight <= 0.0 {
        return 0.0;
    }
    let none = NegativeBinomial::new(n_units * weight, 0.5).map_or(1.0, |next| next.pmf(0));
    round(1.0 - none)
}

/// Probability that a rule which stops things stops nothing legitimate.
///
/// Of `n_units` units that could have been stopped, `n_stopped` would have been: the posterior mean
/// chance of a stop in one unit is `(stopped + 1/2) / (units + 1)`, and the rule is right where none
/// of as many later units is stopped. The median of the beta posterior stands for the chance.
///
/// # Source
/// Jeffreys prior for a binomial proportion.
pub fn stop_confidence(n_stopped: u64, n_units: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let (stopped, units) = (n_stopped as f64, n_units as f64);
    let median = Beta::new(stopped + 0.5, (units - stopped).max(0.0) + 0.5)
        .map_or(1.0, |posterior| posterior.inverse_cdf(0.5));
    round((1.0 - median).powf(units.max(1.0)))
}

/// Probability that a guard pattern which met nothing in the window meets nothing legitimate next.
///
/// Guards name dangerous forms, so the prior is far better than even: one pattern in fifty meets
/// legitimate work in a window. What was watched without a hit adds to that.
///
/// # Source
/// Time-split backtests of two real roles: 2 to 5 of 250 such patterns met later activity.
pub fn quiet_confidence(n_units: u64) -> f64 {
    const PRIOR_MEETS: f64 = 1.0;
    const PRIOR_QUIET: f64 = 49.0;
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let watched = (n_units as f64).min(PRIOR_QUIET).sqrt();
    round((PRIOR_QUIET + watched) / (PRIOR_MEETS + PRIOR_QUIET + watched))
}

/// Probability that the next use of something falls inside what was seen of it: one less the share
/// of what was seen once.
///
/// # Source
/// Good-Turing estimate of the unseen mass; Good, Biometrika 40 (1953).
pub fn covered_confidence(n_seen_once: u64, n_units: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let unseen = (n_seen_once as f64 + 0.5) / (n_units as f64 + 1.0);
    round(1.0 - unseen)
}

/// 1 for what was seen in the last half of the window, falling to 1/2 for what ended at its start.
fn recency(evidence: &Evidence, observation: &Observation) -> f64 {
    let (Some(first), Some(last), Some(seen)) =
        (observation.first, observation.last, evidence.last)
    else {
        return 1.0;
    };
    let hours = last.hours_since(first);
    if hours <= 0.0 {
        return 1.0;
    }
    (0.7 + seen.hours_since(first) / hours).clamp(0.7, 1.0)
}

/// Two decimals, never certain.
fn round(probability: f64) -> f64 {
    (probability.clamp(0.01, 0.99) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(n_units: u64) -> f64 {
        let evidence = Evidence { n_units, ..Evidence::default() };
        allow_confidence(&evidence, &Observation::default())
    }

    #[test]
    fn more_units_give_more_confidence_and_events_give_none() {
        assert!(allow(1) < 0.5 && allow(2) > 0.6 && allow(8) > 0.95);
        assert!((1..50).all(|n| allow(n) <= allow(n + 1)));
        let repeated = Evidence { n_units: 1, n_events: 10_000, ..Evidence::default() };
        assert!((allow_confidence(&repeated, &Observation::default()) - allow(1)).abs() < 1e-12);
    }

    #[test]
    fn what_stopped_nothing_is_likely_to_stop_nothing() {
        assert!(stop_confidence(0, 100) > 0.75);
        assert!(stop_confidence(3, 100) < 0.1);
    }
}
