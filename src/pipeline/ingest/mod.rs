//! Ingest: files in, parts of the lake out; every event once, whatever happens.
//!
//! One thread unpacks and cuts lines, some parse and redact, one gathers, one writes and commits.
//! They hand each other blocks in order through bounded queues, so that memory is bounded and the result does not
//! depend on who is faster. What a chunk of events changes (parts, id index, checkpoints, rejects)
//! is committed in one transaction; a run that dies is picked up at its last chunk.
mod absence;
mod collect;
mod commit;
mod parse;
mod read;
mod report;
mod roles;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use anyhow::{Context as _, anyhow};

pub use absence::{Gone, Silent, silent};
pub use report::{FileReport, FileStatus, IngestReport, RejectReport};

use self::{
    commit::Committer,
    parse::{How, Parsed},
    read::Work,
    roles::Roles,
};
use super::upkeep::settle;
use crate::{
    events::Timestamp,
    inputs::{self, Format, Given, Known},
    lake::{Lake, Manifest},
    objects::Access,
    store::{IngestCommit, Store},
};

/// What to ingest.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// Files and directories, objects and prefixes of buckets.
    pub paths: Vec<PathBuf>,
    /// How buckets are reached.
    pub access: Access,
    /// How they are read.
    pub format: &'static Format,
    /// What is given besides their lines.
    pub given: Given,
    /// Role of events that name none, before any assignment.
    pub role: Option<String>,
    /// The time of the run.
    pub now: Timestamp,
    /// For how many days whoever writes the files keeps them.
    pub kept_days: u32,
    /// A chunk is committed when it holds so many events; sooner where it takes much memory.
    pub chunk_events: usize,
    /// Set from outside, it ends the ingest before its next file: the next one goes on there.
    pub stop: Arc<AtomicBool>,
}

/// Events to a chunk, unless said otherwise: parts of some ten megabytes.
pub const CHUNK_EVENTS: usize = 250_000;

/// Days for which signals are kept where they are written, unless said otherwise.
pub const KEPT_DAYS: u32 = 7;

impl Ingest {
    /// Files and directories in the default format.
    pub fn new(paths: Vec<PathBuf>, now: Timestamp) -> Self {
        Self {
            paths,
            access: Access::default(),
            format: Format::default_format(),
            given: Given::default(),
            role: None,
            now,
            kept_days: KEPT_DAYS,
            chunk_events: CHUNK_EVENTS,
            stop: Arc::default(),
        }
    }
}

/// Something that happened on the way, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another ingest holds the lake; waiting for it.
    Waiting,
    /// So many bytes, as they lie on the disk, are to be read.
    Total(u64),
    /// So many of them have been read since the last step.
    Read(u64),
    /// So many more events have been committed.
    Committed(u64),
}

/// Takes the steps of an ingest, from any thread.
pub type Progress<'a> = &'a (dyn Fn(Step) + Sync);

/// What is known of files is forgotten after so many days; signals are kept a week, and the id
/// index still knows their events.
const FORGET_DAYS: f64 = 400.0;

/// Threads that parse. Unpacking and writing take the rest of two cores.
const N_PARSERS: usize = 2;

/// Blocks that may wait in each queue.
const QUEUE: usize = 2;

/// Reads what is new in `ingest.paths` into the lake.
///
/// # Errors
/// Where a path is missing (then nothing is read), or store or lake fail (then everything up to the
/// last chunk counts, and the next run goes on there). A file that cannot be read to its end does
/// not end the run: its report says so.
pub async fn ingest(
    store: &Store,
    lake: &Lake,
    ingest: Ingest,
    progress: Progress<'_>,
) -> anyhow::Result<IngestReport> {
    let paths: Vec<String> =
        ingest.paths.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let _lock = tokio::task::block_in_place(|| lake.lock(|| progress(Step::Waiting)))?;
    // Looked for once it is our turn: what was found while another one read may be something else.
    let files = tokio::task::block_in_place(|| inputs::files(&ingest.paths, &ingest.access));
    let files = files.context("nothing was read")?;
    store.forget_files(ingest.now.plus_hours(-24.0 * FORGET_DAYS)).await?;
    let (mut manifest, settled) = settle(store, lake, ingest.now).await?;
    if !settled.lost_ids.is_empty() {
        manifest.parts.retain(|part| !settled.lost.contains(part));
        rebuild_ids(store, lake, &manifest, ingest.now).await?;
        manifest = store.manifest().await?;
    }
    let known: Known = store.checkpoints().await?.into_iter().collect();
    let seen = store.seen_files().await?;
    let roles = Roles::load(store, ingest.role).await?;
    let last_read = store.directories_read().await?;
    let gone = absence::gone(store, &last_read, &paths, ingest.kept_days, ingest.now).await?;
    let mut report = IngestReport::new(&files, settled);

    let runtime = tokio::runtime::Handle::current();
    let (now, max_events, format) = (ingest.now, ingest.chunk_events, ingest.format);
    let how = How { given: &ingest.given, roles: &roles, now };
    // Records that belong together are read by one parser.
    let n_parsers = if format.is_of_lines() { N_PARSERS } else { 1 };
    let committer = Committer { store, lake, runtime: &runtime, manifest, now, progress };
    let named = |name: &str| thread::Builder::new().name(format!("ingest-{name}"));
    tokio::task::block_in_place(|| {
        thread::scope(|scope| {
            let (files, seen) = (&files, &seen);
            let mut to_parsers = Vec::new();
            let mut from_parsers = Vec::new();
            let mut parsers = Vec::new();
            for _ in 0..n_parsers {
                let (to_parser, work) = sync_channel::<Work>(QUEUE);
                let (done, from_parser) = sync_channel::<Parsed>(QUEUE);
                let parse = move || parse::parse(&work, &done, files, how);
                parsers.push(named("parse").spawn_scoped(scope, parse)?);
                to_parsers.push(to_parser);
                from_parsers.push(from_parser);
            }
            let stop = &*ingest.stop;
            let read =
                move || read::read(files, format, known, seen, &InTurn(to_parsers), progress, stop);
            let reader = named("read").spawn_scoped(scope, read)?;
            let (to_committer, chunks) = sync_channel(0);
            let commit = move || committer.run(&chunks);
            let committer = named("commit").spawn_scoped(scope, commit)?;
            collect::collect(from_parsers, &to_committer, max_events, now, &mut report);
            drop(to_committer);

            // Where one thread fails, its queues close, and the others end with it.
            let committed =
                committer.join().map_err(|_| anyhow!("the committing thread died"))??;
            for parser in parsers {
                let notes = parser.join().map_err(|_| anyhow!("a parsing thread died"))??;
                report.add_notes(&notes);
            }
            reader.join().map_err(|_| anyhow!("the reading thread died"))?;
            report.add_committed(&committed);
            anyhow::Ok(())
        })
    })?;
    let before = paths.iter().filter_map(|it| last_read.get(it)).max().copied();
    let is_whole = report.files_failed == 0 && !ingest.stop.load(Ordering::Relaxed);
    // Where there are no files, nobody knows yet what is gone.
    if is_whole && !report.files.is_empty() {
        store.note_read(&paths, now).await?;
    }
    report.gone = gone;
    report.silent = absence::silent(store, before, now).await?;
    let IngestReport { read, accepted, duplicates, rejected, parts, .. } = report;
    tracing::info!(read, accepted, duplicates, rejected, parts, "ingested");
    Ok(report)
}

/// Makes the id index anew from the events, and commits it.
async fn rebuild_ids(
    store: &Store,
    lake: &Lake,
    manifest: &Manifest,
    now: Timestamp,
) -> anyhow::Result<()> {
    let staged = tokio::task::block_in_place(|| lake.rebuild_ids(manifest))?;
    let generation = manifest.generation;
    let commit = IngestCommit { generation, at: now, staged, ..IngestCommit::default() };
    store.commit_ingest(&commit).await?;
    tokio::task::block_in_place(|| lake.publish(&commit.staged))?;
    Ok(())
}

/// Queues that are served in turn, which keeps the order across threads.
struct InTurn<T>(Vec<SyncSender<T>>);

impl<T> InTurn<T> {
    /// Sends the item with number `turn`; false where nobody listens any more.
    fn send(&self, turn: usize, item: T) -> bool {
        let sender = self.0.get(turn % self.0.len().max(1));
        sender.is_some_and(|sender| sender.send(item).is_ok())
    }
}

/// Receives what [`InTurn`] sent, in its order, until the first queue whose turn it is has ended.
fn in_turn<T>(queues: Vec<Receiver<T>>) -> impl Iterator<Item = T> {
    let mut turn = 0;
    std::iter::from_fn(move || {
        let queue = queues.get(turn % queues.len().max(1))?;
        turn += 1;
        queue.recv().ok()
    })
}
