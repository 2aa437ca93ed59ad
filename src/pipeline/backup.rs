//! Store, lake and configuration as they are at one moment, copied into a directory of their own.
use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};

use crate::{
    config::{Config, FILE_NAME, STORE_NAME},
    lake::{Lake, Manifest},
    store::{Missing, Place, Store, newest_schema},
};

/// What was copied.
#[derive(Clone, Debug)]
pub struct Copied {
    /// What counts of the lake.
    pub manifest: Manifest,
    /// The schema version of the store, as it was and as it is in the copy.
    pub schema_version: i64,
    /// Where the configuration is in the copy; `None` where there is none.
    pub configuration: Option<PathBuf>,
}

/// Copies the store, a file, the lake and the configuration into `dir`, which must not be there yet.
/// The store is copied as it is, whatever version its schema has. Waits for the lake; `waiting` is
/// called then. Where something fails, `dir` is taken away again.
///
/// # Errors
/// Where the directory is there, something cannot be copied, or a part of the lake is gone.
pub async fn backup(
    config: &Config,
    lake: &Lake,
    dir: &Path,
    waiting: &(dyn Fn() + Sync),
) -> anyhow::Result<Copied> {
    // Nothing comes to the lake and nothing goes while its lock is held, so that the copies of store
    // and lake are of one moment.
    let _lock = tokio::task::block_in_place(|| lake.lock(waiting))?;
    make(dir)?;
    let copied = copy(config, lake, dir).await;
    if copied.is_err() {
        // Half a copy is none; that it could not be made is what is told.
        let _ = fs::remove_dir_all(dir);
    }
    copied
}

/// Makes the directory, private to its owner.
fn make(dir: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().mode(0o700).create(dir);
    made.map_err(|err| match err.kind() {
        io::ErrorKind::AlreadyExists => anyhow!(
            "there is something at `{}` already\nhint: name a directory that is not there yet",
            dir.display()
        ),
        _ => anyhow!(
            "cannot make `{}`: {err}\nhint: the directory above it has to be there, and yours to write",
            dir.display()
        ),
    })
}

async fn copy(config: &Config, lake: &Lake, dir: &Path) -> anyhow::Result<Copied> {
    let store = dir.join(STORE_NAME);
    let schema_version = Store::copy(&config.place, &store).await?;
    let manifest = manifest(&store, schema_version).await?;
    tokio::task::block_in_place(|| lake.copy_to(&manifest, dir))?;
    let configuration = configuration(config, dir)?;
    Ok(Copied { manifest, schema_version, configuration })
}

/// What counts of the lake, by a copy of the store. One of an earlier version is asked in a copy of
/// its own, which is brought up to date and goes again.
async fn manifest(store: &Path, schema_version: i64) -> anyhow::Result<Manifest> {
    if schema_version == newest_schema() {
        let opened = Store::open_read_only(&Place::File(store.to_owned())).await?;
        let manifest = opened.manifest().await;
        opened.close().await;
        return Ok(manifest?);
    }
    let upgraded = store.with_added_extension("upgraded");
    Store::copy(&Place::File(store.to_owned()), &upgraded).await?;
    let opened = Store::open(&Place::File(upgraded.clone()), Missing::Refuse).await?;
    let manifest = opened.manifest().await;
    opened.close().await;
    for ending in ["", "-wal", "-shm"] {
        let mut path = upgraded.clone().into_os_string();
        path.push(ending);
        match fs::remove_file(&path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err.into()),
            _ => (),
        }
    }
    Ok(manifest?)
}

/// Copies the configuration, which may hold the URL of a database, private to its owner.
fn configuration(config: &Config, dir: &Path) -> anyhow::Result<Option<PathBuf>> {
    let Some(file) = &config.file else { return Ok(None) };
    // One that names a data directory is refused in the data directory itself, so that it keeps
    // another name there and is given by `--config`.
    let to = dir.join(if file.names_data_dir { "config.toml" } else { FILE_NAME });
    let copied = fs::copy(&file.path, &to)
        .and_then(|_| fs::set_permissions(&to, Permissions::from_mode(0o600)))
        .and_then(|()| OpenOptions::new().write(true).open(&to)?.sync_all());
    copied.with_context(|| format!("cannot copy `{}`", file.path.display()))?;
    Ok(Some(to))
}
