//! The operations port: life, readiness and metrics of the service.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 200 when redemptions can be answered, 503 and the reason otherwise |
//! | `/metrics` | see [`Metrics`] |
//!
//! Plain HTTP, on the loopback address unless told otherwise: nothing here is secret, and nothing
//! is for redeemers.

use std::fmt::Display;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::ledger::LinkTally;
use crate::redemption::GrantState;
use crate::server::{Limits, Server};
use crate::telemetry::metrics::{self, Metrics};

/// A service as the operations port sees it.
pub trait Probe: Send + Sync + 'static {
    /// Reason no redemption can be answered, in words fit for anybody.
    type Unready: Display + Send;

    /// Finds out whether redemptions can be answered now.
    fn readiness(&self) -> impl Future<Output = Result<(), Self::Unready>> + Send;

    /// Number of grants in each state; `None` when that cannot be told now.
    fn tally(&self) -> impl Future<Output = Option<Vec<(GrantState, u64)>>> + Send;

    /// Number of links in each state, and their soonest end; `None` when that cannot be told now.
    fn tally_links(&self) -> impl Future<Output = Option<LinkTally>> + Send;
}

/// A program as its operations port sees it.
pub trait Operated: Send + Sync + 'static {
    /// Reason it is not ready, in words fit for anybody.
    type Unready: Display + Send;

    /// Finds out whether it is ready now.
    fn readiness(&self) -> impl Future<Output = Result<(), Self::Unready>> + Send;

    /// Its metrics, as text of [`metrics::CONTENT_TYPE`].
    fn metrics(&self) -> impl Future<Output = String> + Send;
}

/// The server of a service's operations port.
#[must_use]
pub fn server<P: Probe>(probe: Arc<P>, metrics: Arc<Metrics>) -> Server {
    server_of(Arc::new(Serving { probe, metrics }))
}

/// The server of any operations port.
#[must_use]
pub fn server_of<O: Operated>(operated: Arc<O>) -> Server {
    let limits = Limits {
        connections: CONNECTIONS,
        connections_per_peer: CONNECTIONS,
        ..Limits::default()
    };
    Server::plain(routes(operated), limits)
}

struct Serving<P> {
    probe: Arc<P>,
    metrics: Arc<Metrics>,
}

impl<P: Probe> Operated for Serving<P> {
    type Unready = P::Unready;

    async fn readiness(&self) -> Result<(), P::Unready> {
        self.probe.readiness().await
    }

    async fn metrics(&self) -> String {
        let Self { probe, metrics } = self;
        metrics.set_grants(probe.tally().await.as_deref());
        metrics.set_links(probe.tally_links().await.as_ref());
        metrics.encode()
    }
}

fn routes<O: Operated>(operated: Arc<O>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready::<O>))
        .route("/metrics", get(scrape::<O>))
        .fallback(async || (StatusCode::NOT_FOUND, "/healthz, /readyz or /metrics\n"))
        .with_state(operated)
}

async fn ready<O: Operated>(State(operated): State<Arc<O>>) -> Response {
    match operated.readiness().await {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn scrape<O: Operated>(State(operated): State<Arc<O>>) -> Response {
    let content_type = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    (content_type, operated.metrics().await).into_response()
}

/// Scrapers and probes are few.
const CONNECTIONS: usize = 64;
