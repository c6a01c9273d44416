//! The certificate request of a redeemer that makes its own key.
//!
//! ```
//! use redemption_sidecar::wire::certificate_request;
//! use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
//!
//! let key = PrivateKey::generate(KeyKind::P256);
//! let request = certificate_request::create(&key);
//! let public_key = certificate_request::read(&request)?;
//! assert_eq!(public_key.spki(), key.spki());
//! # Ok::<(), certificate_request::CertificateRequestProblem>(())
//! ```
//!
//! A request is read for its public key alone. Its signature proves that the sender has the private
//! one; subject, attributes and the extensions asked for never reach a certificate.
//!
//! Source: RFC 2986 section 4; RFC 5480 section 2.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use x509_cert::der::oid::db::rfc5912::ECDSA_WITH_SHA_256;
use x509_cert::der::{Decode as _, Encode as _, Tag, TagNumber};
use x509_cert::request::CertReq;

use crate::pki::issuer::encode::{element, sequence, signed};
use crate::pki::key::PrivateKey;
use crate::redemption::KeyDigest;

/// Longest request that is read, in bytes of DER.
pub const MAX_BYTES: usize = 512;

/// A public key on P-256 whose private key the sender has, in its one canonical form: named curve,
/// point not compressed.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: [u8; SPKI_BYTES],
}

impl PublicKey {
    /// The SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The digest that a ledger stores of it.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of_spki(&self.spki)
    }
}

/// Prints the digest.
impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("PublicKey")
            .field(&self.digest())
            .finish()
    }
}

/// Reads a PKCS#10 request: base64 of at most [`MAX_BYTES`] of DER, both canonical, signed with
/// ecdsa-with-SHA256 by the key on P-256 that it holds.
///
/// # Errors
/// Anything else.
pub fn read(base64: &str) -> Result<PublicKey, CertificateRequestProblem> {
    if base64.len() > MAX_BYTES.div_ceil(3) * 4 {
        return Err(CertificateRequestProblem::TooLong);
    }
    let der = STANDARD
        .decode(base64)
        .map_err(|_| CertificateRequestProblem::NotBase64)?;
    if der.len() > MAX_BYTES {
        return Err(CertificateRequestProblem::TooLong);
    }
    let request = CertReq::from_der(&der).map_err(|_| CertificateRequestProblem::NotPkcs10)?;
    let is_canonical = request.to_der().is_ok_and(|canonical| canonical == der);
    if !is_canonical {
        return Err(CertificateRequestProblem::NotPkcs10);
    }

    let spki = request.info.public_key.to_der();
    let spki = spki.map_err(|_| CertificateRequestProblem::NotPkcs10)?;
    let spki: [u8; SPKI_BYTES] = spki
        .try_into()
        .map_err(|_| CertificateRequestProblem::NotP256)?;
    let coordinates = spki
        .strip_prefix(SPKI_PREFIX)
        .ok_or(CertificateRequestProblem::NotP256)?;
    let algorithm = &request.algorithm;
    if algorithm.oid != ECDSA_WITH_SHA_256 || algorithm.parameters.is_some() {
        return Err(CertificateRequestProblem::NotSha256);
    }
    let content = request.info.to_der();
    let content = content.map_err(|_| CertificateRequestProblem::NotPkcs10)?;
    let signature = request.signature.as_bytes().unwrap_or_default();
    let point = [NOT_COMPRESSED, coordinates].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(&content, signature)
        .map_err(|_| CertificateRequestProblem::WrongSignature)?;
    Ok(PublicKey { spki })
}

/// The request of a key on P-256, in base64 on one line, with nothing in it that a certificate
/// could take.
///
/// # Panics
/// When AWS-LC has no memory left.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "AWS-LC signs with a key that it has read or made unless it has no memory left"
)]
pub fn create(key: &PrivateKey) -> String {
    let no_subject = sequence(&[]);
    let no_attributes = element(ATTRIBUTES, &[]);
    let content = sequence(&[VERSION_1, &no_subject, key.spki(), &no_attributes]);
    STANDARD.encode(signed(&content, key).expect("memory for a signature"))
}

/// Reason a certificate request is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CertificateRequestProblem {
    /// More than [`MAX_BYTES`].
    #[error(
        "must be at most {MAX_BYTES} bytes of DER, which is enough for a key on P-256 and too little \
         for an RSA key"
    )]
    TooLong,
    /// Not base64 with padding and nothing else.
    #[error("must be base64 with padding on one line, as 'openssl base64 -A' writes it")]
    NotBase64,
    /// Not one PKCS#10 request in DER.
    #[error("must be one PKCS#10 request in DER, as 'openssl req -new -outform DER' writes it")]
    NotPkcs10,
    /// The key is not on P-256, or is written in another form than the usual one.
    #[error(
        "the key must be on P-256, with the curve by name and the point not compressed, as 'openssl \
         genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256' makes it"
    )]
    NotP256,
    /// The signature algorithm is not ecdsa-with-SHA256.
    #[error("the signature must be ecdsa-with-SHA256 ('openssl req -sha256')")]
    NotSha256,
    /// The signature was not made by the key.
    #[error("the signature must be that of the key in the request")]
    WrongSignature,
}

/// Length of a SubjectPublicKeyInfo on P-256, in bytes.
const SPKI_BYTES: usize = 91;

/// Prefix of the coordinates: the two SEQUENCEs, id-ecPublicKey, prime256v1, the head of
/// the BIT STRING, and the form of the point.
const SPKI_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// The form of a point whose coordinates both follow.
const NOT_COMPRESSED: &[u8] = &[0x04];

/// INTEGER 0.
const VERSION_1: &[u8] = &[2, 1, 0];

/// `[0] IMPLICIT SET OF Attribute`.
const ATTRIBUTES: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(0),
};
