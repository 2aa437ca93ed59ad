//! Signals for other systems: one NDJSON file a day, compressed when the day is over, gone after a week.
//!
//! What is to be said is in the store, in order. A line is written before the store notes it; a run that
//! dies between the two leaves bytes that the next one finds to be the beginning of what it has to write,
//! and goes on behind them: no line is torn, lost, or there twice.
#![expect(clippy::disallowed_types, reason = "an edge: it makes files")]
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde::Serialize;

use crate::{
    events::{Day, Timestamp, visible_json},
    store::{Signal, SignalCursor, Store},
};

/// Days for which files are kept, unless said otherwise: as long as the enforcement agent keeps its own.
pub const KEPT_DAYS: u32 = 7;

/// Signals to a write.
const AT_A_TIME: u32 = 1_000;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignalsWritten {
    /// Lines.
    pub lines: u64,
    /// Files of days that are over, compressed.
    pub compressed: u64,
    /// Files that were too old.
    pub deleted: u64,
}

/// Writes what is new into `directory`. One at a time: whoever calls has the lock of runs.
///
/// # Errors
/// Where the store is away, or a file cannot be written; what was noted before counts.
pub async fn write_signals(
    store: &Store,
    directory: &Path,
    kept_days: u32,
    now: Timestamp,
) -> anyhow::Result<SignalsWritten> {
    let mut res = SignalsWritten::default();
    let what = || format!("cannot write signals into `{}`", directory.display());
    DirBuilder::new().recursive(true).mode(0o750).create(directory).with_context(what)?;
    let today = now.day();
    let mut cursor = store.signal_cursor().await?;
    loop {
        let signals = store.signals(cursor.sequence, AT_A_TIME).await?;
        let Some(last) = signals.last() else { break };
        let lines = lines(&signals)?;
        let sequence = last.sequence;
        let (day, bytes) = append(directory, today, &cursor, &lines).with_context(what)?;
        cursor = SignalCursor { sequence, day: Some(day.to_string()), bytes };
        store.set_signal_cursor(&cursor).await?;
        res.lines += signals.len() as u64;
    }
    for (day, path) in files(directory).with_context(what)? {
        let is_plain = path.extension().is_some_and(|it| it == "ndjson");
        if i64::from(today.0) - i64::from(day.0) > i64::from(kept_days) {
            fs::remove_file(&path).with_context(what)?;
            res.deleted += 1;
        } else if is_plain && day < today {
            compress(&path).with_context(what)?;
            res.compressed += 1;
        }
    }
    Ok(res)
}

fn lines(signals: &[Signal]) -> anyhow::Result<String> {
    let mut lines = String::new();
    for signal in signals {
        lines.push_str(&visible_json(serde_json::to_string(signal)?));
        lines.push('\n');
    }
    Ok(lines)
}

/// Appends lines to the file of the day; gives the day and how long its file is now.
///
/// Where a run has died after it wrote and before that was noted, the file of its day is gone on with.
fn append(
    directory: &Path,
    today: Day,
    cursor: &SignalCursor,
    lines: &str,
) -> io::Result<(Day, u64)> {
    let noted = cursor.day.as_deref().and_then(Day::parse);
    if let Some(day) = noted.filter(|day| *day != today)
        && let Ok(mut file) = OpenOptions::new().read(true).append(true).open(path(directory, day))
        && let Some(written) = written(&mut file, cursor.bytes, lines)?.filter(|it| *it > 0)
    {
        return Ok((day, finish(file, lines, written)?));
    }
    let path = path(directory, today);
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path)?;
    let from = if noted == Some(today) { cursor.bytes } else { 0 };
    if let Some(written) = written(&mut file, from, lines)? {
        return Ok((today, finish(file, lines, written)?));
    }
    // Somebody else has written there: not into their line.
    if !ends_line(&mut file)? {
        file.write_all(b"\n")?;
    }
    Ok((today, finish(file, lines, 0)?))
}

/// How many bytes of `lines` are in the file from `from` on, where nothing else is.
fn written(file: &mut File, from: u64, lines: &str) -> io::Result<Option<usize>> {
    let n_bytes = file.metadata()?.len();
    if n_bytes <= from {
        return Ok(Some(0).filter(|_| n_bytes == from));
    }
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(lines.len() as u64 + 1).read_to_end(&mut tail)?;
    Ok(lines.as_bytes().starts_with(&tail).then_some(tail.len()))
}

/// Whether the file ends where a line ends.
fn ends_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn finish(mut file: File, lines: &str, written: usize) -> io::Result<u64> {
    file.write_all(lines.as_bytes().get(written..).unwrap_or_default())?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Puts a compressed file in the place of a plain one; behind what is in it already.
fn compress(path: &Path) -> io::Result<()> {
    let (target, part) = (path.with_added_extension("gz"), path.with_added_extension("gz.tmp"));
    if target.exists() && is_same(path, &target)? {
        // A run has died between the two.
        return fs::remove_file(path);
    }
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&part)?;
    if target.exists() {
        // Archives one behind the other are one archive.
        io::copy(&mut File::open(&target)?, &mut file)?;
    }
    let mut packed = GzEncoder::new(file, Compression::default());
    io::copy(&mut File::open(path)?, &mut packed)?;
    packed.finish()?.sync_all()?;
    fs::rename(&part, &target)?;
    fs::remove_file(path)
}

/// Whether an archive holds what a file does.
fn is_same(path: &Path, archive: &Path) -> io::Result<bool> {
    let mut plain = BufReader::new(File::open(path)?);
    let mut unpacked = BufReader::new(MultiGzDecoder::new(File::open(archive)?));
    loop {
        let (one, other) = (plain.fill_buf()?, unpacked.fill_buf()?);
        let n = one.len().min(other.len());
        if n == 0 {
            return Ok(one.is_empty() && other.is_empty());
        }
        if one.get(..n) != other.get(..n) {
            return Ok(false);
        }
        plain.consume(n);
        unpacked.consume(n);
    }
}

/// The file of a day.
fn path(directory: &Path, day: Day) -> PathBuf {
    directory.join(format!("advisor-{day}.ndjson"))
}

/// Our files, each with its day, by name.
fn files(directory: &Path) -> io::Result<Vec<(Day, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| {
            let name = name.strip_suffix(".gz").unwrap_or(name);
            Day::parse(name.strip_prefix("advisor-")?.strip_suffix(".ndjson")?)
        });
        files.extend(day.map(|day| (day, entry.path())));
    }
    files.sort();
    Ok(files)
}
