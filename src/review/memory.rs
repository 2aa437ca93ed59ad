//! What is remembered of a rejection, so that nobody is asked the same thing twice.
use serde::{Deserialize, Serialize};

use crate::{
    batch::{Change, ChangeEvidence, PlacedRule},
    events::Timestamp,
};

/// Growth of a count that makes evidence new: it has doubled.
const GROWN: u64 = 2;

/// A shape that was not there counts as new where it makes up one event in this many.
const SHARE_OF_NEW_SHAPE: u64 = 10;

/// What a rejected change stood on.
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

/// A change that a reviewer has rejected, and not accepted since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// See [`identity`].
    pub identity: String,
    /// What it stood on then.
    pub mark: EvidenceMark,
    /// The reviewer's words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl EvidenceMark {
    /// The mark of some evidence.
    pub fn of(evidence: &ChangeEvidence) -> Self {
        let mut shapes: Vec<String> =
            evidence.arguments.iter().map(|it| it.shape.clone()).collect();
        shapes.sort();
        Self { units: evidence.units, hosts: evidence.hosts, sessions: evidence.sessions, shapes }
    }

    /// Whether `evidence` is materially different from this: units, hosts or sessions have at least
    /// doubled, or a shape that was not there then makes up a tenth of the events.
    pub fn is_outgrown_by(&self, evidence: &ChangeEvidence) -> bool {
        let grown = |then: u64, now: u64| now >= then.saturating_mul(GROWN).max(1);
        let is_new = |shape: &str| !self.shapes.iter().any(|it| it == shape);
        grown(self.units, evidence.units)
            || grown(self.hosts, evidence.hosts)
            || grown(self.sessions, evidence.sessions)
            || evidence.arguments.iter().any(|it| {
                is_new(&it.shape) && it.events.saturating_mul(SHARE_OF_NEW_SHAPE) >= evidence.events
            })
    }
}

/// What a change proposes, wherever its rules stand: kind, target, and the rules that go and come
/// with action and condition. Two changes with the same identity ask the reviewer the same thing.
pub fn identity(change: &Change) -> String {
    let rules = |rules: &[PlacedRule]| {
        let text = |it: &PlacedRule| format!("{} {:?} {:?}", it.action, it.pattern, it.when);
        rules.iter().map(text).collect::<Vec<String>>().join(" | ")
    };
    format!(
        "{} {}: {} -> {}",
        change.kind,
        change.target,
        rules(&change.before),
        rules(&change.after)
    )
}

/// The rejection that keeps `change` from being proposed again, `None` where it may be.
pub fn hidden_by<'a>(rejections: &'a [Rejection], change: &Change) -> Option<&'a Rejection> {
    let identity = identity(change);
    rejections
        .iter()
        .find(|it| it.identity == identity && !it.mark.is_outgrown_by(&change.evidence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::SeenShape;

    fn evidence(units: u64, hosts: u64, shapes: &[(&str, u64)]) -> ChangeEvidence {
        ChangeEvidence {
            units,
            hosts,
            sessions: units,
            events: shapes.iter().map(|it| it.1).sum(),
            arguments: shapes
                .iter()
                .map(|(shape, events)| SeenShape { shape: (*shape).to_owned(), events: *events })
                .collect(),
            ..ChangeEvidence::default()
        }
    }

    #[test]
    fn evidence_is_new_where_it_has_doubled_or_has_a_new_shape() {
        let then = EvidenceMark::of(&evidence(10, 2, &[("git push", 40)]));
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
        let nothing = EvidenceMark::of(&evidence(0, 0, &[]));
        assert!(!nothing.is_outgrown_by(&evidence(0, 0, &[])));
        assert!(nothing.is_outgrown_by(&evidence(1, 1, &[("ls", 1)])));
    }
}
