//! Requests with keys that were made before any clock starts.

use redemption_sidecar::certificate_request;
use redemption_sidecar::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::GrantUid;

use crate::room::CODE;

/// Certificate requests of keys.
pub(crate) struct Keys(Vec<String>);

impl Keys {
    pub(crate) fn make(count: usize) -> Self {
        let make = |_| certificate_request::create(&PrivateKey::generate(KeyKind::P256));
        Self((0..count).map(make).collect())
    }

    /// A redemption with a key of its own; after the last key the first one comes again.
    pub(crate) fn request(&self, uid: &GrantUid, key: usize) -> Vec<u8> {
        let request = self.0.get(key % self.0.len().max(1));
        let request = request.map_or("", String::as_str);
        format!(
            "POST /{uid} HTTP/1.1\r\nhost: bench\r\nname: west\r\nsubject: west\r\n\
             certificate-request: {request}\r\ncontent-length: {}\r\n\r\n{CODE}",
            CODE.len()
        )
        .into_bytes()
    }
}
