//! The only reader of the time.
#![expect(clippy::disallowed_methods, reason = "this is the clock")]
use std::time::{SystemTime, UNIX_EPOCH};

use crate::events::Timestamp;

/// What time it is.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
