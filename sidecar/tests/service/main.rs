//! The built binary, from outside: its answers, its promise, its failures.

mod protocol;
mod raw;
mod sidecar;
