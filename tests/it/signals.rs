//! Signals for SIEMs: each once, whole lines whatever was killed, a week kept.
use std::{fs, io::Read as _, path::Path};

use policy_advisor::{
    events::{Day, Timestamp},
    pipeline::signals::{Outcome, Signal, write},
};

fn signal(id: &str, timestamp: Timestamp) -> Signal {
    Signal {
        schema_version: "1.0",
        signal_id: id.to_owned(),
        timestamp,
        signal_type: "review",
        batch_id: "b".to_owned(),
        act: "batch.apply".to_owned(),
        done_by: Some("ana".to_owned()),
        detail: serde_json::json!({"after": "x\u{202e}y"}),
    }
}

fn ids(dir: &Path, name: &str) -> Vec<String> {
    let bytes = fs::read(dir.join(name)).unwrap();
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    assert!(text.is_empty() || text.ends_with('\n'));
    let id = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["signal_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    text.lines().map(id).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|it| it != ".lock");
    names.sort();
    names
}

#[test]
fn each_signal_is_written_once_and_a_week_is_kept() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("signals");
    let day = |text: &str| Day::parse(text).unwrap().start();
    let first = [signal("old", day("2026-02-01")), signal("a", day("2026-03-01"))];
    let at = day("2026-03-01").plus_hours(9.0);
    assert_eq!(write(&dir, &first, at).unwrap(), Outcome { written: 1, packed: 0, removed: 0 });
    assert_eq!(write(&dir, &first, at).unwrap(), Outcome::default());
    // A writer that was killed in the middle of a line.
    let path = dir.join("signals-2026-03-01.ndjson");
    let mut torn = fs::read(&path).unwrap();
    torn.extend(b"{\"signal_id\": \"b\", \"sch");
    fs::write(&path, torn).unwrap();
    let more = [first[1].clone(), signal("b", at)];
    assert_eq!(write(&dir, &more, at).unwrap().written, 1);
    assert_eq!(ids(&dir, "signals-2026-03-01.ndjson"), ["a", "b"]);
    // The next day the file is packed, and what is in it still counts as written.
    let next = at.plus_hours(24.0);
    let all = [more[0].clone(), more[1].clone(), signal("c", next)];
    assert_eq!(write(&dir, &all, next).unwrap(), Outcome { written: 1, packed: 1, removed: 0 });
    assert_eq!(names(&dir), ["signals-2026-03-01.ndjson.gz", "signals-2026-03-02.ndjson"]);
    assert_eq!(ids(&dir, "signals-2026-03-01.ndjson.gz"), ["a", "b"]);
    assert_eq!(ids(&dir, "signals-2026-03-02.ndjson"), ["c"]);
    // A week later the first day is gone, and does not come again.
    let later = at.plus_hours(24.0 * 7.0);
    assert_eq!(write(&dir, &all, later).unwrap(), Outcome { written: 0, packed: 1, removed: 1 });
    assert_eq!(names(&dir), ["signals-2026-03-02.ndjson.gz", "signals-2026-03-08.ndjson"]);
}
