//! A granting site with its own issuer, whose register says what a test wants, and those who renew.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use redemption_sidecar::ledger::{Entry, Ledger, LedgerFault, LinkTally, Published, Register};
use redemption_sidecar::pki::issuer::{Issuer, LeafRequest, new_site_ca};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::{
    Claim, Decision, Grant, GrantState, GrantUid, LinkId, Redemption, Refusal, Serial,
};
use redemption_sidecar::renewal::{Issued, LinkCertificate, Standing};
use redemption_sidecar::server::{Server, ServerCertificate, listen};
use redemption_sidecar::service::handler::Redemptions;
use redemption_sidecar::service::{KeyGenerator, Service};
use redemption_sidecar::site::{Site, Sites};
use redemption_sidecar::system::clock;
use redemption_sidecar::telemetry::metrics::Metrics;
use redemption_sidecar::wire::certificate_request;
use redemption_sidecar::wire::objects::{Endpoint, Role, read_endpoint_host};
use redemption_sidecar::wire::protocol::RenewalOffer;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{ClientConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::room::{Client, PATIENT, Reply, certified_key, client_configuration};

/// A service on loopback. It ends with the value.
pub(crate) struct GrantingSite {
    address: SocketAddr,
    pub(crate) register: Arc<Saying>,
    pub(crate) sites: Arc<ArcSwap<Sites>>,
    pub(crate) issuer: Arc<Issuer>,
    /// Certificate and key of the CA, in PEM.
    pub(crate) ca: (String, String),
    pub(crate) metrics: Arc<Metrics>,
    _stop: oneshot::Sender<()>,
}

impl GrantingSite {
    pub(crate) fn open() -> Self {
        let made = clock::now() - TimeDelta::days(30);
        let (certificate, key) = new_site_ca("skupper-site-ca", made).unwrap();
        let key = key.expose_secret().to_owned();
        let issuer = Issuer::load(certificate.as_bytes(), key.as_bytes(), clock::now()).unwrap();
        let issuer = Arc::new(issuer);
        let register = Arc::new(Saying::default());
        let sites = Arc::new(ArcSwap::from_pointee(Self::site(&issuer, true)));
        let url = "https://127.0.0.1:9090".parse().unwrap();
        let offer = Arc::new(RenewalOffer::new(&url, &certificate).unwrap());
        let handler = Arc::new(Redemptions::new(Service {
            ledger: Arc::clone(&register),
            sites: Arc::clone(&sites),
            keys: KeyGenerator::new(KeyKind::P256),
            certificate_duration: None,
            renewed_certificate_duration: TimeDelta::days(7),
            offer: Arc::new(ArcSwapOption::new(Some(offer))),
        }));
        let metrics = Arc::new(Metrics::new());
        let tls = ServerCertificate::new(certified_key().clone());
        let tls = tls.configuration().unwrap();
        let server = Server::redemptions(tls, handler, Arc::clone(&metrics), PATIENT);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            register,
            sites,
            issuer,
            ca: (certificate, key),
            metrics,
            _stop: stop,
        }
    }

    /// The site of an issuer, with an endpoint or without.
    pub(crate) fn site(issuer: &Arc<Issuer>, has_endpoint: bool) -> Sites {
        let endpoint = Endpoint {
            role: Role::Edge,
            host: read_endpoint_host("west.example").unwrap(),
            port: 45671.try_into().unwrap(),
            group: String::new(),
        };
        Sites::One(Arc::new(Site {
            name: "west".to_owned(),
            endpoints: [endpoint].into_iter().filter(|_| has_endpoint).collect(),
            is_edge: false,
            default_issuer: "default".to_owned(),
            issuers: [("default".to_owned(), Arc::clone(issuer))].into(),
        }))
    }

    /// See [`link_of`].
    pub(crate) fn link(&self, ago: TimeDelta, life: TimeDelta) -> Identity {
        link_of(&self.issuer, ago, life)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection of somebody who shows this.
    pub(crate) async fn connect(&self, identity: Option<&Identity>) -> std::io::Result<Client> {
        let configuration = configuration(identity, &[]);
        Client::with(TcpStream::connect(self.address).await?, configuration).await
    }

    /// The answer to bytes on a connection of their own. `None` when TLS or HTTP ends without one.
    pub(crate) async fn ask(&self, identity: Option<&Identity>, bytes: &str) -> Option<Reply> {
        let mut client = self.connect(identity).await.ok()?;
        client.try_send(bytes).await.ok()?;
        client.try_answer().await
    }
}

/// A link whose certificate an issuer made some time ago, for some time.
pub(crate) fn link_of(issuer: &Issuer, ago: TimeDelta, life: TimeDelta) -> Identity {
    let key = PrivateKey::generate(KeyKind::P256);
    let at = clock::now().trunc_subsecs(0) - ago;
    let grant = GrantUid::from_bytes([7; 16]);
    let request = LeafRequest {
        spki: key.spki(),
        subject: "west",
        serial: Serial::derive(&grant, key.spki()),
        at,
        duration: Some(life),
        grant: Some(grant),
    };
    let leaf = issuer.certify(&request, at).unwrap();
    Identity::of_pem(&leaf.pem, key.to_pem().expose_secret())
}

/// TLS of somebody who shows this and offers these protocols.
pub(crate) fn configuration(identity: Option<&Identity>, alpn: &[&str]) -> ClientConfig {
    let mut configuration = client_configuration(alpn, &rustls::version::TLS13);
    if let Some(identity) = identity {
        configuration.client_auth_cert_resolver = Arc::new(identity.clone());
    }
    configuration
}

/// A request for the renewal with a new key.
pub(crate) fn renewal() -> String {
    let key = PrivateKey::generate(KeyKind::P256);
    renewal_with(&certificate_request::create(&key))
}

pub(crate) fn renewal_with(request: &str) -> String {
    post("/renew", &format!("certificate-request: {request}\r\n"))
}

pub(crate) fn post(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{headers}\r\n")
}

/// Certificates and a key, whether they belong together or not.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
}

impl Identity {
    pub(crate) fn of_pem(chain: &str, key: &str) -> Self {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
        Self::new(chain.map(Result::unwrap).collect(), key)
    }

    pub(crate) fn new(chain: Vec<CertificateDer<'static>>, key: &str) -> Self {
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        Self {
            chain,
            key: any_supported_type(&key).unwrap(),
        }
    }

    /// The same key with other certificates.
    pub(crate) fn showing(&self, chain: Vec<CertificateDer<'static>>) -> Self {
        Self {
            chain,
            key: Arc::clone(&self.key),
        }
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let certified = CertifiedKey::new(self.chain.clone(), Arc::clone(&self.key));
        Some(Arc::new(certified))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A register that says what it was told to say, and keeps what is noted.
#[derive(Default)]
pub(crate) struct Saying {
    /// Nothing: it cannot be used.
    pub(crate) standing: Mutex<Option<Standing>>,
    pub(crate) noted: Mutex<Vec<Issued>>,
    pub(crate) told: Mutex<Vec<(LinkId, Serial)>>,
}

impl Saying {
    pub(crate) fn says(&self, standing: Option<Standing>) {
        *self.standing.lock().unwrap() = standing;
    }
}

/// A grant that the store knows, and certificates of earlier versions do not name.
pub(crate) const EARLIER_GRANT: GrantUid = GrantUid::from_bytes([9; 16]);

impl Register for Saying {
    async fn standing(
        &self,
        _: Option<&str>,
        _: &LinkCertificate,
    ) -> Result<Standing, LedgerFault> {
        let standing = *self.standing.lock().unwrap();
        standing.ok_or_else(|| LedgerFault::unavailable("the disk is gone"))
    }

    fn grant_of(&self, certificate: &LinkCertificate) -> Option<GrantUid> {
        Some(EARLIER_GRANT).filter(|grant| certificate.is_of(grant))
    }

    fn note(&self, issued: Issued) {
        self.noted.lock().unwrap().push(issued);
    }

    fn note_told(&self, _: Option<&str>, link: LinkId, serial: Serial) {
        self.told.lock().unwrap().push((link, serial));
    }

    async fn tally_links(&self, _: DateTime<Utc>) -> Result<LinkTally, LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }

    async fn prune_links(&self, _: TimeDelta, _: DateTime<Utc>) -> Result<usize, LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }
}

/// A ledger that a renewal must not touch.
impl Ledger for Saying {
    async fn look(
        &self,
        _: &GrantUid,
        _: Option<&Claim>,
    ) -> Result<Result<Entry, Refusal>, LedgerFault> {
        Ok(Err(Refusal::UnknownGrant))
    }

    async fn look_by_name(&self, _: &str, _: &str) -> Result<Result<Grant, Refusal>, LedgerFault> {
        Ok(Err(Refusal::UnknownGrant))
    }

    async fn count(
        &self,
        _: &GrantUid,
        _: Redemption,
        _: DateTime<Utc>,
        _: Instant,
    ) -> Result<Result<Decision, Refusal>, LedgerFault> {
        panic!("a renewal counts nothing")
    }

    async fn tally(&self, _: DateTime<Utc>) -> Result<Vec<(GrantState, u64)>, LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }

    async fn prove(&self, _: DateTime<Utc>) -> Result<(), LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }

    async fn publish(&self, _: &Published) -> Result<(), LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }

    async fn follow_sites(&self, _: &Sites) {}
}
