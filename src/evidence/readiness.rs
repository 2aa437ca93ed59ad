//! How much of tomorrow's activity will be of a kind not seen yet, and when enforcing is safe.
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};
use statrs::{
    distribution::{Beta, ContinuousCDF as _},
    function::{beta::ln_beta, gamma::ln_gamma},
};

use super::float;
use crate::{
    clusters::Observation,
    events::{Day, text_forms},
    policy::Mode,
    risk::Effects,
};

/// Enforcing counts as safe where at most this share of the acts is of a kind not seen yet.
///
/// # Source
/// Our choice: one act in fifty waits for a person, which a team can answer while it works.
pub const DEFAULT_TOLERANCE: f64 = 0.02;

/// What the interval for tomorrow promises.
const LEVEL: f64 = 0.9;

/// What is left out at either end of the predictive distribution before any forecast was tried, what
/// it goes towards, the range it keeps to, and how far one forecast moves it: where a day's share lay
/// outside an end, less is left out there the next day.
///
/// # Source
/// Gibbs and Candès, Adaptive conformal inference under distribution shift (2021). Less than half of
/// what [`LEVEL`] leaves, because the distribution's own parameters are estimates, of few days most of
/// all. One-day-ahead forecasts of each day of two real roles held 94.7% and 96.1% with these, generated
/// ones 98.8%, and were 0.27, 0.61 and 0.50 wide; with 0.03 for all days 89.5%, 93.4% and 97.9%, and
/// 0.25, 0.58 and 0.51 wide (`cargo bench --bench advice -- readiness EVENTS...`).
const FIRST_TAIL: f64 = 0.02;
const TAIL: f64 = 0.035;
const TAILS: (f64, f64) = (0.005, 0.1);
const TAIL_STEP: f64 = 0.05;

/// Beside the recent days, tomorrow may be one of so much of their mean: shares of few acts lie wide.
///
/// # Source
/// Without it, and with 0.03 for all days, the forecasts above held 86.8%, 90.8% and 97.9%: a day of
/// five acts follows days of fifty.
const SMALL_DAY: f64 = 0.25;

/// One-sided certainty with which the long-run share has to be within the tolerance.
const SAFE_LEVEL: f64 = 0.95;

/// How alike the acts of one day are before anything is known of it, and the weight of that, in
/// pairs of acts.
const PRIOR_CLUMPING: f64 = 0.04;
const PRIOR_PAIRS: f64 = 200.0;

/// Range of the clumping: never none, never all.
const CLUMPING: (f64, f64) = (0.005, 0.6);

/// Acts of a kind not seen that the estimate is taken to have met, and expected, before the first.
const PRIOR_UNSEEN: f64 = 5.0;

/// After so many days with activity, what a forecast was off by counts half.
const HALF_LIFE_DAYS: f64 = 20.0;

/// Recent days with activity that tell how much a day holds.
const RECENT_DAYS: usize = 14;

/// Largest day that is computed exactly, in acts; beyond it the share hardly depends on the size.
const MAX_DAY_ACTS: u64 = 1_500;

/// Days with activity that a trend looks back.
const TREND_DAYS: usize = 7;

/// Furthest day that is promised.
const MAX_DAYS: u32 = 365;

/// Where the unseen share is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Too few days to say.
    Unknown,
    /// At least a tenth less than before.
    Falling,
    /// In between.
    Steady,
    /// At least a tenth more than before.
    Rising,
}

text_forms!(Trend {
    Unknown = "unknown",
    Falling = "falling",
    Steady = "steady",
    Rising = "rising",
});

/// A forecast. An act is a kind of command (what its line begins with, and its effects) or an MCP
/// tool, counted once a unit of session, host and day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// Days with activity it stands on.
    pub days: u64,
    /// Acts it stands on.
    pub acts: u64,
    /// Kinds among these.
    pub kinds: u64,
    /// Share of tomorrow's acts that will be of a kind not seen yet, 0 to 1.
    pub unseen: f64,
    /// Lower end of the interval that holds tomorrow's share with probability `level`, 0 to 1.
    pub unseen_low: f64,
    /// Upper end of it.
    pub unseen_high: f64,
    /// Always 0.9.
    pub level: f64,
    /// Where the share is going.
    pub trend: Trend,
    /// The share as it was estimated seven days with activity ago, where there were as many.
    pub unseen_before: Option<f64>,
    /// Share that is tolerated, 0 to 1.
    pub tolerance: f64,
    /// In how many days the long-run share is within the tolerance, 0 where it is now; `null` where
    /// it will not be within a year at this pace.
    pub days_until_safe: Option<u32>,
    /// What to do.
    pub recommended_mode: Mode,
    /// Why, in a sentence.
    pub reason: String,
}

/// Days with the units of each, and the kinds of acts of each unit, each once.
pub type Days = BTreeMap<Day, Vec<Vec<u32>>>;

/// The forecast for an observation; `None` where nothing ran.
pub fn readiness(observation: &Observation, tolerance: f64) -> Option<Readiness> {
    forecast(&acts_by_day(observation), tolerance)
}

/// What ran, as kinds of acts: kinds have numbers that hold within the observation.
pub fn acts_by_day<'a>(observation: &'a Observation) -> Days {
    let mut units: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); observation.units.len()];
    let mut kinds = BTreeMap::new();
    let mut note = |key: (Cow<'a, str>, Effects), seen_in: &[u32]| {
        let n_kinds = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
        let kind = *kinds.entry(key).or_insert(n_kinds);
        for &unit in seen_in {
            if let Some(kinds) = units.get_mut(unit as usize) {
                kinds.insert(kind);
            }
        }
    };
    for seen in &observation.uses {
        note((Cow::Borrowed(&seen.stem.pattern), seen.effects), &seen.support.units);
    }
    for seen in &observation.mcp_uses {
        note((Cow::Owned(seen.name()), seen.effects), &seen.support.units);
    }
    let mut days = Days::new();
    for (unit, kinds) in observation.units.iter().zip(units) {
        if !kinds.is_empty() {
            days.entry(unit.day).or_default().push(kinds.into_iter().collect());
        }
    }
    days
}

/// The share of a day's acts, 0 to 1, whose kind the days before it did not have; 0 of none.
pub fn unseen_on(before: &Days, day: &[Vec<u32>]) -> f64 {
    let known: BTreeSet<u32> = before.values().flatten().flatten().copied().collect();
    let n_acts = day.iter().flatten().count() as u64;
    let n_new = day.iter().flatten().filter(|kind| !known.contains(kind)).count() as u64;
    float(n_new) / float(n_acts.max(1))
}

/// The forecast for the kinds of each unit of each day.
///
/// The share unseen is estimated from what was seen in one unit only, and corrected by how far the
/// same estimate was off on each past day; so is how alike the acts of a day are. Tomorrow's share
/// is beta-binomial over the sizes of recent days and a small one; its ends learn from the days that
/// lay beyond them. The long-run share falls with a power of what was seen, given by the share of
/// kinds that were seen once.
///
/// # Source
/// Good, Biometrika 40 (1953), for incidences: Chao and Jost, Ecology 93 (2012). Power law:
/// Favaro, Nipoti and Teh, Rediscovery of Good-Turing estimators via Bayesian nonparametrics (2016).
/// Beta-binomial with intraclass correlation: Kleinman, JASA 68 (1973).
pub fn forecast(days: &Days, tolerance: f64) -> Option<Readiness> {
    let mut past = Past::default();
    let mut estimates = Vec::with_capacity(days.len());
    for (day, units) in days {
        past.add(*day, units);
        estimates.push(past.unseen());
    }
    if past.n_acts == 0 {
        return None;
    }
    let unseen = past.unseen();
    let (low, high) = past.interval();
    let before = estimates.len().checked_sub(TREND_DAYS + 1).and_then(|at| estimates.get(at));
    let trend = match before {
        None => Trend::Unknown,
        Some(before) if unseen <= before * 0.9 => Trend::Falling,
        Some(before) if unseen >= before * 1.1 => Trend::Rising,
        Some(_) => Trend::Steady,
    };
    let days_until_safe = past.days_until(tolerance);
    let recommended_mode = if days_until_safe == Some(0) { Mode::Enforce } else { Mode::Monitor };
    let mut readiness = Readiness {
        days: days.len() as u64,
        acts: past.n_acts,
        kinds: past.kinds.len() as u64,
        unseen: rounded(unseen),
        unseen_low: rounded(low),
        unseen_high: rounded(high),
        level: LEVEL,
        trend,
        unseen_before: before.copied().map(rounded),
        tolerance,
        days_until_safe,
        recommended_mode,
        reason: String::new(),
    };
    readiness.reason = reason(&readiness);
    Some(readiness)
}

/// Why the mode is recommended.
fn reason(readiness: &Readiness) -> String {
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    let (unseen, tolerance) = (percent(readiness.unseen), percent(readiness.tolerance));
    match readiness.days_until_safe {
        Some(0) => format!(
            "about {unseen} of what comes will be of a kind not seen yet, and it is {:.0}% sure to stay \
             within the {tolerance} that are tolerated",
            SAFE_LEVEL * 100.0
        ),
        Some(days) => format!(
            "about {unseen} of what comes will be of a kind not seen yet; at this pace that is surely \
             within the tolerated {tolerance} in {days} days"
        ),
        None => format!(
            "about {unseen} of what comes will be of a kind not seen yet; at this pace that is not \
             surely within the tolerated {tolerance} within a year"
        ),
    }
}

/// What was seen, day by day, and how far the forecasts of past days were off.
#[derive(Debug, Default)]
struct Past {
    /// In how many units each kind was seen.
    kinds: BTreeMap<u32, u64>,
    n_acts: u64,
    n_once: u64,
    /// Days with their acts.
    sizes: Vec<(Day, u64)>,
    /// Acts of kinds not seen before, and how many were forecast; recent days count more.
    met: f64,
    forecast: f64,
    /// Excess variance over binomial, and pairs of acts; recent days count more.
    excess: f64,
    pairs: f64,
    tails: Tails,
}

/// What is left out at the lower end and at the upper one.
#[derive(Clone, Copy, Debug)]
struct Tails(f64, f64);

impl Default for Tails {
    fn default() -> Self {
        Self(FIRST_TAIL, FIRST_TAIL)
    }
}

impl Past {
    fn add(&mut self, day: Day, units: &[Vec<u32>]) {
        let acts = || units.iter().flatten();
        let n_acts = acts().count() as u64;
        let n_new = acts().filter(|kind| !self.kinds.contains_key(kind)).count() as u64;
        if !self.sizes.is_empty() && n_acts > 0 {
            let (size, new) = (float(n_acts), float(n_new));
            self.learn_tails(new / size);
            let unseen = self.unseen();
            let fade = 0.5_f64.powf(1.0 / HALF_LIFE_DAYS);
            let spread = unseen * (1.0 - unseen);
            let error = (new - size * unseen).powi(2);
            self.excess = self.excess * fade + (error - size * spread) / spread;
            self.pairs = self.pairs * fade + size * (size - 1.0);
            self.met = self.met * fade + new;
            self.forecast = self.forecast * fade + size * self.good_turing();
        }
        for kind in acts() {
            let n_units = self.kinds.entry(*kind).or_default();
            *n_units += 1;
            match *n_units {
                1 => self.n_once += 1,
                2 => self.n_once -= 1,
                _ => (),
            }
        }
        self.n_acts += n_acts;
        self.sizes.push((day, n_acts));
    }

    /// Leaves out less at an end beyond which a day's share was, and a little more where it was not.
    fn learn_tails(&mut self, share: f64) {
        let (low, high) = self.interval();
        let next = |tail: f64, is_beyond: bool| {
            let error = TAIL - f64::from(u8::from(is_beyond));
            (tail + TAIL_STEP * error).clamp(TAILS.0, TAILS.1)
        };
        // Both are quotients of the same numbers where they are the same.
        self.tails = Tails(next(self.tails.0, share < low), next(self.tails.1, share > high));
    }

    /// The share of acts whose kind was seen once; half an act more keeps it from being none.
    fn good_turing(&self) -> f64 {
        (float(self.n_once) + 0.5) / (float(self.n_acts) + 1.0)
    }

    /// The estimate, corrected by what it was off by.
    fn unseen(&self) -> f64 {
        let correction = (self.met + PRIOR_UNSEEN) / (self.forecast + PRIOR_UNSEEN);
        (self.good_turing() * correction).clamp(1e-6, 0.999)
    }

    /// Correlation of the acts of one day.
    fn clumping(&self) -> f64 {
        let (least, most) = CLUMPING;
        let (excess, pairs) = (self.excess, self.pairs);
        ((excess + PRIOR_CLUMPING * PRIOR_PAIRS) / (pairs + PRIOR_PAIRS)).clamp(least, most)
    }

    /// Acts of recent days.
    fn recent_sizes(&self) -> Vec<u64> {
        let recent = self.sizes.iter().rev().take(RECENT_DAYS);
        recent.map(|(_, n_acts)| *n_acts).filter(|n_acts| *n_acts > 0).collect()
    }

    /// Acts that tomorrow may hold, each as likely as the others.
    fn sizes_tomorrow(&self) -> Vec<u64> {
        let mut sizes = self.recent_sizes();
        let mean = float(sizes.iter().sum()) / float(sizes.len().max(1) as u64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1")]
        sizes.push((mean * SMALL_DAY).round().max(1.0) as u64);
        sizes
    }

    /// The ends between which tomorrow's share lies.
    fn interval(&self) -> (f64, f64) {
        let (unseen, clumping) = (self.unseen(), self.clumping());
        let sizes = self.sizes_tomorrow();
        let sizes: Vec<u64> = sizes.into_iter().map(|it| it.min(MAX_DAY_ACTS)).collect();
        let max_size = sizes.iter().copied().max().unwrap_or(0);
        let tomorrow = BetaBinomial::new(unseen, clumping, max_size);
        let weight = 1.0 / float(sizes.len() as u64);
        let mut shares: Vec<(f64, f64)> = Vec::new();
        for size in sizes {
            let counts = (0_u64..).zip(tomorrow.of_day(size));
            shares.extend(counts.map(|(new, it)| (float(new) / float(size), it * weight)));
        }
        shares.sort_by(|a, b| a.0.total_cmp(&b.0));
        let quantile = |level: f64| {
            let mut sum = 0.0;
            let at = shares.iter().find(|(_, probability)| {
                sum += probability;
                sum > level
            });
            at.map_or(1.0, |(share, _)| *share)
        };
        (quantile(self.tails.0), quantile(1.0 - self.tails.1))
    }

    /// In how many days the long-run share is surely within the tolerance.
    ///
    /// Its posterior is a beta distribution of as many independent acts as the acts of the days are
    /// worth; both follow the power law at the pace of recent days.
    fn days_until(&self, tolerance: f64) -> Option<u32> {
        let recent = self.recent_sizes();
        let first = self.sizes.get(self.sizes.len().saturating_sub(RECENT_DAYS))?.0;
        let last = self.sizes.last()?.0;
        let a_day = float(recent.iter().sum()) / (f64::from(last.0.saturating_sub(first.0)) + 1.0);
        let day_size = float(recent.iter().sum()) / float(recent.len().max(1) as u64);
        let worth = 1.0 + (day_size - 1.0).max(0.0) * self.clumping();
        let discount =
            (float(self.n_once) / float(self.kinds.len().max(1) as u64)).clamp(0.05, 0.95);
        let n_acts = float(self.n_acts);
        (0..=MAX_DAYS).find(|days| {
            let growth = 1.0 + a_day * f64::from(*days) / n_acts;
            let unseen = self.unseen() * growth.powf(discount - 1.0);
            let independent = n_acts * growth / worth;
            let posterior =
                Beta::new(unseen * independent + 0.5, (1.0 - unseen) * independent + 0.5);
            posterior.is_ok_and(|it| it.cdf(tolerance) >= SAFE_LEVEL)
        })
    }
}

/// How many of a day's acts are of a kind not seen yet, each with a probability, and alike by a clumping.
/// Logarithms that days of any size share are made once.
struct BetaBinomial {
    alpha: f64,
    beta: f64,
    /// For each count, what it gives as the acts that are new, and as the rest.
    of_new: Vec<f64>,
    of_rest: Vec<f64>,
}

impl BetaBinomial {
    /// For days of at most so many acts.
    fn new(mean: f64, clumping: f64, max_size: u64) -> Self {
        let strength = 1.0 / clumping - 1.0;
        let (alpha, beta) = (mean * strength, (1.0 - mean) * strength);
        let of = |start: f64| {
            let logs = (0..=max_size).map(float);
            logs.map(|it| ln_gamma(it + start) - ln_gamma(it + 1.0)).collect()
        };
        Self { alpha, beta, of_new: of(alpha), of_rest: of(beta) }
    }

    /// The probabilities of none, one, ... and all acts of a day.
    fn of_day(&self, size: u64) -> impl Iterator<Item = f64> {
        let n = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1);
        let (alpha, beta, size) = (self.alpha, self.beta, float(size));
        let all = ln_gamma(size + 1.0) - ln_gamma(size + alpha + beta) - ln_beta(alpha, beta);
        let pairs = self.of_new.iter().take(n).zip(self.of_rest.iter().take(n).rev());
        pairs.map(move |(new, rest)| (new + rest + all).exp())
    }
}

/// Four decimals: a tenth of a thousandth is below anything the estimate can tell.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests;
