//! The protocol between the sites: requests and answers, objects, certificate requests, addresses.

pub mod access_token;
pub mod advertised;
pub mod certificate_request;
pub mod header;
pub mod manifest;
pub mod objects;
pub mod protocol;
pub mod renewal;
