//! What an ingest did, file by file: read = accepted + duplicates + rejected.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    absence::{Gone, Silent},
    commit::Committed,
    read::Ending,
};
use crate::{
    inputs::{End, Input, Notes, Reason, Reject},
    lake::Settled,
};

/// What an ingest did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IngestReport {
    /// Lines that were read, blank ones aside.
    pub read: u64,
    /// Events that are in the lake now and were not before.
    pub accepted: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Lines that are no events.
    pub rejected: u64,
    /// How many of them are kept in quarantine; the first thousand of each file.
    pub quarantined: u64,
    /// Rejected lines by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Keys outside the schema -> how often.
    pub unknown_keys: BTreeMap<String, u64>,
    /// Events of roles that the store does not know -> how many, known ones of earlier reads among
    /// them; past twenty names the rest under an empty one.
    pub roles_unknown: BTreeMap<String, u64>,
    /// Records of other systems that are no actions; not among those that were read.
    pub passed_over: u64,
    /// Secrets that were replaced by markers.
    pub secrets_redacted: u64,
    /// Files that had something new.
    pub files_read: u64,
    /// Files without anything new.
    pub files_skipped: u64,
    /// Files that could not be read to their end.
    pub files_failed: u64,
    /// Archives of which not all was read, and that nobody is writing at.
    pub archives_cut_off: u64,
    /// Parts that were added to the lake.
    pub parts: u64,
    /// Committed files that an earlier run, killed, had left unnamed.
    pub repaired: u64,
    /// Files that an earlier run, killed, had left uncommitted; deleted.
    pub orphans_removed: u64,
    /// Committed parts that are gone from the lake.
    pub parts_lost: Vec<String>,
    /// Files under the lake's public glob that were never committed.
    pub parts_unknown: u64,
    /// The id index was lost, and made anew from the events.
    pub ids_rebuilt: bool,
    /// Days whose events of a host were deleted before anybody read them.
    pub gone: Vec<Gone>,
    /// Hosts that used to report and stopped.
    pub silent: Vec<Silent>,
    /// The first rejected lines, as they are in quarantine.
    pub rejects: Vec<RejectReport>,
    /// File by file, in the order in which they were read.
    pub files: Vec<FileReport>,
}

/// What came of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// As it was named.
    pub path: String,
    /// What was done with it.
    pub status: FileStatus,
    /// Lines that were read, blank ones aside.
    pub read: u64,
    /// Events that are in the lake now and were not before.
    pub accepted: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Lines that are no events.
    pub rejected: u64,
    /// How many of them are kept in quarantine.
    pub quarantined: u64,
    /// Bytes of an unfinished last line, left for the next time.
    pub torn_bytes: u64,
    /// Why it could not be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where an archive ended too early, why, and what to do; what came before counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<String>,
}

/// A rejected line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectReport {
    /// The file, as it was named.
    pub source: String,
    /// Line number, from 1.
    pub line: u64,
    /// Where the line begins, in bytes of the unpacked file.
    pub byte_offset: u64,
    /// Why it is no event.
    pub reason: &'static str,
    /// The field, key or condition in question.
    pub detail: Option<String>,
    /// How the line begins, without its secrets.
    pub excerpt: String,
}

impl From<&Reject> for RejectReport {
    fn from(reject: &Reject) -> Self {
        Self {
            source: reject.source.clone(),
            line: reject.line,
            byte_offset: reject.byte_offset,
            reason: reject.fault.reason.as_str(),
            detail: reject.fault.detail.clone(),
            excerpt: reject.excerpt.clone(),
        }
    }
}

/// What to say of an archive of which not all was read.
fn cut_off(reject: &Reject) -> Option<String> {
    let (what, hint) = match reject.fault.reason {
        Reason::ArchiveBomb => (
            "the archive unpacks to",
            "activity packs 100 to 1 at most; where it is activity after all, unpack it and ingest that",
        ),
        Reason::DamagedArchive => (
            "the archive is damaged:",
            "where it is whole by now, or a whole copy exists, the next ingest reads the rest",
        ),
        _ => return None,
    };
    let detail = reject.fault.detail.as_deref().unwrap_or_default();
    let (source, line, byte) = (&reject.source, reject.line, reject.byte_offset);
    Some(format!(
        "`{source}`: {what} {detail}; from line {line}, byte {byte} on, nothing was read\nhint: {hint}"
    ))
}

/// So many rejected lines are in the report itself.
const REJECTS_SHOWN: usize = 20;

/// What was done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// Not reached yet.
    Waiting,
    /// Read from its beginning.
    New,
    /// Read from where it was left.
    Continued,
    /// Opened; all of its content was known.
    Known,
    /// Not opened: it looks as it did when it was last read.
    Unchanged,
    /// Not there any more when its turn came; rotated away, it is found under its new name.
    Gone,
    /// Not read, or not to its end.
    Failed,
}

impl FileStatus {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::New => "new",
            Self::Continued => "continued",
            Self::Known => "known",
            Self::Unchanged => "unchanged",
            Self::Gone => "gone",
            Self::Failed => "failed",
        }
    }
}

impl IngestReport {
    pub(super) fn new(files: &[Input], settled: Settled) -> Self {
        let waiting = |input: &Input| FileReport {
            path: input.name(),
            status: FileStatus::Waiting,
            read: 0,
            accepted: 0,
            duplicates: 0,
            rejected: 0,
            quarantined: 0,
            torn_bytes: 0,
            error: None,
            cut_off: None,
        };
        Self {
            repaired: settled.n_renamed as u64,
            orphans_removed: settled.n_removed as u64,
            parts_unknown: settled.n_unknown as u64,
            ids_rebuilt: !settled.lost_ids.is_empty(),
            parts_lost: settled.lost.into_iter().map(|part| part.name).collect(),
            files: files.iter().map(waiting).collect(),
            ..Self::default()
        }
    }

    pub(super) fn path(&self, file: usize) -> String {
        self.files.get(file).map(|file| file.path.clone()).unwrap_or_default()
    }

    /// Counts the lines of a block; its events count as accepted until they turn out to be known.
    pub(super) fn add_lines(&mut self, file: usize, events: u64, rejected: &BTreeMap<Reason, u64>) {
        let n_rejected = rejected.values().sum::<u64>();
        for (reason, count) in rejected {
            *self.reasons.entry(reason.as_str()).or_default() += count;
        }
        self.read += events + n_rejected;
        self.accepted += events;
        self.rejected += n_rejected;
        if let Some(file) = self.files.get_mut(file) {
            file.read += events + n_rejected;
            file.accepted += events;
            file.rejected += n_rejected;
        }
    }

    /// Shows the first rejected lines, and where an archive was cut off.
    pub(super) fn add_rejects(&mut self, file: usize, rejects: &[Reject]) {
        let cut_off = rejects.iter().find_map(cut_off);
        if let (Some(file), Some(cut_off)) = (self.files.get_mut(file), cut_off) {
            file.cut_off = Some(cut_off);
        }
        let room = REJECTS_SHOWN.saturating_sub(self.rejects.len());
        self.rejects.extend(rejects.iter().take(room).map(RejectReport::from));
    }

    /// How many of `wanted` more rejects of a file may be kept, given that `max` may in all.
    pub(super) fn room_for_rejects(&mut self, file: usize, wanted: usize, max: usize) -> usize {
        let Some(file) = self.files.get_mut(file) else { return 0 };
        let kept = usize::try_from(file.quarantined).unwrap_or(max);
        let room = wanted.min(max.saturating_sub(kept));
        file.quarantined += room as u64;
        self.quarantined += room as u64;
        room
    }

    /// Moves the events that were there already from accepted to duplicates.
    pub(super) fn add_committed(&mut self, committed: &Committed) {
        self.parts = committed.n_parts;
        for (file, duplicates) in &committed.duplicates {
            self.accepted -= duplicates;
            self.duplicates += duplicates;
            if let Some(file) = self.files.get_mut(*file) {
                file.accepted -= duplicates;
                file.duplicates += duplicates;
            }
        }
    }

    /// What was repaired in the lake, and what somebody should look at in what was read.
    pub fn notices(&self) -> Vec<String> {
        let mut res = Vec::new();
        res.extend(self.files.iter().filter_map(|it| it.cut_off.clone()));
        if self.repaired + self.orphans_removed > 0 {
            res.push(format!(
                "after an interrupted run: {} files put in place, {} uncommitted ones deleted",
                self.repaired, self.orphans_removed
            ));
        }
        if self.parts_unknown > 0 {
            res.push(format!(
                "{} files in the lake were never committed; outside readers take them for events",
                self.parts_unknown
            ));
        }
        if self.ids_rebuilt {
            res.push(
                "the index of events was lost, or of an earlier version, and made anew from the events"
                    .to_owned(),
            );
        }
        for (role, n_events) in &self.roles_unknown {
            let whose = if role.is_empty() {
                "of further roles".to_owned()
            } else {
                format!("of role `{role}`")
            };
            res.push(format!(
                "{n_events} events are {whose}, which is not here: nobody analyzes them\n\
                 hint: `advisor roles create NAME` makes a role"
            ));
        }
        res
    }

    /// Says how a file ended; `is_settled` where nobody has written at it for a while.
    pub(super) fn finish(&mut self, file: usize, ending: Ending, is_settled: bool) {
        let Some(file) = self.files.get_mut(file) else { return };
        self.archives_cut_off += u64::from(is_settled && file.cut_off.is_some());
        file.status = match ending {
            Ending::Unchanged { torn_bytes } => {
                file.torn_bytes = torn_bytes;
                FileStatus::Unchanged
            }
            Ending::Read { known_bytes, reached, end, .. } => {
                if let End::Torn(n_bytes) = end {
                    file.torn_bytes = n_bytes;
                }
                let is_known = known_bytes > 0 && reached.position.offset == known_bytes;
                match known_bytes {
                    _ if is_known && file.read == 0 => FileStatus::Known,
                    0 => FileStatus::New,
                    _ => FileStatus::Continued,
                }
            }
            Ending::Failed(err) if err.is_gone() => FileStatus::Gone,
            Ending::Failed(err) => {
                file.error = Some(err.in_words());
                FileStatus::Failed
            }
        };
        match file.status {
            FileStatus::Unchanged | FileStatus::Known | FileStatus::Gone => self.files_skipped += 1,
            FileStatus::Failed => self.files_failed += 1,
            _ => self.files_read += 1,
        }
    }

    pub(super) fn add_notes(&mut self, notes: &Notes) {
        let mut all = Notes::default();
        all.unknown_keys = std::mem::take(&mut self.unknown_keys);
        all.n_secrets = self.secrets_redacted;
        all.merge(notes);
        self.passed_over += notes.n_passed_over;
        (self.unknown_keys, self.secrets_redacted) = (all.unknown_keys, all.n_secrets);
    }
}
