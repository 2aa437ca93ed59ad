//! What happened to suggestions, as a stream for SIEMs: a line each, a file a day, packed when the day is over.
use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

use crate::{
    events::{Day, Timestamp, visible_json},
    store::{BatchSummary, TrailEntry},
};

/// Version of the lines; a breaking change counts the first number up.
pub const SCHEMA_VERSION: &str = "1.0";

/// Days of files that are kept, today's included.
pub const KEPT_DAYS: i32 = 7;

/// Acts of the trail that are reviews.
const REVIEWS: &[&str] = &["batch.review", "batch.apply", "batch.dismiss"];

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// [`SCHEMA_VERSION`].
    pub schema_version: &'static str,
    /// Unique: a line is written once.
    pub signal_id: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// `suggestion` or `review`.
    pub signal_type: &'static str,
    /// The batch it is about.
    pub batch_id: String,
    /// What happened: `batch.suggest`, or the act of a reviewer.
    pub act: String,
    /// Who did it; nobody made a suggestion.
    pub done_by: Option<String>,
    /// The batch as it is listed, or what the reviewer decided.
    pub detail: serde_json::Value,
}

/// Only the part of a line that says which one it is.
#[derive(Debug, Deserialize)]
struct Written {
    signal_id: String,
}

/// What a writing came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Lines that came.
    pub written: usize,
    /// Files of days before that were packed.
    pub packed: usize,
    /// Files that were older than is kept.
    pub removed: usize,
}

/// Why lines could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep signals in `{}`", path.display())]
pub struct SignalError {
    /// The file or directory.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// The signals of batches and of the trail, oldest first.
pub fn signals(batches: &[BatchSummary], trail: &[TrailEntry]) -> Vec<Signal> {
    let suggestion = |it: &BatchSummary| Signal {
        schema_version: SCHEMA_VERSION,
        signal_id: format!("suggestion:{}", it.batch_id),
        timestamp: it.generated_at,
        signal_type: "suggestion",
        batch_id: it.batch_id.clone(),
        act: "batch.suggest".to_owned(),
        done_by: None,
        detail: serde_json::json!({
            "role": it.role, "role_revision": it.role_revision, "hosts": it.hosts,
            "changes_add": it.changes_add, "changes_modify": it.changes_modify,
            "changes_remove": it.changes_remove, "confidence": it.confidence, "risk": it.risk,
        }),
    };
    let review = |it: &TrailEntry| Signal {
        schema_version: SCHEMA_VERSION,
        signal_id: format!("review:{}", it.sequence),
        timestamp: it.done_at,
        signal_type: "review",
        batch_id: it.subject.clone(),
        act: it.act.clone(),
        done_by: Some(it.done_by.clone()),
        detail: serde_json::json!({ "before": it.before, "after": it.after }),
    };
    let reviews = trail.iter().filter(|it| REVIEWS.contains(&it.act.as_str()));
    let mut res: Vec<Signal> = batches.iter().map(suggestion).chain(reviews.map(review)).collect();
    res.sort_by(|a, b| (a.timestamp, &a.signal_id).cmp(&(b.timestamp, &b.signal_id)));
    res
}

/// Adds to today's file what no file has yet and is not older than is kept, packs the files of days
/// before, and removes old ones. One writer at a time; a writer that was killed leaves whole lines, or
/// an end that the next one takes away before it adds its own.
///
/// # Errors
/// Where the directory cannot be read or written.
pub fn write(dir: &Path, signals: &[Signal], now: Timestamp) -> Result<Outcome, SignalError> {
    let bad = |path: &Path| {
        let path = path.to_owned();
        move |source| SignalError { path, source }
    };
    fs::create_dir_all(dir).map_err(bad(dir))?;
    let lock_path = dir.join(".lock");
    let lock = OpenOptions::new().create(true).append(true).open(&lock_path);
    let lock = lock.map_err(bad(&lock_path))?;
    lock.lock().map_err(bad(&lock_path))?;
    let today = now.day();
    let first = Day(today.0 - KEPT_DAYS + 1);
    let mut outcome = Outcome::default();
    let mut known = BTreeSet::new();
    for (path, day) in files(dir).map_err(bad(dir))? {
        if day < first {
            fs::remove_file(&path).map_err(bad(&path))?;
            outcome.removed += 1;
            continue;
        }
        let is_packed = path.extension().is_some_and(|it| it == "gz");
        known.extend(ids(&path, is_packed).map_err(bad(&path))?);
        if !is_packed && day < today {
            pack(&path).map_err(bad(&path))?;
            outcome.packed += 1;
        }
    }
    let is_new = |it: &&Signal| it.timestamp >= first.start() && !known.contains(&it.signal_id);
    let mut text = String::new();
    for signal in signals.iter().filter(is_new) {
        let line = serde_json::to_string(signal).map_err(io::Error::from);
        text.push_str(&visible_json(line.map_err(bad(dir))?));
        text.push('\n');
        outcome.written += 1;
    }
    let path = dir.join(format!("signals-{today}.ndjson"));
    append(&path, &text).map_err(bad(&path))?;
    Ok(outcome)
}

/// Files of signals with their days, oldest first.
fn files(dir: &Path) -> io::Result<Vec<(PathBuf, Day)>> {
    let mut res = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
        let day = name.as_deref().and_then(|it| {
            let rest = it.strip_prefix("signals-")?;
            let day = rest.strip_suffix(".ndjson").or_else(|| rest.strip_suffix(".ndjson.gz"))?;
            Day::parse(day)
        });
        res.extend(day.map(|day| (path, day)));
    }
    res.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    Ok(res)
}

/// The ids of a file's whole lines.
#[expect(clippy::disallowed_types, reason = "these files are ours to keep")]
fn ids(path: &Path, is_packed: bool) -> io::Result<Vec<String>> {
    let file = fs::File::open(path)?;
    let reader: Box<dyn Read> =
        if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut res = Vec::new();
    for line in BufReader::new(reader).lines() {
        // An end that was cut off is no line.
        let written = serde_json::from_str::<Written>(&line?).ok();
        res.extend(written.map(|it| it.signal_id));
    }
    Ok(res)
}

/// Packs a file of a day that is over: beside it, then in its place.
#[expect(clippy::disallowed_types, reason = "these files are ours to keep")]
fn pack(path: &Path) -> io::Result<()> {
    let named = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    cut(path)?;
    let (staged, packed) = (named(".gz.part"), named(".gz"));
    let mut encoder = GzEncoder::new(fs::File::create(&staged)?, Compression::default());
    io::copy(&mut fs::File::open(path)?, &mut encoder)?;
    encoder.finish()?.sync_all()?;
    fs::rename(&staged, packed)?;
    fs::remove_file(path)
}

/// Takes an end without newline away.
fn cut(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(err),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
    }
    Ok(())
}

/// Adds lines in one write; where it fails half-way, what came of it is taken away again.
fn append(path: &Path, text: &str) -> io::Result<()> {
    cut(path)?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    let ended = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    if ended.is_err() {
        file.set_len(before)?;
    }
    ended
}
