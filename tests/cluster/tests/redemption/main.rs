//! The redemption sidecar on a real API server.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod balancer;
mod burst;
mod certificates;
mod commands;
mod dice;
mod events;
mod history;
mod ledgers;
mod namespaces;
mod outages;
mod partner;
mod privileges;
mod processes;
mod redeem;
mod room;
mod service;
mod tap;
mod target;
