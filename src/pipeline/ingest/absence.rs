//! What is not there: days that were deleted before anybody read them, hosts that fell silent.
use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    events::{Day, Timestamp},
    store::{Host, Store, StoreError},
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
}

/// What is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Absences {
    pub(super) gone: Vec<Gone>,
    pub(super) silent: Vec<Silent>,
}

/// What was known before an ingest.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// When the paths were last read to their end, all of them; `None` where one never was.
    read: Option<Timestamp>,
    /// Host -> its last event.
    last_seen: BTreeMap<String, Timestamp>,
}

impl Before {
    pub(super) async fn load(store: &Store, paths: &[String]) -> Result<Self, StoreError> {
        let read = store.directories_read().await?;
        let read: Option<Vec<Timestamp>> = paths.iter().map(|it| read.get(it).copied()).collect();
        let hosts = store.hosts().await?;
        Ok(Self {
            read: read.and_then(|it| it.into_iter().min()),
            last_seen: hosts
                .into_iter()
                .filter_map(|it| Some((it.hostname, it.last_seen?)))
                .collect(),
        })
    }

    /// What is not there, seen from `hosts` as they are after the ingest at `now`.
    ///
    /// Days are gone where the paths were last read longer ago than files are kept: for every host
    /// that reported until then, the days behind the last event that was read and before what is
    /// kept. Of the first and the last day a part may be known; whole days in between are not.
    pub(super) fn compare(&self, hosts: &[Host], kept_days: u32, now: Timestamp) -> Absences {
        let kept = i32::try_from(kept_days).unwrap_or(i32::MAX);
        let today = now.day();
        let kept_from = today.0.saturating_sub(kept);
        let mut res = Absences::default();
        for host in hosts {
            let Some(last) = host.last_seen else { continue };
            let silence = today.0.saturating_sub(last.day().0);
            if silence > SILENT_DAYS && silence <= TOLD_DAYS {
                let hostname = host.hostname.clone();
                res.silent.push(Silent { hostname, last_seen: last });
            }
            let (Some(read), Some(before)) = (self.read, self.last_seen.get(&host.hostname)) else {
                continue;
            };
            // Who was silent already when the paths were last read has lost nothing that we know of.
            let reported = read.day().0.saturating_sub(before.day().0) <= SILENT_DAYS;
            let (from, to) = (read.day().0.max(before.day().0), kept_from - 1);
            if reported && from < to {
                let (from, to) = (Day(from + 1).to_string(), Day(to).to_string());
                res.gone.push(Gone { hostname: host.hostname.clone(), from, to });
            }
        }
        res
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("{text}T12:00:00Z")).unwrap()
    }

    fn host(hostname: &str, last: &str) -> Host {
        Host {
            hostname: hostname.to_owned(),
            role: None,
            assigned: false,
            since: None,
            first_seen: None,
            last_seen: Some(at(last)),
        }
    }

    fn compare(read: &str, now: &str, after: &[Host]) -> Absences {
        let last_seen = [("a", "2026-03-01"), ("b", "2026-03-01"), ("old", "2026-02-10")]
            .map(|(name, day)| (name.to_owned(), at(day)));
        let before = Before { read: Some(at(read)), last_seen: last_seen.into() };
        before.compare(after, 7, at(now))
    }

    #[test]
    fn a_week_that_was_missed_is_told_with_hosts_and_days() {
        // Read on March 1; what is kept on March 15 begins on March 8.
        let after = [host("a", "2026-03-15"), host("b", "2026-03-01"), host("old", "2026-02-10")];
        let absences = compare("2026-03-01", "2026-03-15", &after);
        let gone = |name: &str| Gone {
            hostname: name.to_owned(),
            from: "2026-03-02".to_owned(),
            to: "2026-03-07".to_owned(),
        };
        assert_eq!(absences.gone, [gone("a"), gone("b")], "who was silent before has lost nothing");
    }

    #[test]
    fn nothing_is_gone_while_files_are_kept() {
        let after = [host("a", "2026-03-07"), host("b", "2026-03-07")];
        assert_eq!(compare("2026-03-01", "2026-03-07", &after), Absences::default());
        assert_eq!(compare("2026-03-01", "2026-03-08", &after).gone, []);
        assert_eq!(Before::default().compare(&after, 7, at("2026-06-01")), Absences::default());
    }

    #[test]
    fn hosts_that_stopped_are_named_for_a_month() {
        let last = |day: &str| host("a", day);
        for (day, named) in [
            ("2026-03-15", false),
            ("2026-03-11", false),
            ("2026-03-10", true),
            ("2026-02-13", true),
            ("2026-02-12", false),
        ] {
            let absences = compare("2026-03-14", "2026-03-15", &[last(day)]);
            assert_eq!(absences.silent.len(), usize::from(named), "{day}");
        }
    }
}
