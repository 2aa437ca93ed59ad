//! What ingest records, on both databases: a chunk counts whole or not at all.
use std::{collections::BTreeMap, fs};

use policy_advisor::{
    events::Day,
    inputs::{Checkpoint, Fault, Position, Reason, Reject, Signature},
    lake::{IdRun, Lake, Part, Staged, Window},
    pipeline::ingest::{Ingest, ingest},
    store::{IngestCommit, SeenFile, Store, Why},
};

use crate::{
    backends::{Home, ana, at, on_both},
    ingest::event,
    samples::role,
};

on_both![
    a_chunk_is_read_back_as_it_was_recorded,
    a_writer_that_was_overtaken_changes_nothing,
    ingest_works_on_any_store,
];

fn part(number: u8) -> Part {
    Part {
        day: Day::parse("2026-01-05").unwrap(),
        name: format!("{number:032x}"),
        n_events: 10,
        n_bytes: u64::from(number) << 40,
        first: at(1),
        last: at(2),
    }
}

fn checkpoint(number: u8) -> Checkpoint {
    let position = Position { offset: u64::from(number) * 100, n_lines: 3, prefix: [number; 32] };
    Checkpoint { position, head: [number ^ 0xff; 32] }
}

fn run(number: u8) -> IdRun {
    IdRun { name: format!("run{number}"), n_ids: u64::from(number) }
}

fn reject(line: u64) -> Reject {
    let fault = Fault::at(Reason::MissingField, "hostname");
    let excerpt = "a\0b".to_owned();
    Reject { source: "a.log".to_owned(), line, byte_offset: 7, fault, excerpt }
}

/// The first chunk of a lake.
fn first() -> IngestCommit {
    let (path, format) = ("in/a.log".to_owned(), "signal".to_owned());
    let signature = Signature {
        device: u64::MAX,
        inode: 1 << 63,
        n_bytes: 5,
        modified_ns: -1,
        changed_ns: i64::MAX,
    };
    IngestCommit {
        generation: 0,
        at: at(0),
        readable_until: at(0),
        staged: Staged {
            parts: vec![part(1), part(2)],
            id_runs: vec![run(7)],
            retired: Vec::new(),
            dropped: Vec::new(),
            n_duplicates: Vec::new(),
            hosts: ["h1", "h\0", "h\u{fffd}"].map(|it| (it.to_owned(), (at(5), at(6)))).into(),
        },
        reached: vec![checkpoint(1), checkpoint(1), checkpoint(2)],
        passed: Vec::new(),
        seen: BTreeMap::from([(path.clone(), SeenFile { path, format, signature, torn_bytes: 3 })]),
        // More than go into one statement.
        rejects: (1..=300).map(reject).collect(),
    }
}

async fn a_chunk_is_read_back_as_it_was_recorded(store: &Store, _: &Home) {
    assert_eq!(store.commit_ingest(&first()).await.unwrap(), 1);
    let manifest = store.manifest().await.unwrap();
    assert_eq!((manifest.generation, manifest.parts), (1, vec![part(1), part(2)]));
    assert_eq!(manifest.id_runs, [run(7)]);
    assert_eq!(store.checkpoints().await.unwrap(), [checkpoint(1), checkpoint(2)]);
    assert_eq!(store.seen_files().await.unwrap(), first().seen);
    let rejects = store.rejects(1_000).await.unwrap();
    assert_eq!(rejects.len(), 300);
    assert_eq!(rejects[0], Reject { excerpt: "a\u{fffd}b".to_owned(), ..reject(1) });

    let second = IngestCommit {
        generation: 1,
        at: at(9),
        staged: Staged {
            id_runs: vec![run(9)],
            retired: vec![run(7)],
            hosts: [("h1", (at(1), at(5))), ("h2", (at(8), at(8)))]
                .map(|(host, span)| (host.to_owned(), span))
                .into(),
            ..Staged::default()
        },
        reached: vec![checkpoint(3)],
        passed: vec![checkpoint(2)],
        seen: first().seen,
        ..IngestCommit::default()
    };
    assert_eq!(store.commit_ingest(&second).await.unwrap(), 2);
    assert_eq!(store.manifest().await.unwrap().id_runs, [run(9)]);
    assert_eq!(store.checkpoints().await.unwrap(), [checkpoint(1), checkpoint(3)]);
    let hosts = store.hosts().await.unwrap();
    let spans: Vec<_> =
        hosts.iter().map(|it| (it.hostname.as_str(), it.first_seen, it.last_seen)).collect();
    assert_eq!(
        spans,
        [
            ("h1", Some(at(1)), Some(at(6))),
            ("h2", Some(at(8)), Some(at(8))),
            ("h\u{fffd}", Some(at(5)), Some(at(6))),
        ]
    );
}

async fn a_writer_that_was_overtaken_changes_nothing(store: &Store, _: &Home) {
    store.commit_ingest(&first()).await.unwrap();
    let late = IngestCommit {
        staged: Staged { parts: vec![part(3)], ..Staged::default() },
        reached: vec![checkpoint(5)],
        seen: BTreeMap::new(),
        ..first()
    };
    let err = store.commit_ingest(&late).await.unwrap_err().to_string();
    assert!(err.contains("another advisor"), "{err}");
    let manifest = store.manifest().await.unwrap();
    assert_eq!((manifest.generation, manifest.parts.len()), (1, 2));
    assert_eq!(store.checkpoints().await.unwrap().len(), 2);
    assert_eq!(store.rejects(1_000).await.unwrap().len(), 300);
}

async fn ingest_works_on_any_store(store: &Store, _: &Home) {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("a.log");
    // event(0) is of host-0 on 2026-01-01; the host gets its role on 2026-01-05.
    let later = event(0).replace("2026-01-01", "2026-01-06").replace("event-0", "later");
    fs::write(&log, event(0) + &later + "bad\n" + &event(0)).unwrap();
    store.make_default_role(&ana(0)).await.unwrap();
    store.create_role(role("platform", &[]), &Why::command("test"), &ana(0)).await.unwrap();
    store.assign(&["host-0".to_owned()], Some("platform"), at(0), &ana(0)).await.unwrap();
    let lake = Lake::open(dir.path()).unwrap();
    let go = || async {
        let (store, lake, log) = (store.clone(), lake.clone(), log.clone());
        let task = async move {
            let what = Ingest::new(vec![log], at(100_000));
            ingest(&store, &lake, what, &|_| ()).await.unwrap()
        };
        tokio::spawn(task).await.unwrap()
    };
    let report = go().await;
    assert_eq!((report.read, report.accepted, report.duplicates, report.rejected), (4, 2, 1, 1));
    assert_eq!(go().await.read, 0);
    let manifest = store.manifest().await.unwrap();
    let overview = lake.overview(&manifest.parts, Window::ALL).unwrap();
    let counts: Vec<_> = overview.iter().map(|(role, it)| (role.as_str(), it.n_events)).collect();
    assert_eq!(counts, [("default", 1), ("platform", 1)]);
    assert_eq!(store.rejects(9).await.unwrap().len(), 1);
}
