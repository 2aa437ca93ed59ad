//! Events of files that are looked at and not kept.
use std::path::{Path, PathBuf};

use super::Context;
use crate::{
    clock,
    events::Event,
    inputs::{self, FileReader, Format, Found, Given, Known, Notes, Parser, Place},
};

/// How many bad lines are told one by one.
const MAX_TOLD: u64 = 5;

/// Every event of a file, or of the files in a directory, in their order; what is no event is told
/// on stderr and passed over.
///
/// # Errors
/// Where a file cannot be read.
pub(super) fn events(
    path: &Path,
    format: &'static Format,
    context: &Context,
) -> anyhow::Result<Vec<Event>> {
    events_of(path, format, &Given::default(), context)
}

/// The same, with what is given besides the lines.
///
/// # Errors
/// Where a file cannot be read.
pub(super) fn events_of(
    path: &Path,
    format: &'static Format,
    given: &Given,
    context: &Context,
) -> anyhow::Result<Vec<Event>> {
    let (now, printer) = (clock::now(), context.printer);
    let mut notes = Notes::default();
    let mut events = Vec::new();
    let mut n_rejected = 0_u64;
    let paths: [PathBuf; 1] = [path.to_owned()];
    for input in inputs::files(&paths, &context.config.buckets)? {
        let (mut reader, format) = FileReader::open_as(&input, &Known::default(), format)?;
        let mut parser = Parser::new(format, given, now);
        let mut take = |found: Found| match found.result {
            Ok(parsed) => events.push(parsed.event),
            Err(fault) => {
                n_rejected += 1;
                if n_rejected <= MAX_TOLD {
                    let detail = fault.detail.map(|it| format!(" `{it}`")).unwrap_or_default();
                    let (reason, number) = (fault.reason, found.place.number);
                    printer.error(&format!("{}:{number}: {reason}{detail}", input.name()));
                }
            }
        };
        while let Some(block) = reader.next_block()? {
            if let Some((fault, excerpt)) = &block.fault {
                let number = block.n_lines_before + 1;
                let place = Place { number, byte_offset: block.offset };
                take(Found { place, result: Err(fault.clone()), excerpt: excerpt.clone() });
            }
            for line in block.lines() {
                parser.line(line, &mut notes, &mut take);
            }
        }
        parser.end(&mut notes, &mut take);
    }
    if notes.n_passed_over > 0 {
        printer.note(&format!("{} records are no actions", notes.n_passed_over));
    }
    match n_rejected {
        0 => (),
        1 => printer.error("1 line is no event and was passed over"),
        n => printer.error(&format!("{n} lines are no events and were passed over")),
    }
    Ok(events)
}
