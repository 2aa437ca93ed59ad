//! What a change stood on when somebody decided on it, and whether that is different by now.
use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;

/// Growth of a count that makes evidence new: it has doubled.
const GROWN: u64 = 2;

/// A shape that was not there counts as new where it makes up one event in this many.
const SHARE_OF_NEW_SHAPE: u64 = 10;

/// What a change stood on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceMark {
    /// Distinct units (session x host x day).
    pub units: u64,
    /// Distinct hosts.
    pub hosts: u64,
    /// Distinct sessions.
    pub sessions: u64,
    /// The shapes it was seen in.
    pub shapes: Vec<String>,
}

impl EvidenceMark {
    /// Whether `evidence` is materially different from this: units, hosts or sessions have at least
    /// doubled, or a shape that was not there then makes up a tenth of the events.
    pub fn is_outgrown_by(&self, evidence: &Evidence) -> bool {
        !self.differences(evidence).is_empty()
    }

    /// What is materially different, a clause each.
    pub fn differences(&self, evidence: &Evidence) -> Vec<String> {
        let counts = [
            ("units", self.units, evidence.n_units),
            ("hosts", self.hosts, evidence.n_hosts),
            ("sessions", self.sessions, evidence.n_sessions),
        ];
        let grown = counts.into_iter().filter(|(_, then, now)| *now >= (then * GROWN).max(1));
        let mut differences: Vec<String> =
            grown.map(|(noun, then, now)| format!("{then} {noun} then, {now} now")).collect();
        let is_new = |shape: &str| !self.shapes.iter().any(|it| it == shape);
        let new = evidence.shapes.iter().find(|(shape, n_events)| {
            is_new(shape) && n_events.saturating_mul(SHARE_OF_NEW_SHAPE) >= evidence.n_events
        });
        differences.extend(new.map(|(shape, _)| format!("`{shape}` is new")));
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(n_units: u64, n_hosts: u64, shapes: &[(&str, u64)]) -> Evidence {
        Evidence {
            n_units,
            n_hosts,
            n_sessions: n_units,
            n_events: shapes.iter().map(|it| it.1).sum(),
            shapes: shapes.iter().map(|(shape, n)| ((*shape).to_owned(), *n)).collect(),
            ..Evidence::default()
        }
    }

    #[test]
    fn evidence_is_new_where_it_has_doubled_or_has_a_new_shape() {
        let shapes = vec!["git push".to_owned()];
        let then = EvidenceMark { units: 10, hosts: 2, sessions: 10, shapes };
        for (now, outgrown) in [
            (evidence(10, 2, &[("git push", 40)]), false),
            (evidence(19, 3, &[("git push", 400)]), false),
            (evidence(20, 2, &[("git push", 40)]), true),
            (evidence(10, 4, &[("git push", 40)]), true),
            (evidence(10, 2, &[("git push", 40), ("git push --force", 3)]), false),
            (evidence(10, 2, &[("git push", 40), ("git push --force", 9)]), true),
            (evidence(3, 1, &[("git push", 2)]), false),
        ] {
            assert_eq!(then.is_outgrown_by(&now), outgrown, "{now:?}");
        }
        let nothing = EvidenceMark::default();
        assert!(!nothing.is_outgrown_by(&evidence(0, 0, &[])));
        assert!(nothing.is_outgrown_by(&evidence(1, 1, &[("ls", 1)])));
        let grown = then.differences(&evidence(20, 2, &[("git push -u", 40)]));
        assert_eq!(
            grown,
            ["10 units then, 20 now", "10 sessions then, 20 now", "`git push -u` is new"]
        );
    }
}
