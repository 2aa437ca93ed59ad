//! Where hosts of some environments do what those of others never do.
use std::collections::{BTreeMap, BTreeSet};

use super::Split;
use crate::{
    clusters::{Observation, Support},
    feedback::Background,
    policy::{Target, When},
    risk::RiskLevel,
    synthesis::Candidate,
};

/// The variable of a host that names its environment.
pub const ENVIRONMENT: &str = "env";

/// Chance below which it is no accident that hosts of an environment did nothing of a kind.
///
/// # Source
/// The usual level of a test.
const ACCIDENT: f64 = 0.05;

/// Fewest units of those that do it.
const MIN_UNITS: u64 = 3;

/// The environments to which an allow belongs, where that can be told: something that changes things,
/// seen on hosts of some environments only, so often that those of the others would have done it, too.
///
/// The chance of that is that of no use in as many units as the others had, at the rate of those that
/// do it.
pub(super) fn split(
    candidate: &Candidate,
    observation: &Observation,
    background: &Background,
) -> Option<Split> {
    let is_asked = candidate.target == Target::Command
        && candidate.action.passes()
        && candidate.risk >= RiskLevel::Medium;
    if !is_asked || background.environments.len() < 2 {
        return None;
    }
    let uses = candidate.uses.iter().filter_map(|&idx| observation.uses.get(idx));
    let support = Support::of_all(uses.map(|it| &it.support));
    let n_using = support.n_units() as u64;
    if n_using < MIN_UNITS {
        return None;
    }
    let environment = |unit: u32| {
        let host = &observation.units.get(unit as usize)?.hostname;
        background.environments.get(&**host)
    };
    let mut n_units: BTreeMap<&String, u64> = BTreeMap::new();
    for unit in 0..observation.units.len() {
        if let Some(name) = u32::try_from(unit).ok().and_then(environment) {
            *n_units.entry(name).or_default() += 1;
        }
    }
    let users: Option<Vec<&String>> = support.units.iter().map(|it| environment(*it)).collect();
    let users: BTreeSet<&String> = users?.into_iter().collect();
    let total = |is_user: bool| {
        let of = n_units.iter().filter(|(name, _)| users.contains(**name) == is_user);
        of.map(|(_, n)| *n).sum::<u64>()
    };
    let (n_own, n_other_units) = (total(true), total(false));
    #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
    let chance = (1.0 - n_using as f64 / n_own.max(1) as f64).powf(n_other_units as f64);
    (n_other_units > 0 && chance < ACCIDENT)
        .then(|| Split { environments: users.into_iter().cloned().collect(), n_other_units })
}

/// The condition of a rule for these environments.
pub(super) fn when(split: &Split) -> When {
    When::from([(ENVIRONMENT.to_owned(), split.environments.clone())])
}
