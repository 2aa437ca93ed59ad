//! Words of the domain as values of flags: clap lists them and refuses others.
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::events::{Day, Timestamp};

/// A parser for one of `all`, by text form.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    text: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(move |it| text(*it))).try_map(move |chosen| {
        let found = all.iter().copied().find(|it| text(*it) == chosen);
        found.ok_or_else(|| format!("`{chosen}` is not known"))
    })
}

/// The first instant that a flag names: itself, or the begin of a day.
pub(super) fn begin(text: &str) -> Result<Timestamp, String> {
    Day::parse(text).map_or_else(|| instant_or_day(text), |day| Ok(day.start()))
}

/// The last instant that a flag names: itself, or the end of a day.
pub(super) fn end(text: &str) -> Result<Timestamp, String> {
    let next = Day::parse(text).map(|day| Day(day.0 + 1).start());
    next.map_or_else(|| instant_or_day(text), |next| Ok(Timestamp(next.0 - 1)))
}

fn instant_or_day(text: &str) -> Result<Timestamp, String> {
    instant(text).map_err(|err| format!("{err}, and no day such as 2026-01-31"))
}

/// An instant of a flag.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| format!("`{text}` is not an RFC 3339 time such as 2026-01-31T09:00:00Z"))
}
