//! A bundle of X.509 certificates in PEM: what an `AccessToken`'s `spec.ca` holds.
//!
//! ```
//! use skupper_access_policy::value::certificate::{BundleProblem, CertificateBundle};
//!
//! let ca = CertificateBundle::parse(include_str!("../../tests/certificates/chain.pem"))?;
//! assert!(ca.is_any_valid_at(1_785_000_000));
//! assert_eq!(CertificateBundle::parse("no PEM"), Err(BundleProblem::NoCertificate));
//! # Ok::<(), BundleProblem>(())
//! ```
//!
//! Skupper hands the text to Go's `CertPool.AppendCertsFromPEM`, which silently skips the blocks
//! that it cannot use. Here such a block is a problem, because whoever wrote it wanted it trusted.
//!
//! Source: RFC 7468; RFC 5280 section 4.1; Go `src/crypto/x509/cert_pool.go`.

mod der;
mod paste;
mod pem;
mod x509;

use std::fmt;

use pem::Blocks;
use x509::Validity;

/// Longest text that is read, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 64 * 1024;

/// One or more readable certificates. Two bundles are equal when they hold the same certificates
/// in the same order, however their text is laid out.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateBundle {
    certificates: Vec<Certificate>,
}

/// Equality of the DER decides; the validity follows from it.
#[derive(Clone, PartialEq, Eq)]
struct Certificate {
    der: Vec<u8>,
    validity: Validity,
}

impl CertificateBundle {
    /// Reads every PEM block of `text`.
    ///
    /// # Errors
    /// A private key anywhere goes before everything else, length before the rest, and the usual
    /// slips by name before the first problem in the order of the text.
    pub fn parse(text: &str) -> Result<Self, BundleProblem> {
        if pem::announces_private_key(text) {
            return Err(BundleProblem::PrivateKey);
        }
        if text.len() > MAX_BUNDLE_BYTES {
            return Err(BundleProblem::TooLong);
        }
        Self::read(text).map_err(|problem| {
            if paste::holds_private_key(text) {
                return BundleProblem::PrivateKey;
            }
            paste::slip(text).unwrap_or(problem)
        })
    }

    fn read(text: &str) -> Result<Self, BundleProblem> {
        let mut certificates = Vec::new();
        for der in Blocks::new(text) {
            let der = der?;
            let block = certificates.len() + 1;
            let validity =
                Validity::of_certificate(&der).ok_or(BundleProblem::NotX509 { block })?;
            certificates.push(Certificate { der, validity });
        }
        if certificates.is_empty() {
            // Quotes or white space before it keep a line from beginning a block.
            let is_begun = text.contains(pem::BEGIN_CERTIFICATE);
            return Err(if is_begun {
                BundleProblem::Unbounded { block: 1 }
            } else {
                BundleProblem::NoCertificate
            });
        }
        Ok(Self { certificates })
    }

    /// The certificates in DER, in the order of the text.
    pub fn ders(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates
            .iter()
            .map(|certificate| certificate.der.as_slice())
    }

    /// True when a time, in seconds since 1970, lies within the validity of any certificate; both
    /// ends of a validity belong to it.
    #[must_use]
    pub fn is_any_valid_at(&self, unix_seconds: i64) -> bool {
        self.certificates
            .iter()
            .any(|certificate| certificate.validity.contains(unix_seconds))
    }
}

/// The certificates that text was meant to hold, as PEM, where that is certain: they are encoded once
/// more, or lack the lines around them or their line ends.
#[must_use]
pub fn mended(text: &str) -> Option<String> {
    let is_readable = text.len() <= MAX_BUNDLE_BYTES && !holds_private_key(text);
    is_readable.then(|| paste::mended(text))?
}

/// Tells whether a private key stands in the text, as PEM or as base64 of PEM.
#[must_use]
pub fn holds_private_key(text: &str) -> bool {
    paste::holds_private_key(text)
}

/// Prints the number of certificates: the value of a `ca` is never printed.
impl fmt::Debug for CertificateBundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CertificateBundle({})", self.certificates.len())
    }
}

/// Problem with a bundle. Blocks are counted from 1; nothing of the text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleProblem {
    /// More than [`MAX_BUNDLE_BYTES`].
    TooLong,
    /// A line opens a private key.
    PrivateKey,
    /// There is no PEM block.
    NoCertificate,
    /// The lines that begin and end the block are missing, damaged or of different kinds.
    Unbounded {
        /// Which block.
        block: usize,
    },
    /// Base64 of PEM, as `data` of a Secret holds it.
    Base64,
    /// A certificate without the lines that begin and end it.
    NoBoundaries,
    /// The path of a file.
    Path,
    /// A name, such as that of a Secret.
    Name,
    /// The block is whole and holds something else than a certificate.
    OtherKind {
        /// Which block.
        block: usize,
        /// Its content.
        kind: OtherKind,
    },
    /// The block has headers such as `Proc-Type:`, and Go passes over such a certificate.
    Headers {
        /// Which block.
        block: usize,
    },
    /// The text of the block is not base64.
    NotBase64 {
        /// Which block.
        block: usize,
    },
    /// The block is not one X.509 certificate in DER.
    NotX509 {
        /// Which block.
        block: usize,
    },
}

/// Content of a PEM block that is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherKind {
    /// A certificate request (PKCS#10).
    Request,
    /// A public key.
    PublicKey,
    /// Signed data (PKCS#7), which may hold certificates.
    SignedData,
    /// A list of certificates that were revoked.
    RevocationList,
    /// Anything else.
    Other,
}

impl OtherKind {
    fn of(label: &str) -> Self {
        match label {
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Self::Request,
            "PUBLIC KEY" | "RSA PUBLIC KEY" | "EC PUBLIC KEY" => Self::PublicKey,
            "PKCS7" | "CMS" => Self::SignedData,
            "X509 CRL" => Self::RevocationList,
            _ => Self::Other,
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Request => ": this is a request for one, give the certificate that was issued",
            Self::PublicKey => ": this is a public key, give the certificate that holds it",
            Self::SignedData => {
                ": this is PKCS#7, give what 'openssl pkcs7 -print_certs' makes of it"
            }
            Self::RevocationList => ": this is a revocation list",
            Self::Other => "",
        }
    }
}

impl fmt::Display for BundleProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => formatter.write_str("must be at most 64 KiB"),
            Self::PrivateKey => formatter.write_str(
                "must not hold a private key: give certificates only, and replace the key, \
                 because others may have read it",
            ),
            Self::NoCertificate => formatter.write_str(
                "must hold at least one certificate in PEM, beginning with a line \
                 '-----BEGIN CERTIFICATE-----'",
            ),
            Self::Unbounded { block } => write!(
                formatter,
                "PEM block {block} must stand between '-----BEGIN CERTIFICATE-----' and \
                 '-----END CERTIFICATE-----', each on a line of its own: write 'ca: |' in YAML",
            ),
            Self::Base64 => formatter.write_str(
                "must be PEM text, and this is base64 of it, as a Secret holds it: decode it \
                 ('base64 -d')",
            ),
            Self::NoBoundaries => formatter.write_str(
                "must be PEM text, and this lacks the lines around it: put '-----BEGIN \
                 CERTIFICATE-----' before it and '-----END CERTIFICATE-----' behind it",
            ),
            Self::Path => formatter.write_str(
                "must be the PEM text itself, not the path of a file: write what stands in the file",
            ),
            Self::Name => formatter.write_str(
                "must be the PEM text itself, not a name: write what stands in 'ca.crt' of the \
                 Secret, decoded",
            ),
            Self::OtherKind { block, kind } => write!(
                formatter,
                "PEM block {block} must be a certificate ('-----BEGIN CERTIFICATE-----') and \
                 nothing else{}",
                kind.hint()
            ),
            Self::Headers { block } => {
                write!(formatter, "PEM block {block} must not have header lines")
            }
            Self::NotBase64 { block } => {
                write!(
                    formatter,
                    "PEM block {block} must be base64 with padding, not damaged"
                )
            }
            Self::NotX509 { block } => {
                write!(
                    formatter,
                    "PEM block {block} must be a readable X.509 certificate"
                )
            }
        }
    }
}
