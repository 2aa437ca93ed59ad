//! Each oddity with hits and look-alikes, and the order of the list.
use std::sync::Arc;

use super::*;
use crate::{
    clusters::observe,
    commands::split,
    events::{Action, Day, Outcome, Tally, Unit},
};

const DAY_US: i64 = 86_400_000_000;

fn tally(line: &str, session: u32, day: i32, outcome: Outcome, n_events: u64) -> Tally {
    let at = Timestamp(i64::from(day) * DAY_US + i64::from(session));
    Tally {
        action: Arc::new(Action::Command { argv: split(line).unwrap(), cwd: None }),
        unit: Unit {
            hostname: "host".into(),
            session_id: format!("s-{session}").into(),
            day: Day(day),
        },
        outcome,
        n_events,
        first: at,
        last: at,
        event_id: format!("{line} {session} {day} {outcome}").into(),
    }
}

/// Eight days of two sessions that only look around.
fn quiet() -> Vec<Tally> {
    let days = (0..8).flat_map(|day| (0..2).map(move |it| (day, it)));
    days.map(|(day, it)| tally("git status", it, day, Outcome::Allowed, 2)).collect()
}

fn odd(extra: Vec<Tally>) -> Vec<Anomaly> {
    let mut tallies = quiet();
    tallies.extend(extra);
    let forward = anomalies(&observe(&tallies), None);
    tallies.reverse();
    assert_eq!(anomalies(&observe(&tallies), None), forward, "order says nothing");
    forward.listed
}

fn oddities(extra: Vec<Tally>) -> Vec<Oddity> {
    odd(extra).into_iter().flat_map(|it| it.oddities).collect()
}

#[test]
fn quiet_work_has_no_anomalies() {
    assert_eq!(odd(Vec::new()), []);
}

#[test]
fn each_oddity_has_its_hits_and_its_look_alikes() {
    use Oddity::{Burst, New, Rare, Refused, Risky};
    use Outcome::{Allowed, Blocked};
    let once = |line, day, outcome, n_events| vec![tally(line, 0, day, outcome, n_events)];
    // Refused, whatever it is; then it ran in no unit.
    assert_eq!(oddities(once("git log", 2, Blocked, 1)), [Refused]);
    // High and critical acts, seen rarely; routine ones have a change of their own.
    assert_eq!(oddities(once("rm -rf /", 2, Allowed, 1)), [Risky, Rare]);
    // A kind that changes something and began in the last seventh of the window.
    assert_eq!(oddities(once("git commit -m x", 7, Allowed, 1)), [New, Rare]);
    assert_eq!(oddities(once("git log", 7, Allowed, 1)), [], "reads, and git is known");
    assert_eq!(oddities(once("strings core", 7, Allowed, 1)), [New], "reads, by a new binary");
    let often: Vec<Tally> = (0..4).map(|it| tally("git commit -m x", 0, it, Allowed, 1)).collect();
    assert_eq!(oddities(often), []);
    // Repetition in one unit; the same number over many is work.
    assert_eq!(oddities(once("git log", 2, Allowed, 500)), [Burst]);
    let spread: Vec<Tally> = (0..8).map(|it| tally("git log", 0, it, Allowed, 60)).collect();
    assert_eq!(oddities(spread), []);
}

#[test]
fn the_most_serious_come_first_with_their_events_and_reasons() {
    use Outcome::{Allowed, Blocked};
    let listed = odd(vec![
        tally("git log", 0, 2, Allowed, 500),
        tally("rm -rf /", 1, 3, Allowed, 1),
        tally("rm -rf /", 1, 3, Blocked, 2),
    ]);
    let [first, second] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((first.subject.as_str(), first.refused, first.events), ("rm", 2, 3));
    assert_eq!(first.event_ids, ["rm -rf / 1 3 blocked"]);
    assert_eq!(first.examples, ["rm -rf /"]);
    assert!(
        first.reason.starts_with("It was refused in 2 of 3 events, does what no role lets pass ("),
        "{}",
        first.reason
    );
    assert_eq!(second.reason, "It came 500 times in 1 unit.");
    assert_eq!(second.event_ids, ["git log 0 2 allowed"]);
}

#[test]
fn the_list_is_bounded_and_says_what_is_left_out() {
    let many = (0..50).map(|it| tally(&format!("tool{it} x"), 0, 2, Outcome::Blocked, 1));
    let mut tallies = quiet();
    tallies.extend(many);
    let found = anomalies(&observe(&tallies), None);
    assert_eq!((found.listed.len(), found.more), (MAX_ANOMALIES, 50 - MAX_ANOMALIES as u64));
}
