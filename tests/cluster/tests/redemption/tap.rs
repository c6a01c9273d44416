//! A client of the API server whose requests are noted, and one of which meets an accident.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::sync::Notify;
use tower_service::Service;

/// Treatment of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accident {
    /// The connection breaks before it is sent.
    LostRequest,
    /// The connection breaks before its answer comes.
    LostAnswer,
    /// Whoever sends it is stopped before.
    StoppedBefore,
    /// Whoever sends it is stopped before its answer comes.
    StoppedAfter,
    /// It is held back until it is let go.
    Held,
    /// The API server answers with this status, and has done nothing.
    Answered(u16),
}

impl Accident {
    pub(crate) const STOPS: [Self; 2] = [Self::StoppedBefore, Self::StoppedAfter];
    pub(crate) const LOSSES: [Self; 2] = [Self::LostRequest, Self::LostAnswer];
}

/// Requests that came through.
#[derive(Clone)]
pub(crate) struct Tap {
    inner: Client,
    accident: Option<(usize, Accident)>,
    requests: Arc<Mutex<Vec<String>>>,
    stopped: Arc<Notify>,
    let_go: Arc<Notify>,
}

impl Tap {
    /// The request of this number meets this accident.
    pub(crate) fn on(inner: &Client, accident: Option<(usize, Accident)>) -> Self {
        Self {
            inner: inner.clone(),
            accident,
            requests: Arc::default(),
            stopped: Arc::default(),
            let_go: Arc::default(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.clone(), "default")
    }

    /// Method and path of every request so far; dry runs are marked.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until the request is held back.
    pub(crate) async fn held(&self) {
        self.stopped.notified().await;
    }

    pub(crate) fn let_go(&self) {
        self.let_go.notify_one();
    }

    /// Runs something until it ends, or is stopped.
    pub(crate) async fn until_stopped<T>(&self, running: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = running => Some(done),
            () = self.stopped.notified() => None,
        }
    }
}

impl Service<Request<Body>> for Tap {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, kube::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), kube::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(line(&request));
            requests.len() - 1
        };
        let accident = self.accident.filter(|(at, _)| *at == number);
        let accident = accident.map(|(_, accident)| accident);
        let (inner, stopped) = (self.inner.clone(), Arc::clone(&self.stopped));
        let let_go = Arc::clone(&self.let_go);
        let broken = || Err(kube::Error::Service("the connection is broken".into()));
        Box::pin(async move {
            match accident {
                Some(Accident::LostRequest) => return broken(),
                Some(Accident::Answered(status)) => return Ok(refusal(status)),
                Some(Accident::StoppedBefore) => {
                    stopped.notify_one();
                    return std::future::pending().await;
                }
                Some(Accident::Held) => {
                    stopped.notify_one();
                    let_go.notified().await;
                }
                _ => {}
            }
            let answer = inner.send(request).await;
            match accident {
                Some(Accident::LostAnswer) => broken(),
                Some(Accident::StoppedAfter) => {
                    stopped.notify_one();
                    std::future::pending().await
                }
                _ => answer,
            }
        })
    }
}

/// An answer as the API server gives it when it has too much to do, or goes.
fn refusal(code: u16) -> Response<Body> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "reason": "TooManyRequests", "message": "later", "code": code});
    let answer = Response::builder().status(code);
    answer
        .body(Body::from(status.to_string().into_bytes()))
        .unwrap()
}

fn line(request: &Request<Body>) -> String {
    let (method, uri) = (request.method(), request.uri());
    // The parameters of a DELETE are in its body, so dry ones cannot be told from the others.
    let dry = uri.query().unwrap_or_default().contains("dryRun");
    let path = uri
        .path()
        .split('/')
        .skip_while(|part| *part != "namespaces");
    let path = path.skip(2).collect::<Vec<_>>().join("/");
    match (method, dry) {
        (method, true) => format!("dry {method} {path}"),
        (method, false) => format!("{method} {path}"),
    }
}
