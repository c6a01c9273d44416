//! Reasons a token was not redeemed, and what to do.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use skupper_access_policy::printable::printable;
use thiserror::Error;

use super::answer::AnswerProblem;
use super::cluster::problem::ClusterProblem;
use super::credential::Validity;
use super::exchange::{Cause, Fault, Reply};
use super::flaw::{self, Flaw};
use super::folder::FolderProblem;
use super::proxy::{ProxyProblem, Route};
use super::refused::{self, Refused};
use super::retry::{Attempts, Step};
use super::token::Token;
use crate::system::wording::{self, time};

/// Reason a token was not redeemed. Prints as one line that says what to do.
#[derive(Debug, Error)]
pub enum RedeemProblem {
    /// The name cannot be one of Secret and Link.
    #[error(
        "the name '{}' must be at most 237 characters with no dots, as Skupper takes it where it is \
         not on Kubernetes: choose another one with '--name'",
        printable(.0)
    )]
    Name(String),
    /// The name cannot be one of Secret and Link in a cluster.
    #[error(
        "the name '{}' must be at most 245 characters: choose another one with '--name'",
        printable(.0)
    )]
    ClusterName(String),
    /// The subject cannot be a common name.
    #[error("the subject must have 1 to 64 characters and no control characters")]
    Subject,
    /// The output folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderProblem),
    /// The file with the key of an earlier attempt holds no key.
    #[error(
        "the key of an earlier attempt is damaged: restore {0} or remove it; without it a redemption \
         that was counted then is lost"
    )]
    DamagedKey(PathBuf),
    /// Others than the owner may read the key of an earlier attempt.
    #[error(
        "others may read the key of an earlier attempt: 'chmod 600 {0}' when that does no harm, else \
         remove it"
    )]
    ExposedKey(PathBuf),
    /// A file is there already.
    #[error(
        "{path} exists{}: move it away, choose another name with '--name', or replace it with \
         '--force'",
        flaw::shown(*.flaw)
    )]
    Exists {
        /// The file.
        path: PathBuf,
        /// Reason it is not the one of the token; absent where it is simply there.
        flaw: Option<Flaw>,
    },
    /// A file is there already, and the token is redeemed: the answer is kept.
    #[error(
        "{0} exists with other content: the token is redeemed and its answer is kept, so move the \
         file away and run the same command again, or replace it with '--force'"
    )]
    ExistsNow(PathBuf),
    /// The token is redeemed with another name: the answer is kept in this file.
    #[error(
        "the token was redeemed with another name and its answer is kept in {0}: run the command \
         with that name"
    )]
    OtherName(PathBuf),
    /// The answer to another token with the same grant in its URL is kept in this file.
    #[error("{0} holds the answer to another token: redeem that one first, or move the file away")]
    OtherToken(PathBuf),
    /// The namespace of the cluster cannot take the redemption.
    #[error(transparent)]
    Cluster(#[from] ClusterProblem),
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {}", wording::rustls(.0))]
    Tls(rustls::Error),
    /// The proxy that the environment names cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyProblem),
    /// The server is not the one of the token, or its answer has no end.
    #[error("{cause}{route}: {}", advice(.cause))]
    Server {
        /// The fault that was found.
        cause: Cause,
        /// The way to it.
        route: Route,
    },
    /// The server refuses.
    #[error("{0}")]
    Refused(Refused),
    /// Something else than a redemption server answers. Holds the words for it.
    #[error("{0}")]
    Foreign(String),
    /// The answer does not fit the request.
    #[error("the server's answer cannot be used, nothing was written: {0}")]
    Answer(#[from] AnswerProblem),
    /// The certificate is not valid now, by the clock of this machine. Nothing is lost.
    #[error("{}", untimely(*.validity, *.now))]
    Clock {
        /// Its validity.
        validity: Validity,
        /// The time of this machine.
        now: DateTime<Utc>,
    },
    /// A request may have been counted, and a further one may be counted, too.
    #[error(
        "the answer was lost{}, and this server may count another one: run the same command to try \
         once more, or ask for a new token: {cause}",
        .since.map_or_else(String::new, |since| {
            format!(", a request of {} may have been counted", time(since))
        })
    )]
    Doubt {
        /// Time of the first such request.
        since: Option<DateTime<Utc>>,
        /// Reason there was no answer.
        cause: String,
    },
    /// The time is up.
    #[error(
        "not redeemed yet: run the same command again in {} s or later, or with a longer '--timeout': \
         {cause}",
        .pause.as_secs().max(1)
    )]
    GaveUp {
        /// The end of the last attempt.
        cause: String,
        /// Shortest pause before the next attempt.
        pause: Duration,
    },
}

impl RedeemProblem {
    /// The exit code of the command: 1 refused for good, 2 something to be mended here, 3 the same
    /// command may go well later. 1 is for what the server of the token says of the token.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Tls(_) | Self::Refused(_) | Self::Answer(_) => 1,
            Self::Folder(problem) if problem.is_passing() => 3,
            Self::Cluster(problem) => problem.exit_code(),
            Self::Name(_)
            | Self::ClusterName(_)
            | Self::Subject
            | Self::Folder(_)
            | Self::DamagedKey(_)
            | Self::ExposedKey(_)
            | Self::Exists { .. }
            | Self::ExistsNow(_)
            | Self::OtherName(_)
            | Self::OtherToken(_)
            | Self::Proxy(_) => 2,
            Self::Server { .. }
            | Self::Foreign(_)
            | Self::Clock { .. }
            | Self::Doubt { .. }
            | Self::GaveUp { .. } => 3,
        }
    }

    /// True where the server says that the grant is unknown, used up or at its end.
    pub(super) fn is_end_of_grant(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.status == 404)
    }
}

/// Advice about a server that is not the one of the token.
fn advice(cause: &Cause) -> &'static str {
    match cause {
        Cause::Untrusted { .. } => {
            "look at the token's URL, at what is between this machine and the server, and at the \
             clock, then run the same command again, or ask for a new token"
        }
        Cause::TooLong => {
            "look whether the token's URL leads to a redemption server, then run the same command \
             again"
        }
        _ => "run the same command again when that is mended",
    }
}

/// A certificate that is not valid by the clock of this machine, which may be the one that is wrong.
fn untimely(validity: Validity, now: DateTime<Utc>) -> String {
    let now = time(now);
    match validity {
        Validity::Ended(end) => format!(
            "the certificate ended at {}, and the clock of this machine says {now}: look at the \
             clock and run the same command again; if it is right, ask for a new token",
            time(end)
        ),
        Validity::NotYet(begin) => format!(
            "the certificate is valid from {}, and the clock of this machine says {now}: look at the \
             clock, here and at the server, and run the same command again; nothing is lost",
            time(begin)
        ),
        Validity::Valid => "the certificate is valid".to_owned(),
    }
}

/// The end of the attempts.
pub(super) fn of(
    step: Step,
    result: Result<Reply, Fault>,
    token: &Token,
    attempts: &Attempts,
    route: &Route,
) -> RedeemProblem {
    let cause = reason(&result, route);
    match (step, result) {
        (Step::GiveUp(pause), _) => RedeemProblem::GaveUp { cause, pause },
        (Step::Refuse, Ok(reply)) => {
            let since = attempts.doubtful_since();
            RedeemProblem::Refused(Refused::of(&reply, token, since))
        }
        (Step::Stop, Ok(reply)) => RedeemProblem::Foreign(refused::foreign(&reply, route)),
        (Step::Stop, Err(fault)) => RedeemProblem::Server {
            cause: fault.cause,
            route: route.clone(),
        },
        _ => RedeemProblem::Doubt {
            since: attempts.doubtful_since(),
            cause,
        },
    }
}

/// Reason an attempt was not the last one.
pub(super) fn reason(result: &Result<Reply, Fault>, route: &Route) -> String {
    match result {
        Err(fault) => format!("{}{route}", fault.cause),
        Ok(reply) if !reply.is_of_a_redemption_server() => refused::foreign(reply, route),
        Ok(reply) => match reply.status {
            429 => "too many wrong codes were sent from this address".to_owned(),
            503 => "the server is not ready".to_owned(),
            status => format!("the server answers with status {status}"),
        },
    }
}
