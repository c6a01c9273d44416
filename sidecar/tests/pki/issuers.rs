//! Every kind of CA that a site may have, judged and used; each leaf is verified by OpenSSL and by
//! webpki.

mod pki;

use chrono::TimeDelta;
use pki::{CA, Pki, now};
use redemption_sidecar::issuer::{Issuer, LeafRequest};
use redemption_sidecar::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::Serial;

#[test]
fn a_leaf_of_every_kind_of_issuer_verifies() {
    let pki = Pki::new();
    let leaf_key = PrivateKey::generate(KeyKind::P256);
    for kind in [
        "RSA-2048 PKCS#8",
        "RSA-2048 PKCS#1",
        "P-256 PKCS#8",
        "P-256 SEC1",
        "P-256 SEC1 with parameters",
        "P-384 PKCS#8",
        "P-384 SEC1",
    ] {
        pki.key("ca", kind);
        pki.certificate("ca", "/DC=com/DC=example/CN=site", CA);
        let now = now();
        let issuer = Issuer::load(&pki.read("ca.crt"), &pki.read("ca.key"), now)
            .unwrap_or_else(|problem| panic!("{kind}: {problem}"));
        let request = LeafRequest {
            spki: leaf_key.spki(),
            subject: "west",
            serial: Serial::from_bytes([0x7f; 16]),
            at: now,
            duration: Some(TimeDelta::hours(1)),
        };
        let leaf = issuer.certify(&request, now).unwrap();
        let verdict = pki.verify(&leaf.pem, issuer.certificates_pem(), "sslclient", now);
        assert_eq!(verdict, Ok(()), "{kind}");
    }
}
