//! Words of the domain as values of flags: clap lists them and refuses others.
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::events::Timestamp;

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

/// An instant of a flag.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| format!("`{text}` is not an RFC 3339 time such as 2026-01-31T09:00:00Z"))
}
