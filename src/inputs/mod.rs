//! Bytes in, events and rejects out; one file a format, one line in [`INPUTS`].
//!
//! Nothing here trusts what it reads: lines, depth and archives are bounded, a bad line becomes a
//! [`Reject`] and the next one is read, and no text leaves without its secrets taken out.
mod arguments;
mod decode;
mod json;
mod lines;
mod notes;
mod position;
mod reject;
mod signal;
mod walk;
mod whole;

pub use lines::{Block, End, FileReader, Line, OpenError};
pub use notes::{MAX_UNKNOWN_KEYS, Notes};
pub use position::{Checkpoint, Digest, HEAD_BYTES, Known, Position, Signature};
pub use reject::{EXCERPT_CHARS, Fault, Reason, Reject, excerpt};
pub use walk::{WalkError, files};
pub use whole::each_event;

use sha2::{Digest as _, Sha256};

use crate::events::{Event, Timestamp};

/// Longest line, in bytes, without its newline.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Deepest nesting of objects and lists; the line's own object is the first.
pub const MAX_DEPTH: usize = 64;

/// How far a timestamp may lie after now, in hours: clocks are wrong by zones, not by days.
pub const MAX_AHEAD_HOURS: f64 = 24.0;

/// A format of activity that can be read.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name that `--format` takes.
    pub name: &'static str,
    /// For people.
    pub about: &'static str,
    /// Reads one line of UTF-8.
    read: fn(&str, &mut Notes) -> Result<Parsed, Fault>,
}

/// The signal schema, which is read where nothing else is said.
const SIGNAL: Format =
    Format { name: "signal", about: "NDJSON of the signal schema 1.x", read: signal::read };

/// Every format.
pub const INPUTS: &[Format] = &[SIGNAL];

/// An event that came out of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The event, without secrets.
    pub event: Event,
    /// What its id is known by.
    pub id: EventKey,
}

/// What an event id is known by: the first 128 bits of its SHA-256, so that ids of any length and
/// content, also those that redaction changes, stay apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(pub u128);

impl EventKey {
    /// The key of an id as it came.
    pub fn of(event_id: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(event_id.as_bytes()).into();
        let (head, _) = digest.split_at(16);
        Self(head.iter().fold(0, |key, byte| (key << 8) | u128::from(*byte)))
    }
}

impl Format {
    /// The signal schema.
    pub const fn default_format() -> &'static Self {
        &SIGNAL
    }

    /// The format of a name, `None` where there is none.
    pub fn named(name: &str) -> Option<&'static Self> {
        INPUTS.iter().find(|format| format.name == name)
    }

    /// Reads one line: bytes without the newline.
    ///
    /// # Errors
    /// Where the line is no event of this format, or lies too far after `now`.
    pub fn read(&self, line: &[u8], now: Timestamp, notes: &mut Notes) -> Result<Parsed, Fault> {
        if line.len() > MAX_LINE_BYTES {
            return Err(Fault::new(Reason::TooLong));
        }
        let text = std::str::from_utf8(line).map_err(|_| Fault::new(Reason::InvalidUtf8))?;
        let parsed = (self.read)(text, notes)?;
        if parsed.event.timestamp > now.plus_hours(MAX_AHEAD_HOURS) {
            return Err(Fault::at(Reason::FutureTimestamp, "timestamp"));
        }
        Ok(parsed)
    }
}
