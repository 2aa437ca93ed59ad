//! Signals for other systems: every one once, in whole lines, whenever a run dies; a file a day, for a week.
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    path::Path,
};

use flate2::read::MultiGzDecoder;
use policy_advisor::{
    alerts::{AlertKind, Detail, Noticed, Resolution, Step},
    events::{Severity, Timestamp},
    pipeline::signals::write_signals,
    review::Verdict,
    store::{Store, Why},
};

use crate::{
    backends::{Home, ana, at, on_both},
    samples::{batch, role},
};

const KEPT_DAYS: u32 = 7;

async fn raise(store: &Store, key: &str) {
    let noticed = Noticed {
        kind: AlertKind::UndeclaredTool,
        key: key.to_owned(),
        severity: Severity::Warning,
        role: None,
        hostname: None,
        message: format!("`{key}\u{202e}` was used\n"),
        events: 1,
        first: at(0),
        last: at(0),
        changed: None,
        detail: Detail { subject: key.to_owned(), ..Detail::default() },
    };
    store.raise_alerts(&[noticed], &[], at(0)).await.unwrap();
}

async fn write(store: &Store, directory: &Path, now: &str) {
    let now = Timestamp::parse(now).unwrap();
    write_signals(store, directory, KEPT_DAYS, now).await.unwrap();
}

/// Every file's text, unpacked, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path());
    let text = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let mut text = String::new();
        if path.extension().is_some_and(|it| it == "gz") {
            MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        text
    };
    entries.map(|it| (it.file_name().unwrap().to_str().unwrap().to_owned(), text(&it))).collect()
}

/// The ids of all lines, each of which must be a signal.
fn ids(directory: &Path) -> Vec<String> {
    let all = files(directory);
    let lines = all.values().flat_map(|text| {
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        text.lines()
    });
    let id = |line: &str| {
        let signal: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(signal["schema_version"], "1.0");
        crate::schemas::check("signal", &signal);
        assert!(!line.contains('\u{202e}'), "{line}");
        signal["signal_id"].as_str().unwrap().to_owned()
    };
    lines.map(id).collect()
}

async fn batches_reviews_and_alerts_are_told_in_order(store: &Store, _: &Home) {
    let dir = tempfile::tempdir().unwrap();
    store
        .create_role(role("r", &["git *", "kubectl *"]), &Why::command("test"), &ana(0))
        .await
        .unwrap();
    let id = "3f2a9c0d1e2b4a5c";
    assert!(store.save_batch(&batch(id, "r", 1)).await.unwrap());
    assert!(!store.save_batch(&batch(id, "r", 1)).await.unwrap(), "once");
    let verdict = Verdict::Reject { changes: vec![1], reason: Some("no".to_owned()) };
    store.review(id, &verdict, &ana(1)).await.unwrap();
    raise(store, "nc").await;
    let alert = store.alerts().await.unwrap().remove(0).alert_id;
    store
        .step_alert(&alert, Step::Resolve(Resolution::Handled), Some("mine"), &ana(2))
        .await
        .unwrap();
    write(store, dir.path(), "2026-01-05T10:00:00Z").await;
    let text = files(dir.path())["advisor-2026-01-05.ndjson"].clone();
    let told = text.lines().map(|line| {
        let it: serde_json::Value = serde_json::from_str(line).unwrap();
        let of = |key: &str| it["payload"][key].as_str().unwrap_or_default().to_owned();
        format!(
            "{} {}{}{}",
            it["signal_type"].as_str().unwrap(),
            of("role"),
            of("verdict"),
            of("state")
        )
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "suggestion r",
            // The first change takes along the third, which requires it.
            "review rreject",
            "review rreject",
            "alert open",
            "alert resolved",
        ]
    );
    write(store, dir.path(), "2026-01-05T11:00:00Z").await;
    assert_eq!(
        files(dir.path())["advisor-2026-01-05.ndjson"],
        text,
        "nothing new, nothing written"
    );
}

async fn a_run_that_died_anywhere_leaves_no_line_torn_lost_or_twice(store: &Store, _: &Home) {
    let dir = tempfile::tempdir().unwrap();
    let append = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
    };
    // What was written before it died: from nothing to all of two lines.
    let percents = [0, 1, 50, 99, 100];
    for (n, percent) in percents.into_iter().chain(percents).enumerate() {
        let known = store.signal_cursor().await.unwrap();
        for key in ["one", "two"] {
            raise(store, &format!("{key} {n}")).await;
        }
        let pending = store.signals(known.sequence, 10).await.unwrap();
        let line =
            |it| policy_advisor::events::visible_json(serde_json::to_string(it).unwrap()) + "\n";
        let lines: String = pending.iter().map(line).collect();
        let today = format!("2026-01-{:02}", 1 + n / 2);
        // It died on the day of the last line that was noted, the run that goes on may be of the next.
        let noted = known.day.filter(|it| dir.path().join(format!("advisor-{it}.ndjson")).exists());
        let died = noted.unwrap_or_else(|| today.clone());
        append(&format!("advisor-{died}.ndjson"), &lines.as_bytes()[..lines.len() * percent / 100]);
        write(store, dir.path(), &format!("{today}T12:00:00Z")).await;
        let ids = ids(dir.path());
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!((ids.len(), distinct.len()), (2 * n + 2, 2 * n + 2), "{percent}% on {today}");
    }
    // Somebody else's half a line stays one.
    append("advisor-2026-01-06.ndjson", b"half a line");
    raise(store, "last").await;
    write(store, dir.path(), "2026-01-06T13:00:00Z").await;
    let text = files(dir.path())["advisor-2026-01-06.ndjson"].clone();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "half a line"));
}

async fn a_day_that_is_over_is_compressed_and_goes_after_a_week(store: &Store, _: &Home) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "not ours").unwrap();
    for day in 1..=12 {
        raise(store, &format!("tool-{day}")).await;
        write(store, dir.path(), &format!("2026-01-{day:02}T12:00:00Z")).await;
        // Once more on the same day is as good.
        write(store, dir.path(), &format!("2026-01-{day:02}T13:00:00Z")).await;
    }
    // A run that died while it compressed; and somebody who put back a file that was.
    let day = |day: u32| dir.path().join(format!("advisor-2026-01-{day:02}.ndjson"));
    let all = files(dir.path());
    fs::write(day(10), &all["advisor-2026-01-10.ndjson.gz"]).unwrap();
    let more = r#"{"signal_id":"more","schema_version":"1.0","signal_type":"alert","timestamp":"2026-01-11T09:00:00Z","payload":{}}"#;
    fs::write(day(11), format!("{more}\n")).unwrap();
    write(store, dir.path(), "2026-01-12T14:00:00Z").await;
    let names: Vec<String> = files(dir.path()).into_keys().collect();
    let mut expected: Vec<String> =
        (5..=11).map(|day| format!("advisor-2026-01-{day:02}.ndjson.gz")).collect();
    expected.extend(["advisor-2026-01-12.ndjson".to_owned(), "notes.txt".to_owned()]);
    assert_eq!(names, expected);
    fs::remove_file(dir.path().join("notes.txt")).unwrap();
    assert_eq!(ids(dir.path()).len(), 8 + 1);
}

on_both!(
    batches_reviews_and_alerts_are_told_in_order,
    a_run_that_died_anywhere_leaves_no_line_torn_lost_or_twice,
    a_day_that_is_over_is_compressed_and_goes_after_a_week,
);
