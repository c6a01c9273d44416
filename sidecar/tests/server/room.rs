//! A running server with a handler that does what its path says, and clients that send bytes.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use redemption_sidecar::server::{
    Answer, Connection, Handler, Limits, Received, Server, ServerCertificate, listen,
    load_certified_key,
};
use redemption_sidecar::telemetry::metrics::{Answered, Metrics, Outcome};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The table of limits with times that a test can wait for.
pub(crate) const SHORT: Limits = Limits {
    handshake: Duration::from_millis(700),
    head: Duration::from_millis(700),
    body: Duration::from_millis(700),
    stop: Duration::from_millis(800),
    connections: 1024,
    connections_per_peer: 64,
};

/// Much longer than every limit of [`SHORT`], on a busy machine, too.
pub(crate) const LATE: Duration = Duration::from_secs(6);

/// The limits of the table with times that end in no test.
pub(crate) const PATIENT: Limits = Limits {
    handshake: Duration::from_mins(1),
    head: Duration::from_mins(1),
    body: Duration::from_mins(1),
    ..SHORT
};

pub(crate) struct Room {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) handler: Arc<Paths>,
    pub(crate) certificate: Arc<ServerCertificate>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<usize>>,
}

impl Room {
    pub(crate) fn open(limits: Limits) -> Self {
        let certificate = ServerCertificate::new(certified_key().clone());
        let metrics = Arc::new(Metrics::new());
        let handler = Arc::new(Paths::default());
        let tls = certificate.configuration().unwrap();
        let server = Server::redemptions(tls, Arc::clone(&handler), Arc::clone(&metrics), limits);
        let listener = listen("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            metrics,
            handler,
            certificate,
            stop: Some(stop),
            serving: Some(serving),
        }
    }

    /// Says that the server is to stop, and returns what waits for it.
    pub(crate) fn stop(&mut self) -> JoinHandle<usize> {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.take().unwrap()
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A TCP connection from 127.0.0.`host`.
    pub(crate) async fn tcp_from(&self, host: u8) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, host], 0)))?;
        socket.connect(self.address).await
    }

    pub(crate) async fn tls(&self) -> Client {
        Client::over(self.tcp().await).await.unwrap()
    }

    /// Waits until so many connections are open.
    pub(crate) async fn connected(&self, connections: u64) {
        while self.metrics.connections().open() != connections {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// True when a request over a new connection is answered.
    pub(crate) async fn serves(&self) -> bool {
        let mut client = self.tls().await;
        client
            .send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ncode")
            .await;
        client.answer().await.status == 200
    }
}

/// Answers as the path says.
#[derive(Default)]
pub(crate) struct Paths {
    /// Number of requests that came.
    pub(crate) begun: AtomicUsize,
    /// Number of those that were answered.
    pub(crate) ended: AtomicUsize,
    /// Number of right answers that were lost.
    pub(crate) lost: Arc<AtomicUsize>,
    /// Requests that wait go on with these.
    pub(crate) permits: OnceLock<Semaphore>,
}

impl Paths {
    fn owe(&self, connection: &Connection) {
        let lost = Arc::clone(&self.lost);
        connection.on_lost_answer(move || {
            lost.fetch_add(1, Ordering::SeqCst);
        });
    }

    pub(crate) fn permits(&self) -> &Semaphore {
        self.permits.get_or_init(|| Semaphore::new(0))
    }

    pub(crate) async fn begun(&self, requests: usize) {
        while self.begun.load(Ordering::SeqCst) < requests {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Handler for Paths {
    async fn answer(&self, request: Received, connection: &Connection) -> Answer {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let text = match request.path.as_str() {
            "/headers" => {
                let values = request.headers.get_all("subject").iter();
                let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
                values.join("|")
            }
            "/peer" => connection.peer().to_string(),
            "/undecided" => {
                self.permits().acquire().await.unwrap().forget();
                connection.answering().to_string()
            }
            "/right" => {
                assert!(connection.answering());
                self.permits().acquire().await.unwrap().forget();
                self.owe(connection);
                "right".to_owned()
            }
            "/large" => "x".repeat(1 << 20),
            "/large/right" => {
                assert!(connection.answering());
                self.owe(connection);
                "x".repeat(1 << 20)
            }
            "/panic" => panic!("as asked"),
            _ => String::from_utf8_lossy(&request.body).into_owned(),
        };
        self.ended.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::OK;
        Answer {
            answered: Answered::Redemption(Outcome::Counted),
            response,
        }
    }
}

/// A TLS connection of a client.
pub(crate) struct Client {
    pub(crate) stream: TlsStream<TcpStream>,
    unread: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Client {
    pub(crate) async fn over(stream: TcpStream) -> std::io::Result<Self> {
        Self::with(stream, client_configuration(&[], &rustls::version::TLS13)).await
    }

    pub(crate) async fn with(stream: TcpStream, with: ClientConfig) -> std::io::Result<Self> {
        let connector = TlsConnector::from(Arc::new(with));
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector.connect(name, stream).await?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Reads one answer with a `Content-Length`.
    pub(crate) async fn answer(&mut self) -> Reply {
        self.try_answer().await.expect("an answer")
    }

    pub(crate) async fn try_answer(&mut self) -> Option<Reply> {
        let head = loop {
            if let Some(end) = self
                .unread
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n")
            {
                let rest = self.unread.split_off(end + 4);
                let head = std::mem::replace(&mut self.unread, rest);
                break String::from_utf8(head).unwrap();
            }
            self.more().await?;
        };
        let status = head[9..12].parse().unwrap();
        let mut reply = Reply {
            status,
            head,
            body: String::new(),
        };
        let length = reply
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            self.more().await?;
        }
        let rest = self.unread.split_off(length);
        reply.body = String::from_utf8(std::mem::replace(&mut self.unread, rest)).unwrap();
        Some(reply)
    }

    /// True when the server closes the connection without a byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && self.more().await.is_none()
    }

    async fn more(&mut self) -> Option<()> {
        let mut bytes = [0; 4096];
        let read = self
            .stream
            .read(&mut bytes)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        self.unread.extend_from_slice(&bytes[..read]);
        Some(())
    }
}

pub(crate) fn client_configuration(
    alpn: &[&str],
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let mut configuration = with_provider(aws_lc_rs::default_provider(), version);
    configuration.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    configuration
}

pub(crate) fn with_provider(
    provider: CryptoProvider,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth()
}

/// A self-signed certificate, made once.
pub(crate) fn certified_key() -> &'static CertifiedKey {
    static KEY: OnceLock<CertifiedKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let (certificate, key) = self_signed("ec", "localhost");
        load_certified_key(&certificate, &key).unwrap()
    })
}

/// A certificate and its key in PEM, made by OpenSSL.
pub(crate) fn self_signed(kind: &str, name: &str) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file).to_str().unwrap().to_owned();
    let kind: &[&str] = match kind {
        "ec" => &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        other => &[other],
    };
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
        ])
        .args(["-keyout", &path("key"), "-out", &path("crt"), "-newkey"])
        .args(kind)
        .output()
        .expect("openssl is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ["crt", "key"]
        .map(|file| std::fs::read(path(file)).unwrap())
        .into()
}

/// Takes every certificate, but checks that the server has its key.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
