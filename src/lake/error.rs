//! Why a lake did not do what it was asked, and what to do.
use std::{io, path::PathBuf};

use crate::{events::Day, objects::ObjectError};

/// Why the lake did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The file system failed.
    #[error("cannot {act} `{}`{}", path.display(), hint(source))]
    Io {
        /// What was tried.
        act: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The bucket failed.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// Events do not become Parquet, or Parquet no events.
    #[error("cannot {act} `{}`{}", path.display(), parquet_hint(source))]
    Parquet {
        /// What was tried.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// Parquet does not become events.
    #[error("cannot read the lake at `{}`\nhint: `advisor doctor` looks for what is wrong", path.display())]
    Read {
        /// The lake.
        path: PathBuf,
        /// Why.
        source: Box<polars::prelude::PolarsError>,
    },
    /// Columns do not fit together.
    #[error("the columns of the lake do not fit together")]
    Columns(#[from] arrow::error::ArrowError),
    /// There are events, and a store that knows nothing of them.
    #[error(
        "the lake at `{}` holds {n_parts} parts, and this store knows none of them\n\
         hint: name the store that they belong to, or move the lake away",
        path.display()
    )]
    Foreign {
        /// The lake.
        path: PathBuf,
        /// How many parts.
        n_parts: usize,
    },
    /// There is a store that knows events, and a lake without any.
    #[error(
        "this store knows {n_parts} parts, and the lake at `{}` holds none of them\n\
         hint: name the data directory in which they are",
        path.display()
    )]
    Elsewhere {
        /// The lake.
        path: PathBuf,
        /// How many parts.
        n_parts: usize,
    },
    /// There is more activity than is held at a time.
    #[error(
        "there is more activity than can be looked at together\n\
         hint: look at less of it: `--from {}`",
        since.start()
    )]
    TooMuch {
        /// The first day from which on there is room.
        since: Day,
    },
    /// A part is gone.
    #[error(
        "part `{name}` of {day} is committed, and gone from the lake\n\
         hint: put it back from a backup"
    )]
    Lost {
        /// Its name.
        name: String,
        /// Its day.
        day: Day,
    },
    /// A rollup is gone.
    #[error(
        "the rollup of {day} is committed, and gone from the lake\n\
         hint: the next `advisor run` makes it anew where the events are still there"
    )]
    LostRollup {
        /// Its day.
        day: Day,
    },
    /// A run of the id index is gone or has the wrong size.
    #[error(
        "`{}` is committed, and missing or damaged: without it events would count twice\n\
         hint: the next ingest makes it anew from the events",
        path.display()
    )]
    LostIds {
        /// The file.
        path: PathBuf,
    },
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "\nhint: the disk is full; make room and try again, nothing is lost"
        }
        io::ErrorKind::PermissionDenied => "\nhint: is the data directory yours to write?",
        io::ErrorKind::ReadOnlyFilesystem => "\nhint: the file system is read-only",
        _ => "\nhint: is the disk failing? nothing is lost, the next run goes on from here",
    }
}

/// What to do where Parquet could not be written or read.
fn parquet_hint(source: &parquet::errors::ParquetError) -> &'static str {
    let io = match source {
        parquet::errors::ParquetError::External(source) => source.downcast_ref::<io::Error>(),
        _ => None,
    };
    io.map_or("\nhint: `advisor doctor` looks for what is wrong", hint)
}
