//! Issues, serves and redeems Skupper access tokens.
//!
//! ```text
//! serve    bytes -> request -> grant, code, key -> certify -> count -> answer
//!                   protocol   redemption, ledger  issuer     ledger   protocol, manifest
//! redeem   token -> key kept -> request -> answer, checked -> files, or objects of a cluster
//!          redeemer
//! ```
//!
//! A grant certifies at most as many keys as it allows, under any concurrency and any crash;
//! everything that can fail comes before the count. See [`redemption::decide`].

pub mod advertised;
pub mod args;
pub mod certificate_request;
pub mod clock;
pub mod commands;
pub mod fault;
pub mod grant_order;
pub mod issuer;
pub mod key;
pub mod kubernetes;
pub mod ledger;
pub mod log;
pub mod manifest;
pub mod metrics;
pub mod operations;
mod outage;
pub mod protocol;
pub mod random;
pub mod redeemer;
pub mod redemption;
pub mod redemptions;
pub mod server;
pub mod server_ca;
pub mod service;
pub mod site;
mod wording;
pub mod yaml;
