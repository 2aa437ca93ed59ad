//! Lines that are no events: where, why, and a safe excerpt.
use crate::events::{redact, text_forms, visible};

/// Why a line is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No JSON object.
    NotJson,
    /// A needed field is missing, or null.
    MissingField,
    /// A field has the wrong type, or a value outside its range.
    WrongField,
    /// A major version nobody here knows.
    UnknownVersion,
    /// One object has the same key twice, at any level.
    DuplicateKey,
    /// Not UTF-8.
    InvalidUtf8,
    /// Longer than [`MAX_LINE_BYTES`](super::MAX_LINE_BYTES).
    TooLong,
    /// More than [`MAX_AHEAD_HOURS`](super::MAX_AHEAD_HOURS) after now.
    FutureTimestamp,
    /// Objects and lists nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// Not written as the records of this format are.
    NotARecord,
    /// A call without a result: whether it ran is not known yet.
    NoResult,
    /// The archive ends early, or its checksums are wrong, from here on.
    DamagedArchive,
    /// The archive unpacks to far more than activity does; the rest of it is not read.
    ArchiveBomb,
}

text_forms!(Reason {
    NotJson = "not_json",
    MissingField = "missing_field",
    WrongField = "wrong_field",
    UnknownVersion = "unknown_version",
    DuplicateKey = "duplicate_key",
    InvalidUtf8 = "invalid_utf8",
    TooLong = "too_long",
    FutureTimestamp = "future_timestamp",
    TooDeep = "too_deep",
    NotARecord = "not_a_record",
    NoResult = "no_result",
    DamagedArchive = "damaged_archive",
    ArchiveBomb = "archive_bomb",
});

/// What is wrong with a line: the reason, and the field or key it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Why.
    pub reason: Reason,
    /// The field, key or condition in question; never a value of the line.
    pub detail: Option<String>,
}

impl Fault {
    /// A fault of the whole line.
    pub const fn new(reason: Reason) -> Self {
        Self { reason, detail: None }
    }

    /// A fault of one field or key.
    pub fn at(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: Some(detail.into()) }
    }
}

/// One quarantined line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The file, as it was named.
    pub source: String,
    /// Line number, from 1.
    pub line: u64,
    /// Where the line begins, in bytes of the unpacked file.
    pub byte_offset: u64,
    /// What is wrong.
    pub fault: Fault,
    /// How the line begins: redacted, printable, at most [`EXCERPT_CHARS`] characters.
    pub excerpt: String,
}

/// Length of an excerpt, in characters.
pub const EXCERPT_CHARS: usize = 160;

/// How much of a line is looked at for its excerpt, in bytes. Redaction comes before the cut, on a
/// window far longer than what is kept, so that no secret is cut in two and passes unseen.
const WINDOW_BYTES: usize = 8 * 1024;

/// The redacted, printable beginning of a line.
pub fn excerpt(line: &[u8]) -> String {
    let window = line.get(..line.len().min(WINDOW_BYTES)).unwrap_or_default();
    let text = String::from_utf8_lossy(window);
    let text = redact(&text).text;
    let text = visible(&text);
    match text.char_indices().nth(EXCERPT_CHARS) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// A key of the input, short and safe to show: keys are text that others chose.
pub(super) fn safe_name(key: &str) -> String {
    let redacted = redact(key).text;
    let shown = visible(&redacted);
    shown.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_printable() {
        assert_eq!(excerpt(b"plain"), "plain");
        assert_eq!(excerpt(b"a\x1b[2J\xff"), "a\\u{1b}[2J\u{fffd}");
        let long = excerpt("é".repeat(10_000).as_bytes());
        assert_eq!(long.chars().count(), EXCERPT_CHARS + 1);
    }
}
