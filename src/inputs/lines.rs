//! A file as blocks of whole lines, each with the position at its end, in bounded memory.
//!
//! The last line of a plain file may be torn: its writer has not finished it. A line without its
//! newline is taken where it is complete JSON (no beginning of a JSON object is JSON itself), and
//! otherwise left for the next time. A packed file is complete, so its last line is what it is.
use std::{
    io::{self, BufRead as _},
    path::PathBuf,
};

use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::{
    Format, MAX_LINE_BYTES,
    decode::{BOMB_RATIO, Source, Stop},
    detect::{LOOKED_AT, looks_like},
    input::Input,
    position::{Checkpoint, Digest, HEAD_BYTES, Known, Position, Signature, head_len},
    reject::{Fault, Reason, excerpt},
};
use crate::objects::ObjectError;

/// How much is read at a time, in bytes; a longer line makes its block longer.
const BLOCK_BYTES: usize = 512 * 1024;

/// The first lines of a file are looked at up to here, in bytes, to tell its format.
///
/// # Source
/// Our choice: lines of transcripts hold whole files, and a reader's memory is bounded.
const LOOKED_AT_BYTES: usize = 4 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whole lines of one file.
#[derive(Clone, Debug)]
pub struct Block {
    /// Where it begins.
    pub offset: u64,
    /// Lines before it.
    pub n_lines_before: u64,
    /// The lines; only the last line of a file may lack its newline.
    pub bytes: Vec<u8>,
    /// A line in its place that could not be read at all, with its excerpt.
    pub fault: Option<(Fault, String)>,
    /// What is known of the file once the block is dealt with.
    pub end: Checkpoint,
}

/// One line of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Line number, from 1.
    pub number: u64,
    /// Where it begins, in bytes of the unpacked file.
    pub byte_offset: u64,
    /// The line without its newline.
    pub bytes: &'a [u8],
}

/// How a file's content ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it was read.
    Complete,
    /// The last line is not finished yet; so many bytes are left for the next time.
    Torn(u64),
    /// The archive is damaged, or a bomb: a reject says so, the rest was not read.
    Broken,
}

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`", path.display())]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl OpenError {
    /// Whether the file is not there any more: rotation may have given it another name.
    pub fn is_gone(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether it is an object that is another one by now.
    pub fn is_replaced(&self) -> bool {
        ObjectError::of_io(&self.source).is_some_and(ObjectError::is_replaced)
    }

    /// The whole chain in one sentence.
    pub fn in_words(&self) -> String {
        // The error of a bucket says by itself what was tried, and what to do.
        ObjectError::of_io(&self.source).map_or_else(
            || format!("{self}: {}", self.source),
            |err| err.to_string().replace("\nhint: ", "; "),
        )
    }
}

/// Reads one file, from where it was left.
#[derive(Debug)]
pub struct FileReader {
    input: Input,
    source: Source,
    signature: Signature,
    /// The first bytes of the file, at most [`HEAD_BYTES`].
    head: Vec<u8>,
    /// Up to where it was known already.
    start: Position,
    offset: u64,
    n_lines: u64,
    hasher: Sha256,
    /// The last byte before `offset`.
    last: Option<u8>,
    /// Bytes read and not yet handed out; begins at `offset`.
    carry: Vec<u8>,
    at_end: bool,
    /// Why the source stopped before its end.
    broken: Option<Fault>,
    end: End,
}

impl Block {
    /// The lines that are not blank.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        lines(&self.bytes, self.offset, self.n_lines_before)
    }
}

/// The lines of some bytes that are not blank; so many bytes and lines are before them.
fn lines(bytes: &[u8], offset: u64, n_lines_before: u64) -> impl Iterator<Item = Line<'_>> {
    let mut number = n_lines_before;
    let mut byte_offset = offset;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let all = rest;
            // From the standard library, because it searches many bytes at once.
            let n_bytes = rest.skip_until(b'\n').unwrap_or(0);
            let whole = all.get(..n_bytes).unwrap_or(all);
            let mut bytes = whole.strip_suffix(b"\n").unwrap_or(whole);
            if byte_offset == 0 {
                bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
            }
            number += 1;
            let line = Line { number, byte_offset, bytes };
            byte_offset += n_bytes as u64;
            if !bytes.trim_ascii().is_empty() {
                return Some(line);
            }
        }
        None
    })
}

impl FileReader {
    /// Opens a file or object behind what is known of its content.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(input: &Input, known: &Known) -> Result<Self, OpenError> {
        Self::at_start(input)?.behind(known)
    }

    /// Opens a file or object as files of a format are read: behind what is known of its content where
    /// every line stands by itself, else at its beginning. Gives the format, too: `auto` is the one that
    /// its first lines are of for certain, else the signal schema.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open_as(
        input: &Input,
        known: &Known,
        format: &'static Format,
    ) -> Result<(Self, &'static Format), OpenError> {
        let mut reader = Self::at_start(input)?;
        let format = if format.is_detected() {
            reader.looks_like()?.unwrap_or_else(Format::default_format)
        } else {
            format
        };
        let reader = if format.is_of_lines() { reader.behind(known)? } else { reader };
        Ok((reader, format))
    }

    /// What the first lines are of for certain.
    fn looks_like(&mut self) -> Result<Option<&'static Format>, OpenError> {
        let mut wanted = BLOCK_BYTES;
        loop {
            self.fill(wanted)?;
            let n_lines = lines(&self.carry, 0, 0).take(LOOKED_AT + 1).count();
            if n_lines > LOOKED_AT || self.at_end || wanted >= LOOKED_AT_BYTES {
                return Ok(looks_like(lines(&self.carry, 0, 0)));
            }
            wanted += BLOCK_BYTES;
        }
    }

    /// The same, from where the content was read to; it is at its start.
    fn behind(self, known: &Known) -> Result<Self, OpenError> {
        let mut reader = self;
        let candidates = known.candidates(&reader.head);
        let Some(farthest) = candidates.last() else { return Ok(reader) };
        let mut reached = Position::start();
        for candidate in &candidates {
            if !reader.skip_to(candidate.offset)? {
                break;
            }
            if reader.digest() == candidate.prefix && reader.is_between_lines()? {
                reached = *candidate;
            }
        }
        if reached != *farthest {
            // The way to the farthest candidate went too far: begin again.
            reader = Self::at_start(&reader.input)?;
            reader.skip_to(reached.offset)?;
        }
        reader.n_lines = reached.n_lines;
        reader.start = reached;
        Ok(reader)
    }

    /// Up to where the content was known already.
    pub const fn start(&self) -> Position {
        self.start
    }

    /// What the file system said when the file was opened.
    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// Packed bytes taken from the file so far.
    pub fn n_packed(&self) -> u64 {
        self.source.n_packed()
    }

    /// How the content ended; of use after the last block.
    pub const fn end(&self) -> End {
        self.end
    }

    /// What is known of the file by now.
    pub fn checkpoint(&self) -> Checkpoint {
        let head = self.head.get(..head_len(self.offset)).unwrap_or(&self.head);
        Checkpoint {
            position: Position {
                offset: self.offset,
                n_lines: self.n_lines,
                prefix: self.digest(),
            },
            head: Sha256::digest(head).into(),
        }
    }

    /// The next lines, `None` at the end.
    ///
    /// # Errors
    /// Where the file system fails; what came before stays good.
    pub fn next_block(&mut self) -> Result<Option<Block>, OpenError> {
        let mut wanted = BLOCK_BYTES;
        loop {
            self.fill(wanted)?;
            if let Some(last) = self.carry.iter().rposition(|byte| *byte == b'\n') {
                return Ok(Some(self.take(last + 1)));
            }
            if self.carry.len() > MAX_LINE_BYTES {
                return self.take_too_long();
            }
            if self.at_end {
                return Ok(self.take_tail());
            }
            wanted = MAX_LINE_BYTES + 1;
        }
    }

    fn at_start(input: &Input) -> Result<Self, OpenError> {
        let (source, signature) = Source::open(input).map_err(|err| input.failed(err))?;
        let mut reader = Self {
            input: input.clone(),
            source,
            signature,
            head: Vec::new(),
            start: Position::start(),
            offset: 0,
            n_lines: 0,
            hasher: Sha256::new(),
            last: None,
            carry: Vec::new(),
            at_end: false,
            broken: None,
            end: End::Complete,
        };
        reader.fill(HEAD_BYTES)?;
        reader.head = reader.carry.get(..HEAD_BYTES).unwrap_or(&reader.carry).to_vec();
        Ok(reader)
    }

    fn digest(&self) -> Digest {
        self.hasher.clone().finalize().into()
    }

    /// Reads until `wanted` bytes are at hand, or all there are.
    fn fill(&mut self, wanted: usize) -> Result<(), OpenError> {
        let missing = wanted.saturating_sub(self.carry.len());
        if self.at_end || missing == 0 {
            return Ok(());
        }
        self.carry.reserve(missing);
        let before = self.carry.len();
        match self.source.fill(&mut self.carry, missing) {
            Ok(()) => self.at_end = self.carry.len() - before < missing,
            Err(Stop::Io(source)) => return Err(self.input.failed(source)),
            Err(stop @ (Stop::Damaged(_) | Stop::Bomb)) => {
                self.at_end = true;
                self.broken = Some(if let Stop::Damaged(err) = stop {
                    Fault::at(Reason::DamagedArchive, err.to_string())
                } else {
                    let detail = format!("more than {BOMB_RATIO} times its size");
                    Fault::at(Reason::ArchiveBomb, detail)
                });
            }
        }
        Ok(())
    }

    /// Drops `n_bytes` that are dealt with.
    fn drop_front(&mut self, n_bytes: usize) -> Vec<u8> {
        let rest = self.carry.split_off(n_bytes.min(self.carry.len()));
        let front = std::mem::replace(&mut self.carry, rest);
        self.hasher.update(&front);
        self.last = front.last().copied().or(self.last);
        self.offset += front.len() as u64;
        front
    }

    /// Whether what follows begins a line. An archive that was made of a file with a torn last line
    /// was read to its end; where the same content goes on, that line is whole there and still to be
    /// read, and where other content begins with the same bytes, it is another line.
    fn is_between_lines(&mut self) -> Result<bool, OpenError> {
        if self.last.is_none_or(|it| it == b'\n') {
            return Ok(true);
        }
        self.fill(1)?;
        Ok(self.carry.first().is_none_or(|it| matches!(it, b'\n' | b'\r')))
    }

    /// Moves to `offset`; false where the content ends before.
    fn skip_to(&mut self, offset: u64) -> Result<bool, OpenError> {
        while self.offset < offset {
            let missing = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            self.fill(missing.min(BLOCK_BYTES))?;
            if self.carry.is_empty() {
                return Ok(false);
            }
            self.drop_front(missing);
        }
        Ok(true)
    }

    /// The next `n_bytes` as a block.
    fn take(&mut self, n_bytes: usize) -> Block {
        let (offset, n_lines_before) = (self.offset, self.n_lines);
        let bytes = self.drop_front(n_bytes);
        let n_newlines = count_newlines(&bytes);
        self.n_lines += n_newlines + u64::from(!bytes.ends_with(b"\n"));
        Block { offset, n_lines_before, bytes, fault: None, end: self.checkpoint() }
    }

    /// A line that is too long: read to its end and dropped on the way.
    fn take_too_long(&mut self) -> Result<Option<Block>, OpenError> {
        let begun = self.checkpoint();
        let hasher = self.hasher.clone();
        let excerpt = excerpt(&self.carry);
        let mut is_whole = true;
        loop {
            if let Some(newline) = self.carry.iter().position(|byte| *byte == b'\n') {
                self.drop_front(newline + 1);
                break;
            }
            self.drop_front(usize::MAX);
            if self.at_end {
                is_whole = self.source.is_packed() && self.broken.is_none();
                break;
            }
            self.fill(BLOCK_BYTES)?;
        }
        if is_whole {
            self.n_lines += 1;
            return Ok(Some(self.fault_block(begun, Fault::new(Reason::TooLong), excerpt)));
        }
        let n_dropped = self.offset - begun.position.offset;
        self.offset = begun.position.offset;
        self.hasher = hasher;
        Ok(self.break_off(n_dropped, excerpt))
    }

    /// What follows the last newline of the content.
    fn take_tail(&mut self) -> Option<Block> {
        let tail = self.carry.trim_ascii();
        let is_object =
            tail.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(tail).is_ok();
        let is_whole = self.broken.is_none() && (self.source.is_packed() || is_object);
        if is_whole && !self.carry.is_empty() {
            return Some(self.take(usize::MAX));
        }
        let n_left = if tail.is_empty() { 0 } else { self.carry.len() as u64 };
        let excerpt = excerpt(&self.carry);
        self.carry.clear();
        self.break_off(n_left, excerpt)
    }

    /// Ends before the end: `n_left` bytes stay where they are, for the next time.
    fn break_off(&mut self, n_left: u64, excerpt: String) -> Option<Block> {
        if let Some(fault) = self.broken.take() {
            self.end = End::Broken;
            let here = self.checkpoint();
            return Some(self.fault_block(here, fault, excerpt));
        }
        if n_left > 0 {
            self.end = End::Torn(n_left);
        }
        None
    }

    /// A block that is one unreadable line, begun at `begun`.
    fn fault_block(&self, begun: Checkpoint, fault: Fault, excerpt: String) -> Block {
        Block {
            offset: begun.position.offset,
            n_lines_before: begun.position.n_lines,
            bytes: Vec::new(),
            fault: Some((fault, excerpt)),
            end: self.checkpoint(),
        }
    }
}

fn count_newlines(bytes: &[u8]) -> u64 {
    // Sums of at most 255 ones fit a byte, so that many bytes are compared at once.
    let count = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    bytes.chunks(255).map(|bytes| u64::from(count(bytes))).sum()
}
