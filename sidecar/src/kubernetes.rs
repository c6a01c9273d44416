//! The API server of a cluster: which one, and how its answers read.

mod access_grant;

pub use access_grant::AccessGrant;
