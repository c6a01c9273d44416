//! The built binary, from outside: its answers, its promise, its failures.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::similar_names,
    reason = "a test that cannot go on fails; tables are long"
)]

mod at_most;
mod blocked_log;
mod by_name;
mod change_of_ca;
mod clocks;
mod cluster;
mod commands;
mod crashes;
mod durability;
mod faults;
mod holder;
mod keeper_clocks;
mod keeper_crashes;
mod keeper_losses;
mod keeper_signals;
mod keeping;
mod links;
mod manual;
mod operators;
mod protocol;
mod raw;
mod redeem;
mod redeemers;
mod redeeming;
mod renewing;
mod restored;
mod secrets;
mod sidecar;
mod skupper_site;
mod systemd;
mod telling;
mod tools;
