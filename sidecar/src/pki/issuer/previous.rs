//! An issuer that another one has followed: its certificates, and no key.

use std::fmt;

use chrono::{DateTime, Utc};

use super::authority::Authority;
use super::certificates;
use super::chain::{Chain, signers};
use super::problem::IssuerProblem;

/// A CA whose certificates may be renewed, and which others go on trusting meanwhile.
pub struct PreviousIssuer(Chain);

impl PreviousIssuer {
    /// Reads a CA from PEM: the first certificate and, when it is an intermediate one, those above it,
    /// behind it or in the other text, as [`Issuer::load_below`](super::Issuer::load_below).
    ///
    /// # Errors
    /// It cannot certify clients, or it has ended; those above an intermediate one are missing.
    pub fn load_below(
        certificate_pem: &[u8],
        above_pem: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Self, IssuerProblem> {
        let all = certificates(certificate_pem)?;
        let chain = Chain::begin(&all, now)?;
        chain.up_to_root(all, above_pem, now, signers).map(Self)
    }

    pub(super) fn authority(&self) -> &Authority {
        self.0.authority()
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.0
    }

    /// The last second of its validity.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        self.0.validity().1
    }

    /// Tells whether a time lies in its validity.
    #[must_use]
    pub fn is_in_date(&self, now: DateTime<Utc>) -> bool {
        self.0.is_in_date(now)
    }
}

/// Does not print the subject.
impl fmt::Debug for PreviousIssuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PreviousIssuer")
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}
