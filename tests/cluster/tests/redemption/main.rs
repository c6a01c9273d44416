//! The redemption sidecar on a real API server.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod certificates;
mod commands;
mod events;
mod ledgers;
mod namespaces;
mod partner;
mod privileges;
mod processes;
mod rates;
mod redeem;
mod room;
mod service;
mod tap;
mod target;
