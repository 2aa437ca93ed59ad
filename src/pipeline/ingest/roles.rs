//! Which role an event counts for.
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    events::Event,
    store::{Assignment, DEFAULT_ROLE, Store, StoreError},
};

/// What decides about roles, as it is when ingest begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    /// `--role`.
    named: Option<String>,
    /// Host -> its roles over time.
    assignments: BTreeMap<String, Vec<Assignment>>,
    /// The organization's default.
    default: String,
    /// The roles that there are.
    known: BTreeSet<String>,
}

impl Roles {
    pub(super) async fn load(store: &Store, named: Option<String>) -> Result<Self, StoreError> {
        let default = store.default_role().await?;
        Ok(Self {
            named,
            assignments: store.assignments().await?,
            default: default.unwrap_or_else(|| DEFAULT_ROLE.to_owned()),
            known: store.roles().await?.into_iter().map(|it| it.name).collect(),
        })
    }

    /// The event's own role, else `--role`, else the role its host had then, else the default.
    pub(super) fn of<'a>(&'a self, event: &'a Event) -> &'a str {
        let assigned = || {
            let assignments = self.assignments.get(&event.hostname)?;
            let then = assignments.iter().rev().find(|it| {
                it.from <= event.timestamp && it.until.is_none_or(|until| event.timestamp < until)
            });
            then.map(|it| it.role.as_str())
        };
        let own = event.role.as_deref().or(self.named.as_deref());
        own.or_else(assigned).unwrap_or(&self.default)
    }

    /// Whether there is such a role, or nobody named one; events of others wait until there is.
    pub(super) fn is_known(&self, role: &str) -> bool {
        role == self.default || self.known.contains(role)
    }
}

/// Roles without an entry in the store that are counted by name; whoever writes events makes them up.
const MAX_UNKNOWN: usize = 20;

/// Counts events of a role that nobody knows; past [`MAX_UNKNOWN`] names, under an empty one.
pub(super) fn count_role(counts: &mut BTreeMap<String, u64>, role: &str, n_events: u64) {
    if let Some(count) = counts.get_mut(role) {
        *count += n_events;
        return;
    }
    let n_named = counts.keys().filter(|it| !it.is_empty()).count();
    let name = if n_named < MAX_UNKNOWN { role } else { "" };
    *counts.entry(name.to_owned()).or_default() += n_events;
}
