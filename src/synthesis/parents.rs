//! Tools whose subcommands nobody listed: from a few of them to all, where more are to come.
use std::collections::BTreeMap;

use crate::{
    clusters::{Cluster, Observation, Stem, Use, is_interpreter},
    policy::literal,
    risk::{RiskLevel, stake},
};

/// Fewest different subcommands or tasks that were seen.
const MIN_CHILDREN: usize = 4;

/// Fewest units behind all of them.
const MIN_UNITS: usize = 5;

/// Units up to which a subcommand is rare.
const MAX_RARE_UNITS: usize = 2;

/// Runners of tasks that a project defines for itself: which there are is the project's choice, and
/// what one of them may do, the next one may.
///
/// # Source
/// Manual pages of the runners.
const TASKS: &[(&str, &[&str])] = &[
    ("just", &[]),
    ("make", &[]),
    ("mise", &["run"]),
    ("npm", &["run"]),
    ("nx", &["run"]),
    ("pnpm", &["run"]),
    ("task", &[]),
    ("yarn", &["run"]),
];

/// Clusters with the stems of tools whose next subcommand is likely to be a new one replaced by what
/// they share, in the order of stems.
///
/// Likely is what the Good-Turing estimate calls so: some of the subcommands are rare, seen in one
/// unit or two. None of them may have done anything above medium.
pub(super) fn widen(clusters: &[Cluster], observation: &Observation) -> Vec<Cluster> {
    let mut families: BTreeMap<Stem, Vec<usize>> = BTreeMap::new();
    for (idx, cluster) in clusters.iter().enumerate() {
        if let Some(parent) = parent(&cluster.stem) {
            families.entry(parent).or_default().push(idx);
        }
    }
    let mut res = clusters.to_vec();
    for (parent, idxs) in families {
        let members: Vec<&Cluster> = idxs.iter().filter_map(|&idx| clusters.get(idx)).collect();
        if !is_open_ended(&members, observation) {
            continue;
        }
        for idx in idxs {
            if let Some(cluster) = res.get_mut(idx) {
                cluster.stem = parent.clone();
            }
        }
    }
    res.sort_by(|a, b| {
        let key = |it: &Cluster| (it.stem.clone(), it.effects, it.is_noise);
        key(a).cmp(&key(b))
    });
    res
}

/// What stands above a stem, where that is a tool whose subcommands nobody listed, or a runner of tasks.
fn parent(stem: &Stem) -> Option<Stem> {
    let (_, above) = stem.subcommand.split_last()?;
    let is_task = || TASKS.iter().any(|(name, path)| *name == stem.binary && above == *path);
    let above =
        if stem.is_listed { above.iter().filter(|_| is_task()).collect() } else { Vec::new() };
    // What else a runner or an interpreter may run is no choice of a tool's.
    let runs_anything = stem.is_open || stem.runner.is_some() || is_interpreter(&stem.binary);
    if runs_anything || (stem.is_listed && !is_task()) {
        return None;
    }
    let words = std::iter::once(&stem.binary).chain(above.iter().copied());
    let pattern = words.map(|word| literal(word)).collect::<Vec<_>>().join(" ");
    // An option in between is another spelling, and stays what it is.
    stem.pattern.strip_prefix(&pattern).filter(|rest| !rest.starts_with(" -"))?;
    let subcommand = above.into_iter().cloned().collect();
    Some(Stem { subcommand, pattern, ..stem.clone() })
}

fn is_open_ended(members: &[&Cluster], observation: &Observation) -> bool {
    let mut children: BTreeMap<&Stem, Vec<u32>> = BTreeMap::new();
    for cluster in members {
        if stake(cluster.effects) > RiskLevel::Medium {
            return false;
        }
        let uses = cluster.uses.iter().filter_map(|&idx| observation.uses.get(idx));
        let units = uses.flat_map(|seen: &Use| seen.support.units.iter().copied());
        children.entry(&cluster.stem).or_default().extend(units);
    }
    let mut all: Vec<u32> = Vec::new();
    let mut has_rare = false;
    for units in children.values_mut() {
        units.sort_unstable();
        units.dedup();
        has_rare |= units.len() <= MAX_RARE_UNITS;
        all.extend(units.iter());
    }
    all.sort_unstable();
    all.dedup();
    children.len() >= MIN_CHILDREN && all.len() >= MIN_UNITS && has_rare
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stem(pattern: &str, is_listed: bool) -> Stem {
        let mut words = pattern.split(' ').map(str::to_owned);
        let binary = words.next().unwrap();
        let subcommand = words.filter(|word| !word.starts_with('-')).collect();
        Stem {
            binary,
            subcommand,
            pattern: pattern.to_owned(),
            is_open: false,
            is_listed,
            runner: None,
        }
    }

    #[test]
    fn the_parent_is_the_binary_nobody_listed_or_the_runner_of_tasks() {
        for (pattern, is_listed, want) in [
            ("workmux add", false, Some("workmux")),
            ("workmux pane send", false, Some("workmux")),
            ("workmux -v add", false, None),
            ("workmux", false, None),
            ("git status", true, None),
            ("npm run build", true, Some("npm run")),
            ("npm install", true, None),
            ("make all", true, Some("make")),
            ("python3 a.py", false, None),
            ("bash a.sh", false, None),
        ] {
            let parent = parent(&stem(pattern, is_listed));
            assert_eq!(parent.as_ref().map(|it| it.pattern.as_str()), want, "{pattern}");
        }
    }
}
