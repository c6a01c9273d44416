//! The whole answer of a server.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::http::response::Parts;
use skupper_access_policy::printable::printable;
use zeroize::Zeroizing;

use super::cause::{Cause, MAX_ANSWER_BYTES};
use crate::redeemer::renewal_server::RenewalServer;

/// A whole answer. No `Debug`: its body may hold a key.
pub(in crate::redeemer) struct Reply {
    pub(in crate::redeemer) status: u16,
    pub(in crate::redeemer) is_retry_safe: bool,
    pub(in crate::redeemer) retry_after: Option<Duration>,
    /// As it may stand in a message.
    pub(in crate::redeemer) content_type: Option<String>,
    /// Signer of the server's certificate, as it may stand in a message.
    pub(in crate::redeemer) signer: String,
    /// Place at which the certificate in it is renewed.
    pub(in crate::redeemer) renewal: Option<RenewalServer>,
    pub(in crate::redeemer) body: Zeroizing<Vec<u8>>,
}

impl Reply {
    /// Reads the body behind a head.
    pub(super) async fn read(
        head: &Parts,
        is_retry_safe: bool,
        signer: String,
        body: Incoming,
    ) -> Result<Self, Cause> {
        Ok(Self {
            status: head.status.as_u16(),
            is_retry_safe,
            retry_after: retry_after(&head.headers),
            content_type: content_type(&head.headers),
            signer,
            renewal: RenewalServer::of_headers(&head.headers),
            body: whole(body).await?,
        })
    }

    /// True where a redemption server can have written it. Skupper's and ours answer with plain text and
    /// never redirect; a proxy in front of one answers with pages.
    pub(in crate::redeemer) fn is_of_a_redemption_server(&self) -> bool {
        let is_plain = |content_type: &String| content_type.starts_with("text/plain");
        let text = self.body.trim_ascii();
        self.is_retry_safe
            || (!(300..400).contains(&self.status)
                && self.content_type.as_ref().is_none_or(is_plain)
                && !text.starts_with(b"<")
                && text != NO_ROUTE)
    }
}

/// Seconds; the form with a date is not in use between machines. A server may ask for as much as it
/// likes, and is asked again after [`MAX_RETRY_AFTER`].
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let asked = seconds.parse().ok().map(Duration::from_secs)?;
    Some(asked.min(MAX_RETRY_AFTER))
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    Some(printable(text.trim()).to_string())
}

async fn whole(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, Cause> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > MAX_ANSWER_BYTES {
        return Err(Cause::TooLong);
    }
    let mut whole = Zeroizing::new(Vec::with_capacity(announced.max(CAPACITY)));
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(Cause::Http)?.into_data() else {
            continue;
        };
        if whole.len() + bytes.len() > MAX_ANSWER_BYTES {
            return Err(Cause::TooLong);
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

/// Longest pause that a server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Answer of Go's router where nothing else answers, as in proxies that are written in Go.
const NO_ROUTE: &[u8] = b"404 page not found";

/// Room for an answer of Skupper, so that it does not grow and leave copies of a key behind.
const CAPACITY: usize = 32 * 1024;
