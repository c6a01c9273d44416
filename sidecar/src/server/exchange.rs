//! One redemption request: what is answered before a handler sees it, and how the handler runs.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::task::{JoinError, JoinHandle};
use tracing::{debug, error};
use zeroize::Zeroizing;

use super::connections::Connection;
use super::limits::BODY_BYTES;
use crate::redemption::Refusal;
use crate::telemetry::metrics::{Metrics, Outcome};
use crate::wire::protocol;

/// What answers redemption requests.
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
    /// When its head was read.
    pub at: Instant,
    /// The path as sent, without the query.
    pub path: String,
    /// The headers; one that was sent twice is there twice.
    pub headers: HeaderMap,
    /// The body, at most [`BODY_BYTES`].
    pub body: Zeroizing<Vec<u8>>,
}

/// What goes back, and what it is counted as.
pub struct Answer {
    /// For the metrics.
    pub outcome: Outcome,
    /// For the client.
    pub response: Response<Body>,
}

/// The one route of the redemption port. `body_limit` is the time for the body of a request.
pub fn routes<H: Handler>(handler: Arc<H>, metrics: Arc<Metrics>, body_limit: Duration) -> Router {
    Router::new().fallback(exchange::<H>).with_state(Desk {
        handler,
        metrics,
        body_limit,
    })
}

struct Desk<H> {
    handler: Arc<H>,
    metrics: Arc<Metrics>,
    body_limit: Duration,
}

impl<H> Clone for Desk<H> {
    fn clone(&self) -> Self {
        Self {
            handler: Arc::clone(&self.handler),
            metrics: Arc::clone(&self.metrics),
            body_limit: self.body_limit,
        }
    }
}

async fn exchange<H: Handler>(
    State(desk): State<Desk<H>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
) -> Response<Body> {
    let begun = Instant::now();
    let received = match receive(request, begun, desk.body_limit).await {
        Ok(received) => received,
        Err(problem) => {
            connection.linger();
            let (outcome, peer) = (problem.outcome(), connection.address());
            debug!(%outcome, %peer, "refused");
            desk.metrics.redemption(outcome, begun.elapsed());
            return problem.response();
        }
    };
    let answering = Arc::clone(&connection);
    let metrics = Arc::clone(&desk.metrics);
    let task = tokio::spawn(async move {
        let answer = desk.handler.answer(received, &answering).await;
        desk.metrics.redemption(answer.outcome, begun.elapsed());
        answer.response
    });
    let running = Running {
        task,
        connection: Some(connection),
    };
    running.await.unwrap_or_else(|_| {
        // What it says may hold anything.
        error!("a redemption ended without an answer: its handler panicked");
        metrics.redemption(Outcome::Unavailable, begun.elapsed());
        protocol::refusal(&Refusal::Unavailable)
    })
}

async fn receive(request: Request, at: Instant, limit: Duration) -> Result<Received, Problem> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Problem::Method);
    }
    let body = tokio::time::timeout(limit, collect(body))
        .await
        .map_err(|_| Problem::Late)??;
    Ok(Received {
        at,
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body,
    })
}

async fn collect(mut body: Body) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let announced = body.size_hint();
    if announced.lower() > BODY_BYTES as u64 {
        return Err(Problem::TooLarge);
    }
    // Room for all of it, so that no growth leaves a copy of the code behind.
    let room = announced
        .exact()
        .and_then(|bytes| usize::try_from(bytes).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(room.unwrap_or(BODY_BYTES)));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::Unreadable)?;
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > BODY_BYTES {
            return Err(Problem::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Why a request does not come to the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Method,
    TooLarge,
    Unreadable,
    Late,
}

impl Problem {
    fn outcome(self) -> Outcome {
        match self {
            Self::Method => Outcome::Method,
            Self::TooLarge | Self::Unreadable | Self::Late => Outcome::Body,
        }
    }

    fn response(self) -> Response<Body> {
        let status = match self {
            Self::Method => return protocol::only_post(),
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
        };
        let mut response = protocol::bad_body(status);
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
        response
    }
}

/// A handler's task. When the connection is closed it is ended, unless a right code is being answered:
/// a redemption that may be counted must be logged.
struct Running {
    task: JoinHandle<Response<Body>>,
    connection: Option<Arc<Connection>>,
}

impl Future for Running {
    type Output = Result<Response<Body>, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.task).poll(context);
        if polled.is_ready() {
            self.connection = None;
        }
        polled
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self
            .connection
            .take()
            .is_some_and(|connection| connection.leave())
        {
            self.task.abort();
        }
    }
}
