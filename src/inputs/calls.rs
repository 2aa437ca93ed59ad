//! Calls that wait for their result, and ids for calls whose own are used again.
use std::collections::BTreeMap;

use super::{
    digest,
    foreign::{Draft, Out, Place, content_id},
    reject::{Fault, Reason, excerpt},
};
use crate::events::Outcome;

/// A call that has no result yet.
struct Waiting {
    place: Place,
    excerpt: String,
    draft: Draft,
}

/// Most calls of a file that wait for their result at a time.
const MAX_WAITING: usize = 10_000;

/// Most calls of a file whose ids are remembered; of those behind them an id that is used again counts
/// as a duplicate.
const MAX_REMEMBERED: usize = 1_000_000;

/// Calls by the id of their request: what became of them is told by a later record.
#[derive(Default)]
pub(super) struct Calls {
    /// Of several that wait under one id, the newest is last: nobody uses an id again while its result
    /// may still come.
    waiting: BTreeMap<String, Vec<Waiting>>,
    n_waiting: usize,
    n_answered: u64,
    /// Id -> what its first call said.
    said: BTreeMap<u128, u128>,
    /// What a call without an id said -> how many calls said just that.
    n_alike: BTreeMap<u128, u64>,
}

impl Calls {
    /// The id of an event: the call's own where nothing else had it, and one with what it says where
    /// the same id came before with something else. A call that is told twice keeps its id, and is a
    /// duplicate.
    pub(super) fn id(&mut self, id: String, says: &[&str]) -> String {
        let text = content_id("", says);
        let (key, says) = (digest(&[id.as_bytes()]), digest(&[text.as_bytes()]));
        match self.said.get(&key) {
            Some(first) if *first == says => id,
            Some(_) => format!("{id}{text}"),
            None => {
                if self.said.len() < MAX_REMEMBERED {
                    self.said.insert(key, says);
                }
                id
            }
        }
    }

    /// The id of a call that has none of its own: what it says, and its number among those of the file
    /// that say just the same.
    pub(super) fn numbered(&mut self, format: &str, says: &[&str]) -> String {
        let id = content_id(format, says);
        let key = digest(&[id.as_bytes()]);
        let is_known = self.n_alike.contains_key(&key);
        if !is_known && self.n_alike.len() >= MAX_REMEMBERED {
            return format!("{id}:1");
        }
        let n = self.n_alike.entry(key).or_default();
        *n += 1;
        format!("{id}:{n}")
    }

    /// A call was asked for.
    pub(super) fn ask(
        &mut self,
        call_id: String,
        place: Place,
        text: &str,
        draft: Draft,
        out: &mut Out<'_>,
    ) {
        if self.n_waiting >= MAX_WAITING {
            let fault = Fault::at(Reason::WrongField, "too many calls without a result");
            out.put(place, text, Err(fault));
            return;
        }
        self.n_waiting += 1;
        let excerpt = excerpt(text.as_bytes());
        self.waiting.entry(call_id).or_default().push(Waiting { place, excerpt, draft });
    }

    /// What became of it; false where nobody asked.
    pub(super) fn answer(&mut self, call_id: &str, decision: Outcome, out: &mut Out<'_>) -> bool {
        let Some(waiting) = self.waiting.get_mut(call_id) else { return false };
        let call = waiting.pop();
        if waiting.is_empty() {
            self.waiting.remove(call_id);
        }
        let Some(mut call) = call else { return false };
        self.n_waiting -= 1;
        self.n_answered += 1;
        call.draft.decision = decision;
        out.put(call.place, &call.excerpt, Ok(call.draft));
        true
    }

    /// Whether any call had a result.
    pub(super) const fn has_answers(&self) -> bool {
        self.n_answered > 0
    }

    /// The calls that wait still, in the order of the file: as events where `as_asked`, else as
    /// rejects, since whether they ran is not known.
    pub(super) fn end(&mut self, as_asked: bool, out: &mut Out<'_>) {
        self.n_waiting = 0;
        let mut left: Vec<Waiting> =
            std::mem::take(&mut self.waiting).into_values().flatten().collect();
        // By place, and stable: those of one line stay in their order.
        left.sort_by_key(|it| it.place.byte_offset);
        for call in left {
            let draft = if as_asked { Ok(call.draft) } else { Err(Fault::new(Reason::NoResult)) };
            out.put(call.place, &call.excerpt, draft);
        }
    }
}
