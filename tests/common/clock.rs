//! The time of every review in the tests.

use chrono::{DateTime, Utc};

/// 2026-11-22T00:00:00Z.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_305_600, 0).unwrap()
}
