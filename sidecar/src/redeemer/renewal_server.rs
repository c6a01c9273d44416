//! The server that renews the certificate of a link: its URL, and the CA that it must have.
//!
//! Answers name it in their headers, and annotations of the Secret keep it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName};
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};

use super::proxy::authority;
use crate::pki::issuer::encode::pem;
use crate::wire::objects::{Annotation, Metadata};
use crate::wire::protocol::{RENEWAL_URL, SERVER_CA};

/// A server that renews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalServer {
    url: String,
    /// DER after DER, in base64.
    server_ca: String,
}

/// The same, read.
pub(super) struct RenewalTarget {
    pub(super) url: RedemptionUrl,
    pub(super) ca: CertificateBundle,
}

impl RenewalServer {
    /// The server at a URL, whose CA has these certificates in PEM.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn new(url: &str, ca_pem: &str) -> Result<Self, RenewalServerProblem> {
        let bundle = CertificateBundle::parse(ca_pem).map_err(|_| RenewalServerProblem::Ca)?;
        let ders: Vec<u8> = bundle.ders().flatten().copied().collect();
        let server = Self {
            url: url.to_owned(),
            server_ca: STANDARD.encode(ders),
        };
        server.target().map(|_| server)
    }

    /// The server that an answer names; none where its headers cannot be used.
    pub(super) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let value = |name: &HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let server = Self {
            url: value(&RENEWAL_URL)?,
            server_ca: value(&SERVER_CA)?,
        };
        server.target().is_ok().then_some(server)
    }

    /// The server that a Secret names. `None` for a Secret that names none: its certificate is not
    /// renewed.
    ///
    /// # Errors
    /// Somebody has edited the annotations.
    pub(super) fn of_annotations(
        metadata: &Metadata,
    ) -> Result<Option<Self>, RenewalServerProblem> {
        let value = |annotation| metadata.annotation(annotation).map(str::to_owned);
        let server = match (value(Annotation::RenewalUrl), value(Annotation::ServerCa)) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(RenewalServerProblem::Url),
            (Some(_), None) => return Err(RenewalServerProblem::Ca),
            (Some(url), Some(server_ca)) => Self { url, server_ca },
        };
        server.target().map(|_| Some(server))
    }

    /// Its host and port.
    pub(super) fn authority(&self) -> Option<String> {
        let url = RedemptionUrl::parse(&self.url).ok()?;
        Some(authority(&url))
    }

    /// The annotations that keep it.
    pub(super) fn annotations(&self) -> [(Annotation, String); 2] {
        [
            (Annotation::RenewalUrl, self.url.clone()),
            (Annotation::ServerCa, self.server_ca.clone()),
        ]
    }

    /// The URL and the CA.
    pub(super) fn target(&self) -> Result<RenewalTarget, RenewalServerProblem> {
        let url = RedemptionUrl::parse(&self.url).map_err(|_| RenewalServerProblem::Url)?;
        if !url.is_https() {
            return Err(RenewalServerProblem::Url);
        }
        let ca = self.certificates().ok_or(RenewalServerProblem::Ca)?;
        let ca = CertificateBundle::parse(&ca).map_err(|_| RenewalServerProblem::Ca)?;
        Ok(RenewalTarget { url, ca })
    }

    /// The certificates of the CA in PEM.
    fn certificates(&self) -> Option<String> {
        if self.server_ca.len() > MAX_CA_BYTES {
            return None;
        }
        let ders = STANDARD.decode(&self.server_ca).ok()?;
        let mut reader = SliceReader::new(&ders).ok()?;
        let mut text = String::new();
        while !reader.is_finished() {
            let der = reader.tlv_bytes().ok()?;
            Certificate::from_der(der).ok()?;
            text.push_str(&pem(der));
        }
        (!text.is_empty()).then_some(text)
    }
}

/// Reason a renewal server cannot be asked. Repeats nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RenewalServerProblem {
    /// The URL is missing or none.
    #[error(
        "the annotation '{}' must be the https URL of renewals",
        Annotation::RenewalUrl
    )]
    Url,
    /// The CA is missing or none.
    #[error(
        "the annotation '{}' must be the CA of the renewal server in base64",
        Annotation::ServerCa
    )]
    Ca,
}

/// Longest CA, in characters of base64: two certificates with RSA keys have 4,000.
const MAX_CA_BYTES: usize = 16 * 1024;
