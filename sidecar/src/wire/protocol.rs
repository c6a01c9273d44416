//! The wire: a redemption request, and the answer to each outcome. Pure.
//!
//! ```text
//! POST /<grant uid>          the body is the code, as it stands
//! POST /<namespace>/<name>   the same with --redeem-by-name
//! name: west                 wanted name of Secret and Link; default: the grant's name
//! subject: west.example      common name of the certificate; default: the name
//! certificate-request: MII…  base64 of a PKCS#10 request; absent: the service makes the key
//! renews: 1                  the redeemer will renew the certificate, which may be a short one
//! ```
//!
//! A renewal is `POST /renew` with the certificate of the link as client certificate: see [`renewal`].
//!
//! Source: Skupper's redemption protocol, the path with names since 2.2; `certificate-request` and `safe-retry` are additions
//! that its clients and servers ignore.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skupper_access_policy::printable::is_hidden;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::name::SubdomainName;

use super::advertised::AdvertisedUrl;
use super::header::{HeaderFlaw, single};
#[cfg(doc)]
use super::renewal;
use crate::redemption::{GrantUid, Refusal};
use crate::wire::objects::{Link, TlsSecret};

/// The wanted name of Secret and Link.
pub const NAME: HeaderName = HeaderName::from_static("name");

/// The wanted common name of the certificate.
pub const SUBJECT: HeaderName = HeaderName::from_static("subject");

/// A PKCS#10 request in base64, on one line.
pub const CERTIFICATE_REQUEST: HeaderName = HeaderName::from_static("certificate-request");

/// Says, with `1`, that a redemption with one's own key may be repeated at no cost.
pub const SAFE_RETRY: HeaderName = HeaderName::from_static("safe-retry");

/// Says, with `1`, that the redeemer will renew the certificate.
pub const RENEWS: HeaderName = HeaderName::from_static("renews");

/// Of an answer: the URL at which the certificate is renewed.
pub const RENEWAL_URL: HeaderName = HeaderName::from_static("renewal-url");

/// Of an answer: the certificates of the CA of this server, DER after DER, in base64.
pub const SERVER_CA: HeaderName = HeaderName::from_static("server-ca");

/// The path of renewals.
pub const RENEWAL_PATH: &str = "/renew";

/// Longest common name, in characters. Source: RFC 5280, ub-common-name.
pub const MAX_SUBJECT_CHARACTERS: usize = 64;

/// The grant that a path names: `/<uid>`, and any number of slashes, as Skupper reads it.
#[must_use]
pub fn grant_uid(path: &str) -> Option<GrantUid> {
    let segment = path.strip_prefix('/')?;
    GrantUid::parse(segment.trim_end_matches('/'))
}

/// Namespace and name of the grant that a path names: `/<namespace>/<name>`. Slashes at its end count
/// for nothing, as in Skupper's server.
#[must_use]
pub fn grant_name(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let (namespace, name) = path.trim_end_matches('/').split_once('/')?;
    let is_label = namespace.len() <= MAX_LABEL_BYTES && !namespace.contains('.');
    let are_names = [namespace, name].map(|name| SubdomainName::parse(name).is_ok());
    (is_label && are_names == [true; 2]).then_some((namespace, name))
}

/// Values of the headers of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The name of Secret and Link: a DNS-1123 subdomain.
    pub name: String,
    /// The common name: 1 to 64 characters, none of them a control character.
    pub subject: String,
    /// The certificate request as it was sent.
    pub certificate_request: Option<String>,
    /// True where the redeemer will renew the certificate.
    pub renews: bool,
}

impl Wanted {
    /// Reads the headers of a request for a grant of this name.
    ///
    /// # Errors
    /// A header is not what it must be.
    pub fn read(headers: &HeaderMap, grant_name: &str) -> Result<Self, HeaderFlaw> {
        let name = single(headers, &NAME)?.filter(|name| !name.is_empty());
        let name = name.unwrap_or(grant_name);
        if SubdomainName::parse(name).is_err() {
            return Err(HeaderFlaw::new(&NAME, "must be a DNS-1123 subdomain"));
        }
        let subject = match single(headers, &SUBJECT)?.filter(|subject| !subject.is_empty()) {
            Some(subject) => subject.to_owned(),
            None => name.chars().take(MAX_SUBJECT_CHARACTERS).collect(),
        };
        if subject.chars().count() > MAX_SUBJECT_CHARACTERS {
            return Err(HeaderFlaw::new(&SUBJECT, "must be at most 64 characters"));
        }
        if subject.chars().any(is_hidden) {
            return Err(HeaderFlaw::new(
                &SUBJECT,
                "must not contain control characters, nor characters that hide or turn text",
            ));
        }
        let request = single(headers, &CERTIFICATE_REQUEST)?;
        Ok(Self {
            name: name.to_owned(),
            subject,
            certificate_request: request.map(str::to_owned),
            renews: single(headers, &RENEWS)? == Some("1"),
        })
    }
}

/// Things that a redeemer must know to renew a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalOffer {
    /// The URL of renewals.
    url: HeaderValue,
    /// The CA of this server.
    server_ca: HeaderValue,
}

impl RenewalOffer {
    /// The offer of a service at an address, whose server has a CA with these certificates in PEM.
    /// `None` where the CA is none.
    #[must_use]
    pub fn new(url: &AdvertisedUrl, ca_pem: &str) -> Option<Self> {
        let ders: Vec<u8> = CertificateBundle::parse(ca_pem)
            .ok()?
            .ders()
            .flatten()
            .copied()
            .collect();
        Some(Self {
            url: url.of_renewals().try_into().ok()?,
            server_ca: STANDARD.encode(ders).try_into().ok()?,
        })
    }
}

/// The answer to a redemption, or to a renewal: the Secret, then the Links. A key of the service's own
/// making is never renewed by the one who asks: such an answer has no offer.
#[must_use]
pub fn granted(secret: &TlsSecret, links: &[Link], offer: Option<&RenewalOffer>) -> Response<Body> {
    let mut stream = String::from("---\n");
    stream.push_str(&secret.to_yaml());
    for link in links {
        stream.push_str("---\n");
        stream.push_str(&link.to_yaml());
    }
    let mut response = text(StatusCode::OK, stream);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(SAFE_RETRY, HeaderValue::from_static("1"));
    if let Some(RenewalOffer { url, server_ca }) = offer {
        headers.insert(RENEWAL_URL, url.clone());
        headers.insert(SERVER_CA, server_ca.clone());
    }
    response
}

/// The answer to a refused redemption.
#[must_use]
pub fn refusal(refusal: &Refusal) -> Response<Body> {
    let (status, body) = match refusal {
        Refusal::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "Not ready"),
        Refusal::UnknownGrant | Refusal::Ended => (StatusCode::NOT_FOUND, "No such claim"),
        Refusal::TooManyAttempts(_) => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts"),
        Refusal::WrongCode => (StatusCode::FORBIDDEN, "Redemption of access token refused"),
        Refusal::Headers(problem) => (StatusCode::BAD_REQUEST, problem.as_str()),
        Refusal::OtherSubject => (
            StatusCode::FORBIDDEN,
            "This key was redeemed with another subject",
        ),
        Refusal::Spent => (StatusCode::NOT_FOUND, "No such access granted"),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Not available"),
    };
    let retry_after = match refusal {
        Refusal::NotReady | Refusal::Unavailable => Some(RETRY_SECONDS),
        Refusal::TooManyAttempts(seconds) => Some(*seconds),
        _ => None,
    };
    refused(status, body, retry_after)
}

/// A refusal in a line, after which the same may be asked again, at once or after some seconds.
pub(super) fn refused(status: StatusCode, line: &str, retry_after: Option<u64>) -> Response<Body> {
    let mut response = text(status, format!("{line}\n"));
    let headers = response.headers_mut();
    headers.insert(SAFE_RETRY, HeaderValue::from_static("1"));
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The answer to any method but POST.
#[must_use]
pub fn only_post() -> Response<Body> {
    let mut response = text(
        StatusCode::METHOD_NOT_ALLOWED,
        "Only POST is supported\n".to_owned(),
    );
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

/// The answer to a body that is too large (413), late (408) or cannot be read (400).
#[must_use]
pub fn bad_body(status: StatusCode) -> Response<Body> {
    text(status, "Request body not valid\n".to_owned())
}

pub(super) fn text(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Longest name of a namespace. Source: RFC 1123, a label.
const MAX_LABEL_BYTES: usize = 63;

/// Pause that a client is told to make when the service cannot answer now, in seconds.
pub(super) const RETRY_SECONDS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_uid_and_slashes_behind_it() {
        let uid = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";
        let cases = [
            ("the uid", format!("/{uid}"), true),
            ("a trailing slash", format!("/{uid}/"), true),
            ("two", format!("/{uid}//"), true),
            ("many", format!("/{uid}{}", "/".repeat(100)), true),
            ("slashes and more", format!("/{uid}//x"), false),
            ("slashes alone", "///".to_owned(), false),
            ("none in front", uid.to_owned(), false),
            ("two in front", format!("//{uid}"), false),
            ("a segment more", format!("/{uid}/x"), false),
            ("nothing", "/".to_owned(), false),
            ("encoded", format!("/{}", uid.replace('-', "%2d")), false),
        ];
        for (name, path, is_uid) in cases {
            assert_eq!(grant_uid(&path).is_some(), is_uid, "{name}");
        }
    }

    #[test]
    fn a_path_of_two_names_is_namespace_and_name() {
        let label = "a".repeat(63);
        let subdomain = format!("{label}.{label}");
        let both = |namespace: &str, name: &str| format!("/{namespace}/{name}");
        let cases = [
            ("both", both("site", "west"), Some(("site", "west"))),
            (
                "a trailing slash",
                "/site/west/".into(),
                Some(("site", "west")),
            ),
            (
                "long ones",
                both(&label, &subdomain),
                Some((&*label, &*subdomain)),
            ),
            ("two of them", "/site/west//".into(), Some(("site", "west"))),
            ("two in front", "//site/west".into(), None),
            ("one name", "/west".into(), None),
            ("three", "/site/west/x".into(), None),
            ("no namespace", "//west".into(), None),
            ("no name", "/site/".into(), None),
            ("a namespace with a dot", both("a.b", "west"), None),
            (
                "a namespace that is too long",
                both(&"a".repeat(64), "west"),
                None,
            ),
            ("capitals", both("site", "West"), None),
            ("encoded", both("site", "w%65st"), None),
            ("upwards", both("..", "west"), None),
        ];
        for (name, path, expected) in cases {
            assert_eq!(grant_name(&path), expected, "{name}");
            assert!(grant_uid(&path).is_none(), "{name}");
        }
    }

    type Headers<'a> = &'a [(&'a HeaderName, &'a str)];

    #[test]
    fn headers_are_read_once_and_default_to_the_name_of_the_grant() {
        let long_name = format!("{}.{}", "a".repeat(63), "b".repeat(63));
        let cut: String = long_name.chars().take(64).collect();
        let at_limit = "ü".repeat(64);
        let over = "ü".repeat(65);
        let accepted: [(&str, Headers<'_>, (&str, &str)); 8] = [
            ("nothing", &[], ("grant", "grant")),
            ("a name", &[(&NAME, "west")], ("west", "west")),
            ("a subject", &[(&SUBJECT, "w e")], ("grant", "w e")),
            ("both", &[(&NAME, "west"), (&SUBJECT, "w")], ("west", "w")),
            (
                "empty ones",
                &[(&NAME, ""), (&SUBJECT, "")],
                ("grant", "grant"),
            ),
            ("a long name", &[(&NAME, &long_name)], (&long_name, &cut)),
            (
                "64 characters",
                &[(&SUBJECT, &at_limit)],
                ("grant", &at_limit),
            ),
            (
                "a long name and a subject",
                &[(&NAME, &long_name), (&SUBJECT, "w")],
                (&long_name, "w"),
            ),
        ];
        for (case, headers, (name, subject)) in accepted {
            let wanted = Wanted::read(&map(headers), "grant").unwrap();
            assert_eq!(
                (wanted.name.as_str(), wanted.subject.as_str()),
                (name, subject),
                "{case}"
            );
        }
        let refused: [(&str, Headers<'_>, &str); 8] = [
            ("a name in capitals", &[(&NAME, "West")], "name"),
            ("a path as name", &[(&NAME, "../west")], "name"),
            ("65 characters", &[(&SUBJECT, &over)], "subject"),
            ("a tab", &[(&SUBJECT, "a\tb")], "subject"),
            (
                "a character that turns text around",
                &[(&SUBJECT, "a\u{202e}b")],
                "subject",
            ),
            ("two names", &[(&NAME, "a"), (&NAME, "a")], "name"),
            ("two subjects", &[(&SUBJECT, ""), (&SUBJECT, "")], "subject"),
            (
                "two certificate requests",
                &[(&CERTIFICATE_REQUEST, "a"), (&CERTIFICATE_REQUEST, "b")],
                "certificate-request",
            ),
        ];
        for (case, headers, header) in refused {
            match Wanted::read(&map(headers), "grant").map_err(Refusal::from) {
                Err(Refusal::Headers(text)) => {
                    assert!(
                        text.starts_with(&format!("header '{header}': ")),
                        "{case}: {text}"
                    );
                }
                other => panic!("{case}: {other:?}"),
            }
        }
        let mut latin = HeaderMap::new();
        latin.insert(SUBJECT, HeaderValue::from_bytes(b"\xfc").unwrap());
        assert!(Wanted::read(&latin, "grant").is_err());
    }

    fn map(headers: &[(&HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }
}
