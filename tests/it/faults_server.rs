//! The database server goes away in the middle of a run, after whichever message: the run says so in
//! words, and the next one is whole.
use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    backends::{postgres_copy, postgres_database, postgres_drop},
    faults::{Bench, check, check_whole, in_trials, is_success, points},
    ingest::ids_in_lake,
};

/// Between the program and the server: counts what the program says, and hangs up when it was enough.
struct Proxy {
    dir: tempfile::TempDir,
    n_said: Arc<AtomicUsize>,
    /// After so many, every line is cut, and new ones too.
    most: Arc<AtomicUsize>,
}

/// The socket of a PostgreSQL server in a directory.
fn socket(dir: &Path) -> PathBuf {
    dir.join(".s.PGSQL.5432")
}

impl Proxy {
    fn to(server: PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let proxy =
            Self { n_said: Arc::default(), most: Arc::new(AtomicUsize::new(usize::MAX)), dir };
        let listener = UnixListener::bind(socket(proxy.dir.path())).unwrap();
        let (n_said, most) = (Arc::clone(&proxy.n_said), Arc::clone(&proxy.most));
        // Ends with the process of the tests.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&server) else { continue };
                let (n_said, most) = (Arc::clone(&n_said), Arc::clone(&most));
                let (to_client, from_server) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || forward(from_server, to_client, || true));
                thread::spawn(move || {
                    forward(client, server, || {
                        n_said.fetch_add(1, Ordering::SeqCst) < most.load(Ordering::SeqCst)
                    });
                });
            }
        });
        proxy
    }

    /// From now on the line is cut after `most` messages.
    fn cut_after(&self, most: usize) {
        self.n_said.store(0, Ordering::SeqCst);
        self.most.store(most, Ordering::SeqCst);
    }
}

/// Hands on what is said until one side hangs up or `goes_on` says no; then hangs up on both.
fn forward(mut from: UnixStream, mut to: UnixStream, goes_on: impl Fn() -> bool) {
    let mut buf = vec![0; 64 * 1024];
    while let Ok(n_read) = from.read(&mut buf) {
        if n_read == 0 || !goes_on() || to.write_all(&buf[..n_read]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn whenever_the_server_goes_away_it_is_told_and_the_next_run_is_whole() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(template) = runtime.block_on(postgres_database("faults")) else { return };
    let (_, server) = template.split_once("?host=").unwrap();
    let server = socket(Path::new(server));
    let original = Bench::new(Some(template.clone()));
    // Each trial has data directory and database as they were before, and a line of its own.
    let trial = |name: &str| {
        let proxy = Proxy::to(server.clone());
        let url = runtime.block_on(postgres_copy(&template, name));
        let (login, _) = url.split_once('?').unwrap();
        let through = format!("{login}?host={}", proxy.dir.path().display());
        let bench = original.at(through);
        (bench.copy(name), bench, proxy, url)
    };

    let (undisturbed, bench, proxy, _) = trial("undisturbed");
    let ran = bench.run(&undisturbed, None);
    assert_eq!((ran.code, is_success(&undisturbed)), (Some(0), Some(true)), "{ran:?}");
    let n_messages = proxy.n_said.load(Ordering::SeqCst);
    let ids = ids_in_lake(&undisturbed);
    let n_trials = in_trials(points(n_messages, 4), |point| {
        let (data, bench, proxy, url) = trial(&format!("trial_{point}"));
        proxy.cut_after(point);
        let ran = bench.run(&data, None);
        let at = format!("cut after message {point} of {n_messages}");
        check(&ran, &data, &at);
        proxy.cut_after(usize::MAX);
        check_whole(&bench, &data, &ids, &at);
        std::fs::remove_dir_all(data).unwrap();
        runtime.block_on(postgres_drop(&url));
    });
    eprintln!("{n_trials} lines cut of {n_messages} messages in a run: 0 panics, 0 lost, 0 twice");
}
