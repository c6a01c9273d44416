//! The URL at which an `AccessToken` is redeemed.
//!
//! ```
//! use skupper_access_policy::value::redemption_url::{RedemptionUrl, UrlProblem};
//!
//! let url = RedemptionUrl::parse("https://Grants.Example:443/a0b1")?;
//! assert!(url.is_https());
//! assert_eq!(url, RedemptionUrl::parse("HTTPS://grants.example./a0b1")?);
//! assert_eq!(RedemptionUrl::parse("https://a@b/c"), Err(UrlProblem::UserInformation));
//! # Ok::<(), UrlProblem>(())
//! ```
//!
//! Nothing is repaired: what Skupper's HTTP client and this policy could read differently is
//! refused.
//!
//! Source: RFC 3986, as fluent-uri reads it.

mod paste;

use std::fmt;
use std::num::NonZeroU16;

use fluent_uri::Uri;
use fluent_uri::component::Authority;
use fluent_uri::pct_enc::EStr;

use super::host::{Host, HostProblem};
pub(super) use paste::unwrapped;

/// Longest URL, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// A URL with a host and a path and with nothing else behind them. Two are equal when they name
/// the same resource: scheme and host in any case, the port of https written or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedemptionUrl {
    scheme: String,
    host: Host,
    port: Option<NonZeroU16>,
    path: String,
}

impl RedemptionUrl {
    /// Reads a URL of any scheme.
    ///
    /// # Errors
    /// The usual slips by name; else the first problem from left to right, length and user
    /// information before all others.
    pub fn parse(text: &str) -> Result<Self, UrlProblem> {
        Self::read(text).map_err(|problem| match problem {
            UrlProblem::TooLong | UrlProblem::UserInformation => problem,
            _ => paste::slip(text).unwrap_or(problem),
        })
    }

    fn read(text: &str) -> Result<Self, UrlProblem> {
        if text.len() > MAX_URL_BYTES {
            return Err(UrlProblem::TooLong);
        }
        let uri = Uri::parse(text).map_err(|error| syntax_problem(text, error.index()))?;
        let authority = uri.authority().ok_or(UrlProblem::NotAbsolute)?;
        if authority.has_userinfo() {
            return Err(UrlProblem::UserInformation);
        }
        if authority.host().is_empty() {
            return Err(UrlProblem::NotAbsolute);
        }
        let host = Host::parse(authority.host()).map_err(UrlProblem::Host)?;
        let port = port(authority)?;
        let path = uri.path().as_str();
        if path.bytes().all(|byte| byte == b'/') {
            return Err(UrlProblem::NoPath);
        }
        if uri.has_query() {
            return Err(UrlProblem::Query);
        }
        if uri.has_fragment() {
            return Err(UrlProblem::Fragment);
        }
        let mut url = Self {
            scheme: uri.scheme().as_str().to_ascii_lowercase(),
            host,
            port,
            path: path.to_owned(),
        };
        if url.is_https() && url.port == HTTPS_PORT {
            url.port = None;
        }
        Ok(url)
    }

    /// The scheme in lower case, such as `https`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// True when the scheme is `https`, the only one Skupper redeems tokens over.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// The host that the URL leads to.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, absent where it is the one of the scheme: 443 of https.
    #[must_use]
    pub fn port(&self) -> Option<NonZeroU16> {
        self.port
    }

    /// The path as it was written, with at least one segment that is not empty.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// The host of a URL, whatever else is wrong with it. `None` when it cannot be told.
#[must_use]
pub fn host(text: &str) -> Option<Host> {
    let uri = Uri::parse(text).ok()?;
    Host::parse(uri.authority()?.host()).ok()
}

/// The URL that a text was meant to be, where that is certain: it has something around it, or lacks
/// its scheme.
#[must_use]
pub fn mended(text: &str) -> Option<String> {
    (text.len() <= MAX_URL_BYTES).then(|| paste::mended(text))?
}

/// The URL without user information, query and fragment, for messages.
///
/// `None` when it cannot be read, and when any of the three could have ended up in what is left:
/// in `https://user:1/2@host/` a password with a slash makes `user` the host. So no '@' may follow
/// the host, and host and path may hold letters, digits and `-._~` only.
#[must_use]
pub fn printable(text: &str) -> Option<String> {
    let uri = Uri::parse(text).ok()?;
    let authority = uri.authority()?.as_str();
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    let path = uri.path().as_str();
    let query = uri.query().map_or("", EStr::as_str);
    let fragment = uri.fragment().map_or("", EStr::as_str);
    if [query, fragment]
        .into_iter()
        .any(|hidden| hidden.contains('@') || hidden.contains("%40"))
        || !place
            .bytes()
            .all(|byte| is_plain(byte) || matches!(byte, b':' | b'[' | b']'))
        || !path.bytes().all(|byte| is_plain(byte) || byte == b'/')
    {
        return None;
    }
    Some(format!("{}://{place}{path}", uri.scheme()))
}

/// Problem with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlProblem {
    /// More than [`MAX_URL_BYTES`].
    TooLong,
    /// No scheme or no host.
    NotAbsolute,
    /// A URL with white space, quotes, angle brackets or commas around it.
    Surrounded,
    /// A URL but for its scheme.
    NoScheme,
    /// A host with characters outside ASCII.
    NotAscii,
    /// An IPv6 address that does not stand in brackets.
    NoBrackets,
    /// A character where RFC 3986 has none, or a broken percent-encoding.
    Syntax,
    /// A name or password before the host.
    UserInformation,
    /// Neither a DNS name nor an IP address.
    Host(HostProblem),
    /// A port that is empty or not from 1 to 65535.
    Port,
    /// No segment in the path.
    NoPath,
    /// A query, even an empty one.
    Query,
    /// A fragment, even an empty one.
    Fragment,
}

impl fmt::Display for UrlProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooLong => "must be at most 2048 bytes",
            Self::NotAbsolute => {
                "must be an absolute URL with a scheme and a host, such as \
                 'https://grants.example:9090/path'"
            }
            Self::Surrounded => {
                "must have nothing around it: take away the white space, quotes, brackets and commas"
            }
            Self::NoScheme => "must begin with its scheme: put 'https://' before it",
            Self::NotAscii => {
                "the host must be in ASCII: write an international name in punycode, 'xn--...'"
            }
            Self::NoBrackets => {
                "an IPv6 address must stand in brackets, such as 'https://[2001:db8::1]:9090/path'"
            }
            Self::Syntax => {
                "must be a URL by RFC 3986: without blanks, backslashes, control characters and \
                 characters outside ASCII, '%' only before two hexadecimal digits, an IPv6 address \
                 in brackets, a port in digits"
            }
            Self::UserInformation => "must not hold a user name or a password before the host",
            Self::Host(problem) => return write!(formatter, "the host {problem}"),
            Self::Port => "the port must be from 1 to 65535, or left out together with its ':'",
            Self::NoPath => "must have a path, such as 'https://grants.example:9090/path'",
            Self::Query => "must not have a query ('?')",
            Self::Fragment => "must not have a fragment ('#')",
        })
    }
}

fn syntax_problem(text: &str, at: usize) -> UrlProblem {
    if !text.contains("://") {
        return UrlProblem::NotAbsolute;
    }
    let bracket = text.get(..at).and_then(|before| before.rsplit_once('['));
    match bracket {
        Some((_, inside)) if !inside.contains(']') => UrlProblem::Host(HostProblem::NotAnAddress),
        _ => UrlProblem::Syntax,
    }
}

fn port(authority: Authority<'_>) -> Result<Option<NonZeroU16>, UrlProblem> {
    let port = authority.port().map(|port| port.as_str().parse());
    port.transpose().map_err(|_| UrlProblem::Port)
}

/// The unreserved characters. Source: RFC 3986 section 2.3.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

const HTTPS_PORT: Option<NonZeroU16> = NonZeroU16::new(443);
