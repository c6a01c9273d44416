//! What makes a certificate one that may certify clients.
//!
//! webpki takes a trust anchor for granted: it accepts a leaf under an expired CA, under CA:FALSE
//! and under a CA for servers only. OpenSSL, which the routers use, does not. So the CA is judged
//! here, by the rules of OpenSSL's `sslclient` purpose.
//!
//! Source: RFC 5280 sections 4.2.1.3, 4.2.1.9, 4.2.1.12; OpenSSL `crypto/x509/v3_purp.c`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::oid::db::rfc5280;
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier};
use x509_cert::time::Time;

use super::IssuerProblem;
use super::encode::sequence;

/// A CA that may certify clients.
pub struct Authority {
    pub(super) not_before: DateTime<Utc>,
    pub(super) not_after: DateTime<Utc>,
    /// The subject as a Name in DER.
    pub(super) subject: Vec<u8>,
    pub(super) key_identifier: Option<SubjectKeyIdentifier>,
    pub(super) is_self_issued: bool,
    pub(super) anchor: TrustAnchor<'static>,
}

/// Judges a CA certificate: CA:TRUE, keyCertSign when there is a key usage, extended key usage
/// absent or with clientAuth, in date, and no critical extension that verifiers do not know.
///
/// # Errors
/// The first of these that does not hold.
pub fn judge_ca(der: &[u8], now: DateTime<Utc>) -> Result<Authority, IssuerProblem> {
    let certificate = Certificate::from_der(der).map_err(|_| IssuerProblem::Unreadable)?;
    let der = CertificateDer::from(der);
    let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|_| IssuerProblem::Unreadable)?;
    let fields = certificate.tbs_certificate();

    for extension in fields.extensions().into_iter().flatten() {
        if extension.critical && !KNOWN_EXTENSIONS.contains(&extension.extn_id) {
            return Err(IssuerProblem::UnknownExtension(extension.extn_id));
        }
    }
    let basic_constraints: Option<BasicConstraints> = find(&certificate)?;
    if !basic_constraints.is_some_and(|constraints| constraints.ca) {
        return Err(IssuerProblem::NotCa);
    }
    let key_usage: Option<KeyUsage> = find(&certificate)?;
    if key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return Err(IssuerProblem::NotForCertificates);
    }
    let purposes: Option<ExtendedKeyUsage> = find(&certificate)?;
    if purposes.is_some_and(|purposes| !purposes.0.contains(&rfc5280::ID_KP_CLIENT_AUTH)) {
        return Err(IssuerProblem::NotForClients);
    }

    let authority = Authority {
        not_before: date_time(fields.validity().not_before),
        not_after: date_time(fields.validity().not_after),
        subject: sequence(&[anchor.subject.as_ref()]),
        key_identifier: find(&certificate)?,
        is_self_issued: fields.issuer() == fields.subject(),
        anchor: anchor.to_owned(),
    };
    authority.in_date(now)?;
    Ok(authority)
}

/// Verifies that a certificate is one for a client, made by a CA that may certify clients.
///
/// # Errors
/// What [`judge_ca`] or webpki refuses.
pub fn verify_client_leaf(
    leaf_der: &[u8],
    ca_der: &[u8],
    now: DateTime<Utc>,
) -> Result<(), IssuerProblem> {
    let authority = judge_ca(ca_der, now)?;
    let leaf = CertificateDer::from(leaf_der);
    let leaf = webpki::EndEntityCert::try_from(&leaf).map_err(IssuerProblem::Leaf)?;
    authority.verify(&leaf, now)
}

impl Authority {
    /// The last second of its validity.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        self.not_after
    }

    /// Verifies that the certificate is one for a client, and made by this CA.
    pub(super) fn verify(
        &self,
        leaf: &webpki::EndEntityCert<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), IssuerProblem> {
        let anchor = std::slice::from_ref(&self.anchor);
        let path = verify_chain(leaf, anchor, &[], now);
        path.map(drop).map_err(IssuerProblem::Leaf)
    }

    pub(super) fn in_date(&self, now: DateTime<Utc>) -> Result<(), IssuerProblem> {
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

/// webpki's verification of a client's certificate.
pub(super) fn verify_chain<'a>(
    leaf: &'a webpki::EndEntityCert<'a>,
    anchors: &'a [TrustAnchor<'a>],
    intermediates: &'a [CertificateDer<'a>],
    now: DateTime<Utc>,
) -> Result<webpki::VerifiedPath<'a>, webpki::Error> {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        intermediates,
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        webpki::KeyUsage::client_auth(),
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

fn date_time(time: Time) -> DateTime<Utc> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs());
    seconds
        .ok()
        .and_then(DateTime::from_timestamp_secs)
        .unwrap_or_default()
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
