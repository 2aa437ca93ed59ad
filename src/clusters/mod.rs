//! Uses that belong together: one binary, one place in its tree, one set of effects, like shapes.
mod fit;
mod lines;
mod observe;
mod room;
mod stem;
mod units;

use std::collections::BTreeMap;

pub use observe::{McpUse, Observation, Support, Use, observe, observe_within};
pub use room::Room;
pub use stem::{Stem, is_interpreter, stem};

use crate::risk::Effects;

/// Uses of one binary and stem that do the same kind of thing and look alike.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What every line of it begins with, as a pattern without its tail: `git -C * status`.
    pub stem: Stem,
    /// What they do; two uses with different effects never share a cluster.
    pub effects: Effects,
    /// Indexes into [`Observation::uses`], ascending; their shapes are like each other.
    pub uses: Vec<usize>,
    /// Whether these are the shapes that are like no others: one-offs, kept as a finding.
    pub is_noise: bool,
}

/// Clusters the uses of an observation.
///
/// First by binary, stem and effects, which is exact; then by the likeness of shapes within these.
/// The same uses in any order give the same clusters, ordered by stem, effects, noise last.
pub fn cluster(observation: &Observation) -> Vec<Cluster> {
    let mut groups: BTreeMap<(&Stem, Effects), Vec<usize>> = BTreeMap::new();
    for (idx, seen) in observation.uses.iter().enumerate() {
        groups.entry((&seen.stem, seen.effects)).or_default().push(idx);
    }
    let mut clusters = Vec::new();
    for ((stem, effects), idxs) in groups {
        let mut shapes: BTreeMap<&str, (u64, Vec<usize>)> = BTreeMap::new();
        for idx in idxs {
            let Some(seen) = observation.uses.get(idx) else { continue };
            let shape = shapes.entry(&seen.shape).or_default();
            shape.0 += seen.support.n_units() as u64;
            shape.1.push(idx);
        }
        let weighted: Vec<(&str, u64)> = shapes.iter().map(|(shape, it)| (*shape, it.0)).collect();
        let mut members: BTreeMap<(bool, usize), Vec<usize>> = BTreeMap::new();
        for (label, (_, uses)) in fit::labels(&weighted).into_iter().zip(shapes.into_values()) {
            members.entry((label.is_none(), label.unwrap_or(0))).or_default().extend(uses);
        }
        for ((is_noise, _), mut uses) in members {
            uses.sort_unstable();
            clusters.push(Cluster { stem: stem.clone(), effects, uses, is_noise });
        }
    }
    clusters
}
