//! The Linux audit log: executions, joined from the records of one serial.
//!
//! `EXECVE` has the arguments (several records of it where they are many, `a1[0]`, `a1[1]` where one
//! is long), `SYSCALL` who did it and whether it succeeded, `CWD` where. Values are quoted, or
//! hexadecimal where they hold blanks, quotes or bytes outside of ASCII. An event is complete at its
//! `EOE` or `PROCTITLE`, when many later ones have begun, or at the end of the file.
//!
//! # Source
//! audit.rules(7), ausearch(8), and the kernel's `audit_log_execve_info`, `audit_log_n_untrustedstring`.
use std::collections::BTreeMap;

use super::{
    foreign::{Act, Draft, Out, Place, Source},
    reject::{Fault, Reason, excerpt},
};
use crate::events::{Outcome, Timestamp};

/// So many events may be open at a time; the kernel interleaves those of a few processors.
const MAX_OPEN: usize = 64;

/// Longest value that is taken apart, as the limit of one argument list.
const MAX_ARGUMENTS: usize = 100_000;

/// Behind this, a daemon that enriches records puts names for numbers.
const ENRICHED: char = '\u{1d}';

/// The account of what no login began.
const UNSET: &str = "4294967295";

/// Host and serial, with its time.
type Key = (String, String);

/// The records of one event so far.
struct Open {
    place: Place,
    excerpt: String,
    order: u64,
    timestamp: Timestamp,
    is_exec: bool,
    argc: Option<usize>,
    /// Index of the argument and of its piece -> its bytes: a piece may end within a character.
    pieces: BTreeMap<(usize, usize), Vec<u8>>,
    fields: BTreeMap<&'static str, String>,
    fault: Option<Fault>,
}

#[derive(Default)]
struct Auditd {
    open: BTreeMap<Key, Open>,
    n_opened: u64,
}

/// A reader of one file.
pub(super) fn source() -> Box<dyn Source> {
    Box::new(Auditd::default())
}

impl Source for Auditd {
    fn line(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<(), Fault> {
        let not_one = || Fault::new(Reason::NotARecord);
        let text = text.trim_ascii();
        let (node, rest) = match text.strip_prefix("node=") {
            Some(rest) => rest.split_once(' ').ok_or_else(not_one)?,
            None => ("", text),
        };
        let rest = rest.strip_prefix("type=").ok_or_else(not_one)?;
        let (kind, rest) = rest.split_once(' ').ok_or_else(not_one)?;
        let rest = rest.strip_prefix("msg=audit(").ok_or_else(not_one)?;
        let (stamp, body) = rest.split_once("):").ok_or_else(not_one)?;
        let timestamp = time(stamp).ok_or_else(not_one)?;
        let key = (node.to_owned(), stamp.to_owned());
        if kind == "EOE" && !self.open.contains_key(&key) {
            return Ok(());
        }
        let n_opened = &mut self.n_opened;
        let open = self.open.entry(key.clone()).or_insert_with(|| {
            *n_opened += 1;
            Open::new(place, excerpt(text.as_bytes()), *n_opened, timestamp)
        });
        open.take(kind, body);
        if matches!(kind, "EOE" | "PROCTITLE")
            && let Some(open) = self.open.remove(&key)
        {
            close(&key, &open, out);
        }
        while self.open.len() > MAX_OPEN {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.order);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            if let Some(open) = self.open.remove(&key) {
                close(&key, &open, out);
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) {
        let mut left: Vec<(Key, Open)> = std::mem::take(&mut self.open).into_iter().collect();
        left.sort_by_key(|(_, open)| open.order);
        for (key, open) in left {
            close(&key, &open, out);
        }
    }
}

impl Open {
    const fn new(place: Place, excerpt: String, order: u64, timestamp: Timestamp) -> Self {
        Self {
            place,
            excerpt,
            order,
            timestamp,
            is_exec: false,
            argc: None,
            pieces: BTreeMap::new(),
            fields: BTreeMap::new(),
            fault: None,
        }
    }

    /// Takes the fields of one record.
    fn take(&mut self, kind: &str, body: &str) {
        let wanted: &[&'static str] = match kind {
            "SYSCALL" => &["success", "ses", "auid", "AUID", "exe"],
            "CWD" => &["cwd"],
            "EXECVE" => &[],
            _ => return,
        };
        let is_exec = kind == "EXECVE";
        self.is_exec |= is_exec;
        for (name, value) in fields(body) {
            if let Some(name) = wanted.iter().copied().find(|it| *it == name) {
                let is_number = matches!(name, "success" | "ses" | "auid");
                let decoded = bytes(value).and_then(|it| String::from_utf8(it).ok());
                let value = if is_number { Some(value.to_owned()) } else { decoded };
                self.fields.insert(name, value.unwrap_or_default());
            } else if is_exec && name == "argc" {
                self.argc = value.parse().ok().filter(|argc| *argc <= MAX_ARGUMENTS);
            } else if is_exec && let Some(index) = argument(name) {
                if let Some(piece) = bytes(value) {
                    let before = self.pieces.insert(index, piece);
                    // A record that came twice says the same; another value is a forgery.
                    if before.is_some_and(|it| self.pieces.get(&index) != Some(&it)) {
                        let detail = format!("a{}", index.0);
                        self.fault = Some(Fault::at(Reason::DuplicateKey, detail));
                    }
                } else {
                    self.fault = Some(Fault::at(Reason::WrongField, format!("a{}", index.0)));
                }
            }
        }
    }

    /// The whole argument vector.
    fn argv(&self) -> Result<Vec<String>, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let argc = self.argc.ok_or_else(|| Fault::at(Reason::WrongField, "argc"))?;
        let mut argv = Vec::new();
        for idx in 0..argc {
            let mut pieces = self.pieces.range((idx, 0)..=(idx, usize::MAX)).peekable();
            if pieces.peek().is_none() {
                return Err(Fault::at(Reason::MissingField, format!("a{idx}")));
            }
            let bytes: Vec<u8> = pieces.flat_map(|(_, piece)| piece).copied().collect();
            let text = String::from_utf8(bytes);
            argv.push(text.map_err(|_| Fault::at(Reason::InvalidUtf8, format!("a{idx}")))?);
        }
        Ok(argv)
    }
}

/// An event whose records are all there.
fn close(key: &Key, open: &Open, out: &mut Out<'_>) {
    let field = |name: &str| open.fields.get(name).cloned().filter(|it| !it.is_empty());
    // A shell that looks for a command along the path fails at every place before the right one.
    let failed = field("success").is_some_and(|it| it == "no");
    if !open.is_exec || failed {
        out.pass_over();
        return;
    }
    let host = Some(key.0.clone()).filter(|it| !it.is_empty());
    let host = host.or_else(|| out.given.hostname.clone()).unwrap_or_default();
    let known = |it: &String| it != UNSET && it != "unset" && it != "-1";
    let draft = open.argv().map(|mut argv| {
        if let (Some(path), Some(first)) = (field("exe"), argv.first_mut())
            && path.rsplit('/').next() == Some(first.as_str())
        {
            *first = path;
        }
        Draft {
            id: format!("auditd:{host}:{}", key.1),
            timestamp: open.timestamp,
            hostname: Some(host),
            act: Act::Command(argv),
            decision: Outcome::Allowed,
            agent: None,
            severity: None,
            session_id: field("ses").filter(known),
            cwd: field("cwd"),
            user: field("AUID").or_else(|| field("auid")).filter(known),
        }
    });
    out.put(open.place, &open.excerpt, draft);
}

/// `SECONDS.MILLISECONDS:SERIAL`.
fn time(stamp: &str) -> Option<Timestamp> {
    let (at, serial) = stamp.split_once(':')?;
    let (seconds, millis) = at.split_once('.')?;
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(serial) || !is_number(seconds) || !is_number(millis) || millis.len() != 3 {
        return None;
    }
    let us = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?;
    us.checked_add(millis.parse::<i64>().ok()?.checked_mul(1_000)?).map(Timestamp)
}

/// Names and values of a record; a quoted value ends at its quote, others at a blank.
fn fields(body: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = body;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', ENRICHED]);
        let (name, behind) = rest.split_once('=')?;
        let end = match behind.strip_prefix('"') {
            Some(inner) => inner.find('"').map_or(behind.len(), |at| at + 2),
            None => behind.find([' ', ENRICHED]).unwrap_or(behind.len()),
        };
        let (value, left) = behind.split_at_checked(end)?;
        rest = left;
        Some((name, value))
    })
}

/// The bytes of a value that others chose: quoted, or hexadecimal.
fn bytes(value: &str) -> Option<Vec<u8>> {
    if let Some(inner) = value.strip_prefix('"') {
        return inner.strip_suffix('"').map(|it| it.as_bytes().to_vec());
    }
    if value.is_empty() || !value.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = value.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    bytes.collect()
}

/// The index of `a3`, and of `a3[1]` its piece; nothing for `a3_len` and other names.
fn argument(name: &str) -> Option<(usize, usize)> {
    let rest = name.strip_prefix('a')?;
    match rest.split_once('[') {
        None => Some((rest.parse().ok()?, 0)),
        Some((index, piece)) => Some((index.parse().ok()?, piece.strip_suffix(']')?.parse().ok()?)),
    }
}
