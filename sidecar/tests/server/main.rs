//! The server room against raw clients: every bound, every way in, the end.

mod bounds;
mod operations;
mod requests;
mod room;
mod stopping;
mod tls;
