//! Admission rules for Skupper's AccessGrant and AccessToken and for Kubernetes' TokenRequest.

pub mod value;
