//! The server room against raw clients: every bound, every way in, the end.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "a test that fails panics; tables are long"
)]

mod bounds;
mod client_certificates;
mod granting_site;
mod operations;
mod renewals;
mod requests;
mod room;
mod stopping;
mod tls;
