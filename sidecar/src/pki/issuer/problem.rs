//! What is wrong with an issuer or with what it certified.

use std::fmt;

use chrono::{DateTime, Utc};
use x509_cert::der::oid::ObjectIdentifier;

use super::authority::Purpose;
use crate::pki::key::KeyProblem;
use crate::system::wording;

/// Why a pair of certificate and key is no issuer, or a certificate is none that it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerProblem {
    /// There is no certificate in the text.
    NoCertificate,
    /// A PEM block of the certificates has no end or is not base64.
    Damaged,
    /// The same of the certificates above an intermediate one, in a text of their own.
    AboveDamaged,
    /// Not an X.509 certificate of version 3 in DER.
    Unreadable,
    /// Basic constraints do not say CA:TRUE.
    NotCa,
    /// There is a key usage, and keyCertSign is not in it.
    NotForCertificates,
    /// There is an extended key usage, and the purpose is not in it.
    NotFor(Purpose),
    /// A critical extension that verifiers do not know, so that they refuse whatever it certifies.
    UnknownExtension(ObjectIdentifier),
    /// It limits the names in what it certifies, and redeemers choose theirs.
    NameConstraints,
    /// Its validity has not begun.
    NotYetValid {
        /// When it begins.
        from: DateTime<Utc>,
    },
    /// Its validity is over.
    Expired {
        /// When it ended.
        at: DateTime<Utc>,
    },
    /// An intermediate CA without the certificates that lead to its root.
    NoRoot(webpki::Error),
    /// A CA above an intermediate one does not allow as many CAs below it.
    PathTooLong,
    /// The private key cannot be used.
    Key(KeyProblem),
    /// The private key is that of another certificate.
    OtherKey,
    /// The certificate of a redemption that is repeated has ended meanwhile.
    LeafExpired {
        /// When it ended.
        at: DateTime<Utc>,
    },
    /// webpki refuses the certificate of a client.
    Leaf(webpki::Error),
}

impl fmt::Display for IssuerProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => formatter.write_str(
                "no certificate in PEM: it must stand between '-----BEGIN CERTIFICATE-----' and \
                 '-----END CERTIFICATE-----'",
            ),
            Self::Damaged => {
                formatter.write_str("the certificate is damaged or not written to its end")
            }
            Self::AboveDamaged => formatter.write_str(
                "'ca.crt' beside the certificate of the CA is damaged or not written to its end",
            ),
            Self::Unreadable => {
                formatter.write_str("the certificate must be X.509 version 3 in strict DER")
            }
            Self::NotCa => formatter.write_str(
                "the certificate must be that of a CA, with CA:TRUE in its basic constraints",
            ),
            Self::NotForCertificates => {
                formatter.write_str("the key usage of the CA must have keyCertSign")
            }
            Self::NotFor(purpose) => {
                let usage = match purpose {
                    Purpose::Client => "clientAuth",
                    Purpose::Server => "serverAuth",
                };
                write!(
                    formatter,
                    "the extended key usage of the CA must be absent or have {usage}"
                )
            }
            Self::UnknownExtension(oid) => write!(
                formatter,
                "the CA has the critical extension {oid}, which TLS libraries do not know"
            ),
            Self::NameConstraints => formatter.write_str(
                "the CA must not have name constraints, because redeemers choose the subjects of \
                 their certificates",
            ),
            // Debug of a DateTime<Utc> is RFC 3339.
            Self::NotYetValid { from } => {
                write!(
                    formatter,
                    "the CA is valid only from {from:?} on: look at the clock"
                )
            }
            Self::Expired { at } => write!(
                formatter,
                "the CA ended at {at:?}: look at the clock, then renew it"
            ),
            Self::NoRoot(cause) => write!(
                formatter,
                "the CA is an intermediate one: put the certificates of the CAs above it, up to the \
                 root, behind it or into 'ca.crt' beside it: {}",
                wording::webpki(cause)
            ),
            Self::PathTooLong => formatter.write_str(
                "the path length in the basic constraints of a CA above the issuer must allow \
                 the CAs below it",
            ),
            Self::Key(problem) => problem.fmt(formatter),
            Self::OtherKey => formatter
                .write_str("the private key must be that of the first certificate, not another"),
            Self::LeafExpired { at } => write!(
                formatter,
                "the certificate of this redemption ended at {at:?}: redeem with another key"
            ),
            Self::Leaf(cause) => write!(
                formatter,
                "the certificate does not verify: {}",
                wording::webpki(cause)
            ),
        }
    }
}

impl std::error::Error for IssuerProblem {}

impl From<KeyProblem> for IssuerProblem {
    fn from(problem: KeyProblem) -> Self {
        Self::Key(problem)
    }
}
