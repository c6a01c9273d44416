//! Private keys: made, read from PEM, written to PEM, and signing.
//!
//! ```
//! use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
//! use secrecy::ExposeSecret;
//!
//! let key = PrivateKey::generate(KeyKind::P256);
//! let again = PrivateKey::from_pem(key.to_pem().expose_secret())?;
//! assert_eq!(again.spki(), key.spki());
//! # Ok::<(), redemption_sidecar::pki::key::KeyProblem>(())
//! ```
//!
//! Nothing here has `Debug` or `Display`. Every buffer that held a key is overwritten; AWS-LC
//! overwrites its own.
//!
//! Source: RFC 5208 (PKCS#8), RFC 5915 (SEC1), RFC 8017 appendix A.1.2 (PKCS#1).

mod pem;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::{AlgorithmIdentifier, alg_id};
use secrecy::SecretString;
use x509_cert::der::asn1::{AnyRef, OctetStringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc5912, rfc8410};
use x509_cert::der::{Decode as _, SliceReader};
use zeroize::Zeroizing;

use pem::Label;

/// A kind of key that is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// RSA with 2048 bits, for clients that read nothing else.
    #[value(name = "rsa-2048")]
    Rsa2048,
}

/// A private key: ECDSA on P-256 or P-384, or RSA with 2048 to 8192 bits.
pub struct PrivateKey {
    pair: Pair,
    spki: Vec<u8>,
}

enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// Makes a key.
    ///
    /// # Panics
    /// When AWS-LC has no memory left.
    #[must_use]
    pub fn generate(kind: KeyKind) -> Self {
        Self::of_pair(done(match kind {
            KeyKind::P256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Pair::P256)
            }
            KeyKind::Rsa2048 => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
        }))
    }

    /// Reads the first private key of a PEM text: PKCS#8, PKCS#1 or SEC1. Other blocks, such as
    /// `EC PARAMETERS`, are passed over.
    ///
    /// # Errors
    /// No key, a damaged or encrypted one, or one of a kind that is not used here.
    pub fn from_pem(text: &str) -> Result<Self, KeyProblem> {
        let block = pem::first_key(text)?;
        let der = block.der.as_slice();
        let pair = match block.label {
            Label::Pkcs1 => rsa(RsaKeyPair::from_der(der)),
            Label::Sec1 => ecdsa(der, EcdsaKeyPair::from_private_key_der),
            Label::Pkcs8 => {
                ecdsa(der, EcdsaKeyPair::from_pkcs8).or_else(|_| rsa(RsaKeyPair::from_pkcs8(der)))
            }
        };
        Ok(Self::of_pair(pair?))
    }

    /// The key in PEM, as Skupper reads it: PKCS#1 for RSA, PKCS#8 for the others.
    ///
    /// # Panics
    /// When AWS-LC has no memory left.
    #[must_use]
    pub fn to_pem(&self) -> SecretString {
        let pkcs8 = self.to_pkcs8();
        match &self.pair {
            Pair::P256(_) | Pair::P384(_) => pem::write(Label::Pkcs8, &pkcs8),
            Pair::Rsa(_) => pem::write(Label::Pkcs1, inner_key(&pkcs8)),
        }
    }

    /// The key in PKCS#8.
    pub(crate) fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => done(pair.to_pkcs8v1()).as_ref().to_vec(),
            Pair::Rsa(pair) => done(pair.as_der()).as_ref().to_vec(),
        })
    }

    /// The public key: a SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// True for an ECDSA key on P-256.
    #[must_use]
    pub fn is_p256(&self) -> bool {
        matches!(self.pair, Pair::P256(_))
    }

    /// Algorithm of [`PrivateKey::sign`]: an `AlgorithmIdentifier` in DER without its outer tag
    /// and length.
    pub(crate) fn signature_algorithm(&self) -> AlgorithmIdentifier {
        match self.pair {
            Pair::P256(_) => alg_id::ECDSA_SHA256,
            Pair::P384(_) => alg_id::ECDSA_SHA384,
            Pair::Rsa(_) => alg_id::RSA_PKCS1_SHA256,
        }
    }

    /// Signs a message: ECDSA with SHA-256 on P-256 and with SHA-384 on P-384, RSA PKCS#1 v1.5
    /// with SHA-256.
    ///
    /// # Errors
    /// [`KeyProblem::Failed`].
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyProblem> {
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
        };
        signature.map_err(|_| KeyProblem::Failed)
    }

    fn of_pair(pair: Pair) -> Self {
        let spki = match &pair {
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
        };
        let spki = done(spki).as_ref().to_vec();
        Self { pair, spki }
    }
}

/// The kind of the first private key of a PEM text, as far as it can be told. Nothing else of the key
/// is.
pub(crate) fn kind_of_pem(text: &str) -> Option<String> {
    let block = match pem::first_key(text) {
        Ok(block) => block,
        Err(KeyProblem::Encrypted) => return Some("an encrypted one".to_owned()),
        Err(_) => return None,
    };
    match block.label {
        Label::Pkcs1 => Some(kind(RSA, None)),
        Label::Sec1 => Some(kind(EC, None)),
        Label::Pkcs8 => {
            let mut reader = SliceReader::new(AnyRef::from_der(&block.der).ok()?.value()).ok()?;
            let _version = AnyRef::decode(&mut reader).ok()?;
            let algorithm = AnyRef::decode(&mut reader).ok()?.value();
            let mut algorithm = SliceReader::new(algorithm).ok()?;
            let oid = ObjectIdentifier::decode(&mut algorithm).ok()?;
            Some(kind(oid, ObjectIdentifier::decode(&mut algorithm).ok()))
        }
    }
}

/// The kind of a key by its algorithm and its curve. Source: RFC 8017, RFC 5480, RFC 8410.
pub(crate) fn kind(algorithm: ObjectIdentifier, curve: Option<ObjectIdentifier>) -> String {
    let name = |oid: &ObjectIdentifier| {
        let known = KINDS.iter().find(|(known, _)| known == oid);
        known.map_or_else(|| oid.to_string(), |(_, name)| (*name).to_owned())
    };
    match curve.filter(|_| algorithm == EC) {
        Some(curve) => name(&curve),
        None => name(&algorithm),
    }
}

pub(crate) const RSA: ObjectIdentifier = rfc5912::RSA_ENCRYPTION;
const EC: ObjectIdentifier = rfc5912::ID_EC_PUBLIC_KEY;

const KINDS: [(ObjectIdentifier, &str); 10] = [
    (RSA, "RSA"),
    (rfc5912::ID_RSASSA_PSS, "RSA marked rsassaPss"),
    (EC, "EC"),
    (rfc5912::SECP_256_R_1, "EC P-256"),
    (rfc5912::SECP_384_R_1, "EC P-384"),
    (rfc5912::SECP_521_R_1, "EC P-521"),
    (SECP_256_K_1, "EC secp256k1"),
    (rfc8410::ID_ED_25519, "Ed25519"),
    (rfc8410::ID_ED_448, "Ed448"),
    (rfc5912::ID_DSA, "DSA"),
];
const SECP_256_K_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");

/// Fault of a private key. Nothing of the key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// There is no private key in the text.
    #[error(
        "no private key in PEM: it must stand between '-----BEGIN PRIVATE KEY-----' and \
         '-----END PRIVATE KEY-----' ('RSA PRIVATE KEY' and 'EC PRIVATE KEY' are read, too)"
    )]
    Missing,
    /// The key is encrypted.
    #[error(
        "the private key is encrypted: write it without a passphrase, for example with 'openssl pkey'"
    )]
    Encrypted,
    /// The block has no end, or what is in it is neither base64 nor a key.
    #[error(
        "the private key is damaged, not written to its end, or of another kind than RSA, P-256 and \
         P-384"
    )]
    Damaged,
    /// An RSA key of less than 2048 bits.
    #[error("the RSA key must have at least 2048 bits")]
    TooShort,
    /// AWS-LC could not sign with the key.
    #[error("the private key could not sign")]
    Failed,
}

type ReadEcdsa = fn(&'static EcdsaSigningAlgorithm, &[u8]) -> Result<EcdsaKeyPair, KeyRejected>;

fn ecdsa(der: &[u8], read: ReadEcdsa) -> Result<Pair, KeyProblem> {
    read(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
        .map(Pair::P256)
        .or_else(|_| read(&ECDSA_P384_SHA384_ASN1_SIGNING, der).map(Pair::P384))
        .map_err(|_| KeyProblem::Damaged)
}

fn rsa(pair: Result<RsaKeyPair, KeyRejected>) -> Result<Pair, KeyProblem> {
    pair.map(Pair::Rsa)
        .map_err(|rejected| match rejected.to_string().as_str() {
            "TooSmall" => KeyProblem::TooShort,
            _ => KeyProblem::Damaged,
        })
}

/// The key in the format of its own that a PKCS#8 structure of AWS-LC wraps.
fn inner_key(pkcs8: &[u8]) -> &[u8] {
    let inner = || {
        let mut reader = SliceReader::new(AnyRef::from_der(pkcs8)?.value())?;
        let _version = AnyRef::decode(&mut reader)?;
        let _algorithm = AnyRef::decode(&mut reader)?;
        <&OctetStringRef>::decode(&mut reader)
    };
    inner().map_or(&[], OctetStringRef::as_bytes)
}

#[expect(
    clippy::expect_used,
    reason = "AWS-LC makes and writes keys unless it has no memory left"
)]
fn done<T>(result: Result<T, Unspecified>) -> T {
    result.expect("memory for a key")
}
