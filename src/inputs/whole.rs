//! One file as a stream of events, for commands that look at events without keeping them.
use std::path::Path;

use super::{Fault, FileReader, Format, Known, Notes, OpenError, Reject, excerpt};
use crate::events::{Event, Timestamp};

/// Hands every event of a file to `each`, in order; gives back the lines that are no events.
///
/// # Errors
/// Where the file cannot be opened or read.
pub fn each_event(
    path: &Path,
    format: &Format,
    now: Timestamp,
    mut each: impl FnMut(Event),
) -> Result<Vec<Reject>, OpenError> {
    let mut reader = FileReader::open(path, &Known::default())?;
    let mut notes = Notes::default();
    let mut rejects = Vec::new();
    let source = path.to_string_lossy().into_owned();
    let reject = |line, byte_offset, fault: Fault, excerpt| Reject {
        source: source.clone(),
        line,
        byte_offset,
        fault,
        excerpt,
    };
    while let Some(block) = reader.next_block()? {
        for line in block.lines() {
            match format.read(line.bytes, now, &mut notes) {
                Ok(parsed) => each(parsed.event),
                Err(fault) => {
                    rejects.push(reject(line.number, line.byte_offset, fault, excerpt(line.bytes)));
                }
            }
        }
        if let Some((fault, excerpt)) = block.fault {
            rejects.push(reject(block.n_lines_before + 1, block.offset, fault, excerpt));
        }
    }
    Ok(rejects)
}
