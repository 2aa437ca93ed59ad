//! Bytes in, events and rejects out; one file a format, one line in [`INPUTS`].
//!
//! Nothing here trusts what it reads: lines, depth and archives are bounded, a bad line becomes a
//! [`Reject`] and the next one is read, and no text leaves without its secrets taken out.
mod arguments;
mod auditd;
mod bounds;
mod calls;
mod claude_hooks;
mod claude_transcript;
mod codex_rollout;
mod decode;
mod detect;
mod falco;
mod foreign;
mod input;
mod json;
mod lines;
mod notes;
mod ocsf;
mod parser;
mod position;
mod reject;
mod signal;
mod tetragon;
mod walk;
mod whole;

pub use detect::looks_like;
pub use foreign::{Found, Given, Place};
pub use input::Input;
pub use lines::{Block, End, FileReader, Line, OpenError};
pub use notes::{MAX_UNKNOWN_KEYS, Notes};
pub use parser::Parser;
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
    /// Whether its records may leave out the host, which is then given (`--host`).
    pub names_no_host: bool,
    read: Read,
}

/// How a format is read.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// Every line by itself: an event, or none.
    Lines(ReadLine),
    /// A file as a whole, since records belong together; what is no action is passed over.
    Files(fn() -> Box<dyn foreign::Source>),
    /// As the format that the first lines of a file are of: [`FileReader::open_as`] tells which.
    Detected,
}

/// Reads a line that is an event by itself.
type ReadLine = fn(&str, &mut Notes) -> Result<Parsed, Fault>;

/// The signal schema, which is read where nothing else is said.
const SIGNAL: Format = Format {
    name: "signal",
    about: "NDJSON of the signal schema 1.x",
    names_no_host: false,
    read: Read::Lines(signal::read),
};

/// Every format.
pub const INPUTS: &[Format] = &[
    SIGNAL,
    Format {
        name: "auto",
        about: "what the first lines of a file are for certain, else `signal`",
        names_no_host: false,
        read: Read::Detected,
    },
    Format {
        name: "claude-hooks",
        about: "hook inputs of Claude Code, one a line, with `timestamp` added",
        names_no_host: false,
        read: Read::Files(claude_hooks::source),
    },
    Format {
        name: "claude-transcript",
        about: "transcripts of Claude Code (`projects/*/*.jsonl`)",
        names_no_host: true,
        read: Read::Files(claude_transcript::source),
    },
    Format {
        name: "codex-rollout",
        about: "rollouts of Codex CLI (`sessions/**/rollout-*.jsonl`)",
        names_no_host: true,
        read: Read::Files(codex_rollout::source),
    },
    Format {
        name: "ocsf",
        about: "OCSF process activity (class 1007), one a line",
        names_no_host: false,
        read: Read::Files(ocsf::source),
    },
    Format {
        name: "tetragon",
        about: "Tetragon's JSON export: executions",
        names_no_host: false,
        read: Read::Files(tetragon::source),
    },
    Format {
        name: "falco",
        about: "Falco's JSON output: executions",
        names_no_host: false,
        read: Read::Files(falco::source),
    },
    Format {
        name: "auditd",
        about: "the Linux audit log: executions, records joined by serial",
        names_no_host: false,
        read: Read::Files(auditd::source),
    },
];

/// An event that came out of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The event, without secrets.
    pub event: Event,
    /// What it is known by.
    pub id: EventKey,
}

/// What an event is known by: the first 128 bits of a SHA-256 of its host and its id, so that names of
/// any length and content, also those that redaction changes, stay apart. Whoever writes events of one
/// host takes none of another's away by using its ids first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(pub u128);

impl EventKey {
    /// The key of an event of a host, both names as they came.
    pub fn of(hostname: &str, event_id: &str) -> Self {
        let n_bytes = (hostname.len() as u64).to_be_bytes();
        Self(digest(&[&n_bytes, hostname.as_bytes(), event_id.as_bytes()]))
    }
}

/// Half of a SHA-256 over all pieces, one after the other.
fn digest(pieces: &[&[u8]]) -> u128 {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let (head, _) = digest.split_at(16);
    head.iter().fold(0, |key, byte| (key << 8) | u128::from(*byte))
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

    /// Whether every line stands by itself, so that a file is read from where it was left, by any number
    /// of readers; where records belong together, one reads it from its beginning.
    pub const fn is_of_lines(&self) -> bool {
        matches!(self.read, Read::Lines(_))
    }

    /// Whether the first lines of a file say how it is read.
    const fn is_detected(&self) -> bool {
        matches!(self.read, Read::Detected)
    }

    /// Reads one line: bytes without the newline.
    ///
    /// # Errors
    /// Where the line is no event of this format, or lies too far after `now`; of other formats than
    /// those of lines, no line is an event by itself.
    pub fn read(&self, line: &[u8], now: Timestamp, notes: &mut Notes) -> Result<Parsed, Fault> {
        let Read::Lines(read) = self.read else { return Err(Fault::new(Reason::NotARecord)) };
        let parsed = read(text_of(line)?, notes)?;
        check(&parsed, now)?;
        Ok(parsed)
    }
}

/// A line as text.
fn text_of(line: &[u8]) -> Result<&str, Fault> {
    if line.len() > MAX_LINE_BYTES {
        return Err(Fault::new(Reason::TooLong));
    }
    std::str::from_utf8(line).map_err(|_| Fault::new(Reason::InvalidUtf8))
}

/// What holds for the events of every format.
fn check(parsed: &Parsed, now: Timestamp) -> Result<(), Fault> {
    bounds::check(&parsed.event)?;
    if parsed.event.timestamp > now.plus_hours(MAX_AHEAD_HOURS) {
        return Err(Fault::at(Reason::FutureTimestamp, "timestamp"));
    }
    Ok(())
}
