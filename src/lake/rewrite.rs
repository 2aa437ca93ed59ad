//! Parts written again: small ones together, or without the events of a host, a session or roles.
use std::{collections::BTreeSet, path::Path, sync::Arc};

use arrow::{
    array::{Array as _, AsArray as _, BooleanArray, RecordBatch, new_null_array},
    compute::filter_record_batch,
    datatypes::{Int64Type, TimestampMicrosecondType},
};
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};
use sha2::{Digest as _, Sha256};

use super::{
    Lake, LakeError, Part, Staged,
    chunk::{name_of, properties, write_error},
    columns::{SCHEMA, column, keys_of},
    files, part_file,
};
use crate::{
    events::{Day, Timestamp},
    inputs::EventKey,
};

/// A part with fewer bytes is small: readers open many of them for little.
const SMALL_BYTES: u64 = 8 * 1024 * 1024;

/// So many small parts of one day are worth writing again.
const WORTH_IT: usize = 4;

/// A part that is written again holds at most so many events.
const MAX_EVENTS: u64 = 1_000_000;

/// Whose events are to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All events of a host.
    Host(String),
    /// All events of a session, on whichever host.
    Session(String),
}

impl Subject {
    const fn column(&self) -> &'static str {
        match self {
            Self::Host(_) => "hostname",
            Self::Session(_) => "session_id",
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Host(name) | Self::Session(name) => name,
        }
    }
}

/// Roles whose events are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles<'a> {
    /// Those that are told apart.
    pub known: &'a BTreeSet<String>,
    /// Those of them that are to go; an empty name for all that are not known.
    pub go: &'a BTreeSet<String>,
}

/// The rows that go.
#[derive(Clone, Copy, Debug)]
enum Without<'a> {
    Subject(&'a Subject),
    Roles(&'a Roles<'a>),
}

impl Without<'_> {
    const fn column(&self) -> &'static str {
        match self {
            Self::Subject(subject) => subject.column(),
            Self::Roles(_) => "role",
        }
    }

    fn goes(&self, value: &str) -> bool {
        match self {
            Self::Subject(subject) => value == subject.name(),
            Self::Roles(roles) => {
                roles.go.contains(if roles.known.contains(value) { value } else { "" })
            }
        }
    }
}

/// Groups of small parts, each of one day, that are worth being one.
pub fn small_parts(parts: &[Part]) -> Vec<Vec<Part>> {
    let mut small: Vec<&Part> = parts.iter().filter(|it| it.n_bytes < SMALL_BYTES).collect();
    small.sort();
    let mut groups: Vec<Vec<Part>> = Vec::new();
    let mut n_events = 0;
    for part in small {
        match groups.last_mut() {
            Some(group)
                if group.first().is_some_and(|it| it.day == part.day)
                    && n_events + part.n_events <= MAX_EVENTS =>
            {
                group.push(part.clone());
                n_events += part.n_events;
            }
            _ => {
                groups.push(vec![part.clone()]);
                n_events = part.n_events;
            }
        }
    }
    groups.retain(|it| it.len() >= WORTH_IT);
    groups
}

impl Lake {
    /// Stages one part in the place of several of one day. Needs the lock.
    ///
    /// # Errors
    /// Where a part cannot be read, or the file system fails.
    pub fn stage_together(&self, parts: &[Part]) -> Result<Staged, LakeError> {
        let mut staged = Staged { dropped: parts.to_vec(), ..Staged::default() };
        let day = parts.first().map(|it| it.day).unwrap_or_default();
        staged.parts.extend(self.rewrite(day, parts, None)?);
        self.keep_staged(&staged.file_names())?;
        Ok(staged)
    }

    /// Stages the parts that hold events of `subject` without them; gives how many events go. Needs
    /// the lock.
    ///
    /// # Errors
    /// Where a part cannot be read, or the file system fails.
    pub fn stage_without(
        &self,
        parts: &[Part],
        subject: &Subject,
    ) -> Result<(Staged, u64), LakeError> {
        self.stage_rest(parts, Without::Subject(subject))
    }

    /// Stages the parts that hold events of roles without them; gives how many events go. Needs the
    /// lock.
    ///
    /// # Errors
    /// Where a part cannot be read, or the file system fails.
    pub fn stage_without_roles(
        &self,
        parts: &[Part],
        roles: &Roles<'_>,
    ) -> Result<(Staged, u64), LakeError> {
        self.stage_rest(parts, Without::Roles(roles))
    }

    fn stage_rest(&self, parts: &[Part], without: Without<'_>) -> Result<(Staged, u64), LakeError> {
        let mut staged = Staged::default();
        let mut n_erased = 0;
        for part in parts {
            let one = std::slice::from_ref(part);
            let rest = self.rewrite(part.day, one, Some(without))?;
            let n_left = rest.as_ref().map_or(0, |it| it.n_events);
            if n_left == part.n_events {
                // What was staged for nothing is no part of any commit.
                if let Some(rest) = rest {
                    files::remove(&self.staging_dir().join(part_file(&rest)))?;
                }
                continue;
            }
            n_erased += part.n_events - n_left;
            staged.dropped.push(part.clone());
            staged.parts.extend(rest);
        }
        self.keep_staged(&staged.file_names())?;
        Ok((staged, n_erased))
    }

    /// The events of `parts`, without those of a subject, as one staged part; `None` where none are
    /// left.
    fn rewrite(
        &self,
        day: Day,
        parts: &[Part],
        without: Option<Without<'_>>,
    ) -> Result<Option<Part>, LakeError> {
        let staged = self.staging_dir().join("rewriting.tmp");
        let file = files::create(&staged)?;
        let mut writer = ArrowWriter::try_new(file, Arc::clone(&SCHEMA), Some(properties()))
            .map_err(|err| write_error(&staged, err))?;
        let mut told = Told::default();
        for part in parts {
            let path = self.find(part)?;
            let failed = |source| LakeError::Parquet { act: "read", path: path.clone(), source };
            let reader = ParquetRecordBatchReaderBuilder::try_new(files::open(&path)?)
                .and_then(ParquetRecordBatchReaderBuilder::build)
                .map_err(failed)?;
            for batch in reader {
                let batch = match without {
                    Some(without) => left(&batch?, without)?,
                    None => batch?,
                };
                if batch.num_rows() > 0 {
                    let batch = as_now(&batch)?;
                    told.add(&batch)?;
                    writer.write(&batch).map_err(|err| write_error(&staged, err))?;
                }
            }
        }
        let file = writer.into_inner().map_err(|err| write_error(&staged, err))?;
        let n_bytes = files::sync(&file, &staged)?;
        told.into_part(day, n_bytes).map_or_else(
            || files::remove(&staged).map(|()| None),
            |part| self.name_staged(&staged, part).map(Some),
        )
    }

    fn name_staged(&self, staged: &Path, part: Part) -> Result<Part, LakeError> {
        files::rename(staged, &self.staging_dir().join(part_file(&part)))?;
        Ok(part)
    }
}

/// What is known of the events that were written.
#[derive(Debug, Default)]
struct Told {
    keys: Vec<EventKey>,
    span: Option<(Timestamp, Timestamp)>,
}

impl Told {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.keys.extend(keys_of(batch)?);
        let times = column(batch, "timestamp")?;
        let times =
            times.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>();
        for at in times.iter().flatten().map(Timestamp) {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
        }
        Ok(())
    }

    /// The part, `None` where no event was written.
    fn into_part(mut self, day: Day, n_bytes: u64) -> Option<Part> {
        let (first, last) = self.span?;
        self.keys.sort_unstable();
        // Other names than those of parts that ingest makes, also where the events are the same.
        let mut hasher = Sha256::new_with_prefix(b"rewritten");
        for key in &self.keys {
            hasher.update(key.0.to_be_bytes());
        }
        let n_events = self.keys.len() as u64;
        Some(Part { day, name: name_of(hasher), n_events, n_bytes, first, last })
    }
}

/// The rows that stay.
fn left(batch: &RecordBatch, without: Without<'_>) -> Result<RecordBatch, LakeError> {
    let names = column(batch, without.column())?.as_string::<i32>();
    let keep: BooleanArray = (0..names.len())
        .map(|idx| Some(names.is_null(idx) || !without.goes(names.value(idx))))
        .collect();
    Ok(filter_record_batch(batch, &keep)?)
}

/// A batch with the columns of today; what it does not have yet is null.
fn as_now(batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let columns = SCHEMA.fields().iter().map(|field| {
        let missing = || new_null_array(field.data_type(), batch.num_rows());
        batch.column_by_name(field.name()).cloned().unwrap_or_else(missing)
    });
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns.collect())?)
}
