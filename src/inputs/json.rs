//! Strict JSON: no key twice, bounded depth, strings borrowed where they need no unescaping.
use std::{borrow::Cow, cell::RefCell, collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{
    MAX_DEPTH,
    reject::{Fault, Reason, safe_name},
};

/// What goes wrong while serde walks a line; serde's own errors carry only text.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Option<Fault>>);

impl Faults {
    /// Remembers the first fault and gives the error that stops serde.
    pub(super) fn stop<E: Error>(&self, fault: Fault) -> E {
        self.0.borrow_mut().get_or_insert(fault);
        E::custom("stopped")
    }

    /// The fault behind an error of serde: the remembered one, else by the error's category.
    pub(super) fn explain(&self, err: &serde_json::Error, field: Option<&str>) -> Fault {
        match (self.0.borrow_mut().take(), field) {
            (Some(fault), _) => fault,
            (None, Some(field)) if err.is_data() => Fault::at(Reason::WrongField, field),
            (None, _) => Fault::new(Reason::NotJson),
        }
    }
}

/// A line as one JSON value, held to the rules of this file.
pub(super) fn value(text: &str) -> Result<Value, Fault> {
    let faults = Faults::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Strict { faults: &faults, depth: 1, keep: true }.deserialize(&mut json);
    let value = value.and_then(|value| json.end().map(|()| value));
    value.map_err(|err| faults.explain(&err, None))
}

/// A string, or `None` for null.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A key of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let text = deserializer.deserialize_str(Text)?;
        text.ok_or_else(|| D::Error::custom("a key is a string"))
    }
}

/// A list of strings, or `None` for null.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts;

impl<'de> DeserializeSeed<'de> for Texts {
    type Value = Option<Vec<Cow<'de, str>>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = Option<Vec<Cow<'de, str>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = seq.next_element_seed(Text)? {
            texts.push(text.ok_or_else(|| A::Error::custom("null in a list of strings"))?);
        }
        Ok(Some(texts))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A number from 0 to 100, rounded down, or `None` for null.
#[derive(Clone, Copy, Debug)]
pub(super) struct Percent;

impl<'de> DeserializeSeed<'de> for Percent {
    type Value = Option<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Percent {
    type Value = Option<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 100")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let percent = u8::try_from(value).ok().filter(|it| *it <= 100);
        percent.map(Some).ok_or_else(|| E::custom("out of range"))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        if !(0.0..=100.0).contains(&value) {
            return Err(E::custom("out of range"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..=100")]
        Ok(Some(value as u8))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Any value, held to the rules of this file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strict<'a> {
    /// Where faults go.
    pub(super) faults: &'a Faults,
    /// How deep this value lies; the line's own object is 1.
    pub(super) depth: usize,
    /// Whether the value is wanted; null comes back where it is not.
    pub(super) keep: bool,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > MAX_DEPTH {
            return Err(self.faults.stop(Fault::new(Reason::TooDeep)));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(if self.keep { Value::from(value) } else { Value::Null })
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        let inner = Self { depth: self.depth + 1, ..self };
        while let Some(item) = seq.next_element_seed(inner)? {
            if self.keep {
                items.push(item);
            }
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut seen = Keys::default();
        let mut object = Map::new();
        let inner = Self { depth: self.depth + 1, ..self };
        while let Some(key) = map.next_key_seed(Key)? {
            let value = map.next_value_seed(inner)?;
            if self.keep {
                object.insert(key.to_string(), value);
            }
            seen.add(key, self.faults)?;
        }
        Ok(Value::Object(object))
    }
}

/// The keys of one object so far.
#[derive(Debug, Default)]
pub(super) struct Keys<'de>(BTreeSet<Cow<'de, str>>);

impl<'de> Keys<'de> {
    /// Adds a key, or stops with a fault where it is there already.
    pub(super) fn add<E: Error>(&mut self, key: Cow<'de, str>, faults: &Faults) -> Result<(), E> {
        if let Some(key) = self.0.replace(key) {
            return Err(faults.stop(Fault::at(Reason::DuplicateKey, safe_name(&key))));
        }
        Ok(())
    }
}
