//! One request and its answer: HTTP/1.1 over TLS 1.3, without redirects, directly or through a proxy
//! that hands the bytes on.
//!
//! When it fails, it tells whether a byte of the request may have left: only then may the
//! redemption have been counted.

mod connect;
mod tunnel;
mod watched;
mod witness;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::{AlertDescription, CertificateError, ClientConfig, crypto};
use secrecy::{ExposeSecret, SecretString};
use skupper_access_policy::printable::printable;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

pub(super) use self::connect::port;
use self::connect::{connect, server_name};
use self::tunnel::tunnel;
use self::watched::Watched;
use self::witness::Witness;
use super::clock::Clock;
use super::proxy::Route;
use super::verifier::Verifier;
use crate::system::wording;
use crate::wire::objects::endpoint_host;
use crate::wire::protocol::{CERTIFICATE_REQUEST, NAME, SAFE_RETRY, SUBJECT};

/// What is sent, and where to.
pub(super) struct Question<'a> {
    pub(super) url: &'a RedemptionUrl,
    pub(super) code: &'a SecretString,
    pub(super) name: &'a str,
    pub(super) subject: Option<&'a str>,
    pub(super) certificate_request: &'a str,
}

/// A whole answer. No `Debug`: its body may hold a key.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) is_retry_safe: bool,
    pub(super) retry_after: Option<Duration>,
    /// As it may stand in a message.
    pub(super) content_type: Option<String>,
    /// Signer of the server's certificate, as it may stand in a message.
    pub(super) signer: String,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Reply {
    /// True where a redemption server can have written it. Skupper's and ours answer with plain text and
    /// never redirect; what stands in front of one answers with pages.
    pub(super) fn is_of_a_redemption_server(&self) -> bool {
        let is_plain = |content_type: &String| content_type.starts_with("text/plain");
        let text = self.body.trim_ascii();
        self.is_retry_safe
            || (!(300..400).contains(&self.status)
                && self.content_type.as_ref().is_none_or(is_plain)
                && !text.starts_with(b"<")
                && text != NO_ROUTE)
    }
}

/// There is no whole answer.
#[derive(Debug)]
pub(super) struct Fault {
    /// A byte of the request may have left.
    pub(super) is_after_request: bool,
    /// The head of an answer came, and said that a retry costs nothing.
    pub(super) is_retry_safe: bool,
    pub(super) cause: Cause,
}

/// Why there is no whole answer.
#[derive(Debug)]
pub enum Cause {
    /// The host cannot be reached.
    Connect {
        /// Host and port.
        to: String,
        /// Why not.
        error: io::Error,
    },
    /// What answers there has no TLS, or only an older one. Holds host and port.
    NoTls(String),
    /// TLS with the server fails.
    Tls(io::Error),
    /// The proxy does not connect to the server. Holds the status of its answer.
    Proxy(Option<u16>),
    /// The server's certificate is not one that the token vouches for.
    Untrusted {
        /// The flaw of it.
        what: &'static str,
        /// Signer of it, as it may stand in a message.
        signer: String,
    },
    /// The connection broke, or what came is not HTTP/1.1.
    Http(hyper::Error),
    /// The answer is longer than [`MAX_ANSWER_BYTES`].
    TooLong,
    /// No whole answer within this time.
    Late(Duration),
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { to, error } => {
                write!(formatter, "cannot connect to {to}: {}", wording::io(error))
            }
            Self::NoTls(to) => write!(
                formatter,
                "{to} does not speak TLS 1.3: check the port in the token's URL"
            ),
            Self::Tls(error) => {
                write!(
                    formatter,
                    "no TLS 1.3 with the server: {}",
                    wording::io(error)
                )
            }
            Self::Proxy(Some(407)) => formatter.write_str(
                "the proxy wants a name and a password, or others: write \
                 http://NAME:PASSWORD@HOST:PORT",
            ),
            Self::Proxy(Some(status)) => write!(
                formatter,
                "the proxy does not connect to the server, it answers with status {status}"
            ),
            Self::Proxy(None) => formatter.write_str("the proxy cannot be asked for this host"),
            Self::Untrusted { what, signer } => write!(
                formatter,
                "the server's certificate, signed by '{signer}', {what}"
            ),
            Self::Http(error) => {
                write!(formatter, "no answer in HTTP/1.1: {error}")?;
                let Some(source) = std::error::Error::source(error) else {
                    return Ok(());
                };
                match source.downcast_ref() {
                    Some(error) => write!(formatter, ": {}", wording::io(error)),
                    None => write!(formatter, ": {source}"),
                }
            }
            Self::TooLong => formatter.write_str("the answer is longer than 1 MiB"),
            Self::Late(time) => {
                let seconds = time.as_secs_f32();
                write!(formatter, "no whole answer within {seconds:.0} s")
            }
        }
    }
}

/// Longest answer that is read, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Time for one exchange, from the look-up of the host to the last byte of the answer, when this
/// is left of the order's time. An exchange that is begun is never cut so short that it must fail.
pub(super) fn exchange_time(left: Duration) -> Duration {
    left.clamp(MIN_EXCHANGE_TIME, MAX_EXCHANGE_TIME)
}

/// The TLS of every exchange with the server of one token.
pub(super) fn tls(ca: &CertificateBundle, clock: Clock) -> Result<Tls, rustls::Error> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let witness = Witness::new(Verifier::new(ca, &provider));
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(clock))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<_>)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Tls {
        config: Arc::new(config),
        witness,
    })
}

/// TLS with the server of one token.
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    witness: Arc<Witness>,
}

/// Asks once, and waits so long for the answer.
pub(super) async fn exchange(
    question: &Question<'_>,
    tls: &Tls,
    route: &Route,
    time: Duration,
) -> Result<Reply, Fault> {
    let progress = Progress::default();
    let outcome = timeout(time, ask(question, tls, route, &progress, time)).await;
    let outcome = outcome.unwrap_or(Err(Cause::Late(time)));
    outcome.map_err(|cause| Fault {
        is_after_request: progress.has_written.load(Ordering::Relaxed),
        is_retry_safe: progress.is_retry_safe.load(Ordering::Relaxed),
        cause,
    })
}

/// What is known of an exchange that does not come to its end.
#[derive(Default)]
struct Progress {
    has_written: Arc<AtomicBool>,
    is_retry_safe: AtomicBool,
}

async fn ask(
    question: &Question<'_>,
    tls: &Tls,
    route: &Route,
    progress: &Progress,
    time: Duration,
) -> Result<Reply, Cause> {
    let url = question.url;
    // Some of the time is for TLS and the answer.
    let stream = open(url, route, time * 4 / 5).await?;
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let name = server_name(url.host()).map_err(Cause::Tls)?;
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| tls_cause(error, url, &tls.witness))?;
    let stream = Watched {
        stream,
        has_written: Arc::clone(&progress.has_written),
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(Cause::Http)?;
    let _connection = Running(tokio::spawn(async move {
        // Its error reaches whoever waits for the answer.
        let _ = connection.await;
    }));
    let request = request(question).map_err(|error| Cause::Tls(io::Error::other(error)))?;
    let answer = sender.send_request(request).await.map_err(Cause::Http)?;
    let (head, body) = answer.into_parts();
    let is_retry_safe = head
        .headers
        .get(SAFE_RETRY)
        .is_some_and(|value| value == "1");
    progress
        .is_retry_safe
        .store(is_retry_safe, Ordering::Relaxed);
    Ok(Reply {
        status: head.status.as_u16(),
        is_retry_safe,
        retry_after: retry_after(&head.headers),
        content_type: content_type(&head.headers),
        signer: tls.witness.signer(),
        body: whole(body).await?,
    })
}

/// Opens the way to a server.
async fn open(
    url: &RedemptionUrl,
    route: &Route,
    time: Duration,
) -> Result<Box<dyn Stream>, Cause> {
    let cannot = |to: String| move |error| Cause::Connect { to, error };
    match route {
        Route::Direct | Route::Excepted(_) => {
            let stream = connect(&endpoint_host(url.host()), port(url), time).await;
            Ok(Box::new(stream.map_err(cannot(authority(url)))?))
        }
        Route::Proxy(proxy) => {
            let host = proxy.host.trim_start_matches('[').trim_end_matches(']');
            let stream = connect(host, proxy.port, time).await;
            let to = format!("{}:{}", proxy.host, proxy.port);
            let stream = stream.map_err(cannot(to))?;
            Ok(Box::new(tunnel(stream, proxy, &authority(url)).await?))
        }
    }
}

/// A connection to the server, whatever is between.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A certificate that does not fit will hardly fit a moment later; other faults may pass.
fn tls_cause(error: io::Error, url: &RedemptionUrl, witness: &Witness) -> Cause {
    let inner = error.get_ref();
    let problem = match inner.and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(problem)) => problem,
        Some(
            rustls::Error::InvalidMessage(_)
            | rustls::Error::PeerIncompatible(_)
            | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
        ) => return Cause::NoTls(authority(url)),
        _ => return Cause::Tls(error),
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
    let signer = witness.signer();
    Cause::Untrusted { what, signer }
}

/// Host and port of a URL, as HTTP writes them.
pub(super) fn authority(url: &RedemptionUrl) -> String {
    format!("{}:{}", url.host(), port(url))
}

fn request(question: &Question<'_>) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let url = question.url;
    let host = match url.port() {
        Some(_) => authority(url),
        None => url.host().to_string(),
    };
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(Uri::from(url.path().parse::<PathAndQuery>()?))
        .header(header::HOST, host)
        .header(NAME, question.name)
        .header(CERTIFICATE_REQUEST, question.certificate_request);
    if let Some(subject) = question.subject {
        // Text beyond ASCII is sent as its UTF-8 bytes.
        request = request.header(SUBJECT, HeaderValue::from_bytes(subject.as_bytes())?);
    }
    let code = Zeroizing::new(question.code.expose_secret().as_bytes().to_vec());
    request.body(Full::new(Bytes::from_owner(code)))
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

/// A connection that ends with the exchange, however that ends.
struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Skupper's own redeemers wait as long.
const MAX_EXCHANGE_TIME: Duration = Duration::from_secs(10);

/// Longest pause that a server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Answer of Go's router where nothing else answers, as in proxies that are written in Go.
const NO_ROUTE: &[u8] = b"404 page not found";

const MIN_EXCHANGE_TIME: Duration = Duration::from_secs(1);

/// Room for an answer of Skupper, so that it does not grow and leave copies of a key behind.
const CAPACITY: usize = 32 * 1024;

/// Longest head of an answer, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_has_what_is_left_but_at_least_1_s_and_at_most_10_s() {
        let seconds = Duration::from_secs;
        for (left, expected) in [(0, 1), (1, 1), (7, 7), (10, 10), (60, 10)] {
            assert_eq!(exchange_time(seconds(left)), seconds(expected), "{left}");
        }
        assert_eq!(exchange_time(Duration::MAX), seconds(10));
    }
}
