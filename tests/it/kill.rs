//! Killed in the middle of ingest, again and again: nothing is lost, nothing counts twice.
#![expect(clippy::disallowed_types, reason = "tests may write files")]
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use crate::ingest::{Home, event, events, gzip, ids, ids_in_lake};

/// How often the program is killed before it is done.
const N_KILLS: usize = 50;

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
struct Seeded(u64);

impl Seeded {
    /// Source: the xorshift64* generator of Vigna, 2014.
    fn below(&mut self, end: u64) -> u64 {
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
    while n_killed < N_KILLS {
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
