//! What travels between the sites: requests and answers, objects, certificate requests, addresses.

pub mod advertised;
pub mod certificate_request;
pub mod objects;
pub mod protocol;
pub mod yaml;
