//! Values of the labels of metrics: outcomes of requests, and bounds of connections.

use std::fmt;

use crate::redemption::Refusal;

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
