//! Global options before a subcommand: the same act in another spelling.
use std::collections::BTreeSet;

use super::Candidate;
use crate::{clusters::Cluster, policy::RuleAction, risk::RiskLevel};

/// Units behind an allow before its other spellings are worth a rule each.
const MIN_SPELLED_UNITS: u64 = 5;

/// Options that only say where or how to print, never what to run; with each, whether every role
/// spells acts with it, or only one that was seen to.
///
/// # Source
/// git(1), `go help`, `kubectl options`, docker(1), npm-prefix(1).
const HARMLESS: &[(&str, &str, Habit)] = &[
    ("git", "-C *", Habit::Everyone),
    ("git", "--no-pager", Habit::Everyone),
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
pub(super) fn add(candidates: &mut [Candidate], clusters: &[Cluster]) {
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
}
