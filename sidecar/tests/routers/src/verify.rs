//! Certificates as a router judges them, in the handshake and never again.
//!
//! Every certificate of `ca.crt` is an anchor, a root or not. webpki takes an anchor for granted, a
//! router does not: one that has ended, or is not yet valid, does not count.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// The certificates of `ca.crt`.
#[derive(Debug)]
pub(crate) struct Anchors {
    anchors: Vec<Anchor>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Anchors {
    /// `None` when one of them is no certificate, or there is none.
    pub(crate) fn read(certificates: &[CertificateDer<'_>]) -> Option<Self> {
        let anchors: Option<Vec<_>> = certificates.iter().map(Anchor::read).collect();
        Some(Self {
            anchors: anchors.filter(|anchors| !anchors.is_empty())?,
            algorithms: aws_lc_rs::default_provider().signature_verification_algorithms,
        })
    }

    fn judge(
        &self,
        leaf: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<(), Error> {
        let in_date: Vec<_> = (self.anchors.iter())
            .filter(|anchor| anchor.is_in_date(now))
            .map(|anchor| anchor.key.clone())
            .collect();
        let path = leaf.verify_for_usage(
            self.algorithms.all,
            &in_date,
            intermediates,
            now,
            usage,
            None,
            None,
        );
        path.map(drop).map_err(refusal)
    }
}

/// The subject of a certificate as a router shows it, the last attribute first: `CN=west,OU=0123`.
pub(crate) fn subject(certificate: &CertificateDer<'_>) -> String {
    let certificate = Certificate::from_der(certificate);
    certificate.map_or_else(
        |_| String::new(),
        |certificate| certificate.tbs_certificate().subject().to_string(),
    )
}

#[derive(Debug)]
struct Anchor {
    key: TrustAnchor<'static>,
    not_before: u64,
    not_after: u64,
}

impl Anchor {
    fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let read = Certificate::from_der(certificate).ok()?;
        let validity = read.tbs_certificate().validity();
        Some(Self {
            key: webpki::anchor_from_trusted_cert(certificate)
                .ok()?
                .to_owned(),
            not_before: validity.not_before.to_unix_duration().as_secs(),
            not_after: validity.not_after.to_unix_duration().as_secs(),
        })
    }

    fn is_in_date(&self, now: UnixTime) -> bool {
        (self.not_before..=self.not_after).contains(&now.as_secs())
    }
}

/// The judge of servers: their name is looked at.
#[derive(Debug)]
pub(crate) struct ServerJudge(pub(crate) Arc<Anchors>);

/// The judge of clients: neither name nor serial is looked at.
#[derive(Debug)]
pub(crate) struct ClientJudge(pub(crate) Arc<Anchors>);

impl ServerCertVerifier for ServerJudge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = EndEntityCert::try_from(end_entity).map_err(refusal)?;
        let usage = KeyUsage::server_auth();
        self.0.judge(&leaf, intermediates, now, usage)?;
        leaf.verify_is_valid_for_subject_name(server_name)
            .map_err(refusal)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for ClientJudge {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let leaf = EndEntityCert::try_from(end_entity).map_err(refusal)?;
        let usage = KeyUsage::client_auth();
        self.0.judge(&leaf, intermediates, now, usage)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.algorithms.supported_schemes()
    }
}

/// The alert that the peer gets depends on the variant.
fn refusal(error: webpki::Error) -> Error {
    let error = match error {
        webpki::Error::CertExpired { .. } => CertificateError::Expired,
        webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        webpki::Error::CertNotValidForName(_) => CertificateError::NotValidForName,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    };
    Error::InvalidCertificate(error)
}
