//! The rules of the policy over manifests in files.

pub mod manifest;
pub mod place;
