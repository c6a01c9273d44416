//! The site: its configuration, its Skupper namespace, its files while they change.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::string_slice,
    reason = "a test that cannot go on fails; tables are long"
)]

mod config;
mod init;
mod namespace;
mod previous;
mod reload;
