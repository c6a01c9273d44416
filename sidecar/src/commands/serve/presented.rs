//! Whether the certificate of `--tls-cert` will do, as redeemers see it with what tokens carry.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::CertificateError;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::host::Host;

use crate::redeemer::Verifier;
use crate::site::Sites;

/// Judges a chain, the certificate of the server first, by the CA that tokens carry.
pub(super) fn judge(
    chain: &[CertificateDer<'_>],
    ca: &CertificateBundle,
    host: &Host,
    sites: &Sites,
    now: DateTime<Utc>,
) -> Result<(), PresentedProblem> {
    let (leaf, above) = chain.split_first().ok_or(PresentedProblem::Signer)?;
    let carried: Vec<_> = ca.ders().map(CertificateDer::from).collect();
    for (name, issuer) in sites.issuers() {
        let authorities = CertificateDer::pem_slice_iter(issuer.certificates_pem().as_bytes());
        let mut keys = authorities.flatten().filter_map(|der| key(&der));
        let is_presented = |key| {
            chain
                .iter()
                .chain(&carried)
                .any(|der| self::key(der).as_ref() == Some(&key))
        };
        if keys.any(is_presented) {
            return Err(PresentedProblem::OfSite(name.to_owned()));
        }
    }

    let name = match host {
        Host::Ip(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(name.as_str()),
    };
    let name = name.map_err(|_| PresentedProblem::Host(host.clone()))?;
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    Verifier::new(ca, &aws_lc_rs::default_provider())
        .verify_server_cert(leaf, above, &name, &[], now)
        .map(drop)
        .map_err(|error| match error {
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => PresentedProblem::Signer,
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => PresentedProblem::Host(host.clone()),
            other => PresentedProblem::Other(other),
        })
}

/// Why redeemers would refuse the server, or could be deceived.
#[derive(Debug)]
pub(super) enum PresentedProblem {
    /// The CA did not make the certificate.
    Signer,
    /// The certificate is not for this host.
    Host(Host),
    /// The key of this issuer of the site is in the certificate or the CA.
    OfSite(String),
    /// Something else that redeemers refuse.
    Other(rustls::Error),
}

impl fmt::Display for PresentedProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signer => formatter.write_str(
                "--tls-ca does not sign --tls-cert: name the CA that signed it, and put CAs \
                 between them into the file of --tls-cert",
            ),
            Self::Host(host) => write!(
                formatter,
                "--tls-cert does not cover '{host}', the host of --url: name a certificate that \
                 does, or a host that it covers"
            ),
            Self::OfSite(issuer) => write!(
                formatter,
                "--tls-cert and --tls-ca must have nothing to do with the issuer '{issuer}' of \
                 the site: sites that it certified could pose as this server; name another CA, or \
                 leave the three options out"
            ),
            Self::Other(cause) => write!(
                formatter,
                "redeemers refuse --tls-cert: name a certificate that is in date and for servers: \
                 {cause}"
            ),
        }
    }
}

fn key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let anchor = webpki::anchor_from_trusted_cert(certificate).ok()?;
    Some(anchor.subject_public_key_info.as_ref().to_vec())
}
