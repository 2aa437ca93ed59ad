//! The parsing threads: blocks of lines -> columns and rejects.
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender},
};

use super::{
    read::{Ending, Work},
    roles::Roles,
};
use crate::{
    events::Timestamp,
    inputs::{Block, Checkpoint, Fault, Format, Notes, Reason, Reject, excerpt},
    lake::{Columns, LakeError, Rows},
};

/// What became of some work, in order.
#[derive(Debug)]
pub(super) enum Parsed {
    /// Lines of a file.
    Block {
        /// Index of the file.
        file: usize,
        /// What was in them.
        lines: Box<Lines>,
    },
    /// There is no more of a file.
    Done {
        /// Index of the file.
        file: usize,
        /// How it went.
        ending: Ending,
    },
}

/// What was in a block.
#[derive(Debug)]
pub(super) struct Lines {
    /// The events.
    pub(super) rows: Rows,
    /// How many lines were no events, by reason.
    pub(super) rejected: BTreeMap<Reason, u64>,
    /// The first [`MAX_KEPT`] of them.
    pub(super) rejects: Vec<Reject>,
    /// Hosts, each with the times of its first and last event.
    pub(super) hosts: BTreeMap<String, (Timestamp, Timestamp)>,
    /// How far the file was read.
    pub(super) end: Checkpoint,
}

/// So many rejects of one file are kept; the others are only counted. A file of garbage must not
/// fill the store with itself.
pub(super) const MAX_KEPT: usize = 1_000;

/// Parses until there is no more work, or nobody listens.
pub(super) fn parse(
    work: &Receiver<Work>,
    done: &SyncSender<Parsed>,
    files: &[PathBuf],
    format: &Format,
    roles: &Roles,
    now: Timestamp,
) -> Result<Notes, LakeError> {
    let mut notes = Notes::default();
    for work in work {
        let parsed = match work {
            Work::Done { file, ending } => Parsed::Done { file, ending },
            Work::Block { file, block } => {
                let source = files.get(file).map(|path| path.to_string_lossy());
                let source = source.unwrap_or_default();
                let lines = parse_block(block, &source, format, roles, now, &mut notes)?;
                Parsed::Block { file, lines: Box::new(lines) }
            }
        };
        if done.send(parsed).is_err() {
            break;
        }
    }
    Ok(notes)
}

fn parse_block(
    block: Block,
    source: &str,
    format: &Format,
    roles: &Roles,
    now: Timestamp,
    notes: &mut Notes,
) -> Result<Lines, LakeError> {
    let mut columns = Columns::default();
    let mut rejected: BTreeMap<Reason, u64> = BTreeMap::new();
    let mut rejects = Vec::new();
    let mut hosts: BTreeMap<String, (Timestamp, Timestamp)> = BTreeMap::new();
    let mut reject = |line, byte_offset, fault: Fault, excerpt: &dyn Fn() -> String| {
        *rejected.entry(fault.reason).or_default() += 1;
        if rejects.len() < MAX_KEPT {
            let source = source.to_owned();
            rejects.push(Reject { source, line, byte_offset, fault, excerpt: excerpt() });
        }
    };
    for line in block.lines() {
        match format.read(line.bytes, now, notes) {
            Ok(parsed) => {
                let at = parsed.event.timestamp;
                match hosts.get_mut(&parsed.event.hostname) {
                    Some((first, last)) => (*first, *last) = ((*first).min(at), (*last).max(at)),
                    None => _ = hosts.insert(parsed.event.hostname.clone(), (at, at)),
                }
                columns.push(&parsed.event, parsed.id, roles.of(&parsed.event), source);
            }
            Err(fault) => reject(line.number, line.byte_offset, fault, &|| excerpt(line.bytes)),
        }
    }
    if let Some((fault, excerpt)) = block.fault {
        reject(block.n_lines_before + 1, block.offset, fault, &|| excerpt.clone());
    }
    Ok(Lines { rows: columns.finish()?, rejected, rejects, hosts, end: block.end })
}
