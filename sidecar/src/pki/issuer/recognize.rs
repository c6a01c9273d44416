//! Recognizes the certificates that an issuer made for links, and those of the issuers before it.
//!
//! A certificate counts when its own issuer is one of them. Other certificates that a client sends along
//! are not looked at: one of a CA above an intermediate issuer is a stranger's.

use chrono::{DateTime, Utc};

use super::chain::Chain;
use super::{Issuer, IssuerProblem};
use crate::pki::client_certificate::ClientCertificate;
use crate::renewal::{AuthorityId, CertificateFlaw};

impl Issuer {
    /// Recognizes a certificate that this issuer made for a link, or one before it, and that a link
    /// can use at this time.
    ///
    /// # Errors
    /// The flaw of it; [`CertificateFlaw::OtherIssuer`] for everything that others have made.
    pub fn recognize(
        &self,
        certificate: &ClientCertificate,
        now: DateTime<Utc>,
    ) -> Result<(), CertificateFlaw> {
        let chains = self.chains().filter(|chain| {
            let identifier = chain.authority().key_identifier().as_bytes();
            certificate.signer() == Some(identifier)
        });
        let mut flaw = CertificateFlaw::OtherIssuer;
        for chain in chains {
            match chain.recognize(certificate, now) {
                Ok(()) if certificate.is_for_clients_alone() => return Ok(()),
                Ok(()) => flaw = CertificateFlaw::NotForClients,
                Err(CertificateFlaw::OtherIssuer) => {}
                Err(other) => flaw = other,
            }
        }
        Err(flaw)
    }

    /// True where a certificate that is recognized was made by this issuer and not by one before it.
    #[must_use]
    pub fn is_signer_of(&self, certificate: &ClientCertificate) -> bool {
        let identifier = self.chain.authority().key_identifier().as_bytes();
        certificate.signer() == Some(identifier)
    }

    /// The CA that certifies.
    #[must_use]
    pub fn id(&self) -> AuthorityId {
        self.chain.id()
    }

    /// The CAs before it.
    pub fn previous_ids(&self) -> impl Iterator<Item = AuthorityId> {
        self.previous.iter().map(|issuer| issuer.chain().id())
    }
}

impl Chain {
    fn id(&self) -> AuthorityId {
        AuthorityId::of(self.authority().key_identifier().as_bytes())
    }

    fn recognize(
        &self,
        certificate: &ClientCertificate,
        now: DateTime<Utc>,
    ) -> Result<(), CertificateFlaw> {
        let leaf = webpki::EndEntityCert::try_from(certificate.der());
        let leaf = leaf.map_err(|_| CertificateFlaw::OtherIssuer)?;
        if let Err(problem) = self.authority().verify(&leaf, now) {
            // webpki looks at the signature last: without this, anybody's certificate could have ended.
            let is_signed = self.authority().has_signed(certificate.der());
            return Err(if is_signed {
                flaw(&problem)
            } else {
                CertificateFlaw::OtherIssuer
            });
        }
        // Verifiers look at those above it, too.
        match self.validity() {
            (begin, _) if now < begin => Err(CertificateFlaw::NotYetValid),
            (_, end) if end < now => Err(CertificateFlaw::Ended),
            _ => Ok(()),
        }
    }
}

/// The flaw of a certificate that its issuer did sign.
fn flaw(problem: &IssuerProblem) -> CertificateFlaw {
    match problem {
        IssuerProblem::Expired { .. }
        | IssuerProblem::Leaf(
            webpki::Error::CertExpired { .. } | webpki::Error::InvalidCertValidity,
        ) => CertificateFlaw::Ended,
        IssuerProblem::NotYetValid { .. }
        | IssuerProblem::Leaf(webpki::Error::CertNotValidYet { .. }) => {
            CertificateFlaw::NotYetValid
        }
        IssuerProblem::Leaf(
            webpki::Error::RequiredEkuNotFoundContext(_) | webpki::Error::CaUsedAsEndEntity,
        ) => CertificateFlaw::NotForClients,
        _ => CertificateFlaw::OtherIssuer,
    }
}
