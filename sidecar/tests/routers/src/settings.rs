//! Choices of a test for a router, and the TLS configuration that follows from them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::UnixTime;

use crate::profile::Credentials;
use crate::verify::{ClientJudge, ServerJudge};

/// Choices for either router.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The versions of TLS that it speaks; both by default.
    pub versions: Versions,
    /// The clock that certificates are judged by; that of the system by default.
    pub time: Arc<dyn TimeProvider>,
    /// The ordinal of the files that it starts with; 0 by default.
    pub ordinal: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            versions: Versions::Both,
            time: Arc::new(DefaultTimeProvider),
            ordinal: 0,
        }
    }
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// 1.2 alone.
    Tls12,
    /// 1.3 alone.
    Tls13,
    /// 1.2 and 1.3.
    Both,
}

/// The way to the accepting router.
#[derive(Clone, Debug)]
pub struct Link {
    /// The name that the server's certificate must be for.
    pub host: String,
    /// The address at which the accepting router listens, whatever the name resolves to.
    pub to: SocketAddr,
    /// The local address. Two routers with 127.0.0.2 and 127.0.0.3 can be told apart by theirs.
    pub from: IpAddr,
    /// The number of data connections beside the control connection.
    pub data_connections: usize,
    /// The wait after an open connection was lost.
    pub after_loss: Duration,
    /// The wait after an attempt that led to no connection.
    pub after_failure: Duration,
}

impl Link {
    /// The way as a router would take it: four data connections, 2 s after a loss, then every 5 s.
    #[must_use]
    pub fn new(host: &str, to: SocketAddr) -> Self {
        Self {
            host: host.to_owned(),
            to,
            from: Ipv4Addr::LOCALHOST.into(),
            data_connections: 4,
            after_loss: Duration::from_secs(2),
            after_failure: Duration::from_secs(5),
        }
    }
}

/// The system's clock, which a test can put forward.
#[derive(Debug, Default)]
pub struct Clock {
    seconds_ahead: AtomicU64,
}

impl Clock {
    /// Puts the clock forward, by whole seconds.
    pub fn forward(&self, by: Duration) {
        self.seconds_ahead.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let ahead = self.seconds_ahead.load(Ordering::SeqCst);
        let seconds = UnixTime::now().as_secs() + ahead;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl Settings {
    /// Full handshakes only: nothing is stored, and no ticket is sent.
    pub(crate) fn accepting(&self, credentials: Credentials) -> Arc<ServerConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_details(provider, Arc::clone(&self.time))
            .with_protocol_versions(&self.versions.supported())
            .unwrap();
        let mut config = config
            .with_client_cert_verifier(Arc::new(ClientJudge(credentials.anchors)))
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(credentials.key)));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }

    /// Full handshakes only: a ticket that is offered is not kept.
    pub(crate) fn connecting(&self, credentials: Credentials) -> Arc<ClientConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::clone(&self.time))
            .with_protocol_versions(&self.versions.supported())
            .unwrap();
        let mut config = config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ServerJudge(credentials.anchors)))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(credentials.key)));
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }
}

impl Versions {
    fn supported(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::Tls12 => vec![&TLS12],
            Self::Tls13 => vec![&TLS13],
            Self::Both => vec![&TLS13, &TLS12],
        }
    }
}
