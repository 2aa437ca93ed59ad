//! Rollups: what was done a day, by role, environment and shape, in Parquet; kept longer than events.
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use arrow::{
    array::{
        Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::{
        DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
    },
};
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};
use sha2::{Digest as _, Sha256};

use super::{
    Lake, LakeError, Manifest, Publish,
    chunk::{name_of, properties, write_error},
    files,
    place::There,
};
use crate::events::{Day, EventType, Outcome, Timestamp};

/// The committed rollup of a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rollup {
    /// The day.
    pub day: Day,
    /// Name of the file without its ending; made from its rows.
    pub name: String,
    /// How many rows.
    pub n_rows: u64,
    /// Size of the file.
    pub n_bytes: u64,
}

/// What the events of one row have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RollupKey {
    /// The role.
    pub role: String,
    /// What `{{env}}` is on the host; `None` where it is nothing.
    pub environment: Option<String>,
    /// Commands or MCP calls.
    pub event_type: EventType,
    /// The binary; `None` for MCP calls.
    pub binary: Option<String>,
    /// Words of the subcommand, joined by blanks; `None` where there is none.
    pub subcommand: Option<String>,
    /// The shape, or `server/tool`; `None` for all shapes of a binary past the bound of a day.
    pub shape: Option<String>,
    /// What the enforcement agent said.
    pub decision: Outcome,
}

/// One row of a rollup.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RollupRow {
    /// What it counts.
    pub key: RollupKey,
    /// Events in which the shape occurs, at least once each.
    pub n_events: u64,
    /// Hosts on which it did.
    pub n_hosts: u64,
    /// Sessions in which it did; events without one share the empty session of their host.
    pub n_sessions: u64,
    /// Time of the first event.
    pub first: Timestamp,
    /// Time of the last event.
    pub last: Timestamp,
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let count = |name: &str| Field::new(name, DataType::Int64, false);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        text("role", false),
        text("environment", true),
        text("event_type", false),
        text("binary", true),
        text("subcommand", true),
        text("shape", true),
        text("decision", false),
        count("events"),
        count("hosts"),
        count("sessions"),
        Field::new("first_seen", instant.clone(), false),
        Field::new("last_seen", instant, false),
    ]))
});

impl Lake {
    /// Stages the rollup of a day, and waits until it is on the disk. Needs the lock.
    ///
    /// # Errors
    /// Where the file system fails.
    pub fn stage_rollup(&self, day: Day, rows: &[RollupRow]) -> Result<Rollup, LakeError> {
        let batch = batch(rows)?;
        let name = name(day, rows);
        let path = self.staging_dir().join(rollup_file(&name));
        let mut writer =
            ArrowWriter::try_new(files::create(&path)?, Arc::clone(&SCHEMA), Some(properties()))
                .map_err(|err| write_error(&path, err))?;
        writer.write(&batch).map_err(|err| write_error(&path, err))?;
        let file = writer.into_inner().map_err(|err| write_error(&path, err))?;
        let n_bytes = files::sync(&file, &path)?;
        self.keep_staged(&[rollup_file(&name)])?;
        Ok(Rollup { day, name, n_rows: rows.len() as u64, n_bytes })
    }

    /// Gives a committed rollup its name, and takes every other one of the day away. Needs the lock.
    ///
    /// # Errors
    /// Where the file system fails; the next [`Lake::settle`] makes up for it.
    pub fn publish_rollup(&self, day: Day, rollup: Option<&Rollup>) -> Result<(), LakeError> {
        if let Some(rollup) = rollup {
            self.settle_rollup(&There::UNKNOWN, rollup)?;
        }
        let dir = self.rollups_dir().join(format!("date={day}"));
        self.clear(&dir, |name| rollup.is_some_and(|it| rollup_file(&it.name) == name))?;
        files::remove_if_empty(&dir);
        Ok(())
    }

    /// The rows of a committed rollup, sorted.
    ///
    /// # Errors
    /// Where it is gone or cannot be read.
    pub fn rollup_rows(&self, rollup: &Rollup) -> Result<Vec<RollupRow>, LakeError> {
        let path = self.find_rollup(rollup)?;
        let failed = |source| LakeError::Parquet { act: "read", path: path.clone(), source };
        let reader = ParquetRecordBatchReaderBuilder::try_new(files::open(&path)?)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(failed)?;
        let mut rows = Vec::new();
        for batch in reader {
            read(&batch?, &mut rows)?;
        }
        Ok(rows)
    }

    /// Puts the rollups in order, as [`Lake::settle`] does the parts; gives those that are gone, and
    /// how many files of no day that has one.
    pub(super) fn settle_rollups(
        &self,
        there: &There,
        manifest: &Manifest,
    ) -> Result<(Vec<Rollup>, usize), LakeError> {
        let mut lost = Vec::new();
        for rollup in &manifest.rollups {
            if self.settle_rollup(there, rollup)? == Publish::Gone {
                lost.push(rollup.clone());
            }
        }
        let mut n_unknown = 0;
        for path in there.below(&self.rollups_dir())? {
            let of_day =
                manifest.rollups.iter().find(|it| path.parent() == self.rollup_path(it).parent());
            match of_day {
                Some(rollup) if path == self.rollup_path(rollup) => (),
                // What a writer replaced, and was killed before it could take it away.
                Some(_) => self.remove(&path)?,
                None => n_unknown += 1,
            }
        }
        Ok((lost, n_unknown))
    }

    /// Where a committed rollup lies now.
    pub(super) fn find_rollup(&self, rollup: &Rollup) -> Result<PathBuf, LakeError> {
        let staged = self.staging_dir().join(rollup_file(&rollup.name));
        let public = self.rollup_path(rollup);
        // Looked for twice at its place, because a writer may rename it in between.
        let places = [public.clone(), staged, public];
        self.here(&places, rollup.n_bytes)?.ok_or(LakeError::LostRollup { day: rollup.day })
    }

    /// Whether a committed rollup is there.
    pub(super) fn has_rollup(&self, there: &There, rollup: &Rollup) -> bool {
        let staged = self.staging_dir().join(rollup_file(&rollup.name));
        there.has(&self.rollup_path(rollup)) || there.has(&staged)
    }

    fn settle_rollup(&self, there: &There, rollup: &Rollup) -> Result<Publish, LakeError> {
        self.publish_file(there, &rollup_file(&rollup.name), &self.rollup_path(rollup))
    }

    pub(super) fn rollups_dir(&self) -> PathBuf {
        self.root.join("rollups")
    }

    pub(super) fn rollup_path(&self, rollup: &Rollup) -> PathBuf {
        let dir = self.rollups_dir().join(format!("date={}", rollup.day));
        dir.join(rollup_file(&rollup.name))
    }
}

fn rollup_file(name: &str) -> String {
    format!("{name}.parquet")
}

/// A name from what the rows say.
fn name(day: Day, rows: &[RollupRow]) -> String {
    let mut hasher = Sha256::new_with_prefix(b"rollup");
    hasher.update(day.0.to_be_bytes());
    let mut text = |text: Option<&str>| {
        let len = text.map_or(u64::MAX, |it| it.len() as u64);
        hasher.update(len.to_be_bytes());
        hasher.update(text.unwrap_or_default());
    };
    for RollupRow { key, n_events, n_hosts, n_sessions, first, last } in rows {
        text(Some(&key.role));
        text(key.environment.as_deref());
        text(Some(key.event_type.as_str()));
        text(key.binary.as_deref());
        text(key.subcommand.as_deref());
        text(key.shape.as_deref());
        text(Some(key.decision.as_str()));
        text(Some(&format!("{n_events} {n_hosts} {n_sessions} {} {}", first.0, last.0)));
    }
    name_of(hasher)
}

fn batch(rows: &[RollupRow]) -> Result<RecordBatch, LakeError> {
    let text = |of: &dyn Fn(&RollupKey) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(&row.key)).collect::<StringArray>())
    };
    let count = |of: &dyn Fn(&RollupRow) -> u64| -> ArrayRef {
        let counts = rows.iter().map(|row| i64::try_from(of(row)).unwrap_or(i64::MAX));
        Arc::new(Int64Array::from_iter_values(counts))
    };
    let instant = |of: &dyn Fn(&RollupRow) -> Timestamp| -> ArrayRef {
        let times = rows.iter().map(|row| of(row).0);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let columns = vec![
        text(&|key| Some(key.role.clone())),
        text(&|key| key.environment.clone()),
        text(&|key| Some(key.event_type.as_str().to_owned())),
        text(&|key| key.binary.clone()),
        text(&|key| key.subcommand.clone()),
        text(&|key| key.shape.clone()),
        text(&|key| Some(key.decision.as_str().to_owned())),
        count(&|row| row.n_events),
        count(&|row| row.n_hosts),
        count(&|row| row.n_sessions),
        instant(&|row| row.first),
        instant(&|row| row.last),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
}

fn read(batch: &RecordBatch, rows: &mut Vec<RollupRow>) -> Result<(), LakeError> {
    let mut columns: BTreeMap<&str, &ArrayRef> = BTreeMap::new();
    for field in SCHEMA.fields() {
        let missing = || format!("no column `{}` in a rollup", field.name());
        let column = batch.column_by_name(field.name());
        let column = column.ok_or_else(|| arrow::error::ArrowError::SchemaError(missing()))?;
        columns.insert(field.name(), column);
    }
    let text = |name: &str, idx: usize| {
        let column = columns.get(name)?.as_string_opt::<i32>()?;
        (!column.is_null(idx)).then(|| column.value(idx).to_owned())
    };
    let count = |name: &str, idx: usize| {
        let column = columns.get(name).and_then(|it| it.as_primitive_opt::<Int64Type>());
        column.map_or(0, |it| it.value(idx).unsigned_abs())
    };
    let instant = |name: &str, idx: usize| {
        let column =
            columns.get(name).and_then(|it| it.as_primitive_opt::<TimestampMicrosecondType>());
        Timestamp(column.map_or(0, |it| it.value(idx)))
    };
    for idx in 0..batch.num_rows() {
        let word = |name: &str| text(name, idx).unwrap_or_default();
        let bad =
            |what: &str| arrow::error::ArrowError::ParseError(format!("`{what}` in a rollup"));
        let (event_type, decision) = (word("event_type"), word("decision"));
        rows.push(RollupRow {
            key: RollupKey {
                role: word("role"),
                environment: text("environment", idx),
                event_type: EventType::parse(&event_type).ok_or_else(|| bad(&event_type))?,
                binary: text("binary", idx),
                subcommand: text("subcommand", idx),
                shape: text("shape", idx),
                decision: Outcome::parse(&decision).ok_or_else(|| bad(&decision))?,
            },
            n_events: count("events", idx),
            n_hosts: count("hosts", idx),
            n_sessions: count("sessions", idx),
            first: instant("first_seen", idx),
            last: instant("last_seen", idx),
        });
    }
    Ok(())
}
