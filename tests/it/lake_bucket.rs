//! The lake in a bucket: the same files, the same answers, and nothing lost or twice.
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    thread::sleep,
    time::{Duration, SystemTime},
};

use policy_advisor::{
    events::{Day, Timestamp},
    lake::{Inspection, Lake},
    objects::{Access, Bucket as Remote, BucketUrl},
    pipeline::ingest::{Ingest, IngestReport, Step, ingest},
    store::{Missing, Place, Store},
};
use serde_json::Value;

use crate::{
    buckets::{Bucket, Machine, Proxy, Then, Unit},
    faults::{in_trials, points},
    ingest::{event, events, ids},
    kill::{Seeded, doomed, n_kills},
};

/// The files of a lake on disk, by their names below it, those aside that are no part of it.
fn files(lake: &Path) -> Vec<(String, Vec<u8>)> {
    let mut res = Vec::new();
    let mut dirs = vec![lake.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(lake).unwrap().display().to_string();
            if path.is_dir() {
                dirs.push(path);
            } else if name != "lock" {
                res.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    res.sort();
    res
}

/// The same of a lake in a bucket.
fn objects(bucket: &Bucket, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let keys = bucket.keys(&format!("{prefix}/"));
    let name = |key: &String| key.strip_prefix(&format!("{prefix}/")).unwrap().to_owned();
    keys.iter().map(|key| (name(key), bucket.get(key))).collect()
}

fn names(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    files.iter().map(|it| it.0.as_str()).collect()
}

/// The same document without what differs from call to call; whether a file is known by its content
/// or by how it looks depends on how long ago it was written.
fn timeless(mut document: Value) -> Value {
    let timely = ["generated_at", "started_at", "finished_at", "run_id", "files"];
    if let Some(object) = document.as_object_mut() {
        object.retain(|key, _| !timely.contains(&key.as_str()));
    }
    document
}

/// A line of a host at noon some days ago.
fn line_of(id: &str, host: &str, days_ago: i32) -> String {
    let day = Day(policy_advisor::clock::now().day().0 - days_ago);
    let line = event(0).replace("event-0", id).replace("host-0", host);
    line.replace("2026-01-01", &day.to_string())
}

#[test]
fn a_lake_in_a_bucket_gives_what_one_on_disk_gives_byte_for_byte() {
    let Some(bucket) = Bucket::new("same lake") else { return };
    let here = Machine::new(&bucket);
    let there = Machine::new(&bucket).with("ADVISOR_LAKE", &bucket.url("deep/lake"));
    let shipped = tempfile::tempdir().unwrap();
    let out = shipped.path().join("fleet").display().to_string();
    let today = policy_advisor::clock::now().day().0;
    let day = Day(today - 9).to_string();
    here.ok(&["simulate", "--out", &out, "--events", "600", "--hosts", "3", "--start", &day]);
    let out = format!("{out}/events");
    let old: String = (0..20).map(|it| line_of(&format!("old-{it}"), "h", 95)).collect();
    for number in 0..6 {
        let line = line_of(&format!("doomed-{number}"), "doomed", 1 + number);
        fs::write(format!("{out}/doomed-{number}.log"), line).unwrap();
    }
    fs::write(format!("{out}/old.log"), old).unwrap();

    let both = |args: &[&str]| {
        let one = timeless(here.json(args));
        let other = timeless(there.json(args));
        assert_eq!(one, other, "{args:?}");
        one
    };
    let same_files = |when: &str| {
        let one = files(&here.data().join("lake"));
        let other = objects(&bucket, "deep/lake");
        assert_eq!(names(&one), names(&other), "{when}");
        assert!(one == other, "{when}: the same names, and other bytes");
        one.len()
    };
    both(&["roles", "create", "platform"]);
    // Many small parts, so that there is something to merge.
    for _ in 0..2 {
        both(&["ingest", &out, "--chunk-events", "50"]);
    }
    assert!(same_files("ingested") > 20);
    assert!(!there.data().join("lake").exists(), "nothing lies in the place of a lake on disk");
    both(&["audit", "--limit", "500"]);
    both(&["audit", "--count-by", "binary"]);
    let (from, to) = (format!("{day}T00:00:00Z"), format!("{}T00:00:00Z", Day(today - 1)));
    let suggest = ["suggest", "--role", "platform", "--from", &from, "--to", &to];
    let batch = both(&suggest);
    assert!(batch["events"].as_u64() > Some(100), "{batch}");
    assert!(batch["changes"].as_array().unwrap().len() > 3, "{batch}");

    // Retention, rollups, merging, erasing.
    for machine in [&here, &there] {
        machine.ok(&["settings", "set", "enabled", "false"]);
        let report = machine.json(&["run"]);
        let upkeep = &report["upkeep"];
        assert_eq!(upkeep["events_expired"], 20, "{report}");
        assert!(upkeep["parts_made"].as_u64() > Some(0), "{report}");
        assert!(upkeep["days_rolled_up"].as_u64() > Some(0), "{report}");
    }
    let n_files = same_files("after a run");
    both(&["lake", "forget", "--host", "doomed"]);
    assert!(same_files("after an erasure") <= n_files + 1);
    assert_eq!(both(&["audit", "--host", "doomed"]), Value::Array(Vec::new()));
    both(&["lake", "parts"]);
    both(&["audit", "--limit", "1000", "--from", &from]);
    let cached = files(&there.data().join("lake-cache"));
    assert!(cached.iter().all(|it| !contains(&it.1, b"doomed-1")), "erased here, too");

    // Another cache, or none; one that may take nothing.
    let before = there.ids();
    fs::remove_dir_all(there.data().join("lake-cache")).unwrap();
    assert_eq!(there.ids(), before);
    assert!(!there.ok(&["--read-only", "audit", "--limit", "1"]).is_empty());
    let doctor = there.ok(&["doctor"]);
    assert!(doctor.contains("deep/lake` answers"), "{doctor}");

    // The index of ids is gone: made anew from the events. A backup is a lake on disk.
    for key in bucket.keys("deep/lake/ids/") {
        bucket.remove(&key);
    }
    let report = there.json(&["ingest", &out]);
    assert_eq!(
        (report["accepted"].as_u64(), report["ids_rebuilt"].as_bool()),
        (Some(0), Some(true))
    );
    let copy = shipped.path().join("backup").display().to_string();
    there.ok(&["backup", &copy]);
    let restored = there.with("ADVISOR_LAKE", "").with("ADVISOR_DATA_DIR", &copy);
    assert_eq!(restored.ids(), before);
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|it| it == wanted)
}

#[test]
fn the_cache_is_bounded_and_what_was_used_longest_ago_goes() {
    let Some(bucket) = Bucket::new("cache") else { return };
    let machine = Machine::new(&bucket)
        .with("ADVISOR_LAKE", &bucket.url("lake"))
        .with("ADVISOR_LAKE_CACHE_MIB", "0");
    let signals = machine.data().join("in.log");
    fs::write(&signals, events(0..50)).unwrap();
    machine.ok(&["ingest", &signals.display().to_string()]);
    let cached = |of: &Machine| -> Vec<PathBuf> {
        let days = fs::read_dir(of.data().join("lake-cache/events")).unwrap();
        days.flat_map(|it| fs::read_dir(it.unwrap().path()).unwrap())
            .map(|it| it.unwrap().path())
            .collect()
    };
    let before = cached(&machine);
    assert_eq!(before.len(), 5, "what was just made is in use");
    for path in &before {
        let file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
    }
    fs::remove_file(&before[0]).unwrap();
    // One of another size than is committed is not believed.
    fs::write(&before[1], "no part").unwrap();
    assert_eq!(machine.ids(), ids(0..50));
    for path in cached(&machine) {
        let file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
    }
    fs::remove_file(&before[0]).unwrap();
    let day = before[0].parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let day = day.strip_prefix("date=").unwrap();
    machine.ok(&["audit", "--from", day, "--to", &format!("{day}T23:00:00Z")]);
    assert_eq!(cached(&machine), [before[0].clone()], "only what was used now is left");
}

#[test]
fn a_store_and_a_lake_that_do_not_belong_together_are_told() {
    let Some(bucket) = Bucket::new("strangers") else { return };
    let lake = bucket.url("lake");
    let machine = Machine::new(&bucket).with("ADVISOR_LAKE", &lake);
    let signals = machine.data().join("in.log").display().to_string();
    fs::write(&signals, events(0..50)).unwrap();
    machine.ok(&["ingest", &signals]);
    let stranger = Machine::new(&bucket).with("ADVISOR_LAKE", &lake);
    for _ in 0..2 {
        let ended = stranger.run(&["ingest", &signals]);
        assert_eq!(ended.code, 1);
        assert!(ended.err.contains(&format!("the lake at `{lake}` holds 5 parts")), "{ended:?}");
    }
    let machine = machine.with("ADVISOR_LAKE", &bucket.url("elsewhere"));
    let ended = machine.run(&["ingest", &signals]);
    assert!(ended.code == 1 && ended.err.contains("holds none of them"), "{ended:?}");
    let machine = machine.with("ADVISOR_LAKE", &lake);
    bucket.put("lake/events/date=2026-01-01/stray.parquet", "?");
    let report = machine.json(&["ingest", &signals]);
    assert_eq!(report["parts_unknown"], 1);
    assert_eq!(machine.ids(), ids(0..50));
}

#[test]
fn killed_at_any_moment_a_lake_in_a_bucket_loses_nothing_and_doubles_nothing() {
    let Some(bucket) = Bucket::new("kills") else { return };
    let machine = Machine::new(&bucket).with("ADVISOR_LAKE", &bucket.url("lake"));
    machine.ok(&["settings", "set", "enabled", "false"]);
    let config = format!("[[directories]]\npath = \"{}\"\n", bucket.url("in"));
    fs::write(machine.data().join("advisor.toml"), config).unwrap();
    let mut seeded = Seeded(20_260_601);
    let mut ranges_us = [600_000, 300_000];
    let (mut wanted, mut n_killed, mut round) = (Vec::new(), 0, 0);
    while n_killed < n_kills(8) {
        let mut lines = String::new();
        for number in 0..12 {
            let id = format!("new-{round}-{number}");
            lines += &line_of(&id, "kept", 1 + number % 3);
            wanted.push(id);
            lines += &line_of(&format!("old-{round}-{number}"), "kept", 95 + number % 2);
        }
        let host = doomed(round);
        lines += &line_of(&format!("doomed-{round}"), &host, 1);
        bucket.put(&format!("in/{round}.log"), lines);
        round += 1;
        let commands = [&["run"][..], &["lake", "forget", "--host", &host]];
        let commands = commands.into_iter().take(if round % 3 == 0 { 2 } else { 1 });
        for (args, range_us) in commands.zip(&mut ranges_us) {
            let mut advisor = machine.command(args).spawn().unwrap();
            sleep(Duration::from_micros(seeded.below(*range_us)));
            advisor.kill().unwrap();
            let was_killed = advisor.wait().unwrap().code().is_none();
            n_killed += usize::from(was_killed);
            *range_us = if was_killed { *range_us * 11 / 10 } else { *range_us * 9 / 10 };
        }
        // Now and then all that is on the machine goes, as it does with a job of Kubernetes.
        if round % 4 == 0 {
            let _ = fs::remove_dir_all(machine.data().join("lake-cache"));
        }
    }
    machine.ok(&["run"]);
    for round in (0..=round).step_by(3) {
        // Of some, a killed one has erased everything.
        let ended = machine.run(&["lake", "forget", "--host", &doomed(round)]);
        assert!(ended.code == 0 || ended.err.contains("there is nothing here"), "{ended:?}");
    }
    machine.ok(&["run"]);
    wanted.sort();
    assert_eq!(machine.ids(), wanted, "after {n_killed} kills");
    assert_eq!(bucket.keys("lake/staging/"), Vec::<String>::new());
    let place = Place::File(machine.data().join("advisor.db"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(Store::open(&place, Missing::Refuse)).unwrap();
    let manifest = runtime.block_on(store.manifest()).unwrap();
    let lake = lake_at(machine.data(), &bucket);
    assert_eq!(lake.inspect(&manifest).unwrap(), Inspection::default());
    let public = bucket.keys("lake/events/").len();
    assert_eq!(public, manifest.parts.len(), "outside readers see what is committed");
    eprintln!("{n_killed} kills of a lake in a bucket: 0 lost, 0 twice");
}

/// The lake of a bucket, seen from a machine with this data directory.
fn lake_at(data_dir: &Path, bucket: &Bucket) -> Lake {
    let variables = [
        ("AWS_ENDPOINT_URL", bucket.endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let access = Access::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let url = BucketUrl::parse(&bucket.url("lake")).unwrap();
    Lake::in_bucket(data_dir, Remote::open(&url, &access).unwrap(), &url, 1 << 30)
}

#[test]
fn a_writer_on_another_machine_overtakes_and_nothing_is_lost() {
    let Some(bucket) = Bucket::new("two machines") else { return };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // One store, as a server would be; two machines with nothing but a cache.
    let place = Place::File(one.path().join("advisor.db"));
    fs::create_dir_all(one.path().join("in")).unwrap();
    fs::create_dir_all(other.path().join("in")).unwrap();
    for number in 0..6 {
        let lines = events(number * 10..number * 10 + 10);
        fs::write(one.path().join(format!("in/{number}.log")), lines).unwrap();
    }
    fs::write(other.path().join("in/b.log"), events(60..80)).unwrap();
    let work = |dir: &Path, progress: &(dyn Fn(Step) + Sync)| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let lake = lake_at(dir, &bucket).to_write().unwrap();
        let now = Timestamp::parse("2026-02-01T00:00:00Z").unwrap();
        let mut what = Ingest::new(vec![dir.join("in")], now);
        what.chunk_events = 10;
        runtime.block_on(async {
            let store = Store::open(&place, Missing::Create).await.unwrap();
            let done: anyhow::Result<IngestReport> = ingest(&store, &lake, what, progress).await;
            store.close().await;
            done
        })
    };
    let overtaken_by = Mutex::new(None);
    let overtake = |step| {
        if matches!(step, Step::Committed(_)) && overtaken_by.lock().unwrap().is_none() {
            let ended = std::thread::scope(|scope| {
                scope.spawn(|| work(other.path(), &|_| ())).join().unwrap()
            });
            *overtaken_by.lock().unwrap() = Some(ended.unwrap().accepted);
        }
    };
    let err = work(one.path(), &overtake).unwrap_err();
    assert!(format!("{err:#}").contains("another advisor has written to the lake"), "{err:#}");
    assert_eq!(*overtaken_by.lock().unwrap(), Some(20));
    let report = work(one.path(), &|_| ()).unwrap();
    assert_eq!((report.accepted, report.parts_lost.len(), report.parts_unknown), (50, 0, 0));
    let machine = Machine::new(&bucket).with("ADVISOR_LAKE", &bucket.url("lake"));
    fs::copy(one.path().join("advisor.db"), machine.data().join("advisor.db")).unwrap();
    for left in ["advisor.db-wal", "advisor.db-shm"] {
        let _ = fs::remove_file(machine.data().join(left));
    }
    assert_eq!(machine.ids(), ids(0..80));
}

/// A machine whose lake is in a bucket behind a proxy, with 60 events waiting to be read.
fn behind(proxy: &Proxy, bucket: &Bucket, prefix: &str) -> Machine {
    let machine = Machine::bare(&proxy.endpoint).with("ADVISOR_LAKE", &bucket.url(prefix));
    machine.ok(&["init"]);
    // What is suggested is not looked at here.
    machine.ok(&["settings", "set", "enabled", "false"]);
    let (signals, metrics) = (machine.data().join("in"), machine.data().join("advisor.prom"));
    fs::create_dir(&signals).unwrap();
    fs::write(signals.join("a.log"), events(0..60)).unwrap();
    let config = format!(
        "metrics_file = \"{}\"\n[[directories]]\npath = \"{}\"\n",
        metrics.display(),
        signals.display()
    );
    fs::write(machine.data().join("advisor.toml"), config).unwrap();
    machine
}

/// A run in which the answers of the bucket end after so many pieces; how many of them it took.
fn run_cut(bucket: &Bucket, n_pieces: u64, then: Then, at: &str) -> u64 {
    let proxy = Proxy::to(&bucket.endpoint, Unit::Pieces, u64::MAX, move || then);
    let prefix = format!("lake-{}", at.replace(' ', "-"));
    let machine = behind(&proxy, bucket, &prefix);
    proxy.set(n_pieces);
    let ended = machine.run(&["run"]);
    let n_taken = n_pieces.wrapping_sub(proxy.set(u64::MAX));
    assert!(!ended.err.contains("panicked"), "{at}: {ended:?}");
    let metrics = fs::read_to_string(machine.data().join("advisor.prom")).unwrap_or_default();
    // An answer that is lost is asked for again; one that ends in the middle is told.
    assert!(matches!(ended.code, 0 | 1), "{at}: {ended:?}");
    assert_eq!(metrics.contains("\nadvisor_last_success"), ended.code == 0, "{at}: {metrics}");
    if ended.code == 1 {
        let n_sentences = ended.err.lines().filter(|it| it.starts_with("error: ")).count();
        assert_eq!(n_sentences, 1, "one sentence, {at}: {ended:?}");
        assert!(ended.err.contains("s3://"), "{at}: {ended:?}");
        assert!(ended.err.lines().any(|it| it.starts_with("hint: ")), "{at}: {ended:?}");
    }
    machine.ok(&["run"]);
    assert_eq!(machine.ids(), ids(0..60), "{at}");
    assert_eq!(bucket.keys(&format!("{prefix}/staging/")), Vec::<String>::new(), "{at}");
    n_taken
}

#[test]
fn whichever_answer_of_a_bucket_is_the_last_it_is_told_and_the_next_run_is_whole() {
    let Some(bucket) = Bucket::new("away") else { return };
    let n_pieces = run_cut(&bucket, u64::MAX, Then::Open, "undisturbed");
    let mut n_trials = 0;
    for (name, then) in [("all cut", Then::CutAll), ("one lost", Then::CutOne)] {
        n_trials += in_trials(points(usize::try_from(n_pieces).unwrap(), 4), |point| {
            let at = format!("{name} at {point} of {n_pieces}");
            run_cut(&bucket, point as u64 - 1, then, &at);
        });
    }
    eprintln!(
        "{n_trials} answers of a bucket cut of {n_pieces} in a run: 0 panics, 0 lost, 0 twice"
    );
}
