//! Reasons an object that is there already is not the one that the token leads to.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::answer::AnswerProblem;
use crate::system::wording::time;

/// Reason an object that has the name of Secret or Link is in the way. Prints as what follows
/// `exists`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Flaw {
    /// It cannot be used.
    #[error(" and {}", unusable(*.0))]
    Unusable(AnswerProblem),
    /// Its certificate, or the CA above it, has ended.
    #[error(
        " and its certificate ended at {}, if the clock of this machine is right (it says {})",
        time(*.end),
        time(*.now)
    )]
    Ended {
        /// Time of the end.
        end: DateTime<Utc>,
        /// The time of this machine.
        now: DateTime<Utc>,
    },
    /// It was redeemed from another grant than that of the token.
    #[error(" and is of another grant than that of the token")]
    AnotherGrant,
    /// Neither its certificate nor a note tells from which grant it was redeemed.
    #[error(
        " and does not tell which grant it was redeemed from (if it is that of the token, nothing is \
         left to do)"
    )]
    UnknownGrant,
}

/// The words for a flaw, if there is one.
pub(super) fn shown(flaw: Option<Flaw>) -> String {
    flaw.map(|flaw| flaw.to_string()).unwrap_or_default()
}

fn unusable(problem: AnswerProblem) -> String {
    match problem {
        AnswerProblem::Credential(problem) => format!("cannot be used, {problem}"),
        AnswerProblem::OtherName => "is a Secret of another name".to_owned(),
        AnswerProblem::OtherNamespace => "is a Secret of another namespace".to_owned(),
        _ => "is no TLS Secret, or half of one".to_owned(),
    }
}
