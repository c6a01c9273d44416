//! A request to the API server that failed, and what to do then.
//!
//! | kind of failure | of a write | of a read |
//! |---|---|---|
//! | 409 | read, decide again | read again |
//! | 404 | the grant is unknown | the grant is unknown |
//! | 401, 403, other 4xx | a fault for the operator | a fault for the operator |
//! | 429, no connection | read, decide again, later | read again, later |
//! | anything else | may be stored: read, look for the key, decide again | read again |

use std::error::Error;
use std::time::Duration;

use hyper_util::client::legacy;
use tokio::time::timeout;

use super::wording::wording;

/// A request that failed, as one line for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FailedRequest {
    /// Its kind.
    pub kind: FailureKind,
    /// The message: of this program, or of the API server.
    pub message: String,
}

impl FailedRequest {
    /// The failure of a request, in the words of the API server.
    #[must_use]
    pub fn of(error: &kube::Error) -> Self {
        Self {
            kind: FailureKind::of(error),
            message: wording(error),
        }
    }

    /// The same, behind what could not be done.
    #[must_use]
    pub fn with(self, what: impl std::fmt::Display) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }
}

/// The answer to a request, which may take so long.
///
/// # Errors
/// The API server refuses, cannot be reached, or did not answer in time.
pub async fn answered<T>(
    patience: Duration,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, FailedRequest> {
    match timeout(patience, request).await {
        Ok(answer) => answer.map_err(|error| FailedRequest::of(&error)),
        Err(_) => Err(FailedRequest {
            kind: FailureKind::Unknown,
            message: NO_ANSWER.to_owned(),
        }),
    }
}

/// The words for an API server that is silent.
pub const NO_ANSWER: &str = "the API server did not answer in time";

/// Kind of a failure, by what became of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Somebody else wrote after the object was read, or another object has its name.
    Conflict,
    /// There is no such object.
    Gone,
    /// The service may not do this.
    Denied,
    /// The request is not one that the API server takes.
    Refused,
    /// The API server has too much to do, or cannot be reached, and did nothing. Holds how long it is
    /// to be left alone.
    Busy(Duration),
    /// It may have been done, or not, or may yet be.
    Unknown,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read the object again after a pause, then decide again.
    Read {
        /// True when what was written may be stored.
        is_in_doubt: bool,
        /// The longest pause; the shortest is a tenth of it.
        pause: Duration,
    },
    /// Nobody can redeem the grant any more.
    UnknownGrant,
    /// Everybody who waits gets a fault.
    Fault,
}

impl FailureKind {
    /// The kind of a failure.
    #[must_use]
    pub fn of(error: &kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return if has_left(error) {
                Self::Unknown
            } else {
                Self::Busy(UNAVAILABLE)
            };
        };
        let wait = status
            .details
            .as_ref()
            .map_or(0, |details| details.retry_after_seconds);
        Self::of_code(status.code, wait)
    }

    /// The kind of an answer with an HTTP status and the seconds of its `Retry-After`.
    #[must_use]
    pub fn of_code(code: u16, retry_after_seconds: u32) -> Self {
        match code {
            409 => Self::Conflict,
            404 => Self::Gone,
            401 | 403 => Self::Denied,
            429 => Self::Busy(Duration::from_secs(retry_after_seconds.into()).max(UNAVAILABLE)),
            400..500 => Self::Refused,
            _ => Self::Unknown,
        }
    }

    /// The step after a write.
    #[must_use]
    pub fn after_write(self) -> Next {
        match self {
            Self::Conflict => Next::Read {
                is_in_doubt: false,
                pause: CONTENDED,
            },
            Self::Busy(pause) => Next::Read {
                is_in_doubt: false,
                pause,
            },
            Self::Unknown => Next::Read {
                is_in_doubt: true,
                pause: UNAVAILABLE,
            },
            Self::Gone => Next::UnknownGrant,
            Self::Denied | Self::Refused => Next::Fault,
        }
    }

    /// The step after a read.
    #[must_use]
    pub fn after_read(self) -> Next {
        match self {
            Self::Conflict | Self::Unknown => Next::Read {
                is_in_doubt: false,
                pause: UNAVAILABLE,
            },
            _ => self.after_write(),
        }
    }
}

/// True when the request may have left: not when there was no connection for it.
fn has_left(error: &kube::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<legacy::Error>() {
            return !error.is_connect();
        }
        cause = error.source();
    }
    true
}

/// The longest pause of a service that others were faster than. Source: the measured optimum of
/// three replicas on one grant.
const CONTENDED: Duration = Duration::from_millis(50);

/// The longest pause when the API server did not answer.
const UNAVAILABLE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_leads_to_one_next_step() {
        let again = |pause| Next::Read {
            is_in_doubt: false,
            pause,
        };
        let in_doubt = Next::Read {
            is_in_doubt: true,
            pause: UNAVAILABLE,
        };
        let later = again(UNAVAILABLE);
        let second = Duration::from_secs(1);
        for (code, wait, write, read) in [
            (409, 0, again(CONTENDED), later),
            (404, 0, Next::UnknownGrant, Next::UnknownGrant),
            (401, 0, Next::Fault, Next::Fault),
            (403, 0, Next::Fault, Next::Fault),
            (400, 0, Next::Fault, Next::Fault),
            (405, 0, Next::Fault, Next::Fault),
            (413, 0, Next::Fault, Next::Fault),
            (422, 0, Next::Fault, Next::Fault),
            (429, 0, later, later),
            (429, 1, again(second), again(second)),
            (500, 0, in_doubt, later),
            (502, 0, in_doubt, later),
            (503, 1, in_doubt, later),
            (504, 0, in_doubt, later),
            (302, 0, in_doubt, later),
            (0, 0, in_doubt, later),
        ] {
            let kind = FailureKind::of_code(code, wait);
            assert_eq!(kind.after_write(), write, "{code}, write");
            assert_eq!(kind.after_read(), read, "{code}, read");
        }
    }

    #[test]
    fn whatever_is_no_answer_of_the_api_server_leaves_a_write_in_doubt() {
        let service = kube::Error::Service("connection reset".into());
        let unreadable = serde_json::from_str::<u8>("x").unwrap_err();
        for error in [service, kube::Error::SerdeError(unreadable)] {
            assert_eq!(FailureKind::of(&error), FailureKind::Unknown, "{error}");
        }
    }

    #[tokio::test]
    async fn what_finds_no_connection_has_done_nothing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let mut config = kube::Config::new(address.parse().unwrap());
        config.default_retry = false;
        let client = kube::Client::try_from(config).unwrap();
        let error = client.apiserver_version().await.unwrap_err();
        assert_eq!(
            FailureKind::of(&error),
            FailureKind::Busy(UNAVAILABLE),
            "{error}"
        );
    }
}
