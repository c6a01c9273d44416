//! Links whose certificates are made here, in place of redemptions.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::pki::issuer::{Issuer, LeafRequest};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::{GrantUid, Serial};
use redemption_sidecar::server::load_certified_key;
use redemption_sidecar::system::clock;
use rustls::sign::CertifiedKey;
use secrecy::ExposeSecret as _;

use crate::Fault;

/// A link of a grant.
#[derive(Clone)]
pub struct Link {
    /// The serial number of its certificate, which says the id.
    pub serial: Serial,
    /// The last second of the certificate.
    pub end: DateTime<Utc>,
    /// The certificate with its key.
    pub certified: Arc<CertifiedKey>,
}

impl Link {
    /// Makes a key and a certificate, as a redemption does.
    ///
    /// # Errors
    /// The issuer certifies nothing now.
    pub fn make(issuer: &Issuer, uid: &GrantUid) -> Result<Self, Fault> {
        let key = PrivateKey::generate(KeyKind::P256);
        let now = clock::now();
        let serial = Serial::derive(uid, key.spki());
        let request = LeafRequest {
            spki: key.spki(),
            subject: "west",
            serial,
            at: now,
            duration: Some(TimeDelta::days(7)),
            grant: Some(*uid),
        };
        let leaf = issuer.certify(&request, now)?;
        let key = key.to_pem();
        let certified = load_certified_key(leaf.pem.as_bytes(), key.expose_secret().as_bytes());
        Ok(Self {
            serial,
            end: leaf.not_after,
            certified: Arc::new(certified?),
        })
    }
}
