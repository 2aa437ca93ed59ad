//! One file as a stream of events, for commands that look at events without keeping them.
use std::path::Path;

use super::{
    FileReader, Format, Found, Given, Input, Known, Notes, OpenError, Parser, Place, Reject,
};
use crate::events::{Event, Timestamp};

/// Hands every event of a file to `each`, in order; gives back the lines that are no events.
///
/// # Errors
/// Where the file cannot be opened or read.
pub fn each_event(
    path: &Path,
    format: &'static Format,
    now: Timestamp,
    mut each: impl FnMut(Event),
) -> Result<Vec<Reject>, OpenError> {
    let (mut reader, format) = FileReader::open_as(&Input::from(path), &Known::default(), format)?;
    let mut notes = Notes::default();
    let mut rejects = Vec::new();
    let source = path.to_string_lossy().into_owned();
    let given = Given::default();
    let mut parser = Parser::new(format, &given, now);
    let mut take = |found: Found| match found {
        Found { result: Ok(parsed), .. } => each(parsed.event),
        Found { place: Place { number, byte_offset }, result: Err(fault), excerpt } => {
            let source = source.clone();
            rejects.push(Reject { source, line: number, byte_offset, fault, excerpt });
        }
    };
    while let Some(block) = reader.next_block()? {
        for line in block.lines() {
            parser.line(line, &mut notes, &mut take);
        }
        if let Some((fault, excerpt)) = block.fault {
            let place = Place { number: block.n_lines_before + 1, byte_offset: block.offset };
            take(Found { place, result: Err(fault), excerpt });
        }
    }
    parser.end(&mut notes, &mut take);
    Ok(rejects)
}
