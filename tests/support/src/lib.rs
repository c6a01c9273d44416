//! Code that the tests of the policy, of the checker and the fuzz targets share.

#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what cannot be read, or does not hold, must fail the test"
)]

pub mod bad_input;
pub mod cases;
pub mod invariants;
pub mod pages;
pub mod pointers;
pub mod settings_documents;

use chrono::{DateTime, Utc};

/// The time of every review in the tests: 2026-11-22T00:00:00Z.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_305_600, 0).unwrap()
}
