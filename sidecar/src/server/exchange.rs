//! One redemption request: what is answered before a handler sees it, and how the handler runs.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body as _;
use tokio::task::{JoinError, JoinHandle};
use tracing::error;
use zeroize::Zeroizing;

use super::connections::Connection;
use super::limits::BODY_BYTES;
use crate::metrics::{Metrics, Outcome};

/// What answers redemption requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers a POST whose body was read. It runs in a task of its own, which is ended when the
    /// client goes away before [`Connection::answering`] was called, and never after that.
    fn answer(
        &self,
        request: Received,
        connection: &Connection,
    ) -> impl Future<Output = Answer> + Send;
}

/// A POST, read to its end. No `Debug`: it holds a code.
pub struct Received {
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
    pub response: Response<Full<Bytes>>,
}

/// An answer of one line of text.
#[must_use]
pub fn text(status: StatusCode, line: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{line}\n")));
    *response.status_mut() = status;
    insert(
        &mut response,
        header::CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    response
}

/// The one route of the redemption port.
pub(super) fn routes<H: Handler>(
    handler: Arc<H>,
    metrics: Arc<Metrics>,
    body_limit: Duration,
) -> Router {
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
) -> Response<Full<Bytes>> {
    let begun = Instant::now();
    let received = match receive(request, desk.body_limit).await {
        Ok(received) => received,
        Err(problem) => {
            connection.linger();
            desk.metrics.redemption(problem.outcome(), begun.elapsed());
            return problem.response();
        }
    };
    let answering = Arc::clone(&connection);
    let task = tokio::spawn(async move {
        let answer = desk.handler.answer(received, &answering).await;
        desk.metrics.redemption(answer.outcome, begun.elapsed());
        answer.response
    });
    let running = Running {
        task,
        connection: Some(connection),
    };
    running.await.unwrap_or_else(|cause| {
        error!("a redemption ended without an answer: {cause}");
        let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "Internal error");
        insert(&mut response, header::RETRY_AFTER, "2");
        response
    })
}

async fn receive(request: Request, limit: Duration) -> Result<Received, Problem> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Problem::Method);
    }
    let body = tokio::time::timeout(limit, collect(body))
        .await
        .map_err(|_| Problem::Late)??;
    Ok(Received {
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

    fn response(self) -> Response<Full<Bytes>> {
        let (status, line) = match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "Only POST is supported"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request body not valid"),
            Self::Unreadable => (StatusCode::BAD_REQUEST, "Request body not valid"),
            Self::Late => (StatusCode::REQUEST_TIMEOUT, "Request body not valid"),
        };
        let mut response = text(status, line);
        match self {
            Self::Method => insert(&mut response, header::ALLOW, "POST"),
            Self::TooLarge | Self::Unreadable | Self::Late => {
                insert(&mut response, header::CONNECTION, "close");
            }
        }
        response
    }
}

/// A handler's task. When the client goes away it is ended, unless a right code is being answered:
/// a redemption that may be counted must be logged.
struct Running {
    task: JoinHandle<Response<Full<Bytes>>>,
    connection: Option<Arc<Connection>>,
}

impl Future for Running {
    type Output = Result<Response<Full<Bytes>>, JoinError>;

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

fn insert(response: &mut Response<Full<Bytes>>, name: HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}
