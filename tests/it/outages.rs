//! What goes wrong around a run: each is one sentence and what to do, ends with 1, and nobody takes it
//! for a success.
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use policy_advisor::store::Place;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    faults::{Bench, is_success},
    ingest::{event, events, gzip, ids, ids_in_lake},
};

/// A run that fails once, after one that did not; what is on stderr.
fn told(bench: &Bench, data: &Path) -> String {
    let run = |data: &Path| {
        let mut command = bench.command(data);
        command.arg("run").arg("--metrics-file").arg(data.join("advisor.prom"));
        command.output().unwrap()
    };
    let ended = run(data);
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{err}");
    let starts = |begin: &str| err.lines().filter(|it| it.starts_with(begin)).count();
    assert_eq!((starts("error: "), starts("hint: ")), (1, 1), "{err}");
    assert_eq!(is_success(data), Some(false), "{err}");
    let gauges = fs::read_to_string(data.join("advisor.prom")).unwrap();
    assert!(!gauges.contains("advisor_last_success_timestamp"), "{gauges}");
    err
}

/// A data directory whose runs read a directory with this in it.
fn reading(fill: impl FnOnce(&Path)) -> (Bench, PathBuf) {
    let bench = Bench::new(None);
    let signals = bench.path("signals");
    fs::create_dir(&signals).unwrap();
    fill(&signals);
    let data = bench.template();
    let config = format!("[[directories]]\npath = \"{}\"\n", signals.display());
    fs::write(data.join("advisor.toml"), config).unwrap();
    (bench, data)
}

#[test]
fn an_empty_directory_is_told() {
    let (bench, data) = reading(|_| ());
    let err = told(&bench, &data);
    assert!(err.contains("signals`: it holds no files"), "{err}");
    assert!(err.contains("hint: is it mounted"), "{err}");
}

#[test]
fn a_directory_of_garbage_is_told() {
    let garbage = |dir: &Path| {
        fs::write(dir.join("a.log"), "\u{1b}[2J\u{0}garbage\n".repeat(500)).unwrap();
    };
    let (bench, data) = reading(garbage);
    let err = told(&bench, &data);
    assert!(err.contains("all of its 500 lines since "), "{err}");
    assert!(err.contains("are no events: not_json"), "{err}");
    assert!(err.contains("hint: `advisor lake rejects` shows them"), "{err}");
    let again = told(&bench, &data);
    assert!(again.contains("all of its 500 lines since "), "until an event comes: {again}");
    fs::write(bench.path("signals/b.log"), event(0)).unwrap();
    bench.ok(&data, &["run"]);
}

#[test]
fn garbage_that_comes_in_small_pieces_is_told_once_it_is_no_accident() {
    let (bench, data) = reading(|_| ());
    for number in 0..4 {
        let file = bench.path(&format!("signals/{number}.log"));
        fs::write(file, format!("garbage {number}\n").repeat(6)).unwrap();
        if number < 3 {
            bench.ok(&data, &["run"]);
        }
    }
    let err = told(&bench, &data);
    assert!(err.contains("all of its 24 lines since "), "{err}");
}

#[test]
fn an_archive_that_is_not_whole_is_told_once_unless_it_is_being_written() {
    let (bench, data) = reading(|_| ());
    let archive = gzip(events(0..2_000).as_bytes());
    let half = &archive[..archive.len() / 2];
    let path = bench.path("signals/a.log.gz");
    fs::write(&path, half).unwrap();
    // Whoever packs it is still at work, or may be: that is no failure yet.
    bench.ok(&data, &["run"]);
    std::thread::sleep(Duration::from_millis(2_500));
    let err = told(&bench, &data);
    assert!(err.contains("a.log.gz`: the archive is damaged: "), "{err}");
    assert!(err.contains("hint: where it is whole by now, or a whole copy exists"), "{err}");
    bench.ok(&data, &["run"]);
    fs::write(&path, &archive).unwrap();
    bench.ok(&data, &["run"]);
    assert_eq!(ids_in_lake(&data), ids(0..2_000));
}

#[test]
fn a_part_that_is_gone_is_told_by_every_run() {
    let (bench, data) = reading(|dir| fs::write(dir.join("a.log"), events(0..50)).unwrap());
    bench.ok(&data, &["run"]);
    let day = fs::read_dir(data.join("lake/events")).unwrap().next().unwrap().unwrap();
    fs::remove_dir_all(day.path()).unwrap();
    let err = told(&bench, &data);
    assert!(err.contains("1 committed files are gone from the lake"), "{err}");
    assert!(err.contains("hint: put the lake back from a backup"), "{err}");
}

#[test]
fn a_directory_that_was_poisoned_with_others_is_told_and_the_rest_is_read() {
    let (bench, data) = reading(|dir| {
        let deep: PathBuf = std::iter::repeat_n("d", 40).collect();
        fs::create_dir_all(dir.join(deep)).unwrap();
        fs::write(dir.join("a.log"), event(0)).unwrap();
    });
    let other = bench.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("a.log"), events(1..5)).unwrap();
    let config = data.join("advisor.toml");
    let both = fs::read_to_string(&config).unwrap()
        + &format!("[[directories]]\npath = \"{}\"\n", other.display());
    fs::write(config, both).unwrap();
    let err = told(&bench, &data);
    assert!(err.contains("more than 32 directories deep"), "{err}");
    assert_eq!(ids_in_lake(&data).len(), 5, "what lies beside it is read, and the other directory");
}

#[test]
fn a_directory_that_vanished_is_told() {
    let (bench, data) = reading(|dir| fs::remove_dir(dir).unwrap());
    let err = told(&bench, &data);
    assert!(err.contains("No such file") && err.contains("hint: is it there, mounted"), "{err}");
}

#[test]
fn a_full_disk_is_told() {
    let bench = Bench::new(None);
    let data = bench.copy("full");
    let n_calls = bench.run(&bench.copy("whole"), None).n_calls();
    // Once the store is open: there is room for nothing more.
    let ran = bench.run(&data, Some(("FAULT_FROM", (n_calls / 3).to_string(), "28")));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("hint: the disk is full; make room and try again"), "{ran:?}");
    assert_ne!(is_success(&data), Some(true));
}

#[test]
fn a_schema_of_the_future_is_told() {
    let (bench, data) = reading(|dir| fs::write(dir.join("a.log"), event(0)).unwrap());
    let place = Place::File(data.join("advisor.db"));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut conn = crate::keep::connect(&place).await;
        let sql =
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                   VALUES (999, 'future', TRUE, x'00', 0)";
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
    let err = told(&bench, &data);
    assert!(err.contains("has schema version 999, this program knows"), "{err}");
    assert!(err.contains("hint: a newer advisor has written to it, use that one"), "{err}");
}

#[test]
fn a_file_that_is_no_database_is_told() {
    let (bench, data) = reading(|dir| fs::write(dir.join("a.log"), event(0)).unwrap());
    fs::write(data.join("advisor.db"), "no database".repeat(1_000)).unwrap();
    let err = told(&bench, &data);
    assert!(err.contains("file is not a database"), "{err}");
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let Ok(server) = std::env::var("ADVISOR_TEST_POSTGRES_URL") else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut conn = PgConnection::connect(&server).await.unwrap();
        let sql = "DO $$ BEGIN CREATE ROLE locked LOGIN PASSWORD 'right';
                   EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    });
    let (mut bench, data) = reading(|dir| fs::write(dir.join("a.log"), event(0)).unwrap());
    bench.url = Some(server.replacen("://advisor@", "://locked:hunter2@", 1));
    let err = told(&bench, &data);
    assert!(err.contains("password authentication failed for user \"locked\""), "{err}");
    assert!(err.contains("are user, password and database right?"), "{err}");
    assert!(!err.contains("hunter2"), "{err}");
}
