//! Certificates, folders and a pair of routers.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use router_stand_in::{
    AcceptingRouter, ConnectingRouter, LOOPBACK, Link, SecretContent, Settings, until,
};
use sidecar_test_support::openssl::{CA, Pki};
use tempfile::TempDir;

pub(crate) const HOST: &str = "east.example";
pub(crate) const DATA_CONNECTIONS: usize = 3;

/// Makes certificates for ten years, under CAs for a hundred.
pub(crate) struct Certificates {
    pub(crate) pki: Pki,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let certificates = Self { pki: Pki::empty() };
        certificates.ca("ca");
        certificates
    }

    pub(crate) fn ca(&self, name: &str) {
        let subject = format!("/CN={name}");
        self.pki.key(name, KEY);
        self.pki
            .root_of(name, &subject, CA, "-days 36500", "utf8only");
    }

    /// A new key with its certificate.
    pub(crate) fn leaf(&self, ca: &str, subject: &str, extensions: &str) -> SecretContent {
        self.pki.key("leaf", KEY);
        self.pki.certificate(ca, "leaf", subject, extensions);
        let content = ["ca.crt", "tls.crt", "tls.key"].into_iter();
        let from = [format!("{ca}.crt"), "leaf.crt".into(), "leaf.key".into()];
        content
            .zip(from)
            .map(|(file, from)| (file.into(), self.pki.read(&from)))
            .collect()
    }

    pub(crate) fn east(&self) -> SecretContent {
        self.leaf("ca", "/CN=east", "subjectAltName = DNS:east.example")
    }

    pub(crate) fn west(&self, subject: &str) -> SecretContent {
        self.leaf("ca", subject, "extendedKeyUsage = clientAuth")
    }
}

pub(crate) fn write(folder: &Path, content: &SecretContent) {
    for (file, bytes) in content {
        fs::write(folder.join(file), bytes).unwrap();
    }
}

pub(crate) fn folder(content: &SecretContent) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), content);
    folder
}

/// A router with its folder.
pub(crate) struct Running<R> {
    pub(crate) router: Arc<R>,
    pub(crate) folder: TempDir,
}

pub(crate) async fn accepting(
    content: &SecretContent,
    settings: Settings,
) -> Running<AcceptingRouter> {
    let folder = folder(content);
    let router = AcceptingRouter::start(folder.path(), LOOPBACK, settings).await;
    Running {
        router: Arc::new(router.unwrap()),
        folder,
    }
}

pub(crate) fn connecting(
    content: &SecretContent,
    link: Link,
    settings: Settings,
) -> Running<ConnectingRouter> {
    let folder = folder(content);
    let router = ConnectingRouter::start(folder.path(), link, settings).unwrap();
    Running {
        router: Arc::new(router),
        folder,
    }
}

/// A link that does not wait.
pub(crate) fn link(east: &AcceptingRouter) -> Link {
    Link {
        data_connections: DATA_CONNECTIONS,
        after_loss: Duration::from_millis(5),
        after_failure: Duration::from_millis(5),
        ..Link::new(HOST, east.address())
    }
}

/// Two routers with an open link.
pub(crate) struct Pair {
    pub(crate) certificates: Certificates,
    pub(crate) east: Running<AcceptingRouter>,
    pub(crate) west: Running<ConnectingRouter>,
}

impl Pair {
    pub(crate) async fn new() -> Self {
        let certificates = Certificates::new();
        let east = accepting(&certificates.east(), Settings::default()).await;
        let content = certificates.west("/OU=0/CN=west");
        let west = connecting(&content, link(&east.router), Settings::default());
        let pair = Self {
            certificates,
            east,
            west,
        };
        pair.is_open().await;
        pair
    }

    /// Waits until the current set is open.
    pub(crate) async fn is_open(&self) {
        let router = &self.west.router;
        until("the link is open", || router.is_open()).await;
    }

    /// Subjects of the peers, each once.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let peers = self.east.router.peers().into_iter();
        let mut subjects: Vec<_> = peers.map(|peer| peer.subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }
}

const KEY: &str = "P-256 PKCS#8";
