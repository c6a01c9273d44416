//! The stand-in behaves as the routers do that it stands in for.

mod common;
mod controller;
mod handshake;
mod link;
mod profile;
