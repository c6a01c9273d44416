//! Keys, certificates, and the authorities that sign them.

pub mod issuer;
pub mod key;
pub mod server_ca;
