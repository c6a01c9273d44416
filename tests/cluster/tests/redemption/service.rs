//! `serve --kubernetes` as processes, and those who redeem at them.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Identity};
use redemption_sidecar::clock;
use redemption_sidecar::manifest::AccessToken;
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{Order, redeem};
use redemption_sidecar::redemption::GrantUid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::room::{CODE, Room};

/// A running service. It is killed when this is dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) port: u16,
    operations_port: u16,
    log: PathBuf,
}

/// What several services share: the CA of the redemption server.
pub(crate) struct Services {
    folder: TempDir,
    namespace: String,
    /// Which grants they serve.
    scope: Vec<String>,
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

    /// Starts one, and waits until it is ready.
    pub(crate) async fn start(&self, options: &[&str]) -> Service {
        self.start_at(free_port(), options).await
    }

    pub(crate) async fn start_at(&self, port: u16, options: &[&str]) -> Service {
        let mut service = self.spawn_at(port, options);
        service.wait_until_ready().await;
        service
    }

    /// Starts one, and does not wait.
    pub(crate) fn spawn(&self, options: &[&str]) -> Service {
        self.spawn_at(free_port(), options)
    }

    fn spawn_at(&self, port: u16, options: &[&str]) -> Service {
        let operations_port = free_port();
        let log = self.folder.path().join(format!("log-{port}"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let child = Command::new(binary())
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .args(["serve", "--kubernetes"])
            .args(&self.scope)
            .args(["--url", &format!("https://127.0.0.1:{port}")])
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
        let folder = self.folder.path().join("data/server-ca");
        let files = fs::read_dir(folder).unwrap();
        let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        let mut certificates = texts.filter(|text| text.contains("BEGIN CERTIFICATE"));
        certificates.next().unwrap()
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
        Command::new(binary())
            .env("KUBECONFIG", self.folder.path().join("kubeconfig-of-admin"))
            .args(arguments)
            .args(["--kubernetes", "--namespace", namespace])
            .output()
            .unwrap()
    }

    /// Redeems with a key of its own, as often as it must, and says whether it has its certificate.
    pub(crate) async fn redeem(&self, port: u16, uid: &GrantUid, name: &str) -> bool {
        self.redeem_with(port, uid, CODE.into(), name).await
    }

    /// The same with another code.
    pub(crate) async fn redeem_with(
        &self,
        port: u16,
        uid: &GrantUid,
        code: SecretString,
        name: &str,
    ) -> bool {
        let token = AccessToken {
            name: name.to_owned(),
            url: format!("https://127.0.0.1:{port}/{uid}"),
            code,
            ca: self.ca(),
            link_cost: 1,
        };
        let now = clock::now();
        let token = Token::read(token.to_yaml().as_bytes(), None, now)
            .ok()
            .unwrap();
        let folder = TempDir::new().unwrap();
        let order = Order {
            token: &token,
            subject: None,
            folder: folder.path(),
            force: false,
            timeout: Duration::from_mins(1),
            now,
        };
        match redeem(&order, &mut ()).await {
            Ok(_) => true,
            Err(problem) => {
                assert_eq!(problem.exit_code(), 1, "{name}: {problem}");
                false
            }
        }
    }

    /// Asks once without a key, as Skupper's clients do. The status, or none without an answer.
    pub(crate) async fn ask(&self, port: u16, uid: &GrantUid) -> Option<u16> {
        self.ask_with(port, uid, CODE).await
    }

    /// The same, and what the answer says.
    pub(crate) async fn answer(&self, port: u16, uid: &GrantUid) -> (u16, String) {
        let (ca, path) = (self.ca(), format!("/{uid}"));
        let asking = tokio::task::spawn_blocking(move || ask(port, &ca, &path, CODE));
        asking.await.unwrap().unwrap()
    }

    /// The same with another code.
    pub(crate) async fn ask_with(&self, port: u16, uid: &GrantUid, code: &str) -> Option<u16> {
        let (ca, path, code) = (self.ca(), format!("/{uid}"), code.to_owned());
        let asking = tokio::task::spawn_blocking(move || ask(port, &ca, &path, &code).ok());
        let answer = asking.await.unwrap();
        answer.map(|(status, _)| status)
    }
}

impl Service {
    async fn wait_until_ready(&mut self) {
        let start = Instant::now();
        while self.is_ready() != Some(true) {
            let is_gone = self.child.try_wait().unwrap().is_some();
            let is_late = start.elapsed() > Duration::from_mins(1);
            assert!(!is_gone && !is_late, "not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What `/readyz` says; nothing without an answer.
    pub(crate) fn is_ready(&self) -> Option<bool> {
        let answer = self.operations("/readyz")?;
        Some(answer.starts_with("HTTP/1.1 200"))
    }

    /// What the operations port answers.
    pub(crate) fn operations(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.operations_port)).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// What it logged so far.
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
    }
}

fn ask(port: u16, ca: &str, path: &str, code: &str) -> std::io::Result<(u16, String)> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = StreamOwned::new(session, socket);
    let length = code.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{code}"
    )?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let is_whole = text.contains("\r\n\r\n") && read.is_ok();
    let answer = status.map(|status| (status, text.into_owned()));
    answer
        .filter(|_| is_whole)
        .ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
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

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
