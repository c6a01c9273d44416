//! The built command, in folders with files.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what cannot be set up or read must fail its test"
)]

mod deploy;
mod engine;
mod examples;
mod fix;
mod folder;
mod locations;
mod outputs;
mod pages;
mod secrets;
mod unfinished;
mod usage;
