//! The redemption service without a network: a pipe in memory, in the runtime of one thread.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, SubsecRound as _, Utc};
use redemption_sidecar::pki::issuer::{Issuer, new_site_ca};
use redemption_sidecar::pki::key::KeyKind;
use redemption_sidecar::redemption::{Grant, Redemption};
use redemption_sidecar::server::{Limits, Server, routes};
use redemption_sidecar::service::handler::Redemptions;
use redemption_sidecar::service::{KeyGenerator, Service};
use redemption_sidecar::site::{Site, Sites};
use redemption_sidecar::system::clock;
use redemption_sidecar::telemetry::metrics::Metrics;
use redemption_sidecar::wire::objects::{Endpoint, Role, read_endpoint_host};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::runtime::Runtime;
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

use super::memory::{COUNTED_BEFORE, Memory};

/// A service that begins every conversation with the same grants.
pub(crate) struct Room {
    /// One conversation at a time.
    runtime: Mutex<Runtime>,
    server: Server,
    ledger: Arc<Memory>,
    log: Log,
    dispatch: Dispatch,
    clients: AtomicU64,
}

/// What came of a client's bytes.
pub(crate) struct Conversation {
    /// What the client got.
    pub(crate) answered: Vec<u8>,
    /// What was logged, one JSON object in each line.
    pub(crate) log: Vec<u8>,
    /// The grants afterwards.
    pub(crate) redemptions: Vec<(Grant, Vec<Redemption>)>,
    /// How many redemptions were counted.
    pub(crate) counted: usize,
}

impl Room {
    pub(crate) fn open() -> &'static Self {
        static ROOM: OnceLock<Room> = OnceLock::new();
        ROOM.get_or_init(|| {
            let issuer = issuer();
            let endpoint = |role, group: &str| Endpoint {
                role,
                host: read_endpoint_host("west.example").unwrap(),
                port: 45671.try_into().unwrap(),
                group: group.to_owned(),
            };
            let site = Site {
                name: "west".to_owned(),
                endpoints: vec![endpoint(Role::Edge, ""), endpoint(Role::InterRouter, "b")],
                is_edge: false,
                default_issuer: "default".to_owned(),
                issuers: [("default".to_owned(), Arc::clone(issuer))].into(),
            };
            let ledger = Arc::new(Memory::new());
            let handler = Arc::new(Redemptions::new(Service {
                ledger: Arc::clone(&ledger),
                sites: Arc::new(ArcSwap::from_pointee(Sites::One(Arc::new(site)))),
                keys: KeyGenerator::new(KeyKind::P256),
                certificate_duration: None,
                renewed_certificate_duration: chrono::TimeDelta::days(7),
                offer: Arc::default(),
            }));
            let metrics = Arc::new(Metrics::new());
            let routes = routes(handler, metrics, PATIENT.body);
            let log = Log::default();
            let lines = tracing_subscriber::fmt()
                .with_writer(log.clone())
                .with_max_level(tracing::Level::TRACE);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            Self {
                runtime: Mutex::new(runtime.unwrap()),
                server: Server::plain(routes, PATIENT),
                ledger,
                log,
                dispatch: lines.json().flatten_event(true).into(),
                clients: AtomicU64::new(0),
            }
        })
    }

    /// Sends all of it through a pipe that holds so many bytes, waits for what is answered, and
    /// closes the connection.
    pub(crate) fn converse(&self, bytes: &[u8], room: usize) -> Conversation {
        let runtime = self.runtime.lock().unwrap();
        let ledger = &self.ledger;
        ledger.reset();
        self.log.take();
        // Nobody has sent a wrong code before.
        let client = self.clients.fetch_add(1, Ordering::Relaxed);
        let client = IpAddr::V6(Ipv6Addr::from_bits(u128::from(client) << 64 | 1));
        let answered = tracing::dispatcher::with_default(&self.dispatch, || {
            runtime.block_on(async {
                let (requests, asking) = tokio::io::duplex(room);
                // An answer fits into the buffer of a socket, too.
                let (reading, answers) = tokio::io::duplex(64 * 1024);
                let theirs = tokio::io::join(requests, answers);
                let served = self.server.serve_one(theirs, client);
                let ((), answered) = tokio::join!(served, talk(asking, reading, bytes));
                // A handler may still be at work.
                let () = quiet(&AtomicU64::new(0)).await;
                answered
            })
        });
        let redemptions = ledger.grants();
        let counted = redemptions.iter().map(|(_, redemptions)| redemptions.len());
        Conversation {
            answered,
            log: self.log.take(),
            counted: counted.sum::<usize>() - COUNTED_BEFORE,
            redemptions,
        }
    }
}

/// Writes, waits until nothing more comes back, and ends; returns what came.
async fn talk(
    mut writer: impl AsyncWrite + Unpin,
    mut reader: impl AsyncRead + Unpin,
    bytes: &[u8],
) -> Vec<u8> {
    let received = AtomicU64::new(0);
    let write = async {
        // The server may have closed the connection.
        let _ = writer.write_all(bytes).await;
        quiet(&received).await;
        let _ = writer.shutdown().await;
    };
    let read = async {
        let mut answered = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            answered.extend_from_slice(&buffer[..count]);
            received.fetch_add(1, Ordering::Relaxed);
        }
        answered
    };
    tokio::join!(write, read).1
}

/// Waits until a counter stands still while every other task has had its turn many times: nothing
/// here waits for anything but another task.
async fn quiet(counter: &AtomicU64) {
    let mut turns = 0;
    let mut last = counter.load(Ordering::Relaxed);
    while turns < 32 {
        tokio::task::yield_now().await;
        let next = counter.load(Ordering::Relaxed);
        turns = if next == last { turns + 1 } else { 0 };
        last = next;
    }
}

/// The time of the earlier redemption.
pub(crate) fn started() -> DateTime<Utc> {
    static STARTED: OnceLock<DateTime<Utc>> = OnceLock::new();
    *STARTED.get_or_init(|| clock::now().trunc_subsecs(0))
}

/// The end of every certificate.
pub(crate) fn end() -> DateTime<Utc> {
    issuer().not_after()
}

fn issuer() -> &'static Arc<Issuer> {
    static ISSUER: OnceLock<Arc<Issuer>> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let now = started();
        let (certificate, key) = new_site_ca("west", now).unwrap();
        let key = key.expose_secret().as_bytes();
        Arc::new(Issuer::load(certificate.as_bytes(), key, now).unwrap())
    })
}

/// The lines of a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Times that end in no conversation.
const PATIENT: Limits = Limits {
    handshake: Duration::from_mins(1),
    head: Duration::from_mins(1),
    body: Duration::from_mins(1),
    stop: Duration::from_mins(1),
    connections: 1024,
    connections_per_peer: 64,
};
