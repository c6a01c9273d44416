//! Signer of the certificate that a server shows: a proxy or a portal on the way signs its own.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use skupper_access_policy::printable::printable;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::redeemer::verifier::Verifier;

/// Verifies servers, and notes who signed the certificate of the last one.
#[derive(Debug)]
pub(super) struct Witness {
    verifier: Arc<Verifier>,
    signer: Mutex<String>,
}

impl Witness {
    pub(super) fn new(verifier: Arc<Verifier>) -> Arc<Self> {
        let signer = Mutex::default();
        Arc::new(Self { verifier, signer })
    }

    /// The name of who signed the certificate that was shown last, as it may stand in a message.
    pub(super) fn signer(&self) -> String {
        let signer = self.signer.lock();
        signer.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = Certificate::from_der(end_entity);
        let issuer = leaf.map(|leaf| leaf.tbs_certificate().issuer().to_string());
        let signer = issuer.map(|issuer| printable(&issuer).to_string());
        *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = signer.unwrap_or_default();
        let verifier = &self.verifier;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
