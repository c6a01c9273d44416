//! Values of the labels of metrics: outcomes of requests, and bounds of connections.

use std::fmt;

use crate::redemption::Refusal;
use crate::renewal;

/// Answer to a redemption request, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Counted and certified.
    Counted,
    /// Certified again, without counting.
    Again,
    /// Not a POST.
    Method,
    /// The body was too large, unreadable or late.
    Body,
    /// See [`Refusal::NotReady`].
    NotReady,
    /// See [`Refusal::UnknownGrant`].
    UnknownGrant,
    /// See [`Refusal::TooManyAttempts`].
    TooManyAttempts,
    /// See [`Refusal::WrongCode`].
    WrongCode,
    /// See [`Refusal::Ended`].
    Ended,
    /// See [`Refusal::Headers`].
    Headers,
    /// See [`Refusal::OtherSubject`].
    OtherSubject,
    /// See [`Refusal::Spent`].
    Spent,
    /// See [`Refusal::Unavailable`].
    Unavailable,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 13] = [
        Self::Counted,
        Self::Again,
        Self::Method,
        Self::Body,
        Self::NotReady,
        Self::UnknownGrant,
        Self::TooManyAttempts,
        Self::WrongCode,
        Self::Ended,
        Self::Headers,
        Self::OtherSubject,
        Self::Spent,
        Self::Unavailable,
    ];

    /// The word that stands for it in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Again => "again",
            Self::Method => "method",
            Self::Body => "body",
            Self::NotReady => "not_ready",
            Self::UnknownGrant => "unknown_grant",
            Self::TooManyAttempts => "too_many_attempts",
            Self::WrongCode => "wrong_code",
            Self::Ended => "ended",
            Self::Headers => "headers",
            Self::OtherSubject => "other_subject",
            Self::Spent => "spent",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Outcome {
    pub(super) fn label(self) -> Label {
        [("outcome", self.as_str())]
    }
}

impl From<&Refusal> for Outcome {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotReady => Self::NotReady,
            Refusal::UnknownGrant => Self::UnknownGrant,
            Refusal::TooManyAttempts(_) => Self::TooManyAttempts,
            Refusal::WrongCode => Self::WrongCode,
            Refusal::Ended => Self::Ended,
            Refusal::Headers(_) => Self::Headers,
            Refusal::OtherSubject => Self::OtherSubject,
            Refusal::Spent => Self::Spent,
            Refusal::Unavailable => Self::Unavailable,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Answer to a renewal request, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RenewalOutcome {
    /// Certified.
    Renewed,
    /// The router of a link was told of its certificate.
    Told,
    /// See [`renewal::Refusal::NoCertificate`].
    NoCertificate,
    /// See [`renewal::Refusal::NotOfSite`].
    NotOfSite,
    /// See [`renewal::Refusal::NotReady`].
    NotReady,
    /// See [`renewal::Refusal::Revoked`].
    Revoked,
    /// See [`renewal::Refusal::Headers`].
    Headers,
    /// See [`renewal::Refusal::TooManyRenewals`].
    TooManyRenewals,
    /// See [`renewal::Refusal::Unavailable`].
    Unavailable,
}

impl RenewalOutcome {
    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Renewed,
        Self::Told,
        Self::NoCertificate,
        Self::NotOfSite,
        Self::NotReady,
        Self::Revoked,
        Self::Headers,
        Self::TooManyRenewals,
        Self::Unavailable,
    ];

    /// The word that stands for it in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Told => "told",
            Self::NoCertificate => "no_certificate",
            Self::NotOfSite => "not_of_site",
            Self::NotReady => "not_ready",
            Self::Revoked => "revoked",
            Self::Headers => "headers",
            Self::TooManyRenewals => "too_many_renewals",
            Self::Unavailable => "unavailable",
        }
    }

    pub(super) fn label(self) -> Label {
        [("outcome", self.as_str())]
    }
}

impl From<&renewal::Refusal> for RenewalOutcome {
    fn from(refusal: &renewal::Refusal) -> Self {
        match refusal {
            renewal::Refusal::NoCertificate => Self::NoCertificate,
            renewal::Refusal::NotOfSite(_) => Self::NotOfSite,
            renewal::Refusal::NotReady => Self::NotReady,
            renewal::Refusal::Revoked => Self::Revoked,
            renewal::Refusal::Headers(_) => Self::Headers,
            renewal::Refusal::TooManyRenewals(_) => Self::TooManyRenewals,
            renewal::Refusal::Unavailable => Self::Unavailable,
        }
    }
}

/// Answer of the redemption port, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// To a redemption, or to what asks for nothing that is known.
    Redemption(Outcome),
    /// To a renewal.
    Renewal(RenewalOutcome),
}

/// The bound that closed a connection or turned it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bound {
    /// All connections were taken.
    Connections,
    /// The peer had all the connections it may have.
    Peer,
    /// The handshake was late.
    Handshake,
    /// The first request was late.
    Request,
    /// No other request came after an answer, or a refusal was not read.
    Idle,
    /// The answer to a right code was not read.
    Answer,
}

impl Bound {
    /// Every bound.
    pub const ALL: [Self; 6] = [
        Self::Connections,
        Self::Peer,
        Self::Handshake,
        Self::Request,
        Self::Idle,
        Self::Answer,
    ];

    /// The word that stands for it in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Peer => "peer",
            Self::Handshake => "handshake",
            Self::Request => "request",
            Self::Idle => "idle",
            Self::Answer => "answer",
        }
    }
}

impl Bound {
    pub(super) fn label(self) -> Label {
        [("bound", self.as_str())]
    }
}

/// A label with its value.
pub(super) type Label<V = &'static str> = [(&'static str, V); 1];
