//! The demo, as a newcomer meets it: the whole loop, twice the same, and from there to an applied batch.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

/// Runs the program on a data directory; stdout, where it ended well.
fn advisor(data_dir: &Path, args: &[&str]) -> Result<String, String> {
    let run = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .env_clear()
        .env("ADVISOR_DATA_DIR", data_dir)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if run.status.success() { Ok(text(run.stdout)) } else { Err(text(run.stderr)) }
}

fn demo(dir: &Path) -> Value {
    let dir = dir.to_str().unwrap();
    let out = advisor(Path::new("/nowhere"), &["demo", "--dir", dir, "--output", "json"]);
    serde_json::from_str(&out.unwrap()).unwrap()
}

/// A batch without what depends on the clock.
fn timeless(mut outcome: Value) -> Value {
    let batch = outcome["batch"].as_object_mut().unwrap();
    batch.remove("generated_at");
    Value::Object(batch.clone())
}

#[test]
fn the_demo_shows_all_kinds_of_changes_and_is_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = demo(&dir.path().join("first"));
    let ingest = &first["ingest"];
    assert!(ingest["accepted"].as_u64() > Some(1_000));
    assert_eq!(ingest["read"], ingest["accepted"]);
    assert_eq!(first["batches"].as_array().map(Vec::len), Some(3));
    for kind in ["add", "modify", "remove"] {
        assert!(first["batch"]["summary"][kind].as_u64() > Some(0), "no {kind}");
    }
    let second = demo(&dir.path().join("second"));
    assert_eq!(timeless(first), timeless(second));
}

#[test]
fn the_loop_goes_on_from_the_demo() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = demo(dir.path());
    let data_dir = Path::new(outcome["data_dir"].as_str().unwrap());
    let (id, role) = (&outcome["batch"]["batch_id"], &outcome["batch"]["role"]);
    let (id, role) = (id.as_str().unwrap(), role.as_str().unwrap());
    advisor(data_dir, &["review", "accept", id]).unwrap();
    advisor(data_dir, &["review", "apply", id]).unwrap();
    let history = advisor(data_dir, &["roles", "history", role, "--output", "json"]).unwrap();
    let history: Value = serde_json::from_str(&history).unwrap();
    assert_eq!(history.as_array().map(Vec::len), Some(2));
}

#[test]
fn the_demo_touches_nothing_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "mine").unwrap();
    let path = dir.path().to_str().unwrap();
    let told = advisor(Path::new("/nowhere"), &["demo", "--dir", path]).unwrap_err();
    assert!(told.contains("is not empty\nhint: "), "{told}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
