//! The index of event ids: which events the lake holds already, for up to hundreds of millions.
//!
//! A run is a file of sorted 128-bit keys. A chunk's keys are looked up in every run, and what is
//! new becomes a run of its own, merged at once with the runs that are no larger than what has
//! come together so far. So there are at most about log2(ids / chunk) runs, a key is rewritten that
//! often, and memory holds one chunk and one 4096th of the index, whatever its size. The runs change
//! only through the manifest, so that an id is known exactly when its event is committed.
//!
//! The options that lost: a table in the store with one row an id (random inserts, ten times slower
//! from some millions on), reading the ids back from the parts (gigabytes for each ingest), and
//! filters with false positives (an event lost is worse than a second's reading).
#![expect(clippy::disallowed_types, reason = "an edge: it reads files")]
use std::{
    fs,
    io::{BufReader, BufWriter, Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    IdRun, Lake, LakeError,
    files::{self, failed},
    run_file,
};
use crate::inputs::EventKey;

const KEY_BYTES: usize = 16;

/// Keys in a block; every block's first key is repeated in the fences behind the keys.
const BLOCK_KEYS: usize = 256;

/// Size of a run's file.
pub(super) const fn n_bytes(run: &IdRun) -> u64 {
    (run.n_ids + run.n_ids.div_ceil(BLOCK_KEYS as u64)) * KEY_BYTES as u64
}

/// Whether a committed run is there, whole by its size.
pub(super) fn check(path: &Path, run: &IdRun) -> Result<(), LakeError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() == n_bytes(run) => Ok(()),
        _ => Err(LakeError::LostIds { path: path.to_owned() }),
    }
}

/// Calls `found` with the index of every key of `keys` that is in a run. `keys` are sorted.
pub(super) fn look_up(
    path: &Path,
    run: &IdRun,
    keys: &[EventKey],
    mut found: impl FnMut(usize),
) -> Result<(), LakeError> {
    check(path, run)?;
    let file = files::open(path)?;
    let n_blocks = run.n_ids.div_ceil(BLOCK_KEYS as u64);
    let mut fences = vec![0; usize::try_from(n_blocks).unwrap_or(0) * KEY_BYTES];
    let read = |buf: &mut [u8], at: u64| {
        file.read_exact_at(buf, at * KEY_BYTES as u64).map_err(failed("read", path))
    };
    read(&mut fences, run.n_ids)?;
    let fences: Vec<u128> = keys_of(&fences).collect();

    let mut at = None;
    let mut block: Vec<u128> = Vec::new();
    let mut bytes = vec![0; BLOCK_KEYS * KEY_BYTES];
    for (idx, EventKey(key)) in keys.iter().enumerate() {
        let Some(wanted) = fences.partition_point(|fence| fence <= key).checked_sub(1) else {
            continue;
        };
        if at != Some(wanted) {
            let first = (wanted * BLOCK_KEYS) as u64;
            let n_keys = usize::try_from(run.n_ids - first).unwrap_or(BLOCK_KEYS).min(BLOCK_KEYS);
            bytes.resize(n_keys * KEY_BYTES, 0);
            read(&mut bytes, first)?;
            block.clear();
            block.extend(keys_of(&bytes));
            at = Some(wanted);
        }
        if block.binary_search(key).is_ok() {
            found(idx);
        }
    }
    Ok(())
}

/// Writes new keys, sorted, and the runs that are due to be merged with them, as one staged run.
/// Gives that run and those it replaces.
pub(super) fn stage(
    lake: &Lake,
    keys: &[EventKey],
    runs: &[IdRun],
) -> Result<(IdRun, Vec<IdRun>), LakeError> {
    let mut by_size: Vec<&IdRun> = runs.iter().collect();
    by_size.sort_by_key(|run| (run.n_ids, &run.name));
    let mut n_ids = keys.len() as u64;
    let mut retired = Vec::new();
    for run in by_size {
        if run.n_ids > n_ids {
            break;
        }
        n_ids += run.n_ids;
        retired.push(run.clone());
    }

    let mut sources = vec![Source::Chunk(keys.iter())];
    for run in &retired {
        let path = lake.find_run(run)?;
        check(&path, run)?;
        let reader = BufReader::with_capacity(256 * 1024, files::open(&path)?);
        sources.push(Source::File { reader: reader.take(run.n_ids * KEY_BYTES as u64), path });
    }
    let mut heads = Vec::new();
    for source in &mut sources {
        heads.push(source.next()?);
    }

    let draft = lake.staging_dir().join("draft.keys");
    let mut file = BufWriter::with_capacity(256 * 1024, files::create(&draft)?);
    let mut hasher = Sha256::new();
    let mut fences = Vec::new();
    let mut n_written = 0_u64;
    // There are few sources: looking at every head beats a heap.
    while let Some((idx, key)) = least(&heads) {
        let bytes = key.to_be_bytes();
        if n_written.is_multiple_of(BLOCK_KEYS as u64) {
            fences.extend(bytes);
        }
        hasher.update(bytes);
        file.write_all(&bytes).map_err(failed("write", &draft))?;
        n_written += 1;
        if let (Some(head), Some(source)) = (heads.get_mut(idx), sources.get_mut(idx)) {
            *head = source.next()?;
        }
    }
    file.write_all(&fences).map_err(failed("write", &draft))?;
    let file = file.into_inner().map_err(|err| failed("write", &draft)(err.into_error()))?;
    files::sync(&file, &draft)?;
    let run = IdRun { name: super::chunk::name_of(hasher), n_ids: n_written };
    let path = lake.staging_dir().join(run_file(&run));
    std::fs::rename(&draft, &path).map_err(failed("rename", &path))?;
    Ok((run, retired))
}

/// Sorted keys to be merged.
enum Source<'a> {
    Chunk(std::slice::Iter<'a, EventKey>),
    File { reader: std::io::Take<BufReader<fs::File>>, path: PathBuf },
}

impl Source<'_> {
    fn next(&mut self) -> Result<Option<u128>, LakeError> {
        match self {
            Self::Chunk(keys) => Ok(keys.next().map(|key| key.0)),
            Self::File { reader, .. } if reader.limit() == 0 => Ok(None),
            Self::File { reader, path } => {
                let mut bytes = [0; KEY_BYTES];
                reader.read_exact(&mut bytes).map_err(failed("read", path))?;
                Ok(Some(u128::from_be_bytes(bytes)))
            }
        }
    }
}

/// The smallest head and where it is.
fn least(heads: &[Option<u128>]) -> Option<(usize, u128)> {
    let heads = heads.iter().enumerate();
    heads.filter_map(|(idx, head)| head.map(|key| (idx, key))).min_by_key(|(_, key)| *key)
}

fn keys_of(bytes: &[u8]) -> impl Iterator<Item = u128> + '_ {
    bytes.as_chunks::<KEY_BYTES>().0.iter().map(|bytes| u128::from_be_bytes(*bytes))
}
