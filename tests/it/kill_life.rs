//! Killed anywhere between the first event and the applied rule, on both stores: in the end lake and
//! store hold what they hold after a life without kills.
use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use policy_advisor::{clock, events::Day};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use tempfile::TempDir;

use crate::{
    backends::postgres_database,
    ingest::ids_in_lake,
    kill::{Seeded, n_kills},
};

/// Files come in so many times; after the fourth, small parts of the lake are merged.
const ROUNDS: usize = 6;

/// Roles of the simulated fleet whose batches are reviewed and applied.
const ROLES: [&str; 2] = ["backend", "platform"];

/// A data directory, the directory its signals are in, and its store.
struct Life {
    dir: TempDir,
    url: Option<String>,
}

/// The same days of a fleet, and lines that are older than events are kept: rotated by day and host.
fn fleet() -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let start = Day(clock::now().day().0 - 10).to_string();
    let made = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .args([
            "simulate", "--quiet", "--events", "300", "--hosts", "4", "--days", "6", "--start",
            &start, "--out",
        ])
        .arg(dir.path().join("fleet"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let hosts = fs::read_dir(dir.path().join("fleet/events")).unwrap();
    let mut files: Vec<PathBuf> = hosts
        .flat_map(|host| fs::read_dir(host.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    for number in 0..ROUNDS {
        let day = Day(clock::now().day().0 - 100 - i32::try_from(number % 2).unwrap());
        let path = dir.path().join(format!("old-{number}.log"));
        let line = crate::ingest::event(number);
        let (before, after) = line.split_once("2026-01-0").unwrap();
        let (_, after) = after.split_once('T').unwrap();
        fs::write(&path, format!("{before}{day}T{after}")).unwrap();
        files.push(path);
    }
    (dir, files)
}

impl Life {
    fn begin(url: Option<String>) -> Self {
        let life = Self { dir: tempfile::tempdir().unwrap(), url };
        life.ok(&["init"]);
        let signals = life.dir.path().join("in");
        fs::create_dir(&signals).unwrap();
        let config = format!("[[directories]]\npath = \"{}\"\n", signals.display());
        fs::write(life.dir.path().join("advisor.toml"), config).unwrap();
        for role in ROLES {
            life.ok(&["roles", "create", role]);
        }
        life.ok(&["settings", "set", "retention_days", "8", "--role", ROLES[1]]);
        // What runs suggest depends on when they come; what `suggest` does, on its window.
        life.ok(&["settings", "set", "enabled", "false"]);
        // A small fleet gives little ground for confidence.
        life.ok(&["settings", "set", "confidence_threshold", "0"]);
        life
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
        command.env_clear().env("ADVISOR_ACTOR", "ana").env("ADVISOR_DATA_DIR", self.dir.path());
        if let Some(url) = &self.url {
            command.env("ADVISOR_DATABASE_URL", url);
        }
        command.args(args).args(["--output", "json"]);
        command
    }

    fn ok(&self, args: &[&str]) -> Output {
        let ended = self.command(args).output().unwrap();
        assert!(ended.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
        ended
    }

    /// The program, killed at some moment and called again, until it has come to its end.
    fn until_it_ends(&self, args: &[&str], killer: &mut Killer) {
        loop {
            let mut advisor =
                self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if killer.is_done() {
                advisor.wait().unwrap();
                return;
            }
            let range_us = killer.ranges_us.entry(args[0].to_owned()).or_insert(300_000);
            sleep(Duration::from_micros(killer.seeded.below(*range_us)));
            advisor.kill().unwrap();
            if advisor.wait().unwrap().signal().is_none() {
                *range_us = *range_us * 9 / 10;
                return;
            }
            *range_us = *range_us * 11 / 10;
            killer.n_killed += 1;
        }
    }

    /// From the first file to the applied rules.
    fn live(&self, files: &[PathBuf], killer: &mut Killer) {
        for round in 0..ROUNDS {
            for file in files.iter().skip(round).step_by(ROUNDS) {
                let name = file.iter().rev().take(2).map(|it| it.to_str().unwrap());
                let name: Vec<&str> = name.collect();
                fs::copy(file, self.dir.path().join("in").join(format!("{}-{}", name[1], name[0])))
                    .unwrap();
            }
            self.until_it_ends(&["run"], killer);
        }
        self.ok(&["settings", "set", "enabled", "true"]);
        let today = clock::now().day();
        let (from, to) = (Day(today.0 - 20).start().to_string(), today.start().to_string());
        for role in ROLES {
            self.until_it_ends(&["suggest", "--role", role, "--from", &from, "--to", &to], killer);
        }
        let batches = self.ok(&["suggestions", "list"]).stdout;
        let batches: serde_json::Value = serde_json::from_slice(&batches).unwrap();
        for batch in batches.as_array().unwrap() {
            let batch_id = batch["batch_id"].as_str().unwrap();
            for verb in ["accept", "apply"] {
                self.until_it_ends(&["review", verb, batch_id], killer);
            }
        }
    }

    /// What is left: the ids of the events, and the store without its times.
    async fn left(&self) -> (Vec<String>, Vec<String>) {
        let left: Vec<_> = fs::read_dir(self.dir.path().join("lake/staging")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let path = self.dir.path().join("advisor.db");
        let url = self.url.clone().unwrap_or_else(|| format!("sqlite://{}", path.display()));
        sqlx::any::install_default_drivers();
        let mut conn = AnyConnection::connect(&url).await.unwrap();
        let mut lines = Vec::new();
        for sql in CONTENT {
            for row in sqlx::query(AssertSqlSafe(*sql)).fetch_all(&mut conn).await.unwrap() {
                lines.push(row.try_get::<String, _>(0).unwrap());
            }
        }
        conn.close().await.unwrap();
        (ids_in_lake(self.dir.path()), lines)
    }
}

/// What a store holds, a line a row; times and the runs themselves differ from life to life.
const CONTENT: &[&str] = &[
    "SELECT 'role ' || name || ' ' || mode || ' ' || revision FROM roles ORDER BY name",
    "SELECT 'revision ' || role || ' ' || revision || ' ' || reason || ' ' || coalesce(batch_id, '-')
     FROM revisions ORDER BY role, revision",
    "SELECT 'rule ' || role || ' ' || revision || ' ' || target || ' ' || position || ' ' || rule_id
     || ' ' || pattern || ' ' || action || ' ' || when_json
     FROM rules ORDER BY role, revision, target, position",
    "SELECT 'batch ' || batch_id || ' ' || role || ' ' || status || ' ' || events || ' ' || risk
     FROM batches ORDER BY batch_id",
    "SELECT 'change ' || batch_id || ' ' || ordinal || ' ' || state || ' ' || after_json || evidence_json
     FROM changes ORDER BY batch_id, ordinal",
    "SELECT 'feedback ' || batch_id || ' ' || sequence || ' ' || coalesce(change_id, '-') || ' ' || verdict
     || ' ' || given_by FROM feedback ORDER BY batch_id, sequence",
    "SELECT 'trail ' || act || ' ' || done_by || ' ' || subject
     FROM trail WHERE act <> 'batch.review' ORDER BY act, subject",
    "SELECT 'setting ' || scope || ' ' || coalesce(enabled, -1) || ' ' || coalesce(retention_days, -1)
     FROM settings ORDER BY scope",
    "SELECT 'host ' || hostname || ' ' || first_seen_us || ' ' || last_seen_us FROM hosts ORDER BY hostname",
    "SELECT 'events ' || day || ' ' || sum(events) FROM parts GROUP BY day ORDER BY day",
    "SELECT 'ids ' || sum(ids) FROM id_runs",
    "SELECT 'dropped ' || name FROM dropped_parts WHERE name IN (SELECT name FROM parts)",
];

/// Kills at moments that look random, so many in all.
struct Killer {
    seeded: Seeded,
    /// By subcommand: each moment of it should be as likely as any other.
    ranges_us: BTreeMap<String, u64>,
    n_killed: usize,
    wanted: usize,
}

impl Killer {
    fn new(wanted: usize) -> Self {
        Self { seeded: Seeded(20_261_124), ranges_us: BTreeMap::new(), n_killed: 0, wanted }
    }

    const fn is_done(&self) -> bool {
        self.n_killed >= self.wanted
    }
}

/// Lives with kills, until there were enough, each compared with the one without.
fn lives(name: &str, wanted: usize, store: impl AsyncFn() -> Option<Option<String>>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(url) = runtime.block_on(store()) else { return };
    let (_fleet, files) = fleet();
    let undisturbed = Life::begin(url);
    undisturbed.live(&files, &mut Killer::new(0));
    let expected = runtime.block_on(undisturbed.left());
    assert!(expected.1.iter().any(|it| it.starts_with("rule backend ")), "{:?}", expected.1);
    let mut killer = Killer::new(wanted);
    let mut n_lives = 0;
    while !killer.is_done() {
        let life = Life::begin(runtime.block_on(store()).unwrap());
        life.live(&files, &mut killer);
        let left = runtime.block_on(life.left());
        assert_eq!(left.0, expected.0, "events, after {} kills", killer.n_killed);
        assert_eq!(left.1, expected.1, "store, after {} kills", killer.n_killed);
        n_lives += 1;
    }
    eprintln!("{name}: {} kills in {n_lives} lives: 0 lost, 0 twice", killer.n_killed);
}

#[test]
fn a_life_of_kills_on_sqlite_leaves_what_one_without_leaves() {
    lives("SQLite", n_kills(10), async || Some(None));
}

#[test]
fn a_life_of_kills_on_postgres_leaves_what_one_without_leaves() {
    lives("PostgreSQL", n_kills(10), async || postgres_database("kills").await.map(Some));
}

/// The fleet's files are where the simulation puts them.
#[test]
fn a_fleet_has_files_of_many_days_and_some_that_are_too_old() {
    let (dir, files) = fleet();
    let old = |path: &&PathBuf| path.parent() == Some(Path::new(dir.path()));
    assert_eq!(files.iter().filter(old).count(), ROUNDS);
    assert!(files.len() > 4 * ROUNDS, "{}", files.len());
}
