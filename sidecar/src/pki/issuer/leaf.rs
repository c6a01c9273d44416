//! A certificate of an issuer, and what is to be in it.

use chrono::{DateTime, TimeDelta, Utc};
use x509_cert::der;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
};

use super::authority::Authority;
use super::encode::extension;
use super::purpose::Purpose;
use crate::redemption::{GrantUid, Serial};

/// A key to be certified.
#[derive(Clone, Copy, Debug)]
pub struct LeafRequest<'a> {
    /// The SubjectPublicKeyInfo in DER.
    pub spki: &'a [u8],
    /// The common name; 1 to 64 characters.
    pub subject: &'a str,
    /// The serial number.
    pub serial: Serial,
    /// Time of the count. The validity begins an hour before.
    pub at: DateTime<Utc>,
    /// Life of the certificate from then on; absent for as long as its issuer, and at most
    /// [`LONGEST_LIFE`].
    pub duration: Option<TimeDelta>,
    /// The grant that the link is redeemed from; absent where it is not known.
    pub grant: Option<GrantUid>,
}

/// A client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The certificate in PEM.
    pub pem: String,
    /// The last second of its validity.
    pub not_after: DateTime<Utc>,
}

/// The extensions of every leaf of a CA, whoever it is for. `CA:FALSE` is written out: some readers take a
/// certificate without basic constraints for that of a CA.
pub(crate) fn leaf_extensions(
    authority: &Authority,
    purpose: Purpose,
) -> der::Result<Vec<Extension>> {
    let not_a_ca = BasicConstraints {
        ca: false,
        path_len_constraint: None,
    };
    let authority_key_identifier = AuthorityKeyIdentifier {
        key_identifier: Some(authority.key_identifier().clone()),
        ..AuthorityKeyIdentifier::default()
    };
    Ok(vec![
        extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
        extension(false, &ExtendedKeyUsage(vec![purpose.oid()]))?,
        extension(true, &not_a_ca)?,
        extension(false, &authority_key_identifier)?,
    ])
}

/// Life of a certificate that nobody renews, at most: 5 years, that of Skupper's own.
pub const LONGEST_LIFE: TimeDelta = TimeDelta::days(5 * 365);
