//! What comes to the audit log while somebody looks: every event once, whatever is merged meanwhile.
use std::collections::{BTreeSet, VecDeque};

use super::audit::{Auditor, Entry, Query};
use crate::{
    events::Day,
    inputs::EventKey,
    lake::{LakeError, Part},
};

/// Most keys of what was handed out that are kept, for parts that were erased.
const MAX_IDS: usize = 10_000;

/// Where somebody is who follows the audit log.
#[derive(Debug, Default)]
pub struct Follower {
    /// The parts that were looked at, as far as they are there.
    known: Vec<Part>,
    /// Keys of what was handed out last.
    shown: VecDeque<EventKey>,
}

impl Follower {
    /// Somebody who has seen what there is to see of these parts.
    pub const fn new(parts: Vec<Part>) -> Self {
        Self { known: parts, shown: VecDeque::new() }
    }

    /// The events that a query asks for and that have come since, by the parts of now, oldest first.
    ///
    /// A part that is new may hold events of parts that are gone: they were merged, or written again
    /// without what was erased. Those that are gone can still be read for a while after a merge, and
    /// say which events are old. After an erasure they cannot: then the largest part that may be what
    /// is left of one that is gone holds nothing new.
    ///
    /// # Errors
    /// Where a part of the lake is lost or cannot be read.
    pub fn next(
        &mut self,
        auditor: &mut Auditor<'_>,
        parts: Vec<Part>,
        query: &Query,
    ) -> Result<Vec<Entry>, LakeError> {
        let (before, now) = (names(&self.known), names(&parts));
        let mut fresh: Vec<Part> =
            parts.iter().filter(|it| !before.contains(&name(it))).cloned().collect();
        let days: BTreeSet<Day> = fresh.iter().map(|it| it.day).collect();
        let gone: Vec<&Part> = self
            .known
            .iter()
            .filter(|it| days.contains(&it.day) && !now.contains(&name(it)))
            .collect();
        let mut old: BTreeSet<EventKey> = BTreeSet::new();
        for part in gone {
            match auditor.page(std::slice::from_ref(part), query, 0, ALL) {
                Ok(page) => old.extend(page.entries.iter().map(key)),
                Err(LakeError::Lost { .. }) => {
                    let left = fresh.iter().filter(|it| is_left_of(it, part));
                    let left = left.max_by_key(|it| it.n_events).cloned();
                    fresh.retain(|it| Some(it) != left.as_ref());
                    old.extend(self.shown.iter());
                }
                Err(err) => return Err(err),
            }
        }
        let mut entries = auditor.page(&fresh, query, 0, ALL)?.entries;
        entries.retain(|it| !old.contains(&key(it)));
        entries.reverse();
        self.note(&entries);
        self.known = parts;
        Ok(entries)
    }

    /// Takes down what was handed out.
    pub fn note(&mut self, entries: &[Entry]) {
        self.shown.extend(entries.iter().map(key));
        let n_over = self.shown.len().saturating_sub(MAX_IDS);
        self.shown.drain(..n_over);
    }
}

/// As many events as there are.
const ALL: usize = usize::MAX / 4;

fn key(entry: &Entry) -> EventKey {
    EventKey::of(&entry.record.event.hostname, &entry.record.event.event_id)
}

fn name(part: &Part) -> (Day, &str) {
    (part.day, &part.name)
}

fn names(parts: &[Part]) -> BTreeSet<(Day, &str)> {
    parts.iter().map(name).collect()
}

/// Whether a part may be what is left of one that is gone.
fn is_left_of(part: &Part, gone: &Part) -> bool {
    part.day == gone.day
        && part.n_events <= gone.n_events
        && gone.first <= part.first
        && part.last <= gone.last
}
