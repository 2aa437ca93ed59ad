//! Replay against a slow model, and right and wrong case by case.
use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    batch::{Change, ChangeEvidence, ChangeKind, ChangeState, PlacedRule, Target},
    commands::split,
    events::{Action, Day, Outcome, Unit},
    pipeline::suggest::Params,
    policy::{Engine, Role, Rule, RuleAction, Subject},
    settings::Settings,
};

const DAY_US: i64 = 86_400_000_000;

fn tally(line: &str, session: u32, day: i32, outcome: Outcome) -> Tally {
    let at = Timestamp(i64::from(day) * DAY_US + i64::from(session) * 60_000_000);
    Tally {
        action: Arc::new(Action::Command { argv: split(line).unwrap(), cwd: None }),
        unit: Unit {
            hostname: format!("host-{}", session % 2).into(),
            session_id: format!("s-{session}").into(),
            day: Day(day),
        },
        outcome,
        n_events: 1 + u64::from(session % 3),
        first: at,
        last: at,
        event_id: format!("e-{line}-{session}-{day}").into(),
    }
}

fn role(rules: &[(&str, RuleAction)]) -> Role {
    let mut role = Role::new("r");
    let rule = |(n, (pattern, action)): (usize, &(&str, RuleAction))| Rule {
        rule_id: format!("r-{n}"),
        pattern: (*pattern).to_owned(),
        action: *action,
        when: BTreeMap::new(),
        risk: None,
        rationale: None,
    };
    role.rules = rules.iter().enumerate().map(rule).collect();
    role
}

fn change(kind: ChangeKind, before: &[&str], after: &[(&str, RuleAction)]) -> Change {
    let placed = |pattern: &str, action| PlacedRule {
        pattern: pattern.to_owned(),
        action,
        position: 1,
        when: BTreeMap::new(),
        rule_id: None,
    };
    Change {
        change_id: "c".to_owned(),
        ordinal: 1,
        kind,
        target: Target::Command,
        before: before.iter().map(|it| placed(it, RuleAction::Allow)).collect(),
        after: after.iter().map(|(pattern, action)| placed(pattern, *action)).collect(),
        confidence: 0.8,
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

/// Whether a change proved right, given the role before and after it and what came.
fn is_right(old: &Role, new: &Role, change: Change, lines: &[&str]) -> bool {
    let later: Vec<Tally> = lines.iter().map(|it| tally(it, 1, 5, Outcome::Allowed)).collect();
    let replayed = replay(old, new, &[], &later, &BTreeMap::new());
    replayed.outcomes.judge(&[change]).first().unwrap().right
}

#[test]
fn an_added_allow_is_right_where_a_later_event_needs_it() {
    use RuleAction::Allow;
    let (old, new) = (role(&[]), role(&[("git log *", Allow), ("git diff *", Allow)]));
    let add = |pattern| change(ChangeKind::Add, &[], &[(pattern, Allow)]);
    let lines = ["bash -c 'git log -3 && make'", "git status"];
    assert!(
        is_right(&old, &new, add("git log *"), &lines),
        "needed inside a script that is stopped"
    );
    assert!(!is_right(&old, &new, add("git diff *"), &lines));
}

#[test]
fn what_stops_is_right_where_it_stops_nothing() {
    use RuleAction::{Allow, Deny, RequireApproval};
    let old = role(&[("git *", Allow)]);
    let new =
        role(&[("git push *--force*", Deny), ("git push *", RequireApproval), ("git *", Allow)]);
    let deny = || change(ChangeKind::Add, &[], &[("git push *--force*", Deny)]);
    let ask = || change(ChangeKind::Add, &[], &[("git push *", RequireApproval)]);
    assert!(is_right(&old, &new, deny(), &["git push origin main", "git status"]));
    assert!(!is_right(&old, &new, deny(), &["git push --force"]));
    assert!(is_right(&old, &new, ask(), &["git push --force"]));
    assert!(!is_right(&old, &new, ask(), &["git push origin main"]));
}

#[test]
fn what_takes_away_is_right_where_nothing_misses_it() {
    use RuleAction::Allow;
    let old = role(&[("git status *", Allow), ("git log *", Allow)]);
    let narrowed = role(&[("git status *", Allow), ("git log -3", Allow)]);
    let narrow = || change(ChangeKind::Modify, &["git log *"], &[("git log -3", Allow)]);
    assert!(is_right(&old, &narrowed, narrow(), &["git log -3", "git status", "git tag"]));
    assert!(!is_right(&old, &narrowed, narrow(), &["git log -5"]));
    // What another rule lost is not held against it.
    let gone = role(&[("git status *", Allow)]);
    let remove = |pattern| change(ChangeKind::Remove, &[pattern], &[]);
    assert!(is_right(&old, &gone, remove("git status *"), &["git log"]));
    assert!(!is_right(&old, &gone, remove("git log *"), &["git log"]));
}

#[test]
fn stops_are_told_with_rule_examples_and_what_was_seen_before() {
    use RuleAction::{Allow, Deny};
    let new = role(&[("rm -rf *", Deny), ("git *", Allow)]);
    let learned =
        [tally("cat a", 1, 1, Outcome::Allowed), tally("cat -n b", 2, 1, Outcome::Allowed)];
    let later = [
        tally("cat c", 3, 5, Outcome::Allowed),
        tally("bash -c 'git add . && rm -rf target && cat c'", 4, 5, Outcome::Allowed),
        tally("bash -c '$X y'", 4, 5, Outcome::WouldBlock),
        tally("git push", 5, 5, Outcome::Blocked),
    ];
    let replay = replay(&new, &new, &learned, &later, &BTreeMap::new()).replay;
    assert_eq!(replay.coverage, Coverage { events: 5, allowed: 0, asked: 0, stopped: 5 });
    assert_eq!(replay.refused, Refused { events: 3, allowed: 3 });
    assert_eq!((replay.sessions, replay.sessions_unstopped), (2, 0));
    let shown: Vec<_> = replay
        .stops
        .iter()
        .map(|it| {
            (it.command.as_str(), it.rule.as_deref(), it.events, it.sessions, it.units_before)
        })
        .collect();
    assert_eq!(
        shown,
        [("cat", None, 3, 2, 2), ("bash", None, 2, 1, 0), ("rm", Some("rm -rf *"), 2, 1, 0),]
    );
    assert_eq!(replay.stops[0].examples[0].line, "cat c");
    assert!(replay.stops[1].reason.contains("computed_name"), "{}", replay.stops[1].reason);
    assert_eq!(replay.stops[2].reason, "rule `rm -rf *` says deny");
}

#[test]
fn too_short_a_part_suggests_nothing_and_is_decided_all_the_same() {
    let learned = [tally("git status", 1, 1, Outcome::Allowed)];
    let later = [tally("git status", 2, 3, Outcome::Allowed)];
    let run = run_on(role(&[("git *", RuleAction::Allow)]), &learned, &later);
    assert!(run.silence.unwrap().contains("too short"));
    assert_eq!(run.suggested, None);
    assert_eq!((run.replay.coverage.allowed, run.without.allowed), (3, 3));
}

#[test]
fn a_steady_habit_is_learned_and_holds() {
    let day = |day| {
        move |session: u32| {
            ["git status --short", "go test ./...", "bash -c 'git diff | head -20'"]
                .map(|line| tally(line, session, day, Outcome::Allowed))
        }
    };
    let part = |days: std::ops::Range<i32>| -> Vec<Tally> {
        days.flat_map(|it| (0..6).flat_map(day(it))).collect()
    };
    let run = run_on(role(&[]), &part(1..8), &part(8..12));
    assert_eq!(run.replay.stops, []);
    assert_eq!(run.without.allowed, 0);
    assert_eq!(run.replay.sessions_unstopped, run.replay.sessions);
    assert!(
        !run.changes.is_empty() && run.changes.iter().filter(|it| it.allows).all(|it| it.right)
    );
    assert_eq!(run.replay.days.len(), 4);
    assert_eq!(run.calibration.changes.scores.pairs, run.changes.len() as u64);
}

fn run_on(role: Role, learned: &[Tally], later: &[Tally]) -> Backtest {
    let params = Params {
        from: Timestamp(0),
        to: Timestamp(8 * DAY_US),
        since: None,
        generated_at: Timestamp(0),
        minimum_hours: 48.0,
        confidence_threshold: 0.6,
    };
    let seen = Seen {
        role,
        tallies: learned.to_vec(),
        settings: Settings::default(),
        background: crate::feedback::Background::default(),
        params,
    };
    backtest(&seen, later, &BTreeMap::new(), 0.7, Timestamp(8 * DAY_US)).unwrap()
}

/// The model: every tally on its own, one after the other.
fn slow(
    role: &Role,
    later: &[Tally],
    variables: &BTreeMap<String, BTreeMap<String, String>>,
) -> (Coverage, Refused) {
    let (mut coverage, mut refused) = (Coverage::default(), Refused::default());
    for tally in later {
        let Action::Command { argv, .. } = &*tally.action else { continue };
        let none = BTreeMap::new();
        let variables = variables.get(&*tally.unit.hostname).unwrap_or(&none);
        let decision = Engine::new(role, variables).decide(&Subject::Command(argv)).decision;
        if tally.outcome == Outcome::Blocked {
            refused.events += tally.n_events;
            refused.allowed += if decision.passes() { tally.n_events } else { 0 };
            continue;
        }
        coverage.events += tally.n_events;
        match decision {
            RuleAction::RequireApproval => coverage.asked += tally.n_events,
            it if it.passes() => coverage.allowed += tally.n_events,
            _ => coverage.stopped += tally.n_events,
        }
    }
    (coverage, refused)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The replay counts what the model counts, in any order, and its parts sum up.
    #[test]
    fn a_replay_counts_every_event_once(
        acts in prop::collection::vec((0_usize..7, 0_u32..6, 1_i32..5, 0_usize..3), 0..40),
        seed in any::<u64>(),
    ) {
        const LINES: [&str; 7] = [
            "git status", "git push --force", "make", "bash -c 'git status; make x'",
            "deploy prod", "deploy dev", "bash -c 'cd x && git log | head'",
        ];
        use RuleAction::{Alert, Allow, Deny, RequireApproval};
        let mut role = role(&[
            ("git push *", Deny), ("git *", Allow), ("make *", RequireApproval),
            ("deploy {{env}}", Allow), ("head *", Alert),
        ]);
        role.rules[3].when = BTreeMap::from([("env".to_owned(), vec!["dev".to_owned(), "prod".to_owned()])]);
        let env = |value: &str| BTreeMap::from([("env".to_owned(), value.to_owned())]);
        let variables = BTreeMap::from([("host-0".to_owned(), env("dev")), ("host-1".to_owned(), env("prod"))]);
        let mut later: Vec<Tally> = acts
            .iter()
            .map(|(line, session, day, outcome)| tally(LINES[*line], *session, *day, Outcome::ALL[*outcome]))
            .collect();
        let forward = replay(&role, &role, &[], &later, &variables);
        let (coverage, refused) = slow(&role, &later, &variables);
        prop_assert_eq!(forward.replay.coverage, coverage);
        prop_assert_eq!(forward.without, coverage);
        prop_assert_eq!(forward.replay.refused, refused);
        prop_assert_eq!(coverage.events, coverage.allowed + coverage.asked + coverage.stopped);
        let of_days = forward.replay.days.iter().fold(Coverage::default(), |all, it| all.plus(&it.coverage));
        prop_assert_eq!(of_days, coverage);
        // Any other order of the tallies is the same replay.
        let len = later.len().max(1);
        later.rotate_left(usize::try_from(seed % 97).unwrap() % len);
        later.reverse();
        prop_assert_eq!(replay(&role, &role, &[], &later, &variables).replay, forward.replay);
    }
}
