//! What is not there: days that were deleted before anybody read them, hosts that fell silent.
use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    events::{Day, Timestamp},
    store::{Store, StoreError},
};

/// A host that said nothing for so many days is silent: longer than a weekend with a holiday.
const SILENT_DAYS: i32 = 4;

/// A host that fell silent longer ago is not named any more, in days: it was told often enough.
const TOLD_DAYS: i32 = 30;

/// A host's days that were deleted where they were written before anybody read them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gone {
    /// The host.
    pub hostname: String,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
}

/// A host that used to report and stopped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Silent {
    /// The host.
    pub hostname: String,
    /// Its last event.
    pub last_seen: Timestamp,
    /// Whether this is told for the first time: it was not silent yet when the paths were last read.
    pub is_new: bool,
}

/// At most so many hosts are named of each kind: an archive can hold millions of names.
const MOST_NAMED: u32 = 10_000;

/// Days that are gone, seen before an ingest of `paths` at `now`; `read` is when directories were read.
///
/// Days are gone where the paths were last read longer ago than files are kept: for every host that
/// reported until then, the days behind the last event that was read and before what is kept. Of the
/// first and the last day a part may be known; whole days in between are not.
pub(super) async fn gone(
    store: &Store,
    read: &BTreeMap<String, Timestamp>,
    paths: &[String],
    kept_days: u32,
    now: Timestamp,
) -> Result<Vec<Gone>, StoreError> {
    let read: Option<Vec<Timestamp>> = paths.iter().map(|it| read.get(it).copied()).collect();
    let Some(read) = read.and_then(|it| it.into_iter().min()) else { return Ok(Vec::new()) };
    let read = read.day();
    let kept = i32::try_from(kept_days).unwrap_or(i32::MAX);
    let to = Day(now.day().0.saturating_sub(kept).saturating_sub(1));
    if read >= to {
        return Ok(Vec::new());
    }
    // Who was silent already when the paths were last read has lost nothing that we know of.
    let reported_from = Day(read.0.saturating_sub(SILENT_DAYS));
    let reported = store.hosts_last_seen(reported_from.start(), to.start(), MOST_NAMED).await?;
    let gone = reported.into_iter().map(|(hostname, last)| Gone {
        hostname,
        from: Day(read.0.max(last.day().0) + 1).to_string(),
        to: to.to_string(),
    });
    Ok(gone.collect())
}

/// Hosts that fell silent, seen at `now`, after what was read `before`; those that reported for longest
/// first.
///
/// # Errors
/// Where the database is away.
pub async fn silent(
    store: &Store,
    before: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Silent>, StoreError> {
    let told = before.map(|it| Day(it.day().0.saturating_sub(SILENT_DAYS)).start());
    let ago = |days: i32| Day(now.day().0.saturating_sub(days)).start();
    let hosts = store.hosts_last_seen(ago(TOLD_DAYS), ago(SILENT_DAYS), MOST_NAMED).await?;
    let is_new = |last_seen| told.is_none_or(|told| last_seen >= told);
    let silent = hosts.into_iter().map(|(hostname, last_seen)| Silent {
        hostname,
        last_seen,
        is_new: is_new(last_seen),
    });
    Ok(silent.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lake::Staged,
        store::{IngestCommit, Missing, Place},
    };

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("{text}T12:00:00Z")).unwrap()
    }

    /// Works on a store whose hosts were last seen so, and whose directory `in` was last read so.
    fn with(hosts: &[(&str, &str)], read: &str, test: impl AsyncFnOnce(&Store)) {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::File(dir.path().join("advisor.db"));
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let store = Store::open(&place, Missing::Create).await.unwrap();
            let hosts = hosts.iter().map(|(name, day)| ((*name).to_owned(), (at(day), at(day))));
            let staged = Staged { hosts: hosts.collect(), ..Staged::default() };
            let commit = IngestCommit { staged, ..IngestCommit::default() };
            store.commit_ingest(&commit).await.unwrap();
            store.note_read(&["in".to_owned()], at(read)).await.unwrap();
            test(&store).await;
            store.close().await;
        });
    }

    const HOSTS: &[(&str, &str)] =
        &[("a", "2026-03-01"), ("b", "2026-03-02"), ("old", "2026-02-10")];

    #[test]
    fn a_week_that_was_missed_is_told_with_hosts_and_days() {
        with(HOSTS, "2026-03-01", async |store| {
            // What is kept on March 15 begins on March 8.
            let read = store.directories_read().await.unwrap();
            let paths = ["in".to_owned()];
            let gone = gone(store, &read, &paths, 7, at("2026-03-15")).await.unwrap();
            let of = |name: &str, from: &str| Gone {
                hostname: name.to_owned(),
                from: from.to_owned(),
                to: "2026-03-07".to_owned(),
            };
            let wanted = [of("a", "2026-03-02"), of("b", "2026-03-03")];
            assert_eq!(gone, wanted, "who was silent before has lost nothing");
        });
    }

    #[test]
    fn nothing_is_gone_while_files_are_kept() {
        with(HOSTS, "2026-03-01", async |store| {
            for (path, now, n_gone) in [
                ("in", "2026-03-07", 0),
                ("in", "2026-03-09", 0),
                ("in", "2026-03-10", 1),
                ("in", "2026-03-11", 2),
                ("never read", "2026-06-01", 0),
            ] {
                let read = store.directories_read().await.unwrap();
                let gone = gone(store, &read, &[path.to_owned()], 7, at(now)).await.unwrap();
                assert_eq!(gone.len(), n_gone, "{path} {now}");
            }
        });
    }

    #[test]
    fn hosts_that_stopped_are_named_for_a_month() {
        for (day, named) in [
            ("2026-03-15", false),
            ("2026-03-11", false),
            ("2026-03-10", true),
            ("2026-02-13", true),
            ("2026-02-12", false),
        ] {
            with(&[("a", day)], "2026-03-14", async |store| {
                let silent = silent(store, None, at("2026-03-15")).await.unwrap();
                assert_eq!(silent.len(), usize::from(named), "{day}");
            });
        }
    }

    #[test]
    fn a_host_that_stopped_is_new_once() {
        with(&[("a", "2026-03-09"), ("b", "2026-03-10")], "2026-03-14", async |store| {
            let silent = async |before: Option<&str>, now| {
                let silent = silent(store, before.map(at), at(now)).await.unwrap();
                let news = silent.into_iter().map(|it| (it.hostname, it.is_new));
                news.collect::<Vec<(String, bool)>>()
            };
            let told = |news: &[(&str, bool)]| -> Vec<(String, bool)> {
                news.iter().map(|(name, is_new)| ((*name).to_owned(), *is_new)).collect()
            };
            assert_eq!(silent(None, "2026-03-15").await, told(&[("a", true), ("b", true)]));
            let again = silent(Some("2026-03-14"), "2026-03-15").await;
            assert_eq!(again, told(&[("a", false), ("b", true)]));
            let again = silent(Some("2026-03-15"), "2026-03-15").await;
            assert_eq!(again, told(&[("a", false), ("b", false)]));
        });
    }
}
