//! How probable it is that a change proves right over a next window as long as this one.
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF as _, Discrete as _, NegativeBinomial};

use crate::{clusters::Observation, events::text_forms, evidence::Evidence, policy::RuleAction};

/// What one unit counts towards the rate of the next window; below one, because sessions of one
/// piece of work follow each other and then stop.
///
/// # Source
/// Time-split backtests of two real roles, four cuts each: of wide rules seen in 2, 3, 5 to 7, 8 to 14
/// and more units 51%, 67%, 75%, 82% and 97% were needed again. The fit is the subject of `backtest`.
const UNIT_WEIGHT: f64 = 0.7;

/// The same for what a rule would stop, see [`stop_confidence`].
const STOP_WEIGHT: f64 = 0.35;

/// Probability that a kind of work ends with the window, for what was seen least; and the units after
/// which it is half of that.
///
/// # Source
/// As above.
const ENDS: f64 = 0.2;
const ENDS_HALF_UNITS: f64 = 12.0;

/// What one exact line can promise of that, for a line of few units and of [`OFTEN_UNITS`] or more:
/// arguments change more often than tools, but what was the same day after day stays so.
///
/// # Source
/// As above: of exact lines that were proposed from 3 or 4 units 12% were needed again. Of all lines seen in
/// 2, 3 to 4, 5 to 7, 8 to 14, 15 to 29 and more units 26%, 40%, 70%, 80%, 96% and 100% came again.
const EXACT: f64 = 0.15;
const EXACT_OFTEN: f64 = 0.93;
const OFTEN_UNITS: u64 = 8;

/// Tools of every shell. That one of them was used once tells less of the work than of the day, so that
/// it is as likely to come back as another tool that was seen in one unit more.
///
/// # Source
/// POSIX.1-2017, Utilities, and GNU coreutils; as above: 70% of those seen in two units came back, 27% of
/// other tools.
const EVERYDAY: &[&str] = &[
    "awk",
    "basename",
    "cat",
    "chmod",
    "cmp",
    "comm",
    "cp",
    "cut",
    "date",
    "df",
    "diff",
    "dirname",
    "du",
    "expr",
    "file",
    "find",
    "fold",
    "grep",
    "head",
    "iconv",
    "join",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "nl",
    "od",
    "paste",
    "printenv",
    "ps",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sha256sum",
    "shasum",
    "sleep",
    "sort",
    "split",
    "stat",
    "strings",
    "sum",
    "tail",
    "tee",
    "touch",
    "tr",
    "tsort",
    "tty",
    "uname",
    "uniq",
    "wc",
    "which",
    "who",
    "xargs",
];

/// Probability that an allowed activity is needed again.
///
/// The units of the window are taken as a Poisson count with an unknown rate; after `n` units the
/// next window's count is negative binomial with shape `n` and even odds, so no unit follows with
/// probability `0.5^n`. Units are discounted by `UNIT_WEIGHT`, and once more for what was last
/// seen in the first half of the window; and the work may end altogether.
///
/// # Source
/// Gamma-Poisson predictive distribution; Gelman et al., Bayesian Data Analysis, section 2.6.
pub(super) fn allow_confidence(
    evidence: &Evidence,
    binary: &str,
    is_exact: bool,
    observation: &Observation,
) -> f64 {
    confidence_of(&allow_factors(evidence, binary, is_exact, observation))
}

/// The confidence that factors make: their product.
pub fn confidence_of(factors: &[Factor]) -> f64 {
    round(factors.iter().map(|it| it.value).product())
}

/// The same, as the factors whose product it is.
pub fn allow_factors(
    evidence: &Evidence,
    binary: &str,
    is_exact: bool,
    observation: &Observation,
) -> Vec<Factor> {
    if evidence.n_units == 0 {
        return vec![Factor::new(FactorName::Support, 0.0)];
    }
    let n_units = evidence.n_units + u64::from(EVERYDAY.contains(&binary));
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let n_units = n_units as f64;
    let some = |weight: f64| {
        1.0 - NegativeBinomial::new(n_units * weight, 0.5).map_or(1.0, |next| next.pmf(0))
    };
    let support = some(UNIT_WEIGHT);
    let recent = some(UNIT_WEIGHT * recency(evidence, observation));
    let ends = ENDS / (1.0 + n_units / ENDS_HALF_UNITS);
    let mut factors = vec![
        Factor::new(FactorName::Support, support),
        Factor::new(FactorName::Recency, recent / support),
        Factor::new(FactorName::Continuity, 1.0 - ends),
    ];
    let exact = if evidence.n_units < OFTEN_UNITS { EXACT } else { EXACT_OFTEN };
    factors.extend(is_exact.then(|| Factor::new(FactorName::Scope, exact)));
    factors
}

/// What a confidence is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorName {
    /// How many units of session, host and day speak for it.
    Support,
    /// How long ago it was last seen.
    Recency,
    /// That the kind of work goes on.
    Continuity,
    /// How narrow it is.
    Scope,
    /// What became of rules that went away before.
    Regret,
    /// What reviewers made of changes like it.
    Feedback,
}

text_forms!(FactorName {
    Support = "support",
    Recency = "recency",
    Continuity = "continuity",
    Scope = "scope",
    Regret = "regret",
    Feedback = "feedback",
});

/// One factor of a confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// Which.
    pub name: FactorName,
    /// By how much it multiplies what the others give.
    pub value: f64,
}

impl Factor {
    /// A factor.
    pub const fn new(name: FactorName, value: f64) -> Self {
        Self { name, value }
    }

    /// Three decimals are enough to read.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self { value: (self.value * 1000.0).round() / 1000.0, ..self }
    }

    /// What reviewers made of changes like it; none where that changes nothing.
    pub fn of_feedback(before: f64, tempered: f64) -> Option<Self> {
        let is_moved = (before - tempered).abs() > f64::EPSILON && before > 0.0;
        is_moved.then(|| Self::new(FactorName::Feedback, tempered / before))
    }
}

/// Probability that a rule which stops things stops nothing legitimate, where it would have stopped
/// something in `n_stopped` units of the window.
///
/// # Source
/// The chance of no further unit as above, with half the weight, because what would be stopped is what no
/// routine of the role takes: in time-split backtests of two real roles, four cuts each, 21 of 24 rules that
/// would have stopped one unit to three stopped nothing later, and none of four with six and more.
pub fn stop_confidence(n_stopped: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let n_stopped = n_stopped as f64;
    round(0.5_f64.powf(STOP_WEIGHT * n_stopped))
}

/// Probability that nobody misses a rule that decided nothing in `n_units` units: the median of the
/// beta posterior of a use in one unit, for as many units again.
///
/// # Source
/// Jeffreys prior for a binomial proportion.
pub fn unused_confidence(n_units: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let n_units = n_units as f64;
    let median = Beta::new(0.5, n_units + 0.5).map_or(1.0, |posterior| posterior.inverse_cdf(0.5));
    round((1.0 - median).powf(n_units.max(1.0)))
}

/// How often rules that went away were not missed, from `n_withdrawn` of which `n_missed` were: the
/// factor by which [`unused_confidence`] falls.
///
/// Ten that went well are taken as known, so that one mistake costs a tenth.
///
/// # Source
/// Beta-binomial mean with that prior.
pub fn regret_factor(n_withdrawn: u64, n_missed: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a role has some hundred rules")]
    let (n_withdrawn, n_missed) = (n_withdrawn as f64, n_missed.min(n_withdrawn) as f64);
    let prior = 10.0;
    (prior + n_withdrawn - n_missed) / (prior + n_withdrawn)
}

/// Probability that a guard pattern which met nothing in the window meets nothing legitimate next.
///
/// What is denied names dangerous forms: one pattern in fifty meets legitimate work in a window. What
/// is asked for is wider: one in eleven. What was watched without a hit adds to that.
///
/// # Source
/// Time-split backtests of two real roles: 98% of 266 denying patterns met nothing later, 91% of 808
/// asking ones.
pub fn quiet_confidence(action: RuleAction, n_units: u64) -> f64 {
    let prior_quiet: f64 = if action > RuleAction::RequireApproval { 49.0 } else { 9.0 };
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let watched = (n_units as f64).min(prior_quiet).sqrt();
    round((prior_quiet + watched) / (1.0 + prior_quiet + watched))
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
pub(super) fn round(probability: f64) -> f64 {
    (probability.clamp(0.01, 0.99) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(n_units: u64, binary: &str, is_exact: bool) -> f64 {
        let evidence = Evidence { n_units, ..Evidence::default() };
        allow_confidence(&evidence, binary, is_exact, &Observation::default())
    }

    #[test]
    fn more_units_give_more_confidence_and_events_give_none() {
        let of = |n_units| allow(n_units, "terraform", false);
        assert!(of(1) < 0.5 && of(3) > 0.6 && of(20) > 0.9);
        assert!((1..50).all(|n| of(n) <= of(n + 1)));
        let repeated = Evidence { n_units: 1, n_events: 10_000, ..Evidence::default() };
        let repeated = allow_confidence(&repeated, "terraform", false, &Observation::default());
        assert!((repeated - of(1)).abs() < 1e-12);
        assert!((allow(2, "sed", false) - of(3)).abs() < 1e-12);
        assert!(allow(7, "sed", true) < 0.2 && allow(30, "sed", true) > 0.8);
    }

    #[test]
    fn what_stopped_nothing_is_likely_to_stop_nothing() {
        assert!(unused_confidence(100) > 0.75);
        assert!(stop_confidence(1) > 0.5 && stop_confidence(10) < 0.1);
        let (deny, ask) = (RuleAction::Deny, RuleAction::RequireApproval);
        assert!(quiet_confidence(deny, 100) > 0.97 && quiet_confidence(ask, 100) < 0.95);
    }
}
