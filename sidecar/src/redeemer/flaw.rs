//! Reasons why an object that is there already is not the one that the token leads to.

use std::fmt;

use chrono::{DateTime, Utc};

use super::answer::AnswerProblem;
use crate::system::wording::time;

/// Reason why an object that has the name of Secret or Link is in the way. Prints as what follows
/// `exists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It cannot be used.
    Unusable(AnswerProblem),
    /// Its certificate, or the CA above it, has ended.
    Ended {
        /// When.
        end: DateTime<Utc>,
        /// The time of this machine.
        now: DateTime<Utc>,
    },
    /// It was redeemed from another grant than that of the token.
    AnotherGrant,
    /// Neither its certificate nor a note tells from which grant it was redeemed.
    UnknownGrant,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(AnswerProblem::Credential(problem)) => {
                write!(formatter, " and cannot be used, {problem}")
            }
            Self::Unusable(AnswerProblem::OtherName) => {
                formatter.write_str(" and is a Secret of another name")
            }
            Self::Unusable(AnswerProblem::OtherNamespace) => {
                formatter.write_str(" and is a Secret of another namespace")
            }
            Self::Unusable(_) => formatter.write_str(" and is no TLS Secret, or half of one"),
            Self::Ended { end, now } => write!(
                formatter,
                " and its certificate ended at {}, if the clock of this machine is right (it says \
                 {})",
                time(*end),
                time(*now)
            ),
            Self::AnotherGrant => {
                formatter.write_str(" and is of another grant than that of the token")
            }
            Self::UnknownGrant => formatter.write_str(
                " and does not tell which grant it was redeemed from (if it is that of the token, \
                 nothing is left to do)",
            ),
        }
    }
}
