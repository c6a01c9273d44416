//! The examples of the rule pages, and the time that they assume.

use chrono::{DateTime, Utc};
use rule_pages::{Case, of_policy};

/// The time of every review, as an argument: what the rule pages assume.
pub(crate) const NOW: &str = "--now=2026-11-22T00:00:00Z";

/// The same.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_305_600, 0).unwrap()
}

/// Every example of the pages of the policy's rules.
pub(crate) fn examples() -> Vec<Case> {
    let pages = of_policy().unwrap().into_iter();
    pages.flat_map(|page| page.cases).collect()
}
