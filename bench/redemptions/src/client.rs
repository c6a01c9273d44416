//! The load generator's side of a connection: as little work as TLS 1.3 and HTTP/1.1 allow.
//!
//! It verifies no certificate: what is measured is the server, and both share the cores.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What connects to a server.
#[derive(Clone)]
pub struct Client {
    tls: TlsConnector,
    server: SocketAddr,
}

impl Client {
    /// A client of a server.
    ///
    /// # Errors
    /// None that TLS 1.3 with these algorithms causes.
    pub fn new(server: SocketAddr) -> Result<Self, rustls::Error> {
        Ok(Self {
            tls: TlsConnector::from(Arc::new(configuration()?)),
            server,
        })
    }

    /// The same with certificates to show, the next one in each handshake.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn showing(
        server: SocketAddr,
        certificates: Vec<Arc<CertifiedKey>>,
    ) -> Result<Self, rustls::Error> {
        let mut configuration = configuration()?;
        configuration.client_auth_cert_resolver = Arc::new(InTurn {
            certificates,
            next: AtomicUsize::new(0),
        });
        Ok(Self {
            tls: TlsConnector::from(Arc::new(configuration)),
            server,
        })
    }

    /// A TCP connection from an address of loopback.
    ///
    /// # Errors
    /// Nobody listens, or the address is not one of loopback.
    pub async fn dial(&self, from: Ipv4Addr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if from != Ipv4Addr::LOCALHOST {
            socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
        }
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A connection after its handshake.
    ///
    /// # Errors
    /// As [`Client::dial`], or the handshake fails.
    pub async fn connect(&self, from: Ipv4Addr) -> io::Result<Connection> {
        let name = ServerName::IpAddress(self.server.ip().into());
        let stream = self.tls.connect(name, self.dial(from).await?).await?;
        Ok(Connection {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Whether the server answers anything at all.
    ///
    /// # Errors
    /// As [`Client::connect`], or there is no answer.
    pub async fn is_answered(&self) -> io::Result<Answer> {
        let mut connection = self.connect(Ipv4Addr::LOCALHOST).await?;
        connection
            .ask(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
    }
}

/// TLS 1.3 without resumption: every handshake is a whole one.
///
/// # Errors
/// None that TLS 1.3 with these algorithms causes.
pub fn configuration() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut configuration = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    configuration.resumption = Resumption::disabled();
    Ok(configuration)
}

/// A connection that asks one thing after the other.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// What was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Whether the server goes on listening on this connection.
    pub is_kept_alive: bool,
    /// Whether a certificate came back.
    pub has_certificate: bool,
}

impl Connection {
    /// Sends bytes and nothing more.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends a whole request and reads the whole answer.
    ///
    /// # Errors
    /// As [`Connection::send`] and [`Connection::answer`].
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.send(request).await?;
        self.answer().await
    }

    /// Reads an answer with an announced length: the only form that this server has.
    ///
    /// # Errors
    /// The connection broke, or what came is no answer.
    pub async fn answer(&mut self) -> io::Result<Answer> {
        self.buffer.clear();
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let (text, _) = self.buffer.split_at(head);
        let text = str::from_utf8(text).map_err(|_| malformed("head"))?;
        let status = text.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| malformed("status"))?;
        let mut length = 0;
        let mut is_kept_alive = true;
        for line in text.lines().skip(1) {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| malformed("length"))?;
            } else if name.eq_ignore_ascii_case("connection") {
                is_kept_alive = !value.trim().eq_ignore_ascii_case("close");
            }
        }
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        let (_, body) = self.buffer.split_at(head);
        Ok(Answer {
            status,
            is_kept_alive,
            has_certificate: find(body, b"\n  tls.crt: ").is_some(),
        })
    }

    /// Ends the connection as TLS wants it.
    pub async fn close(mut self) {
        // The answer is there already; whether the server still hears this does not matter.
        let _ = self.stream.shutdown().await;
    }

    async fn read(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("no {what} in an answer"),
    )
}

/// Shows one certificate after the other.
#[derive(Debug)]
struct InTurn {
    certificates: Vec<Arc<CertifiedKey>>,
    next: AtomicUsize,
}

impl ResolvesClientCert for InTurn {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let number = number % self.certificates.len().max(1);
        self.certificates.get(number).cloned()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Takes every certificate for the right one.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
