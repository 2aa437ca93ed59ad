//! Verdicts by example, and one law: what is accepted always has what it requires.
use proptest::prelude::*;

use super::*;
use crate::review::merge::tests::{batch, change};

/// A batch of changes; `requires` gives (change, required) by ordinal.
fn of(n: u64, requires: &[(u64, u64)]) -> SuggestionBatch {
    let mut changes: Vec<Change> = (1..=n).map(|it| change(it, Vec::new(), Vec::new())).collect();
    for (ordinal, required) in requires {
        let change = changes.iter_mut().find(|it| it.ordinal == *ordinal).unwrap();
        change.requires.push(format!("c{required}"));
    }
    batch(changes)
}

fn states(batch: &SuggestionBatch) -> String {
    let letter = |it: &Change| it.state.as_str().chars().next().unwrap();
    batch.changes.iter().map(letter).collect()
}

fn accept(changes: &[u64]) -> Verdict {
    Verdict::Accept { changes: changes.to_vec() }
}

fn reject(changes: &[u64]) -> Verdict {
    Verdict::Reject { changes: changes.to_vec(), reason: Some("no".to_owned()) }
}

#[test]
fn what_is_required_comes_along_and_says_so() {
    let mut batch = of(4, &[(3, 2), (2, 1)]);
    let rulings = rule_on(&mut batch, &accept(&[3])).unwrap();
    assert_eq!(states(&batch), "aaap");
    let reasons: Vec<Option<&str>> = rulings.iter().map(|it| it.reason.as_deref()).collect();
    assert_eq!(reasons, [Some("change 2 requires it"), Some("change 3 requires it"), None]);
}

#[test]
fn what_requires_a_rejected_change_is_rejected_and_says_so() {
    let mut batch = of(4, &[(3, 2), (2, 1)]);
    rule_on(&mut batch, &accept(&[3])).unwrap();
    let rulings = rule_on(&mut batch, &reject(&[1])).unwrap();
    assert_eq!(states(&batch), "rrrp");
    assert_eq!(rulings[2].reason.as_deref(), Some("it requires change 2, which is rejected"));
    assert!(rulings[2].follows && !rulings[0].follows);

    let blocked = rule_on(&mut batch, &accept(&[3])).unwrap_err();
    assert_eq!(blocked, BadVerdict::Blocked { ordinal: 3, required: 2 });
    assert_eq!(states(&batch), "rrrp");
    // All of them named is a change of mind.
    rule_on(&mut batch, &accept(&[1, 2, 3])).unwrap();
    assert_eq!(states(&batch), "aaap");
}

#[test]
fn without_ordinals_a_verdict_is_about_what_is_open() {
    let mut batch = of(3, &[]);
    rule_on(&mut batch, &reject(&[2])).unwrap();
    assert_eq!(rule_on(&mut batch, &accept(&[])).unwrap().len(), 2);
    assert_eq!(states(&batch), "ara");
    rule_on(&mut batch, &reject(&[])).unwrap();
    assert_eq!(states(&batch), "rrr");
}

#[test]
fn a_reviewers_patterns_stand_with_the_proposed_action() {
    let mut batch = of(2, &[(2, 1)]);
    batch.changes[1].after = vec![PlacedRule {
        pattern: "rm *".to_owned(),
        action: RuleAction::Deny,
        position: 7,
        when: crate::policy::When::new(),
        rule_id: None,
    }];
    let mut modify = |patterns: &[&str], action| {
        let patterns = patterns.iter().map(|it| (*it).to_owned()).collect();
        rule_on(&mut batch, &Verdict::Modify { change: 2, patterns, action, reason: None })
            .map(|_| (states(&batch), batch.changes[1].modified_after.clone().unwrap()))
    };
    let (states, after) = modify(&["rm -r *", "rm -f *"], None).unwrap();
    assert_eq!(states, "am");
    assert!(after.iter().all(|it| it.action == RuleAction::Deny && it.position == 7));
    let (_, after) = modify(&["rm *"], Some(RuleAction::RequireApproval)).unwrap();
    assert_eq!((after.len(), after[0].action), (1, RuleAction::RequireApproval));
    assert_eq!(modify(&[" "], None).unwrap_err(), BadVerdict::NoPattern { ordinal: 2 });
}

#[test]
fn a_closed_batch_and_a_change_that_is_not_there_are_refused() {
    let mut batch = of(2, &[]);
    let err = rule_on(&mut batch, &accept(&[3])).unwrap_err().to_string();
    assert_eq!(err, "batch `b` has no change 3, they are 1 to 2");
    batch.status = BatchStatus::Applied;
    assert!(matches!(rule_on(&mut batch, &accept(&[1])), Err(BadVerdict::Closed { .. })));
}

proptest! {
    #[test]
    fn what_is_accepted_has_what_it_requires(
        requires in prop::collection::vec((1..7_u64, 1..7_u64), 0..8),
        verdicts in prop::collection::vec((any::<bool>(), prop::collection::vec(1..7_u64, 0..3)), 1..6),
    ) {
        let mut batch = of(6, &requires);
        for (is_accept, changes) in verdicts {
            let verdict = if is_accept { accept(&changes) } else { reject(&changes) };
            let before = batch.clone();
            if rule_on(&mut batch, &verdict).is_err() {
                prop_assert_eq!(&batch, &before);
            }
            for change in batch.changes.iter().filter(|it| it.state == ChangeState::Accepted) {
                prop_assert!(required(&batch, change).all(|it| it.state == ChangeState::Accepted));
            }
        }
    }
}
