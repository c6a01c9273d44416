//! Why a token was not redeemed, and what to do.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::ExposeSecret;
use skupper_access_policy::printable::printable;

use super::answer::AnswerProblem;
use super::cluster::ClusterProblem;
use super::exchange::{Cause, Fault, Reply};
use super::folder::FolderProblem;
use super::key_file::KeyFileProblem;
use super::retry::{Attempts, Step};
use super::token::Token;
use crate::key::KeyProblem;

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
        /// Why it is of no use, when it is a Secret and that is why it is in the way.
        flaw: Option<AnswerProblem>,
    },
    /// A file is there already, and the token is redeemed: the answer is kept.
    ExistsNow(PathBuf),
    /// The token is redeemed with another name: the answer is kept in this file.
    OtherName(PathBuf),
    /// The namespace of the cluster.
    Cluster(ClusterProblem),
    /// TLS cannot be set up.
    Tls(rustls::Error),
    /// The server is not the one of the token, or its answer has no end.
    Server(Cause),
    /// The server refuses.
    Refused(Refused),
    /// The answer is not what was asked for.
    Answer(AnswerProblem),
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
    /// command may go well later.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Tls(_) | Self::Server(_) | Self::Refused(_) | Self::Answer(_) => 1,
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
            | Self::OtherName(_) => 2,
            Self::Doubt { .. } | Self::GaveUp { .. } => 3,
        }
    }
}

impl fmt::Display for RedeemProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                formatter,
                "the name '{}' must be a DNS-1123 label of at most 60 characters, without dots: \
                 choose another one with '--name'",
                printable(name)
            ),
            Self::ClusterName(name) => write!(
                formatter,
                "the name '{}' must have at most 245 characters: choose another one with '--name'",
                printable(name)
            ),
            Self::Subject => formatter
                .write_str("the subject must have 1 to 64 characters and no control characters"),
            Self::Folder(problem) => problem.fmt(formatter),
            Self::KeyFile(problem) => problem.fmt(formatter),
            Self::Exists { path, flaw } => {
                write!(formatter, "{} exists", path.display())?;
                match flaw {
                    None => {}
                    Some(AnswerProblem::Credential(problem)) => {
                        write!(formatter, " and cannot be used, {problem}")?;
                    }
                    Some(AnswerProblem::OtherName) => {
                        formatter.write_str(" and is a Secret of another name")?;
                    }
                    Some(_) => formatter.write_str(" and is no TLS Secret, or half of one")?,
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
            Self::Cluster(problem) => problem.fmt(formatter),
            Self::Tls(error) => write!(formatter, "cannot set up TLS: {error}"),
            Self::Server(Cause::Untrusted(what)) => write!(
                formatter,
                "the server's certificate {what}: check the token's URL, or ask for a new token"
            ),
            Self::Server(cause) => cause.fmt(formatter),
            Self::Refused(refused) => refused.fmt(formatter),
            Self::Answer(problem) => write!(
                formatter,
                "the server's answer cannot be used, nothing was written: {problem}"
            ),
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

/// A final answer that is not a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status of the answer.
    pub status: u16,
    /// Since when an earlier request may have been counted whose answer was lost.
    pub doubtful_since: Option<DateTime<Utc>>,
    /// What the server says, in one line that can be printed.
    pub text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            300..400 => formatter.write_str(
                "the server redirects, which is not followed: ask for a token with the right URL",
            )?,
            400 => formatter.write_str("the server cannot accept the request")?,
            403 => {
                formatter.write_str("the server refuses the code of the token")?;
                if let Some(since) = self.doubtful_since {
                    let since = time(since);
                    write!(
                        formatter,
                        ", or the request of {since} had another name or subject: then repeat \
                         that one"
                    )?;
                }
                formatter.write_str(": ask for a new token")?;
            }
            404 => {
                formatter.write_str(match self.text.as_str() {
                    SPENT => "every redemption of this token is used",
                    UNKNOWN => "the grant of this token is unknown, expired or revoked",
                    _ => "the grant is unknown, expired, revoked or used up",
                })?;
                if let Some(since) = self.doubtful_since {
                    let since = time(since);
                    write!(formatter, ", maybe by the request of {since}")?;
                }
                formatter.write_str(": ask for a new token")?;
            }
            405 => formatter
                .write_str("the URL of the token leads to something that redeems no tokens")?,
            status => write!(formatter, "the server answers with status {status}")?,
        }
        if self.text.is_empty() {
            return Ok(());
        }
        write!(formatter, ": the server says '{}'", self.text)
    }
}

/// The end of the attempts.
pub(super) fn of(
    step: Step,
    result: Result<Reply, Fault>,
    token: &Token,
    attempts: &Attempts,
) -> RedeemProblem {
    let cause = Reason::of(&result).to_string();
    match (step, result) {
        (Step::GiveUp(pause), _) => RedeemProblem::GaveUp { cause, pause },
        (Step::Refuse, Ok(reply)) => RedeemProblem::Refused(Refused {
            status: reply.status,
            doubtful_since: attempts.doubtful_since(),
            text: first_line(&reply.body, token),
        }),
        (Step::Refuse, Err(fault)) => RedeemProblem::Server(fault.cause),
        _ => RedeemProblem::Doubt {
            since: attempts.doubtful_since(),
            cause,
        },
    }
}

/// Why an attempt was not the last one.
pub(super) enum Reason<'a> {
    Status(u16),
    Fault(&'a Cause),
}

impl<'a> Reason<'a> {
    pub(super) fn of(result: &'a Result<Reply, Fault>) -> Self {
        match result {
            Ok(reply) => Self::Status(reply.status),
            Err(fault) => Self::Fault(&fault.cause),
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
            Self::Fault(cause) => cause.fmt(formatter),
        }
    }
}

/// What the server says, unless it repeats the code.
fn first_line(body: &[u8], token: &Token) -> String {
    let text = String::from_utf8_lossy(body);
    if text.contains(token.code.expose_secret()) {
        return String::new();
    }
    let line = text.trim().lines().next().unwrap_or_default();
    printable(line).to_string()
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What Skupper's server and ours say with 404. Source: Skupper `internal/kube/grants`.
const SPENT: &str = "No such access granted";
const UNKNOWN: &str = "No such claim";
