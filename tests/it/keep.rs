//! What operators rely on: a trail that only grows, looking without touching, copies that can be put
//! back, and stores of earlier versions that come along.
use std::{
    collections::BTreeMap, fs, os::unix::fs::MetadataExt as _, path::Path, process::Command,
    time::SystemTime,
};

use policy_advisor::store::{Missing, Place, Store};
use sqlx::{
    AnyConnection, AssertSqlSafe, Connection as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::{
    backends::{ana, on_both, postgres_database},
    cli::Advisor,
    ingest::{events, ids, ids_in_lake},
};

pub(crate) async fn connect(place: &Place) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = match place {
        Place::File(path) => format!("sqlite://{}?mode=rwc", path.display()),
        Place::Url(url) => url.clone(),
    };
    AnyConnection::connect(&url).await.unwrap()
}

async fn the_trail_can_only_be_appended_to(store: &Store, home: &crate::backends::Home) {
    let key = policy_advisor::settings::Key::RetentionDays;
    for days in ["30", "60"] {
        store.set_setting(None, key, Some(days), &ana(0)).await.unwrap();
    }
    let before = store.trail(10).await.unwrap();
    assert_eq!(before.len(), 2);
    let mut conn = connect(&home.place).await;
    for sql in [
        "UPDATE trail SET done_by = 'nobody'",
        "DELETE FROM trail",
        "DELETE FROM trail WHERE sequence = 1",
        "INSERT OR REPLACE INTO trail (sequence, done_us, done_by, act, subject) VALUES (1, 0, 'x', 'x', 'x')",
        "INSERT INTO trail (sequence, done_us, done_by, act, subject) VALUES (1, 0, 'x', 'x', 'x')
         ON CONFLICT (sequence) DO UPDATE SET done_by = 'nobody'",
        "TRUNCATE trail",
    ] {
        let refused = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap_err();
        // Each database knows one of the statements that the other does not.
        let (text, is_unknown) =
            (refused.to_string(), refused.to_string().contains("syntax error"));
        assert!(is_unknown || text.contains("only appended to"), "{sql}: {text}");
    }
    assert_eq!(store.trail(10).await.unwrap(), before);
    conn.close().await.unwrap();
}

/// The migrations, as they are in the program.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../../src/store/migrations/0001_init.sql")),
    (2, include_str!("../../src/store/migrations/0002_ingest.sql")),
    (3, include_str!("../../src/store/migrations/0003_findings.sql")),
    (4, include_str!("../../src/store/migrations/0004_feedback.sql")),
    (6, include_str!("../../src/store/migrations/0006_upkeep.sql")),
    (7, include_str!("../../src/store/migrations/0007_retention.sql")),
    (8, include_str!("../../src/store/migrations/0008_alerts.sql")),
    (9, include_str!("../../src/store/migrations/0009_rollups.sql")),
    (10, include_str!("../../src/store/migrations/0010_directories_bad.sql")),
    (11, include_str!("../../src/store/migrations/0011_declared_risk.sql")),
    (12, include_str!("../../src/store/migrations/0012_formats_of_files.sql")),
];

/// What a store of the first version can hold.
const DATA: &str = r#"
INSERT INTO roles VALUES ('old', 'From before', 'enforce', 2, 2, 1, 1000000, NULL);
INSERT INTO revisions VALUES ('old', 1, 'deny', 'first_match', 'expanded', NULL, 1000000, 'ana', 'made', NULL);
INSERT INTO revisions VALUES ('old', 2, 'deny', 'first_match', 'expanded', 40, 2000000, 'ana', 'applied', 'b-0001');
INSERT INTO rules (role, revision, target, position, rule_id, pattern, action, when_json, rationale) VALUES
    ('old', 1, 'command', 1, 'r1', 'git *', 'allow', '{}', NULL),
    ('old', 2, 'command', 1, 'r1', 'git *', 'allow', '{}', NULL),
    ('old', 2, 'mcp', 1, 'r2', 'jira/*', 'alert', '{}', 'tickets');
INSERT INTO hosts VALUES ('build-7', 1000000, 9000000);
INSERT INTO assignments VALUES ('build-7', 1000000, NULL, 'old', 'ana');
UPDATE settings SET retention_days = 30 WHERE scope = '';
INSERT INTO batches (batch_id, schema_version, role, role_revision, status, generated_us, window_from_us, window_to_us,
    window_hours, hosts, sessions, events, confidence, risk, changes_add, changes_modify, changes_remove)
VALUES ('b-0001', '1.0', 'old', 1, 'applied', 2000000, 1000000, 2000000, 168.0, 1, 2, 3, 0.9, 'low', 1, 0, 0);
INSERT INTO changes (batch_id, ordinal, change_id, kind, target, before_json, after_json, confidence, risk, reasoning,
    risk_if_wrong, evidence_json, effects_json, techniques_json, requires_json, state)
VALUES ('b-0001', 1, 'c-1', 'add', 'mcp', '[]', '[{"pattern":"jira/*","action":"alert","position":1}]', 0.9, 'low',
    'Seen.', 'Work stops.', '{"events":3,"hosts":1,"sessions":2,"days":1,"units":2,"first_seen":null,"last_seen":null,"decisions":{},"examples":[],"arguments":[]}',
    '[]', '[]', '[]', 'accepted');
INSERT INTO feedback (batch_id, sequence, role, change_id, verdict, given_us, given_by)
VALUES ('b-0001', 1, 'old', 'c-1', 'accept', 1500000, 'ana');
INSERT INTO alerts (alert_id, raised_us, kind, severity, role, hostname, message, detail_json, state)
VALUES ('a-1', 1500000, 'mcp', 'warning', 'old', 'build-7', 'A new server.', '{}', 'open');
INSERT INTO runs VALUES ('run-1', '', 1000000, 2000000, 'done', 'fine', NULL, '{}');
INSERT INTO trail VALUES (1, 1500000, 'ana', 'batch.apply', 'b-0001', NULL, NULL);
"#;

/// A store as the program of that version left it, with data in it.
async fn make_old_store(place: &Place, version: i64) {
    let mut conn = connect(place).await;
    let migrations = MIGRATIONS.iter().filter(|(it, _)| *it <= version).map(|(it, sql)| {
        Migration::new(*it, "old".into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_locking(false);
    migrator.run_direct(None, &mut conn, false).await.unwrap();
    sqlx::raw_sql(DATA).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

async fn check_upgraded(place: &Place, version: i64) {
    let store = Store::open_read_only(place).await;
    let is_newest = version == policy_advisor::store::newest_schema();
    assert_eq!(store.is_ok(), is_newest, "a look brings nothing up to date: {version}");
    let store = Store::open(place, Missing::Refuse).await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), policy_advisor::store::newest_schema());
    let role = store.role("old").await.unwrap();
    assert_eq!((role.revision, role.rules.len(), role.mcp_rules.len()), (2, 1, 1));
    assert_eq!(store.role_at("old", 1).await.unwrap().rules[0].pattern, "git *");
    let batch = store.batch("b-0001").await.unwrap();
    assert_eq!((batch.events, batch.changes.len(), batch.changes[0].evidence.events), (3, 1, 3));
    assert_eq!(store.hosts().await.unwrap()[0].role.as_deref(), Some("old"));
    assert_eq!(store.settings(None).await.unwrap().retention_days, 30);
    assert_eq!(store.trail(10).await.unwrap()[0].act, "batch.apply");
    assert_eq!(store.runs(None, 10).await.unwrap().len(), 1);
    assert!(store.manifest().await.unwrap().parts.is_empty());
    store.background("old", ana(0).at).await.unwrap();
    let key = policy_advisor::settings::Key::RetentionDays;
    store.set_setting(Some("old"), key, Some("60"), &ana(0)).await.unwrap();
    assert_eq!(store.trail(10).await.unwrap().len(), 2, "it is written to as well");
    store.close().await;
}

#[test]
fn stores_of_every_earlier_version_come_along_with_what_they_hold() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (version, _) in MIGRATIONS {
        let dir = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let mut places = vec![Place::File(dir.path().join("advisor.db"))];
            places.extend(postgres_database("upgrade").await.map(Place::Url));
            for place in &places {
                make_old_store(place, *version).await;
                check_upgraded(place, *version).await;
            }
        });
    }
    let known = MIGRATIONS.last().unwrap().0;
    assert_eq!(known, policy_advisor::store::newest_schema(), "every version is tried");
}

on_both!(the_trail_can_only_be_appended_to);

/// Files below a directory: size and time of the last change.
fn files(dir: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let mut res = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::metadata(&path).unwrap();
        if metadata.is_dir() {
            res.extend(files(&path));
        }
        // The index of a write-ahead log is memory of those who read.
        let name = path.display().to_string();
        if !name.ends_with("-shm") && !name.ends_with("-wal") && path != dir {
            let size = if metadata.is_dir() { metadata.nlink() } else { metadata.len() };
            let at = if metadata.is_dir() {
                SystemTime::UNIX_EPOCH
            } else {
                metadata.modified().unwrap()
            };
            res.insert(name, (size, at));
        }
    }
    res
}

#[test]
fn who_only_looks_changes_nothing_and_is_told_where_that_is_not_enough() {
    let advisor = Advisor::new();
    let path = advisor.write("in.log", &events(0..20));
    advisor.ok(&["ingest", &path]);
    advisor.ok(&["roles", "create", "r"]);
    let role = advisor.write("r.json", &advisor.ok(&["roles", "export", "r", "--output", "json"]));
    // Committed, and not in its place yet: a reader that may write would end that.
    let day =
        fs::read_dir(advisor.data_dir().join("lake/events")).unwrap().next().unwrap().unwrap();
    let part = fs::read_dir(day.path()).unwrap().next().unwrap().unwrap();
    fs::rename(part.path(), advisor.data_dir().join("lake/staging").join(part.file_name()))
        .unwrap();
    let before = files(advisor.data_dir());
    for args in [
        &["roles", "list"][..],
        &["roles", "show", "r"],
        &["roles", "export", "r", "--output", "json"],
        &["hosts", "list"],
        &["settings", "show"],
        &["suggestions", "list"],
        &["suggest", "--role", "r", "--dry-run"],
        &["audit", "--limit", "5"],
        &["lake", "parts"],
        &["lake", "rejects"],
        &["trail"],
        &["policy", "lint", "--role", "r"],
        &["doctor", "--output", "json"],
    ] {
        let looked = advisor.run(&[&["--read-only"], args].concat());
        assert!(looked.code == 0 || args[0] == "doctor", "{args:?}: {looked:?}");
        assert_eq!(files(advisor.data_dir()), before, "{args:?}");
    }
    let run = ["run", "--metrics-file", "/nowhere/advisor.prom"];
    for args in [
        &["ingest", &path][..],
        &run,
        &["daemon"],
        &["init"],
        &["suggest", "--role", "r"],
        &["roles", "create", "s"],
        &["roles", "import", &role],
        &["hosts", "assign", "host-1", "--role", "r"],
        &["settings", "set", "retention_days", "30"],
        &["variables", "set", "env", "qa", "--pattern", "^qa-.*"],
        &["lake", "forget", "--host", "host-1"],
        &["backup", "/tmp/nowhere"],
    ] {
        let refused = advisor.run(&[&["--read-only"], args].concat());
        assert_eq!(refused.code, 1, "{args:?}: {refused:?}");
        assert!(
            refused.err.contains("this writes, and the store is open read-only"),
            "{refused:?}"
        );
        assert!(refused.err.contains("hint: "), "{refused:?}");
        assert_eq!(files(advisor.data_dir()), before, "{args:?}");
    }
}

#[test]
fn a_backup_is_of_one_moment_and_can_be_put_back() {
    let advisor = Advisor::new();
    for number in 0..4 {
        let range = number * 300..(number + 1) * 300;
        advisor.write(&format!("{number}.log"), &events(range));
    }
    let file =
        |number: usize| advisor.data_dir().join(format!("{number}.log")).display().to_string();
    advisor.ok(&["ingest", &file(0)]);
    advisor.ok(&["roles", "create", "r"]);
    // While others write: what is copied is whole, whatever it holds.
    let backup = advisor.data_dir().join("backup").display().to_string();
    std::thread::scope(|scope| {
        for number in 1..4 {
            let path = file(number);
            let advisor = &advisor;
            scope.spawn(move || advisor.ok(&["ingest", &path, "--chunk-events", "50"]));
        }
        advisor.ok(&["backup", &backup]);
    });
    let refused = advisor.fails(1, &["backup", &backup]);
    assert!(refused.contains("no backup was made"), "{refused}");

    let restored = |args: &[&str]| advisor.ok(&[&["--data-dir", &backup], args].concat());
    let parts = restored(&["lake", "parts", "--output", "json"]);
    let parts: serde_json::Value = serde_json::from_str(&parts).unwrap();
    let n_events: u64 =
        parts.as_array().unwrap().iter().map(|it| it["events"].as_u64().unwrap()).sum();
    assert_eq!(ids_in_lake(Path::new(&backup)).len() as u64, n_events);
    assert!(n_events >= 300);
    assert!(restored(&["roles", "list"]).contains('r'));
    // What came since is read again from where it is kept.
    for number in 0..4 {
        restored(&["ingest", &file(number)]);
    }
    assert_eq!(ids_in_lake(Path::new(&backup)), ids(0..1_200));
    let mode = fs::metadata(Path::new(&backup).join("advisor.db")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600, "as private as what it is a copy of");
}

#[test]
fn a_backup_holds_the_configuration_and_a_run_from_it_reads_what_came_since() {
    let advisor = Advisor::new();
    let signals = tempfile::tempdir().unwrap();
    fs::write(signals.path().join("a.log"), events(0..20)).unwrap();
    let config = format!("[[directories]]\npath = \"{}\"\n", signals.path().display());
    advisor.write("advisor.toml", &config);
    advisor.ok(&["run"]);
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    let done = advisor.json(&["backup", copy.to_str().unwrap()]);
    assert_eq!(done["configuration"], copy.join("advisor.toml").to_str().unwrap());
    assert_eq!(fs::read_to_string(copy.join("advisor.toml")).unwrap(), config);
    for (path, mode) in [("", 0o700), ("advisor.toml", 0o600), ("advisor.db", 0o600)] {
        assert_eq!(fs::metadata(copy.join(path)).unwrap().mode() & 0o777, mode, "{path}");
    }
    let mut names: Vec<_> =
        fs::read_dir(&copy).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["advisor.db", "advisor.toml", "lake"], "and nothing else");
    fs::write(signals.path().join("b.log"), events(20..30)).unwrap();
    advisor.ok(&["--data-dir", copy.to_str().unwrap(), "run"]);
    assert_eq!(ids_in_lake(&copy), ids(0..30));

    // What is there is not touched, and what cannot be finished is not left.
    let refused = advisor.run(&["backup", copy.to_str().unwrap()]);
    assert!(
        refused.err.contains("already\nhint: name a directory that is not there yet"),
        "{refused:?}"
    );
    let nowhere = copies.path().join("none/copy");
    let refused = advisor.run(&["backup", nowhere.to_str().unwrap()]);
    assert!(refused.err.contains("hint: the directory above it has to be there"), "{refused:?}");
    let day =
        fs::read_dir(advisor.data_dir().join("lake/events")).unwrap().next().unwrap().unwrap();
    fs::remove_dir_all(day.path()).unwrap();
    let half = copies.path().join("half");
    assert_eq!(advisor.run(&["backup", half.to_str().unwrap()]).code, 1);
    assert!(!half.exists());

    // One outside that names its data directory keeps another name, and is given by `--config`.
    let home = tempfile::tempdir().unwrap();
    let outside = home.path().join("advisor.toml");
    fs::write(&outside, format!("data_dir = \"data\"\n{config}")).unwrap();
    let call = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
        let ended = command.env_clear().arg("--config").args(args).output().unwrap();
        assert!(ended.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    call(&[outside.to_str().unwrap(), "init"]);
    let other = copies.path().join("other");
    let other = other.to_str().unwrap();
    call(&[outside.to_str().unwrap(), "backup", other]);
    call(&[&format!("{other}/config.toml"), "--data-dir", other, "run"]);
    assert_eq!(ids_in_lake(Path::new(other)), ids(0..30));
}

#[test]
fn who_looks_at_a_store_of_an_earlier_version_or_copies_it_leaves_it_as_it_is() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let newest = policy_advisor::store::newest_schema();
    let version_of = |path: &Path| {
        let place = Place::File(path.to_owned());
        runtime.block_on(async {
            let mut conn = connect(&place).await;
            let sql = "SELECT CAST(max(version) AS BIGINT) FROM _sqlx_migrations";
            let version: i64 = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
            conn.close().await.unwrap();
            version
        })
    };
    for (version, _) in MIGRATIONS.iter().filter(|(it, _)| *it < newest) {
        let advisor = Advisor::new();
        let store = advisor.data_dir().join("advisor.db");
        fs::remove_file(&store).unwrap();
        runtime.block_on(make_old_store(&Place::File(store.clone()), *version));
        let doctor = advisor.run(&["doctor", "--output", "json"]);
        let checks: serde_json::Value = serde_json::from_str(&doctor.out).unwrap();
        let schema = checks.as_array().unwrap().iter().find(|it| it["name"] == "schema").unwrap();
        let found = schema["found"].as_str().unwrap();
        let told = format!("version {version}, this program has {newest}: ");
        assert!(schema["health"] == "warn" && found.starts_with(&told), "{schema}");
        assert!(
            schema["hint"].as_str().unwrap().contains("`advisor backup DIR` first"),
            "{schema}"
        );
        assert_eq!(version_of(&store), *version, "the doctor looks");

        let copy = advisor.data_dir().join("copy");
        let done = advisor.json(&["backup", copy.to_str().unwrap()]);
        assert_eq!(done["schema_version"], *version);
        assert_eq!(
            (version_of(&store), version_of(&copy.join("advisor.db"))),
            (*version, *version)
        );
        let left = fs::read_dir(&copy).unwrap().map(|it| it.unwrap().file_name());
        let left: Vec<_> = left.filter(|it| it.to_string_lossy().contains("upgraded")).collect();
        assert!(left.is_empty(), "{left:?}");

        // Upgraded; and back, with the copy.
        assert!(advisor.ok(&["roles", "list"]).contains("old"));
        assert_eq!(version_of(&store), newest);
        assert!(
            advisor.ok(&["--data-dir", copy.to_str().unwrap(), "roles", "list"]).contains("old")
        );
    }
}

/// As the help of `advisor backup` and the README say it.
#[test]
fn a_server_is_dumped_together_with_its_lake_and_both_can_be_put_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(url) = runtime.block_on(postgres_database("backup")) else { return };
    let into = runtime.block_on(postgres_database("restored")).unwrap();
    let tools = Command::new("sh").args(["-c", "command -v pg_dump psql flock"]).output().unwrap();
    if !tools.status.success() {
        eprintln!("no pg_dump, psql or flock here: not tried");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
    let advisor = |data: &Path, url: &str, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
        command.env_clear().env("ADVISOR_DATA_DIR", data).env("ADVISOR_DATABASE_URL", url);
        let ended = command.args(args).output().unwrap();
        assert!(ended.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    let file = dir.path().join("a.log");
    fs::write(&file, events(0..200)).unwrap();
    let file = file.display().to_string();
    advisor(&data, &url, &["init"]);
    advisor(&data, &url, &["ingest", &file]);
    fs::create_dir(&copy).unwrap();
    let script = r#"flock "$DATA/lake/lock" sh -c 'pg_dump --file="$COPY/store.sql" "$URL" && cp -a "$DATA/lake" "$DATA/advisor.toml" "$COPY/"'
        psql --quiet --set ON_ERROR_STOP=1 --file="$COPY/store.sql" "$INTO" >/dev/null"#;
    let done = Command::new("sh")
        .args(["-ec", script])
        .envs([("DATA", data.as_os_str()), ("COPY", copy.as_os_str())])
        .envs([("URL", &url), ("INTO", &into)])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    advisor(&copy, &into, &["ingest", &file]);
    advisor(&copy, &into, &["lake", "parts"]);
    assert_eq!(ids_in_lake(&copy), ids(0..200), "nothing is lost, and nothing is read twice");
}
