//! The listener around the redemption handler: TLS, bounds, the end.
//!
//! ```text
//! accept -> entry in the table -> TLS handshake -> head -> body -> handler -> answer -> head ...
//!           connections           tls                      exchange
//! ```
//!
//! One task for each connection holds one timer for every limit of [`Limits`]; where a connection
//! stands is known in the table of [`Connections`] alone. Nothing that an unauthenticated client
//! sends makes anything grow.

mod attempts;
mod client_certificate;
mod connections;
mod exchange;
pub mod limits;
mod listen;
mod peer;
mod stream;
mod table;
mod tls;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

pub use attempts::{Allowance, Attempts};
pub use connections::{Connection, Connections};
pub use exchange::{Answer, Handler, Received, routes};
pub use limits::Limits;
pub use listen::{FileLimitProblem, ListenProblem, listen, within_file_limit};
pub use peer::Peer;
pub use tls::{ServerCertificate, TlsProblem, load_certified_key};

use crate::telemetry::metrics::{Bound, ConnectionMetrics, Metrics};
use connections::Patience;
use stream::Stream;

/// The server of one port.
pub struct Server {
    tls: Option<Arc<ServerConfig>>,
    /// The turn to compute a handshake; see [`Server::secure`].
    turn: Mutex<()>,
    routes: TowerToHyperService<Router>,
    http: http1::Builder,
    limits: Limits,
    connections: Arc<Connections>,
    /// Ends connections as soon as nothing is asked on them.
    stop: CancellationToken,
}

impl Server {
    /// The redemption service.
    #[must_use]
    pub fn redemptions<H: Handler>(
        tls: Arc<ServerConfig>,
        handler: Arc<H>,
        metrics: Arc<Metrics>,
        limits: Limits,
    ) -> Self {
        let connections = metrics.connections().clone();
        let routes = routes(handler, metrics, limits.body);
        Self::new(Some(tls), routes, limits, connections)
    }

    /// Any routes, without TLS, with the same bounds.
    #[must_use]
    pub fn plain(routes: Router, limits: Limits) -> Self {
        Self::new(None, routes, limits, ConnectionMetrics::default())
    }

    fn new(
        tls: Option<Arc<ServerConfig>>,
        routes: Router,
        limits: Limits,
        metrics: ConnectionMetrics,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.max_buf_size(limits::HEAD_BYTES)
            .max_header_size(limits::HEAD_BYTES)
            // A client that has asked may end its own direction and still reads the answer. Whether
            // it is gone shows when the answer is written.
            .half_close(true);
        Self {
            tls,
            turn: Mutex::new(()),
            routes: TowerToHyperService::new(routes),
            http,
            limits,
            connections: Connections::new(&limits, metrics),
            stop: CancellationToken::new(),
        }
    }

    /// Serves until `shutdown`, then finishes what runs. Returns how many connections had to be cut
    /// because they did not end in [`Limits::stop`].
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> usize {
        let server = Arc::new(self);
        let mut shutdown = pin!(shutdown);
        let mut logged: Option<Instant> = None;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => server.admit(stream, address),
                Err(fault) if is_of_connection(&fault) => {}
                Err(fault) => {
                    if logged.is_none_or(|logged| logged.elapsed() >= FAULT_PAUSE) {
                        warn!("cannot accept connections, trying again: {fault}");
                        logged = Some(Instant::now());
                    }
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
        drop(listener);
        server.stop.cancel();
        let emptied = tokio::time::timeout(server.limits.stop, server.connections.emptied());
        if emptied.await.is_ok() {
            return 0;
        }
        let open = server.connections.open();
        server.connections.cut();
        open
    }

    /// Serves one client that is not connected through the listener, to the end of its connection.
    pub async fn serve_one(&self, stream: impl AsyncRead + AsyncWrite + Unpin, address: IpAddr) {
        if let Some(connection) = self.connections.admit(address, Instant::now()) {
            self.attend(stream, connection).await;
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, address: SocketAddr) {
        if let Some(connection) = self.connections.admit(address.ip(), Instant::now()) {
            // Without it the last packet of an answer may wait for the client's acknowledgement.
            if stream.set_nodelay(true).is_err() {
                return;
            }
            let server = Arc::clone(self);
            tokio::spawn(async move { server.attend(stream, connection).await });
        }
    }

    async fn attend(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        connection: Arc<Connection>,
    ) {
        let transport = match &self.tls {
            None => Some(Either::Left(stream)),
            Some(tls) => tokio::select! {
                accepted = self.secure(tls, stream, &connection) => match accepted {
                    Ok(stream) => {
                        if let Some([leaf, ..]) = stream.get_ref().1.peer_certificates() {
                            connection.shows(leaf);
                        }
                        Some(Either::Right(Box::new(stream)))
                    }
                    Err(fault) => {
                        debug!(peer = %connection.address(), "no TLS: {fault}");
                        None
                    }
                },
                () = connection.cut() => None,
                () = self.stop.cancelled() => None,
                () = tokio::time::sleep(self.limits.handshake) => {
                    connection.closed_by(Bound::Handshake);
                    None
                }
            },
        };
        if let Some(transport) = transport {
            connection.waits(Instant::now());
            self.converse(Stream::new(transport, Arc::clone(&connection)), &connection)
                .await;
        }
        connection.leave();
    }

    /// The TLS handshake. Its costly part, a tenth of a millisecond, is done for one connection
    /// after the other, the peers taking turns, and after everything else that is ready to run: a
    /// flood of new connections holds up neither those who are connected nor those who connect from
    /// elsewhere.
    async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        tls: &Arc<ServerConfig>,
        stream: S,
        connection: &Connection,
    ) -> io::Result<TlsStream<S>> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let first_of_peer = connection.turn().lock().await;
        let first = self.turn.lock().await;
        tokio::task::yield_now().await;
        let handshake = hello.into_stream(Arc::clone(tls));
        drop((first, first_of_peer));
        handshake.await
    }

    async fn converse(
        &self,
        stream: Stream<impl AsyncRead + AsyncWrite + Unpin>,
        connection: &Arc<Connection>,
    ) {
        let service = service_fn(|mut request| {
            connection.asks();
            request.extensions_mut().insert(Arc::clone(connection));
            let answered = self.routes.call(request);
            async move {
                let response = answered.await;
                connection.answered(Instant::now());
                response
            }
        });
        let mut conversation = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let mut patience = pin!(tokio::time::sleep(self.limits.head));
        let mut is_stopping = false;
        loop {
            tokio::select! {
                ended = &mut conversation => {
                    if let Err(fault) = ended {
                        debug!(peer = %connection.address(), "no HTTP: {fault}");
                    }
                    return;
                }
                () = connection.cut() => return,
                () = self.stop.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    conversation.as_mut().graceful_shutdown();
                }
                () = &mut patience => {
                    // The timer is not touched while requests come and go: it looks afterwards.
                    match connection.patience(self.limits.head, Instant::now()) {
                        Patience::Until(end) => patience.as_mut().reset(end.into()),
                        Patience::Over(bound) => {
                            connection.closed_by(bound);
                            return;
                        }
                        Patience::Gone => return,
                    }
                }
            }
        }
    }
}

/// True when the client spoilt its own connection before it was accepted.
fn is_of_connection(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// Time in which nothing is accepted after a fault: files may have been closed by then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Time in which a fault of accepting is not logged again.
const FAULT_PAUSE: Duration = Duration::from_secs(1);
