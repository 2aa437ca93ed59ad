//! Events in Parquet: parts by day, an index of the event ids, and what is read back for analysis.
//!
//! ```text
//! lake/events/date=2026-01-05/<name>.parquet   a part: events of one day
//! lake/ids/<name>.keys                         a run: sorted keys of events, by host and id
//! lake/rollups/date=2026-01-05/<name>.parquet  what was done that day, by role, environment and shape
//! lake/staging/                                what is not committed yet
//! lake/dropped/                                what does not count any more, for those who still read
//! lake/lock                                    one writer at a time
//! ```
//!
//! **The manifest is the truth.** It lists the committed parts and runs, and lives in the store, so
//! that it changes in the same transaction as the checkpoints of the files the events came from.
//! A chunk of events goes this way:
//!
//! 1. its parts and its run are written to `staging/` and synced, the directory too;
//! 2. the store commits the chunk: from here on it counts;
//! 3. the files are renamed into place, and runs that were merged away are deleted.
//!
//! A kill before 2 leaves files that no manifest names: [`Lake::settle`] deletes them, and the
//! events are read again. A kill after 2 leaves committed files in `staging/`: whoever comes next
//! renames them. Neither loses or doubles an event.
//!
//! What is to go (retention, small parts that become one, events that are erased) goes the same way:
//! the commit takes it out of the manifest and notes it as dropped, then its files leave the public
//! glob. A kill in between leaves files that are noted as dropped: the next writer takes them away.
//! Files of parts that were merged lie in `dropped/` for an hour, for readers who began before.
//!
//! A lake in a bucket has the same files under the same names, see `place`; the lock is a file here, and
//! writers on other machines are told apart by the generation of the manifest.
//!
//! Our own readers take parts from the manifest and find them under either name. Outside readers
//! glob `lake/events/date=*/*.parquet`; they never see a part before its commit, whole or in pieces.
//! Between a commit and its renames (microseconds, or until the next start after a kill) they may
//! miss parts that are committed already.
mod audit;
mod chunk;
mod columns;
mod error;
mod files;
mod ids;
mod place;
mod rebuild;
mod rewrite;
mod rollups;
mod scan;
mod tallies;
mod view;

use std::path::{Path, PathBuf};

pub use audit::{Column, Filter, Test};
pub use chunk::Staged;
pub use columns::{Columns, Rows};
pub use error::LakeError;
pub use files::Lock;
pub use rewrite::{Roles, Subject, small_parts};
pub use rollups::{Rollup, RollupKey, RollupRow};
pub use scan::{Overview, Window};
pub use tallies::{Activity, Room};
pub use view::{Record, View};

use self::place::There;
use crate::events::{Day, Timestamp};

/// The lake, in a data directory or in a bucket.
#[derive(Clone, Debug)]
pub struct Lake {
    /// Where its files are, or are kept for a while.
    root: PathBuf,
    /// Whether work that a killed writer left may be ended on the way.
    may_write: bool,
    /// Where they are for good, where that is a bucket.
    remote: Option<place::Remote>,
}

/// A committed Parquet file: events of one day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The day.
    pub day: Day,
    /// Name of the file without its ending; made from the ids of its events.
    pub name: String,
    /// How many events.
    pub n_events: u64,
    /// Size of the file.
    pub n_bytes: u64,
    /// Time of its first event.
    pub first: Timestamp,
    /// Time of its last event.
    pub last: Timestamp,
}

/// A committed run of the id index: sorted keys, each once in all runs together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdRun {
    /// Name of the file without its ending; made from its keys.
    pub name: String,
    /// How many keys.
    pub n_ids: u64,
}

/// What is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Counts up with every commit; a writer that knows an older one has been overtaken.
    pub generation: u64,
    /// The parts, sorted.
    pub parts: Vec<Part>,
    /// The runs of the id index.
    pub id_runs: Vec<IdRun>,
    /// Parts that do not count any more, and whose files may still be there.
    pub dropped: Vec<Dropped>,
    /// The rollups, one a day.
    pub rollups: Vec<Rollup>,
}

/// A part that does not count any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// Its day.
    pub day: Day,
    /// Its name.
    pub name: String,
    /// Until when those who began to read before may go on; past for what is to be erased at once.
    pub readable_until: Timestamp,
}

/// What [`Lake::settle`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Committed files that a killed run had not renamed.
    pub n_renamed: usize,
    /// Files of killed runs that were never committed.
    pub n_removed: usize,
    /// Committed parts that are nowhere to be found.
    pub lost: Vec<Part>,
    /// Parts that did not count any more and whose files are gone now.
    pub gone: Vec<Dropped>,
    /// Runs of the id index that are gone or damaged; see [`Lake::rebuild_ids`].
    pub lost_ids: Vec<IdRun>,
    /// Rollups that are nowhere to be found.
    pub lost_rollups: Vec<Rollup>,
    /// How many parts and rollups lie in the lake that no manifest names: they count for nobody but outside
    /// readers.
    pub n_unknown: usize,
}

/// What [`Lake::inspect`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Committed parts that are nowhere to be found.
    pub lost: Vec<Part>,
    /// Runs of the id index that are gone or damaged.
    pub lost_ids: Vec<IdRun>,
    /// Rollups that are nowhere to be found.
    pub lost_rollups: Vec<Rollup>,
    /// How many files the next writer puts in place or takes away.
    pub n_unfinished: usize,
    /// How many parts lie in the lake that no manifest names.
    pub n_unknown: usize,
}

impl Lake {
    /// The lake in `data_dir`, its directories made where they are missing, private to the owner.
    ///
    /// # Errors
    /// Where they cannot be made.
    pub fn open(data_dir: &Path) -> Result<Self, LakeError> {
        Self::at(data_dir).to_write()
    }

    /// The same lake to write to, its directories made where they are missing, private to the owner.
    ///
    /// # Errors
    /// Where they cannot be made.
    pub fn to_write(self) -> Result<Self, LakeError> {
        let lake = Self { may_write: true, ..self };
        for dir in [&lake.events_dir(), &lake.ids_dir(), &lake.rollups_dir(), &lake.staging_dir()] {
            files::make_dir(dir)?;
        }
        Ok(lake)
    }

    /// The lake in `data_dir` as it is, to read from.
    pub fn at(data_dir: &Path) -> Self {
        Self { root: data_dir.join("lake"), may_write: false, remote: None }
    }

    /// Waits for the right to write; it ends with the value, or with the process.
    ///
    /// `waiting` is called where somebody else has it.
    ///
    /// # Errors
    /// Where the lock file cannot be made or locked.
    pub fn lock(&self, waiting: impl FnOnce()) -> Result<Lock, LakeError> {
        files::lock(&self.root.join("lock"), waiting)
    }

    /// Makes sure that the lake belongs to the store whose manifest it is.
    ///
    /// # Errors
    /// Where there are parts, and the store knows of none, or the file system fails.
    pub fn refuse_foreign(&self, manifest: &Manifest) -> Result<(), LakeError> {
        if manifest.generation > 0 {
            return Ok(());
        }
        let n_parts = self.there()?.below(&self.events_dir())?.len();
        if n_parts > 0 {
            return Err(LakeError::Foreign { path: self.place(), n_parts });
        }
        Ok(())
    }

    /// Puts the lake in order after whatever happened to the last writer: committed files get their
    /// names, files of no commit are deleted. Needs the lock.
    ///
    /// # Errors
    /// Where the file system fails, or the lake belongs to another store.
    pub fn settle(&self, manifest: &Manifest, now: Timestamp) -> Result<Settled, LakeError> {
        let mut settled = Settled::default();
        self.refuse_foreign(manifest)?;
        let there = self.there()?;
        let mut found = there.below(&self.events_dir())?;
        for dropped in &manifest.dropped {
            // Events that were erased may have come back as the same part.
            if manifest.parts.iter().any(|part| part.name == dropped.name) {
                continue;
            }
            let was_public = found.remove(&self.public_path(dropped.day, &dropped.name));
            settled.n_removed += usize::from(was_public);
            if self.take_away(dropped, now)? {
                settled.gone.push(dropped.clone());
            }
        }
        for part in &manifest.parts {
            if found.remove(&self.part_path(part)) {
                continue;
            }
            match self.publish_part(&there, part)? {
                Publish::Renamed => settled.n_renamed += 1,
                Publish::InPlace => (),
                Publish::Gone => settled.lost.push(part.clone()),
            }
        }
        settled.n_unknown = found.len();
        if !settled.lost.is_empty() && settled.lost.len() == manifest.parts.len() {
            let n_parts = settled.lost.len();
            return Err(LakeError::Elsewhere { path: self.place(), n_parts });
        }
        for run in &manifest.id_runs {
            if self.publish_run(&there, run)? == Publish::Renamed {
                settled.n_renamed += 1;
            }
            if !self.is_run_whole(&there, run) {
                settled.lost_ids.push(run.clone());
            }
        }
        let (lost_rollups, n_unknown) = self.settle_rollups(&there, manifest)?;
        settled.lost_rollups = lost_rollups;
        settled.n_unknown += n_unknown;
        settled.n_removed += self.clear(&self.staging_dir(), |_| false)?;
        settled.n_removed += self.clear(&self.ids_dir(), |name| {
            manifest.id_runs.iter().any(|run| run_file(run) == name)
        })?;
        self.tidy_cache(manifest, now)?;
        Ok(settled)
    }

    /// What [`Lake::settle`] would find, with nothing changed. Needs no lock; a writer at work looks
    /// like work that is left.
    ///
    /// # Errors
    /// Where the file system fails.
    pub fn inspect(&self, manifest: &Manifest) -> Result<Inspection, LakeError> {
        let mut res = Inspection::default();
        let there = self.there()?;
        let mut found = there.below(&self.events_dir())?;
        for part in &manifest.parts {
            if found.remove(&self.part_path(part)) {
                continue;
            }
            if there.has(&self.staging_dir().join(part_file(part))) {
                res.n_unfinished += 1;
            } else {
                res.lost.push(part.clone());
            }
        }
        for dropped in &manifest.dropped {
            let was_public = found.remove(&self.public_path(dropped.day, &dropped.name));
            res.n_unfinished += usize::from(was_public);
        }
        res.n_unknown = found.len();
        for run in &manifest.id_runs {
            if !self.is_run_whole(&there, run) {
                res.lost_ids.push(run.clone());
            }
        }
        let lost = manifest.rollups.iter().filter(|it| !self.has_rollup(&there, it));
        res.lost_rollups = lost.cloned().collect();
        Ok(res)
    }

    /// Copies what is committed to the data directory `to`, in which there is no lake yet. Needs the lock.
    ///
    /// # Errors
    /// Where a part is gone, or the file system fails.
    pub fn copy_to(&self, manifest: &Manifest, to: &Path) -> Result<(), LakeError> {
        let copy = Self::open(to)?;
        for part in &manifest.parts {
            let target = copy.part_path(part);
            files::make_dir(target.parent().unwrap_or(&target))?;
            files::copy(&self.find(part)?, &target)?;
        }
        for rollup in &manifest.rollups {
            // One that is lost is made anew by the next run.
            if let Ok(path) = self.find_rollup(rollup) {
                let target = copy.rollup_path(rollup);
                files::make_dir(target.parent().unwrap_or(&target))?;
                files::copy(&path, &target)?;
            }
        }
        for run in &manifest.id_runs {
            // One that is lost is made anew by the first ingest.
            if let Ok(path) = self.find_run(run) {
                files::copy(&path, &copy.run_path(run))?;
            }
        }
        Ok(())
    }

    /// How much room there is on the file system of the data directory, in bytes.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn free_bytes(&self) -> Result<u64, LakeError> {
        let dir = self.root.parent().unwrap_or(&self.root);
        files::free_bytes(dir)
    }

    /// Gives committed files their names, and deletes what they replace.
    ///
    /// # Errors
    /// Where the file system fails; the next [`Lake::settle`] makes up for it.
    pub fn publish(&self, staged: &Staged) -> Result<(), LakeError> {
        for part in &staged.parts {
            self.publish_part(&There::UNKNOWN, part)?;
        }
        for run in &staged.id_runs {
            self.publish_run(&There::UNKNOWN, run)?;
        }
        for run in &staged.retired {
            self.remove(&self.run_path(run))?;
        }
        self.bound_cache(0)
    }

    /// Takes a part that does not count any more out of the public glob, and deletes it where nobody
    /// may still read it; whether it is deleted. Needs the lock.
    ///
    /// # Errors
    /// Where the file system fails; the next [`Lake::settle`] makes up for it.
    pub fn take_away(&self, dropped: &Dropped, now: Timestamp) -> Result<bool, LakeError> {
        let public = self.public_path(dropped.day, &dropped.name);
        let aside = self.aside_path(&dropped.name);
        let is_over = dropped.readable_until <= now;
        if is_over {
            self.remove(&public)?;
            self.remove(&aside)?;
        } else {
            self.move_file(&public, &aside)?;
        }
        if let Some(dir) = public.parent() {
            files::remove_if_empty(dir);
        }
        Ok(is_over)
    }

    /// Where a committed part lies now.
    ///
    /// # Errors
    /// Where it is gone.
    fn find(&self, part: &Part) -> Result<PathBuf, LakeError> {
        // A reader that may write finishes the rename, so that the file stays where it was found.
        if self.may_write && !self.is_in_bucket() {
            let _ = self.publish_part(&There::UNKNOWN, part);
        }
        let (staged, path) = (self.staging_dir().join(part_file(part)), self.part_path(part));
        // Looked for twice at its place, because a writer may rename it in between.
        let aside = self.aside_path(&part.name);
        let places = [path.clone(), staged, path, aside];
        let found = self.here(&places, part.n_bytes)?;
        found.ok_or_else(|| LakeError::Lost { name: part.name.clone(), day: part.day })
    }

    /// Where a committed run of the id index lies now.
    ///
    /// # Errors
    /// Where it is gone.
    fn find_run(&self, run: &IdRun) -> Result<PathBuf, LakeError> {
        let path = self.run_path(run);
        let places = [path.clone(), self.staging_dir().join(run_file(run))];
        self.here(&places, ids::n_bytes(run))?.ok_or(LakeError::LostIds { path })
    }

    fn publish_part(&self, there: &There, part: &Part) -> Result<Publish, LakeError> {
        self.publish_file(there, &part_file(part), &self.part_path(part))
    }

    fn publish_run(&self, there: &There, run: &IdRun) -> Result<Publish, LakeError> {
        self.publish_file(there, &run_file(run), &self.run_path(run))
    }

    fn publish_file(&self, there: &There, name: &str, path: &Path) -> Result<Publish, LakeError> {
        let staged = self.staging_dir().join(name);
        if let Some(remote) = &self.remote {
            return self.publish_object(remote, there, &staged, path);
        }
        if !staged.exists() {
            return Ok(if path.exists() { Publish::InPlace } else { Publish::Gone });
        }
        if let Some(dir) = path.parent() {
            files::make_dir(dir)?;
        }
        match std::fs::rename(&staged, path) {
            Ok(()) => Ok(Publish::Renamed),
            // Somebody else was faster.
            Err(_) if path.exists() => Ok(Publish::InPlace),
            Err(source) => Err(LakeError::Io { act: "rename", path: staged, source }),
        }
    }

    fn events_dir(&self) -> PathBuf {
        self.root.join("events")
    }

    fn ids_dir(&self) -> PathBuf {
        self.root.join("ids")
    }

    fn staging_dir(&self) -> PathBuf {
        self.root.join("staging")
    }

    fn part_path(&self, part: &Part) -> PathBuf {
        self.public_path(part.day, &part.name)
    }

    fn public_path(&self, day: Day, name: &str) -> PathBuf {
        self.events_dir().join(format!("date={day}")).join(format!("{name}.parquet"))
    }

    fn aside_path(&self, name: &str) -> PathBuf {
        self.root.join("dropped").join(format!("{name}.parquet"))
    }

    fn run_path(&self, run: &IdRun) -> PathBuf {
        self.ids_dir().join(run_file(run))
    }
}

/// What became of a committed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Publish {
    Renamed,
    InPlace,
    Gone,
}

fn part_file(part: &Part) -> String {
    format!("{}.parquet", part.name)
}

fn run_file(run: &IdRun) -> String {
    format!("{}.keys", run.name)
}
