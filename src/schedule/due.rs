//! Whether a role is due; pure.
use chrono_tz::Tz;

use crate::{events::Timestamp, settings::Schedule};

/// Whether a role is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It was never analyzed.
    First,
    /// Since this fire of its schedule; earlier ones that were missed are caught up with it, once.
    Since(Timestamp),
    /// Not before this fire; `None` where its schedule never fires again.
    Not(Option<Timestamp>),
}

/// Whether a role that was last analyzed at `last` is due at `now`.
///
/// It is due where its schedule has fired since then, however often: a machine that slept through
/// three weeks makes up for them with one analysis. The schedule's fires are those of
/// [`Schedule::next`], so one that falls into the hour a clock skips comes when that hour is over.
pub fn due(schedule: &Schedule, zone: Tz, last: Option<Timestamp>, now: Timestamp) -> Due {
    let Some(last) = last else { return Due::First };
    match schedule.next(last, zone) {
        Some(fire) if fire <= now => Due::Since(fire),
        next => Due::Not(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_role_is_due_once_for_every_fire_and_once_for_all_that_were_missed() {
        // Weekly is Monday, 03:00; 2026-01-05 is a Monday.
        let (monday, next) = (at("2026-01-05T03:00:00Z"), at("2026-01-12T03:00:00Z"));
        for (schedule, last, now, expected) in [
            ("weekly", None, "2026-01-01T00:00:00Z", Due::First),
            (
                "weekly",
                Some("2026-01-01T00:00:00Z"),
                "2026-01-05T02:59:59Z",
                Due::Not(Some(monday)),
            ),
            ("weekly", Some("2026-01-01T00:00:00Z"), "2026-01-05T03:00:00Z", Due::Since(monday)),
            ("weekly", Some("2026-01-05T03:00:00Z"), "2026-01-05T03:00:00Z", Due::Not(Some(next))),
            ("weekly", Some("2026-01-05T03:00:01Z"), "2026-01-11T23:00:00Z", Due::Not(Some(next))),
            // Three Mondays were missed.
            ("weekly", Some("2026-01-01T00:00:00Z"), "2026-01-23T12:00:00Z", Due::Since(monday)),
            (
                "weekly",
                Some("2026-01-23T12:00:00Z"),
                "2026-01-23T13:00:00Z",
                Due::Not(Some(at("2026-01-26T03:00:00Z"))),
            ),
            // The clock was set back.
            (
                "hourly",
                Some("2026-01-05T12:00:00Z"),
                "2026-01-05T11:00:00Z",
                Due::Not(Some(at("2026-01-05T13:00:00Z"))),
            ),
        ] {
            let schedule = Schedule::parse(schedule).unwrap();
            let last = last.map(at);
            assert_eq!(due(&schedule, Tz::UTC, last, at(now)), expected, "{last:?} {now}");
        }
    }

    #[test]
    fn a_fire_in_the_hour_that_is_skipped_is_not_lost() {
        let schedule = Schedule::parse("30 2 * * *").unwrap();
        let zone: Tz = "America/New_York".parse().unwrap();
        // 2026-03-08: 02:00 becomes 03:00, which is 07:00 UTC. Calls come every ten minutes.
        let mut last = at("2026-03-07T07:30:00Z");
        let mut ran = Vec::new();
        for minute in (0..3 * 24 * 60).step_by(10) {
            let now = Timestamp(at("2026-03-07T07:40:00Z").0 + minute * 60_000_000);
            if matches!(due(&schedule, zone, Some(last), now), Due::Since(_)) {
                ran.push(now.to_string());
                last = now;
            }
        }
        assert_eq!(ran, ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z", "2026-03-10T06:30:00Z"]);
    }

    #[test]
    fn a_fire_in_the_hour_that_comes_twice_runs_once() {
        let schedule = Schedule::parse("30 1 * * *").unwrap();
        let zone: Tz = "America/New_York".parse().unwrap();
        // 2026-11-01: 01:30 is 05:30 UTC and again 06:30 UTC.
        let mut last = at("2026-10-31T12:00:00Z");
        let mut ran = Vec::new();
        for minute in (0..2 * 24 * 60).step_by(10) {
            let now = Timestamp(at("2026-10-31T12:00:00Z").0 + minute * 60_000_000);
            if matches!(due(&schedule, zone, Some(last), now), Due::Since(_)) {
                ran.push(now.to_string());
                last = now;
            }
        }
        assert_eq!(ran, ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    }
}
