//! Ingest: every event once, whatever happens to files and processes.
#![expect(clippy::disallowed_types, reason = "tests may read files")]
use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use policy_advisor::{
    events::{Action, Timestamp},
    inputs::Format,
    lake::{Lake, Window},
    pipeline::ingest::{FileStatus, Ingest, IngestReport, ingest},
    store::{Missing, Place, Store},
};
use proptest::prelude::*;
use tempfile::TempDir;

/// A data directory and a directory of files to ingest.
pub(crate) struct Home {
    dir: TempDir,
    pub(crate) runtime: tokio::runtime::Runtime,
}

/// Long after every file of the tests was written, so that their signatures are believed.
fn later() -> Timestamp {
    Timestamp::parse("2100-01-01T00:00:00Z").unwrap()
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build();
        Self { dir, runtime: runtime.unwrap() }
    }

    pub(crate) fn data(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("in").join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn store(&self) -> Store {
        let place = Place::File(self.dir.path().join("advisor.db"));
        self.runtime.block_on(Store::open(&place, Missing::Create)).unwrap()
    }

    /// Ingests everything, at a time when file signatures are not believed yet.
    pub(crate) fn ingest(&self) -> IngestReport {
        self.ingest_at(Timestamp::parse("2026-02-01T00:00:00Z").unwrap())
    }

    pub(crate) fn ingest_at(&self, now: Timestamp) -> IngestReport {
        self.ingest_with(now, None, Format::default_format())
    }

    pub(crate) fn ingest_with(
        &self,
        now: Timestamp,
        role: Option<&str>,
        format: &'static Format,
    ) -> IngestReport {
        let store = self.store();
        let lake = Lake::open(self.dir.path()).unwrap();
        let mut what = Ingest::new(vec![self.dir.path().join("in")], now);
        what.role = role.map(ToOwned::to_owned);
        what.format = format;
        what.chunk_events = 100;
        let report = self.runtime.block_on(async {
            // As the program does it: on a worker of the runtime.
            let task = async move {
                let report = ingest(&store, &lake, what, &|_| ()).await;
                store.close().await;
                report
            };
            tokio::spawn(task).await.unwrap().unwrap()
        });
        assert_balanced(&report);
        report
    }
}

/// Read is accepted, duplicates and rejected, in every file and in all.
fn assert_balanced(report: &IngestReport) {
    let sums = report.files.iter().fold([0; 4], |sums, file| {
        assert_eq!(file.read, file.accepted + file.duplicates + file.rejected, "{file:?}");
        [
            sums[0] + file.read,
            sums[1] + file.accepted,
            sums[2] + file.duplicates,
            sums[3] + file.rejected,
        ]
    });
    assert_eq!(sums, [report.read, report.accepted, report.duplicates, report.rejected]);
    assert_eq!(report.read, report.accepted + report.duplicates + report.rejected);
}

/// What outside readers see: the ids of all parts under the public glob, sorted.
pub(crate) fn ids_in_lake(data: &Path) -> Vec<String> {
    use arrow::array::{Array as _, AsArray as _};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let mut ids = Vec::new();
    for day in fs::read_dir(data.join("lake/events")).unwrap() {
        for part in fs::read_dir(day.unwrap().path()).unwrap() {
            let path = part.unwrap().path();
            assert_eq!(path.extension().unwrap(), "parquet");
            let file = fs::File::open(path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            for batch in reader {
                let batch = batch.unwrap();
                let column = batch.column_by_name("event_id").unwrap().as_string::<i32>().clone();
                ids.extend((0..column.len()).map(|idx| column.value(idx).to_owned()));
            }
        }
    }
    ids.sort();
    ids
}

pub(crate) fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    let mut ids: Vec<String> = range.map(|idx| format!("event-{idx}")).collect();
    ids.sort();
    ids
}

/// One good line, with its newline.
pub(crate) fn event(idx: usize) -> String {
    let (day, second) = (1 + idx % 5, idx % 60);
    format!(
        r#"{{"schema_version":"1.0","event_id":"event-{idx}","timestamp":"2026-01-0{day}T12:00:{second:02}Z","hostname":"host-{}","event_type":"command_execution","binary":"git","argv":["git","show","{}"],"decision":"allowed","session_id":"s{}"}}"#,
        idx % 3,
        idx % 7,
        idx % 11,
    ) + "\n"
}

pub(crate) fn events(range: std::ops::Range<usize>) -> String {
    range.map(event).collect()
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn statuses(report: &IngestReport) -> Vec<FileStatus> {
    report.files.iter().map(|file| file.status).collect()
}

#[test]
fn plain_gzip_and_zstd_are_read_whole_whatever_they_are_called() {
    let home = Home::new();
    home.write("a.log", events(0..10));
    let members = [gzip(events(10..20).as_bytes()), gzip(events(20..30).as_bytes())].concat();
    home.write("b.ndjson", members);
    let frames: Vec<u8> = [30..40, 40..50]
        .into_iter()
        .flat_map(|range| zstd::encode_all(events(range).as_bytes(), 1).unwrap())
        .collect();
    home.write("deep/er/c.jsonl.zst", frames);
    home.write("notes.txt", "not activity");
    std::os::unix::fs::symlink("/etc/hostname", home.file("link.log")).unwrap();
    let report = home.ingest();
    assert_eq!((report.read, report.accepted, report.files.len()), (50, 50, 3));
    assert_eq!(ids_in_lake(home.data()), ids(0..50));
}

#[test]
fn what_was_read_is_not_read_again_under_any_name_packed_or_grown() {
    use FileStatus::{Continued, Known, New, Unchanged};
    let home = Home::new();
    let log = home.write("a.log", events(0..10));
    assert_eq!(statuses(&home.ingest()), [New]);
    assert_eq!(statuses(&home.ingest()), [Known], "seen by content");
    home.ingest_at(later());
    assert_eq!(statuses(&home.ingest_at(later())), [Unchanged], "seen by signature");

    fs::write(&log, events(0..25)).unwrap();
    let report = home.ingest_at(later());
    assert_eq!((statuses(&report), report.read), (vec![Continued], 15), "grown");

    // Rotated by rename, packed late, and begun anew.
    home.write("a.log.1.gz", gzip(events(0..40).as_bytes()));
    home.write("a.log", events(40..45));
    let report = home.ingest_at(later());
    assert_eq!((statuses(&report), report.read), (vec![New, Continued], 20));
    home.write("a.log.2.zst", zstd::encode_all(events(0..40).as_bytes(), 1).unwrap());
    home.write("b/copy.log", events(40..45));
    let report = home.ingest_at(later());
    assert_eq!(statuses(&report), [Unchanged, Unchanged, Known, Known]);

    // Truncated to something that was never seen: new, and its old events are duplicates.
    home.write("a.log", events(44..50));
    let report = home.ingest_at(later());
    assert_eq!((report.read, report.accepted, report.duplicates), (6, 5, 1));
    assert_eq!(ids_in_lake(home.data()), ids(0..50));
}

#[test]
fn a_torn_last_line_waits_until_it_is_whole() {
    let home = Home::new();
    let (whole, torn) = (events(0..3).into_bytes(), event(3).into_bytes());
    home.write("a.log", [&whole, &torn[..40]].concat());
    let report = home.ingest();
    assert_eq!((report.read, report.accepted, report.files[0].torn_bytes), (3, 3, 40));
    let report = home.ingest();
    assert_eq!((report.read, report.files[0].torn_bytes), (0, 40));
    home.write("a.log", [&whole, &torn[..torn.len() - 1]].concat());
    assert_eq!(home.ingest().accepted, 1, "whole, but for its newline");
    home.write("a.log", [whole, torn, event(4).into_bytes()].concat());
    assert_eq!(home.ingest().accepted, 1);
    assert_eq!(ids_in_lake(home.data()), ids(0..5));
}

#[test]
fn an_archive_that_ends_early_gives_what_it_holds_and_the_rest_once_it_is_whole() {
    let home = Home::new();
    let archive = gzip(events(0..2_000).as_bytes());
    home.write("a.log.gz", &archive[..archive.len() / 2]);
    let report = home.ingest();
    assert!(report.accepted > 100, "{report:?}");
    assert_eq!(report.reasons, BTreeMap::from([("damaged_archive", 1)]));
    home.write("a.log.gz", archive);
    let report = home.ingest();
    assert_eq!(report.rejected, 0);
    assert_eq!(report.duplicates, 0);
    assert_eq!(ids_in_lake(home.data()), ids(0..2_000));
}

#[test]
fn an_archive_with_a_torn_last_line_hides_no_line_of_another_file() {
    let home = Home::new();
    let line = event(0);
    // All lines begin alike: what the archive holds is the beginning of every other file.
    home.write("a.log.gz", gzip(&line.as_bytes()[..30]));
    assert_eq!(home.ingest().rejected, 1);
    home.write("b.log", events(0..3));
    assert_eq!(home.ingest().accepted, 3);
    // And the same with whole lines in front, while the writer goes on in the file it came from.
    let content = events(3..6);
    home.write("c.log.1.gz", gzip(&content.as_bytes()[..content.len() - 40]));
    assert_eq!(home.ingest().accepted, 2);
    home.write("c.log", content + &events(6..8));
    let report = home.ingest();
    assert_eq!((report.accepted, report.rejected), (3, 0), "{report:?}");
    assert_eq!(ids_in_lake(home.data()), ids(0..8));
}

#[test]
fn bad_lines_are_quarantined_with_their_place_and_ingest_goes_on() {
    let home = Home::new();
    let bad = event(1).replacen("\"git\"", "7", 1);
    let long = format!("{{\"event_id\":\"{}\"}}\n", "x".repeat(1024 * 1024));
    let lines = [
        event(0).into_bytes(),
        bad.into(),
        b"\n  \n".to_vec(),
        b"\xff\xfe\n".to_vec(),
        long.into(),
    ];
    let content = [lines.concat(), event(2).into_bytes(), b"{\"torn".to_vec()].concat();
    home.write("a.gz.log", gzip(&content));
    let report = home.ingest();
    assert_eq!((report.read, report.accepted, report.rejected), (6, 2, 4));
    let store = home.store();
    let mut rejects = home.runtime.block_on(store.rejects(10)).unwrap();
    rejects.sort_by_key(|reject| reject.line);
    let place = |line: usize| lines[..line].iter().map(|it| it.len() as u64).sum::<u64>();
    let found: Vec<_> = rejects
        .iter()
        .map(|it| (it.line, it.byte_offset, it.fault.reason.as_str(), it.fault.detail.as_deref()))
        .collect();
    let end = (content.len() - 6) as u64;
    assert_eq!(
        found,
        [
            (2, place(1), "wrong_field", Some("binary")),
            (5, place(3), "invalid_utf8", None),
            (6, place(4), "too_long", None),
            (8, end, "not_json", None),
        ]
    );
    assert!(rejects.iter().all(|it| it.excerpt.chars().count() <= 161));
    assert!(rejects.iter().all(|it| it.source.ends_with("in/a.gz.log")));
    assert_eq!(home.ingest().read, 0, "rejects are not read again, either");
}

#[test]
fn a_file_of_garbage_is_counted_whole_and_kept_in_part() {
    let home = Home::new();
    home.write("a.log", "x\n".repeat(50_000));
    let report = home.ingest();
    assert_eq!((report.read, report.rejected, report.quarantined), (50_000, 50_000, 1_000));
    let store = home.store();
    assert_eq!(home.runtime.block_on(store.rejects(10_000)).unwrap().len(), 1_000);
}

#[test]
fn an_archive_that_unpacks_to_far_too_much_is_left() {
    let home = Home::new();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(events(0..5).as_bytes()).unwrap();
    for _ in 0..300 {
        encoder.write_all(&vec![b'0'; 1024 * 1024]).unwrap();
    }
    home.write("bomb.log.zst", encoder.finish().unwrap());
    home.write("later.log", events(5..10));
    let report = home.ingest();
    assert_eq!(report.reasons, BTreeMap::from([("archive_bomb", 1)]));
    assert_eq!(ids_in_lake(home.data()), ids(0..10));
}

#[test]
fn tallies_count_each_action_by_session_host_and_day() {
    let home = Home::new();
    home.write("a.log", events(0..500) + &events(0..100));
    home.ingest();
    let store = home.store();
    let manifest = home.runtime.block_on(store.manifest()).unwrap();
    let lake = Lake::open(home.data()).unwrap();
    let tallies = lake.tallies(&manifest.parts, "default", Window::ALL).unwrap();
    assert!(tallies.is_sorted());
    assert_eq!(tallies.iter().map(|it| it.n_events).sum::<u64>(), 500);
    let mut wanted: BTreeMap<(usize, usize, usize, usize), u64> = BTreeMap::new();
    for idx in 0..500 {
        *wanted.entry((idx % 7, idx % 3, idx % 11, idx % 5)).or_default() += 1;
    }
    let found: BTreeMap<(usize, usize, usize, usize), u64> = tallies
        .iter()
        .map(|tally| {
            let Action::Command { argv, cwd: None } = &*tally.action else { panic!("{tally:?}") };
            assert_eq!(argv[..2], ["git", "show"]);
            let last =
                |text: &str| text.trim_start_matches(|ch: char| !ch.is_ascii_digit()).parse();
            let day = usize::try_from(tally.unit.day.0 - 20_454).unwrap();
            let unit = (last(&tally.unit.hostname).unwrap(), last(&tally.unit.session_id).unwrap());
            ((argv[2].parse().unwrap(), unit.0, unit.1, day), tally.n_events)
        })
        .collect();
    assert_eq!(found, wanted);

    let overview = lake.overview(&manifest.parts, Window::ALL).unwrap();
    let overview = &overview["default"];
    assert_eq!((overview.n_events, overview.n_hosts, overview.n_sessions), (500, 3, 33));
    let window = Window {
        from: Timestamp::parse("2026-01-02T00:00:00Z").unwrap(),
        to: Timestamp::parse("2026-01-03T12:00:30Z").unwrap(),
    };
    let some = lake.tallies(&manifest.parts, "default", window).unwrap();
    let n_some = (0..500).filter(|idx| idx % 5 == 1 || idx % 5 == 2 && idx % 60 < 30).count();
    assert_eq!(some.iter().map(|it| it.n_events).sum::<u64>(), n_some as u64);
    assert_eq!(lake.tallies(&manifest.parts, "other", Window::ALL).unwrap(), []);
}

#[test]
fn the_role_is_the_events_own_else_the_named_else_the_hosts_then_else_the_default() {
    let home = Home::new();
    let own = event(1).replacen("\"git\"", "\"git\",\"role\":\"own\"", 1);
    home.write("a.log", event(0) + &own);
    home.ingest();
    home.write("b.log", event(2) + &own.replace("event-1", "event-3"));
    let now = Timestamp::parse("2026-02-01T00:00:00Z").unwrap();
    home.ingest_with(now, Some("named"), Format::default_format());
    let store = home.store();
    let manifest = home.runtime.block_on(store.manifest()).unwrap();
    let lake = Lake::open(home.data()).unwrap();
    let overview = lake.overview(&manifest.parts, Window::ALL).unwrap();
    let counts: Vec<_> = overview.iter().map(|(role, it)| (role.as_str(), it.n_events)).collect();
    assert_eq!(counts, [("default", 1), ("named", 1), ("own", 2)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However events are ordered, spread over files, repeated and packed, each is in the lake once.
    #[test]
    fn every_event_counts_once_however_it_is_delivered(
        deliveries in prop::collection::vec((0..200_usize, 0..4_usize), 1..300),
        packings in prop::collection::vec(0..3_usize, 4),
        n_first in 0..4_usize,
    ) {
        let home = Home::new();
        let mut files = vec![String::new(); 4];
        for (idx, file) in &deliveries {
            files[*file] += &event(*idx);
        }
        for (number, (content, packing)) in files.iter().zip(&packings).enumerate() {
            let content = match packing {
                0 => content.clone().into_bytes(),
                1 => gzip(content.as_bytes()),
                _ => zstd::encode_all(content.as_bytes(), 1).unwrap(),
            };
            home.write(&format!("{number}.log"), content);
            if number == n_first {
                home.ingest();
            }
        }
        home.ingest();
        let mut wanted: Vec<usize> = deliveries.iter().map(|(idx, _)| *idx).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut wanted: Vec<String> = wanted.iter().map(|idx| format!("event-{idx}")).collect();
        wanted.sort();
        prop_assert_eq!(ids_in_lake(home.data()), wanted);
        prop_assert_eq!(home.ingest().read, 0);
    }

    /// A file that grows between runs, cut anywhere, is read as if it had come whole.
    #[test]
    fn a_file_may_grow_by_any_number_of_bytes(cuts in prop::collection::vec(0..12_000_usize, 1..6)) {
        let home = Home::new();
        let content = events(0..40).into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % content.len()).collect();
        cuts.sort_unstable();
        cuts.push(content.len());
        let mut n_read = 0;
        for cut in cuts {
            home.write("a.log", &content[..cut]);
            n_read += home.ingest().read;
        }
        prop_assert_eq!(n_read, 40);
        prop_assert_eq!(ids_in_lake(home.data()), ids(0..40));
    }
}

#[test]
fn what_a_kill_leaves_behind_is_put_in_order() {
    let home = Home::new();
    home.write("a.log", events(0..20));
    home.ingest();
    // Killed after the commit, before the renames: a part and a run still lie in staging.
    let lake = home.data().join("lake");
    let staging = lake.join("staging");
    let mut moved = Vec::new();
    let day = lake.join("events/date=2026-01-02");
    for dir in [&day, &lake.join("ids")] {
        for file in fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            fs::rename(&path, staging.join(path.file_name().unwrap())).unwrap();
            moved.push(path);
        }
    }
    assert_eq!(moved.len(), 2);
    // And killed before a commit: a part that does not count.
    fs::write(staging.join("0123.parquet"), "half").unwrap();

    let store = home.store();
    let manifest = home.runtime.block_on(store.manifest()).unwrap();
    let reader = Lake::open(home.data()).unwrap();
    let tallies = reader.tallies(&manifest.parts, "default", Window::ALL).unwrap();
    assert_eq!(tallies.iter().map(|it| it.n_events).sum::<u64>(), 20, "readers miss nothing");
    let report = home.ingest();
    assert_eq!((report.repaired, report.orphans_removed), (1, 1), "the reader repaired the part");
    assert!(moved.iter().all(|path| path.exists()));
    assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
    assert_eq!(ids_in_lake(home.data()), ids(0..20));
}

impl Home {
    /// What is said where ingest fails.
    fn fail(&self, paths: Vec<PathBuf>) -> String {
        let (store, lake) = (self.store(), Lake::open(self.data()).unwrap());
        let what = Ingest::new(paths, later());
        let task = async move {
            let ended = ingest(&store, &lake, what, &|_| ()).await;
            store.close().await;
            ended
        };
        let ended = self.runtime.block_on(async { tokio::spawn(task).await.unwrap() });
        format!("{:#}", ended.unwrap_err())
    }
}

#[test]
fn nothing_is_read_where_a_path_is_missing() {
    let home = Home::new();
    let log = home.write("a.log", events(0..5));
    let missing = home.file("missing.log");
    let err = home.fail(vec![log, missing.clone()]);
    assert!(err.contains(&missing.display().to_string()), "{err}");
    assert_eq!(ids_in_lake(home.data()), ids(0..0));
}

#[test]
fn no_host_takes_the_events_of_another_one_away_by_its_ids() {
    let home = Home::new();
    let elsewhere = |text: String| {
        text.replace("\"host-0\"", "\"elsewhere\"").replace("\"git\",\"show\"", "\"true\",\"x\"")
    };
    // Whoever comes first under the ids of `host-0`, in the same file or another, changes nothing.
    home.write("a.log", elsewhere(event(0)) + &elsewhere(event(3)) + &event(3));
    home.write("b.log", event(0) + &event(0) + &elsewhere(event(0)));
    let report = home.ingest();
    assert_eq!((report.accepted, report.duplicates), (4, 2));
    assert_eq!(ids_in_lake(home.data()), ["event-0", "event-0", "event-3", "event-3"]);
    fs::remove_dir_all(home.data().join("lake/ids")).unwrap();
    home.write("c.log", event(3) + &elsewhere(event(3)));
    let report = home.ingest();
    assert!(report.ids_rebuilt);
    assert_eq!(
        (report.accepted, report.duplicates),
        (0, 2),
        "an index that was made anew says so, too"
    );
}

#[test]
fn a_lost_id_index_is_made_anew() {
    let home = Home::new();
    home.write("a.log", events(0..50));
    home.ingest();
    for run in fs::read_dir(home.data().join("lake/ids")).unwrap() {
        let path = run.unwrap().path();
        fs::write(path, "damaged").unwrap();
    }
    home.write("b.log", events(40..60));
    let report = home.ingest();
    assert!(report.ids_rebuilt);
    assert_eq!((report.accepted, report.duplicates), (10, 10));
    assert!(!home.ingest().ids_rebuilt);
    assert_eq!(ids_in_lake(home.data()), ids(0..60));
}

#[test]
fn a_store_and_a_lake_that_do_not_belong_together_are_left_alone() {
    let home = Home::new();
    let log = home.write("a.log", events(0..50));
    home.ingest();
    let (db, away) = (home.data().join("advisor.db"), home.data().join("away.db"));
    fs::rename(&db, &away).unwrap();
    let err = home.fail(vec![log.clone()]);
    assert!(err.contains("this store knows none of them"), "{err}");
    fs::rename(&away, &db).unwrap();
    fs::rename(home.data().join("lake"), home.data().join("other")).unwrap();
    let err = home.fail(vec![log]);
    assert!(err.contains("holds none of them"), "{err}");
    assert_eq!(ids_in_lake(home.data()), ids(0..0));
}

#[test]
fn data_is_private_to_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    home.write("a.log", events(0..5));
    home.ingest();
    let mut dirs = vec![home.data().join("lake")];
    let mut n_files = 0;
    while let Some(dir) = dirs.pop() {
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700, "{dir:?}");
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                n_files += 1;
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
    }
    assert_eq!(n_files, 7, "five parts, a run, a lock");
}
