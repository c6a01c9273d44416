//! Faults of an issuer, or of a certificate that it made.

use chrono::{DateTime, Utc};
use x509_cert::der::oid::ObjectIdentifier;

use super::purpose::Purpose;
use crate::pki::key::KeyProblem;
use crate::system::wording;

/// Reason a pair of certificate and key is no issuer, or a certificate is none that it made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerProblem {
    /// There is no certificate in the text.
    #[error(
        "no certificate in PEM: it must stand between '-----BEGIN CERTIFICATE-----' and \
         '-----END CERTIFICATE-----'"
    )]
    NoCertificate,
    /// A PEM block of the certificates has no end or is not base64.
    #[error("the certificate is damaged or not written to its end")]
    Damaged,
    /// The same of the certificates above an intermediate one, in a text of their own.
    #[error("'ca.crt' beside the certificate of the CA is damaged or not written to its end")]
    AboveDamaged,
    /// Not an X.509 certificate of version 3 in DER.
    #[error("the certificate must be X.509 version 3 in strict DER")]
    Unreadable,
    /// Basic constraints do not say CA:TRUE.
    #[error("the certificate must be that of a CA, with CA:TRUE in its basic constraints")]
    NotCa,
    /// There is a key usage, and keyCertSign is not in it.
    #[error("the key usage of the CA must have keyCertSign")]
    NotForCertificates,
    /// There is an extended key usage, and the purpose is not in it.
    #[error("the extended key usage of the CA must be absent or have {}", .0.name())]
    NotFor(Purpose),
    /// A critical extension that verifiers do not know, so that they refuse whatever it certifies.
    #[error("the CA has the critical extension {0}, which TLS libraries do not know")]
    UnknownExtension(ObjectIdentifier),
    /// It limits the names in what it certifies, and redeemers choose theirs.
    #[error(
        "the CA must not have name constraints, because redeemers choose the subjects of their \
         certificates"
    )]
    NameConstraints,
    /// Its validity has not begun. Debug of a time is RFC 3339.
    #[error("the CA is valid only from {from:?} on: look at the clock")]
    NotYetValid {
        /// The beginning.
        from: DateTime<Utc>,
    },
    /// Its validity is over.
    #[error("the CA ended at {at:?}: look at the clock, then renew it")]
    Expired {
        /// The end.
        at: DateTime<Utc>,
    },
    /// An intermediate CA without the certificates that lead to its root.
    #[error(
        "the CA is an intermediate one: put the certificates of the CAs above it, up to the root, \
         behind it or into 'ca.crt' beside it: {}", wording::webpki(.0)
    )]
    NoRoot(webpki::Error),
    /// A CA above an intermediate one does not allow as many CAs below it.
    #[error(
        "the path length in the basic constraints of a CA above the issuer must allow the CAs \
         below it"
    )]
    PathTooLong,
    /// Two CAs with one name and different keys, and no identifier of a key in one of them: verifiers try
    /// the first one and look for no other.
    #[error(
        "TLS libraries cannot tell it from another CA of the same name, because one of the two has no \
         subject key identifier"
    )]
    Indistinguishable,
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyProblem),
    /// The private key is that of another certificate.
    #[error("the private key must be that of the first certificate, not another")]
    OtherKey,
    /// The certificate of a redemption that is repeated has ended meanwhile.
    #[error("the certificate of this redemption ended at {at:?}: redeem with another key")]
    LeafExpired {
        /// The end.
        at: DateTime<Utc>,
    },
    /// webpki refuses the certificate of a client.
    #[error("the certificate does not verify: {}", wording::webpki(.0))]
    Leaf(webpki::Error),
}

impl IssuerProblem {
    /// True for what files look like while they are being replaced.
    pub(crate) fn is_of_half_a_file(&self) -> bool {
        matches!(
            self,
            Self::NoCertificate
                | Self::Damaged
                | Self::AboveDamaged
                | Self::Unreadable
                | Self::Key(_)
                | Self::NoRoot(_)
                | Self::OtherKey
        )
    }
}
