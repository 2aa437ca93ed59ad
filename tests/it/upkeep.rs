//! Keeping house: what is too old goes, small files become one, what is erased is gone everywhere.
use std::{fs, path::PathBuf};

use policy_advisor::{
    events::Timestamp,
    lake::{Lake, Subject, Window},
    pipeline::upkeep::{Erased, Upkeep, forget, upkeep},
    store::By,
};

use crate::ingest::{Home, event, events, ids, ids_in_lake};

/// Days that rollups are kept in the tests.
pub(crate) const ROLLUP_DAYS: u32 = 400;

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

impl Home {
    pub(crate) fn upkeep(&self, now: &str) -> Upkeep {
        let (store, lake, now) = (self.store(), Lake::open(self.data()).unwrap(), at(now));
        self.runtime.block_on(async {
            let task = async move {
                let done = upkeep(&store, &lake, ROLLUP_DAYS, now, &|| ()).await;
                store.close().await;
                done
            };
            tokio::spawn(task).await.unwrap().unwrap()
        })
    }

    pub(crate) fn forget(&self, subject: Subject) -> Erased {
        let (store, lake) = (self.store(), Lake::open(self.data()).unwrap());
        let by = By { actor: "ana".to_owned(), at: at("2026-02-01T00:00:00Z") };
        self.runtime.block_on(async {
            let task = async move {
                let erased = forget(&store, &lake, &subject, &by, &|| ()).await;
                store.close().await;
                erased
            };
            tokio::spawn(task).await.unwrap().unwrap()
        })
    }

    fn n_parts(&self) -> usize {
        self.runtime.block_on(self.store().manifest()).unwrap().parts.len()
    }

    fn public_files(&self) -> Vec<PathBuf> {
        let days = fs::read_dir(self.data().join("lake/events")).unwrap();
        days.flat_map(|day| fs::read_dir(day.unwrap().path()).unwrap())
            .map(|it| it.unwrap().path())
            .collect()
    }
}

/// Numbers of the events of one day of January, of `0..end`.
fn of_days(days: &[usize], end: usize) -> Vec<String> {
    let mut ids: Vec<String> = (0..end)
        .filter(|it| days.contains(&(1 + it % 5)))
        .map(|it| format!("event-{it}"))
        .collect();
    ids.sort();
    ids
}

#[test]
fn days_that_are_too_old_go_with_their_files_and_stay_gone() {
    let home = Home::new();
    home.write("a.log", events(0..50));
    home.ingest();
    // 90 days are kept: the first two of five days are older.
    let done = home.upkeep("2026-04-03T12:00:00Z");
    assert_eq!((done.retention_days, done.parts_expired, done.events_expired), (90, 2, 20));
    assert!(done.bytes_freed > 0 && done.held_back.is_none());
    assert_eq!(ids_in_lake(home.data()), of_days(&[3, 4, 5], 50));
    assert_eq!(home.public_files().len(), 3);
    assert!(!home.data().join("lake/events/date=2026-01-01").exists(), "not even its directory");
    home.write("again/b.log", events(0..50) + "\n");
    let report = home.ingest();
    assert_eq!((report.accepted, report.parts_unknown), (0, 0), "{report:?}");
    assert_eq!(home.upkeep("2026-04-03T12:00:00Z").parts_expired, 0);
}

#[test]
fn a_role_that_keeps_longer_is_asked_and_a_wrong_clock_deletes_nothing() {
    let home = Home::new();
    home.write("a.log", events(0..50));
    home.ingest();
    let done = home.upkeep("2036-04-03T12:00:00Z");
    assert!(done.held_back.unwrap().contains("the clock is wrong"));
    assert_eq!((done.parts_expired, ids_in_lake(home.data())), (0, ids(0..50)));
}

/// Events of two roles on five days in a row, beside some of a role that nobody made.
fn lines_of_roles() -> String {
    let role = |idx: usize| ["brief", "long", "stranger"][idx % 3];
    let with = |idx: usize| event(idx).replacen('{', &format!("{{\"role\":\"{}\",", role(idx)), 1);
    (0..60).map(with).collect()
}

#[test]
fn each_role_keeps_its_events_for_its_own_days() {
    let home = Home::new();
    home.write("a.log", lines_of_roles());
    home.ingest();
    let by = By { actor: "ana".to_owned(), at: at("2026-02-01T00:00:00Z") };
    let store = home.store();
    home.runtime.block_on(async {
        for (role, days) in [("brief", Some("10")), ("long", Some("100")), ("", Some("20"))] {
            let role = (!role.is_empty()).then_some(role);
            if let Some(role) = role {
                let why = policy_advisor::store::Why::command("test");
                store
                    .create_role(policy_advisor::policy::Role::new(role), &why, &by)
                    .await
                    .unwrap();
            }
            let key = policy_advisor::settings::Key::RetentionDays;
            store.set_setting(role, key, days, &by).await.unwrap();
        }
        store.close().await;
    });
    let left = |home: &Home, role: usize, from_day: usize| -> Vec<String> {
        let kept = (0..60).filter(|it| it % 3 == role && 1 + it % 5 >= from_day);
        let mut left: Vec<String> = kept.map(|it| format!("event-{it}")).collect();
        left.sort();
        let all = ids_in_lake(home.data());
        let number = |id: &String| id.trim_start_matches("event-").parse::<usize>().unwrap();
        assert_eq!(
            all.iter().filter(|it| number(it) % 3 == role).cloned().collect::<Vec<_>>(),
            left
        );
        left
    };
    for (now, from_brief, from_stranger, n_expired) in [
        ("2026-01-11T12:00:00Z", 1, 1, 0),
        ("2026-01-13T12:00:00Z", 3, 1, 8),
        ("2026-01-13T18:00:00Z", 3, 1, 0),
        ("2026-01-24T12:00:00Z", 6, 4, 12 + 12),
    ] {
        let done = home.upkeep(now);
        assert_eq!(done.events_of_roles_expired, n_expired, "{now}");
        left(&home, 0, from_brief);
        left(&home, 1, 1);
        left(&home, 2, from_stranger);
    }
    // One that comes late is looked at, too; what was erased stays known.
    home.write(
        "late.log",
        lines_of_roles()
            + &event(0).replace("event-0", "late").replacen('{', "{\"role\":\"brief\",", 1),
    );
    assert_eq!(home.ingest().accepted, 1);
    assert_eq!(home.upkeep("2026-01-24T13:00:00Z").events_of_roles_expired, 1);
    left(&home, 1, 1);
}

#[test]
fn small_files_become_one_a_day_and_readers_who_began_before_read_on() {
    let home = Home::new();
    for number in 0..6 {
        home.write(&format!("{number}.log"), events(number * 10..number * 10 + 10));
        home.ingest();
    }
    let before = home.runtime.block_on(home.store().manifest()).unwrap();
    assert_eq!(before.parts.len(), 30);
    let lake = Lake::at(home.data());
    let tallies = lake.tallies(&before.parts, "default", Window::ALL).unwrap();

    let done = home.upkeep("2026-02-01T00:00:00Z");
    assert_eq!((done.parts_merged, done.parts_made, home.n_parts()), (30, 5, 5));
    assert_eq!(ids_in_lake(home.data()), ids(0..60), "outside readers see each event once");
    let after = home.runtime.block_on(home.store().manifest()).unwrap();
    assert_eq!(lake.tallies(&after.parts, "default", Window::ALL).unwrap(), tallies);
    assert_eq!(lake.tallies(&before.parts, "default", Window::ALL).unwrap(), tallies);
    assert_eq!(after.dropped.len(), 30);
    assert_eq!(home.upkeep("2026-02-01T00:30:00Z").parts_merged, 0);
    // An hour later nobody reads them any more, and their room is given back.
    home.upkeep("2026-02-01T01:00:01Z");
    let after = home.runtime.block_on(home.store().manifest()).unwrap();
    assert_eq!(after.dropped, []);
    assert_eq!(fs::read_dir(home.data().join("lake/dropped")).unwrap().count(), 0);
    assert_eq!(home.ingest().read, 0);
    home.write("7.log", events(55..70));
    assert_eq!((home.ingest().duplicates, ids_in_lake(home.data())), (5, ids(0..70)));
}

#[test]
fn a_host_that_is_forgotten_is_gone_everywhere_and_does_not_come_back() {
    let home = Home::new();
    home.write("a.log", events(0..60) + "bad line of host-1\nanother bad line\n");
    home.ingest();
    // Merged files hold it, too, and are still there for readers.
    for number in 0..4 {
        home.write(&format!("{number}.log"), events(60 + number * 5..65 + number * 5));
        home.ingest();
    }
    home.upkeep("2026-02-01T00:00:00Z");
    let erased = home.forget(Subject::Host("host-1".to_owned()));
    let left: Vec<String> = {
        let mut ids: Vec<String> =
            (0..80).filter(|it| it % 3 != 1).map(|it| format!("event-{it}")).collect();
        ids.sort();
        ids
    };
    assert_eq!((erased.events, erased.rejects), (80 - left.len() as u64, 1));
    assert_eq!(ids_in_lake(home.data()), left);
    let store = home.store();
    let hosts = home.runtime.block_on(store.hosts()).unwrap();
    let hosts: Vec<String> = hosts.into_iter().map(|it| it.hostname).collect();
    assert_eq!(hosts, ["host-0", "host-2"]);
    let trail = home.runtime.block_on(store.trail(1)).unwrap();
    assert_eq!((trail[0].act.as_str(), trail[0].subject.as_str()), ("lake.forget_host", "host-1"));
    // No file of the data directory names it, but the trail and what was read.
    for path in files_below(&home.data().join("lake")) {
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|it| it == b"host-1"), "{}", path.display());
    }
    home.write("copy.log", "\n".to_owned() + &events(0..80));
    let report = home.ingest();
    assert_eq!((report.accepted, report.duplicates), (0, 80));
    assert_eq!(ids_in_lake(home.data()), left);
    let again = home.forget(Subject::Host("host-1".to_owned()));
    assert_eq!((again.events, again.parts), (0, 0));
}

fn files_below(dir: &std::path::Path) -> Vec<PathBuf> {
    let mut res = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { res.extend(files_below(&path)) } else { res.push(path) }
    }
    res
}

#[test]
fn a_session_is_forgotten_by_its_name_and_not_by_a_pattern() {
    let home = Home::new();
    home.write("a.log", events(0..50) + &event(50).replace("\"s6\"", "\"%\""));
    home.ingest();
    assert_eq!(home.forget(Subject::Session("%".to_owned())).events, 1);
    assert_eq!(ids_in_lake(home.data()), ids(0..50));
    let erased = home.forget(Subject::Session("s3".to_owned()));
    assert_eq!(erased.events, (0..50).filter(|it| it % 11 == 3).count() as u64);
}
