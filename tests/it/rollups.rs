//! Rollups: what was done a day is told by counts, and still is when the events are gone.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use policy_advisor::{
    events::Day,
    lake::{Lake, Rollup, RollupRow, Subject},
    store::By,
};

use crate::{
    ingest::{Home, event, events},
    upkeep::{ROLLUP_DAYS, at},
};

impl Home {
    fn rollups(&self) -> Vec<Rollup> {
        self.runtime.block_on(self.store().manifest()).unwrap().rollups
    }

    fn rollup(&self, day: &str) -> Vec<RollupRow> {
        let day = Day::parse(day).unwrap();
        let rollups = self.rollups();
        let rollup = rollups.iter().find(|it| it.day == day).unwrap();
        Lake::at(self.data()).rollup_rows(rollup).unwrap()
    }

    fn rollup_files(&self) -> Vec<PathBuf> {
        let days = fs::read_dir(self.data().join("lake/rollups")).unwrap();
        let files = days.flat_map(|day| fs::read_dir(day.unwrap().path()).unwrap());
        let mut files: Vec<PathBuf> = files.map(|it| it.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// Events, hosts and sessions of each shape on a day of January, counted by hand.
fn counted(
    day: usize,
    numbers: impl Iterator<Item = usize>,
) -> (u64, BTreeSet<usize>, BTreeSet<(usize, usize)>) {
    let mut res = (0, BTreeSet::new(), BTreeSet::new());
    for idx in numbers.filter(|idx| 1 + idx % 5 == day) {
        res.0 += 1;
        res.1.insert(idx % 3);
        res.2.insert((idx % 3, idx % 11));
    }
    res
}

/// A shell line of one host on the first day.
fn script(id: &str, line: &str, decision: &str) -> String {
    let line = serde_json::to_string(line).unwrap();
    format!(
        r#"{{"schema_version":"1.0","event_id":"{id}","timestamp":"2026-01-01T13:00:00Z","hostname":"host-0","event_type":"command_execution","binary":"bash","argv":["bash","-lc",{line}],"decision":"{decision}","session_id":"s0"}}"#
    ) + "\n"
}

#[test]
fn a_day_that_is_over_is_rolled_up_by_shape_and_again_when_late_events_come() {
    let home = Home::new();
    home.write("a.log", events(0..200));
    home.ingest();
    // The fifth day is not over yet.
    let done = home.upkeep("2026-01-05T23:00:00Z");
    assert_eq!((done.days_rolled_up, home.rollups().len()), (4, 4));
    let (n_events, hosts, sessions) = counted(1, 0..200);
    let rows = home.rollup("2026-01-01");
    let found: Vec<(&str, u64, u64, u64)> = rows
        .iter()
        .map(|it| (it.key.shape.as_deref().unwrap(), it.n_events, it.n_hosts, it.n_sessions))
        .collect();
    let wanted = ("git show <ref>", n_events, hosts.len() as u64, sessions.len() as u64);
    assert_eq!(found, [wanted]);
    assert_eq!(home.upkeep("2026-01-05T23:10:00Z").days_rolled_up, 0, "nothing has changed");

    home.write("late.log", script("late-1", "git status && git status | head -3", "would_block"));
    home.ingest();
    let before = home.rollup_files();
    let done = home.upkeep("2026-01-06T01:00:00Z");
    assert_eq!(done.days_rolled_up, 2, "the first, and the fifth for the first time");
    let rows = home.rollup("2026-01-01");
    let found: Vec<(&str, &str, u64)> = rows
        .iter()
        .map(|it| (it.key.shape.as_deref().unwrap(), it.key.decision.as_str(), it.n_events))
        .collect();
    let wanted = [
        ("git show <ref>", "allowed", n_events),
        ("git status", "would_block", 1),
        ("head -<number>", "would_block", 1),
    ];
    assert_eq!(found, wanted, "an event counts once in each of its shapes");
    let after = home.rollup_files();
    assert_eq!(after.len(), 5, "what was replaced is gone: {after:?}");
    assert_eq!(before.iter().filter(|it| after.contains(it)).count(), 3);
}

#[test]
fn rollups_are_the_same_whatever_parts_the_events_lie_in() {
    let rolled_up = |chunks: &[std::ops::Range<usize>]| {
        let home = Home::new();
        for (number, range) in chunks.iter().enumerate() {
            home.write(&format!("{number}.log"), events(range.clone()));
            home.ingest();
        }
        home.upkeep("2026-02-01T00:00:00Z");
        home.rollups()
    };
    let all = 0..120;
    let one = rolled_up(std::slice::from_ref(&all));
    let many = rolled_up(&[60..80, 0..20, 100..120, 20..60, 80..100]);
    assert_eq!((one.len(), &one), (5, &many));
}

#[test]
fn rollups_outlive_events_and_go_when_they_are_too_old_themselves() {
    let home = Home::new();
    home.write("a.log", events(0..50));
    home.ingest();
    let done = home.upkeep("2026-04-03T12:00:00Z");
    assert_eq!((done.days_rolled_up, done.parts_expired), (5, 2));
    assert_eq!(home.rollups().len(), 5);
    let kept = home.rollup("2026-01-01");
    // A late event of a day whose events are gone changes nothing of what was told of it.
    home.write("late.log", script("late-1", "git status", "allowed"));
    home.ingest();
    home.upkeep("2026-04-03T13:00:00Z");
    assert_eq!(home.rollup("2026-01-01"), kept);

    home.write("new.log", event(0).replace("event-0", "new").replace("2026-01-01", "2027-02-03"));
    home.ingest_at(at("2027-02-07T00:00:00Z"));
    let done = home.upkeep("2027-02-07T12:00:00Z");
    assert_eq!(ROLLUP_DAYS, 400);
    assert_eq!(done.rollups_expired, 2, "{done:?}");
    let days: Vec<String> = home.rollups().iter().map(|it| it.day.to_string()).collect();
    assert_eq!(days, ["2026-01-03", "2026-01-04", "2026-01-05", "2027-02-03"]);
    assert_eq!(home.rollup_files().len(), 4);
}

#[test]
fn what_is_erased_leaves_the_counts_of_days_whose_events_are_there() {
    let home = Home::new();
    home.write("a.log", events(0..60));
    home.ingest();
    home.upkeep("2026-02-01T00:00:00Z");
    home.forget(Subject::Host("host-1".to_owned()));
    home.upkeep("2026-02-01T01:00:00Z");
    for day in 1..=5 {
        let (n_events, hosts, _) = counted(day, (0..60).filter(|idx| idx % 3 != 1));
        let rows = home.rollup(&format!("2026-01-0{day}"));
        let found: Vec<(u64, u64)> = rows.iter().map(|it| (it.n_events, it.n_hosts)).collect();
        assert_eq!(found, [(n_events, hosts.len() as u64)], "{day}");
    }
}

#[test]
fn one_that_is_lost_is_told_and_made_again() {
    let home = Home::new();
    home.write("a.log", events(0..60));
    home.ingest();
    home.upkeep("2026-02-01T00:00:00Z");
    let rows = home.rollup("2026-01-02");
    let lost = home.rollup_files().remove(1);
    fs::remove_file(lost).unwrap();
    let manifest = home.runtime.block_on(home.store().manifest()).unwrap();
    assert_eq!(Lake::at(home.data()).inspect(&manifest).unwrap().lost_rollups.len(), 1);
    home.upkeep("2026-02-01T01:00:00Z");
    assert_eq!(home.rollup("2026-01-02"), rows);
}

#[test]
fn one_row_for_each_environment_and_role() {
    let home = Home::new();
    let store = home.store();
    let by = By { actor: "ana".to_owned(), at: at("2026-01-01T00:00:00Z") };
    let patterns = [("host-0", "prod"), ("host-1", "staging")];
    let patterns: Vec<(String, String)> =
        patterns.iter().map(|(host, value)| ((*host).to_owned(), (*value).to_owned())).collect();
    home.runtime.block_on(async {
        for (pattern, value) in &patterns {
            store
                .set_variable("env", value, std::slice::from_ref(pattern), None, &by)
                .await
                .unwrap();
        }
        store.close().await;
    });
    home.write(
        "a.log",
        events(0..30)
            + &event(0).replace("event-0", "other").replacen('{', "{\"role\":\"ops\",", 1),
    );
    home.ingest();
    home.upkeep("2026-02-01T00:00:00Z");
    let rows = home.rollup("2026-01-01");
    let found: BTreeMap<(&str, Option<&str>), u64> = rows
        .iter()
        .map(|it| ((it.key.role.as_str(), it.key.environment.as_deref()), it.n_events))
        .collect();
    let wanted = [
        (("default", None), 2),
        (("default", Some("prod")), 2),
        (("default", Some("staging")), 2),
        (("ops", Some("prod")), 1),
    ];
    assert_eq!(found, BTreeMap::from(wanted));
}
