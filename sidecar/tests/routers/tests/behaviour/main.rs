//! The stand-in behaves as the routers do that it stands in for.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on fails; tables are long"
)]

mod common;
mod controller;
mod handshake;
mod link;
mod profile;
