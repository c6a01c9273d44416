//! The wire: a renewal request, and the answer to each refusal. Pure.
//!
//! ```text
//! POST /renew                with the certificate of the link as client certificate; no body
//! name: west                 wanted name of Secret and Link; default: the common name
//! certificate-request: MII…  base64 of a PKCS#10 request for the next key
//!
//! POST /renew/told           the same certificate, once its router was told of it; nothing else
//! ```
//!
//! The answer is that of a redemption. The common name is that of the certificate.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use skupper_access_policy::value::name::SubdomainName;

use super::certificate_request::{self, PublicKey};
use super::header::{HeaderFlaw, single};
use super::protocol::{CERTIFICATE_REQUEST, NAME, RENEWAL_PATH, RETRY_SECONDS, refused, text};
use crate::renewal::{LinkCertificate, Refusal};

/// Request of somebody who shows a link's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `POST /renew`: a certificate for another key.
    Renewal,
    /// `POST /renew/told`: the router of the link was told of the certificate that is shown.
    Told,
}

impl Asked {
    /// Reads a path. Slashes at its end count for nothing. `None` for a path of redemptions.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        match path.trim_end_matches('/').strip_prefix(RENEWAL_PATH)? {
            "" => Some(Self::Renewal),
            TOLD => Some(Self::Told),
            _ => None,
        }
    }
}

/// The path behind that of renewals at which a router's telling is noted.
pub const TOLD: &str = "/told";

/// Values of the headers of a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRenewal {
    /// The name of Secret and Link: a DNS-1123 subdomain.
    pub name: String,
    /// The key to certify.
    pub key: PublicKey,
}

impl WantedRenewal {
    /// Reads the headers of a renewal of a certificate.
    ///
    /// # Errors
    /// A header is not what it must be.
    pub fn read(headers: &HeaderMap, certificate: &LinkCertificate) -> Result<Self, HeaderFlaw> {
        let name = match single(headers, &NAME)?.filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            // Any text can be a common name.
            None => Some(&certificate.subject)
                .filter(|subject| SubdomainName::parse(subject).is_ok())
                .map_or_else(|| certificate.link.to_string(), Clone::clone),
        };
        if SubdomainName::parse(&name).is_err() {
            return Err(HeaderFlaw::new(&NAME, "must be a DNS-1123 subdomain"));
        }
        let request = single(headers, &CERTIFICATE_REQUEST)?;
        let request = request.ok_or_else(|| HeaderFlaw::new(&CERTIFICATE_REQUEST, "is missing"))?;
        let key = certificate_request::read(request)
            .map_err(|problem| HeaderFlaw::new(&CERTIFICATE_REQUEST, problem))?;
        Ok(Self { name, key })
    }
}

/// The answer to the word that a router was told.
#[must_use]
pub fn noted() -> Response<Body> {
    text(StatusCode::OK, "Noted\n".to_owned())
}

/// The answer to a refused renewal.
#[must_use]
pub fn refusal(refusal: &Refusal) -> Response<Body> {
    let flawed;
    let (status, line) = match refusal {
        Refusal::NoCertificate => (StatusCode::UNAUTHORIZED, "Client certificate required"),
        Refusal::NotOfSite(flaw) => {
            flawed = format!("Not a link certificate of this site: {flaw}");
            (StatusCode::FORBIDDEN, flawed.as_str())
        }
        Refusal::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "Not ready"),
        Refusal::Revoked => (StatusCode::FORBIDDEN, "This link was revoked"),
        Refusal::Headers(problem) => (StatusCode::BAD_REQUEST, problem.as_str()),
        Refusal::TooManyRenewals(_) => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts"),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Not available"),
    };
    let retry_after = match refusal {
        Refusal::NotReady | Refusal::Unavailable => Some(RETRY_SECONDS),
        Refusal::TooManyRenewals(seconds) => Some(*seconds),
        _ => None,
    };
    refused(status, line, retry_after)
}
