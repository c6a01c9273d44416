//! Words for an operator about the files that lie where an issuer should be. No secret is in them.

use std::fmt::Write as _;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use skupper_access_policy::printable::printable;
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, UintRef};
use x509_cert::der::{Decode as _, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::pki::convert::date_time;
use crate::pki::key;
use crate::system::wording::time;

/// Describes the first certificate (its subject, its signer, its kind of key and its end) and the kind
/// of the private key, in one line.
#[must_use]
pub fn found(certificate_pem: &[u8], key_pem: &[u8]) -> String {
    let der = CertificateDer::from_pem_slice(certificate_pem).ok();
    let certificate = der.and_then(|der| Certificate::from_der(&der).ok());
    let mut text = match certificate {
        None => "found no certificate that can be read".to_owned(),
        Some(certificate) => of_certificate(&certificate),
    };
    let key = std::str::from_utf8(key_pem).ok();
    match key.and_then(key::kind_of_pem) {
        // Writing to a String cannot fail.
        Some(kind) => drop(write!(text, ", and a private key: {kind}")),
        None => text.push_str(", and no private key"),
    }
    text
}

fn of_certificate(certificate: &Certificate) -> String {
    let fields = certificate.tbs_certificate();
    let [subject, issuer] = [fields.subject(), fields.issuer()].map(ToString::to_string);
    let signer = if subject == issuer {
        "itself".to_owned()
    } else {
        format!("'{}'", printable(&issuer))
    };
    format!(
        "found the certificate '{}', signed by {signer}, {}, until {}",
        printable(&subject),
        kind_of_key(fields.subject_public_key_info()),
        time(date_time(fields.validity().not_after))
    )
}

/// The kind of a public key.
fn kind_of_key(spki: &SubjectPublicKeyInfoOwned) -> String {
    let algorithm = spki.algorithm.oid;
    let parameter = spki.algorithm.parameters.as_ref();
    let curve = parameter.and_then(|parameter| parameter.decode_as().ok());
    let kind = key::kind(algorithm, curve);
    let bits = spki.subject_public_key.as_bytes().and_then(modulus_bits);
    match bits.filter(|_| algorithm == key::RSA) {
        Some(bits) => format!("{kind} with {bits} bits"),
        None => kind,
    }
}

/// Source: RFC 8017 appendix A.1.1.
fn modulus_bits(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(AnyRef::from_der(key).ok()?.value()).ok()?;
    let modulus = UintRef::decode(&mut reader).ok()?.as_bytes();
    let first = modulus.first()?.leading_zeros();
    Some(modulus.len() * 8 - usize::try_from(first).ok()?)
}
