//! Store and lake as they are at one moment, copied into a directory of their own.
use std::path::Path;

use crate::{
    lake::{Lake, Manifest},
    store::Store,
};

/// Copies the store, a file, and the lake into `dir`, which must not be there yet. Waits for the lake;
/// `waiting` is called then. Gives what was copied.
///
/// # Errors
/// Where the directory is there, something cannot be copied, or a part of the lake is gone.
pub async fn backup(
    store: &Store,
    lake: &Lake,
    dir: &Path,
    waiting: &(dyn Fn() + Sync),
) -> anyhow::Result<Manifest> {
    // Nothing comes to the lake and nothing goes while its lock is held, so that the copies of store
    // and lake are of one moment.
    let _lock = tokio::task::block_in_place(|| lake.lock(waiting))?;
    let manifest = store.manifest().await?;
    tokio::task::block_in_place(|| lake.copy_to(&manifest, dir))?;
    store.copy_to(&dir.join("advisor.db")).await?;
    Ok(manifest)
}
