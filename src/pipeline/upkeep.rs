//! Keeping house: days are rolled up, events that are too old go, small parts become one, what is to be erased is erased.
//!
//! Whatever is written again is committed like an ingest (see `lake`): killed at any moment, either
//! the old parts count or the new ones, and the next writer takes away what does not.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::rollup::roll_up;
use crate::{
    events::{Day, Timestamp},
    lake::{Dropped, Lake, Manifest, Part, Roles, Settled, Staged, Subject, small_parts},
    store::{By, IngestCommit, Store},
};

/// For how long those who began to read before parts were merged may go on, in hours.
const READABLE_HOURS: f64 = 1.0;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Upkeep {
    /// Days for which events are kept: the most that the organization or a role asks for.
    pub retention_days: u32,
    /// Parts that were too old.
    pub parts_expired: u64,
    /// Their events.
    pub events_expired: u64,
    /// Their bytes.
    pub bytes_freed: u64,
    /// Events of roles that keep them for fewer days than the others.
    pub events_of_roles_expired: u64,
    /// Lines in quarantine that were too old.
    pub rejects_expired: u64,
    /// Small parts that were merged ...
    pub parts_merged: u64,
    /// ... into so many.
    pub parts_made: u64,
    /// Days whose events were rolled up, again or for the first time ...
    pub days_rolled_up: u64,
    /// ... into so many rows.
    pub rollup_rows: u64,
    /// Rollups that were too old.
    pub rollups_expired: u64,
    /// Why nothing was deleted although it is too old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
}

/// What was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Events.
    pub events: u64,
    /// Parts that were written again or deleted.
    pub parts: u64,
    /// Lines in quarantine.
    pub rejects: u64,
    /// Other rows of the store: of hosts, their roles, alerts, signals that are not written yet.
    pub rows: u64,
}

impl Erased {
    /// Whether there was nothing of it.
    pub const fn is_nothing(&self) -> bool {
        self.events + self.rejects + self.rows == 0
    }
}

/// Rolls days up, applies retention and merges small parts; rollups are kept for `rollup_days`. Waits
/// for the lake; `waiting` is called then.
///
/// # Errors
/// Where store or lake fail; what was committed before counts.
pub async fn upkeep(
    store: &Store,
    lake: &Lake,
    rollup_days: u32,
    now: Timestamp,
    waiting: &(dyn Fn() + Sync),
) -> anyhow::Result<Upkeep> {
    let _lock = tokio::task::block_in_place(|| lake.lock(waiting))?;
    let mut manifest = settled(store, lake, now).await?;
    let retention = store.retention_days().await?;
    let mut res = Upkeep { retention_days: longest(&retention), ..Upkeep::default() };
    let rolled_up = roll_up(store, lake, &mut manifest, &retention, now).await?;
    (res.days_rolled_up, res.rollup_rows) = (rolled_up.n_days, rolled_up.n_rows);
    let cutoff = days_before(now, res.retention_days);
    let expired: Vec<Part> =
        manifest.parts.iter().filter(|part| part.day < cutoff).cloned().collect();
    if !expired.is_empty() && expired.len() == manifest.parts.len() {
        let last = expired.iter().map(|part| part.last).max().unwrap_or_default();
        res.held_back = Some(format!(
            "every event is older than {} days, the last is of {last}: either nothing comes in any \
             more, or the clock is wrong; nothing was deleted",
            res.retention_days
        ));
    } else if !expired.is_empty() {
        res.parts_expired = expired.len() as u64;
        res.events_expired = expired.iter().map(|part| part.n_events).sum();
        res.bytes_freed = expired.iter().map(|part| part.n_bytes).sum();
        let staged = Staged { dropped: expired, ..Staged::default() };
        change(store, lake, &mut manifest, staged, now, now).await?;
    }
    if res.held_back.is_none() {
        res.rejects_expired = store.forget_rejects(cutoff.start()).await?;
        res.events_of_roles_expired =
            expire_roles(store, lake, &mut manifest, &retention, now).await?;
        for rollup in store.expire_rollups(days_before(now, rollup_days)).await? {
            lake.publish_rollup(rollup.day, None)?;
            res.rollups_expired += 1;
        }
    }
    for group in small_parts(&manifest.parts) {
        let staged = tokio::task::block_in_place(|| lake.stage_together(&group))?;
        res.parts_merged += staged.dropped.len() as u64;
        res.parts_made += staged.parts.len() as u64;
        let until = now.plus_hours(READABLE_HOURS);
        change(store, lake, &mut manifest, staged, until, now).await?;
    }
    Ok(res)
}

fn longest(retention: &BTreeMap<String, u32>) -> u32 {
    retention.values().copied().max().unwrap_or_default()
}

/// The first day that is kept.
pub(super) fn days_before(now: Timestamp, days: u32) -> Day {
    Day(now.day().0.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)))
}

/// Takes the events of roles that keep them for fewer days than others out of the parts of the days
/// in between; gives how many there were. Each part is read for a role once.
async fn expire_roles(
    store: &Store,
    lake: &Lake,
    manifest: &mut Manifest,
    retention: &BTreeMap<String, u32>,
    now: Timestamp,
) -> anyhow::Result<u64> {
    let known: BTreeSet<String> = retention.keys().cloned().collect();
    let longest = longest(retention);
    if retention.values().all(|days| *days == longest) {
        return Ok(0);
    }
    let without = store.parts_without().await?;
    // Parts by the roles that are to go from them: nearly always few groups, by age.
    let mut groups: BTreeMap<BTreeSet<String>, Vec<Part>> = BTreeMap::new();
    for part in &manifest.parts {
        let is_over = |days: u32| part.day < days_before(now, days);
        let over = retention.iter().filter(|(_, days)| is_over(**days));
        let go: BTreeSet<String> = over.map(|(role, _)| role.clone()).collect();
        let is_clear = without.get(&part.name).is_some_and(|gone| go.is_subset(gone));
        if !go.is_empty() && !is_clear {
            groups.entry(go).or_default().push(part.clone());
        }
    }
    let mut n_expired = 0;
    for (go, parts) in groups {
        let roles = Roles { known: &known, go: &go };
        let (staged, n_events) =
            tokio::task::block_in_place(|| lake.stage_without_roles(&parts, &roles))?;
        let mut looked_at = parts;
        looked_at.retain(|part| !staged.dropped.contains(part));
        looked_at.extend(staged.parts.iter().cloned());
        if !staged.dropped.is_empty() {
            change(store, lake, manifest, staged, now, now).await?;
        }
        store.note_without(&looked_at, &go).await?;
        n_expired += n_events;
    }
    Ok(n_expired)
}

/// Erases all events of a host or session, and what else is known of it; see
/// [`Store::commit_forget`].
///
/// # Errors
/// Where store or lake fail; then nothing was erased, or all.
pub async fn forget(
    store: &Store,
    lake: &Lake,
    subject: &Subject,
    by: &By,
    waiting: &(dyn Fn() + Sync),
) -> anyhow::Result<Erased> {
    let _lock = tokio::task::block_in_place(|| lake.lock(waiting))?;
    let manifest = settled(store, lake, by.at).await?;
    let (staged, events) =
        tokio::task::block_in_place(|| lake.stage_without(&manifest.parts, subject))?;
    let parts = staged.dropped.len() as u64;
    let counts = BTreeMap::from([("events", events), ("parts", parts)]);
    let (generation, readable_until) = (manifest.generation, by.at);
    let commit =
        IngestCommit { generation, at: by.at, readable_until, staged, ..IngestCommit::default() };
    let (rejects, rows) = store.commit_forget(&commit, subject, &counts, by).await?;
    // Parts that were merged may hold it still, for readers who began before: not any more.
    for dropped in &manifest.dropped {
        lake.take_away(&Dropped { readable_until: by.at, ..dropped.clone() }, by.at)?;
    }
    store.clear_dropped(&manifest.dropped).await?;
    finish(store, lake, &commit, by.at).await?;
    Ok(Erased { events, parts, rejects, rows })
}

/// Puts the lake in order after whatever happened to the last writer; gives what is committed, and
/// what was done. Needs the lock.
pub(super) async fn settle(
    store: &Store,
    lake: &Lake,
    now: Timestamp,
) -> anyhow::Result<(Manifest, Settled)> {
    let mut manifest = store.manifest().await?;
    if lake.is_in_bucket() {
        tokio::task::block_in_place(|| lake.refuse_foreign(&manifest))?;
        // The lock holds on this machine. A writer on another one must not commit what it has staged
        // and what is about to be deleted: from here on it is overtaken.
        let generation = manifest.generation;
        let fence = IngestCommit { generation, at: now, ..IngestCommit::default() };
        manifest.generation = store.commit_ingest(&fence).await?;
    }
    let settled = tokio::task::block_in_place(|| lake.settle(&manifest, now))?;
    store.clear_dropped(&settled.gone).await?;
    Ok((manifest, settled))
}

/// The manifest, with the lake in order.
async fn settled(store: &Store, lake: &Lake, now: Timestamp) -> anyhow::Result<Manifest> {
    let (mut manifest, settled) = settle(store, lake, now).await?;
    store.roll_up_again(&settled.lost_rollups).await?;
    manifest.dropped.retain(|it| !settled.gone.contains(it));
    manifest.parts.retain(|part| !settled.lost.contains(part));
    Ok(manifest)
}

/// Commits what is staged and brings the files in order.
async fn change(
    store: &Store,
    lake: &Lake,
    manifest: &mut Manifest,
    staged: Staged,
    readable_until: Timestamp,
    now: Timestamp,
) -> anyhow::Result<()> {
    let generation = manifest.generation;
    let commit =
        IngestCommit { generation, at: now, readable_until, staged, ..IngestCommit::default() };
    manifest.generation = store.commit_ingest(&commit).await?;
    manifest.parts.retain(|part| !commit.staged.dropped.contains(part));
    manifest.parts.extend(commit.staged.parts.iter().cloned());
    finish(store, lake, &commit, now).await
}

/// Takes the files of dropped parts away and gives new ones their names, in this order: whoever
/// reads by the public glob sees no event twice.
async fn finish(
    store: &Store,
    lake: &Lake,
    commit: &IngestCommit,
    now: Timestamp,
) -> anyhow::Result<()> {
    let mut gone = Vec::new();
    for part in &commit.staged.dropped {
        let (day, name) = (part.day, part.name.clone());
        let dropped = Dropped { day, name, readable_until: commit.readable_until };
        if lake.take_away(&dropped, now)? {
            gone.push(dropped);
        }
    }
    lake.publish(&commit.staged)?;
    store.clear_dropped(&gone).await?;
    Ok(())
}
