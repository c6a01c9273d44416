//! A redemption server that does exactly what a test wants, and the certificates for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use redemption_sidecar::pki::issuer::{Issuer, LeafRequest};
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redemption::{GrantUid, Serial};
use redemption_sidecar::wire::certificate_request;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use skupper_access_manifest::read_scalar;

use sidecar_test_support::openssl::{CA, Pki, now};

/// The code of every token.
pub(crate) const CODE: &str = "canary-s3cr3t-code-of-the-grant";

/// The uid of every grant.
pub(crate) const UID: &str = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";

/// A certificate with its key, both in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What the tests need of certificates. Made once: RSA keys take their time.
pub(crate) struct Certificates {
    pki: Mutex<Pki>,
    /// As Skupper's grant server: its own CA, RSA, with every host as a DNS name, too.
    pub(crate) skupper_server: Identity,
    /// The CA of a redemption server and a certificate that it signed.
    pub(crate) server_ca: Identity,
    pub(crate) server: Identity,
    /// The CA of a Skupper site, RSA, and a client certificate that it signed for a PKCS#1 key.
    pub(crate) site_ca: Identity,
    pub(crate) client: Identity,
}

/// The purposes and usages of what Skupper signs.
pub(crate) const SKUPPER_LEAF: &str = "basicConstraints = critical,CA:FALSE; keyUsage = \
     critical,digitalSignature,keyEncipherment; extendedKeyUsage = serverAuth,clientAuth; \
     subjectAltName = DNS:10.0.0.1,IP:10.0.0.1,DNS:west.example";

const SKUPPER_SERVER: &str = "basicConstraints = critical,CA:TRUE; keyUsage = \
     critical,digitalSignature,keyEncipherment,keyCertSign; extendedKeyUsage = \
     serverAuth,clientAuth; subjectAltName = DNS:127.0.0.1,IP:127.0.0.1,DNS:localhost";

pub(crate) const SERVER: &str = "basicConstraints = critical,CA:FALSE; extendedKeyUsage = \
     serverAuth; subjectAltName = IP:127.0.0.1,DNS:localhost";

impl Certificates {
    pub(crate) fn of_the_tests() -> &'static Self {
        static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
        CERTIFICATES.get_or_init(|| {
            let pki = Pki::empty();
            pki.key("skupper", "RSA-2048 PKCS#1");
            pki.root("skupper", "/CN=skupper-grant-server", SKUPPER_SERVER);
            pki.key("server-ca", "P-256 PKCS#8");
            pki.root("server-ca", "/CN=redemption", CA);
            pki.key("server", "P-256 PKCS#8");
            pki.certificate("server-ca", "server", "/CN=server", SERVER);
            pki.key("site-ca", "RSA-2048 PKCS#1");
            pki.root("site-ca", "/CN=skupper-site-ca", SKUPPER_SERVER);
            pki.key("client", "RSA-2048 PKCS#1");
            pki.certificate("site-ca", "client", "/CN=west", SKUPPER_LEAF);
            Self {
                skupper_server: Identity::of(&pki, "skupper"),
                server_ca: Identity::of(&pki, "server-ca"),
                server: Identity::of(&pki, "server"),
                site_ca: Identity::of(&pki, "site-ca"),
                client: Identity::of(&pki, "client"),
                pki: Mutex::new(pki),
            }
        })
    }

    /// Another identity, made with the same folder of keys: `make` writes `NAME.key` and
    /// `NAME.crt`.
    pub(crate) fn make(&self, name: &str, make: impl FnOnce(&Pki)) -> Identity {
        let pki = self.pki.lock().unwrap();
        make(&pki);
        Identity::of(&pki, name)
    }
}

impl Identity {
    fn of(pki: &Pki, name: &str) -> Self {
        let read = |end: &str| String::from_utf8(pki.read(&format!("{name}.{end}"))).unwrap();
        Self {
            certificate: read("crt"),
            key: read("key"),
        }
    }

    fn tls(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let signer = provider.key_provider.load_private_key(key).unwrap();
        // Not `with_single_cert`: a hostile server presents what is not its own.
        let certified = Arc::new(rustls::sign::CertifiedKey::new(chain, signer));
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always(certified)));
        Arc::new(config)
    }
}

#[derive(Debug)]
struct Always(Arc<rustls::sign::CertifiedKey>);

impl rustls::server::ResolvesServerCert for Always {
    fn resolve(
        &self,
        _hello: rustls::server::ClientHello<'_>,
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Method, path and version.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// A server on 127.0.0.1 that hands each request to a function, with the number of requests before
/// it; the connection ends when the function is done.
pub(crate) struct Partner {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

impl Partner {
    pub(crate) fn start(
        identity: &Identity,
        respond: impl Fn(usize, &Received, &mut dyn Write) + Send + Sync + 'static,
    ) -> Self {
        let tls = identity.tls(rustls::ALL_VERSIONS);
        let respond = Arc::new(respond);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        let mut partner = Self::start_raw(move |_, stream| {
            let session = ServerConnection::new(Arc::clone(&tls)).unwrap();
            let mut stream = StreamOwned::new(session, stream);
            let Some(request) = read_request(&mut stream) else {
                return;
            };
            let before = {
                let mut received = received.lock().unwrap();
                received.push(request.clone());
                received.len() - 1
            };
            respond(before, &request, &mut stream);
            let _ = stream.flush();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
        partner.requests = requests;
        partner
    }

    /// Speaks TLS 1.2 and nothing newer.
    pub(crate) fn start_with_tls_1_2(identity: &Identity) -> Self {
        let tls = identity.tls(&[&rustls::version::TLS12]);
        Self::start_raw(move |_, mut stream| {
            let mut session = ServerConnection::new(Arc::clone(&tls)).unwrap();
            let _ = session.complete_io(&mut stream);
        })
    }

    /// Hands each connection to a function, with the number of connections before it.
    pub(crate) fn start_raw(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let serve = Arc::new(serve);
        // Ends with the process: it waits for connections and holds nothing.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(PATIENCE));
                let _ = stream.set_write_timeout(Some(PATIENCE));
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(number, stream));
            }
        });
        Self {
            port,
            requests: Arc::default(),
            connections,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}/{UID}", self.port)
    }

    /// The requests that came whole.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The token of its grant, for the name `west`.
    pub(crate) fn token(&self, ca: &Identity) -> Token {
        token(&self.url(), ca)
    }
}

/// A token for the name `west`.
pub(crate) fn token(url: &str, ca: &Identity) -> Token {
    let yaml = token_yaml(url, ca);
    Token::read(yaml.as_bytes(), None, now()).ok().unwrap()
}

/// A token as Skupper writes it.
pub(crate) fn token_yaml(url: &str, ca: &Identity) -> String {
    let ca = ca.certificate.replace('\n', "\n    ");
    format!(
        "apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata:\n  creationTimestamp: null\n  \
         name: west\nspec:\n  ca: |\n    {ca}\n  code: {CODE}\n  linkCost: 7\n  url: {url}\n\
         status: {{}}\n"
    )
}

/// An answer with this status, headers and body, of known length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An answer as Go's server writes it when the length is not known: in chunks.
pub(crate) fn chunked(headers: &str, body: &str) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nDate: Wed, 01 Jul 2026 00:00:00 GMT\r\nContent-Type: text/plain; \
         charset=utf-8\r\n{headers}Transfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for chunk in body.as_bytes().chunks(2048) {
        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}

/// The Secret and Link that Skupper answers with: its YAML, to the letter of its order of fields.
pub(crate) fn skupper_objects(name: &str, ca: &str, certificate: &str, key: &str) -> String {
    format!(
        "{}{}",
        skupper_secret(name, ca, certificate, key),
        skupper_link(name, name)
    )
}

pub(crate) fn skupper_secret(name: &str, ca: &str, certificate: &str, key: &str) -> String {
    let name = scalar(name);
    let [ca, certificate, key] = [ca, certificate, key].map(|text| STANDARD.encode(text));
    format!(
        "---\napiVersion: v1\ndata:\n  ca.crt: {ca}\n  tls.crt: {certificate}\n  tls.key: {key}\n\
         kind: Secret\nmetadata:\n  creationTimestamp: null\n  name: {name}\ntype: \
         kubernetes.io/tls\n"
    )
}

/// A Secret as our own service answers with it.
pub(crate) fn secret_without_key(name: &str, ca: &str, certificate: &str) -> String {
    let name = scalar(name);
    let [ca, certificate] = [ca, certificate].map(|text| STANDARD.encode(text));
    format!(
        "---\napiVersion: v1\ndata:\n  ca.crt: {ca}\n  tls.crt: {certificate}\nkind: Secret\n\
         metadata:\n  name: {name}\ntype: kubernetes.io/tls\n"
    )
}

pub(crate) fn skupper_link(name: &str, credentials: &str) -> String {
    let [name, credentials] = [name, credentials].map(scalar);
    format!(
        "---\napiVersion: skupper.io/v2alpha1\nkind: Link\nmetadata:\n  creationTimestamp: null\n  \
         name: {name}\nspec:\n  endpoints:\n  - group: skupper-router\n    host: 10.0.0.1\n    \
         name: edge\n    port: \"45671\"\n  - group: skupper-router\n    host: 10.0.0.1\n    name: \
         inter-router\n    port: \"55671\"\n  tlsCredentials: {credentials}\nstatus: {{}}\n"
    )
}

/// A text as Go writes it: in quotes where it would be read as something else.
fn scalar(text: &str) -> String {
    match read_scalar(text) {
        Some(Value::String(_)) => text.to_owned(),
        _ => format!("\"{text}\""),
    }
}

/// Certifies the key of a request as our own service does: the same certificate every time.
pub(crate) fn certify(issuer: &Issuer, request: &Received, at: DateTime<Utc>) -> String {
    let key = certificate_request::read(&request.headers["certificate-request"]).unwrap();
    let uid = GrantUid::parse(UID).unwrap();
    let leaf = LeafRequest {
        spki: key.spki(),
        subject: &request.headers["name"],
        serial: Serial::derive(&uid, key.spki()),
        at,
        duration: None,
        grant: None,
    };
    issuer.certify(&leaf, at).unwrap().pem
}

/// The site's issuer.
pub(crate) fn issuer(ca: &Identity) -> Issuer {
    Issuer::load(ca.certificate.as_bytes(), ca.key.as_bytes(), now()).unwrap()
}

fn read_request(stream: &mut impl Read) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(request) = parse(&bytes) {
            return Some(request);
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Received> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or("0", String::as_str);
    let length: usize = length.parse().unwrap();
    let body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some(Received {
        line,
        headers,
        body,
    })
}

/// How long a server waits for its client.
const PATIENCE: Duration = Duration::from_secs(20);
