//! Code that the tests of the policy, of the checker and the fuzz targets share.

#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    reason = "what cannot be read, or does not hold, must fail the test"
)]

pub mod bad_input;
pub mod cases;
pub mod corpus;
pub mod invariants;
pub mod pointers;
pub mod settings_documents;

use chrono::{DateTime, Utc};
use rule_pages::Case;

/// The time of every review in the tests: 2026-11-22T00:00:00Z.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_305_600, 0).unwrap()
}

/// Every case of the pages of the policy's rules.
pub fn cases_of_pages() -> impl Iterator<Item = Case> {
    let pages = rule_pages::of_policy().unwrap().into_iter();
    pages.flat_map(|page| page.cases)
}
