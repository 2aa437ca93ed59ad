//! Between parsing and committing: columns gathered into chunks, and counted file by file.
use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, SyncSender},
};

use super::{
    IngestReport, in_turn,
    parse::{Lines, MAX_KEPT, Parsed},
    read::Ending,
    roles::count_role,
};
use crate::{
    events::Timestamp,
    inputs::{Checkpoint, End, Reject},
    lake::Rows,
    store::SeenFile,
};

/// A chunk is full when it holds so many bytes of columns (two chunks are in memory at a time), ...
const CHUNK_BYTES: usize = 40 * 1024 * 1024;

/// ... so many rejects, ...
const CHUNK_ENTRIES: usize = 20_000;

/// ... or pieces of so many files: columns of one line take some kilobytes.
const CHUNK_PIECES: usize = 250;

/// What is committed at once.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Rows, each group from one file.
    pub(super) rows: Vec<Rows>,
    /// The file of each group.
    pub(super) files: Vec<usize>,
    /// File -> how far it was read, where it is read on from there.
    pub(super) reached: BTreeMap<usize, Checkpoint>,
    /// Files that were read to their end.
    pub(super) seen: Vec<SeenFile>,
    /// Lines for the quarantine.
    pub(super) rejects: Vec<Reject>,
    n_events: usize,
    n_bytes: usize,
}

/// Gathers until there is no more, or nobody commits.
pub(super) fn collect(
    queues: Vec<Receiver<Parsed>>,
    chunks: &SyncSender<Chunk>,
    max_events: usize,
    now: Timestamp,
    report: &mut IngestReport,
) {
    let mut chunk = Chunk::default();
    for parsed in in_turn(queues) {
        match parsed {
            Parsed::Block { file, lines } => chunk.add(file, *lines, report),
            Parsed::Done { file, ending } => chunk.finish(file, ending, now, report),
        }
        if chunk.is_full(max_events) && chunks.send(std::mem::take(&mut chunk)).is_err() {
            return;
        }
    }
    if !chunk.is_empty() {
        // A failed committer tells its reason itself.
        let _ = chunks.send(chunk);
    }
}

impl Chunk {
    fn is_full(&self, max_events: usize) -> bool {
        self.n_events >= max_events
            || self.n_bytes >= CHUNK_BYTES
            || self.rejects.len() >= CHUNK_ENTRIES
            || self.rows.len().max(self.reached.len()) >= CHUNK_PIECES
    }

    fn is_empty(&self) -> bool {
        self.reached.is_empty()
            && self.seen.is_empty()
            && self.rows.is_empty()
            && self.rejects.is_empty()
    }

    fn add(&mut self, file: usize, lines: Lines, report: &mut IngestReport) {
        report.add_lines(file, lines.rows.n_events() as u64, &lines.rejected);
        report.add_rejects(file, &lines.rejects);
        for (role, n_events) in &lines.roles_unknown {
            count_role(&mut report.roles_unknown, role, *n_events);
        }
        let room = report.room_for_rejects(file, lines.rejects.len(), MAX_KEPT);
        self.rejects.extend(lines.rejects.into_iter().take(room));
        self.reached.extend(lines.end.map(|end| (file, end)));
        if lines.rows.n_events() > 0 {
            self.n_events += lines.rows.n_events();
            self.n_bytes += lines.rows.n_bytes();
            self.rows.push(lines.rows);
            self.files.push(file);
        }
    }

    fn finish(&mut self, file: usize, ending: Ending, now: Timestamp, report: &mut IngestReport) {
        let mut is_settled = false;
        if let Ending::Read { format, signature, end, .. } = &ending
            && signature.is_settled(now.0)
        {
            is_settled = true;
            let torn_bytes = if let End::Torn(n_bytes) = end { *n_bytes } else { 0 };
            let path = report.path(file);
            let format = format.name.to_owned();
            self.seen.push(SeenFile { path, format, signature: *signature, torn_bytes });
        }
        report.finish(file, ending, is_settled);
    }
}
