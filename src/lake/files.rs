//! Files and directories of the lake: private to their owner, on the disk before they count.
#![expect(clippy::disallowed_types, reason = "an edge: it makes files")]
use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

use super::LakeError;

/// The right to write to the lake; ends when dropped, or with the process.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Error of an act on a path.
pub(super) fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LakeError {
    let path = path.to_owned();
    move |source| LakeError::Io { act, path, source }
}

/// Makes a directory and those above it.
pub(super) fn make_dir(path: &Path) -> Result<(), LakeError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path))?;
    // The entry of a new directory must survive a power cut as well as what is put into it.
    path.parent().map_or(Ok(()), sync_dir)
}

/// Copies a file, onto the disk.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), LakeError> {
    fs::copy(from, to).map_err(failed("copy", from))?;
    sync(&File::open(to).map_err(failed("read", to))?, to).map(|_| ())
}

/// A new, empty file to write to.
pub(super) fn create(path: &Path) -> Result<File, LakeError> {
    OpenOptions::new()
        .write(true)
        .read(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("make", path))
}

/// A file to read.
pub(super) fn open(path: &Path) -> Result<File, LakeError> {
    File::open(path).map_err(failed("read", path))
}

/// Waits until a file's content is on the disk; gives its size.
pub(super) fn sync(file: &File, path: &Path) -> Result<u64, LakeError> {
    file.sync_all().map_err(failed("sync", path))?;
    Ok(file.metadata().map_err(failed("look at", path))?.len())
}

/// Notes that a file was used now.
pub(super) fn touch(path: &Path) -> Result<(), LakeError> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    utimensat(CWD, path, &times, AtFlags::empty()).map_err(|err| failed("touch", path)(err.into()))
}

/// Waits until a directory's entries are on the disk.
pub(super) fn sync_dir(path: &Path) -> Result<(), LakeError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(failed("sync", path))
}

/// Deletes a file; that it is gone already is as good.
pub(super) fn remove(path: &Path) -> Result<(), LakeError> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(failed("delete", path)(err)),
        _ => Ok(()),
    }
}

/// Gives a file another name in the same file system.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), LakeError> {
    fs::rename(from, to).map_err(failed("rename", from))
}

/// How much room there is where `path` lies, in bytes, for those without privileges.
pub(super) fn free_bytes(path: &Path) -> Result<u64, LakeError> {
    let stat = rustix::fs::statvfs(path).map_err(|err| failed("look at", path)(err.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Deletes a directory that holds nothing; one that does stays.
pub(super) fn remove_if_empty(dir: &Path) {
    let _ = fs::remove_dir(dir);
}

/// Deletes the files of a directory, all but those that `keep` names; gives how many.
pub(super) fn clear(dir: &Path, keep: impl Fn(&str) -> bool) -> Result<usize, LakeError> {
    let mut n_removed = 0;
    for entry in fs::read_dir(dir).map_err(failed("read", dir))? {
        let entry = entry.map_err(failed("read", dir))?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(&keep) {
            remove(&entry.path())?;
            n_removed += 1;
        }
    }
    Ok(n_removed)
}

/// The files two levels below a directory: those of its directories.
pub(super) fn list_below(dir: &Path) -> Result<BTreeSet<PathBuf>, LakeError> {
    let mut res = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(failed("read", dir))? {
        let path = entry.map_err(failed("read", dir))?.path();
        if path.is_dir() {
            for entry in fs::read_dir(&path).map_err(failed("read", &path))? {
                res.insert(entry.map_err(failed("read", &path))?.path());
            }
        }
    }
    Ok(res)
}

/// Locks a file, made where it is missing; `waiting` is called where somebody else has it.
pub(super) fn lock(path: &Path, waiting: impl FnOnce()) -> Result<Lock, LakeError> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("make", path))?;
    match file.try_lock() {
        Ok(()) => (),
        Err(TryLockError::WouldBlock) => {
            waiting();
            file.lock().map_err(failed("lock", path))?;
        }
        Err(TryLockError::Error(err)) => return Err(failed("lock", path)(err)),
    }
    Ok(Lock(file))
}
