//! Composes certificates and other signed structures in DER.
//!
//! Names, keys and extensions are spliced in as the bytes that they are, so that the issuer name
//! of a certificate is the subject of its issuer byte for byte, whatever strings it is made of,
//! and what is the same in every certificate is encoded once.
//!
//! Source: RFC 5280 section 4.1; X.690 sections 8.1 and 10.1.

use std::time::Duration;

use chrono::{DateTime, Utc};
use x509_cert::der::asn1::{AnyRef, OctetString, UintRef};
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::pem::{LineEnding, encode_string};
use x509_cert::der::{self, Encode, Tag, TagNumber};
use x509_cert::ext::Extension;
use x509_cert::time::Time;

use crate::pki::key::{KeyProblem, PrivateKey};
use crate::redemption::{GrantUid, KeyDigest, LinkId};

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
    /// Result of [`extensions`]: all but the subject key identifier.
    pub(crate) extensions: &'a [u8],
}

impl Draft<'_> {
    /// The certificate in DER. The issuer is a Name in DER.
    pub(crate) fn sign(&self, issuer: &[u8], key: &PrivateKey) -> Result<Vec<u8>, KeyProblem> {
        let (not_before, not_after) = self.validity;
        let key_identifier = [KEY_IDENTIFIER, &key_identifier(self.spki)].concat();
        let tbs = sequence(&[
            VERSION_3,
            &encoded(UintRef::new(self.serial)),
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
        &element(Tag::BitString, &[NO_UNUSED_BITS, &signature]),
    ]))
}

/// A SEQUENCE of elements.
pub(crate) fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    element(Tag::Sequence, elements)
}

/// An element whose content is the concatenation of some parts.
pub(crate) fn element(tag: Tag, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    encoded(AnyRef::new(tag, &content))
}

/// A Name whose only attribute is a common name.
pub(crate) fn common_name(text: &str) -> Vec<u8> {
    sequence(&[&attribute(COMMON_NAME, text)])
}

/// The name of a link: the common name, and the id of the link as the organizational unit, because a
/// router shows of its peers nothing but this.
pub(crate) fn link_name(text: &str, link: LinkId) -> Vec<u8> {
    let unit = attribute(ORGANIZATIONAL_UNIT, &link.to_string());
    sequence(&[&attribute(COMMON_NAME, text), &unit])
}

/// A relative name of one attribute, as a `UTF8String`.
fn attribute(oid: &[u8], text: &str) -> Vec<u8> {
    let attribute = sequence(&[oid, &element(Tag::Utf8String, &[text.as_bytes()])]);
    element(Tag::Set, &[&attribute])
}

/// The extension that tells which grant a link was redeemed from: a comment, which every TLS library
/// passes over and `openssl x509 -text` prints. A renewal has nothing else to know it by.
pub(crate) fn grant_comment(grant: &GrantUid) -> Vec<u8> {
    let text = format!("{GRANT_COMMENT}{grant}");
    let value = element(Tag::Ia5String, &[text.as_bytes()]);
    let oid = encoded(Ok(GRANT_EXTENSION));
    sequence(&[&oid, &element(Tag::OctetString, &[&value])])
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

/// A certificate in PEM.
pub(crate) fn pem(certificate: &[u8]) -> String {
    // Fails only for lengths beyond any address space.
    encode_string("CERTIFICATE", LineEnding::LF, certificate).unwrap_or_default()
}

/// A time in whole seconds: `UTCTime` to the end of 2049, `GeneralizedTime` from 2050 on. A time that
/// neither can hold is moved to the nearest one that they can.
fn time(at: DateTime<Utc>) -> Vec<u8> {
    let since = Duration::from_secs(u64::try_from(at.timestamp()).unwrap_or_default());
    let at = der::DateTime::from_unix_duration(since).unwrap_or(der::DateTime::INFINITY);
    encoded(Ok(Time::from(at)))
}

/// A value that is short and well-formed, so that encoding it does not fail.
fn encoded(value: der::Result<impl Encode>) -> Vec<u8> {
    value.and_then(|value| value.to_der()).unwrap_or_default()
}

const EXTENSIONS: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(3),
};

/// `[0] EXPLICIT Version` with the value v3.
const VERSION_3: &[u8] = &[0xa0, 3, 2, 1, 2];
/// The object identifier 2.5.4.3.
const COMMON_NAME: &[u8] = &[6, 3, 0x55, 4, 3];
/// The object identifier 2.5.4.11.
const ORGANIZATIONAL_UNIT: &[u8] = &[6, 3, 0x55, 4, 11];

/// Netscape's comment, an `IA5String`. An identifier of our own would need a registered number: those that
/// are free for all have more bits than Go and many others read.
pub(crate) const GRANT_EXTENSION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.113730.1.13");

/// The text in front of the uid.
pub(crate) const GRANT_COMMENT: &str = "Skupper AccessGrant ";

/// An extension that is not critical, 2.5.29.14, up to its 20 bytes.
const KEY_IDENTIFIER: &[u8] = &[0x30, 29, 6, 3, 0x55, 29, 14, 4, 22, 4, 20];
const NO_UNUSED_BITS: &[u8] = &[0];
