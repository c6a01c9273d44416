//! Judgement of a certificate that is to certify clients, or servers.
//!
//! webpki takes a trust anchor for granted: it accepts a leaf under an expired CA, under CA:FALSE
//! and under a CA for the other purpose. OpenSSL, which the routers use, does not. So the CA is
//! judged here, by the rules of OpenSSL's `sslclient` and `sslserver` purposes.
//!
//! Source: RFC 5280 sections 4.2.1.3, 4.2.1.9, 4.2.1.12; OpenSSL `crypto/x509/v3_purp.c`.

use chrono::{DateTime, Utc};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_cert::Certificate;
use x509_cert::der::asn1::OctetString;
use x509_cert::der::oid::db::rfc5280;
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{Decode, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::encode::{Draft, key_identifier, sequence};
use super::problem::IssuerProblem;
use super::purpose::Purpose;
use crate::pki::convert::{date_time, unix_time};
use crate::pki::key::PrivateKey;

/// A CA certificate that may certify for a purpose.
#[derive(Clone)]
pub struct Authority {
    purpose: Purpose,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    /// The subject as a Name in DER.
    subject: Vec<u8>,
    key_identifier: OctetString,
    /// True when the identifier stands in the certificate.
    has_identifier: bool,
    /// Most CAs that may stand between this one and a leaf.
    most_below: Option<u8>,
    is_self_issued: bool,
    anchor: TrustAnchor<'static>,
}

/// Verifies that a certificate is one for a client, made by a CA that may certify clients.
///
/// # Errors
/// Whatever [`Authority::judge`] or webpki refuses.
pub fn verify_client_leaf(
    leaf_der: &[u8],
    ca_der: &[u8],
    now: DateTime<Utc>,
) -> Result<(), IssuerProblem> {
    let authority = Authority::judge(ca_der, Purpose::Client, now)?;
    let leaf = CertificateDer::from(leaf_der);
    let leaf = webpki::EndEntityCert::try_from(&leaf).map_err(IssuerProblem::Leaf)?;
    authority.verify(&leaf, now)
}

impl Authority {
    /// Judges a certificate that is to certify for a purpose: CA:TRUE, keyCertSign when there is a
    /// key usage, extended key usage absent or with the purpose, in date, and no critical extension
    /// that verifiers do not know.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn judge(der: &[u8], purpose: Purpose, now: DateTime<Utc>) -> Result<Self, IssuerProblem> {
        let certificate = Certificate::from_der(der).map_err(|_| IssuerProblem::Unreadable)?;
        let der = CertificateDer::from(der);
        let anchor =
            webpki::anchor_from_trusted_cert(&der).map_err(|_| IssuerProblem::Unreadable)?;
        let fields = certificate.tbs_certificate();

        for extension in fields.extensions().into_iter().flatten() {
            if extension.critical && !KNOWN_EXTENSIONS.contains(&extension.extn_id) {
                return Err(IssuerProblem::UnknownExtension(extension.extn_id));
            }
        }
        let basic_constraints: Option<BasicConstraints> = find(&certificate)?;
        let basic_constraints = basic_constraints.filter(|constraints| constraints.ca);
        let basic_constraints = basic_constraints.ok_or(IssuerProblem::NotCa)?;
        let key_usage: Option<KeyUsage> = find(&certificate)?;
        if key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err(IssuerProblem::NotForCertificates);
        }
        let purposes: Option<ExtendedKeyUsage> = find(&certificate)?;
        if purposes.is_some_and(|purposes| !purposes.0.contains(&purpose.oid())) {
            return Err(IssuerProblem::NotFor(purpose));
        }

        let spki = sequence(&[anchor.subject_public_key_info.as_ref()]);
        let derived = OctetString::new(key_identifier(&spki));
        let derived = derived.map_err(|_| IssuerProblem::Unreadable)?;
        let identifier: Option<SubjectKeyIdentifier> = find(&certificate)?;
        let authority = Self {
            purpose,
            not_before: date_time(fields.validity().not_before),
            not_after: date_time(fields.validity().not_after),
            subject: sequence(&[anchor.subject.as_ref()]),
            has_identifier: identifier.is_some(),
            key_identifier: identifier.map_or(derived, |SubjectKeyIdentifier(own)| own),
            most_below: basic_constraints.path_len_constraint,
            is_self_issued: fields.issuer() == fields.subject(),
            anchor: anchor.to_owned(),
        };
        authority.in_date(now)?;
        Ok(authority)
    }

    /// The last second of its validity.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        self.not_after
    }

    /// The first and the last second of its validity.
    pub(crate) fn validity(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.not_before, self.not_after)
    }

    /// Its name, in DER.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The identifier of its key: its own, or when it has none, one that is derived. OpenSSL takes
    /// a certificate with the name of its issuer for a self-signed one, unless the identifiers of
    /// their keys differ.
    pub(crate) fn key_identifier(&self) -> &OctetString {
        &self.key_identifier
    }

    /// True when it is the certificate of a key.
    pub(crate) fn has_key(&self, key: &PrivateKey) -> bool {
        sequence(&[self.anchor.subject_public_key_info.as_ref()]) == key.spki()
    }

    /// True when whatever one of them certifies is certified by the other, too.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.anchor.subject_public_key_info == other.anchor.subject_public_key_info
            && self.key_identifier == other.key_identifier
    }

    /// True when verifiers may take one for the other, although their keys differ.
    pub(super) fn is_mistaken_for(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.anchor.subject_public_key_info != other.anchor.subject_public_key_info
            && !(self.has_identifier && other.has_identifier)
    }

    /// True when it limits the names in what it certifies.
    pub(super) fn has_name_constraints(&self) -> bool {
        self.anchor.name_constraints.is_some()
    }

    /// True when some number of CAs may stand between this one and a leaf.
    pub(super) fn allows_below(&self, count: usize) -> bool {
        self.most_below
            .is_none_or(|most| count <= usize::from(most))
    }

    /// True when no other CA is above it.
    pub(super) fn is_self_issued(&self) -> bool {
        self.is_self_issued
    }

    /// Signs a certificate in the name of this CA, and verifies it.
    pub(crate) fn certify(
        &self,
        draft: &Draft<'_>,
        key: &PrivateKey,
        now: DateTime<Utc>,
    ) -> Result<CertificateDer<'static>, IssuerProblem> {
        let der = CertificateDer::from(draft.sign(&self.subject, key)?);
        let leaf = webpki::EndEntityCert::try_from(&der).map_err(IssuerProblem::Leaf)?;
        // Else the key was none, and what follows it in the certificate came from outside, too.
        if leaf.subject_public_key_info().as_ref() != draft.spki {
            return Err(IssuerProblem::Leaf(webpki::Error::BadDer));
        }
        self.verify(&leaf, now)?;
        Ok(der)
    }

    /// Verifies that the certificate is one for the purpose, and made by this CA.
    pub(super) fn verify(
        &self,
        leaf: &webpki::EndEntityCert<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), IssuerProblem> {
        self.in_date(now)?;
        let anchor = std::slice::from_ref(&self.anchor);
        let path = verify_chain(leaf, anchor, &[], self.purpose, now);
        path.map(drop).map_err(IssuerProblem::Leaf)
    }

    /// Tells whether the key of this CA signed a certificate, whatever that says.
    pub(super) fn has_signed(&self, der: &[u8]) -> bool {
        let spki = sequence(&[self.anchor.subject_public_key_info.as_ref()]);
        let (Ok(certificate), Ok(spki)) = (
            Certificate::from_der(der),
            SubjectPublicKeyInfoRef::from_der(&spki),
        ) else {
            return false;
        };
        let algorithms = [
            spki.algorithm.to_der(),
            certificate.signature_algorithm().to_der(),
        ];
        let (Ok(content), Some(key), Some(signature)) = (
            certificate.tbs_certificate().to_der(),
            spki.subject_public_key.as_bytes(),
            certificate.signature().as_bytes(),
        ) else {
            return false;
        };
        webpki::ALL_VERIFICATION_ALGS.iter().any(|algorithm| {
            let own = [algorithm.public_key_alg_id(), algorithm.signature_alg_id()];
            own.map(|own| Ok(sequence(&[own.as_ref()]))) == algorithms
                && algorithm.verify_signature(key, &content, signature).is_ok()
        })
    }

    fn in_date(&self, now: DateTime<Utc>) -> Result<(), IssuerProblem> {
        let second = now.timestamp();
        if second < self.not_before.timestamp() {
            return Err(IssuerProblem::NotYetValid {
                from: self.not_before,
            });
        }
        if second > self.not_after.timestamp() {
            return Err(IssuerProblem::Expired { at: self.not_after });
        }
        Ok(())
    }
}

/// webpki's verification of a certificate.
pub(super) fn verify_chain<'a>(
    leaf: &'a webpki::EndEntityCert<'a>,
    anchors: &'a [TrustAnchor<'a>],
    intermediates: &'a [CertificateDer<'a>],
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<webpki::VerifiedPath<'a>, webpki::Error> {
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        intermediates,
        unix_time(now),
        purpose.as_webpki(),
        None,
        None,
    )
}

/// The extension of a kind; one that is there twice is unreadable.
fn find<'a, E>(certificate: &'a Certificate) -> Result<Option<E>, IssuerProblem>
where
    E: Decode<'a> + AssociatedOid,
{
    let extension = certificate.tbs_certificate().get_extension();
    let extension = extension.map_err(|_| IssuerProblem::Unreadable)?;
    Ok(extension.map(|(_, value)| value))
}

/// The extensions that may be critical in a CA: those that OpenSSL and Go know.
const KNOWN_EXTENSIONS: [ObjectIdentifier; 10] = [
    rfc5280::ID_CE_BASIC_CONSTRAINTS,
    rfc5280::ID_CE_CERTIFICATE_POLICIES,
    rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS,
    rfc5280::ID_CE_EXT_KEY_USAGE,
    rfc5280::ID_CE_INHIBIT_ANY_POLICY,
    rfc5280::ID_CE_KEY_USAGE,
    rfc5280::ID_CE_NAME_CONSTRAINTS,
    rfc5280::ID_CE_POLICY_CONSTRAINTS,
    rfc5280::ID_CE_POLICY_MAPPINGS,
    rfc5280::ID_CE_SUBJECT_ALT_NAME,
];
