//! One file call of a run fails, whichever: the run says so in words and ends with the right exit
//! code, nobody takes it for a success, and the next one is whole.
//!
//! `tests/faults.c` is loaded in front of the C library and lets calls on files fail; `tests/run` has
//! the C compiler for it, which building needs anyway.
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, available_parallelism},
};

use policy_advisor::{clock, events::Day};
use tempfile::TempDir;

use crate::ingest::ids_in_lake;

/// How calls fail: what it is called, the variable that says from where on, the error.
const FAULTS: [(&str, &str, &str); 2] =
    [("input/output error", "FAULT_AT", "5"), ("disk full", "FAULT_FROM", "28")];

/// The role that is analyzed.
const ROLE: &str = "backend";

/// A data directory in which a run has been and new files are waiting, to be copied for each trial.
#[derive(Clone)]
pub(crate) struct Bench {
    base: Arc<TempDir>,
    /// The fault layer.
    layer: PathBuf,
    /// Where the store is; in the data directory, unless said otherwise.
    pub(crate) url: Option<String>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) err: String,
    /// Calls on files, and the one that failed first.
    calls: String,
}

/// Which points of a run are tried: a few, or every Nth where a long run says so.
pub(crate) fn points(n_calls: usize, few: usize) -> Vec<usize> {
    let step = std::env::var("ADVISOR_TEST_FAULTS");
    let step = step.map_or_else(|_| n_calls.div_ceil(few), |it| it.parse().unwrap());
    (1..=n_calls).step_by(step).collect()
}

/// Makes a trial at every point, on as many threads as there are cores; how many there were.
pub(crate) fn in_trials(points: Vec<usize>, trial: impl Fn(usize) + Sync) -> usize {
    let n_trials = points.len();
    let left = Mutex::new(points.into_iter());
    let work = || {
        loop {
            let next = left.lock().unwrap().next();
            let Some(point) = next else { break };
            trial(point);
        }
    };
    let n_threads = available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..n_threads).for_each(|_| drop(scope.spawn(work))));
    n_trials
}

impl Bench {
    pub(crate) fn new(url: Option<String>) -> Self {
        let base = Arc::new(tempfile::tempdir().unwrap());
        let layer = base.path().join("faults.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults.c");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([layer.as_path(), Path::new(source)])
            .arg("-ldl")
            .status()
            .unwrap();
        assert!(made.success(), "a C compiler is needed to build this, and to test it");
        let bench = Self { base, layer, url };
        let start = Day(clock::now().day().0 - 8).to_string();
        let made = bench
            .command(&bench.template())
            .args(["simulate", "--quiet", "--events", "60", "--hosts", "2", "--days", "4"])
            .args(["--start", &start])
            .arg("--out")
            .arg(bench.path("fleet"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let template = bench.template();
        bench.ok(&template, &["init"]);
        bench.ok(&template, &["roles", "create", ROLE]);
        // Little activity is enough: what is suggested is not looked at here.
        bench.ok(&template, &["settings", "set", "confidence_threshold", "0"]);
        let config =
            format!("[[directories]]\npath = \"{}\"\n", bench.path("fleet/events").display());
        fs::write(template.join("advisor.toml"), config).unwrap();
        bench
    }

    /// The same with the store at another place.
    pub(crate) fn at(&self, url: String) -> Self {
        Self { url: Some(url), ..self.clone() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    pub(crate) fn template(&self) -> PathBuf {
        self.path("template")
    }

    /// A fresh copy of the data directory.
    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let copy = self.path(name);
        let copied = Command::new("cp").arg("-a").args([&self.template(), &copy]).status();
        assert!(copied.unwrap().success());
        copy
    }

    pub(crate) fn command(&self, data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
        command.env_clear().env("ADVISOR_DATA_DIR", data).env("ADVISOR_ACTOR", "ana");
        if let Some(url) = &self.url {
            command.env("ADVISOR_DATABASE_URL", url);
        }
        command
    }

    pub(crate) fn ok(&self, data: &Path, args: &[&str]) {
        let ended = self.command(data).args(args).output().unwrap();
        assert!(ended.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    /// `advisor run`, with what is set for the fault layer.
    pub(crate) fn run(&self, data: &Path, fault: Option<(&str, String, &str)>) -> Ran {
        let report = data.with_extension("calls");
        let mut command = self.command(data);
        command.args(["run", "--force", "--metrics-file"]).arg(data.join("advisor.prom"));
        command.env("LD_PRELOAD", &self.layer).env("FAULT_ROOT", data).env("FAULT_REPORT", &report);
        if let Some((variable, at, errno)) = fault {
            command.env(variable, at).env("FAULT_ERRNO", errno);
        }
        let ended = command.stdout(Stdio::null()).output().unwrap();
        Ran {
            code: ended.status.code(),
            err: String::from_utf8_lossy(&ended.stderr).replace(&data.display().to_string(), "DIR"),
            calls: fs::read_to_string(report).unwrap_or_default(),
        }
    }
}

impl Ran {
    /// How many calls on files there were.
    pub(crate) fn n_calls(&self) -> usize {
        self.calls.split(' ').next().unwrap().parse().unwrap()
    }

    /// The errors it told of.
    fn errors(&self) -> impl Iterator<Item = &str> {
        self.err.lines().filter(|it| it.starts_with("error: "))
    }
}

/// Whether the gauges say that the last run was a success; `None` where there are none.
pub(crate) fn is_success(data: &Path) -> Option<bool> {
    let text = fs::read_to_string(data.join("advisor.prom")).ok()?;
    Some(text.lines().any(|it| it == "advisor_last_run_success 1"))
}

/// What every run with a fault must be like.
pub(crate) fn check(ran: &Ran, data: &Path, at: &str) {
    assert!(matches!(ran.code, Some(0 | 1)), "{at}: {ran:?}");
    assert!(!ran.err.contains("panicked") && !ran.err.contains("RUST_BACKTRACE"), "{at}: {ran:?}");
    if ran.code == Some(1) {
        assert_eq!(ran.errors().count(), 1, "one sentence, {at}: {ran:?}");
        assert!(ran.err.lines().any(|it| it.starts_with("hint: ")), "what to do, {at}: {ran:?}");
        assert_ne!(is_success(data), Some(true), "{at}: {ran:?}");
    }
}

/// What the run after it must leave.
pub(crate) fn check_whole(bench: &Bench, data: &Path, ids: &[String], at: &str) {
    let next = bench.run(data, None);
    assert_eq!((next.code, is_success(data)), (Some(0), Some(true)), "{at}: {next:?}");
    assert_eq!(ids_in_lake(data), ids, "{at}");
    let staging: Vec<_> = fs::read_dir(data.join("lake/staging")).unwrap().collect();
    assert!(staging.is_empty(), "{at}: {staging:?}");
    let batches = bench.command(data).args(["suggestions", "list", "--output", "json"]).output();
    let batches: serde_json::Value = serde_json::from_slice(&batches.unwrap().stdout).unwrap();
    assert!(!batches.as_array().unwrap().is_empty(), "{at}");
}

#[test]
fn whichever_file_call_fails_it_is_told_and_the_next_run_is_whole() {
    let bench = Bench::new(None);
    let undisturbed = bench.copy("undisturbed");
    let ran = bench.run(&undisturbed, None);
    assert_eq!((ran.code, is_success(&undisturbed)), (Some(0), Some(true)), "{ran:?}");
    let ids = ids_in_lake(&undisturbed);
    let n_calls = ran.n_calls();
    let sentences = Mutex::new(BTreeSet::new());
    let mut n_trials = 0;
    for (name, variable, errno) in FAULTS {
        n_trials += in_trials(points(n_calls, 4), |point| {
            let data = bench.copy(&format!("trial-{point}"));
            let ran = bench.run(&data, Some((variable, point.to_string(), errno)));
            let at = format!("{name} at call {point} of {n_calls}");
            check(&ran, &data, &at);
            check_whole(&bench, &data, &ids, &at);
            sentences.lock().unwrap().extend(ran.errors().map(ToOwned::to_owned));
            fs::remove_dir_all(data).unwrap();
        });
    }
    let sentences = sentences.into_inner().unwrap();
    assert!(sentences.len() > 3, "{sentences:#?}");
    eprintln!("{n_trials} file calls failed of {n_calls} in a run: 0 panics, 0 lost, 0 twice");
}
