//! A link certificate that is shown to the granting site, and the renewal of it.
//!
//! [`decide`] is pure: the service calls it with what the register knows, and the model in `tests/`
//! calls the same function.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::redemption::{GrantUid, KeyDigest, LinkId, Serial};

/// The facts of a link's certificate, as its holder shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkCertificate {
    /// The link.
    pub link: LinkId,
    /// The grant it was redeemed from; absent in certificates that do not tell.
    pub grant: Option<GrantUid>,
    /// Its common name.
    pub subject: String,
    /// Its serial number.
    pub serial: Serial,
    /// The SubjectPublicKeyInfo of its key in DER.
    pub spki: Vec<u8>,
    /// The last second of its validity.
    pub not_after: DateTime<Utc>,
}

impl LinkCertificate {
    /// True where it was redeemed from a grant: it says so, or it is the first one of the link, whose
    /// serial number follows from grant and key.
    #[must_use]
    pub fn is_of(&self, grant: &GrantUid) -> bool {
        match &self.grant {
            Some(own) => own == grant,
            None => Serial::derive(grant, &self.spki) == self.serial,
        }
    }
}

/// A certificate that is handed out, for the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The link.
    pub link: LinkId,
    /// The grant it was redeemed from, where that is known.
    pub grant: Option<GrantUid>,
    /// The name of the grant, where that is known.
    pub grant_name: Option<String>,
    /// The namespace of a cluster that the site is in.
    pub namespace: Option<Arc<str>>,
    /// The common name.
    pub subject: String,
    /// The serial number.
    pub serial: Serial,
    /// The CA that made it.
    pub authority: AuthorityId,
    /// Time at which it was made, in whole seconds.
    pub at: DateTime<Utc>,
    /// The end of it.
    pub certificate_end: DateTime<Utc>,
    /// The certificate that was shown for it; absent for a redemption.
    pub shown: Option<Shown>,
}

/// The certificate that a renewal began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The digest of its key.
    pub key: KeyDigest,
    /// The end of it.
    pub end: DateTime<Utc>,
}

impl Issued {
    /// True for a renewal, false for a redemption.
    #[must_use]
    pub fn is_renewal(&self) -> bool {
        self.shown.is_some()
    }
}

/// A CA, by the first 8 bytes of its key identifier in hexadecimal digits: two that follow each other
/// often have the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthorityId(String);

impl AuthorityId {
    /// The CA with a key identifier.
    #[must_use]
    pub fn of(key_identifier: &[u8]) -> Self {
        let digits = key_identifier.iter().take(8);
        Self(digits.fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
    }

    /// One that was stored.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The CAs of a site that certify links, and those before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    /// Those that certify now.
    pub current: BTreeSet<AuthorityId>,
    /// Those whose certificates are renewed by others.
    pub previous: BTreeSet<AuthorityId>,
}

impl Authorities {
    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        let (current, previous) = text.split_once('<').unwrap_or((text, ""));
        let ids = |text: &str| {
            text.split_whitespace()
                .map(AuthorityId::from_stored)
                .collect()
        };
        Self {
            current: ids(current),
            previous: ids(previous),
        }
    }
}

/// The current ones, `<`, and the previous ones.
impl fmt::Display for Authorities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = |ids: &BTreeSet<AuthorityId>| {
            let ids: Vec<_> = ids.iter().map(AuthorityId::as_str).collect();
            ids.join(" ")
        };
        write!(formatter, "{}<{}", ids(&self.current), ids(&self.previous))
    }
}

/// Answer of the register about a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against it.
    Good,
    /// The link, or the grant with its links, was revoked.
    Revoked,
    /// The revocations are not read yet, or not followed now.
    Unknown,
}

/// Decides about the renewal of a certificate that was recognized, as far as the register goes.
///
/// # Errors
/// [`Refusal::NotReady`] or [`Refusal::Revoked`].
pub fn decide(standing: Standing) -> Result<(), Refusal> {
    match standing {
        Standing::Good => Ok(()),
        Standing::Revoked => Err(Refusal::Revoked),
        Standing::Unknown => Err(Refusal::NotReady),
    }
}

/// Reason a certificate is not renewed, in the order in which the reasons are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The client showed no certificate.
    NoCertificate,
    /// The certificate is not one of a link of this site.
    NotOfSite(CertificateFlaw),
    /// The sites or the revocations are not read yet.
    NotReady,
    /// The link was revoked.
    Revoked,
    /// A header is not what it must be. Holds what is wrong.
    Headers(String),
    /// The link was renewed too often. Holds the seconds to wait.
    TooManyRenewals(u64),
    /// The site or the register cannot answer now.
    Unavailable,
}

/// Reason a certificate is not one that a link of this site can use now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum CertificateFlaw {
    /// No issuer of the site made it, now or before.
    #[error("not issued by it")]
    OtherIssuer,
    /// It is not for clients, or also for servers.
    #[error("not for clients alone")]
    NotForClients,
    /// Its validity is over.
    #[error("it has ended")]
    Ended,
    /// Its validity has not begun.
    #[error("it is not valid yet")]
    NotYetValid,
}
