//! Where the files of a lake lie: in the data directory, or in a bucket with a cache of them beside.
//!
//! A file at `<root>/events/...` has the key `<prefix>/events/...`. What is written is written to
//! `<root>/staging/`, and counts as kept once it lies under the same name in the bucket. A rename is a
//! copy and a deletion there: killed in between, the file lies under both names, and the next writer
//! takes the staged one away. What is read is fetched to where it would lie without a bucket; files
//! never change under their names, so that one of the right size is the right one.
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    IdRun, Lake, LakeError, Manifest, Publish,
    files::{self, failed},
    ids, run_file,
};
use crate::{
    events::Timestamp,
    objects::{Bucket, BucketUrl, ObjectError},
};

/// Where the cache of a lake in a bucket lies in the data directory.
const CACHE_DIR: &str = "lake-cache";

/// A file of the cache that was used so many seconds before the newest is left alone: somebody may
/// have found it and not opened it yet.
const IN_USE_SECONDS: u64 = 60;

/// The bucket of a lake.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    bucket: Bucket,
    /// What the keys of the lake begin with; ends in a slash or is empty.
    prefix: String,
    /// The cache may take so many bytes, and an eighth more.
    cache_bytes: u64,
    /// Bytes that came to the cache since it was last looked at.
    n_new: Arc<AtomicU64>,
    /// Files fetched so far, for names.
    n_fetched: Arc<AtomicU64>,
}

/// What lies in a bucket, listed once, by where it would lie in the data directory; `None` where
/// whoever wants to know has to ask.
#[derive(Debug, Default)]
pub(super) struct There(Option<BTreeMap<PathBuf, u64>>);

impl There {
    /// Nothing was listed.
    pub(super) const UNKNOWN: Self = Self(None);

    pub(super) fn has(&self, path: &Path) -> bool {
        self.0.as_ref().map_or_else(|| path.exists(), |it| it.contains_key(path))
    }

    /// The files two levels below a directory: those of its directories.
    pub(super) fn below(&self, dir: &Path) -> Result<BTreeSet<PathBuf>, LakeError> {
        let Some(listed) = &self.0 else { return files::list_below(dir) };
        let is_below = |path: &&PathBuf| path.ancestors().nth(2) == Some(dir);
        Ok(listed.keys().filter(is_below).cloned().collect())
    }
}

impl Lake {
    /// The lake in a bucket, as it is, to read from; what is read is kept in `data_dir`, as long as
    /// there is room in `cache_bytes`.
    pub fn in_bucket(data_dir: &Path, bucket: Bucket, url: &BucketUrl, cache_bytes: u64) -> Self {
        let (n_new, n_fetched) = (Arc::default(), Arc::default());
        let remote = Remote { bucket, prefix: url.prefix(), cache_bytes, n_new, n_fetched };
        Self { root: data_dir.join(CACHE_DIR), may_write: false, remote: Some(remote) }
    }

    /// Whether other machines may write to it, too.
    pub const fn is_in_bucket(&self) -> bool {
        self.remote.is_some()
    }

    /// Where it is, for people.
    pub fn place(&self) -> PathBuf {
        let url = self.remote.as_ref().map(|it| it.bucket.url(it.prefix.trim_end_matches('/')));
        url.map_or_else(|| self.root.clone(), PathBuf::from)
    }

    /// What lies in the bucket; nothing where there is none.
    pub(super) fn there(&self) -> Result<There, LakeError> {
        let Some(remote) = &self.remote else { return Ok(There::UNKNOWN) };
        let listing = remote.bucket.list(&remote.prefix)?;
        let below = listing.objects.into_iter().filter_map(|it| {
            Some((self.root.join(it.key.strip_prefix(&remote.prefix)?), it.n_bytes))
        });
        Ok(There(Some(below.collect())))
    }

    /// Whether a run of the id index is there, whole by its size, staged or in place.
    pub(super) fn is_run_whole(&self, there: &There, run: &IdRun) -> bool {
        let mut places = [self.run_path(run), self.staging_dir().join(run_file(run))].into_iter();
        match &there.0 {
            Some(listed) => places.any(|it| listed.get(&it) == Some(&ids::n_bytes(run))),
            None => places.any(|it| ids::check(&it, run).is_ok()),
        }
    }

    /// Makes what was staged under these names durable, before it is committed.
    pub(super) fn keep_staged(&self, names: &[String]) -> Result<(), LakeError> {
        let dir = self.staging_dir();
        files::sync_dir(&dir)?;
        let Some(remote) = &self.remote else { return Ok(()) };
        for path in names.iter().map(|name| dir.join(name)) {
            remote.bucket.put_file(&remote.key(&self.root, &path), &path)?;
            let n_bytes = std::fs::metadata(&path).map_err(failed("look at", &path))?.len();
            remote.n_new.fetch_add(n_bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives a staged file its name in the bucket, and in the cache where it is here.
    pub(super) fn publish_object(
        &self,
        remote: &Remote,
        there: &There,
        staged: &Path,
        path: &Path,
    ) -> Result<Publish, LakeError> {
        let may_be_staged = there.0.as_ref().is_none_or(|it| it.contains_key(staged));
        if may_be_staged && self.move_object(remote, staged, path)? {
            return Ok(Publish::Renamed);
        }
        let key = remote.key(&self.root, path);
        let is_there = match &there.0 {
            Some(listed) => listed.contains_key(path),
            None => remote.bucket.look_at(&key)?.is_some(),
        };
        Ok(if is_there { Publish::InPlace } else { Publish::Gone })
    }

    /// Gives a file another name; whether there was one.
    pub(super) fn move_file(&self, from: &Path, to: &Path) -> Result<bool, LakeError> {
        match &self.remote {
            Some(remote) => self.move_object(remote, from, to),
            None => move_here(from, to),
        }
    }

    fn move_object(&self, remote: &Remote, from: &Path, to: &Path) -> Result<bool, LakeError> {
        let (old, new) = (remote.key(&self.root, from), remote.key(&self.root, to));
        let was_there = remote.bucket.copy(&old, &new)?;
        if was_there {
            remote.bucket.remove(&old)?;
        }
        move_here(from, to)?;
        Ok(was_there)
    }

    /// Deletes a file; that it is gone already is as good.
    pub(super) fn remove(&self, path: &Path) -> Result<(), LakeError> {
        files::remove(path)?;
        if let Some(remote) = &self.remote {
            remote.bucket.remove(&remote.key(&self.root, path))?;
        }
        Ok(())
    }

    /// Deletes the files of a directory, all but those that `keep` names; gives how many.
    pub(super) fn clear(
        &self,
        dir: &Path,
        keep: impl Fn(&str) -> bool,
    ) -> Result<usize, LakeError> {
        let n_here = if dir.is_dir() { files::clear(dir, &keep)? } else { 0 };
        let Some(remote) = &self.remote else { return Ok(n_here) };
        let prefix = format!("{}/", remote.key(&self.root, dir));
        let mut n_removed = 0;
        for object in remote.bucket.list(&prefix)?.objects {
            if !object.key.strip_prefix(&prefix).is_some_and(&keep) {
                remote.bucket.remove(&object.key)?;
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }

    /// Where a file of `n_bytes` can be read that lies at one of some places, the first of them its
    /// own; `None` where it is at none.
    pub(super) fn here(
        &self,
        places: &[PathBuf],
        n_bytes: u64,
    ) -> Result<Option<PathBuf>, LakeError> {
        let Some(remote) = &self.remote else {
            return Ok(places.iter().find(|it| it.exists()).cloned());
        };
        let Some(own) = places.first() else { return Ok(None) };
        if std::fs::metadata(own).is_ok_and(|it| it.len() == n_bytes) {
            files::touch(own)?;
            return Ok(Some(own.clone()));
        }
        for place in places {
            let object = remote.bucket.look_at(&remote.key(&self.root, place))?;
            let Some(object) = object.filter(|it| it.n_bytes == n_bytes) else { continue };
            let dir = self.root.join("fetching");
            files::make_dir(&dir)?;
            let number = remote.n_fetched.fetch_add(1, Ordering::Relaxed);
            let draft = dir.join(format!("{}-{number}", std::process::id()));
            let mut file = files::create(&draft)?;
            // Whoever cleans up leaves alone what is locked.
            file.lock().map_err(failed("lock", &draft))?;
            let fetched = io::copy(&mut object.reader(), &mut file);
            if let Err(err) = fetched {
                files::remove(&draft)?;
                let failed = failed("write", &draft);
                return Err(err.downcast::<ObjectError>().map_or_else(failed, LakeError::Object));
            }
            move_here(&draft, own)?;
            self.bound_cache(n_bytes)?;
            return Ok(Some(own.clone()));
        }
        Ok(None)
    }

    /// Deletes what the cache holds of files that do not count any more, and what was left of
    /// downloads; erased events must not stay in it.
    pub(super) fn tidy_cache(&self, manifest: &Manifest, now: Timestamp) -> Result<(), LakeError> {
        if self.remote.is_none() {
            return Ok(());
        }
        let mut counts: BTreeSet<PathBuf> =
            manifest.parts.iter().map(|it| self.part_path(it)).collect();
        counts.extend(manifest.rollups.iter().map(|it| self.rollup_path(it)));
        let readable = manifest.dropped.iter().filter(|it| it.readable_until > now);
        counts.extend(readable.map(|it| self.public_path(it.day, &it.name)));
        for dir in [self.events_dir(), self.rollups_dir()] {
            for path in files::list_below(&dir)? {
                if !counts.contains(&path) {
                    files::remove(&path)?;
                }
            }
        }
        let dir = self.root.join("fetching");
        files::make_dir(&dir)?;
        for entry in std::fs::read_dir(&dir).map_err(failed("read", &dir))? {
            let path = entry.map_err(failed("read", &dir))?.path();
            if files::open(&path).is_ok_and(|it| it.try_lock().is_ok()) {
                files::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Deletes the files of the cache that were used longest ago, where it has grown too large.
    pub(super) fn bound_cache(&self, n_more: u64) -> Result<(), LakeError> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let n_new = remote.n_new.fetch_add(n_more, Ordering::Relaxed) + n_more;
        if n_new <= remote.cache_bytes / 8 {
            return Ok(());
        }
        remote.n_new.store(0, Ordering::Relaxed);
        let mut cached = Vec::new();
        for path in files::list_below(&self.events_dir())? {
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            let used = metadata.modified().map_err(failed("look at", &path))?;
            cached.push((used, path, metadata.len()));
        }
        cached.sort();
        let newest = cached.last().map(|(used, ..)| *used);
        let mut n_bytes: u64 = cached.iter().map(|(.., n_bytes)| n_bytes).sum();
        for (used, path, n_freed) in cached {
            let age = newest.and_then(|it| it.duration_since(used).ok()).unwrap_or_default();
            if n_bytes <= remote.cache_bytes || age.as_secs() < IN_USE_SECONDS {
                break;
            }
            files::remove(&path)?;
            n_bytes -= n_freed;
        }
        Ok(())
    }
}

impl Remote {
    /// The key of a file that would lie at `path` below `root`.
    fn key(&self, root: &Path, path: &Path) -> String {
        let below = path.strip_prefix(root).unwrap_or(path);
        format!("{}{}", self.prefix, below.display())
    }
}

/// Gives a file another name in the file system; whether there was one.
fn move_here(from: &Path, to: &Path) -> Result<bool, LakeError> {
    if !from.exists() {
        return Ok(false);
    }
    if let Some(dir) = to.parent() {
        files::make_dir(dir)?;
    }
    files::rename(from, to)?;
    Ok(true)
}
