//! Judges the certificate of a Secret: its key, its CA, its time.

use chrono::{DateTime, TimeDelta, Utc};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret, SecretString};
use skupper_access_policy::value::certificate::CertificateBundle;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::time::Time;

use crate::pki::issuer::verify_client_leaf;
use crate::pki::key::PrivateKey;
use crate::redemption::{GrantUid, KeyOrigin, Serial};
use crate::wire::objects::TlsSecret;

/// A certificate that was verified with its key and its CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Maker of the key.
    pub key_made_by: KeyOrigin,
    /// The time in which the certificate can be used, as seen from now.
    pub validity: Validity,
    /// Beginning of the certificate. Our servers begin it an hour before they make it.
    pub not_before: DateTime<Utc>,
    /// End of the certificate.
    pub not_after: DateTime<Utc>,
    /// Its serial number; absent when that is longer than ours.
    pub serial: Option<Serial>,
    /// Its common name.
    pub subject: Option<String>,
    /// The SubjectPublicKeyInfo of its key in DER.
    spki: Vec<u8>,
}

/// Validity of a certificate and of the CA above it, by a clock that may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Both are.
    Valid,
    /// Not before this time.
    NotYet(DateTime<Utc>),
    /// Not after this time.
    Ended(DateTime<Utc>),
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

    /// The key of its Secret, if the certificate is a redemption of a grant: the serial number
    /// follows from grant and key. To ask for it again costs nothing.
    pub(super) fn key_of_grant(&self, secret: &TlsSecret, uid: &GrantUid) -> Option<PrivateKey> {
        let pem = secret.tls_key.as_ref().map(ExposeSecret::expose_secret)?;
        let key = PrivateKey::from_pem(pem).ok().filter(PrivateKey::is_p256)?;
        self.is_redemption_of(uid).then_some(key)
    }

    /// True where the certificate is for the key with this SubjectPublicKeyInfo.
    pub(super) fn is_for(&self, spki: &[u8]) -> bool {
        self.spki == spki
    }

    /// True where two certificates are for one key.
    pub(super) fn shares_key(&self, other: &Self) -> bool {
        self.is_for(&other.spki)
    }

    /// True where the serial number says that the certificate is a redemption of a grant.
    pub(super) fn is_redemption_of(&self, uid: &GrantUid) -> bool {
        self.serial == Some(Serial::derive(uid, &self.spki))
    }
}

/// Reason a certificate cannot be used for a link.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CredentialProblem {
    /// `tls.crt` is not one readable certificate.
    #[error("'tls.crt' is not exactly one certificate")]
    Certificate,
    /// `ca.crt` has no readable certificates.
    #[error("'ca.crt' holds no certificate that can be read")]
    Ca,
    /// There is a key although the certificate is for another one, which the redeemer made.
    #[error("'tls.key' is there although the certificate is for the redeemer's own key")]
    NeedlessKey,
    /// The certificate is for a key that neither side has.
    #[error("the certificate is for another key")]
    OtherKey,
    /// No CA of `ca.crt` issued it, it is not for clients, or it is valid at no time.
    #[error("the certificate is not a client certificate of a CA in 'ca.crt'")]
    NotIssued,
}

/// The certificate of a Secret.
struct Leaf {
    der: Vec<u8>,
    /// Its SubjectPublicKeyInfo in DER.
    key: Vec<u8>,
    not_before: DateTime<Utc>,
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
        Some(Self {
            der: der.to_vec(),
            key: signed.subject_public_key_info().to_der().ok()?,
            not_before: date_time(signed.validity().not_before)?,
            not_after: date_time(signed.validity().not_after)?,
            serial: Serial::of_der(signed.serial_number().as_bytes()),
            subject: signed.subject().common_name().ok()?.map(String::from),
        })
    }

    /// True for its key: RSA or EC, in PKCS#1, SEC1 or PKCS#8.
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
        let under = |ca| self.validity_under(ca, now);
        let mut validities: Vec<_> = bundle.ders().filter_map(under).collect();
        validities.sort_by_key(|validity| *validity != Validity::Valid);
        let validity = validities.first();
        Ok(Credential {
            key_made_by,
            validity: *validity.ok_or(CredentialProblem::NotIssued)?,
            not_before: self.not_before,
            not_after: self.not_after,
            serial: self.serial,
            subject: self.subject,
            spki: self.key,
        })
    }

    /// The validity under a CA; `None` when that did not issue it.
    fn validity_under(&self, ca: &[u8], now: DateTime<Utc>) -> Option<Validity> {
        let verifies = |time| verify_client_leaf(&self.der, ca, time).is_ok();
        // A server whose clock is a little ahead issues certificates that begin in our future.
        if [now, now + CLOCK_SKEW].into_iter().any(verifies) {
            return Some(Validity::Valid);
        }
        let ca = Certificate::from_der(ca).ok()?;
        let of_ca = ca.tbs_certificate().validity();
        let begin = self.not_before.max(date_time(of_ca.not_before)?);
        let end = self.not_after.min(date_time(of_ca.not_after)?);
        if !verifies(begin) {
            return None;
        }
        match now {
            now if now < begin => Some(Validity::NotYet(begin)),
            now if now > end => Some(Validity::Ended(end)),
            _ => None,
        }
    }
}

fn date_time(time: Time) -> Option<DateTime<Utc>> {
    let seconds = time.to_unix_duration().as_secs();
    DateTime::from_timestamp(seconds.try_into().ok()?, 0)
}

const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);
