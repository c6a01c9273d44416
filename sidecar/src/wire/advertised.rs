//! The address under which redeemers reach the service: `https://HOST:PORT`.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;
use std::str::FromStr;

use skupper_access_policy::value::host::Host;
use skupper_access_policy::value::redemption_url::{RedemptionUrl, UrlProblem};
use thiserror::Error;

use super::protocol::RENEWAL_PATH;
use crate::redemption::GrantUid;

/// An https address without a path. Tokens carry it, with the uid of the grant behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertisedUrl(RedemptionUrl);

impl AdvertisedUrl {
    /// Its host, which the server certificate is made for.
    #[must_use]
    pub fn host(&self) -> &Host {
        self.0.host()
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port().map_or(443, NonZeroU16::get)
    }

    /// True where only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Host::Ip(address) => address.is_loopback(),
            Host::Name(name) => {
                let name = name.as_str();
                name == "localhost" || name.ends_with(".localhost")
            }
        }
    }

    /// The URL at which a grant is redeemed.
    #[must_use]
    pub fn of_grant(&self, uid: &GrantUid) -> String {
        format!("{self}/{uid}")
    }

    /// The URL at which certificates of links are renewed.
    #[must_use]
    pub fn of_renewals(&self) -> String {
        format!("{self}{RENEWAL_PATH}")
    }
}

impl FromStr for AdvertisedUrl {
    type Err = AdvertisedUrlProblem;

    fn from_str(text: &str) -> Result<Self, AdvertisedUrlProblem> {
        use AdvertisedUrlProblem as Problem;
        let text = with_scheme(text);
        let base = text.strip_suffix('/').unwrap_or(&text);
        let url = RedemptionUrl::parse(&format!("{base}{A_PATH}"));
        let url = url.map_err(|problem| match problem {
            UrlProblem::NotAbsolute => Problem::NotAUrl,
            // The path that was put behind it became part of something else.
            UrlProblem::NoPath => Problem::NoEnd,
            problem => without_brackets(base).unwrap_or(Problem::Url(problem)),
        })?;
        if !url.is_https() {
            return Err(Problem::Scheme);
        }
        if url.path() != A_PATH {
            return Err(Problem::Path);
        }
        match url.host() {
            Host::Ip(address) if address.is_unspecified() => Err(Problem::Unspecified(*address)),
            _ => Ok(Self(url)),
        }
    }
}

/// Reason a text is not an address that can be advertised. Says what to write.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AdvertisedUrlProblem {
    /// It is no URL.
    #[error("must be a URL, {EXAMPLE}")]
    NotAUrl,
    /// Something is behind the port.
    #[error("must end with the port, {EXAMPLE}")]
    NoEnd,
    /// An IPv6 address stands without brackets; with the port, where it can be told from it.
    #[error(
        "write an IPv6 address in brackets: 'https://[{0}]{port}'",
        port = .1.map_or_else(String::new, |port| format!(":{port}"))
    )]
    Brackets(Ipv6Addr, Option<u16>),
    /// It cannot be a redemption URL either.
    #[error("{0}")]
    Url(UrlProblem),
    /// The scheme is another one.
    #[error("scheme must be 'https', {EXAMPLE}")]
    Scheme,
    /// It has a path.
    #[error("must not have a path, {EXAMPLE}")]
    Path,
    /// It names every address of a machine.
    #[error("must name the host that redeemers reach, {EXAMPLE}: no one can connect to '{}'", Host::Ip(*.0))]
    Unspecified(IpAddr),
}

/// The text with its scheme. Skupper gives `host:port` without one; the port must be there, because
/// that of https is rarely meant.
fn with_scheme(text: &str) -> Cow<'_, str> {
    let is_authority = |text: &str| {
        let port = text.rsplit_once(':').map(|(_, port)| port);
        !text.contains('/') && port.is_some_and(|port| port.parse::<u16>().is_ok())
    };
    if is_authority(text.strip_suffix('/').unwrap_or(text)) {
        return Cow::Owned(format!("https://{text}"));
    }
    Cow::Borrowed(text)
}

/// The problem of an IPv6 address that stands without brackets.
fn without_brackets(base: &str) -> Option<AdvertisedUrlProblem> {
    let authority = base.strip_prefix("https://")?;
    let (address, port) = match authority.rsplit_once(':') {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => {
            (address, port.parse::<u16>().ok())
        }
        _ => (authority, None),
    };
    let address = address.parse().ok()?;
    Some(AdvertisedUrlProblem::Brackets(address, port))
}

impl fmt::Display for AdvertisedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "https://{}", self.0.host())?;
        match self.0.port() {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Every redemption URL has a path, so one is put in place for reading.
const A_PATH: &str = "/grant";

const EXAMPLE: &str = "such as 'https://grants.example:9090'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertised_url_is_https_a_host_and_a_port() {
        let cases = [
            (
                "a name",
                "https://grants.example:9090",
                Some("https://grants.example:9090"),
            ),
            (
                "a slash",
                "https://grants.example:9090/",
                Some("https://grants.example:9090"),
            ),
            (
                "in brackets",
                "https://[2001:DB8::1]:9090",
                Some("https://[2001:db8::1]:9090"),
            ),
            (
                "the port of https",
                "https://192.0.2.1",
                Some("https://192.0.2.1"),
            ),
            ("a path", "https://grants.example/a", None),
            ("http", "http://grants.example", None),
            ("bare IPv6", "https://2001:db8::1:9090", None),
            ("a user", "https://a@grants.example", None),
            (
                "no scheme, as Skupper gives it",
                "grants.example:9090",
                Some("https://grants.example:9090"),
            ),
            (
                "an address without a scheme",
                "[2001:db8::1]:9090/",
                Some("https://[2001:db8::1]:9090"),
            ),
            ("neither scheme nor port", "grants.example", None),
            ("a path and no scheme", "grants.example:9090/a", None),
            ("a user and no scheme", "a@grants.example:9090", None),
            ("bare IPv6 and no scheme", "2001:db8::1:9090", None),
            ("a query", "https://grants.example?", None),
            ("nothing", "", None),
            ("every address", "https://0.0.0.0:9090", None),
            ("every IPv6 address", "https://[::]:9090", None),
        ];
        for (name, text, expected) in cases {
            let url = text
                .parse::<AdvertisedUrl>()
                .ok()
                .map(|url| url.to_string());
            assert_eq!(url.as_deref(), expected, "{name}");
        }
    }
    #[test]
    fn a_problem_says_what_to_write_and_does_not_repeat_a_password() {
        let cases = [
            (
                "192.0.2.1",
                "must begin with its scheme: put 'https://' before it",
            ),
            (
                "https://fd00::1:9090",
                "write an IPv6 address in brackets: 'https://[fd00::1]:9090'",
            ),
            (
                "https://fd00:0:0:0:0:0:0:1",
                "write an IPv6 address in brackets: 'https://[fd00::1]'",
            ),
            (
                "https://0.0.0.0",
                "must name the host that redeemers reach, such as 'https://grants.example:9090': \
                 no one can connect to '0.0.0.0'",
            ),
            (
                "https://user:canary@grants.example",
                "must not hold a user name or a password before the host",
            ),
        ];
        for (text, expected) in cases {
            let problem = text.parse::<AdvertisedUrl>().unwrap_err();
            assert_eq!(problem.to_string(), expected, "{text}");
        }
        for text in [
            "",
            "/",
            "a",
            "https://a?",
            "https://",
            "https://a/b",
            "https:///",
        ] {
            let problem = text.parse::<AdvertisedUrl>().unwrap_err().to_string();
            assert!(!problem.contains("/path"), "{text}: {problem}");
        }
    }

    #[test]
    fn a_loopback_address_is_told_from_others() {
        for (text, expected) in [
            ("https://localhost:9090", true),
            ("https://a.localhost", true),
            ("https://127.0.0.2:9090", true),
            ("https://[::1]:9090", true),
            ("https://192.0.2.1", false),
            ("https://localhost.example", false),
        ] {
            let url: AdvertisedUrl = text.parse().unwrap();
            assert_eq!(url.is_loopback(), expected, "{text}");
            assert_eq!(url.port(), if text.ends_with("9090") { 9090 } else { 443 });
        }
    }
}
