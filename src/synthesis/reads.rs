//! One rule for all that is only looked at: a condition in it tells looking from everything else, so that
//! it needs no guards, and stands in front of those that others need.
use std::collections::BTreeSet;

use super::{Candidate, Stand, budget::Cost};
use crate::{
    clusters::{Cluster, Stem, Use},
    evidence::Evidence,
    policy::{Pattern, RuleAction, Target, of_reads},
    risk::{Effects, RiskLevel},
};

/// Fewest kinds of looking from which on anything may be looked at.
///
/// # Source
/// Our choice, as for tools whose subcommands nobody listed: who looks in three ways looks in a fourth.
const MIN_KINDS: usize = 3;

/// The candidate for looking, and the clusters without what it takes.
pub(super) fn split(
    mut clusters: Vec<Cluster>,
    cost: &Cost<'_>,
) -> (Option<Candidate>, Vec<Cluster>) {
    let looks = |idx: &usize| cost.observation.uses.get(*idx).is_some_and(|it| it.only_looks);
    let uses: BTreeSet<usize> =
        clusters.iter().flat_map(|it| it.uses.iter().copied().filter(looks)).collect();
    let candidate = made(uses.iter().copied().collect(), cost);
    if candidate.is_some() {
        clusters.retain_mut(|cluster| {
            cluster.uses.retain(|it| !uses.contains(it));
            !cluster.uses.is_empty()
        });
    }
    (candidate, clusters)
}

/// The candidate of these uses; `None` where it is not likely, or reviewers did not want it.
fn made(uses: Vec<usize>, cost: &Cost<'_>) -> Option<Candidate> {
    let observation = cost.observation;
    let seen = uses.iter().filter_map(|&idx| observation.uses.get(idx));
    let kinds: BTreeSet<&Stem> = seen.map(|it: &Use| &it.stem).collect();
    let (pattern, when) = ("*".to_owned(), of_reads());
    let refused = || cost.lessons.refuses(&Pattern::new(&pattern), &when, observation);
    if kinds.len() < MIN_KINDS || refused().is_some() {
        return None;
    }
    let mut candidate = Candidate {
        target: Target::Command,
        pattern,
        spellings: Vec::new(),
        action: RuleAction::Allow,
        when,
        stand: Stand::Prose,
        is_exact: false,
        binary: String::new(),
        stem: None,
        evidence: Evidence::default(),
        effects: Effects::NONE,
        risk: RiskLevel::Low,
        confidence: 0.0,
        factors: Vec::new(),
        n_one_offs: 0,
        uses,
    };
    candidate.weigh(observation, cost.lessons);
    (candidate.confidence >= cost.threshold).then_some(candidate)
}
