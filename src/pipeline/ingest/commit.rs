//! The committing thread: columns -> chunks, staged in the lake and committed in the store.
use std::{collections::BTreeMap, sync::mpsc::Receiver};

use tokio::runtime::Handle;

use super::{
    IngestReport, Progress, Step, in_turn,
    parse::{Lines, MAX_KEPT, Parsed},
    read::Ending,
};
use crate::{
    events::Timestamp,
    inputs::{Checkpoint, End},
    lake::{Lake, Manifest, Rows},
    store::{IngestCommit, SeenFile, Store},
};

/// A chunk is committed when it holds so many events, or takes so much memory.
const CHUNK_EVENTS: usize = 250_000;
const CHUNK_BYTES: usize = 48 * 1024 * 1024;

/// Turns columns into commits.
pub(super) struct Committer<'a> {
    store: &'a Store,
    lake: &'a Lake,
    runtime: &'a Handle,
    manifest: Manifest,
    now: Timestamp,
    progress: Progress<'a>,
    /// Rows that wait, each from one file.
    rows: Vec<Rows>,
    /// The file of each of them.
    files: Vec<usize>,
    n_events: usize,
    n_bytes: usize,
    /// How far each file was read, where that is not committed yet.
    reached: BTreeMap<usize, Checkpoint>,
    /// How far each file was read in the last commit of this run.
    committed: BTreeMap<usize, Checkpoint>,
    /// What else goes into the next commit.
    next: IngestCommit,
}

impl<'a> Committer<'a> {
    pub(super) fn new(
        store: &'a Store,
        lake: &'a Lake,
        runtime: &'a Handle,
        manifest: Manifest,
        now: Timestamp,
        progress: Progress<'a>,
    ) -> Self {
        Self {
            store,
            lake,
            runtime,
            manifest,
            now,
            progress,
            rows: Vec::new(),
            files: Vec::new(),
            n_events: 0,
            n_bytes: 0,
            reached: BTreeMap::new(),
            committed: BTreeMap::new(),
            next: IngestCommit::default(),
        }
    }

    /// Commits until there is no more.
    pub(super) fn run(
        &mut self,
        queues: Vec<Receiver<Parsed>>,
        report: &mut IngestReport,
    ) -> anyhow::Result<()> {
        for parsed in in_turn(queues) {
            match parsed {
                Parsed::Block { file, lines } => self.add(file, *lines, report),
                Parsed::Done { file, ending } => self.finish(file, ending, report),
            }
            let is_full = self.n_events >= CHUNK_EVENTS || self.n_bytes >= CHUNK_BYTES;
            if is_full || self.next.rejects.len() >= 10 * MAX_KEPT {
                self.commit(report)?;
            }
        }
        self.commit(report)
    }

    fn add(&mut self, file: usize, lines: Lines, report: &mut IngestReport) {
        report.add_lines(file, lines.rows.n_events() as u64, &lines.rejected);
        let room = report.room_for_rejects(file, lines.rejects.len(), MAX_KEPT);
        self.next.rejects.extend(lines.rejects.into_iter().take(room));
        for (host, (from, to)) in lines.hosts {
            let span = self.next.hosts.entry(host).or_insert((from, to));
            *span = (span.0.min(from), span.1.max(to));
        }
        self.reached.insert(file, lines.end);
        if lines.rows.n_events() > 0 {
            self.n_events += lines.rows.n_events();
            self.n_bytes += lines.rows.n_bytes();
            self.rows.push(lines.rows);
            self.files.push(file);
        }
    }

    fn finish(&mut self, file: usize, ending: Ending, report: &mut IngestReport) {
        if let Ending::Read { reached, signature, end, .. } = &ending {
            // A file may end behind blank lines only, which no block tells of.
            if reached.position.offset > 0 {
                self.reached.insert(file, *reached);
            }
            if signature.is_settled(self.now.0) {
                let path = report.path(file);
                let torn_bytes = if let End::Torn(n_bytes) = end { *n_bytes } else { 0 };
                let seen = SeenFile { path: path.clone(), signature: *signature, torn_bytes };
                self.next.seen.insert(path, seen);
            }
        }
        report.finish(file, ending);
    }

    /// Makes everything so far count.
    fn commit(&mut self, report: &mut IngestReport) -> anyhow::Result<()> {
        let nothing = self.reached.is_empty() && self.next.seen.is_empty();
        if nothing && self.rows.is_empty() && self.next.rejects.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let staged = self.lake.stage(&rows, &self.manifest.id_runs)?;
        drop(rows);
        let mut chunk = std::mem::take(&mut self.next);
        chunk.generation = self.manifest.generation;
        chunk.at = self.now;
        for (file, checkpoint) in std::mem::take(&mut self.reached) {
            chunk.reached.push(checkpoint);
            let before = self.committed.insert(file, checkpoint);
            chunk.passed.extend(before.filter(|before| *before != checkpoint));
        }
        chunk.staged = staged;
        self.manifest.generation = self.runtime.block_on(self.store.commit_ingest(&chunk))?;
        // From here on it counts; what follows is made up for by the next run where it fails.
        let staged = chunk.staged;
        self.manifest.id_runs.retain(|run| !staged.retired.contains(run));
        self.manifest.id_runs.extend(staged.id_run.clone());
        for (file, n_duplicates) in self.files.drain(..).zip(&staged.n_duplicates) {
            report.add_duplicates(file, *n_duplicates);
        }
        report.parts += staged.parts.len() as u64;
        let n_accepted = staged.parts.iter().map(|part| part.n_events).sum();
        (self.progress)(Step::Committed(n_accepted));
        (self.n_events, self.n_bytes) = (0, 0);
        self.lake.publish(&staged)?;
        Ok(())
    }
}
