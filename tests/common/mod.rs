//! What several tests need: the rule pages and a fixed time.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a page that cannot be read must fail its test"
)]

pub(crate) mod pages;

use chrono::{DateTime, Utc};

/// The time of every review in the tests: 2026-11-22T00:00:00Z.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_305_600, 0).unwrap()
}
