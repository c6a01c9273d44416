//! Reasons there is no whole answer.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};
use thiserror::Error;

use crate::system::wording;

/// Reason there is no whole answer.
#[derive(Debug, Error)]
pub enum Cause {
    /// The host cannot be reached.
    #[error("cannot connect to {to}: {}", wording::io(.error))]
    Connect {
        /// Host and port.
        to: String,
        /// The cause.
        error: io::Error,
    },
    /// The listener there has no TLS, or only an older one. Holds host and port.
    #[error("{0} does not speak TLS 1.3: check the port in the token's URL")]
    NoTls(String),
    /// TLS with the server fails.
    #[error("no TLS 1.3 with the server: {}", wording::io(.0))]
    Tls(io::Error),
    /// The proxy does not connect to the server. Holds the status of its answer.
    #[error("the proxy {}", refusal(*.0))]
    Proxy(Option<u16>),
    /// The server's certificate is not one that the token vouches for.
    #[error("the server's certificate, signed by '{signer}', {what}")]
    Untrusted {
        /// The flaw of it.
        what: &'static str,
        /// Signer of it, as it may stand in a message.
        signer: String,
    },
    /// The connection broke, or the answer is not HTTP/1.1.
    #[error("no answer in HTTP/1.1: {}", http(.0))]
    Http(hyper::Error),
    /// The answer is longer than [`MAX_ANSWER_BYTES`].
    #[error("the answer is longer than {} MiB", MAX_ANSWER_BYTES >> 20)]
    TooLong,
    /// No whole answer within this time.
    #[error("no whole answer within {:.0} s", .0.as_secs_f32())]
    Late(Duration),
}

impl Cause {
    /// True where the next attempt would hardly end better.
    pub(in crate::redeemer) fn is_final(&self) -> bool {
        match self {
            Self::Untrusted { .. } | Self::TooLong | Self::Proxy(None) => true,
            Self::Proxy(Some(408 | 429)) => false,
            Self::Proxy(Some(status)) => (400..500).contains(status),
            _ => false,
        }
    }

    /// The cause of a handshake that failed with the server at `to`, whose certificate has this signer.
    pub(super) fn of_tls(error: io::Error, to: String, signer: String) -> Self {
        let inner = error.get_ref();
        let problem = match inner.and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(problem)) => problem,
            Some(
                rustls::Error::InvalidMessage(_)
                | rustls::Error::PeerIncompatible(_)
                | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
            ) => return Self::NoTls(to),
            _ => return Self::Tls(error),
        };
        let what = match problem {
            CertificateError::UnknownIssuer => "is not signed by the CA of the token",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "is not for the host of the token's URL"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "has expired, or the clock of this machine is wrong"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "is not valid yet, or the clock of this machine is wrong"
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "is not for servers"
            }
            CertificateError::BadSignature => "does not belong to the server's key",
            _ => "does not verify with the CA of the token",
        };
        Self::Untrusted { what, signer }
    }
}

/// Longest answer that is read, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The answer of a proxy with a status, or none.
fn refusal(status: Option<u16>) -> String {
    match status {
        Some(407) => "wants a name and a password, or others: write http://NAME:PASSWORD@HOST:PORT"
            .to_owned(),
        Some(status) => {
            format!("does not connect to the server, it answers with status {status}")
        }
        None => "cannot be asked for this host".to_owned(),
    }
}

/// An error of hyper, which leaves out its source.
fn http(error: &hyper::Error) -> String {
    match error.source().map(|source| (source, source.downcast_ref())) {
        None => error.to_string(),
        Some((_, Some(source))) => format!("{error}: {}", wording::io(source)),
        Some((source, None)) => format!("{error}: {source}"),
    }
}
