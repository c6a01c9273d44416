//! The built binary, from outside: its answers, its promise, its failures.

mod at_most;
mod commands;
mod crashes;
mod faults;
mod protocol;
mod raw;
mod redeem;
mod redeemers;
mod redeeming;
mod secrets;
mod sidecar;
mod tools;
