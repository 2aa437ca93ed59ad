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

/// The same, as a share of the units in which the tool was used: what is rare without the option is
/// rarer with it.
const MIN_SPELLED_SHARE: f64 = 0.125;

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

/// The spellings that this role uses, or that everyone does.
#[derive(Debug)]
pub(super) struct Spellings {
    options: Vec<(&'static str, &'static str)>,
    /// Units in which each of these tools was used.
    n_units: BTreeMap<&'static str, u64>,
}

impl Spellings {
    pub(super) fn new(clusters: &[Cluster], observation: &Observation) -> Self {
        let is_seen = |binary: &str, option: &str| {
            let prefix = format!("{binary} {option} ");
            clusters.iter().any(|it| it.stem.pattern.starts_with(&prefix))
        };
        let used = HARMLESS
            .iter()
            .filter(|(binary, option, habit)| *habit == Habit::Everyone || is_seen(binary, option));
        let options: Vec<(&str, &str)> =
            used.map(|(binary, option, _)| (*binary, *option)).collect();
        let n_units = |binary: &str| {
            let uses = clusters.iter().filter(|it| it.stem.binary == binary).flat_map(|it| &it.uses);
            let uses = uses.filter_map(|&idx| observation.uses.get(idx));
            let units: BTreeSet<u32> =
                uses.flat_map(|it| it.support.units.iter().copied()).collect();
            units.len() as u64
        };
        let n_units = options.iter().map(|(binary, _)| (*binary, n_units(binary))).collect();
        Self { options, n_units }
    }

    /// Other spellings of a low-risk allow: the same with a global option.
    pub(super) fn of(&self, candidate: &Candidate) -> Vec<String> {
        #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
        let share = self
            .n_units
            .get(candidate.binary.as_str())
            .map_or(1.0, |&all| candidate.evidence.n_units as f64 / all.max(1) as f64);
        let is_ordinary = candidate.action == RuleAction::Allow
            && candidate.risk <= RiskLevel::Medium
            && candidate.evidence.n_units >= MIN_SPELLED_UNITS
            && share >= MIN_SPELLED_SHARE;
        let split = candidate.pattern.split_once(' ').filter(|_| is_ordinary);
        let Some((binary, rest)) = split.filter(|(_, rest)| !rest.starts_with(['-', '*'])) else {
            return Vec::new();
        };
        let options = self.options.iter().filter(|(name, _)| *name == binary);
        options.map(|(_, option)| format!("{binary} {option} {rest}")).collect()
    }
}

/// Candidates that a spelling of another one holds become part of that one.
pub(super) fn take_in(mut candidates: Vec<Candidate>, observation: &Observation) -> Vec<Candidate> {
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
    candidates
}
