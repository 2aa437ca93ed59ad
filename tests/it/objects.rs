//! Signals in buckets: what holds for files holds for objects.
use std::{fs, sync::Arc};

use serde_json::Value;

use crate::{
    buckets::{Bucket, Door, Machine, Proxy, Then, Unit, strict},
    ingest::{event, events, gzip, ids},
};

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 3).unwrap()
}

/// The counts of a report: read, accepted, duplicates, rejected.
fn counts(report: &Value) -> [u64; 4] {
    ["read", "accepted", "duplicates", "rejected"].map(|it| report[it].as_u64().unwrap())
}

/// What was done with an object.
fn status<'a>(report: &'a Value, url: &str) -> &'a str {
    let files = report["files"].as_array().unwrap();
    files.iter().find(|it| it["path"] == url).unwrap()["status"].as_str().unwrap()
}

#[test]
fn what_is_shipped_to_a_bucket_counts_once_whatever_becomes_of_its_objects() {
    let Some(bucket) = Bucket::new("objects") else { return };
    let machine = Machine::new(&bucket);
    bucket.put("hosts/a/a.log", events(0..30));
    bucket.put("hosts/b/b.ndjson.gz", gzip(events(30..60).as_bytes()));
    bucket.put("hosts/c.jsonl.zst", zstd(events(60..90).as_bytes()));
    bucket.put("hosts/notes.txt", "nothing for us");
    bucket.put("hosts/.hidden/a.log", events(900..903));
    bucket.put("elsewhere/a.log", events(900..903));
    let hosts = bucket.url("hosts");
    let report = machine.json(&["ingest", &hosts]);
    assert_eq!(counts(&report), [90, 90, 0, 0]);
    assert_eq!(machine.json(&["ingest", &hosts])["files_skipped"], 3);

    // It grows by being overwritten; a torn last line waits for its rest.
    let line = event(40_000);
    let (begin, rest) = line.split_at(50);
    bucket.put("hosts/a/a.log", events(0..30) + &events(90..100) + begin);
    let report = machine.json(&["ingest", &hosts]);
    assert_eq!(counts(&report), [10, 10, 0, 0]);
    assert_eq!(status(&report, &bucket.url("hosts/a/a.log")), "continued");
    let whole = events(0..30) + &events(90..100) + begin + rest;
    bucket.put("hosts/a/a.log", &whole);
    assert_eq!(counts(&machine.json(&["ingest", &hosts])), [1, 1, 0, 0]);

    // Rotated, packed, and begun anew under the old key; the same content under a second one.
    bucket.put("hosts/a/a.log.1.gz", gzip(whole.as_bytes()));
    bucket.put("hosts/a/copy.log", &whole);
    bucket.put("hosts/a/a.log", events(100..105) + "not an event\n");
    let report = machine.json(&["ingest", &hosts]);
    assert_eq!(counts(&report), [6, 5, 0, 1]);
    for key in ["hosts/a/a.log.1.gz", "hosts/a/copy.log"] {
        assert_eq!(status(&report, &bucket.url(key)), "known", "{key}");
    }
    assert_eq!(status(&report, &bucket.url("hosts/a/a.log")), "new");

    // One object by its key, whatever it is called; a damaged one is read as far as it goes.
    bucket.put("hosts/notes.txt", events(105..107));
    assert_eq!(counts(&machine.json(&["ingest", &bucket.url("hosts/notes.txt")])), [2, 2, 0, 0]);
    let packed = gzip(events(107..5_000).as_bytes());
    bucket.put("damaged.gz", &packed[..packed.len() / 2]);
    let ended = machine.run(&["ingest", &bucket.url("damaged.gz")]);
    assert!(ended.code == 0 && ended.err.contains("the archive is damaged"), "{ended:?}");
    bucket.put("damaged.gz", &packed);
    machine.ok(&["ingest", &bucket.url("damaged.gz")]);

    let mut wanted = ids(0..5_000);
    wanted.push("event-40000".to_owned());
    wanted.sort();
    assert_eq!(machine.ids(), wanted);
    let source = machine.ok(&["audit", "--limit", "1", "--output", "json"]);
    assert!(source.contains(&bucket.url("")), "an event says which object it came from: {source}");
    assert!(!machine.data().join("lake-cache").exists());
}

#[test]
fn keys_that_somebody_made_up_are_shown_escaped_counted_and_do_not_hide_others() {
    let Some(bucket) = Bucket::new("hostile keys") else { return };
    let machine = Machine::new(&bucket);
    let good =
        ["h/%2e%2e%2fa.log", "h/a\u{202e}.log", "h/{b}*?[c]#.log", "h/z é.log", "h/' or 1=1.log"];
    let bad = ["h//a.log", "h/../a.log", "h/./a.log", "h/a\u{1b}[31m.log", "h/m//b.log"];
    for (number, key) in good.iter().chain(&bad).enumerate() {
        bucket.put(key, event(number));
    }
    bucket.put("h/..//not-for-us.txt", "");
    for number in 0..40 {
        bucket.put(&format!("h/n{number}.log"), event(100 + number));
    }
    let ended = machine.run(&["ingest", &bucket.url("h"), "--output", "json"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(counts(&report), [45, 45, 0, 0]);
    assert_eq!(report["files_failed"], bad.len());
    let errors: Vec<&str> = ended.err.lines().filter(|it| it.starts_with("error: ")).collect();
    assert_eq!(errors.len(), bad.len(), "{ended:?}");
    assert!(errors.iter().all(|it| it.contains("look who made it")), "{ended:?}");
    assert!(ended.err.contains("\\u{1b}[31m") && !ended.err.contains('\u{1b}'), "{ended:?}");
    assert!(!ended.out.contains('\u{202e}'), "{ended:?}");
    // None of it ever hides what comes later.
    bucket.put("h/n0.log", event(100) + &event(200));
    let ended = machine.run(&["ingest", &bucket.url("h"), "--output", "json"]);
    assert_eq!(counts(&serde_json::from_str(&ended.out).unwrap()), [1, 1, 0, 0]);
}

#[test]
fn whatever_cannot_be_reached_is_one_sentence_and_no_success() {
    let Some(bucket) = Bucket::new("out of reach") else { return };
    let Some(strict) = strict("out of reach") else { return };
    bucket.put("h/a.log", events(0..3));
    let url = bucket.url("h");
    let with_user = format!("s3://AKIAEXAMPLE:hunter2@{}/h", bucket.name);
    let at = |endpoint: &str| Machine::bare(endpoint);
    for (machine, url, told) in [
        (at(&strict), format!("{url}/").as_str(), "InvalidAccessKeyId"),
        (at(&bucket.endpoint), "s3://no-such-bucket/h", "there is no such bucket"),
        (at(&bucket.endpoint), &bucket.url("nothing"), "there is nothing at"),
        (at("http://127.0.0.1:1"), url.as_str(), "Connection refused"),
        (at(&bucket.endpoint).with("AWS_ALLOW_HTTP", ""), &url, "is not https"),
        (at("storage.example"), &url, "AWS_ENDPOINT_URL is no URL"),
        (at("https://ana:hunter2@storage.example"), &url, "holds a user"),
        (at(&bucket.endpoint), &with_user, "holds a user or password"),
        (at(&bucket.endpoint), "s3://a b/c", "not the address of a bucket"),
    ] {
        machine.ok(&["init"]);
        let check = |ended: &crate::cli::Ended, what: &str| {
            assert_eq!(ended.code, 1, "{what} {url}: {ended:?}");
            let n_errors = ended.err.lines().filter(|it| it.starts_with("error: ")).count();
            let n_hints = ended.err.lines().filter(|it| it.starts_with("hint: ")).count();
            assert_eq!((n_errors, n_hints), (1, 1), "{what} {url}: {ended:?}");
            assert!(ended.err.contains(told), "{what} {url}: {ended:?}");
        };
        check(&machine.run(&["ingest", url]), "ingest");
        if !told.starts_with("there is nothing") {
            check(&machine.run(&["--lake", url, "lake", "forget", "--host", "h"]), "lake");
        }
    }
}

#[test]
fn a_role_is_taken_on_with_a_token_over_tls_that_an_authority_of_ones_own_has_signed() {
    let Some(bucket) = Bucket::new("roles") else { return };
    let Some(door) = Door::new("roles") else { return };
    bucket.put("h/a.log", events(0..20));
    let url = bucket.url("h");
    let lake = bucket.url("lake");
    let machine = door.machine().with("ADVISOR_LAKE", &lake);
    assert_eq!(counts(&machine.json(&["ingest", &url])), [20, 20, 0, 0]);
    assert_eq!(machine.ids(), ids(0..20));
    assert!(!bucket.keys("lake/events/").is_empty());
    machine.ok(&["doctor"]);

    let other_token = machine.data().join("token");
    fs::write(&other_token, "somebody else's").unwrap();
    let other_token = other_token.to_str().unwrap().to_owned();
    let token = "AWS_WEB_IDENTITY_TOKEN_FILE";
    let keys =
        |it: Machine| it.with("AWS_ACCESS_KEY_ID", "k").with("AWS_SECRET_ACCESS_KEY", "hunter2");
    for (machine, told, hint) in [
        (door.machine().with("SSL_CERT_FILE", ""), "invalid peer certificate", "SSL_CERT_FILE"),
        (keys(door.machine()), "access is denied", "must allow to list and read"),
        (door.machine().with(token, &other_token), "AccessDenied", token),
        (door.machine().with(token, "/nowhere/token"), "/nowhere/token", token),
        (
            door.machine().with("AWS_ENDPOINT_URL_STS", &bucket.endpoint),
            "scheme",
            "always with TLS",
        ),
    ] {
        let ended = machine.run(&["ingest", &url]);
        let lines: Vec<&str> = ended.err.lines().collect();
        let [error, with_hint] = lines.as_slice() else { panic!("{ended:?}") };
        assert!(ended.code == 1 && error.contains(told) && with_hint.contains(hint), "{ended:?}");
    }
}

#[test]
fn a_run_reads_buckets_and_a_bucket_that_is_away_is_no_success() {
    let Some(bucket) = Bucket::new("a run") else { return };
    let machine = Machine::new(&bucket);
    bucket.put("h/a.log", events(0..20));
    let config = |url: &str| {
        let metrics = machine.data().join("advisor.prom");
        let text = format!(
            "metrics_file = \"{}\"\n[[directories]]\npath = \"{url}\"\n",
            metrics.display()
        );
        fs::write(machine.data().join("advisor.toml"), text).unwrap();
        metrics
    };
    let succeeded = |metrics: &std::path::Path| {
        fs::read_to_string(metrics).unwrap().contains("\nadvisor_last_success_timestamp_seconds ")
    };
    let metrics = config("s3://no-such-bucket/h");
    let ended = machine.run(&["run"]);
    assert!(ended.code == 1 && ended.err.contains("there is no such bucket"), "{ended:?}");
    assert!(!succeeded(&metrics));
    let ended = machine.run(&["doctor"]);
    assert!(ended.code == 1 && ended.out.contains("there is no such bucket"), "{ended:?}");

    config(&bucket.url("h"));
    let report = machine.json(&["run"]);
    assert_eq!(counts(&report["directories"][0]), [20, 20, 0, 0]);
    assert!(succeeded(&metrics));
    let doctor = machine.ok(&["doctor"]);
    assert!(doctor.contains(&format!("`{}` holds 1 files", bucket.url("h"))), "{doctor}");

    config(&format!("s3://AKIAEXAMPLE:hunter2@{}/h", bucket.name));
    let ended = machine.run(&["run"]);
    assert!(ended.code == 1 && ended.err.contains("holds a user or password"), "{ended:?}");
}

/// Some 12 MiB of lines: an object of three pieces.
fn large(n_events: usize) -> String {
    let pad = "x".repeat(5_000);
    let padded = |idx| event(idx).replacen("\"show\"", &format!("\"show\",\"{pad}\""), 1);
    (0..n_events).map(padded).collect()
}

#[test]
fn an_endpoint_that_goes_away_in_mid_read_fails_the_run_and_loses_nothing() {
    let Some(bucket) = Bucket::new("mid-read") else { return };
    bucket.put("h/a.log", large(2_400));
    bucket.put("h/b.log.gz", gzip(large(3_000).as_bytes()));
    let proxy = Proxy::to(&bucket.endpoint, Unit::Bytes, 6 * 1024 * 1024, || Then::CutAll);
    let machine = Machine::bare(&proxy.endpoint);
    machine.ok(&["init"]);
    let ended = machine.run(&["ingest", &bucket.url("h"), "--chunk-events", "100"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("nothing is lost, the next run goes on"), "{ended:?}");
    assert!(!ended.err.contains("damaged"), "a line that is cut is no broken archive: {ended:?}");
    let n_before = machine.ids().len();
    assert!((1..2_400).contains(&n_before), "{n_before}");
    proxy.open();
    let report = machine.json(&["ingest", &bucket.url("h")]);
    assert_eq!(report["files_failed"], 0);
    assert_eq!(status(&report, &bucket.url("h/a.log")), "continued");
    assert_eq!(machine.ids(), ids(0..3_000));
}

#[test]
fn an_object_that_is_overwritten_while_it_is_read_is_never_two_halves() {
    let Some(bucket) = Bucket::new("overwritten") else { return };
    bucket.put("h/a.log", large(2_400));
    let bucket = Arc::new(bucket);
    let shipper = Arc::clone(&bucket);
    let overwrite = move || {
        shipper.put("h/a.log", large(2_500));
        Then::Open
    };
    let proxy = Proxy::to(&bucket.endpoint, Unit::Bytes, 5 * 1024 * 1024, overwrite);
    let machine = Machine::bare(&proxy.endpoint);
    machine.ok(&["init"]);
    let report = machine.json(&["ingest", &bucket.url("h")]);
    assert_eq!((report["files_failed"].as_u64(), report["rejected"].as_u64()), (Some(0), Some(0)));
    assert_eq!(report["duplicates"], 0, "what was read of it before is known");
    assert_eq!(machine.ids(), ids(0..2_500));
}
