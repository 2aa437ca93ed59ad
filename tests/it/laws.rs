//! The laws of the rule language, each with its name: the engine and the proofs against the slow model.

use std::collections::BTreeMap;

use policy_advisor::{
    commands::split,
    policy::{
        Engine, Evaluation, Role, Rule, RuleAction, Subject, model,
        proof::{self, LineKind},
    },
};
use proptest::prelude::*;

pub(crate) fn roles(pattern: &'static str) -> impl Strategy<Value = Role> {
    let action = prop::sample::select(RuleAction::ALL);
    let rules = prop::collection::vec((pattern, action.clone()), 0..7);
    (rules, action, any::<bool>()).prop_map(|(rules, default_action, strictest)| {
        let mut role = Role::new("r");
        role.default_action = default_action;
        role.evaluation =
            if strictest { Evaluation::DenyOverrides } else { Evaluation::FirstMatch };
        role.rules = rules.into_iter().map(|(pattern, action)| rule(&pattern, action)).collect();
        role
    })
}

pub(crate) fn rule(pattern: &str, action: RuleAction) -> Rule {
    Rule::new(pattern, action)
}

fn decide(role: &Role, line: &str) -> RuleAction {
    Engine::new(role, &BTreeMap::new()).decide_line(line).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_engine_decides_as_the_model(
        role in roles(r"[ab *\\]{0,7}"),
        lines in prop::collection::vec(r"[ab *\\]{0,9}", 1..12),
    ) {
        let engine = Engine::new(&role, &BTreeMap::new());
        for line in lines {
            let (action, rule) = engine.decide_line(&line);
            let (want, idx) = model::decide(&role, &line);
            prop_assert_eq!(action, want, "{}", line);
            let place = |rule: &Rule| role.rules.iter().position(|it| std::ptr::eq(it, rule));
            prop_assert_eq!(rule.and_then(place), idx);
        }
    }

    #[test]
    fn first_match_wins(mut role in roles("[ab *]{1,5}"), line in "[ab ]{0,7}", action in prop::sample::select(RuleAction::ALL)) {
        role.evaluation = Evaluation::FirstMatch;
        role.rules.insert(0, rule("*", action));
        prop_assert_eq!(decide(&role, &line), action);
    }

    #[test]
    fn a_rule_behind_one_that_holds_it_changes_nothing(mut role in roles("[ab *]{1,5}"), line in "[ab ]{0,7}", at in any::<prop::sample::Index>(), action in prop::sample::select(RuleAction::ALL)) {
        prop_assume!(!role.rules.is_empty());
        role.evaluation = Evaluation::FirstMatch;
        let before = decide(&role, &line);
        let again = role.rules[at.index(role.rules.len())].pattern.clone();
        role.rules.push(rule(&again, action));
        prop_assert_eq!(decide(&role, &line), before);
    }

    #[test]
    fn deny_trumps_allow(mut role in roles("[ab *]{1,5}"), line in "[ab ]{0,7}", at in any::<prop::sample::Index>()) {
        role.evaluation = Evaluation::DenyOverrides;
        role.rules.insert(at.index(role.rules.len() + 1), rule("*", RuleAction::Deny));
        prop_assert!(decide(&role, &line).is_stop());
    }

    #[test]
    fn order_means_nothing_where_the_strictest_decides(mut role in roles("[ab *]{1,5}"), line in "[ab ]{0,7}") {
        role.evaluation = Evaluation::DenyOverrides;
        let before = decide(&role, &line);
        role.rules.reverse();
        prop_assert_eq!(decide(&role, &line), before);
    }

    #[test]
    fn a_further_rule_only_strengthens_where_the_strictest_decides(mut role in roles("[ab *]{1,5}"), line in "[ab ]{0,7}", new in ("[ab *]{1,5}", prop::sample::select(RuleAction::ALL))) {
        role.evaluation = Evaluation::DenyOverrides;
        let before = model::decide(&role, &line);
        role.rules.push(rule(&new.0, new.1));
        if before.1.is_some() {
            prop_assert!(decide(&role, &line) >= before.0);
        }
    }

    #[test]
    fn the_default_decides_where_no_rule_matches(role in roles("[ab *]{1,5}"), line in "[ab ]{0,7}") {
        if !role.rules.iter().any(|it| model::matches(&it.pattern, &line)) {
            prop_assert_eq!(decide(&role, &line), role.default_action);
        }
    }
}

/// Every canonical line over a small alphabet that has a letter no pattern names.
fn small_lines() -> &'static [String] {
    static LINES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let all = model::lines(&['a', 'b', 'c', '/', ' ', '\''], 6);
        let lines = proof::lines();
        let decided = [&lines.commands, &lines.calls];
        all.into_iter().filter(|line| decided.iter().any(|it| it.contains(line))).collect()
    });
    &LINES
}

/// The changes that enumeration finds among the lines of a language, by the rules' places.
fn enumerated(old: &Role, new: &Role, language: &proof::Language) -> Pairs {
    let lines: Vec<String> =
        small_lines().iter().filter(|line| language.contains(line)).cloned().collect();
    let changes = model::changes(old, new, &lines).into_iter();
    changes.map(|((old, new), line)| ((old.map(|it| it + 1), new.map(|it| it + 1)), line)).collect()
}

type Pairs = BTreeMap<(Option<usize>, Option<usize>), String>;

fn proved(old: &Role, new: &Role, kind: LineKind) -> Pairs {
    let found = proof::diff(old, new, &BTreeMap::new(), proof::MAX_STATES);
    assert_eq!(found.undecided, []);
    let changes = found.changes.into_iter().filter(|it| it.kind == kind);
    changes.map(|it| ((it.old.position, it.new.position), it.witness)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_difference_is_what_enumeration_finds(old in roles("[ab *]{1,5}"), new in roles("[ab *]{1,5}")) {
        let (found, want) = (proved(&old, &new, LineKind::Command), enumerated(&old, &new, &proof::lines().commands));
        for (pair, line) in &want {
            prop_assert_eq!(found.get(pair).map(String::len), Some(line.len()), "{:?} {}", pair, line);
        }
        for (pair, witness) in &found {
            prop_assert!(want.contains_key(pair) || witness.len() > 6, "{:?} {}", pair, witness);
            let (before, after) = (model::decide(&old, witness), model::decide(&new, witness));
            prop_assert_ne!(before.0, after.0);
            prop_assert_eq!((before.1.map(|it| it + 1), after.1.map(|it| it + 1)), *pair);
            prop_assert!(proof::lines().commands.contains(witness));
        }
    }

    #[test]
    fn the_difference_of_calls_is_what_enumeration_finds(old in roles("[ab/*]{1,5}"), new in roles("[ab/*]{1,5}")) {
        let calls = |role: &Role| Role { mcp_rules: role.rules.clone(), ..role.clone() };
        let found = proved(&calls(&old), &calls(&new), LineKind::Call);
        let want = enumerated(&old, &new, &proof::lines().calls);
        for (pair, line) in &want {
            prop_assert_eq!(found.get(pair).map(String::len), Some(line.len()), "{:?} {}", pair, line);
        }
        prop_assert!(found.iter().all(|(pair, line)| want.contains_key(pair) || line.len() > 6));
    }

    #[test]
    fn a_role_does_not_differ_from_itself(role in roles("[ab *]{1,5}")) {
        prop_assert_eq!(proof::diff(&role, &role, &BTreeMap::new(), proof::MAX_STATES), proof::Difference::default());
    }

    #[test]
    fn what_passes_is_what_enumeration_finds(role in roles("[ab *]{1,5}")) {
        let verifier = proof::Verifier::new(&role, &BTreeMap::new(), proof::MAX_STATES);
        let found = verifier.openings(&proof::lines().commands);
        let passing = small_lines().iter().find(|line| {
            proof::lines().commands.contains(line) && model::decide(&role, line).0.passes()
        });
        match passing {
            Some(line) => prop_assert_eq!(found.open[0].witness.len(), line.len()),
            None => prop_assert!(found.open.iter().all(|it| it.witness.len() > 6)),
        }
        for opening in &found.open {
            prop_assert!(model::decide(&role, &opening.witness).0.passes());
        }
    }

    #[test]
    fn every_witness_replays(old in roles("(git|sudo|ls|rm|bash|find|cd) ?[-af *']{0,4}"), new in roles("(git|sudo|ls|rm|bash|find|cd) ?[-af *']{0,4}")) {
        let found = proof::diff(&old, &new, &BTreeMap::new(), proof::MAX_STATES);
        let (before, after) = (Engine::new(&old, &BTreeMap::new()), Engine::new(&new, &BTreeMap::new()));
        for change in found.changes.iter().filter(|it| it.stands_alone && it.kind != LineKind::Call) {
            let argv = split(&change.witness).unwrap();
            let replay = |engine: &Engine<'_>| engine.decide(&Subject::Command(&argv)).decision;
            prop_assert_eq!(replay(&before), change.old.action, "{}", change.witness);
            prop_assert_eq!(replay(&after), change.new.action, "{}", change.witness);
        }
    }
}

#[test]
fn a_search_that_reaches_its_bound_says_so() {
    let mut old = Role::new("r");
    old.rules = vec![rule("*a*b*c*d*", RuleAction::Allow)];
    let new = Role::new("r");
    let found = proof::diff(&old, &new, &BTreeMap::new(), 1);
    assert!(!found.undecided.is_empty());
}
