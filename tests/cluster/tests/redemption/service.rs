//! `serve --kubernetes` as processes, and those who redeem at them.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster_tests::{Cluster, Identity, free_port};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{FolderTarget, Order, redeem};
use redemption_sidecar::redemption::{GrantUid, LinkId, Serial};
use redemption_sidecar::system::clock;
use redemption_sidecar::wire::access_token::AccessToken;
use redemption_sidecar::wire::certificate_request;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use x509_cert::Certificate;
use x509_cert::der::DecodePem as _;

use crate::room::{CANARY, CODE, Room};
use crate::target::NO_PROXY;

/// A running service. It is killed when this is dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) port: u16,
    operations_port: u16,
    log: PathBuf,
}

/// Parts that several services share: the CA of the redemption server.
pub(crate) struct Services {
    folder: TempDir,
    namespace: String,
    /// Which grants they serve.
    scope: Vec<String>,
    /// The URL in tokens; where it is not given, the port of each.
    url: Option<String>,
}

impl Services {
    /// Services for the grants of a room, which may do what the Role of `deploy/sidecar` allows.
    pub(crate) fn new(cluster: &Cluster, room: &Room) -> Self {
        Self::of(cluster, room, &room.service)
    }

    /// Services for the grants of a room, as somebody.
    pub(crate) fn of(cluster: &Cluster, room: &Room, identity: &Identity) -> Self {
        let services = Self {
            folder: TempDir::new().unwrap(),
            namespace: room.namespace.clone(),
            scope: vec!["--namespace".to_owned(), room.namespace.clone()],
            url: None,
        };
        services.write("kubeconfig", &cluster.kubeconfig(identity).unwrap());
        let admin = cluster.kubeconfig(&Identity::Admin).unwrap();
        services.write("kubeconfig-of-admin", &admin);
        services
    }

    /// The same for the grants of all namespaces.
    pub(crate) fn of_all(self) -> Self {
        Self {
            scope: vec!["--all-namespaces".to_owned()],
            ..self
        }
    }

    /// The same behind one URL, as replicas have it. Nobody leads from there to them.
    pub(crate) fn advertising(self, url: &str) -> Self {
        Self {
            url: Some(url.to_owned()),
            ..self
        }
    }

    /// Leads the services to the API server through another port of loopback.
    pub(crate) fn lead_through(&self, cluster: &Cluster, port: u16) {
        let path = self.folder.path().join("kubeconfig");
        let direct = fs::read_to_string(&path).unwrap();
        assert!(direct.contains(&cluster.address()));
        let address = format!("https://127.0.0.1:{port}");
        fs::write(path, direct.replace(&cluster.address(), &address)).unwrap();
    }

    /// Starts one, and waits until it is ready.
    pub(crate) async fn start(&self, options: &[&str]) -> Service {
        let mut service = self.spawn(options);
        service.wait_until_ready().await;
        service
    }

    /// Starts one, and does not wait.
    pub(crate) fn spawn(&self, options: &[&str]) -> Service {
        let (port, operations_port) = (free_port().unwrap(), free_port().unwrap());
        let log = self.folder.path().join(format!("log-{port}"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let url = format!("https://127.0.0.1:{port}");
        let child = Command::new(binary())
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .args(["serve", "--kubernetes"])
            .args(&self.scope)
            .args(["--url", self.url.as_ref().unwrap_or(&url)])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{operations_port}")])
            .arg("--data")
            .arg(self.folder.path().join("data"))
            .args(options)
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .unwrap();
        Service {
            child,
            port,
            operations_port,
            log,
        }
    }

    /// The CA of the redemption server, in PEM.
    pub(crate) fn ca(&self) -> String {
        self.ca_if_made().unwrap()
    }

    fn ca_if_made(&self) -> Option<String> {
        let file = self.folder.path().join("data/server-ca/ca.crt");
        fs::read_to_string(file).ok()
    }

    /// Writes a file beside those of the services, and says where.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// Runs another command on the grants of the room, as the administrator.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        self.command_in(&self.namespace, arguments)
    }

    /// Runs another command on a namespace.
    pub(crate) fn command_in(&self, namespace: &str, arguments: &[&str]) -> Output {
        self.command_with("kubeconfig-of-admin", namespace, arguments)
    }

    /// Runs another command on the grants of the room, as whoever the services are.
    pub(crate) fn command_of_services(&self, arguments: &[&str]) -> Output {
        self.command_with("kubeconfig", &self.namespace, arguments)
    }

    fn command_with(&self, kubeconfig: &str, namespace: &str, arguments: &[&str]) -> Output {
        Command::new(binary())
            .env("KUBECONFIG", self.folder.path().join(kubeconfig))
            .args(arguments)
            .args(["--kubernetes", "--namespace", namespace])
            .output()
            .unwrap()
    }

    /// Redeems with a key of its own, as often as it must. The serial of the certificate, or none when
    /// it is refused for good.
    pub(crate) async fn redeem(&self, port: u16, uid: &GrantUid, name: &str) -> Option<String> {
        let patience = Duration::from_mins(1);
        self.redeem_for(port, uid, CODE.into(), name, patience)
            .await
    }

    /// The same with another code. Says whether it has its certificate.
    pub(crate) async fn redeem_with(
        &self,
        port: u16,
        uid: &GrantUid,
        code: SecretString,
        name: &str,
    ) -> bool {
        let patience = Duration::from_mins(1);
        let received = self.redeem_for(port, uid, code, name, patience).await;
        received.is_some()
    }

    /// The same for as long as this.
    pub(crate) async fn redeem_for(
        &self,
        port: u16,
        uid: &GrantUid,
        code: SecretString,
        name: &str,
        timeout: Duration,
    ) -> Option<String> {
        let token = AccessToken {
            name: name.to_owned(),
            url: format!("https://127.0.0.1:{port}/{uid}"),
            code,
            ca: self.ca(),
            link_cost: 1,
            note: String::new(),
        };
        let now = clock::now();
        let token = Token::read(token.to_yaml().as_bytes(), None, now)
            .ok()
            .unwrap();
        let folder = TempDir::new().unwrap();
        let order = Order {
            token: &token,
            subject: None,
            target: FolderTarget {
                path: folder.path(),
                namespace: None,
            },
            force: false,
            renews: true,
            timeout,
            proxies: &NO_PROXY,
            now,
        };
        let start = Instant::now();
        loop {
            match redeem(&order, &mut ()).await {
                Ok(redeemed) => {
                    return Some(serial(&fs::read_to_string(redeemed.secret).unwrap()));
                }
                Err(problem) if problem.exit_code() == 1 => return None,
                // A server that has not answered yet may be one that counts a key twice, so the
                // redeemer asks its user, who runs the same command again.
                Err(problem) => assert!(start.elapsed() < timeout, "{name}: {problem}"),
            }
        }
    }

    /// The status of such an answer.
    pub(crate) async fn status(&self, port: u16, uid: &GrantUid) -> Option<u16> {
        self.status_with(port, uid, CODE).await
    }

    /// The same with another code.
    pub(crate) async fn status_with(&self, port: u16, uid: &GrantUid, code: &str) -> Option<u16> {
        let answer = self.ask_with(port, uid, code, "").await;
        answer.map(|answer| answer.status)
    }

    /// Asks once without a key, as Skupper's clients do. None without a whole answer.
    pub(crate) async fn ask(&self, port: u16, uid: &GrantUid) -> Option<Answer> {
        self.ask_with(port, uid, CODE, "").await
    }

    /// The same with another code and with more headers, each with its line end.
    pub(crate) async fn ask_with(
        &self,
        port: u16,
        uid: &GrantUid,
        code: &str,
        headers: &str,
    ) -> Option<Answer> {
        self.ask_at(port, &format!("/{uid}"), code, headers).await
    }

    /// The same at a path.
    pub(crate) async fn ask_at(
        &self,
        port: u16,
        path: &str,
        code: &str,
        headers: &str,
    ) -> Option<Answer> {
        let ca = self.ca_if_made()?;
        let length = code.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n{code}"
        );
        let asking = tokio::task::spawn_blocking(move || ask(port, &ca, None, &request));
        asking.await.unwrap()
    }

    /// Asks once to renew a link. None without a whole answer.
    pub(crate) async fn renew(&self, port: u16, pair: &Pair) -> Option<Answer> {
        let ca = self.ca_if_made()?;
        let next = certificate_request::create(&PrivateKey::generate(KeyKind::P256));
        let request = format!(
            "POST /renew HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             certificate-request: {next}\r\nContent-Length: 0\r\n\r\n"
        );
        let pair = pair.clone();
        let asking = tokio::task::spawn_blocking(move || ask(port, &ca, Some(&pair), &request));
        asking.await.unwrap()
    }
}

/// Certificate and key of a link, in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pair {
    pub(crate) fn link(&self) -> LinkId {
        let certificate = Certificate::from_pem(&self.certificate).unwrap();
        let serial = certificate.tbs_certificate().serial_number();
        Serial::of_der(serial.as_bytes()).unwrap().link()
    }
}

/// Answer of the redemption port.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: String,
}

impl Answer {
    fn read(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let field = |name: &str| {
            let mut values = fields
                .clone()
                .filter(|field| field.0.eq_ignore_ascii_case(name));
            values.next().map(|field| field.1.to_owned())
        };
        let length: usize = field("content-length")?.parse().ok()?;
        (body.len() == length).then(|| Self {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .unwrap(),
            retry_after: field("retry-after"),
            body: body.to_owned(),
        })
    }

    /// The serial of the certificate that it brings.
    pub(crate) fn serial(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        serial(&self.body)
    }

    /// The link that it brings to somebody who showed no key.
    pub(crate) fn pair(&self) -> Pair {
        assert_eq!(self.status, 200, "{}", self.body);
        Pair {
            certificate: entry(&self.body, "tls.crt"),
            key: entry(&self.body, "tls.key"),
        }
    }
}

/// The serial of the certificate in a stream of YAML whose first document is a Secret.
fn serial(yaml: &str) -> String {
    let certificate = Certificate::from_pem(entry(yaml, "tls.crt")).unwrap();
    certificate.tbs_certificate().serial_number().to_string()
}

/// An entry of such a Secret.
fn entry(yaml: &str, name: &str) -> Vec<u8> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    let encoded = documents[0]["data"][name].as_str().unwrap();
    STANDARD.decode(encoded).unwrap()
}

impl Service {
    pub(crate) async fn wait_until_ready(&mut self) {
        let start = Instant::now();
        while self.is_ready() != Some(true) {
            let is_gone = self.child.try_wait().unwrap().is_some();
            let is_late = start.elapsed() > Duration::from_mins(1);
            assert!(!is_gone && !is_late, "not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The answer of `/readyz`; nothing without an answer.
    pub(crate) fn is_ready(&self) -> Option<bool> {
        let answer = self.operations("/readyz")?;
        Some(answer.starts_with("HTTP/1.1 200"))
    }

    /// The answer of the operations port.
    pub(crate) fn operations(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.operations_port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Waits until `/readyz` says so, and says how long that took.
    pub(crate) async fn wait_for(&self, is_ready: bool) -> Duration {
        let start = Instant::now();
        while self.is_ready() != Some(is_ready) {
            assert!(start.elapsed() < 3 * PATIENCE, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        start.elapsed()
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as a lost machine does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing is to be done about one that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let log = self.log();
            for secret in [CANARY, "PRIVATE KEY"] {
                assert!(!log.contains(secret), "{log}");
            }
        }
    }
}

fn ask(port: u16, ca: &str, shown: Option<&Pair>, request: &str) -> Option<Answer> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        Some(Pair { certificate, key }) => config.with_client_auth_cert(
            vec![CertificateDer::from_pem_slice(certificate).unwrap()],
            PrivateKeyDer::from_pem_slice(key).unwrap(),
        ),
        None => Ok(config.with_no_client_auth()),
    };
    let config = config.unwrap();
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(session, socket);
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A connection that breaks off behind a whole answer is as good as one that ends.
    let _ = stream.read_to_end(&mut answer);
    Answer::read(&String::from_utf8_lossy(&answer))
}

/// Built before by `make cluster-tests`, in the profile of the tests.
pub(crate) fn binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.ancestors().nth(2).unwrap_or(Path::new("."));
    let binary = profile.join("redemption-sidecar");
    assert!(
        binary.is_file(),
        "{} is missing: run 'make cluster-tests'",
        binary.display()
    );
    binary
}

/// Longest time for an answer: as Skupper's clients wait.
const PATIENCE: Duration = Duration::from_secs(10);
