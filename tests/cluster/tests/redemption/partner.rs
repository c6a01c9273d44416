//! A redemption server that answers with whatever a test wants.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::pki::issuer::{Issuer, LeafRequest, new_site_ca};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::pki::server_ca::ServerCa;
use redemption_sidecar::redemption::Serial;
use redemption_sidecar::server::ServerCertificate;
use redemption_sidecar::system::clock;
use redemption_sidecar::wire::access_token::AccessToken;
use rustls::{ServerConnection, StreamOwned};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use crate::room::CODE;

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Received {
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// Everything that came.
    pub(crate) text: String,
}

/// A server on loopback; one connection each for a request.
pub(crate) struct Partner {
    port: u16,
    ca: String,
    requests: Arc<Mutex<Vec<Received>>>,
}

impl Partner {
    /// Answers with status and body.
    pub(crate) fn start(
        respond: impl Fn(&Received, usize) -> (u16, String) + Send + 'static,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let ca = ServerCa::open(folder.path(), clock::now()).unwrap();
        let leaf = ca.issue_server_leaf(&[Ipv4Addr::LOCALHOST.into()], clock::now());
        let tls = ServerCertificate::new(leaf.unwrap().certified_key);
        let tls = tls.configuration().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        // Ends with the process: it waits for connections and holds nothing.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream
                    .set_read_timeout(Some(Duration::from_secs(10)))
                    .unwrap();
                let session = ServerConnection::new(Arc::clone(&tls)).unwrap();
                let mut stream = StreamOwned::new(session, stream);
                let Some(request) = read(&mut stream) else {
                    continue;
                };
                let before = {
                    let mut received = received.lock().unwrap();
                    received.push(request.clone());
                    received.len() - 1
                };
                let (status, body) = respond(&request, before);
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        Self {
            port,
            ca: ca.certificate_pem().to_owned(),
            requests,
        }
    }

    /// As Skupper's: it makes the keys, counts every request, and gives `allowed` redemptions.
    pub(crate) fn plain(allowed: usize, groups: usize) -> Self {
        let site = Site::new(clock::now());
        Self::start(move |request, before| {
            if before >= allowed {
                return (404, "No such access granted\n".to_owned());
            }
            let name = &request.headers["name"];
            let (certificate, key) = site.client(name, clock::now(), TimeDelta::days(1));
            let mut text = secret(name, &site.ca, &certificate, Some(&key));
            for link in links(name, groups) {
                text.push_str(&link);
            }
            (200, text)
        })
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    /// A token of one of its grants.
    pub(crate) fn token(&self, name: &str, grant: &str) -> AccessToken {
        AccessToken {
            name: name.to_owned(),
            url: format!("https://127.0.0.1:{}/{grant}", self.port),
            code: CODE.into(),
            ca: self.ca.clone(),
            link_cost: 7,
            note: String::new(),
        }
    }
}

/// The CA of a site.
pub(crate) struct Site {
    issuer: Issuer,
    /// In PEM.
    pub(crate) ca: String,
}

impl Site {
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        let (ca, key) = new_site_ca("skupper-site-ca", now).unwrap();
        let issuer = Issuer::load(ca.as_bytes(), key.expose_secret().as_bytes(), now).unwrap();
        Self { issuer, ca }
    }

    /// A client certificate and its key, in PEM.
    pub(crate) fn client(
        &self,
        subject: &str,
        at: DateTime<Utc>,
        life: TimeDelta,
    ) -> (String, String) {
        let key = PrivateKey::generate(KeyKind::P256);
        let certificate = self.certify(key.spki(), subject, at, life);
        (certificate, key.to_pem().expose_secret().to_owned())
    }

    pub(crate) fn certify(
        &self,
        spki: &[u8],
        subject: &str,
        at: DateTime<Utc>,
        life: TimeDelta,
    ) -> String {
        let leaf = LeafRequest {
            spki,
            subject,
            serial: Serial::from_bytes([7; 16]),
            at,
            duration: Some(life),
            grant: None,
        };
        self.issuer.certify(&leaf, at).unwrap().pem
    }
}

/// A Secret in YAML.
pub(crate) fn secret(name: &str, ca: &str, certificate: &str, key: Option<&str>) -> String {
    let [ca, certificate] = [ca, certificate].map(|text| STANDARD.encode(text));
    let mut yaml = format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\ntype: kubernetes.io/tls\n\
         data:\n  ca.crt: {ca}\n  tls.crt: {certificate}\n"
    );
    if let Some(key) = key {
        writeln!(yaml, "  tls.key: {}", STANDARD.encode(key)).unwrap();
    }
    yaml
}

/// So many Links in YAML.
pub(crate) fn links(name: &str, groups: usize) -> Vec<String> {
    let numbered = |group: usize| match groups {
        1 => name.to_owned(),
        _ => format!("{name}-{group}"),
    };
    let link = |group: usize| {
        format!(
            "---\napiVersion: skupper.io/v2alpha1\nkind: Link\nmetadata:\n  name: {}\nspec:\n  \
             endpoints:\n  - name: inter-router\n    host: 10.0.0.{group}\n    port: \"55671\"\n    \
             group: router-{group}\n  tlsCredentials: {name}\n",
            numbered(group)
        )
    };
    (1..=groups).map(link).collect()
}

fn read(stream: &mut impl std::io::Read) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let headers: BTreeMap<_, _> = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.get("content-length");
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(Received { headers, text });
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
