//! Certificates and requests, made and verified by OpenSSL and by the crate, each by the other's
//! judgement.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what cannot be made must fail its test"
)]

mod certificate_requests;
mod client_certificates;
mod issuers;
mod keys;
mod previous_issuers;
mod refused_issuers;
mod server_ca;
