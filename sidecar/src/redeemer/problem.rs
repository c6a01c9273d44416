//! Why a token was not redeemed, and what to do.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use skupper_access_policy::printable::printable;

use super::answer::AnswerProblem;
use super::cluster::ClusterProblem;
use super::credential::Validity;
use super::exchange::{Cause, Fault, Reply};
use super::flaw::Flaw;
use super::folder::FolderProblem;
use super::key_file::KeyFileProblem;
use super::proxy::{ProxyProblem, Route};
use super::refused::{Foreign, Refused};
use super::retry::{Attempts, Step};
use super::token::Token;
use crate::pki::key::KeyProblem;
use crate::system::wording::{self, time};

/// Why a token was not redeemed. Prints as one line that says what to do.
#[derive(Debug)]
pub enum RedeemProblem {
    /// The name cannot be one of Secret and Link.
    Name(String),
    /// The name cannot be one of Secret and Link in a cluster.
    ClusterName(String),
    /// The subject cannot be a common name.
    Subject,
    /// The output folder cannot be used.
    Folder(FolderProblem),
    /// The key of an earlier attempt cannot be used.
    KeyFile(KeyFileProblem),
    /// A file is there already.
    Exists {
        /// Which one.
        path: PathBuf,
        /// Reason why it is not the one of the token; absent where it is simply there.
        flaw: Option<Flaw>,
    },
    /// A file is there already, and the token is redeemed: the answer is kept.
    ExistsNow(PathBuf),
    /// The token is redeemed with another name: the answer is kept in this file.
    OtherName(PathBuf),
    /// The answer to another token with the same grant in its URL is kept in this file.
    OtherToken(PathBuf),
    /// The namespace of the cluster.
    Cluster(ClusterProblem),
    /// TLS cannot be set up.
    Tls(rustls::Error),
    /// The proxy that the environment names.
    Proxy(ProxyProblem),
    /// The server is not the one of the token, or its answer has no end.
    Server {
        /// The fault that was found.
        cause: Cause,
        /// The way to it.
        route: Route,
    },
    /// The server refuses.
    Refused(Refused),
    /// Something else than a redemption server answers.
    Foreign(Box<Foreign>),
    /// The answer is not what was asked for.
    Answer(AnswerProblem),
    /// The certificate is not valid now, by the clock of this machine. Nothing is lost.
    Clock {
        /// When it is.
        validity: Validity,
        /// The time of this machine.
        now: DateTime<Utc>,
    },
    /// A request may have been counted, and a further one may be counted, too.
    Doubt {
        /// When the first such request was sent.
        since: Option<DateTime<Utc>>,
        /// Why there was no answer.
        cause: String,
    },
    /// The time is up.
    GaveUp {
        /// What the last attempt ended with.
        cause: String,
        /// When to try again, at the earliest.
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
            Self::Folder(problem) | Self::KeyFile(KeyFileProblem::Folder(problem)) => {
                if problem.is_passing() { 3 } else { 2 }
            }
            Self::Cluster(problem) => problem.exit_code(),
            Self::Name(_)
            | Self::ClusterName(_)
            | Self::Subject
            | Self::KeyFile(_)
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

impl fmt::Display for RedeemProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                formatter,
                "the name '{}' must be at most 237 characters without dots, as Skupper takes it where \
                 it is not on Kubernetes: choose another one with '--name'",
                printable(name)
            ),
            Self::ClusterName(name) => write!(
                formatter,
                "the name '{}' must be at most 245 characters: choose another one with '--name'",
                printable(name)
            ),
            Self::Subject => formatter
                .write_str("the subject must have 1 to 64 characters and no control characters"),
            Self::Folder(problem) => problem.fmt(formatter),
            Self::KeyFile(problem) => problem.fmt(formatter),
            Self::Exists { path, flaw } => {
                write!(formatter, "{} exists", path.display())?;
                if let Some(flaw) = flaw {
                    flaw.fmt(formatter)?;
                }
                formatter.write_str(
                    ": move it away, choose another name with '--name', or replace it with \
                     '--force'",
                )
            }
            Self::ExistsNow(path) => write!(
                formatter,
                "{} exists with other content: the token is redeemed and its answer is kept, so \
                 move the file away and run the same command again, or replace it with '--force'",
                path.display()
            ),
            Self::OtherName(path) => write!(
                formatter,
                "the token was redeemed with another name and its answer is kept in {}: run the \
                 command with that name",
                path.display()
            ),
            Self::OtherToken(path) => write!(
                formatter,
                "{} holds the answer to another token: redeem that one first, or move the file away",
                path.display()
            ),
            Self::Cluster(problem) => problem.fmt(formatter),
            Self::Tls(error) => {
                write!(formatter, "cannot set up TLS: {}", wording::rustls(error))
            }
            Self::Proxy(problem) => problem.fmt(formatter),
            Self::Server { cause, route } => {
                write!(formatter, "{cause}{route}")?;
                match cause {
                    Cause::Untrusted { .. } => formatter.write_str(
                        ": look at the token's URL, at what is between this machine and the server, \
                         and at the clock, then run the same command again, or ask for a new token",
                    ),
                    Cause::TooLong => formatter.write_str(
                        ": look whether the token's URL leads to a redemption server, then run the \
                         same command again",
                    ),
                    _ => formatter.write_str(": run the same command again when that is mended"),
                }
            }
            Self::Refused(refused) => refused.fmt(formatter),
            Self::Foreign(foreign) => foreign.fmt(formatter),
            Self::Answer(problem) => write!(
                formatter,
                "the server's answer cannot be used, nothing was written: {problem}"
            ),
            Self::Clock { validity, now } => formatter.write_str(&untimely(*validity, *now)),
            Self::Doubt { since, cause } => {
                formatter.write_str("the answer was lost")?;
                if let Some(since) = since {
                    write!(
                        formatter,
                        ", a request of {} may have been counted",
                        time(*since)
                    )?;
                }
                write!(
                    formatter,
                    ", and this server may count another one: run the same command to try once \
                     more, or ask for a new token: {cause}"
                )
            }
            Self::GaveUp { cause, pause } => write!(
                formatter,
                "not redeemed yet: run the same command again in {} s or later, or with a longer \
                 '--timeout': {cause}",
                pause.as_secs().max(1)
            ),
        }
    }
}

impl std::error::Error for RedeemProblem {}

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

impl From<FolderProblem> for RedeemProblem {
    fn from(problem: FolderProblem) -> Self {
        Self::Folder(problem)
    }
}

impl From<ClusterProblem> for RedeemProblem {
    fn from(problem: ClusterProblem) -> Self {
        Self::Cluster(problem)
    }
}

impl From<ProxyProblem> for RedeemProblem {
    fn from(problem: ProxyProblem) -> Self {
        Self::Proxy(problem)
    }
}

impl From<KeyFileProblem> for RedeemProblem {
    fn from(problem: KeyFileProblem) -> Self {
        Self::KeyFile(problem)
    }
}

impl From<KeyProblem> for RedeemProblem {
    fn from(problem: KeyProblem) -> Self {
        Self::KeyFile(KeyFileProblem::Key(problem))
    }
}

impl From<AnswerProblem> for RedeemProblem {
    fn from(problem: AnswerProblem) -> Self {
        Self::Answer(problem)
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
    let cause = Reason::of(&result, route).to_string();
    match (step, result) {
        (Step::GiveUp(pause), _) => RedeemProblem::GaveUp { cause, pause },
        (Step::Refuse, Ok(reply)) => {
            let since = attempts.doubtful_since();
            RedeemProblem::Refused(Refused::of(&reply, token, since))
        }
        (Step::Stop, Ok(reply)) => RedeemProblem::Foreign(Box::new(Foreign::of(&reply, route))),
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

/// Reason why an attempt was not the last one.
pub(super) enum Reason<'a> {
    Status(u16),
    Foreign(Foreign),
    Fault(&'a Cause, &'a Route),
}

impl<'a> Reason<'a> {
    pub(super) fn of(result: &'a Result<Reply, Fault>, route: &'a Route) -> Self {
        match result {
            Ok(reply) if reply.is_of_a_redemption_server() => Self::Status(reply.status),
            Ok(reply) => Self::Foreign(Foreign::of(reply, route)),
            Err(fault) => Self::Fault(&fault.cause, route),
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(429) => {
                formatter.write_str("too many wrong codes were sent from this address")
            }
            Self::Status(503) => formatter.write_str("the server is not ready"),
            Self::Status(status) => write!(formatter, "the server answers with status {status}"),
            Self::Foreign(foreign) => foreign.fmt(formatter),
            Self::Fault(cause, route) => write!(formatter, "{cause}{route}"),
        }
    }
}
