//! Verification of redemption servers: each must be the one that the token names.
//!
//! The only roots are the certificates of the token. A server may also present one of them as its
//! own: Skupper's self-signed servers do, and webpki refuses a CA as a server's certificate before
//! it looks at anything else. Then name, dates and purpose must fit. Either way the server proves
//! in the handshake that it has the key: certificates are public.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, ExtendedKeyPurpose, PeerIncompatible,
    RootCertStore, SignatureScheme,
};
use skupper_access_policy::printable::printable;
use skupper_access_policy::value::certificate::CertificateBundle;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_SERVER_AUTH};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};

/// Verifies servers against the certificates of one token, and notes who signed the certificate of the
/// last one: a proxy or a portal on the way signs its own.
#[derive(Debug)]
pub(crate) struct Verifier {
    certificates: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
    signer: Mutex<String>,
}

impl Verifier {
    pub(crate) fn new(ca: &CertificateBundle, provider: &CryptoProvider) -> Arc<Self> {
        let owned = |der: &[u8]| CertificateDer::from(der.to_vec());
        Arc::new(Self {
            certificates: ca.ders().map(owned).collect(),
            algorithms: provider.signature_verification_algorithms,
            signer: Mutex::default(),
        })
    }

    /// The name of the signer of the certificate that was shown last, as it may stand in a message.
    pub(super) fn signer(&self) -> String {
        let signer = self.signer.lock();
        signer.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_signer(&self, certificate: &CertificateDer<'_>) {
        let leaf = Certificate::from_der(certificate);
        let issuer = leaf.map(|leaf| leaf.tbs_certificate().issuer().to_string());
        let signer = issuer.map(|issuer| printable(&issuer).to_string());
        *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = signer.unwrap_or_default();
    }

    /// The certificates that may sign others now. webpki asks a root neither for its dates nor
    /// whether it is a CA.
    fn roots(&self, now: UnixTime) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let may_sign = |der: &&CertificateDer<'_>| {
            Certificate::from_der(der).is_ok_and(|ca| in_date(&ca, now).is_ok() && is_ca(&ca))
        };
        roots.add_parsable_certificates(self.certificates.iter().filter(may_sign).cloned());
        roots
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.note_signer(end_entity);
        let leaf = ParsedCertificate::try_from(end_entity)?;
        let roots = self.roots(now);
        let algorithms = self.algorithms.all;
        let signed = verify_server_cert_signed_by_trust_anchor(
            &leaf,
            &roots,
            intermediates,
            now,
            algorithms,
        );
        if let Err(problem) = signed {
            if !self.certificates.contains(end_entity) {
                return Err(problem);
            }
            let leaf =
                Certificate::from_der(end_entity).map_err(|_| CertificateError::BadEncoding)?;
            in_date(&leaf, now)?;
            may_serve(&leaf)?;
        }
        verify_server_name(&leaf, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn in_date(certificate: &Certificate, now: UnixTime) -> Result<(), CertificateError> {
    let validity = certificate.tbs_certificate().validity();
    let now = now.as_secs();
    if now < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet);
    }
    if now > validity.not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired);
    }
    Ok(())
}

/// Certificates of version 1 have no extensions and may sign, as for webpki.
fn is_ca(certificate: &Certificate) -> bool {
    match certificate
        .tbs_certificate()
        .get_extension::<BasicConstraints>()
    {
        Ok(Some((_, constraints))) => constraints.ca,
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Without the extension a certificate is for everything.
fn may_serve(certificate: &Certificate) -> Result<(), CertificateError> {
    let usage = certificate
        .tbs_certificate()
        .get_extension::<ExtendedKeyUsage>();
    let Some((_, usage)) = usage.map_err(|_| CertificateError::BadEncoding)? else {
        return Ok(());
    };
    let serves = |purpose: &ObjectIdentifier| {
        *purpose == ID_KP_SERVER_AUTH || *purpose == ANY_EXTENDED_KEY_USAGE
    };
    if usage.0.iter().any(serves) {
        return Ok(());
    }
    Err(CertificateError::InvalidPurposeContext {
        required: ExtendedKeyPurpose::ServerAuth,
        presented: Vec::new(),
    })
}
