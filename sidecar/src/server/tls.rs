//! TLS of the redemption service: 1.3 only, HTTP/1.1 only, nothing kept between connections.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::{self, cipher_suite};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::client_certificate::AnyClient;

/// The certificate that the service shows. It can be replaced while the service runs; handshakes
/// that come later get the new one.
pub struct ServerCertificate(ArcSwap<CertifiedKey>);

impl ServerCertificate {
    /// The first certificate.
    #[must_use]
    pub fn new(certified_key: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(certified_key)))
    }

    /// Shows another one from now on.
    pub fn replace(&self, certified_key: CertifiedKey) {
        self.0.store(Arc::new(certified_key));
    }

    /// The configuration that shows this certificate. A client that offers protocols by ALPN must
    /// offer `http/1.1`; one that offers none is served.
    ///
    /// # Errors
    /// None with the provider that is built in.
    pub fn configuration(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites = CIPHER_SUITES.to_vec();
        let asks = AnyClient::new(&provider);
        let mut configuration = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(asks)
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
        configuration.ignore_client_order = true;
        // A redeemer comes once: a ticket would be made and never used.
        configuration.send_tls13_tickets = 0;
        configuration.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Arc::new(configuration))
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServerCertificate")
    }
}

/// Reads a certificate chain, the leaf first, and its private key, both in PEM.
///
/// # Errors
/// [`TlsProblem`]; its text names neither file, because the caller knows them.
pub fn load_certified_key(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, TlsProblem> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsProblem::Certificate)?;
    if chain.is_empty() {
        return Err(TlsProblem::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsProblem::NoKey)?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(
        |error| match error {
            rustls::Error::InconsistentKeys(_) => TlsProblem::OtherKey,
            rustls::Error::InvalidCertificate(_) => TlsProblem::Certificate,
            _ => TlsProblem::Key,
        },
    )
}

/// Reason a certificate and a key cannot be used for TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// There is no certificate.
    #[error("the TLS certificate file must hold a certificate in PEM, the server's first")]
    NoCertificate,
    /// A certificate cannot be read.
    #[error("the TLS certificate file must hold readable certificates in PEM")]
    Certificate,
    /// There is no private key.
    #[error("the TLS key file must hold an unencrypted private key in PEM")]
    NoKey,
    /// The private key cannot be used.
    #[error("the TLS key must be an RSA or EC (P-256, P-384, P-521) or Ed25519 key")]
    Key,
    /// The key belongs to another certificate.
    #[error("the TLS key must be that of the first certificate")]
    OtherKey,
}

/// All of TLS 1.3, those with SHA-256 first: without instructions for SHA-384, which most machines
/// lack, a handshake with it takes a fifth more time on both sides.
const CIPHER_SUITES: [SupportedCipherSuite; 3] = [
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
];
