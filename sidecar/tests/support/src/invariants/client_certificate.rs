//! The certificate that a client shows in the handshake.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::pki::client_certificate::ClientCertificate;
use redemption_sidecar::pki::issuer::{Issuer, LeafRequest, new_site_ca};
use redemption_sidecar::redemption::{GrantUid, Serial};
use redemption_sidecar::renewal::CertificateFlaw;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use secrecy::ExposeSecret as _;
use x509_cert::Certificate;
use x509_cert::der::asn1::BitString;
use x509_cert::der::{Any, Decode as _, Encode as _, Tag};

use super::{now, own_spki};

/// The bytes as a certificate, as what the CA of the site signed in one, and as changes to the
/// certificate of a link, which the CA signed or did not: the fuzzer cannot sign.
pub fn client_certificate(bytes: &[u8]) {
    let site = Site::made();
    assert_is_of_a_stranger(bytes);
    let _ = judged(&site.signed(bytes));

    let changed = changed(&site.leaf, bytes);
    if changed == site.leaf {
        assert_eq!(judged(&changed), Some(Ok(())));
    } else {
        assert_is_of_a_stranger(&changed);
    }
    let certificate = Certificate::from_der(&site.leaf).unwrap();
    let content = certificate.tbs_certificate().to_der().unwrap();
    let _ = judged(&site.signed(&self::changed(&content, bytes)));
}

/// A stranger, without a signature of the site, is told nothing about dates and purposes.
fn assert_is_of_a_stranger(der: &[u8]) {
    if let Some(verdict) = judged(der) {
        assert_eq!(verdict, Err(CertificateFlaw::OtherIssuer));
    }
}

/// The verdict about a certificate that can be read. One that is recognized has a life that goes on,
/// is of a link, and can be renewed.
fn judged(der: &[u8]) -> Option<Result<(), CertificateFlaw>> {
    let shown = ClientCertificate::read(der)?;
    let issuer = &Site::made().issuer;
    let verdict = issuer.recognize(&shown, now());
    let link = shown.link();
    assert_eq!(link.serial.link(), link.link);
    assert_ne!(link.link.as_bytes(), &[0; 10]);
    assert!(link.serial.as_bytes()[0] < 0x80);
    if verdict.is_ok() {
        assert!(link.not_after.timestamp() >= now().timestamp());
        let renewed = LeafRequest {
            spki: own_spki(),
            subject: &link.subject,
            serial: Serial::renewed(link.link, own_spki()),
            at: now(),
            duration: Some(TimeDelta::days(7)),
            grant: link.grant,
        };
        let renewed = issuer.certify(&renewed, now()).unwrap();
        let renewed = CertificateDer::from_pem_slice(renewed.pem.as_bytes()).unwrap();
        let renewed = ClientCertificate::read(&renewed).unwrap();
        assert_eq!(issuer.recognize(&renewed, now()), Ok(()));
        let (renewed, link) = (renewed.link(), shown.link());
        assert_eq!(
            (renewed.link, &renewed.subject, renewed.grant),
            (link.link, &link.subject, link.grant)
        );
    }
    Some(verdict)
}

/// Bytes of a text replaced: each change is a place, in two bytes, and what stands there then.
fn changed(text: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]]));
        let length = text.len();
        text[place % length] = change[2];
    }
    text
}

/// An issuer with the certificate of one link.
struct Site {
    issuer: Issuer,
    key: EcdsaKeyPair,
    leaf: Vec<u8>,
}

impl Site {
    fn made() -> &'static Self {
        static SITE: OnceLock<Site> = OnceLock::new();
        SITE.get_or_init(|| {
            let (certificate, key) = new_site_ca("west", now()).unwrap();
            let key = key.expose_secret().as_bytes();
            let issuer = Issuer::load(certificate.as_bytes(), key, now()).unwrap();
            let key = PrivatePkcs8KeyDer::from_pem_slice(key).unwrap();
            let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
            let key = EcdsaKeyPair::from_pkcs8(algorithm, key.secret_pkcs8_der()).unwrap();
            let leaf = leaf(&issuer, now());
            Self { issuer, key, leaf }
        })
    }

    /// A certificate with this content, signed by the CA.
    fn signed(&self, content: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(&SystemRandom::new(), content).unwrap();
        let certificate = Certificate::from_der(&self.leaf).unwrap();
        let signature = BitString::from_bytes(signature.as_ref()).unwrap();
        let parts = [
            content.to_vec(),
            certificate.signature_algorithm().to_der().unwrap(),
            signature.to_der().unwrap(),
        ];
        let whole = Any::new(Tag::Sequence, parts.concat()).unwrap();
        whole.to_der().unwrap()
    }
}

fn leaf(issuer: &Issuer, at: DateTime<Utc>) -> Vec<u8> {
    let uid = GrantUid::from_bytes([1; 16]);
    let request = LeafRequest {
        spki: own_spki(),
        subject: "west",
        serial: Serial::derive(&uid, own_spki()),
        at,
        duration: Some(TimeDelta::days(7)),
        grant: Some(uid),
    };
    let leaf = issuer.certify(&request, at).unwrap();
    let leaf = CertificateDer::from_pem_slice(leaf.pem.as_bytes()).unwrap();
    leaf.to_vec()
}
