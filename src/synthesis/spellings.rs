//! Global options before a subcommand: the same act in another spelling.
use std::collections::{BTreeMap, BTreeSet};

use super::Candidate;
use crate::{
    clusters::{Cluster, Observation},
    policy::{Pattern, RuleAction, includes},
    risk::RiskLevel,
};

/// Units behind an allow before its other spellings are worth a rule each.
const MIN_SPELLED_UNITS: u64 = 5;

/// Options that only say where or how to print, never what to run; with each, whether every role
/// spells acts with it, or only one that was seen to.
///
/// # Source
/// git(1), `go help`, `kubectl options`, docker(1), npm-prefix(1).
const HARMLESS: &[(&str, &str, Habit)] = &[
    ("git", "-*", Habit::Everyone),
    ("go", "-C *", Habit::Seen),
    ("kubectl", "-n *", Habit::Everyone),
    ("kubectl", "--namespace *", Habit::Seen),
    ("kubectl", "--context *", Habit::Seen),
    ("docker", "--context *", Habit::Seen),
    ("npm", "--prefix *", Habit::Seen),
];

/// Who spells acts with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Agents of all kinds: a rule without it stops the same work a day later.
    Everyone,
    /// Only who was seen to.
    Seen,
}

/// Adds to each low-risk allow its spellings with a global option.
pub(super) fn add(
    candidates: &mut Vec<Candidate>,
    clusters: &[Cluster],
    observation: &Observation,
) {
    let is_seen = |binary: &str, option: &str| {
        let prefix = format!("{binary} {option} ");
        clusters.iter().any(|it| it.stem.pattern.starts_with(&prefix))
    };
    let known: BTreeSet<String> = candidates.iter().map(|it| it.pattern.clone()).collect();
    for candidate in candidates.iter_mut() {
        let is_ordinary = candidate.action == RuleAction::Allow
            && candidate.risk <= RiskLevel::Medium
            && candidate.evidence.n_units >= MIN_SPELLED_UNITS;
        let Some((binary, rest)) = candidate.pattern.split_once(' ').filter(|_| is_ordinary) else {
            continue;
        };
        if rest.starts_with(['-', '*']) {
            continue;
        }
        let options = HARMLESS.iter().filter(|(name, option, habit)| {
            *name == binary && (*habit == Habit::Everyone || is_seen(binary, option))
        });
        let spelled = options.map(|(_, option, _)| format!("{binary} {option} {rest}"));
        candidate.spellings = spelled.filter(|pattern| !known.contains(pattern)).collect();
    }
    take_in(candidates, observation);
}

/// Candidates that a spelling of another one holds become part of that one.
fn take_in(candidates: &mut Vec<Candidate>, observation: &Observation) {
    let spelled: Vec<(usize, Pattern, RuleAction)> = candidates
        .iter()
        .enumerate()
        .flat_map(|(idx, it)| it.spellings.iter().map(move |text| (idx, text, it.action)))
        .map(|(idx, text, action)| (idx, Pattern::new(text), action))
        .collect();
    let holder_of = |candidate: &Candidate| {
        let pattern = Pattern::new(&candidate.pattern);
        let mut holders = spelled.iter().filter(|(_, _, action)| *action == candidate.action);
        holders.find(|(_, outer, _)| includes(outer, &pattern)).map(|(idx, ..)| *idx)
    };
    let holders: Vec<Option<usize>> = candidates.iter().map(holder_of).collect();
    let mut moved: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (candidate, holder) in candidates.iter().zip(&holders) {
        if let Some(holder) = holder {
            moved.entry(*holder).or_default().extend(&candidate.uses);
        }
    }
    for (holder, uses) in moved {
        let Some(candidate) = candidates.get_mut(holder) else { continue };
        candidate.uses.extend(uses);
        candidate.uses.sort_unstable();
        candidate.weigh(observation);
    }
    let mut is_kept = holders.into_iter().map(|holder| holder.is_none());
    candidates.retain(|_| is_kept.next().unwrap_or(true));
}
