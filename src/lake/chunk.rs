//! A chunk of events, staged: known ids dropped, the rest in one part a day.
use std::{collections::BTreeMap, fmt::Write as _, path::Path, sync::Arc};

use arrow::{
    array::{AsArray as _, UInt32Array},
    compute::take_record_batch,
    record_batch::RecordBatch,
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};
use sha2::{Digest as _, Sha256};

use super::{
    IdRun, Lake, LakeError, Part, Rows,
    columns::SCHEMA,
    files::{self, failed},
    ids, part_file, run_file,
};
use crate::{
    events::{Day, Timestamp},
    inputs::EventKey,
};

/// What a chunk became, ready to be committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    /// The parts, one a day.
    pub parts: Vec<Part>,
    /// The runs of the id index that are new.
    pub id_runs: Vec<IdRun>,
    /// The runs that they replace.
    pub retired: Vec<IdRun>,
    /// Parts that do not count any more.
    pub dropped: Vec<Part>,
    /// For each group of rows, in order, how many were there already.
    pub n_duplicates: Vec<u64>,
    /// Hosts of the events that are new, each with the times of the first and the last.
    pub hosts: BTreeMap<String, (Timestamp, Timestamp)>,
}

impl Staged {
    /// The files that are new.
    pub(super) fn file_names(&self) -> Vec<String> {
        self.parts.iter().map(part_file).chain(self.id_runs.iter().map(run_file)).collect()
    }
}

/// One row of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    key: EventKey,
    group: usize,
    at: u32,
}

/// The rows of one day.
#[derive(Debug, Default)]
struct DayRows {
    /// Group -> its rows of the day.
    groups: BTreeMap<usize, Vec<u32>>,
    ids: Sha256,
    n_events: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Lake {
    /// Writes the events of a chunk that are not in the lake yet to the staging area, and waits
    /// until they are on the disk. Where an id comes twice, the first counts. Needs the lock.
    ///
    /// # Errors
    /// Where the file system fails; nothing has happened then that [`Lake::settle`] does not undo.
    pub fn stage(&self, chunk: &[Rows], id_runs: &[IdRun]) -> Result<Staged, LakeError> {
        let mut rows = Vec::with_capacity(chunk.iter().map(Rows::n_events).sum());
        for (group, part) in chunk.iter().enumerate() {
            let keys = (0_u32..).zip(&part.keys);
            rows.extend(keys.map(|(at, (key, _))| Row { key: *key, group, at }));
        }
        rows.sort_unstable();
        let mut n_duplicates = vec![0; chunk.len()];
        let mut repeated = |row: &Row| {
            if let Some(count) = n_duplicates.get_mut(row.group) {
                *count += 1;
            }
        };
        rows.dedup_by(|later, first| {
            let same = later.key == first.key;
            if same {
                repeated(later);
            }
            same
        });
        let keys: Vec<EventKey> = rows.iter().map(|row| row.key).collect();
        let mut is_known = vec![false; keys.len()];
        for run in id_runs {
            ids::look_up(&self.find_run(run)?, run, &keys, |idx| {
                if let Some(flag) = is_known.get_mut(idx) {
                    *flag = true;
                }
            })?;
        }
        let mut flags = is_known.iter();
        rows.retain(|row| {
            let known = flags.next().is_some_and(|flag| *flag);
            if known {
                repeated(row);
            }
            !known
        });
        if rows.is_empty() {
            return Ok(Staged { n_duplicates, ..Staged::default() });
        }

        let fresh: Vec<EventKey> = rows.iter().map(|row| row.key).collect();
        let (id_run, retired) = ids::stage(self, &fresh, id_runs)?;
        let mut parts = Vec::new();
        for (day, rows) in by_day(&rows, chunk) {
            parts.push(self.write_part(day, rows, chunk)?);
        }
        let (id_runs, hosts) = (vec![id_run], hosts_of(&rows, chunk));
        let staged = Staged { parts, id_runs, retired, n_duplicates, hosts, dropped: Vec::new() };
        self.keep_staged(&staged.file_names())?;
        Ok(staged)
    }

    fn write_part(&self, day: Day, rows: DayRows, chunk: &[Rows]) -> Result<Part, LakeError> {
        let mut part = Part {
            day,
            name: name_of(rows.ids),
            n_events: rows.n_events,
            n_bytes: 0,
            first: rows.first.unwrap_or_default(),
            last: rows.last.unwrap_or_default(),
        };
        let path = self.staging_dir().join(part_file(&part));
        let file = files::create(&path)?;
        let mut writer = ArrowWriter::try_new(file, Arc::clone(&SCHEMA), Some(properties()))
            .map_err(|err| write_error(&path, err))?;
        for (group, wanted) in rows.groups {
            let Some(rows) = chunk.get(group) else { continue };
            let batch = select(&rows.batch, wanted)?;
            writer.write(&batch).map_err(|err| write_error(&path, err))?;
        }
        let file = writer.into_inner().map_err(|err| write_error(&path, err))?;
        part.n_bytes = files::sync(&file, &path)?;
        Ok(part)
    }
}

/// The wanted rows of a batch, in its order.
fn select(batch: &RecordBatch, mut wanted: Vec<u32>) -> Result<RecordBatch, LakeError> {
    if wanted.len() == batch.num_rows() {
        return Ok(batch.clone());
    }
    wanted.sort_unstable();
    Ok(take_record_batch(batch, &UInt32Array::from(wanted))?)
}

/// Who the events of these rows are of, with the times of the first and the last.
fn hosts_of(rows: &[Row], chunk: &[Rows]) -> BTreeMap<String, (Timestamp, Timestamp)> {
    let names: Vec<_> = chunk
        .iter()
        .map(|it| it.batch.column_by_name("hostname").and_then(|it| it.as_string_opt::<i32>()))
        .collect();
    let mut hosts: BTreeMap<&str, (Timestamp, Timestamp)> = BTreeMap::new();
    for row in rows {
        let at = row.at as usize;
        let Some(names) = names.get(row.group).copied().flatten() else { continue };
        let Some((_, time)) = chunk.get(row.group).and_then(|it| it.keys.get(at)) else { continue };
        let span = hosts.entry(names.value(at)).or_insert((*time, *time));
        *span = (span.0.min(*time), span.1.max(*time));
    }
    hosts.into_iter().map(|(name, span)| (name.to_owned(), span)).collect()
}

fn by_day(rows: &[Row], chunk: &[Rows]) -> BTreeMap<Day, DayRows> {
    let mut days: BTreeMap<Day, DayRows> = BTreeMap::new();
    for row in rows {
        let time = chunk.get(row.group).and_then(|group| group.keys.get(row.at as usize));
        let Some((key, at)) = time else { continue };
        let day = days.entry(at.day()).or_default();
        day.groups.entry(row.group).or_default().push(row.at);
        day.ids.update(key.0.to_be_bytes());
        day.n_events += 1;
        day.first = Some(day.first.map_or(*at, |first| first.min(*at)));
        day.last = day.last.max(Some(*at));
    }
    days
}

/// A name from what went into `hasher`: 128 bits, hexadecimal.
pub(super) fn name_of(hasher: Sha256) -> String {
    let digest: [u8; 32] = hasher.finalize().into();
    digest.iter().take(16).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

pub(super) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_dictionary_enabled(ColumnPath::from("event_id"), false)
        .set_column_dictionary_enabled(ColumnPath::from("timestamp"), false)
        .set_column_encoding(ColumnPath::from("timestamp"), Encoding::DELTA_BINARY_PACKED)
        .set_created_by("policy-advisor".to_owned())
        .build()
}

pub(super) fn write_error(path: &Path, err: ParquetError) -> LakeError {
    match err {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => failed("write", path)(*source),
            Err(source) => LakeError::Parquet {
                act: "write",
                path: path.to_owned(),
                source: ParquetError::External(source),
            },
        },
        source => LakeError::Parquet { act: "write", path: path.to_owned(), source },
    }
}
