//! Instants and days, UTC; the core never asks what time it is.
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const US_PER_DAY: i64 = 86_400_000_000;

/// An instant, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A UTC calendar day, in days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Timestamp {
    /// Reads RFC 3339; `None` where it is not, or lies outside the years 1970 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let at = DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros();
        (0..=253_402_300_799_999_999).contains(&at).then_some(Self(at))
    }

    /// The UTC day that holds the instant.
    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(US_PER_DAY)).unwrap_or(i32::MAX))
    }

    /// The instant `hours` later (earlier where negative).
    #[must_use]
    pub fn plus_hours(self, hours: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "float casts saturate")]
        Self(self.0.saturating_add((hours * 3_600_000_000.0) as i64))
    }

    /// Hours from `earlier` to here.
    pub fn hours_since(self, earlier: Self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "hours need no more than 52 bits")]
        let us = (self.0.saturating_sub(earlier.0)) as f64;
        us / 3_600_000_000.0
    }
}

impl Day {
    /// First instant of the day.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * US_PER_DAY)
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        Timestamp::parse(&format!("{text}T00:00:00Z")).map(Timestamp::day)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = DateTime::<Utc>::from_timestamp_micros(self.0).unwrap_or_default();
        f.pad(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = DateTime::<Utc>::from_timestamp_micros(self.start().0).unwrap_or_default();
        f.pad(&at.format("%Y-%m-%d").to_string())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not RFC 3339")))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_round_trip_and_know_their_day() {
        let at = Timestamp::parse("2026-01-05T12:32:57.220Z").unwrap();
        assert_eq!(at.to_string(), "2026-01-05T12:32:57.220Z");
        assert_eq!(at.day().to_string(), "2026-01-05");
        assert_eq!(Timestamp::parse("2026-01-05T14:32:57.220+02:00"), Some(at));
        assert_eq!(Day::parse("2026-01-05"), Some(at.day()));
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59Z"), None);
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
