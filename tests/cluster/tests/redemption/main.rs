//! The redemption sidecar on a real API server.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod commands;
mod ledgers;
mod partner;
mod processes;
mod rates;
mod redeem;
mod refusals;
mod room;
mod service;
mod tap;
mod target;
