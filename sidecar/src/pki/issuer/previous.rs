//! An issuer that another one has followed: its certificates, and no key.

use chrono::{DateTime, Utc};

use super::authority::Authority;
use super::encode::pem;
use super::problem::IssuerProblem;
use super::{certificates, judge_issuer};

/// A CA whose certificates may be renewed, and whose name stays in `ca.crt` meanwhile.
pub struct PreviousIssuer {
    authority: Authority,
    /// In PEM: the CA, then what stood behind it.
    certificates: Vec<String>,
}

impl PreviousIssuer {
    /// Reads a CA from PEM: the first certificate, and behind it those above it.
    ///
    /// # Errors
    /// It cannot certify clients, or it has ended.
    pub fn load(certificate_pem: &[u8], now: DateTime<Utc>) -> Result<Self, IssuerProblem> {
        let all = certificates(certificate_pem)?;
        let first = all.first().ok_or(IssuerProblem::NoCertificate)?;
        let authority = judge_issuer(first, now)?;
        for above in all.iter().skip(1) {
            judge_issuer(above, now)?;
        }
        Ok(Self {
            authority,
            certificates: all.iter().map(|der| pem(der)).collect(),
        })
    }

    /// Its certificates, each in PEM.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &str> {
        self.certificates.iter().map(String::as_str)
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }
}
