//! When a role is analyzed: a name or a cron expression, read in a time zone.
use std::{fmt, ops::RangeInclusive, str::FromStr as _};

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::events::Timestamp;

/// Names for common expressions: at night, and the weekly one on Monday.
const NAMES: &[(&str, &str)] =
    &[("hourly", "0 * * * *"), ("daily", "0 3 * * *"), ("weekly", "0 3 * * 1")];

const MONTHS: &[&str] =
    &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What a field of a cron expression may hold, besides `*` and `?`.
struct Bounds {
    /// One of what it counts.
    name: &'static str,
    range: RangeInclusive<u32>,
    names: &'static [&'static str],
}

/// The fields but that of the weekdays, seconds first.
///
/// # Source
/// crontab(5).
const BOUNDS: [Bounds; 5] = [
    Bounds { name: "second", range: 0..=59, names: &[] },
    Bounds { name: "minute", range: 0..=59, names: &[] },
    Bounds { name: "hour", range: 0..=23, names: &[] },
    Bounds { name: "day of the month", range: 1..=31, names: &[] },
    Bounds { name: "month", range: 1..=12, names: MONTHS },
];

impl Bounds {
    /// Whether a field is a list of values, ranges and steps within the bounds.
    fn check(&self, field: &str) -> Result<(), BadSchedule> {
        let Self { name, range, .. } = self;
        let bad = |item: &str| {
            let (first, last) = (range.start(), range.end());
            BadSchedule::Field(format!("`{item}` is no {name}: the range is {first} to {last}"))
        };
        for item in field.split(',') {
            let (span, step) = item.split_once('/').map_or((item, None), |(a, b)| (a, Some(b)));
            let steps = step.map(|it| it.parse::<u32>().ok().filter(|it| *it > 0));
            if steps == Some(None) {
                return Err(BadSchedule::Field(format!("`{item}` has no step behind its `/`")));
            }
            if matches!(span, "*" | "?") {
                continue;
            }
            let (first, last) = span.split_once('-').unwrap_or((span, span));
            let first = self.number(first).ok_or_else(|| bad(first))?;
            let last = self.number(last).ok_or_else(|| bad(last))?;
            if first > last {
                return Err(BadSchedule::Field(format!("`{item}` ends before it begins")));
            }
        }
        Ok(())
    }

    /// A value, by number or name.
    fn number(&self, text: &str) -> Option<u32> {
        let is_name = |name: &&str| text.get(..3).is_some_and(|it| it.eq_ignore_ascii_case(name));
        if text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            let at = self.names.iter().position(is_name)?;
            return u32::try_from(at).ok().map(|it| it + 1);
        }
        text.parse().ok().filter(|it| self.range.contains(it))
    }
}

/// How many fires are looked at for one that comes after an instant: a clock that is set back
/// repeats at most three hours of seconds.
const MAX_FIRES: usize = 4 * 3_600;

/// A schedule: `hourly`, `daily` (03:00), `weekly` (Monday 03:00), or a cron expression of five
/// fields, or six with seconds in front.
///
/// Days of the week are those of crontab: 0 and 7 are Sunday, 1 is Monday, names are understood.
/// As in crontab, where both day of month and day of week are restricted, either is enough. A fire
/// in the hour that a clock skips comes when the hour is over; one in an hour that comes twice
/// comes in the first.
#[derive(Clone, Debug)]
pub struct Schedule {
    text: String,
    /// The earliest fire of any of them counts.
    parts: Vec<cron::Schedule>,
}

/// Why a schedule was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// Neither a name nor five or six fields.
    #[error("give `hourly`, `daily`, `weekly`, or a cron expression of 5 fields (6 with seconds)")]
    Fields,
    /// A field cannot be read.
    #[error("{0}")]
    Field(String),
    /// There is no such day.
    #[error("it never fires")]
    Never,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// Where it is none, or never fires.
    pub fn parse(text: &str) -> Result<Self, BadSchedule> {
        let text = text.trim();
        let name = text.strip_prefix('@').unwrap_or(text);
        let expression =
            NAMES.iter().find(|(it, _)| *it == name).map_or(text, |(_, expression)| expression);
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let (seconds, minutes, hours, dates, months, days) = match *fields.as_slice() {
            [minutes, hours, dates, months, days] => ("0", minutes, hours, dates, months, days),
            [seconds, minutes, hours, dates, months, days] => {
                (seconds, minutes, hours, dates, months, days)
            }
            _ => return Err(BadSchedule::Fields),
        };
        for (field, bounds) in [seconds, minutes, hours, dates, months].into_iter().zip(BOUNDS) {
            bounds.check(field)?;
        }
        let days_named = weekdays(days)?;
        let mut alternatives = vec![(dates, days_named.as_str())];
        let restricted = |field: &str| !field.starts_with(['*', '?']);
        if restricted(dates) && restricted(days) {
            alternatives = vec![(dates, "*"), ("*", days_named.as_str())];
        }
        let parts: Result<Vec<cron::Schedule>, cron::error::Error> = alternatives
            .into_iter()
            .map(|(dates, days)| {
                let expression = format!("{seconds} {minutes} {hours} {dates} {months} {days}");
                cron::Schedule::from_str(&expression)
            })
            .collect();
        // What it says is about six fields, which nobody wrote.
        let parts = parts.map_err(|_| BadSchedule::Fields)?;
        let schedule = Self { text: text.to_owned(), parts };
        // From any instant on: `cron` looks ahead to the year 2100.
        schedule.next(Timestamp(0), Tz::UTC).ok_or(BadSchedule::Never)?;
        Ok(schedule)
    }

    /// The default.
    pub(super) fn weekly() -> Self {
        // The name is in the table, which a test reads; nothing fires without parts.
        Self::parse("weekly").unwrap_or(Self { text: "weekly".to_owned(), parts: Vec::new() })
    }

    /// The first fire after an instant, `None` where there is none before 2100.
    pub fn next(&self, after: Timestamp, zone: Tz) -> Option<Timestamp> {
        let utc = DateTime::<Utc>::from_timestamp_micros(after.0)?;
        // The wall clock's time, walked as if it had no gaps; each fire is then put on the real clock.
        let wall = utc.with_timezone(&zone).naive_local().and_utc();
        let on_clock = |part: &cron::Schedule| {
            part.after(&wall)
                .take(MAX_FIRES)
                .filter_map(|fire| instant(fire.naive_utc(), zone))
                .find(|fire| *fire > after)
        };
        self.parts.iter().filter_map(on_clock).min()
    }
}

/// The instant at which a wall clock shows `wall`: the first where it does so twice, the end of the
/// gap where it never does.
fn instant(wall: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    let minutes = 0..=24 * 60;
    let shown = minutes.map(|minute| wall.checked_add_signed(Duration::minutes(minute)));
    for (minute, wall) in shown.enumerate() {
        match zone.from_local_datetime(&wall?) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => {
                // Past a gap, seconds no longer matter: the clock jumps to a full minute.
                let at = at.timestamp_micros();
                return Some(Timestamp(if minute == 0 { at } else { at - at % 60_000_000 }));
            }
            LocalResult::None => (),
        }
    }
    None
}

/// A crontab field of weekdays as names, which mean the same to everyone: `5-7` is `Fri,Sat,Sun`.
fn weekdays(field: &str) -> Result<String, BadSchedule> {
    const NAMES: [&str; 8] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    if field == "*" || field == "?" {
        return Ok("*".to_owned());
    }
    let bad = |item: &str| {
        BadSchedule::Field(format!("`{item}` is no day of the week (0 to 7, or names)"))
    };
    let number = |text: &str| {
        let named = NAMES.iter().position(|it| {
            text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(it))
                && text.bytes().all(|byte| byte.is_ascii_alphabetic())
        });
        named.or_else(|| text.parse().ok().filter(|it| *it <= 7)).ok_or_else(|| bad(field))
    };
    let mut days = [false; 7];
    for item in field.split(',') {
        let (range, step) = match item.split_once('/') {
            None => (item, None),
            Some((range, step)) => {
                (range, Some(step.parse().ok().filter(|it| *it > 0).ok_or_else(|| bad(item))?))
            }
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((first, last)) => (number(first)?, number(last)?),
            None if step.is_some() => (number(range)?, 6),
            None => (number(range)?, number(range)?),
        };
        // `fri-sun`: Sunday ends the week where it ends a range.
        let last = if last == 0 && first > 0 { 7 } else { last };
        if first > last {
            return Err(bad(item));
        }
        for day in (first..=last).step_by(step.unwrap_or(1)) {
            if let Some(day) = days.get_mut(day % 7) {
                *day = true;
            }
        }
    }
    let named = NAMES.iter().zip(days).filter(|(_, on)| *on).map(|(name, _)| *name);
    Ok(named.collect::<Vec<&str>>().join(","))
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(schedule: &str, zone: &str, after: &str, n: usize) -> Vec<String> {
        let schedule = Schedule::parse(schedule).unwrap();
        let zone = zone.parse().unwrap();
        let mut at = Timestamp::parse(after).unwrap();
        let mut next = || {
            at = schedule.next(at, zone)?;
            Some(at.to_string())
        };
        std::iter::repeat_with(&mut next).take(n).flatten().collect()
    }

    #[test]
    fn every_name_is_a_schedule() {
        for (name, _) in NAMES {
            assert!(!Schedule::parse(name).unwrap().parts.is_empty());
            assert!(Schedule::parse(&format!("@{name}")).is_ok());
        }
    }

    #[test]
    fn days_of_the_week_are_those_of_crontab() {
        // 2026-01-05 is a Monday.
        for (schedule, first) in [
            ("weekly", "2026-01-05T03:00:00Z"),
            ("0 12 * * 0", "2026-01-04T12:00:00Z"),
            ("0 12 * * 7", "2026-01-04T12:00:00Z"),
            ("0 12 * * 1", "2026-01-05T12:00:00Z"),
            ("0 12 * * sat", "2026-01-03T12:00:00Z"),
            ("0 12 * * 5-7", "2026-01-02T12:00:00Z"),
            ("0 12 * * fri-sun", "2026-01-02T12:00:00Z"),
            ("0 12 * * */3", "2026-01-03T12:00:00Z"),
            ("30 0 12 * * 1-5", "2026-01-01T12:00:30Z"),
            // Either the first of the month or a Tuesday.
            ("0 12 1 * 2", "2026-01-01T12:00:00Z"),
            ("0 12 2 2 2", "2026-02-02T12:00:00Z"),
        ] {
            assert_eq!(fires(schedule, "UTC", "2026-01-01T00:00:00Z", 1), [first], "{schedule}");
        }
        // Either a Tuesday or the 15th.
        assert_eq!(
            fires("0 0 15 * 2", "UTC", "2026-01-12T00:00:00Z", 3),
            ["2026-01-13T00:00:00Z", "2026-01-15T00:00:00Z", "2026-01-20T00:00:00Z"]
        );
    }

    #[test]
    fn a_fire_in_a_skipped_hour_comes_when_it_is_over() {
        // Berlin, 2026-03-29: 02:00 becomes 03:00, which is 01:00 UTC.
        assert_eq!(
            fires("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
    }

    #[test]
    fn a_fire_in_a_repeated_hour_comes_once() {
        // Berlin, 2026-10-25: 02:30 is shown at 00:30 UTC, and again at 01:30 UTC.
        assert_eq!(
            fires("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        assert_eq!(
            fires("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15:00Z", 1),
            ["2026-10-26T01:30:00Z"]
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_who_wrote_it() {
        for (text, told) in [
            ("0 25 * * *", "`25` is no hour: the range is 0 to 23"),
            ("60 * * * *", "`60` is no minute: the range is 0 to 59"),
            ("60 0 * * * *", "`60` is no second: the range is 0 to 59"),
            ("0 0 0 * *", "`0` is no day of the month: the range is 1 to 31"),
            ("0 0 * 13 *", "`13` is no month: the range is 1 to 12"),
            ("0 0 * jan-foo *", "`foo` is no month: the range is 1 to 12"),
            ("0 9-5 * * *", "`9-5` ends before it begins"),
            ("*/0 * * * *", "`*/0` has no step behind its `/`"),
            ("0 1,x * * *", "`x` is no hour: the range is 0 to 23"),
            ("0 , * * *", "`` is no hour: the range is 0 to 23"),
            ("0 0 * * 8", "`8` is no day of the week (0 to 7, or names)"),
            ("0 0 31 2 *", "it never fires"),
        ] {
            assert_eq!(Schedule::parse(text).unwrap_err().to_string(), told, "{text}");
        }
        for text in ["5/15 8-18/2 1,15 jan-MAR,september *", "*/5 * ? * ?", "0 07 * * *"] {
            assert!(Schedule::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "now",
            "* * * *",
            "* * * * * * *",
            "61 * * * *",
            "* * * * 8",
            "* * * * x",
            "* * * * 5-2",
            "* * * * 1/0",
            "0 0 30 2 *",
            "0 0 * * mon-nope",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
