//! A grant, what was redeemed of it, and the decision about one more redemption.
//!
//! [`decide`] is pure. A ledger calls it inside its write transaction, so what it decides is what
//! is stored; the model in `tests/` calls the same function.
//!
//! Source: Skupper's redemption protocol; the order of the answers is that of [`Refusal`].

mod digest;
pub mod fault;
mod link;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::renewal::AuthorityId;

pub use digest::{CodeDigest, KeyDigest, LONG_CODE_BYTES, MIN_CODE_BYTES, Serial};
pub use link::LinkId;

/// The uid of a grant, and the path at which it is redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantUid(Uuid);

impl GrantUid {
    /// Reads the hyphenated form, in any case. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
        let uid = Uuid::try_parse(text).ok().filter(|_| is_hyphenated)?;
        Some(Self(uid))
    }

    /// The uid (version 4) made of 16 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The 16 bytes, as a ledger stores them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The uid of 16 stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for GrantUid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

/// A grant as a ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which grant.
    pub uid: GrantUid,
    /// Its name: a DNS-1123 subdomain.
    pub name: String,
    /// The digest of its code.
    pub code: CodeDigest,
    /// Number of redemptions that it allows.
    pub redemptions_allowed: u32,
    /// Number of redemptions that were counted.
    pub redemptions: u32,
    /// Time at which it was made.
    pub created: DateTime<Utc>,
    /// The last moment at which it can be redeemed.
    pub expiration_time: DateTime<Utc>,
    /// Time at which it was revoked.
    pub revoked: Option<DateTime<Utc>>,
    /// The issuer it names; absent for the issuer of the site.
    pub issuer: Option<String>,
    /// The namespace of a cluster that it is in; absent in a ledger without namespaces.
    pub namespace: Option<Arc<str>>,
    /// True when its code is so short that wrong codes of all peers must be limited together.
    pub has_short_code: bool,
}

/// State of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GrantState {
    /// It can be redeemed.
    Live,
    /// Every redemption is counted; the keys that were counted can still be redeemed again.
    Spent,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl GrantState {
    /// Every state, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Live, Self::Spent, Self::Expired, Self::Revoked];

    /// The word that stands for it in output and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// True when nothing can be redeemed any more, not even again.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Expired | Self::Revoked)
    }
}

impl Grant {
    /// The state of the grant at a time. A revocation goes before everything else.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> GrantState {
        if self.revoked.is_some() {
            GrantState::Revoked
        } else if self.expiration_time < now {
            GrantState::Expired
        } else if self.redemptions >= self.redemptions_allowed {
            GrantState::Spent
        } else {
            GrantState::Live
        }
    }
}

/// Maker of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOrigin {
    /// The redeemer: it can ask again with the same key and gets the same redemption.
    Redeemer,
    /// This service, for a client that brings no key: every request is a redemption of its own.
    Service,
}

/// One counted redemption.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redemption {
    /// The digest of the certified key.
    pub key: KeyDigest,
    /// The maker of that key.
    pub origin: KeyOrigin,
    /// The common name of the certificate.
    pub subject: String,
    /// The serial number of the certificate.
    pub serial: Serial,
    /// Time of the count, in whole seconds; the certificate's validity starts from it.
    pub at: DateTime<Utc>,
    /// The end of the certificate.
    pub certificate_end: DateTime<Utc>,
    /// The CA that made the certificate; absent where the ledger does not know.
    pub authority: Option<AuthorityId>,
}

impl Redemption {
    /// The claim that it was asked for with.
    #[must_use]
    pub fn claim(&self) -> Claim {
        Claim {
            key: self.key,
            subject: self.subject.clone(),
            serial: self.serial,
        }
    }
}

/// Identity of a redemption, whenever it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The digest of the key to certify.
    pub key: KeyDigest,
    /// The common name that is asked for.
    pub subject: String,
    /// The serial number that follows from grant and key.
    pub serial: Serial,
}

/// Decision about a candidate that nothing refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Count it.
    Count,
    /// The key is counted already: answer as this redemption was answered, and count nothing.
    Again(Redemption),
}

/// Decides about one redemption of a grant whose code was right.
///
/// `known` is the redemption that the ledger holds for the key, `subject` the common name that is
/// asked for.
///
/// # Errors
/// [`Refusal::Ended`], [`Refusal::OtherSubject`] or [`Refusal::Spent`], the first that applies.
pub fn decide(
    grant: &Grant,
    known: Option<&Redemption>,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<Decision, Refusal> {
    match (grant.state(now), known) {
        (GrantState::Revoked | GrantState::Expired, _) => Err(Refusal::Ended),
        (_, Some(known)) if known.subject != subject => Err(Refusal::OtherSubject),
        // The same redemption is the same certificate, and that one is over.
        (_, Some(known)) if known.certificate_end <= now => Err(Refusal::Ended),
        (_, Some(known)) => Ok(Decision::Again(known.clone())),
        (GrantState::Spent, None) => Err(Refusal::Spent),
        (GrantState::Live, None) => Ok(Decision::Count),
    }
}

/// Reason a redemption is refused, in the order in which the reasons are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The ledger is not read yet, or the grant is not complete yet.
    NotReady,
    /// No grant has this uid.
    UnknownGrant,
    /// This peer sent too many wrong codes for this grant. Holds the seconds to wait.
    TooManyAttempts(u64),
    /// The code is another one.
    WrongCode,
    /// The grant is revoked or expired.
    Ended,
    /// A header is not what it must be. Holds what is wrong.
    Headers(String),
    /// The key was counted with another subject.
    OtherSubject,
    /// Every redemption of the grant is counted.
    Spent,
    /// The site or the ledger cannot answer now; nothing was counted, or it is not known.
    Unavailable,
}

#[cfg(test)]
mod tests;
