//! Whether everything is in place for the next run, each point with what to do.
mod history;

use serde::Serialize;

use super::{causes::Causes, ingest::KEPT_DAYS};
use crate::{
    config::{Config, SignalDirectory},
    events::{Timestamp, text_forms},
    inputs::{self, Input},
    lake::{Lake, Manifest},
    store::{Store, StoreError, newest_schema},
};

/// How a point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Somebody should look at it.
    Warn,
    /// The next run fails, or events are being lost.
    Fail,
}

text_forms!(Health { Ok = "ok", Warn = "warn", Fail = "fail" });

/// One point that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found, one sentence.
    pub found: String,
    /// What to do; empty where there is nothing to do.
    pub hint: String,
}

/// Free space below which the next ingest is likely to fail, in bytes: some chunks with their index.
const LITTLE_BYTES: u64 = 512 * 1024 * 1024;

/// Free space below which somebody should look, in bytes.
const SOME_BYTES: u64 = 4 * LITTLE_BYTES;

/// A directory is read at least daily: more hours than a day and a slow run.
const LAG_HOURS: f64 = 26.0;

/// So many files of a directory are opened to see whether they can be read: it takes a second at most.
const MAX_OPENED: usize = 5_000;

/// Clocks of hosts that are synchronized differ by far less, in hours.
const SKEW_HOURS: f64 = 1.0;

impl Check {
    fn new(name: &'static str, health: Health, found: impl Into<String>, hint: &str) -> Self {
        let hint = if health == Health::Ok { "" } else { hint };
        Self { name, health, found: found.into(), hint: hint.to_owned() }
    }

    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Health::Ok, found, "")
    }
}

/// Looks at everything; never fails itself.
pub async fn examine(config: &Config, now: Timestamp) -> Vec<Check> {
    let mut res = vec![privacy(config), disk(config)];
    res.extend(directories(config));
    res.extend(encryption(config));
    // Whoever looks changes nothing: a store of an earlier version stays as it is.
    let store = match Store::open_read_only(&config.place).await {
        Ok(store) => store,
        Err(StoreError::Older { place, found, known }) => {
            res.push(writable(config, &place));
            let found = format!(
                "version {found}, this program has {known}: the next call that opens it brings it up \
                 to date; until then, what it holds was not looked at"
            );
            let hint = "there is no way back: `advisor backup DIR` first, which copies it as it is";
            res.push(Check::new("schema", Health::Warn, found, hint));
            return res;
        }
        Err(err) => {
            let err = anyhow::Error::from(err);
            let (found, hint) = split(&err);
            res.push(Check::new("store", Health::Fail, found, &hint));
            return res;
        }
    };
    res.push(writable(config, &store.place().to_string()));
    if let Err(err) = examine_store(&store, config, now, &mut res).await {
        let (found, hint) = split(&err);
        res.push(Check::new("store", Health::Fail, found, &hint));
    }
    store.close().await;
    res
}

async fn examine_store(
    store: &Store,
    config: &Config,
    now: Timestamp,
    res: &mut Vec<Check>,
) -> anyhow::Result<()> {
    // A store of another version was not opened.
    let version = newest_schema();
    res.push(Check::ok("schema", format!("version {version}, as this program has it")));
    let manifest = store.manifest().await?;
    res.push(lake(config, &manifest));
    let hosts = store.hosts().await?;
    let newest = hosts.iter().filter_map(|it| it.last_seen).max();
    res.push(clock(newest, now));
    res.extend(lag(store, config, now).await?);
    res.extend(history::examine(store, now).await?);
    Ok(())
}

/// The store that answered: who is to run has to write to it.
fn writable(config: &Config, place: &str) -> Check {
    if config.read_only || config.place.is_writable() {
        return Check::ok("store", format!("{place} answers"));
    }
    let hint = "call it as the user who owns the data directory, or with `--read-only`";
    Check::new("store", Health::Fail, format!("`{place}` is not yours to write"), hint)
}

/// Whether what is said to a server may go in clear; nothing where the store is a file.
fn encryption(config: &Config) -> Option<Check> {
    let mode = config.place.in_clear()?;
    let found = format!("`sslmode={mode}` towards another machine: what is said may go in clear");
    let hint = "`sslmode=verify-full` in the URL, or `require` where there are no certificates";
    Some(Check::new("encryption", Health::Warn, found, hint))
}

/// A chain of causes in one line, and its first hint.
fn split(err: &anyhow::Error) -> (String, String) {
    let Causes { sentence, hints } = Causes::of(err);
    (sentence.replace('\n', " "), hints.into_iter().next().unwrap_or_default())
}

fn privacy(config: &Config) -> Check {
    let path = config.data_dir.display();
    match config.data_dir_mode() {
        Ok(mode) if mode.trailing_zeros() >= 6 => {
            Check::ok("data directory", format!("`{path}` is private"))
        }
        Ok(mode) => Check::new(
            "data directory",
            Health::Warn,
            format!("`{path}` is open to others, mode {:o}", mode & 0o777),
            &format!("chmod 700 {path}"),
        ),
        Err(err) => {
            let hint = "`advisor init` makes it, `--data-dir` names another";
            Check::new("data directory", Health::Fail, format!("`{path}`: {err}"), hint)
        }
    }
}

fn disk(config: &Config) -> Check {
    match Lake::at(&config.data_dir).free_bytes() {
        Ok(free) => {
            let health = match free {
                0..LITTLE_BYTES => Health::Fail,
                LITTLE_BYTES..SOME_BYTES => Health::Warn,
                _ => Health::Ok,
            };
            let found = format!("{} MiB free", free / (1024 * 1024));
            Check::new("disk", health, found, "make room, or set `retention_days` lower")
        }
        Err(err) => {
            Check::new("disk", Health::Warn, err.to_string(), "is the data directory there?")
        }
    }
}

fn directories(config: &Config) -> Vec<Check> {
    if config.directories.is_empty() {
        let hint = "name them in advisor.toml, [[directories]]; `advisor ingest` reads others";
        let found = "none is configured, `advisor run` reads nothing";
        return vec![Check::new("directories", Health::Warn, found, hint)];
    }
    config.directories.iter().map(|it| directory(it, config)).collect()
}

fn directory(directory: &SignalDirectory, config: &Config) -> Check {
    let path = directory.path.display();
    match inputs::files(std::slice::from_ref(&directory.path), &config.buckets) {
        Ok(files) if files.is_empty() => Check::new(
            "directory",
            Health::Warn,
            format!("`{path}` holds no files that `advisor ingest` reads"),
            "is it mounted, and does whoever ships signals write there?",
        ),
        Ok(files) => readable(&path.to_string(), &files),
        Err(err) => {
            let (found, hint) = split(&anyhow::Error::from(err));
            Check::new("directory", Health::Fail, found, &hint)
        }
    }
}

/// Whether the files of a directory can be read; the first of many are tried.
fn readable(path: &str, files: &[Input]) -> Check {
    let tried = files.get(..MAX_OPENED).unwrap_or(files);
    let failure = |it: &Input| Some((it.name(), it.why_unreadable()?));
    let failures: Vec<(String, String)> = tried.iter().filter_map(failure).collect();
    let Some((name, why)) = failures.first() else {
        let mut found = format!("`{path}` holds {} files", files.len());
        if tried.len() < files.len() {
            found = format!("{found}, of which {} were opened", tried.len());
        }
        return Check::ok("directory", found);
    };
    let found = format!(
        "{} of {} files of `{path}` cannot be read, such as `{name}`: {why}",
        failures.len(),
        files.len()
    );
    let hint = "let this user read them: by a group that may, or `setfacl`; and look who made them";
    Check::new("directory", Health::Fail, found, hint)
}

fn lake(config: &Config, manifest: &Manifest) -> Check {
    let inspected = config.lake_to_read().and_then(|lake| {
        let state = lake.inspect(manifest)?;
        Ok((lake, state))
    });
    let (lake, state) = match inspected {
        Ok(found) => found,
        Err(err) => {
            let (found, hint) = split(&anyhow::Error::from(err));
            return Check::new("lake", Health::Fail, found, &hint);
        }
    };
    if let Some(part) = state.lost.first() {
        let found = format!(
            "{} of {} files are gone, such as `{}` of {}",
            state.lost.len(),
            manifest.parts.len(),
            part.name,
            part.day
        );
        return Check::new("lake", Health::Fail, found, "put them back from a backup");
    }
    if !state.lost_ids.is_empty() {
        let found = "the index of event ids is missing or damaged";
        return Check::new("lake", Health::Warn, found, "the next ingest makes it anew");
    }
    if let Some(rollup) = state.lost_rollups.first() {
        let found = format!(
            "{} rollups are gone, such as that of {}",
            state.lost_rollups.len(),
            rollup.day
        );
        let hint = "put them back from a backup; the next run makes those of days with events anew";
        return Check::new("lake", Health::Warn, found, hint);
    }
    if state.n_unknown > 0 {
        let found = format!("{} files that were never committed", state.n_unknown);
        let hint = "outside readers take them for events: move them away";
        return Check::new("lake", Health::Warn, found, hint);
    }
    let n_events: u64 = manifest.parts.iter().map(|it| it.n_events).sum();
    let n_bytes: u64 = manifest.parts.iter().map(|it| it.n_bytes).sum();
    let mut found = format!(
        "{n_events} events in {} files, {} MiB",
        manifest.parts.len(),
        n_bytes / (1024 * 1024)
    );
    if lake.is_in_bucket() {
        found = format!("{found}, `{}` answers", lake.place().display());
    }
    if state.n_unfinished > 0 {
        found.push_str("; an interrupted run left work that the next one ends");
    }
    Check::ok("lake", found)
}

fn clock(newest: Option<Timestamp>, now: Timestamp) -> Check {
    match newest {
        Some(newest) if newest > now.plus_hours(SKEW_HOURS) => Check::new(
            "clock",
            Health::Warn,
            format!("it is {now} here, and an event is of {newest}"),
            "synchronize the clocks of this machine and of the hosts",
        ),
        Some(newest) => Check::ok("clock", format!("it is {now}, the newest event is of {newest}")),
        None => Check::ok("clock", format!("it is {now}; there are no events to compare with")),
    }
}

async fn lag(store: &Store, config: &Config, now: Timestamp) -> anyhow::Result<Vec<Check>> {
    let read = store.directories_read().await?;
    let checks = config.directories.iter().map(|directory| {
        let path = directory.path.to_string_lossy();
        let Some(at) = read.get(path.as_ref()) else {
            let found = format!("`{path}` was never read to its end");
            return Check::new("lag", Health::Warn, found, "`advisor run` reads it");
        };
        let hours = now.hours_since(*at);
        let kept_hours = f64::from(directory.kept_days.unwrap_or(KEPT_DAYS)) * 24.0;
        let health = match hours {
            _ if hours >= kept_hours => Health::Fail,
            _ if hours >= LAG_HOURS => Health::Warn,
            _ => Health::Ok,
        };
        let found = format!("`{path}` was read to its end at {at}, {hours:.0} hours ago");
        Check::new("lag", health, found, "let `advisor run` come every hour, or at least daily")
    });
    Ok(checks.collect())
}
