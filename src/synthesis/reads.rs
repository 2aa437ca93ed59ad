//! One rule for all that a tool is asked to look at: a condition in it tells looking from everything else,
//! so that it needs no guards, and stands in front of those that others need.
use std::collections::{BTreeMap, BTreeSet};

use super::{Candidate, Stand, budget::Cost, scope, standing};
use crate::{
    clusters::{Cluster, Stem, Use, is_interpreter},
    feedback::Level,
    policy::{Pattern, RuleAction, literal},
    risk::looks_by_program,
};

/// Fewest kinds of looking from which on a tool may be asked to look at anything.
///
/// # Source
/// Our choice, as for tools whose subcommands nobody listed: who looks in three ways looks in a fourth.
const MIN_KINDS: usize = 3;

/// What a tool was asked to look at.
#[derive(Default)]
struct Looking<'a> {
    /// Stems, as patterns.
    kinds: BTreeSet<&'a str>,
    uses: Vec<(usize, &'a Use)>,
}

/// The candidates for looking, and the clusters without what these take.
pub(super) fn split(
    mut clusters: Vec<Cluster>,
    cost: &Cost<'_>,
) -> (Vec<Candidate>, Vec<Cluster>) {
    let observation = cost.observation;
    let mut by_binary: BTreeMap<&str, Looking<'_>> = BTreeMap::new();
    for idx in clusters.iter().flat_map(|it| it.uses.iter().copied()) {
        let Some(seen) = observation.uses.get(idx).filter(|it| it.only_looks) else { continue };
        let of_binary = by_binary.entry(&seen.stem.binary).or_default();
        of_binary.kinds.insert(&seen.stem.pattern);
        of_binary.uses.push((idx, seen));
    }
    let is_known = |binary: &str, seen: &Looking<'_>| {
        seen.kinds.len() >= MIN_KINDS || is_interpreter(binary) || looks_by_program(binary)
    };
    let candidates = by_binary.into_iter().filter(|(binary, seen)| is_known(binary, seen));
    let candidates = candidates.filter_map(|(binary, seen)| made(binary, &seen.uses, cost));
    let candidates: Vec<Candidate> = candidates.collect();
    let taken: BTreeSet<usize> = candidates.iter().flat_map(|it| it.uses.iter().copied()).collect();
    clusters.retain_mut(|cluster| {
        cluster.uses.retain(|it| !taken.contains(it));
        !cluster.uses.is_empty()
    });
    (candidates, clusters)
}

/// The candidate of one tool; `None` where it is not likely, or reviewers did not want it.
fn made(binary: &str, uses: &[(usize, &Use)], cost: &Cost<'_>) -> Option<Candidate> {
    let stem = Stem {
        binary: binary.to_owned(),
        subcommand: Vec::new(),
        pattern: literal(&crate::commands::quote(binary)),
        is_open: false,
        is_listed: false,
        runner: None,
    };
    let whole = scope::whole(&stem, uses);
    let lessons = cost.lessons;
    let is_refused = lessons.refuses(&Pattern::new(&whole.pattern), cost.observation).is_some()
        || lessons.widest(binary, &stem.pattern).is_some_and(|it| it < Level::Subcommand);
    if is_refused {
        return None;
    }
    standing(Stand::Prose, &stem, whole, cost, RuleAction::Allow, 0)
        .map(Candidate::for_reads)
        .filter(|it| it.confidence >= cost.threshold)
}
