//! The certificate of the server, judged as redeemers do with the CA that tokens carry.

use chrono::{DateTime, Utc};
use rustls::CertificateError;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::host::Host;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::pki::convert::{date_time, server_name, unix_time};
use crate::redeemer::Verifier;
use crate::site::Sites;
use crate::system::wording::{self, time};

/// The server as redeemers of a host see it, and the CA that their tokens carry.
pub(super) struct Presented {
    /// The certificate of the server first.
    chain: Vec<CertificateDer<'static>>,
    ca: CertificateBundle,
    host: Host,
    validity: (DateTime<Utc>, DateTime<Utc>),
}

impl Presented {
    /// Reads a chain and the CA that tokens carry, in PEM.
    pub(super) fn read(
        chain: &[CertificateDer<'static>],
        ca: &str,
        host: &Host,
    ) -> Result<Self, PresentedProblem> {
        let ca = CertificateBundle::parse(ca).map_err(|_| PresentedProblem::Signer)?;
        let leaf = chain
            .first()
            .and_then(|leaf| Certificate::from_der(leaf).ok());
        let leaf = leaf.ok_or(PresentedProblem::Signer)?;
        let validity = leaf.tbs_certificate().validity();
        Ok(Self {
            chain: chain.to_vec(),
            ca,
            host: host.clone(),
            validity: (
                date_time(validity.not_before),
                date_time(validity.not_after),
            ),
        })
    }

    /// The last second of the validity of the server's certificate.
    pub(super) fn end(&self) -> DateTime<Utc> {
        self.validity.1
    }

    /// Tells whether redeemers accept it.
    ///
    /// # Errors
    /// The reason they do not. Where only the time is wrong, it says so.
    pub(super) fn judge(&self, now: DateTime<Utc>) -> Result<(), PresentedProblem> {
        let (from, to) = self.validity;
        // What is wrong at any time goes before what the clock may have to do with.
        let within = now.clamp(from, to.max(from));
        if self.ca.is_any_valid_at(within.timestamp()) {
            self.verify(within)?;
        }
        if now.timestamp() < from.timestamp() {
            return Err(PresentedProblem::NotYetValid(from));
        }
        if now > to {
            return Err(PresentedProblem::Ended(to));
        }
        if !self.ca.is_any_valid_at(now.timestamp()) {
            return Err(PresentedProblem::CaOutOfDate);
        }
        Ok(())
    }

    /// Tells whether sites that the issuers certified could pose as this server.
    ///
    /// # Errors
    /// [`PresentedProblem::OfSite`].
    pub(super) fn has_no_key_of(&self, sites: &Sites) -> Result<(), PresentedProblem> {
        let carried = self.ca.ders().map(CertificateDer::from);
        let presented: Vec<_> = carried
            .chain(self.chain.iter().cloned())
            .filter_map(|der| key(&der))
            .collect();
        for (name, issuer) in sites.issuers() {
            let authorities = CertificateDer::pem_slice_iter(issuer.certificates_pem().as_bytes());
            let mut keys = authorities.flatten().filter_map(|der| key(&der));
            if keys.any(|key| presented.contains(&key)) {
                return Err(PresentedProblem::OfSite(name.to_owned()));
            }
        }
        Ok(())
    }

    fn verify(&self, now: DateTime<Utc>) -> Result<(), PresentedProblem> {
        let (leaf, above) = self.chain.split_first().ok_or(PresentedProblem::Signer)?;
        let other_host = || PresentedProblem::Host(self.host.clone());
        let name = server_name(&self.host).map_err(|_| other_host())?;
        Verifier::new(&self.ca, &aws_lc_rs::default_provider())
            .verify_server_cert(leaf, above, &name, &[], unix_time(now))
            .map(drop)
            .map_err(|error| match error {
                rustls::Error::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::BadSignature,
                ) => PresentedProblem::Signer,
                rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                ) => other_host(),
                other => PresentedProblem::Other(other),
            })
    }
}

/// Reason redeemers would refuse the server, or could be deceived.
#[derive(Debug, thiserror::Error)]
pub(super) enum PresentedProblem {
    /// The CA did not make the certificate.
    #[error(
        "--tls-ca does not sign --tls-cert: name the CA that signed it, and put CAs between them \
         into the file of --tls-cert"
    )]
    Signer,
    /// The certificate is not for this host.
    #[error(
        "--tls-cert does not cover '{0}', the host of --url: name a certificate that does, or a \
         host that it covers"
    )]
    Host(Host),
    /// The key of this issuer of the site is in the certificate or the CA.
    #[error(
        "--tls-cert and --tls-ca must have nothing to do with the issuer '{0}' of the site: sites \
         that it certified could pose as this server; name another CA, or leave the three options out"
    )]
    OfSite(String),
    /// Its validity has not begun. Holds when it does.
    #[error(
        "the certificate of the server is valid only from {} on: look at the clock", time(*.0)
    )]
    NotYetValid(DateTime<Utc>),
    /// Its validity is over. Holds when it ended.
    #[error(
        "the certificate of the server ended at {}: look at the clock, then renew it", time(*.0)
    )]
    Ended(DateTime<Utc>),
    /// No certificate of the CA is in date.
    #[error("the CA of the server is not in date: look at the clock, then renew it")]
    CaOutOfDate,
    /// Something else that redeemers refuse.
    #[error(
        "redeemers refuse --tls-cert: name a certificate that is for servers: {}", wording::rustls(.0)
    )]
    Other(rustls::Error),
}

impl PresentedProblem {
    /// Tells whether it may pass when the clock is set or time goes on.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotYetValid(_) | Self::Ended(_) | Self::CaOutOfDate
        )
    }
}

fn key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let anchor = webpki::anchor_from_trusted_cert(certificate).ok()?;
    Some(anchor.subject_public_key_info.as_ref().to_vec())
}
