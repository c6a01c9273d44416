//! What several tests need: the rule pages and a fixed time.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a page that cannot be read must fail its test"
)]

mod clock;
pub(crate) mod pages;

pub(crate) use clock::now;
