//! A certificate that a client showed in the handshake.
//!
//! The handshake proves that the client has its key and nothing else; who made it, and for whom, is
//! judged for each request by [`Issuer::recognize`](super::issuer::Issuer::recognize).

use chrono::{DateTime, Utc};
use rustls_pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::asn1::Ia5StringRef;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, ExtendedKeyUsage, SubjectAltName};

use super::convert::date_time;
use super::issuer::Purpose;
use super::issuer::encode::{GRANT_COMMENT, GRANT_EXTENSION};
use crate::redemption::{GrantUid, Serial};
use crate::renewal::LinkCertificate;

/// A certificate as a client showed it.
pub struct ClientCertificate {
    der: CertificateDer<'static>,
    link: LinkCertificate,
    /// The identifier of the key that signed it.
    signer: Option<Vec<u8>>,
    /// True where it is for clients, for nobody else, and names no host.
    is_for_clients_alone: bool,
}

impl ClientCertificate {
    /// Reads a certificate in DER. `None` for one that no issuer of this program can have made.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let fields = certificate.tbs_certificate();
        let serial = Serial::of_der(fields.serial_number().as_bytes())?;
        if serial.link().as_bytes().iter().all(|byte| *byte == 0) {
            // Numbers that a CA counts up would all be of one link.
            return None;
        }
        let signer = fields.get_extension::<AuthorityKeyIdentifier>().ok()?;
        let signer = signer.and_then(|(_, identifier)| identifier.key_identifier);
        let purposes = fields.get_extension::<ExtendedKeyUsage>().ok()?;
        let names = fields.get_extension::<SubjectAltName>().ok()?;
        let is_client = |purposes: &ExtendedKeyUsage| purposes.0 == [Purpose::Client.oid()];
        let subject = fields.subject().common_name().ok()??;
        Some(Self {
            link: LinkCertificate {
                link: serial.link(),
                grant: grant(&certificate),
                subject: String::from(subject),
                serial,
                spki: fields.subject_public_key_info().to_der().ok()?,
                not_after: date_time(fields.validity().not_after),
            },
            signer: signer.map(|identifier| identifier.as_bytes().to_vec()),
            is_for_clients_alone: names.is_none()
                && purposes.is_some_and(|(_, purposes)| is_client(&purposes)),
            der: CertificateDer::from(der.to_vec()),
        })
    }

    /// The facts of the link. They prove nothing before an issuer has recognized the certificate.
    #[must_use]
    pub fn link(&self) -> &LinkCertificate {
        &self.link
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The last second of its validity.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        self.link.not_after
    }

    /// The identifier of the key that signed it, as it says itself.
    pub(crate) fn signer(&self) -> Option<&[u8]> {
        self.signer.as_deref()
    }

    pub(crate) fn is_for_clients_alone(&self) -> bool {
        self.is_for_clients_alone
    }
}

/// The grant that the comment of a certificate names.
fn grant(certificate: &Certificate) -> Option<GrantUid> {
    let extensions = certificate.tbs_certificate().extensions()?;
    let mut comments = extensions
        .iter()
        .filter(|extension| extension.extn_id == GRANT_EXTENSION);
    let comment = Ia5StringRef::from_der(comments.next()?.extn_value.as_bytes()).ok()?;
    GrantUid::parse(comment.as_str().strip_prefix(GRANT_COMMENT)?)
}
