//! Reading columns: the types both databases share, and our own on top of them.
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row as _, any::AnyRow};

use super::StoreError;
use crate::events::Timestamp;

/// A row whose columns are read by name.
pub(super) trait Columns {
    fn text(&self, name: &str) -> Result<String, StoreError>;
    fn maybe_text(&self, name: &str) -> Result<Option<String>, StoreError>;
    fn number(&self, name: &str) -> Result<i64, StoreError>;
    fn maybe_number(&self, name: &str) -> Result<Option<i64>, StoreError>;
    fn real(&self, name: &str) -> Result<f64, StoreError>;
    fn maybe_real(&self, name: &str) -> Result<Option<f64>, StoreError>;

    /// A count; what is negative is corrupt.
    fn count(&self, name: &str) -> Result<u64, StoreError> {
        let number = self.number(name)?;
        u64::try_from(number).map_err(|_| corrupt("a count", &number.to_string()))
    }

    fn time(&self, name: &str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp(self.number(name)?))
    }

    fn maybe_time(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_number(name)?.map(Timestamp))
    }

    /// An enum by its text form.
    fn word<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        let text = self.text(name)?;
        parse(&text).ok_or_else(|| corrupt(name, &text))
    }

    /// An enum by its text form, where there is one.
    fn maybe_word<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let text = self.maybe_text(name)?;
        text.map(|it| parse(&it).ok_or_else(|| corrupt(name, &it))).transpose()
    }

    fn json<T: DeserializeOwned>(&self, name: &'static str) -> Result<T, StoreError> {
        parse_json(name, &self.text(name)?)
    }

    fn maybe_json<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        self.maybe_text(name)?.map(|text| parse_json(name, &text)).transpose()
    }
}

impl Columns for AnyRow {
    fn text(&self, name: &str) -> Result<String, StoreError> {
        Ok(self.try_get(name)?)
    }

    fn maybe_text(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(name)?)
    }

    fn number(&self, name: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(name)?)
    }

    fn maybe_number(&self, name: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(name)?)
    }

    fn real(&self, name: &str) -> Result<f64, StoreError> {
        Ok(self.try_get(name)?)
    }

    fn maybe_real(&self, name: &str) -> Result<Option<f64>, StoreError> {
        Ok(self.try_get(name)?)
    }
}

fn corrupt(what: &'static str, text: &str) -> StoreError {
    StoreError::Corrupt { what, text: text.to_owned() }
}

fn parse_json<T: DeserializeOwned>(name: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt(name, text))
}

/// A count for a BIGINT column.
pub(super) fn bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// JSON text for a TEXT column. PostgreSQL takes no NUL, neither as text nor as an escape in jsonb:
/// it becomes the replacement character.
pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    let text = serde_json::to_string(value)
        .map_err(|err| corrupt("a value that serializes", &err.to_string()))?;
    if !text.contains("\\u0000") {
        return Ok(text);
    }
    let mut res = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, escape)) = rest.split_once('\\') {
        res.push_str(before);
        res.push('\\');
        if let Some(after) = escape.strip_prefix("u0000") {
            res.push_str("ufffd");
            rest = after;
        } else {
            let mut chars = escape.chars();
            res.extend(chars.next());
            rest = chars.as_str();
        }
    }
    res.push_str(rest);
    Ok(res)
}

/// Text for a TEXT column, without NUL.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_never_reaches_a_json_column() {
        for (value, text) in [
            ("plain", r#""plain""#),
            ("a\0b", r#""a\ufffdb""#),
            ("a\\u0000b", r#""a\\u0000b""#),
            ("\\\0\n", r#""\\\ufffd\n""#),
        ] {
            assert_eq!(json(&value).unwrap(), text);
        }
    }
}
