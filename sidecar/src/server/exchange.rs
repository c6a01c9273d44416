//! One redemption request: answers that no handler need give, and the task of the handler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::task::AbortHandle;
use tracing::{debug, error};
use zeroize::Zeroizing;

use super::connections::Connection;
use super::limits::BODY_BYTES;
use crate::redemption::Refusal;
use crate::telemetry::metrics::{Answered, Metrics, Outcome};
use crate::wire::protocol;

/// Service that answers redemption requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers a POST whose body was read. It runs in a task of its own, which is ended when the
    /// connection is closed before [`Connection::answering`] was called, and never after that. The
    /// end of what the client sends is no end of the connection: it may still read.
    fn answer(
        &self,
        request: Received,
        connection: &Connection,
    ) -> impl Future<Output = Answer> + Send;
}

/// A POST, read to its end. No `Debug`: it holds a code.
pub struct Received {
    /// Time at which its head was read.
    pub at: Instant,
    /// The path as sent, without the query.
    pub path: String,
    /// The headers; one that was sent twice is there twice.
    pub headers: HeaderMap,
    /// The body, at most [`BODY_BYTES`].
    pub body: Zeroizing<Vec<u8>>,
}

/// Response to a request, and how it is counted.
pub struct Answer {
    /// For the metrics.
    pub answered: Answered,
    /// For the client.
    pub response: Response<Body>,
}

/// The one route of the redemption port. `body_limit` is the time for the body of a request.
pub fn routes<H: Handler>(handler: Arc<H>, metrics: Arc<Metrics>, body_limit: Duration) -> Router {
    let exchange = Exchange {
        handler,
        metrics,
        body_limit,
    };
    Router::new()
        .fallback(answer::<H>)
        .with_state(Arc::new(exchange))
}

struct Exchange<H> {
    handler: Arc<H>,
    metrics: Arc<Metrics>,
    body_limit: Duration,
}

async fn answer<H: Handler>(
    State(exchange): State<Arc<Exchange<H>>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
) -> Response<Body> {
    let begun = Instant::now();
    let received = match receive(request, begun, exchange.body_limit).await {
        Ok(received) => received,
        Err(status) => {
            connection.linger();
            let (outcome, response) = refused(status);
            let peer = connection.address();
            debug!(%outcome, %peer, "refused");
            let answered = Answered::Redemption(outcome);
            exchange.metrics.answer(answered, begun.elapsed());
            return response;
        }
    };
    let answering = Arc::clone(&connection);
    let metrics = Arc::clone(&exchange.metrics);
    let task = tokio::spawn(async move {
        let answer = exchange.handler.answer(received, &answering).await;
        exchange.metrics.answer(answer.answered, begun.elapsed());
        answer.response
    });
    let mut guard = EndsWithConnection {
        task: task.abort_handle(),
        connection: Some(connection),
    };
    let response = task.await;
    guard.connection = None;
    response.unwrap_or_else(|_| {
        // The text of a panic may hold anything.
        error!("a request ended without an answer: its handler panicked");
        let answered = Answered::Redemption(Outcome::Unavailable);
        metrics.answer(answered, begun.elapsed());
        protocol::refusal(&Refusal::Unavailable)
    })
}

/// Reads a request.
///
/// # Errors
/// The status to refuse it with.
async fn receive(request: Request, at: Instant, limit: Duration) -> Result<Received, StatusCode> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let body = tokio::time::timeout(limit, collect(body))
        .await
        .map_err(|_| StatusCode::REQUEST_TIMEOUT)??;
    Ok(Received {
        at,
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body,
    })
}

async fn collect(mut body: Body) -> Result<Zeroizing<Vec<u8>>, StatusCode> {
    let announced = body.size_hint();
    if announced.lower() > BODY_BYTES as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    // Room for all of it, so that no growth leaves a copy of the code behind.
    let room = announced
        .exact()
        .and_then(|bytes| usize::try_from(bytes).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(room.unwrap_or(BODY_BYTES)));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > BODY_BYTES {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The answer to a request that does not come to the handler.
fn refused(status: StatusCode) -> (Outcome, Response<Body>) {
    if status == StatusCode::METHOD_NOT_ALLOWED {
        return (Outcome::Method, protocol::only_post());
    }
    let mut response = protocol::bad_body(status);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    (Outcome::Body, response)
}

/// Ends a handler's task when the connection is closed, unless a right code is being answered: a
/// redemption that may be counted must be logged.
struct EndsWithConnection {
    task: AbortHandle,
    connection: Option<Arc<Connection>>,
}

impl Drop for EndsWithConnection {
    fn drop(&mut self) {
        if self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.leave())
        {
            self.task.abort();
        }
    }
}
