//! The header `certificate-request`.

use aws_lc_rs::rand::SystemRandom;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redemption_sidecar::pki::issuer::{Issuer, LeafRequest, new_site_ca};
use redemption_sidecar::redemption::{GrantUid, KeyDigest, Serial};
use redemption_sidecar::wire::certificate_request::{MAX_BYTES, read};
use secrecy::ExposeSecret as _;
use std::sync::OnceLock;
use x509_cert::der::asn1::BitString;
use x509_cert::der::{Any, Decode as _, Encode as _};
use x509_cert::request::CertReq;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{assert_is_a_line, now, own_key};

/// The bytes as they would stand in the header, as the DER of a request, and as what is signed in
/// one: the fuzzer cannot sign.
pub fn certificate_request(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text);
    }
    if bytes.len() <= 2 * MAX_BYTES {
        check(&STANDARD.encode(bytes));
        check(&STANDARD.encode(signed(bytes)));
    }
}

/// What is accepted is canonical through and through, and the issuer certifies its key: everything
/// that can fail comes before the count.
fn check(text: &str) {
    let key = match read(text) {
        Ok(key) => key,
        Err(problem) => return assert_is_a_line(&problem.to_string(), 256),
    };
    let der = STANDARD.decode(text).unwrap();
    assert_eq!(STANDARD.encode(&der), text);
    assert!(der.len() <= MAX_BYTES);
    let request = CertReq::from_der(&der).unwrap();
    assert_eq!(request.to_der().unwrap(), der);
    assert_eq!(request.info.public_key.to_der().unwrap(), key.spki());
    assert_eq!(key.spki().len(), 91);
    assert_eq!(key.digest(), KeyDigest::of_spki(key.spki()));
    let leaf = issuer().certify(
        &LeafRequest {
            spki: key.spki(),
            subject: "west",
            serial: Serial::derive(&GrantUid::from_bytes([1; 16]), key.spki()),
            at: now(),
            duration: None,
            grant: None,
        },
        now(),
    );
    assert!(leaf.is_ok());
}

/// A request with this content, signed with [`OWN_KEY`](super::OWN_KEY).
fn signed(content: &[u8]) -> Vec<u8> {
    let key = own_key();
    let signature = key.sign(&SystemRandom::new(), content).unwrap();
    let algorithm = AlgorithmIdentifierOwned {
        oid: "1.2.840.10045.4.3.2".parse().unwrap(),
        parameters: None::<Any>,
    };
    let tail = [
        algorithm.to_der().unwrap(),
        BitString::from_bytes(signature.as_ref())
            .unwrap()
            .to_der()
            .unwrap(),
    ];
    let body = [content, &tail.concat()].concat();
    Any::new(x509_cert::der::Tag::Sequence, body)
        .unwrap()
        .to_der()
        .unwrap()
}

fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let (certificate, key) = new_site_ca("west", now()).unwrap();
        Issuer::load(
            certificate.as_bytes(),
            key.expose_secret().as_bytes(),
            now(),
        )
        .unwrap()
    })
}
