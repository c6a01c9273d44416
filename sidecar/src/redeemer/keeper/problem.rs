//! Reasons a link was not renewed, and what to do.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use skupper_access_policy::printable::printable;
use thiserror::Error;

use super::adopt::AdoptionFlaw;
use super::judge::RenewalFlaw;
use super::router::RouterProblem;
use crate::redeemer::answer::AnswerProblem;
use crate::redeemer::cluster::problem::ClusterProblem;
use crate::redeemer::exchange::Cause;
use crate::redeemer::folder::FolderProblem;
use crate::redeemer::proxy::{ProxyProblem, Route};
use crate::redeemer::renewal_server::RenewalServerProblem;
use crate::system::wording::{self, time};

/// Reason a link was not renewed. Prints as one line that says what to do.
#[derive(Debug, Error)]
pub enum KeepProblem {
    /// There is no link of this name.
    #[error("there is no link '{}' here: 'redemption-sidecar links' shows those there are", printable(.0))]
    NotThere(String),
    /// The link of this name was redeemed without what a renewal needs.
    #[error(
        "the link '{0}' names no renewal server: 'redemption-sidecar renew --adopt {0}' makes it one that \
         is kept"
    )]
    NotKept(String),
    /// A renewal server would not renew the link.
    #[error(
        "the link '{name}' cannot be adopted: {flaw}; redeem a new token of the renewal server"
    )]
    NotAdoptable {
        /// Its name.
        name: String,
        /// The fault.
        flaw: AdoptionFlaw,
    },
    /// Somebody has edited the annotations of the link's Secret.
    #[error("the link '{name}' is left as it is: {problem}; restore it, or redeem a new token")]
    Annotations {
        /// Its name.
        name: String,
        /// The fault.
        problem: RenewalServerProblem,
    },
    /// The Secret in place cannot be used.
    #[error(
        "the Secret of the link '{name}' is left as it is: {problem}: restore it, or redeem a new token"
    )]
    Secret {
        /// Its name.
        name: String,
        /// The fault.
        problem: AnswerProblem,
    },
    /// The certificate in place has ended: nobody renews it any more.
    #[error(
        "the certificate of the link '{name}' ended at {}, and the clock of this machine says {}: look at \
         the clock; if it is right, redeem a new token",
        time(*.end), time(*.now)
    )]
    Ended {
        /// Its name.
        name: String,
        /// Its end.
        end: DateTime<Utc>,
        /// The time of this machine.
        now: DateTime<Utc>,
    },
    /// The key of an earlier attempt is not one.
    #[error("the key of an earlier renewal is damaged: remove {0}")]
    DamagedKey(PathBuf),
    /// Others than the owner may read the key of an earlier attempt.
    #[error("others may read the key of an earlier renewal: remove {0}")]
    ExposedKey(PathBuf),
    /// A file of others is where a new Link would be written.
    #[error("{0} is in the way of a new Link: move it away")]
    InTheWay(PathBuf),
    /// A file was edited in such a way that it cannot be changed.
    #[error(
        "{0} cannot be changed and is left as it is: write it as one YAML document, each field on a line \
         of its own"
    )]
    Unwritable(PathBuf),
    /// The certificate in place is a new one, but its router was not told.
    #[error(
        "the certificate of the link '{name}' is renewed, but its router was not told: {problem}; the next \
         'renew' tells it{}", reload(namespace.as_deref())
    )]
    Router {
        /// The name of the link.
        name: String,
        /// The Skupper namespace of the router.
        namespace: Option<String>,
        /// The fault.
        problem: RouterProblem,
    },
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderProblem),
    /// The namespace of the cluster cannot be used.
    #[error(transparent)]
    Cluster(#[from] ClusterProblem),
    /// Somebody has changed the Secret meanwhile.
    #[error(
        "the Secret of the link '{0}' was changed by somebody else: run the same command again"
    )]
    Changed(String),
    /// Skupper's controller has not noticed that the certificate is another one.
    #[error(
        "the router of the link '{0}' does not use the renewed certificate yet, Skupper's controller has not \
         noticed it: is it running? The same command tells it again"
    )]
    Unnoticed(String),
    /// A fault of this program.
    #[error(
        "a fault of this program has ended the renewal: see the log, and run the same command again"
    )]
    Interrupted,
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {}", wording::rustls(.0))]
    Tls(rustls::Error),
    /// The proxy that the environment names cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyProblem),
    /// There is no answer of the server.
    #[error("{cause}{route}")]
    Server {
        /// The fault that was found.
        cause: Cause,
        /// The way to it.
        route: Route,
    },
    /// The server refuses, for good or for now.
    #[error("the granting site answers with status {status}: {text}{}", advice(*status))]
    Refused {
        /// The status.
        status: u16,
        /// Shortest pause before the next request, where it names one.
        retry_after: Option<Duration>,
        /// Its text, in one line that can be printed.
        text: String,
    },
    /// The answer cannot be used.
    #[error("the server's answer cannot be used, nothing was written: {0}")]
    Answer(#[from] AnswerProblem),
    /// The certificate in the answer is not the next one of the link.
    #[error("the renewed certificate is not used, nothing was written: {0}")]
    Renewal(#[from] RenewalFlaw),
}

impl KeepProblem {
    /// The exit code of the command: 1 refused for good, 2 something to be mended here, 3 the same
    /// command may go well later.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { status, .. } if *status == 429 || *status >= 500 => 3,
            Self::Tls(_) | Self::Refused { .. } | Self::Answer(_) | Self::Renewal(_) => 1,
            Self::Folder(problem) if problem.is_passing() => 3,
            Self::Cluster(problem) => problem.exit_code(),
            Self::Router { problem, .. } if problem.is_passing() => 3,
            Self::NotThere(_)
            | Self::NotKept(_)
            | Self::NotAdoptable { .. }
            | Self::InTheWay(_)
            | Self::Unwritable(_)
            | Self::Router { .. }
            | Self::Annotations { .. }
            | Self::Secret { .. }
            | Self::DamagedKey(_)
            | Self::ExposedKey(_)
            | Self::Folder(_)
            | Self::Proxy(_) => 2,
            Self::Server { .. }
            | Self::Changed(_)
            | Self::Unnoticed(_)
            | Self::Interrupted
            | Self::Ended { .. } => 3,
        }
    }

    /// True where it may be better in a moment.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.exit_code() == 3 && !matches!(self, Self::Ended { .. })
    }

    /// The word that stands for it in metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotThere(_) => "gone",
            Self::NotKept(_)
            | Self::NotAdoptable { .. }
            | Self::Annotations { .. }
            | Self::Secret { .. }
            | Self::InTheWay(_)
            | Self::Unwritable(_) => "broken",
            Self::Router { .. } => "router",
            Self::Ended { .. } => "ended",
            Self::DamagedKey(_) | Self::ExposedKey(_) => "key",
            Self::Folder(_) | Self::Cluster(_) => "place",
            Self::Changed(_) => "changed",
            Self::Unnoticed(_) => "unnoticed",
            Self::Interrupted => "interrupted",
            Self::Server { .. } | Self::Tls(_) | Self::Proxy(_) => "unreachable",
            Self::Refused { status: 429, .. } => "too_many_attempts",
            Self::Refused { status: 500.., .. } => "unavailable",
            Self::Refused { .. } => "refused",
            Self::Answer(_) | Self::Renewal(_) => "answer",
        }
    }

    /// Shortest pause before the next request, where the server names one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Every word of [`KeepProblem::reason`].
pub const REASONS: [&str; 14] = [
    "gone",
    "broken",
    "ended",
    "key",
    "place",
    "router",
    "changed",
    "unnoticed",
    "interrupted",
    "unreachable",
    "too_many_attempts",
    "unavailable",
    "refused",
    "answer",
];

/// Steps after a refusal that is final.
fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => ": ask the granting site, a new token makes a new link",
        429 | 500.. => "",
        _ => {
            ": look at the annotation 'redemption-sidecar/renewal-url', it is to lead to its renewals"
        }
    }
}

/// The way that needs no telling.
fn reload(namespace: Option<&str>) -> String {
    let name = |namespace| {
        format!(
            " ('skupper system reload -n {namespace}' brings it into use, too, and breaks all streams of the \
             site)"
        )
    };
    namespace.map_or_else(String::new, name)
}
