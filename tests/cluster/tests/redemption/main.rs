//! The redemption sidecar on a real API server.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod balancer;
mod burst;
mod commands;
mod dice;
mod faults;
mod history;
mod ledgers;
mod many;
mod outages;
mod own_status;
mod processes;
mod rates;
mod room;
mod service;
