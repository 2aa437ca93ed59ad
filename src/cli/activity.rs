//! Events of files that are looked at and not kept.
use std::path::{Path, PathBuf};

use super::Printer;
use crate::{
    clock,
    events::Event,
    inputs::{self, FileReader, Format, Known, Notes},
};

/// How many bad lines are told one by one.
const MAX_TOLD: u64 = 5;

/// Every event of a file, or of the files in a directory, in their order; what is no event is told
/// on stderr and passed over.
///
/// # Errors
/// Where a file cannot be read.
pub(super) fn events(path: &Path, format: &Format, printer: Printer) -> anyhow::Result<Vec<Event>> {
    let now = clock::now();
    let mut notes = Notes::default();
    let mut events = Vec::new();
    let mut n_rejected = 0_u64;
    let paths: [PathBuf; 1] = [path.to_owned()];
    for path in inputs::files(&paths)? {
        let mut reader = FileReader::open(&path, &Known::default())?;
        while let Some(block) = reader.next_block()? {
            let unread =
                block.fault.iter().map(|(fault, _)| (block.n_lines_before + 1, fault.clone()));
            let mut faults: Vec<_> = unread.collect();
            for line in block.lines() {
                match format.read(line.bytes, now, &mut notes) {
                    Ok(parsed) => events.push(parsed.event),
                    Err(fault) => faults.push((line.number, fault)),
                }
            }
            for (number, fault) in faults {
                n_rejected += 1;
                if n_rejected <= MAX_TOLD {
                    let detail = fault.detail.map(|it| format!(" `{it}`")).unwrap_or_default();
                    let reason = fault.reason;
                    printer.error(&format!("{}:{number}: {reason}{detail}", path.display()));
                }
            }
        }
    }
    match n_rejected {
        0 => (),
        1 => printer.error("1 line is no event and was passed over"),
        n => printer.error(&format!("{n} lines are no events and were passed over")),
    }
    Ok(events)
}
