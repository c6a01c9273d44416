//! Redeemers, what they received, and what the ledger says they should have.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::wire::certificate_request;
use rustls::ClientConfig;
use serde_json::Value;
use x509_cert::der::DecodePem as _;

use crate::raw::{self, Answer, Connection};
use crate::sidecar::{Token, run};

/// The way to a service, as one of several peers.
#[derive(Clone)]
pub(crate) struct Door {
    address: SocketAddr,
    source: Ipv4Addr,
    config: Arc<ClientConfig>,
}

impl Door {
    /// To a port of 127.0.0.1. A service takes 64 connections of one peer at most: `peer` is any
    /// number, and one in four is the same peer.
    pub(crate) fn new(port: u16, ca: &str, peer: usize) -> Self {
        let host = u8::try_from(peer % 4).unwrap() + 1;
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            source: Ipv4Addr::new(127, 0, 0, host),
            config: raw::config(ca, &[]),
        }
    }

    /// A connection whose handshake is done.
    pub(crate) fn open(&self) -> std::io::Result<Connection> {
        Connection::open_from(self.source, self.address, Arc::clone(&self.config))
    }
}

/// A redeemer: one with a key of its own, or one that leaves that to the service.
pub(crate) struct Redeemer(Option<String>);

impl Redeemer {
    /// Its key is made now.
    pub(crate) fn with_own_key() -> Self {
        let key = PrivateKey::generate(KeyKind::P256);
        Self(Some(certificate_request::create(&key)))
    }

    /// As Skupper's.
    pub(crate) fn plain() -> Self {
        Self(None)
    }

    /// Sends its request and waits for the answer. Nothing when the answer is lost.
    pub(crate) fn ask(&self, connection: &mut Connection, token: &Token) -> Option<Answer> {
        let request = self.0.iter();
        let headers: Vec<_> = request
            .map(|request| ("certificate-request", request.as_str()))
            .collect();
        connection.post(&token.path, &headers, token.code.as_bytes())
    }

    /// The same on a connection of its own, which must work.
    pub(crate) fn ask_once(&self, door: &Door, token: &Token) -> Answer {
        let mut connection = door.open().unwrap();
        self.ask(&mut connection, token).unwrap()
    }
}

/// A certificate as far as it must be the same in every answer to one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Certificate {
    /// As the ledger prints it.
    pub(crate) serial: String,
    subject: String,
    validity: String,
}

impl Certificate {
    /// The certificate in an answer.
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let documents: Vec<Value> = serde_saphyr::from_multiple(&answer.body).unwrap();
        let pem = decoded(&documents[0]["data"]["tls.crt"]);
        let certificate = x509_cert::Certificate::from_pem(pem).unwrap();
        let signed = certificate.tbs_certificate();
        let mut serial = String::new();
        for byte in signed.serial_number().as_bytes() {
            write!(serial, "{byte:02x}").unwrap();
        }
        Self {
            serial: format!("{serial:0>32}"),
            subject: signed.subject().to_string(),
            validity: format!("{:?}", signed.validity()),
        }
    }
}

/// The text of a value in base64.
pub(crate) fn decoded(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

/// What `show` says about the one grant of a name.
#[derive(Debug)]
pub(crate) struct Counted {
    /// The count.
    pub(crate) redemptions: usize,
    /// The serials of certificates for redeemers' own keys.
    pub(crate) own: BTreeSet<String>,
    /// The serials of certificates for keys that the service made.
    pub(crate) plain: BTreeSet<String>,
}

impl Counted {
    /// Runs `show`. The count must be that of the certificates, each with a serial of its own.
    pub(crate) fn read(folder: &Path, name: &str) -> Self {
        let output = run(folder, &["show", name, "-o", "json"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let grants: Value = serde_json::from_slice(&output.stdout).unwrap();
        let [grant] = grants.as_array().unwrap().as_slice() else {
            panic!("{name}: not one grant: {grants}");
        };
        let certificates = grant["certificates"].as_array().unwrap();
        let made_by = |maker: &str| {
            let of_maker = certificates.iter().filter(|it| it["keyMadeBy"] == maker);
            of_maker
                .map(|it| it["serial"].as_str().unwrap().to_owned())
                .collect::<BTreeSet<_>>()
        };
        let counted = Self {
            redemptions: usize::try_from(grant["redemptions"].as_u64().unwrap()).unwrap(),
            own: made_by("redeemer"),
            plain: made_by("service"),
        };
        assert_eq!(counted.redemptions, certificates.len(), "{name}");
        assert_eq!(counted.redemptions, counted.serials().len(), "{name}");
        counted
    }

    /// Every serial.
    pub(crate) fn serials(&self) -> BTreeSet<String> {
        self.own.union(&self.plain).cloned().collect()
    }
}
