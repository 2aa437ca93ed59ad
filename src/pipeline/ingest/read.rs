//! The reading thread: files -> blocks of lines, from where each file was left.
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{InTurn, Progress, Step};
use crate::{
    inputs::{Block, Checkpoint, End, FileReader, Format, Input, Known, OpenError, Signature},
    store::SeenFile,
};

/// Something for the other threads, in order.
#[derive(Debug)]
pub(super) enum Work {
    /// Lines of a file.
    Block {
        /// Index of the file.
        file: usize,
        /// How the file is read.
        format: &'static Format,
        /// The lines.
        block: Block,
    },
    /// There is no more of a file.
    Done {
        /// Index of the file.
        file: usize,
        /// How it went.
        ending: Ending,
    },
}

/// How reading a file ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// It looks as it did when it was last read to its end.
    Unchanged {
        /// Bytes of an unfinished last line.
        torn_bytes: u64,
    },
    /// It was read.
    Read {
        /// In which format.
        format: &'static Format,
        /// How much of it was known already, in unpacked bytes.
        known_bytes: u64,
        /// Where it ended.
        reached: Checkpoint,
        /// What the file system said when it was opened.
        signature: Signature,
        /// What came of its last line.
        end: End,
    },
    /// It could not be read, or not to its end.
    Failed(OpenError),
}

/// An object that is overwritten while it is read is begun again so many times.
const MAX_REPLACED: usize = 3;

/// A file that is being read.
#[derive(Clone, Copy, Debug)]
struct Opened {
    /// How it is read.
    format: &'static Format,
    /// The end of its last block, where it had one.
    reached: Option<Checkpoint>,
}

/// Reads all files in turn, until nobody listens any more or `stop` is set; those of formats of lines
/// behind what is known of them.
pub(super) fn read(
    files: &[Input],
    format: &'static Format,
    mut known: Known,
    seen: &BTreeMap<String, SeenFile>,
    queues: &InTurn<Work>,
    progress: Progress<'_>,
    stop: &AtomicBool,
) {
    let mut turn = 0;
    let mut send = |work| {
        turn += 1;
        queues.send(turn - 1, work)
    };
    let sizes = files.iter().map(|input| input.signature().map_or(0, |it| it.n_bytes));
    let sizes: Vec<u64> = sizes.collect();
    progress(Step::Total(sizes.iter().sum()));
    for ((file, input), size) in files.iter().enumerate().zip(sizes) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let mut n_read = 0;
        let mut on_the_way = |n_bytes: u64| {
            progress(Step::Read(n_bytes.saturating_sub(n_read)));
            n_read = n_read.max(n_bytes);
        };
        let mut input = input.clone();
        let mut n_replaced = 0;
        let mut opened = Opened { format, reached: None };
        let ending = loop {
            opened.format = format;
            let read =
                read_file(file, &input, &known, seen, &mut opened, &mut send, &mut on_the_way);
            match read {
                Ok(Some(ending)) => break ending,
                Ok(None) => return,
                Err(err)
                    if err.is_replaced()
                        && opened.format.is_of_lines()
                        && n_replaced < MAX_REPLACED =>
                {
                    // What was read of it counts; where it has only grown, the rest follows.
                    if let Some(reached) = &opened.reached {
                        known.add(reached);
                    }
                    n_replaced += 1;
                    match input.as_now() {
                        Ok(newer) => input = newer,
                        Err(err) => break Ending::Failed(err),
                    }
                }
                Err(err) => break Ending::Failed(err),
            }
        };
        on_the_way(size);
        if let Ending::Read { reached, .. } = &ending
            && opened.format.is_of_lines()
        {
            // The same content under another name later in this run is known from here on; its
            // events are committed before anything that relies on it.
            known.add(reached);
        }
        if !send(Work::Done { file, ending }) {
            return;
        }
    }
}

/// Reads one file, and notes how and how far; `None` where nobody listens any more.
fn read_file(
    file: usize,
    input: &Input,
    known: &Known,
    seen: &BTreeMap<String, SeenFile>,
    opened: &mut Opened,
    send: &mut impl FnMut(Work) -> bool,
    on_the_way: &mut impl FnMut(u64),
) -> Result<Option<Ending>, OpenError> {
    let signature = input.signature()?;
    let before = seen.get(&input.name()).filter(|it| it.signature == signature);
    let unchanged = |format: &Format| {
        let before = before.filter(|it| it.format == format.name)?;
        Some(Ending::Unchanged { torn_bytes: before.torn_bytes })
    };
    if let Some(ending) = unchanged(opened.format) {
        return Ok(Some(ending));
    }
    let (mut reader, format) = FileReader::open_as(input, known, opened.format)?;
    opened.format = format;
    // Only its first lines say in which format `auto` reads a file.
    if let Some(ending) = unchanged(format) {
        return Ok(Some(ending));
    }
    while let Some(block) = reader.next_block()? {
        on_the_way(reader.n_packed());
        opened.reached = Some(block.end);
        if !send(Work::Block { file, format, block }) {
            return Ok(None);
        }
    }
    Ok(Some(Ending::Read {
        format,
        known_bytes: reader.start().offset,
        reached: reader.checkpoint(),
        signature: reader.signature(),
        end: reader.end(),
    }))
}
