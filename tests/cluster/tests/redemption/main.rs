//! The redemption sidecar on a real API server.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod balancer;
mod burst;
mod by_name;
mod certificates;
mod coexistence;
mod commands;
mod dice;
mod events;
mod faults;
mod history;
mod ledgers;
mod many;
mod namespaces;
mod outages;
mod own_status;
mod partner;
mod privileges;
mod processes;
mod redeem;
mod refusals;
mod renew;
mod revocations;
mod room;
mod service;
mod tap;
mod target;
