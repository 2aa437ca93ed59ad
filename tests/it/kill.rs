//! Killed in the middle of ingest, again and again: nothing is lost, nothing counts twice.
#![expect(clippy::disallowed_types, reason = "tests may write files")]
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use policy_advisor::{
    clock,
    lake::{Inspection, Lake},
    settings::Key,
    store::By,
};

use crate::ingest::{Home, event, events, gzip, ids, ids_in_lake};

/// How often the program is killed before it is done, in each test: a few times, or as many as a long
/// run asks for.
pub(crate) fn n_kills(few: usize) -> usize {
    std::env::var("ADVISOR_TEST_KILLS").map_or(few, |it| it.parse().unwrap())
}

/// Commits come after so many events, so that there are many moments to be killed in.
const CHUNK_EVENTS: &str = "40";

impl Home {
    /// The program, ingesting everything.
    fn advisor(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_advisor"))
            .args(["ingest", "--chunk-events", CHUNK_EVENTS, "--quiet", "--data-dir"])
            .args([self.data(), &self.file("")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// Numbers that look random and are the same every time.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    /// Source: the xorshift64* generator of Vigna, 2014.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// Between two kills the log grows, by whole lines and torn ones, is rotated, packed and begun anew.
fn live_on(
    home: &Home,
    round: usize,
    n_events: &mut usize,
    torn: &mut Vec<u8>,
    seeded: &mut Seeded,
) {
    let log = home.file("a.log");
    let append = |bytes: &[u8]| {
        let mut file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        file.write_all(bytes).unwrap();
    };
    append(&std::mem::take(torn));
    let n_new = 200 + usize::try_from(seeded.below(200)).unwrap();
    append(events(*n_events..*n_events + n_new).as_bytes());
    append(format!("bad line {round}\n").as_bytes());
    *n_events += n_new;
    match seeded.below(5) {
        0 => {
            let content = fs::read(&log).unwrap();
            fs::write(home.file(&format!("a.log.{round}.gz")), gzip(&content)).unwrap();
            File::create(&log).unwrap();
        }
        1 => fs::rename(&log, home.file(&format!("a.log.{round}"))).unwrap(),
        2 => {
            let line = event(*n_events).into_bytes();
            let cut = usize::try_from(seeded.below(line.len() as u64)).unwrap();
            let (begin, end) = line.split_at(cut);
            append(begin);
            *torn = end.to_vec();
            *n_events += 1;
        }
        _ => (),
    }
}

#[test]
fn a_run_that_is_killed_at_any_moment_loses_nothing_and_doubles_nothing() {
    let home = Home::new();
    home.store();
    let mut seeded = Seeded(20_260_105);
    let (mut n_events, mut torn, mut n_killed, mut round) = (0, Vec::new(), 0, 0);
    // Each moment of a run should be as likely as any other: the range follows how long runs take.
    let mut range_us = 100_000;
    while n_killed < n_kills(40) {
        live_on(&home, round, &mut n_events, &mut torn, &mut seeded);
        round += 1;
        let mut advisor = home.advisor();
        sleep(Duration::from_micros(seeded.below(range_us)));
        advisor.kill().unwrap();
        let was_killed = !advisor.wait().unwrap().success();
        n_killed += usize::from(was_killed);
        range_us = if was_killed { range_us * 11 / 10 } else { range_us * 9 / 10 };
    }
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(home.file("a.log"))
        .unwrap()
        .write_all(&torn)
        .unwrap();
    let output = home.advisor().wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    assert_eq!(ids_in_lake(home.data()), ids(0..n_events));
    let store = home.store();
    let mut bad: Vec<String> = home
        .runtime
        .block_on(store.rejects(1_000))
        .unwrap()
        .into_iter()
        .map(|it| it.excerpt)
        .collect();
    bad.sort();
    let mut wanted: Vec<String> = (0..round).map(|round| format!("bad line {round}")).collect();
    wanted.sort();
    assert_eq!(bad, wanted, "a rejected line is kept once, too");
    let manifest = home.runtime.block_on(store.manifest()).unwrap();
    let n_in_parts = manifest.parts.iter().map(|part| part.n_events).sum::<u64>();
    let n_ids = manifest.id_runs.iter().map(|run| run.n_ids).sum::<u64>();
    assert_eq!((n_in_parts, n_ids), (n_events as u64, n_events as u64));
    let left: Vec<_> = fs::read_dir(home.data().join("lake/staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(home.ingest().read, 0);
}

/// A line of a host at noon some days ago.
fn line_of(id: &str, host: &str, days_ago: i32) -> String {
    let day = policy_advisor::events::Day(clock::now().day().0 - days_ago);
    format!(
        r#"{{"schema_version":"1.0","event_id":"{id}","timestamp":"{day}T12:00:00Z","hostname":"{host}","event_type":"command_execution","binary":"git","argv":["git","status"],"decision":"allowed","session_id":"s1"}}"#
    ) + "\n"
}

/// Runs the program and kills it at some moment; whether it was still running.
fn kill_at_some_moment(
    home: &Home,
    args: &[&str],
    seeded: &mut Seeded,
    range_us: &mut u64,
) -> bool {
    let mut advisor = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .args(["--quiet", "--data-dir"])
        .arg(home.data())
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    sleep(Duration::from_micros(seeded.below(*range_us)));
    advisor.kill().unwrap();
    let was_killed = advisor.wait().unwrap().code().is_none();
    *range_us = if was_killed { *range_us * 11 / 10 } else { *range_us * 9 / 10 };
    was_killed
}

/// A host that is to be erased. One that was stays away with what it did before, so that every three
/// rounds have another.
pub(crate) fn doomed(round: usize) -> String {
    format!("doomed-{}", round / 3)
}

#[test]
fn retention_merging_and_erasing_that_are_killed_leave_what_they_would_have_left() {
    let home = Home::new();
    let store = home.store();
    let by = By { actor: "ana".to_owned(), at: clock::now() };
    // Only the house is to be kept: analyses are killed elsewhere.
    home.runtime.block_on(async {
        store.set_setting(None, Key::Enabled, Some("false"), &by).await.unwrap();
        let why = policy_advisor::store::Why::command("test");
        store.create_role(policy_advisor::policy::Role::new("brief"), &why, &by).await.unwrap();
        store.set_setting(Some("brief"), Key::RetentionDays, Some("2"), &by).await.unwrap();
        store.close().await;
    });
    let config = format!("[[directories]]\npath = \"{}\"\n", home.file("").display());
    fs::write(home.data().join("advisor.toml"), config).unwrap();
    let mut seeded = Seeded(20_260_301);
    let mut ranges_us = [200_000, 100_000];
    let (mut wanted, mut n_killed, mut round) = (Vec::new(), 0, 0);
    while n_killed < n_kills(40) {
        let mut lines = String::new();
        for number in 0..12 {
            let id = format!("new-{round}-{number}");
            lines += &line_of(&id, "kept", 1 + number % 3);
            wanted.push(id);
            lines += &line_of(&format!("old-{round}-{number}"), "kept", 95 + number % 2);
        }
        for days_ago in 1..=3 {
            let id = format!("brief-{round}-{days_ago}");
            let line = line_of(&id, "kept", days_ago);
            lines += &line.replacen('{', "{\"role\":\"brief\",", 1);
            wanted.extend((days_ago <= 2).then_some(id));
        }
        let host = doomed(round);
        lines += &line_of(&format!("doomed-{round}"), &host, 1);
        home.write(&format!("{round}.log"), lines);
        round += 1;
        let run = ["run"];
        n_killed += usize::from(kill_at_some_moment(&home, &run, &mut seeded, &mut ranges_us[0]));
        if round % 3 == 0 {
            let forget = ["lake", "forget", "--host", &host];
            let was_killed = kill_at_some_moment(&home, &forget, &mut seeded, &mut ranges_us[1]);
            n_killed += usize::from(was_killed);
        }
    }
    let in_peace = |args: &[&str]| {
        let mut advisor = Command::new(env!("CARGO_BIN_EXE_advisor"));
        advisor.args(["--quiet", "--data-dir"]).arg(home.data()).args(args).output().unwrap()
    };
    assert!(in_peace(&["run"]).status.success());
    for round in (0..=round).step_by(3) {
        let forgot = in_peace(&["lake", "forget", "--host", &doomed(round)]);
        let told = String::from_utf8_lossy(&forgot.stderr);
        // Of some, a killed one has erased everything.
        assert!(forgot.status.success() || told.contains("there is nothing here"), "{told}");
    }
    assert!(in_peace(&["run"]).status.success());
    wanted.sort();
    assert_eq!(ids_in_lake(home.data()), wanted, "after {n_killed} kills");
    let manifest = home.runtime.block_on(home.store().manifest()).unwrap();
    assert_eq!(manifest.parts.iter().map(|it| it.n_events).sum::<u64>(), wanted.len() as u64);
    let left: Vec<_> = fs::read_dir(home.data().join("lake/staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let lake = Lake::at(home.data());
    assert_eq!(lake.inspect(&manifest).unwrap(), Inspection::default());
    let kept = manifest
        .rollups
        .iter()
        .filter(|it| it.day >= policy_advisor::events::Day(clock::now().day().0 - 4));
    let rows = kept.flat_map(|it| lake.rollup_rows(it).unwrap());
    // Of days whose events a role has given up, what was told first stays.
    let rows = rows.filter(|it| it.key.role != "brief");
    let n_wanted = wanted.iter().filter(|it| !it.starts_with("brief")).count() as u64;
    assert_eq!(rows.map(|it| it.n_events).sum::<u64>(), n_wanted, "rolled up");
    eprintln!(
        "{n_killed} kills of ingest, rolling up, retention, merging and erasing: 0 lost, 0 twice"
    );
}

#[test]
fn several_at_once_wait_for_each_other() {
    let home = Home::new();
    home.store();
    for number in 0..6 {
        home.write(&format!("{number}.log"), events(number * 200..number * 200 + 300));
    }
    let advisors: Vec<Child> = (0..4).map(|_| home.advisor()).collect();
    for advisor in advisors {
        let output = advisor.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(ids_in_lake(home.data()), ids(0..1_300));
}
