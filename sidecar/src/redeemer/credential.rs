//! Whether the certificate of a Secret can be used for a link.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret, SecretString};
use skupper_access_policy::value::certificate::CertificateBundle;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use crate::issuer::verify_client_leaf;
use crate::manifest::TlsSecret;
use crate::redemption::KeyOrigin;

/// A certificate that was verified with its key and its CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credential {
    /// Who made the key.
    pub(super) key_made_by: KeyOrigin,
    /// When the certificate ends.
    pub(super) not_after: DateTime<Utc>,
}

impl Credential {
    /// Judges the certificate of a Secret. It may be for the key whose SubjectPublicKeyInfo is
    /// `own_key`, and then no key may be in the Secret; else the Secret must have its key.
    pub(super) fn judge(
        secret: &TlsSecret,
        own_key: Option<&[u8]>,
        now: DateTime<Utc>,
    ) -> Result<Self, CredentialProblem> {
        let leaf = one_certificate(&secret.tls_crt).ok_or(CredentialProblem::Certificate)?;
        let certificate =
            Certificate::from_der(&leaf).map_err(|_| CredentialProblem::Certificate)?;
        let signed = certificate.tbs_certificate();
        let key = signed.subject_public_key_info().to_der();
        let key = key.map_err(|_| CredentialProblem::Certificate)?;
        let key_made_by = match (&secret.tls_key, own_key) {
            (None, Some(own)) if own == key => KeyOrigin::Redeemer,
            (Some(_), Some(own)) if own == key => return Err(CredentialProblem::NeedlessKey),
            (Some(pem), _) if public_key(pem).is_some_and(|own| own == key) => KeyOrigin::Service,
            _ => return Err(CredentialProblem::OtherKey),
        };
        is_issued(&leaf, &secret.ca_crt, now)?;
        let end = signed.validity().not_after.to_unix_duration();
        let not_after = i64::try_from(end.as_secs()).ok();
        let not_after = not_after.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        Ok(Self {
            key_made_by,
            not_after: not_after.ok_or(CredentialProblem::Certificate)?,
        })
    }
}

/// Why a certificate cannot be used for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialProblem {
    /// `tls.crt` is not one readable certificate.
    Certificate,
    /// `ca.crt` has no readable certificates.
    Ca,
    /// There is a key although the certificate is for another one, which the redeemer made.
    NeedlessKey,
    /// The certificate is for a key that neither side has.
    OtherKey,
    /// No CA of `ca.crt` issued it, it is not for clients, or it is not valid now.
    NotIssued,
}

impl fmt::Display for CredentialProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Certificate => "'tls.crt' is not exactly one certificate",
            Self::Ca => "'ca.crt' holds no certificate that can be read",
            Self::NeedlessKey => {
                "'tls.key' is there although the certificate is for the redeemer's own key"
            }
            Self::OtherKey => "the certificate is for another key",
            Self::NotIssued => {
                "the certificate is not a valid client certificate of a CA in 'ca.crt'"
            }
        })
    }
}

fn one_certificate(pem: &str) -> Option<Vec<u8>> {
    let bundle = CertificateBundle::parse(pem).ok()?;
    let mut certificates = bundle.ders();
    let first = certificates.next()?;
    certificates.next().is_none().then(|| first.to_vec())
}

/// Of RSA and EC keys, in PKCS#1, SEC1 or PKCS#8.
fn public_key(pem: &SecretString) -> Option<Vec<u8>> {
    let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).ok()?;
    let key = any_supported_type(&key).ok()?;
    Some(key.public_key()?.to_vec())
}

/// A server whose clock is a little ahead issues certificates that begin in our future.
fn is_issued(leaf: &[u8], ca_crt: &str, now: DateTime<Utc>) -> Result<(), CredentialProblem> {
    let bundle = CertificateBundle::parse(ca_crt).map_err(|_| CredentialProblem::Ca)?;
    let by = |ca: &[u8]| {
        [now, now + CLOCK_SKEW]
            .into_iter()
            .any(|time| verify_client_leaf(leaf, ca, time).is_ok())
    };
    if bundle.ders().any(by) {
        return Ok(());
    }
    Err(CredentialProblem::NotIssued)
}

const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);
