//! The only reader of the wall clock; everywhere else time is an argument.

use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

/// The time now, in UTC, to the microsecond.
#[must_use]
pub fn now() -> DateTime<Utc> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    });
    DateTime::UNIX_EPOCH + TimeDelta::microseconds(micros)
}
