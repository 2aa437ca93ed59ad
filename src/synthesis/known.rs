//! One rule for each way to go no further than that: a condition in it tells what only looks, runs the
//! project's checks, or edits the work at hand, from everything else, so that it needs no guards,
//! and stands in front of those that others need.
use std::collections::BTreeSet;

use super::{Candidate, Stand, budget::Cost};
use crate::{
    clusters::{Cluster, Stem, Use, is_interpreter},
    evidence::Evidence,
    policy::{Access, Pattern, RuleAction, Target, of_access},
    risk::{Effects, RiskLevel},
};

/// Fewest kinds of looking, or of checks, or edits, from which on any may pass.
///
/// # Source
/// Our choice, as for tools whose subcommands nobody listed: who looks in three ways looks in a fourth.
const MIN_KINDS: usize = 3;

/// The candidates for what is known to go so far, and the clusters without what these take.
pub(super) fn split(mut clusters: Vec<Cluster>, cost: &Cost<'_>) -> (Vec<Candidate>, Vec<Cluster>) {
    let candidates = Access::ALL.iter().filter_map(|&access| made(access, &clusters, cost));
    let candidates: Vec<Candidate> = candidates.collect();
    let taken: BTreeSet<usize> = candidates.iter().flat_map(|it| it.uses.iter().copied()).collect();
    clusters.retain_mut(|cluster| {
        cluster.uses.retain(|it| !taken.contains(it));
        !cluster.uses.is_empty()
    });
    (candidates, clusters)
}

/// The candidate for what goes so far; `None` where it is not likely, or reviewers did not want it.
fn made(access: Access, clusters: &[Cluster], cost: &Cost<'_>) -> Option<Candidate> {
    let observation = cost.observation;
    let seen = |idx: usize| observation.uses.get(idx).filter(|it| it.access == Some(access));
    let uses = clusters.iter().flat_map(|it| it.uses.iter().copied());
    let uses: BTreeSet<usize> = uses.filter(|idx| seen(*idx).is_some()).collect();
    let kinds: BTreeSet<&Stem> =
        uses.iter().filter_map(|&idx| seen(idx)).map(|it: &Use| &it.stem).collect();
    let (pattern, when) = ("*".to_owned(), of_access(access));
    let refused = || cost.lessons.refuses(&Pattern::new(&pattern), &when, observation);
    // Programs that only compute are as good as several kinds of looking.
    let computes = |it: &&Stem| is_interpreter(&it.binary) || it.binary == "sqlite3";
    let is_varied =
        kinds.len() >= MIN_KINDS || (access == Access::Read && kinds.iter().any(computes));
    if !is_varied || refused().is_some() {
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
        uses: uses.into_iter().collect(),
    };
    candidate.weigh(observation, cost.lessons);
    // Whatever its effects are called: it is known to go no further.
    candidate.risk = candidate.risk.min(RiskLevel::Medium);
    (candidate.confidence >= cost.threshold).then_some(candidate)
}
