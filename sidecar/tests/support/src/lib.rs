//! Fixtures that the tests of the sidecar and the fuzz targets share.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what cannot be made, or does not hold, must fail the test"
)]

pub mod invariants;
pub mod openssl;
