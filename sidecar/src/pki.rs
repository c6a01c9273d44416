//! Keys, certificates, and the authorities that sign them.

pub mod client_certificate;
pub(crate) mod convert;
pub mod issuer;
pub mod key;
pub mod server_ca;
