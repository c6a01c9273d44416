//! Requests with keys that were made before any clock starts.

use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::GrantUid;
use redemption_sidecar::wire::certificate_request;

/// Certificate requests of keys, for grants with one code.
pub struct Keys {
    requests: Vec<String>,
    code: &'static str,
}

impl Keys {
    /// Makes this many keys.
    #[must_use]
    pub fn make(count: usize, code: &'static str) -> Self {
        let make = |_| certificate_request::create(&PrivateKey::generate(KeyKind::P256));
        Self {
            requests: (0..count).map(make).collect(),
            code,
        }
    }

    /// A redemption with a key of its own; after the last key the first one comes again.
    #[must_use]
    pub fn request(&self, uid: &GrantUid, key: usize) -> Vec<u8> {
        let request = self.requests.get(key % self.requests.len().max(1));
        let request = request.map_or("", String::as_str);
        let (code, length) = (self.code, self.code.len());
        format!(
            "POST /{uid} HTTP/1.1\r\nhost: bench\r\nname: west\r\nsubject: west\r\n\
             certificate-request: {request}\r\ncontent-length: {length}\r\n\r\n{code}"
        )
        .into_bytes()
    }

    /// A renewal with a new key; after the last one the first one comes again.
    #[must_use]
    pub fn renewal(&self, key: usize) -> Vec<u8> {
        let request = self.requests.get(key % self.requests.len().max(1));
        let request = request.map_or("", String::as_str);
        format!(
            "POST /renew HTTP/1.1\r\nhost: bench\r\nname: west\r\n\
             certificate-request: {request}\r\ncontent-length: 0\r\n\r\n"
        )
        .into_bytes()
    }
}
