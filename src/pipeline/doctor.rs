//! Whether everything is in place for the next run, each point with what to do.
use serde::Serialize;

use super::{causes::Causes, ingest::KEPT_DAYS};
use crate::{
    config::{Config, SignalDirectory},
    events::{Timestamp, text_forms},
    inputs,
    lake::{Lake, Manifest},
    store::{Missing, RunOutcome, Store, newest_schema},
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

/// A weekly run and a day; longer ago, runs do not come or do not succeed.
const SUCCESS_HOURS: f64 = 8.0 * 24.0;

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
    let opened = if config.read_only {
        Store::open_read_only(&config.place).await
    } else {
        Store::open(&config.place, Missing::Refuse).await
    };
    let store = match opened {
        Ok(store) => store,
        Err(err) => {
            let err = anyhow::Error::from(err);
            let (found, hint) = split(&err);
            res.push(Check::new("store", Health::Fail, found, &hint));
            return res;
        }
    };
    res.push(Check::ok("store", format!("{} answers", store.place())));
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
    let version = store.schema_version().await?;
    res.push(if version == newest_schema() {
        Check::ok("schema", format!("version {version}, as this program has it"))
    } else {
        let found = format!("version {version}, this program has {}", newest_schema());
        Check::new("schema", Health::Warn, found, "use the same advisor everywhere")
    });
    let manifest = store.manifest().await?;
    res.push(lake(config, &manifest));
    let hosts = store.hosts().await?;
    let newest = hosts.iter().filter_map(|it| it.last_seen).max();
    res.push(clock(newest, now));
    res.extend(lag(store, config, now).await?);
    res.push(last_success(store, now).await?);
    Ok(())
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
        Ok(files) => Check::ok("directory", format!("`{path}` holds {} files", files.len())),
        Err(err) => {
            let (found, hint) = split(&anyhow::Error::from(err));
            Check::new("directory", Health::Fail, found, &hint)
        }
    }
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

async fn last_success(store: &Store, now: Timestamp) -> anyhow::Result<Check> {
    // A role's name is never empty, so that these are the rows of runs as a whole.
    let runs = store.runs(Some(""), 1_000).await?;
    let Some(last) = runs.iter().find(|it| it.outcome != RunOutcome::Running) else {
        let hint = "let cron, systemd, Kubernetes or `advisor daemon` call `advisor run`";
        return Ok(Check::new("last success", Health::Warn, "no run has ended yet", hint));
    };
    let success = runs.iter().find(|it| it.outcome == RunOutcome::Done);
    let success = success.and_then(|it| it.finished_at);
    Ok(match (last.outcome, success) {
        (RunOutcome::Failed, _) => Check::new(
            "last success",
            Health::Fail,
            format!("the last run failed: {}", last.reason),
            "the reason says what to do; the next run tries again",
        ),
        (_, Some(at)) if now.hours_since(at) < SUCCESS_HOURS => {
            Check::ok("last success", format!("a run did all it had to at {at}"))
        }
        (_, at) => Check::new(
            "last success",
            Health::Warn,
            at.map_or_else(
                || "no run has done all it had to yet".to_owned(),
                |at| format!("the last run that did all it had to ended at {at}"),
            ),
            "does anybody call `advisor run`?",
        ),
    })
}
