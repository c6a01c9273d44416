//! Whether the certificate of a Secret can be used for a link.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret, SecretString};
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::key_file;
use crate::issuer::verify_client_leaf;
use crate::key::PrivateKey;
use crate::manifest::TlsSecret;
use crate::redemption::{KeyOrigin, Serial};

/// A certificate that was verified with its key and its CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Who made the key.
    pub key_made_by: KeyOrigin,
    /// When the certificate ends.
    pub not_after: DateTime<Utc>,
    /// Its serial number; absent when that is longer than ours.
    pub serial: Option<Serial>,
    /// Its common name.
    pub subject: Option<String>,
}

impl Credential {
    /// Judges the Secret of a server's answer. Its certificate may be for the key whose
    /// SubjectPublicKeyInfo is `own_key`, and then no key may be in it; else it must have its key.
    pub(super) fn judge_new(
        secret: &TlsSecret,
        own_key: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Self, CredentialProblem> {
        let leaf = Leaf::read(&secret.tls_crt)?;
        let is_own = leaf.key == own_key;
        let key_made_by = match &secret.tls_key {
            None if is_own => KeyOrigin::Redeemer,
            Some(_) if is_own => return Err(CredentialProblem::NeedlessKey),
            Some(pem) if leaf.belongs_to(pem) => KeyOrigin::Service,
            _ => return Err(CredentialProblem::OtherKey),
        };
        leaf.judge(&secret.ca_crt, key_made_by, now)
    }

    /// Judges the Secret of a redeemer, which holds the key whoever made it.
    pub(super) fn judge_kept(
        secret: &TlsSecret,
        own_key: Option<&[u8]>,
        now: DateTime<Utc>,
    ) -> Result<Self, CredentialProblem> {
        let leaf = Leaf::read(&secret.tls_crt)?;
        let key = secret.tls_key.as_ref();
        if !key.is_some_and(|pem| leaf.belongs_to(pem)) {
            return Err(CredentialProblem::OtherKey);
        }
        let key_made_by = match own_key {
            Some(own) if own == leaf.key => KeyOrigin::Redeemer,
            _ => KeyOrigin::Service,
        };
        leaf.judge(&secret.ca_crt, key_made_by, now)
    }

    /// The key of its Secret, if the certificate is a redemption of a URL's grant: the serial number
    /// follows from grant and key. To ask for it again costs nothing.
    pub(super) fn key_of_grant(
        &self,
        secret: &TlsSecret,
        url: &RedemptionUrl,
    ) -> Option<PrivateKey> {
        let pem = secret.tls_key.as_ref().map(ExposeSecret::expose_secret)?;
        let key = PrivateKey::from_pem(pem).ok().filter(PrivateKey::is_p256)?;
        let serial = Serial::derive(&key_file::uid(url)?, key.spki());
        (self.serial == Some(serial)).then_some(key)
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

/// The certificate of a Secret.
struct Leaf {
    der: Vec<u8>,
    /// Its SubjectPublicKeyInfo in DER.
    key: Vec<u8>,
    not_after: DateTime<Utc>,
    serial: Option<Serial>,
    subject: Option<String>,
}

impl Leaf {
    fn read(pem: &str) -> Result<Self, CredentialProblem> {
        Self::of_pem(pem).ok_or(CredentialProblem::Certificate)
    }

    fn of_pem(pem: &str) -> Option<Self> {
        let bundle = CertificateBundle::parse(pem).ok()?;
        let mut certificates = bundle.ders();
        let (Some(der), None) = (certificates.next(), certificates.next()) else {
            return None;
        };
        let certificate = Certificate::from_der(der).ok()?;
        let signed = certificate.tbs_certificate();
        let end = signed.validity().not_after.to_unix_duration().as_secs();
        Some(Self {
            der: der.to_vec(),
            key: signed.subject_public_key_info().to_der().ok()?,
            not_after: DateTime::from_timestamp(end.try_into().ok()?, 0)?,
            serial: serial(signed.serial_number().as_bytes()),
            subject: signed.subject().common_name().ok()?.map(String::from),
        })
    }

    /// Whether this is its key: RSA or EC, in PKCS#1, SEC1 or PKCS#8.
    fn belongs_to(&self, pem: &SecretString) -> bool {
        let read = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes());
        let key = read.ok().and_then(|key| any_supported_type(&key).ok());
        let public = key.as_ref().and_then(|key| key.public_key());
        public.is_some_and(|public| public.as_ref() == self.key)
    }

    fn judge(
        self,
        ca_crt: &str,
        key_made_by: KeyOrigin,
        now: DateTime<Utc>,
    ) -> Result<Credential, CredentialProblem> {
        let bundle = CertificateBundle::parse(ca_crt).map_err(|_| CredentialProblem::Ca)?;
        // A server whose clock is a little ahead issues certificates that begin in our future.
        let times = [now, now + CLOCK_SKEW];
        let issued_by = |ca: &[u8]| {
            let mut times = times.into_iter();
            times.any(|time| verify_client_leaf(&self.der, ca, time).is_ok())
        };
        if !bundle.ders().any(issued_by) {
            return Err(CredentialProblem::NotIssued);
        }
        Ok(Credential {
            key_made_by,
            not_after: self.not_after,
            serial: self.serial,
            subject: self.subject,
        })
    }
}

/// A number in DER has no leading zeros but the one that makes it positive.
fn serial(bytes: &[u8]) -> Option<Serial> {
    let mut whole = [0; 16];
    let rest = whole.len().checked_sub(bytes.len())?;
    whole.get_mut(rest..)?.copy_from_slice(bytes);
    Some(Serial::from_bytes(whole))
}

const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);
