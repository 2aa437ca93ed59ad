//! However much activity there is, an analysis takes no more of it than it has room for: the newest days,
//! each whole, and it says so.
use std::collections::BTreeSet;

use policy_advisor::{
    clusters::{Room, observe, observe_within},
    events::{Action, Day, Tally, Timestamp},
    feedback::Background,
    lake::{self, Activity, Lake, LakeError, Window},
    pipeline::suggest::{Advice, Params, Silence, suggest},
    policy::Role,
};
use proptest::prelude::*;

use crate::{
    ingest::{Home, events},
    work::{params, tally, work},
};

/// Words of distinct commands, three more for each, and distinct beginnings of what was seen from a day
/// on.
fn n_distinct(tallies: &[Tally], since: Day) -> (usize, usize) {
    let (mut commands, mut heads) = (BTreeSet::new(), BTreeSet::new());
    for tally in tallies.iter().filter(|it| it.unit.day >= since) {
        if let Action::Command { argv, .. } = &*tally.action {
            heads.insert(argv.iter().take(2).collect::<Vec<_>>());
            commands.insert(argv);
        }
    }
    (commands.iter().map(|it| it.len() + 3).sum(), heads.len())
}

fn of_days(tallies: &[Tally], since: Day) -> Vec<Tally> {
    tallies.iter().filter(|it| it.unit.day >= since).cloned().collect()
}

proptest! {
    #[test]
    fn the_newest_days_that_fit_are_observed_as_if_there_were_no_others(
        seen in prop::collection::vec((0..6_usize, 0..4_usize, 0..9_usize, 1..12_i32), 0..60),
        n_words in 0..240_usize,
        n_heads in 0..16_usize,
    ) {
        let tallies: Vec<Tally> = seen
            .iter()
            .map(|(tool, verb, arg, day)| {
                tally(&format!("tool{tool} verb{verb} {arg}"), "h", "s", *day, 1)
            })
            .collect();
        let room = Room { n_words, n_heads };
        let fits = |since: i32| {
            let (words, heads) = n_distinct(&tallies, Day(since));
            words <= n_words && heads <= n_heads
        };
        // The slow model: one day more, as long as there is room.
        let since = (0..=12).rev().take_while(|day| fits(*day)).last().unwrap();
        let mut observed = observe_within(&tallies, room);
        let (since, alone) = if since == 0 {
            (None, observe(&tallies))
        } else {
            // Days without activity change nothing; the first one behind what has no room is named.
            let full = tallies.iter().map(|it| it.unit.day).filter(|it| it.0 < since).max();
            let since = full.unwrap().next();
            (Some(since), observe(&of_days(&tallies, since)))
        };
        prop_assert_eq!(observed.since.take(), since);
        prop_assert_eq!(format!("{observed:?}"), format!("{alone:?}"));
    }
}

/// 200,000 of these took 1.5 GiB while only plain words behind the binary counted.
#[test]
fn what_stands_where_a_subcommand_would_takes_room_however_it_is_spelled() {
    let room = Room { n_words: 1_000, n_heads: 1 };
    for (older, newer) in [("git Xa --x", "git Xb --x"), ("gh pr one --x", "gh pr two --x")] {
        let tallies = [(older, 1), (newer, 2)].map(|(line, day)| tally(line, "h", "s", day, 1));
        assert_eq!(observe_within(&tallies, room).since, Some(Day(2)), "{older}");
    }
}

#[test]
fn a_lake_gives_the_newest_days_that_fit_or_says_from_when_on_they_do() {
    let home = Home::new();
    // A hundred actions by session and host a day, on five days.
    home.write("a.log", events(0..500));
    home.ingest();
    let manifest = home.runtime.block_on(home.store().manifest()).unwrap();
    let lake = Lake::open(home.data()).unwrap();
    let all = lake.tallies(&manifest.parts, "default", Window::ALL).unwrap();
    let newest = all.iter().map(|it| it.unit.day).max().unwrap();
    let take = |n_tallies, n_bytes| {
        let room = lake::Room { n_tallies, n_bytes };
        lake.newest_tallies(&manifest.parts, "default", Window::ALL, room).unwrap()
    };
    assert_eq!(take(500, 1 << 20), Activity { tallies: all.clone(), since: None });
    let two_days = Day(newest.0 - 1);
    let some = Activity { tallies: of_days(&all, two_days), since: Some(two_days) };
    assert_eq!(some.tallies.len(), 200);
    assert_eq!(take(250, 1 << 20), some);
    assert_eq!(take(200, 1 << 20), some);
    let none = Activity { tallies: Vec::new(), since: Some(newest.next()) };
    assert_eq!(take(99, 1 << 20), none);
    assert_eq!(take(500, 3), none, "text takes room, too");
    let told = LakeError::TooMuch { since: two_days }.to_string();
    assert!(told.contains("`--from 2026-01-04T00:00:00Z`"), "{told}");
}

#[test]
fn advice_for_the_newest_days_says_that_it_is_for_these() {
    let tallies = work(3, 9);
    let (newest, since) = (of_days(&tallies, Day(5)), Some(Day(5)));
    let advise = |minimum_hours| {
        let params = Params { since, minimum_hours, ..params(9) };
        suggest(&Role::new("new"), &newest, &params, &Background::default())
    };
    let Advice::Batch(batch) = advise(24.0) else { panic!("no batch") };
    assert_eq!(batch.window.from, Day(5).start());
    assert_eq!(batch.findings.left_out.activity_before, Some(Day(5).start()));
    let from_there = Params { from: Timestamp(Day(5).start().0), ..params(9) };
    let Advice::Batch(same) =
        suggest(&Role::new("new"), &newest, &from_there, &Background::default())
    else {
        panic!("no batch")
    };
    assert_eq!((same.batch_id, same.changes), (batch.batch_id, batch.changes));
    // Too few days, and not because there was too little.
    let Advice::Nothing(silence) = advise(24.0 * 30.0) else { panic!("a batch") };
    assert!(matches!(silence, Silence::TooMuch { busiest: Some(_), .. }), "{silence:?}");
    let told = silence.to_string();
    assert!(told.contains("there is room for none before 1970-01-06"), "{told}");
}
