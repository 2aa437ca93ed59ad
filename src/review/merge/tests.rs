//! Laws of the merge, against a model that writes the merged list down; and its conflicts, by example.
use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    batch::{BatchStatus, ChangeEvidence, ChangeKind, Summary, Window},
    events::Timestamp,
    policy::RuleAction,
    risk::RiskLevel,
};

/// One place of the merged list, for the model.
#[derive(Clone, Debug)]
enum Place {
    /// A rule of the role, and the change that takes it away.
    Old(Option<usize>),
    /// A rule of a change.
    New(usize),
}

const N_CHANGES: usize = 4;

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        proptest::option::of(0..N_CHANGES).prop_map(Place::Old),
        (0..N_CHANGES).prop_map(Place::New),
    ]
}

fn rule(id: &str, pattern: &str) -> Rule {
    Rule {
        rule_id: id.to_owned(),
        pattern: pattern.to_owned(),
        action: RuleAction::Allow,
        when: BTreeMap::new(),
        risk: None,
        rationale: None,
    }
}

fn placed(pattern: &str, position: usize, id: Option<&str>) -> PlacedRule {
    PlacedRule {
        pattern: pattern.to_owned(),
        action: RuleAction::Allow,
        position: position as u64,
        when: BTreeMap::new(),
        rule_id: id.map(str::to_owned),
    }
}

pub(in crate::review) fn change(
    ordinal: u64,
    before: Vec<PlacedRule>,
    after: Vec<PlacedRule>,
) -> Change {
    Change {
        change_id: format!("c{ordinal}"),
        ordinal,
        kind: ChangeKind::Modify,
        target: Target::Command,
        before,
        after,
        confidence: 0.9,
        risk: RiskLevel::Low,
        reasoning: String::new(),
        risk_if_wrong: String::new(),
        evidence: ChangeEvidence::default(),
        effects: Vec::new(),
        techniques: Vec::new(),
        requires: Vec::new(),
        factors: Vec::new(),
        scopes: Vec::new(),
        state: ChangeState::Pending,
        modified_after: None,
    }
}

pub(in crate::review) fn batch(changes: Vec<Change>) -> SuggestionBatch {
    SuggestionBatch {
        schema_version: "1.0".to_owned(),
        batch_id: "b".to_owned(),
        role: "r".to_owned(),
        role_revision: 1,
        status: BatchStatus::Pending,
        generated_at: Timestamp(0),
        window: Window { from: Timestamp(0), to: Timestamp(0), hours: 0.0 },
        hosts: 1,
        sessions: 1,
        events: 1,
        confidence: 0.9,
        risk: RiskLevel::Low,
        summary: Summary::default(),
        changes,
        findings: crate::batch::Findings::default(),
    }
}

/// The role and the batch that a merged list describes.
fn build(merged: &[Place]) -> (Role, SuggestionBatch) {
    let mut role = Role::new("r");
    let mut changes: Vec<Change> =
        (0..N_CHANGES).map(|idx| change(idx as u64 + 1, Vec::new(), Vec::new())).collect();
    for (at, place) in merged.iter().enumerate() {
        match place {
            Place::Old(taken) => {
                let id = format!("o{at}");
                role.rules.push(rule(&id, &id));
                if let Some(by) = taken {
                    let position = role.rules.len();
                    changes[*by].before.push(placed(&id, position, Some(&id)));
                }
            }
            Place::New(by) => changes[*by].after.push(placed(&format!("n{at}"), at + 1, None)),
        }
    }
    (role, batch(changes))
}

/// The model: the merged list without what goes and what is not accepted.
fn model(merged: &[Place], accepted: [bool; N_CHANGES]) -> Vec<String> {
    let stays = |(at, place): (usize, &Place)| match place {
        Place::Old(taken) => (!taken.is_some_and(|by| accepted[by])).then(|| format!("o{at}")),
        Place::New(by) => accepted[*by].then(|| format!("n{at}")),
    };
    merged.iter().enumerate().filter_map(stays).collect()
}

fn patterns(role: &Role) -> Vec<String> {
    role.rules.iter().map(|it| it.pattern.clone()).collect()
}

fn accept(batch: &mut SuggestionBatch, accepted: [bool; N_CHANGES]) {
    for (change, accepted) in batch.changes.iter_mut().zip(accepted) {
        change.state = if accepted { ChangeState::Accepted } else { ChangeState::Rejected };
    }
}

#[test]
fn what_comes_for_a_rule_keeps_the_risk_that_it_declares() {
    let mut role = Role::new("r");
    role.rules = vec![rule("r-1", "git *"), rule("r-2", "npm *")];
    let before = vec![placed("git *", 1, Some("r-1")), placed("npm *", 2, Some("r-2"))];
    let narrowed = vec![placed("git status *", 1, None), placed("npm test *", 2, None)];
    let added = vec![placed("ls *", 3, None)];
    let changes = vec![change(1, before, narrowed), change(2, Vec::new(), added)];
    let mut batch = batch(changes);
    accept(&mut batch, [true; N_CHANGES]);
    // Declared since the batch was made: that counts.
    let mut current = role.clone();
    current.rules[0].risk = Some(RiskLevel::Medium);
    current.rules[1].risk = Some(RiskLevel::High);
    let merged = merge(&role, &current, &batch).unwrap();
    assert_eq!(patterns(&merged), ["git status *", "npm test *", "ls *"]);
    let declared: Vec<Option<RiskLevel>> = merged.rules.iter().map(|it| it.risk).collect();
    assert_eq!(declared, [Some(RiskLevel::High), Some(RiskLevel::High), None]);
}

proptest! {
    #[test]
    fn every_subset_is_the_merged_list_less_what_goes(
        merged in vec(place(), 0..12),
        accepted in proptest::array::uniform4(any::<bool>()),
    ) {
        let (role, mut batch) = build(&merged);
        accept(&mut batch, accepted);
        let result = merge(&role, &role, &batch).unwrap();
        prop_assert_eq!(patterns(&result), model(&merged, accepted));
    }

    #[test]
    fn the_order_of_the_changes_does_not_matter(
        merged in vec(place(), 0..12),
        accepted in proptest::array::uniform4(any::<bool>()),
    ) {
        let (role, mut batch) = build(&merged);
        accept(&mut batch, accepted);
        let forward = merge(&role, &role, &batch).unwrap();
        batch.changes.reverse();
        prop_assert_eq!(forward, merge(&role, &role, &batch).unwrap());
    }

    #[test]
    fn nothing_accepted_changes_nothing_wherever_the_role_has_gone(
        merged in vec(place(), 0..12),
        moved in vec((0..12_usize, any::<bool>()), 0..6),
    ) {
        let (base, batch) = build(&merged);
        let mut current = base.clone();
        for (n, (at, is_insert)) in moved.into_iter().enumerate() {
            let at = at.min(current.rules.len());
            if is_insert {
                current.rules.insert(at, rule(&format!("s{n}"), &format!("s{n}")));
            } else if at < current.rules.len() {
                current.rules.remove(at);
            }
        }
        prop_assert_eq!(merge(&base, &current, &batch).unwrap(), current);
    }

    #[test]
    fn what_came_since_stays_behind_its_predecessor_and_new_rules_keep_their_order(
        merged in vec(place(), 1..12),
        at in 0..12_usize,
    ) {
        let (base, mut batch) = build(&merged);
        accept(&mut batch, [true; N_CHANGES]);
        let mut current = base.clone();
        let at = at.min(base.rules.len());
        current.rules.insert(at, rule("s", "s"));
        let mut result = patterns(&merge(&base, &current, &batch).unwrap());
        let place = result.iter().position(|it| it == "s").unwrap();
        // Whatever stands before it and is old stood before it.
        for (idx, old) in base.rules.iter().enumerate() {
            if let Some(found) = result.iter().position(|it| *it == old.pattern) {
                prop_assert_eq!(found < place, idx < at);
            }
        }
        result.remove(place);
        prop_assert_eq!(result, model(&merged, [true; N_CHANGES]));
    }
}

#[test]
fn a_reviewers_rules_take_the_place_of_the_proposed() {
    let mut role = Role::new("r");
    role.rules = vec![rule("1", "a"), rule("2", "kubectl *"), rule("3", "z")];
    let narrow = change(
        1,
        vec![placed("kubectl *", 2, Some("2"))],
        vec![placed("kubectl get *", 2, None), placed("kubectl logs *", 3, None)],
    );
    let remove = change(2, vec![placed("z", 3, Some("3"))], Vec::new());
    let add = change(3, Vec::new(), vec![placed("end", 6, None)]);
    for (first, second, merged) in [
        (None, None, vec!["a", "kubectl get *", "kubectl logs *", "end"]),
        (Some(vec!["x"]), None, vec!["a", "x", "end"]),
        (Some(vec!["x", "y", "w"]), None, vec!["a", "x", "y", "w", "end"]),
        (
            None,
            Some(vec!["z *", "y *"]),
            vec!["a", "kubectl get *", "kubectl logs *", "z *", "y *", "end"],
        ),
    ] {
        let mut batch = batch(vec![narrow.clone(), remove.clone(), add.clone()]);
        for (change, written) in batch.changes.iter_mut().zip([first, second, None]) {
            change.state =
                if written.is_some() { ChangeState::Modified } else { ChangeState::Accepted };
            change.modified_after =
                written.map(|it| it.into_iter().map(|pattern| placed(pattern, 1, None)).collect());
        }
        assert_eq!(patterns(&merge(&role, &role, &batch).unwrap()), merged);
    }
}

#[test]
fn a_role_that_moved_on_conflicts_by_name_where_it_matters() {
    let mut base = Role::new("r");
    base.rules = vec![rule("1", "git *"), rule("2", "kubectl *"), rule("3", "ls")];
    let mut batch = batch(vec![
        change(1, vec![placed("kubectl *", 2, Some("2"))], vec![placed("kubectl get *", 3, None)]),
        change(2, Vec::new(), vec![placed("pwd", 5, None)]),
    ]);
    accept(&mut batch, [true; N_CHANGES]);
    let merged = |edit: &dyn Fn(&mut Vec<Rule>)| {
        let mut current = base.clone();
        edit(&mut current.rules);
        merge(&base, &current, &batch)
            .map(|it| patterns(&it))
            .map_err(|conflicts| conflicts.iter().map(ToString::to_string).collect::<Vec<String>>())
    };

    assert_eq!(merged(&|_| ()).unwrap(), ["git *", "kubectl get *", "ls", "pwd"]);
    // Another rule went, another came, another changed: none of this change's business.
    assert_eq!(merged(&|it| drop(it.remove(0))).unwrap(), ["kubectl get *", "ls", "pwd"]);
    assert_eq!(
        merged(&|it| it[2].pattern = "ls *".into()).unwrap(),
        ["git *", "kubectl get *", "ls *", "pwd"]
    );
    // The same rule was added by hand.
    assert_eq!(
        merged(&|it| it.push(rule("4", "pwd"))).unwrap(),
        ["git *", "kubectl get *", "ls", "pwd"]
    );

    let gone = merged(&|it| drop(it.remove(1))).unwrap_err();
    assert_eq!(gone, ["change 1 is about rule `kubectl *` (2), which has been removed since"]);
    let altered = merged(&|it| it[1].action = RuleAction::Deny).unwrap_err();
    assert_eq!(
        altered,
        ["change 1 is about rule `kubectl *` (2), which is `deny kubectl *` since"]
    );
    let reordered = merged(&|it| it.swap(0, 2)).unwrap_err();
    assert_eq!(reordered.len(), 2);
    assert!(reordered[0].contains("`kubectl *` (2)"));
}
