//! The built binary, from outside: its answers, its promise, its failures.

mod at_most;
mod crashes;
mod faults;
mod protocol;
mod raw;
mod redeemers;
mod redeeming;
mod sidecar;
mod tools;
