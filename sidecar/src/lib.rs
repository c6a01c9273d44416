//! Issues, serves and redeems Skupper access tokens.
//!
//! ```text
//! serve    bytes -> request -> grant, code, key -> certify -> count -> answer
//!                   wire       redemption, ledger  pki        ledger   wire
//! redeem   token -> key kept -> request -> answer, checked -> files, or objects of a cluster
//!          redeemer
//! ```
//!
//! A grant certifies at most as many keys as it allows, under any concurrency and any crash;
//! everything that can fail comes before the count. See [`redemption::decide`].

pub mod args;
pub mod commands;
pub mod kubernetes;
pub mod ledger;
pub mod pki;
pub mod redeemer;
pub mod redemption;
pub mod renewal;
pub mod server;
pub mod service;
pub mod site;
pub mod system;
pub mod telemetry;
pub mod wire;
