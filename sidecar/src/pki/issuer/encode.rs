//! Composes certificates and other signed structures in DER.
//!
//! Names, keys and extensions are spliced in as the bytes that they are, so that the issuer name
//! of a certificate is the subject of its issuer byte for byte, whatever strings it is made of,
//! and what is the same in every certificate is encoded once.
//!
//! Source: RFC 5280 section 4.1; X.690 sections 8.1 and 10.1.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use x509_cert::der::asn1::OctetString;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{self, Encode};
use x509_cert::ext::Extension;

use crate::pki::key::{KeyProblem, PrivateKey};
use crate::redemption::KeyDigest;

/// A certificate to be signed.
pub(crate) struct Draft<'a> {
    /// Big-endian, positive.
    pub(crate) serial: &'a [u8],
    /// The first and the last second of its validity.
    pub(crate) validity: (DateTime<Utc>, DateTime<Utc>),
    /// A Name in DER.
    pub(crate) subject: &'a [u8],
    /// A SubjectPublicKeyInfo in DER.
    pub(crate) spki: &'a [u8],
    /// What [`extensions`] made: all but the subject key identifier.
    pub(crate) extensions: &'a [u8],
}

impl Draft<'_> {
    /// The certificate in DER. The issuer is a Name in DER.
    pub(crate) fn sign(&self, issuer: &[u8], key: &PrivateKey) -> Result<Vec<u8>, KeyProblem> {
        let (not_before, not_after) = self.validity;
        let key_identifier = [KEY_IDENTIFIER, &key_identifier(self.spki)].concat();
        let tbs = sequence(&[
            VERSION_3,
            &integer(self.serial),
            &sequence(&[key.signature_algorithm().as_ref()]),
            issuer,
            &sequence(&[&time(not_before), &time(not_after)]),
            self.subject,
            self.spki,
            &element(
                EXTENSIONS,
                &[&sequence(&[self.extensions, &key_identifier])],
            ),
        ]);
        signed(&tbs, key)
    }
}

/// A structure, the algorithm and the signature: the form of certificates and of requests.
pub(crate) fn signed(content: &[u8], key: &PrivateKey) -> Result<Vec<u8>, KeyProblem> {
    let signature = key.sign(content)?;
    Ok(sequence(&[
        content,
        &sequence(&[key.signature_algorithm().as_ref()]),
        &element(BIT_STRING, &[NO_UNUSED_BITS, &signature]),
    ]))
}

/// A SEQUENCE of elements.
pub(crate) fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, elements)
}

/// An element of a one-byte tag whose content is the concatenation of some parts.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut element = Vec::with_capacity(length + 6);
    element.push(tag);
    let bytes = length.to_be_bytes();
    let significant = without_leading_zeros(&bytes);
    match (u8::try_from(length), u8::try_from(significant.len())) {
        (Ok(length @ ..0x80), _) => element.push(length),
        (_, count) => {
            element.push(0x80 | count.unwrap_or_default());
            element.extend_from_slice(significant);
        }
    }
    for part in parts {
        element.extend_from_slice(part);
    }
    element
}

/// A Name whose only attribute is a common name, as a `UTF8String`.
pub(crate) fn common_name(text: &str) -> Vec<u8> {
    let attribute = sequence(&[COMMON_NAME, &element(UTF8_STRING, &[text.as_bytes()])]);
    sequence(&[&element(SET, &[&attribute])])
}

/// One extension.
pub(crate) fn extension<E: AssociatedOid + Encode>(
    critical: bool,
    value: &E,
) -> der::Result<Extension> {
    Ok(Extension {
        extn_id: E::OID,
        critical,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

/// The extensions of a certificate, one after the other.
pub(crate) fn extensions(extensions: &[Extension]) -> der::Result<Vec<u8>> {
    let extensions = extensions.iter().map(Encode::to_der);
    Ok(extensions.collect::<der::Result<Vec<_>>>()?.concat())
}

/// The identifier of a key: the first 160 bits of its digest.
///
/// Source: RFC 7093 section 2, method 4.
pub(crate) fn key_identifier(spki: &[u8]) -> [u8; 20] {
    let digest = KeyDigest::of_spki(spki);
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// An INTEGER that is not negative, in as few bytes as it needs.
fn integer(big_endian: &[u8]) -> Vec<u8> {
    let bytes = without_leading_zeros(big_endian);
    let needs_zero = bytes.first().is_none_or(|first| *first >= 0x80);
    let zero: &[u8] = if needs_zero { &[0] } else { &[] };
    element(INTEGER, &[zero, bytes])
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// A time in whole seconds: `UTCTime` to the end of 2049, `GeneralizedTime` from 2050 on. A time that
/// neither can hold is moved to the nearest one that they can.
fn time(at: DateTime<Utc>) -> Vec<u8> {
    let at = DateTime::from_timestamp_secs(at.timestamp().clamp(FIRST_SECOND, LAST_SECOND))
        .unwrap_or_default();
    let (day, second) = (at.date_naive(), at.time());
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        day.month(),
        day.day(),
        second.hour(),
        second.minute(),
        second.second()
    );
    match day.year() {
        year @ ..2050 => element(
            UTC_TIME,
            &[format!("{:02}", year % 100).as_bytes(), rest.as_bytes()],
        ),
        year => element(
            GENERALIZED_TIME,
            &[format!("{year:04}").as_bytes(), rest.as_bytes()],
        ),
    }
}

/// 1970-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const FIRST_SECOND: i64 = 0;
const LAST_SECOND: i64 = 253_402_300_799;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXTENSIONS: u8 = 0xa3;

/// `[0] EXPLICIT Version` with the value v3.
const VERSION_3: &[u8] = &[0xa0, 3, INTEGER, 1, 2];
/// The object identifier 2.5.4.3.
const COMMON_NAME: &[u8] = &[6, 3, 0x55, 4, 3];
/// An extension that is not critical, 2.5.29.14, up to its 20 bytes.
const KEY_IDENTIFIER: &[u8] = &[SEQUENCE, 29, 6, 3, 0x55, 29, 14, 4, 22, 4, 20];
const NO_UNUSED_BITS: &[u8] = &[0];
