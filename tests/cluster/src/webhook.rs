//! A policy server for one policy: HTTPS on loopback, with a CA of its own.
//!
//! ```text
//! AdmissionReview -> the guest's payload -> guest, in a new instance -> AdmissionReview
//!                    review                 guest                       review
//! ```

mod review;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use redemption_sidecar::pki::server_ca::ServerCa;
use redemption_sidecar::server::ServerCertificate;
use redemption_sidecar::system::clock;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::Problem;
use crate::guest::Guest;

/// Handler behind the webhook.
pub(crate) struct Policy {
    pub(crate) guest: Arc<Guest>,
    /// A JSON Patch to answer with where the guest accepts an object as it is.
    pub(crate) change: Option<Value>,
    pub(crate) settings: Value,
    /// True when the answer may change the object.
    pub(crate) mutating: bool,
}

/// A running webhook. Dropped, it listens no more.
pub(crate) struct Webhook {
    address: SocketAddr,
    ca_pem: String,
    asked: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Webhook {
    /// Serves a policy, from a thread of its own.
    pub(crate) fn start(policy: Policy) -> Result<Self, Problem> {
        check_settings(&policy)?;
        let folder = tempfile::tempdir()?;
        let ca = ServerCa::open(folder.path(), clock::now())?;
        let leaf = ca.issue_server_leaf(&[Ipv4Addr::LOCALHOST.into()], clock::now())?;
        let tls = ServerCertificate::new(leaf.certified_key).configuration()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let asked = Arc::new(AtomicUsize::new(0));
        let door = Arc::new(Door {
            policy,
            asked: Arc::clone(&asked),
        });
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, TlsAcceptor::from(tls), door) => {}
                }
            });
        });
        Ok(Self {
            address,
            ca_pem: ca.certificate_pem().to_owned(),
            asked,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Everything that a webhook configuration needs to reach it.
    pub(crate) fn client_config(&self, path: &str) -> Value {
        use base64::Engine as _;
        let ca = base64::engine::general_purpose::STANDARD.encode(&self.ca_pem);
        json!({"url": format!("https://{}{path}", self.address), "caBundle": ca})
    }

    /// Number of requests it was asked about so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has failed the test already: its request was not answered.
            let _ = thread.join();
        }
    }
}

struct Door {
    policy: Policy,
    asked: Arc<AtomicUsize>,
}

async fn accept(listener: std::net::TcpListener, tls: TlsAcceptor, door: Arc<Door>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, tls.clone(), Arc::clone(&door)));
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, door: Arc<Door>) {
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let service = service_fn(|request| answer(request, Arc::clone(&door)));
    // A connection that breaks is the API server's to tell.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    door: Arc<Door>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    let Ok(body) = request.into_body().collect().await else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    let answered = tokio::task::spawn_blocking(move || {
        door.asked.fetch_add(1, Ordering::SeqCst);
        review::answer(&door.policy, &body.to_bytes())
    });
    match answered.await {
        Ok(Ok(review)) => *response.body_mut() = Full::from(review.to_string()),
        Ok(Err(_)) | Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    Ok(response)
}

/// policy-server does not serve a policy whose settings are not valid.
fn check_settings(policy: &Policy) -> Result<(), Problem> {
    let settings = policy.settings.to_string();
    let answer = policy
        .guest
        .call("validate_settings", settings.as_bytes())?;
    let answer: Value = serde_json::from_slice(&answer)?;
    if answer["valid"] == true {
        return Ok(());
    }
    Err(format!("the settings are refused: {}", answer["message"]).into())
}
