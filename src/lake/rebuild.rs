//! The id index made anew from the events, for the day its files are lost.
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

use super::{
    Lake, LakeError, Manifest, Staged,
    columns::{KEY_COLUMNS, keys_of},
    files, ids,
};
use crate::inputs::EventKey;

/// So many keys are sorted in memory, 64 MiB, and become one run.
const KEYS_AT_A_TIME: usize = 4 * 1024 * 1024;

impl Lake {
    /// Stages an id index made from the parts of the manifest, to replace all of its runs. Needs
    /// the lock.
    ///
    /// Two things are not in the parts, and so not in the new index: events that retention has
    /// deleted, and ids as they were before a secret was taken out of them.
    ///
    /// # Errors
    /// Where a part cannot be read, or the file system fails.
    pub fn rebuild_ids(&self, manifest: &Manifest) -> Result<Staged, LakeError> {
        let mut staged = Staged { retired: manifest.id_runs.clone(), ..Staged::default() };
        let mut keys = Vec::new();
        for part in &manifest.parts {
            let path = self.find(part)?;
            let failed = |source| LakeError::Parquet { act: "read", path: path.clone(), source };
            let builder =
                ParquetRecordBatchReaderBuilder::try_new(files::open(&path)?).map_err(failed)?;
            let named = ProjectionMask::columns(builder.parquet_schema(), KEY_COLUMNS);
            for batch in builder.with_projection(named).build().map_err(failed)? {
                keys.extend(keys_of(&batch?)?);
            }
            if keys.len() >= KEYS_AT_A_TIME {
                self.stage_keys(&mut keys, &mut staged)?;
            }
        }
        self.stage_keys(&mut keys, &mut staged)?;
        self.keep_staged(&staged.file_names())?;
        Ok(staged)
    }

    fn stage_keys(&self, keys: &mut Vec<EventKey>, staged: &mut Staged) -> Result<(), LakeError> {
        keys.sort_unstable();
        keys.dedup();
        if !keys.is_empty() {
            let (run, _) = ids::stage(self, keys, &[])?;
            // The index may come out as it was: then nothing is replaced by itself.
            staged.retired.retain(|old| old.name != run.name);
            staged.id_runs.push(run);
        }
        keys.clear();
        Ok(())
    }
}
