//! The committing thread: chunks staged in the lake and committed in the store, one after another.
use std::{collections::BTreeMap, sync::mpsc::Receiver};

use tokio::runtime::Handle;

use super::{Progress, Step, collect::Chunk};
use crate::{
    events::Timestamp,
    inputs::Checkpoint,
    lake::{Lake, Manifest},
    store::{IngestCommit, SeenFile, Store},
};

/// What makes chunks count.
pub(super) struct Committer<'a> {
    /// Where it is recorded.
    pub(super) store: &'a Store,
    /// Where it is written.
    pub(super) lake: &'a Lake,
    /// Runs the store's side.
    pub(super) runtime: &'a Handle,
    /// What is committed by now; the parts are not kept up to date.
    pub(super) manifest: Manifest,
    /// The time of the run.
    pub(super) now: Timestamp,
    /// Told of every commit.
    pub(super) progress: Progress<'a>,
}

/// What became of all chunks.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// File -> how many of its events were there already.
    pub(super) duplicates: BTreeMap<usize, u64>,
    /// How many parts were added.
    pub(super) n_parts: u64,
}

impl Committer<'_> {
    /// Commits until there is no more.
    pub(super) fn run(mut self, chunks: &Receiver<Chunk>) -> anyhow::Result<Committed> {
        let mut committed = Committed::default();
        // How far each file was read in the last commit of this run.
        let mut behind: BTreeMap<usize, Checkpoint> = BTreeMap::new();
        for chunk in chunks {
            self.commit(chunk, &mut behind, &mut committed)?;
        }
        Ok(committed)
    }

    fn commit(
        &mut self,
        chunk: Chunk,
        behind: &mut BTreeMap<usize, Checkpoint>,
        committed: &mut Committed,
    ) -> anyhow::Result<()> {
        let staged = self.lake.stage(&chunk.rows, &self.manifest.id_runs)?;
        drop(chunk.rows);
        let mut passed = Vec::new();
        for (file, checkpoint) in &chunk.reached {
            let before = behind.insert(*file, *checkpoint);
            passed.extend(before.filter(|before| before != checkpoint));
        }
        let reached = chunk.reached.into_values();
        let change = IngestCommit {
            generation: self.manifest.generation,
            at: self.now,
            readable_until: self.now,
            staged,
            // All content begins with nothing: that is no knowledge.
            reached: reached.filter(|it| it.position.offset > 0).collect(),
            passed,
            seen: chunk.seen.into_iter().map(|seen: SeenFile| (seen.path.clone(), seen)).collect(),
            rejects: chunk.rejects,
        };
        self.manifest.generation = self.runtime.block_on(self.store.commit_ingest(&change))?;
        // From here on it counts; what follows is made up for by the next run where it fails.
        let staged = change.staged;
        self.manifest.id_runs.retain(|run| !staged.retired.contains(run));
        self.manifest.id_runs.extend(staged.id_runs.iter().cloned());
        for (file, n_duplicates) in chunk.files.iter().zip(&staged.n_duplicates) {
            *committed.duplicates.entry(*file).or_default() += n_duplicates;
        }
        committed.n_parts += staged.parts.len() as u64;
        (self.progress)(Step::Committed(staged.parts.iter().map(|part| part.n_events).sum()));
        self.lake.publish(&staged)?;
        Ok(())
    }
}
