//! The holder of a link: it redeems with a key of its own and renews with what it has.

use std::sync::Arc;

use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::wire::certificate_request;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::raw::{Answer, Connection};
use crate::redeemers::{Certificate, decoded};
use crate::sidecar::{Sidecar, Token};

/// The files that it has now.
pub(crate) struct Holder {
    ca: String,
    key: PrivateKey,
    /// The certificate in PEM.
    pem: String,
    pub(crate) certificate: Certificate,
}

impl Holder {
    /// Redeems a token, and says that it will renew.
    pub(crate) fn redeem(sidecar: &Sidecar, token: &Token) -> Self {
        Self::redeem_with(sidecar, token, &[("renews", "1")])
    }

    /// Redeems a token with these headers.
    pub(crate) fn redeem_with(sidecar: &Sidecar, token: &Token, headers: &[(&str, &str)]) -> Self {
        let key = PrivateKey::generate(KeyKind::P256);
        let answer = ask_to_redeem(sidecar, token, &key, headers);
        Self {
            ca: token.ca.clone(),
            certificate: Certificate::of(&answer),
            pem: pem(&answer),
            key,
        }
    }

    /// Redeems the token with the same key once more.
    pub(crate) fn redeem_again(&self, sidecar: &Sidecar, token: &Token) -> Answer {
        ask_to_redeem(sidecar, token, &self.key, &[("renews", "1")])
    }

    /// The certificate in PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The key in PEM.
    pub(crate) fn key(&self) -> String {
        self.key.to_pem().expose_secret().to_owned()
    }

    /// Asks another server from now on, whose CA this is.
    pub(crate) fn trust(&mut self, ca: &str) {
        ca.clone_into(&mut self.ca);
    }

    /// The id of the link.
    pub(crate) fn link(&self) -> &str {
        &self.certificate.serial[..20]
    }

    /// A connection to a port of 127.0.0.1 that shows the certificate.
    pub(crate) fn open(&self, port: u16) -> Connection {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.ca.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let chain = CertificateDer::pem_slice_iter(self.pem.as_bytes());
        let chain = chain.map(Result::unwrap).collect();
        let key = self.key.to_pem();
        let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .unwrap();
        config.resumption = rustls::client::Resumption::disabled();
        Connection::open_with(([127, 0, 0, 1], port).into(), Arc::new(config)).unwrap()
    }

    /// Asks for a certificate for a new key on a connection, and takes it when it gets it.
    pub(crate) fn renew_on(&mut self, connection: &mut Connection) -> Answer {
        let key = PrivateKey::generate(KeyKind::P256);
        let request = certificate_request::create(&key);
        let headers = [("certificate-request", request.as_str())];
        let answer = connection.post("/renew", &headers, b"").unwrap();
        if answer.status == 200 {
            self.certificate = Certificate::of(&answer);
            self.pem = pem(&answer);
            self.key = key;
        }
        answer
    }

    /// The same on a connection of its own.
    pub(crate) fn renew(&mut self, port: u16) -> Answer {
        let mut connection = self.open(port);
        self.renew_on(&mut connection)
    }

    /// Says that its router was told.
    pub(crate) fn tell(&self, port: u16) -> Answer {
        self.open(port).post("/renew/told", &[], b"").unwrap()
    }
}

/// The output of `list --links`.
pub(crate) fn links(sidecar: &Sidecar) -> Vec<Value> {
    let output = sidecar.run(&["list", "--links", "-o", "json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn pem(answer: &Answer) -> String {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&answer.body).unwrap();
    decoded(&documents[0]["data"]["tls.crt"])
}

fn ask_to_redeem(
    sidecar: &Sidecar,
    token: &Token,
    key: &PrivateKey,
    headers: &[(&str, &str)],
) -> Answer {
    let request = certificate_request::create(key);
    let headers = [headers, &[("certificate-request", request.as_str())]].concat();
    let mut connection = Connection::open(sidecar.port, &token.ca);
    let answer = connection.post(&token.path, &headers, token.code.as_bytes());
    answer.unwrap()
}
