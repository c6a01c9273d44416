//! Answers that are not a redemption: of the server of the token, and of whatever else answers.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use skupper_access_policy::printable::printable;

use super::exchange::Reply;
use super::proxy::Route;
use super::token::Token;
use crate::system::wording::time;

/// A final answer that is not a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status of the answer.
    pub status: u16,
    /// Since when an earlier request may have been counted whose answer was lost.
    pub doubtful_since: Option<DateTime<Utc>>,
    /// Text of the server, in one line that can be printed.
    pub text: String,
}

impl Refused {
    pub(super) fn of(reply: &Reply, token: &Token, doubtful_since: Option<DateTime<Utc>>) -> Self {
        Self {
            status: reply.status,
            doubtful_since,
            text: first_line(&reply.body, token),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            400 => formatter.write_str("the server cannot accept the request")?,
            403 => {
                formatter.write_str("the server refuses the code of the token")?;
                if let Some(since) = self.doubtful_since {
                    write!(
                        formatter,
                        ", or the request of {} had another name or subject: then repeat that one",
                        time(since)
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
                    write!(formatter, ", maybe by the request of {}", time(since))?;
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

/// Words for an answer that no redemption server gives: a proxy, a portal or another service is in
/// between.
pub(super) fn foreign(reply: &Reply, route: &Route) -> String {
    let Reply { status, signer, .. } = reply;
    let redirect = if (300..400).contains(status) {
        ", a redirect, which is not followed"
    } else {
        ""
    };
    let content_type = match &reply.content_type {
        Some(content_type) => format!("content type '{content_type}'"),
        None => "no content type".to_owned(),
    };
    format!(
        "what answers is no redemption server: status {status}{redirect}, {content_type}, certificate \
         signed by '{signer}'{route}: look at the token's URL and for a proxy or a portal in between, \
         and run the same command again"
    )
}

/// First line of the answer, unless it repeats the code.
fn first_line(body: &[u8], token: &Token) -> String {
    let text = String::from_utf8_lossy(body);
    if text.contains(token.code.expose_secret()) {
        return String::new();
    }
    let line = text.trim().lines().next().unwrap_or_default();
    printable(line).to_string()
}

/// Texts of Skupper's server and of ours with 404. Source: Skupper `internal/kube/grants`.
const SPENT: &str = "No such access granted";
const UNKNOWN: &str = "No such claim";
