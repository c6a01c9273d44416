//! One request and its answer: HTTP/1.1 over TLS 1.3, without redirects, directly or through a proxy
//! that hands the bytes on.
//!
//! When it fails, it tells whether a byte of the request may have left: only then may the
//! redemption have been counted.

mod cause;
mod connect;
mod reply;
mod tunnel;
mod watched;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, crypto};
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

pub use self::cause::Cause;
use self::connect::connect;
pub(super) use self::reply::Reply;
use self::tunnel::tunnel;
use self::watched::Watched;
use super::clock::Clock;
use super::proxy::{Route, authority, port};
use super::verifier::Verifier;
use crate::wire::objects::endpoint_host;
use crate::wire::protocol::SAFE_RETRY;

/// A request, and its destination. No `Debug`: its body may hold a code.
pub(super) struct Question<'a> {
    pub(super) url: &'a RedemptionUrl,
    /// Beside `host`.
    pub(super) headers: HeaderMap,
    pub(super) body: Zeroizing<Vec<u8>>,
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

/// Time for one exchange, from the look-up of the host to the last byte of the answer, when this
/// is left of the order's time. An exchange that is begun is never cut so short that it must fail.
pub(super) fn exchange_time(left: Duration) -> Duration {
    left.clamp(MIN_EXCHANGE_TIME, MAX_EXCHANGE_TIME)
}

/// A certificate that is shown to a server, the leaf alone, and its key.
pub(super) type Shown = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// The TLS of every exchange with a server that has one of these CAs.
pub(super) fn tls(
    ca: &CertificateBundle,
    shown: Option<Shown>,
    clock: Clock,
) -> Result<Tls, rustls::Error> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new(ca, &provider);
    let builder = ClientConfig::builder_with_details(provider, Arc::new(clock))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<_>);
    let mut config = match shown {
        Some((leaf, key)) => builder.with_client_auth_cert(vec![leaf], key)?,
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(Tls {
        config: Arc::new(config),
        verifier,
    })
}

/// TLS with one server.
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
}

/// Asks once, and waits so long for the answer.
pub(super) async fn exchange(
    question: &Question<'_>,
    tls: &Tls,
    route: &Route,
    time: Duration,
) -> Result<Reply, Fault> {
    let observed = Observed::default();
    let answer = timeout(time, ask(question, tls, route, &observed, time)).await;
    let answer = answer.unwrap_or(Err(Cause::Late(time)));
    answer.map_err(|cause| Fault {
        is_after_request: observed.has_written.load(Ordering::Relaxed),
        is_retry_safe: observed.is_retry_safe.load(Ordering::Relaxed),
        cause,
    })
}

/// Facts about an exchange that does not come to its end.
#[derive(Default)]
struct Observed {
    has_written: Arc<AtomicBool>,
    is_retry_safe: AtomicBool,
}

async fn ask(
    question: &Question<'_>,
    tls: &Tls,
    route: &Route,
    observed: &Observed,
    time: Duration,
) -> Result<Reply, Cause> {
    let url = question.url;
    // Some of the time is for TLS and the answer.
    let stream = open(url, route, time * 4 / 5).await?;
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let name = ServerName::try_from(endpoint_host(url.host()));
    let name = name.map_err(|error| Cause::Tls(io::Error::other(error)))?;
    let stream = connector.connect(name, stream).await;
    let stream =
        stream.map_err(|error| Cause::of_tls(error, authority(url), tls.verifier.signer()))?;
    let stream = Watched {
        stream,
        has_written: Arc::clone(&observed.has_written),
    };
    let request = request(question).map_err(|error| Cause::Tls(io::Error::other(error)))?;
    let (answer, _connection) = send(stream, request).await?;
    let (head, body) = answer.into_parts();
    let is_retry_safe = head
        .headers
        .get(SAFE_RETRY)
        .is_some_and(|value| value == "1");
    observed
        .is_retry_safe
        .store(is_retry_safe, Ordering::Relaxed);
    let signer = tls.verifier.signer();
    Reply::read(&head, is_retry_safe, signer, body).await
}

/// Sends a request, and returns the head of the answer and the connection that its body comes from.
async fn send<S, B>(stream: S, request: Request<B>) -> Result<(Response<Incoming>, Running), Cause>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(Cause::Http)?;
    let connection = Running(tokio::spawn(async move {
        // Its error reaches whoever waits for the answer.
        let _ = connection.with_upgrades().await;
    }));
    let answer = sender.send_request(request).await.map_err(Cause::Http)?;
    Ok((answer, connection))
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

/// A connection to the server, directly or through a proxy.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

fn request(question: &Question<'_>) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let url = question.url;
    let host = match url.port() {
        Some(_) => authority(url),
        None => url.host().to_string(),
    };
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(Uri::from(url.path().parse::<PathAndQuery>()?))
        .header(header::HOST, host);
    if let Some(headers) = request.headers_mut() {
        headers.extend(question.headers.clone());
    }
    let body = Zeroizing::new(question.body.to_vec());
    request.body(Full::new(Bytes::from_owner(body)))
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

const MIN_EXCHANGE_TIME: Duration = Duration::from_secs(1);

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
