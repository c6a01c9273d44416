//! Makes CAs: P-256, ten years, no CA below them.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use x509_cert::der;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::encode::{self, Draft, extension, extensions, pem};
use super::problem::IssuerProblem;
use super::purpose::Purpose;
use crate::pki::key::{KeyKind, PrivateKey};
use crate::system::clock;
use crate::system::random;

/// Makes a CA for a site that has none: certificate and key in PEM. It certifies clients and
/// servers, as routers of a site need both.
///
/// # Errors
/// None, unless AWS-LC cannot sign.
pub fn new_site_ca(
    common_name: &str,
    now: DateTime<Utc>,
) -> Result<(String, SecretString), IssuerProblem> {
    let key = PrivateKey::generate(KeyKind::P256);
    let name = encode::common_name(common_name);
    let certificate = self_signed(&key, &name, None, ca_validity(now))?;
    Ok((pem(&certificate), key.to_pem()))
}

/// The validity of a CA that is made now. It begins when no clock was right yet, so that the CA is
/// not without force for months because the clock was ahead when it was made.
pub(crate) fn ca_validity(now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    (clock::EARLIEST.min(now - DAY), now + LIFE)
}

/// The certificate of a CA for a purpose, or for every one. The name is a Name in DER.
pub(crate) fn self_signed(
    key: &PrivateKey,
    name: &[u8],
    purpose: Option<Purpose>,
    validity: (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<u8>, IssuerProblem> {
    let extensions = ca_extensions(purpose).map_err(|_| IssuerProblem::Unreadable)?;
    let draft = Draft {
        serial: &new_serial(),
        validity,
        subject: name,
        spki: key.spki(),
        extensions: &extensions,
    };
    Ok(draft.sign(name, key)?)
}

/// A random serial of 16 bytes, positive, whose second bit is set so that none is shorter.
pub(crate) fn new_serial() -> [u8; 16] {
    let mut serial: [u8; 16] = random::bytes();
    let [first, ..] = &mut serial;
    *first = *first & 0x7f | 0x40;
    serial
}

fn ca_extensions(purpose: Option<Purpose>) -> der::Result<Vec<u8>> {
    let ca = BasicConstraints {
        ca: true,
        path_len_constraint: Some(0),
    };
    let usages = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
    let mut all = vec![extension(true, &ca)?, extension(true, &KeyUsage(usages))?];
    if let Some(purpose) = purpose {
        all.push(extension(false, &ExtendedKeyUsage(vec![purpose.oid()]))?);
    }
    extensions(&all)
}

const DAY: TimeDelta = TimeDelta::days(1);
const LIFE: TimeDelta = TimeDelta::days(3650);
