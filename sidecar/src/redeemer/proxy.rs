//! The proxy on the way to a server, as the environment names it.
//!
//! `HTTPS_PROXY` goes before `ALL_PROXY`, each in capitals before the same in small letters, and
//! `NO_PROXY` names hosts that are reached without: as curl reads them.
//!
//! Source: curl, "Environment"; hyper-util `client::proxy::matcher`.

use std::fmt;
use std::num::NonZeroU16;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::Matcher;
use secrecy::{ExposeSecret as _, SecretString};
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use thiserror::Error;

/// The proxy that the environment names, and the hosts that are reached without it. No `Debug`: a proxy may
/// have a password.
#[derive(Default)]
pub struct Proxies {
    /// The variable that names it, and its URL.
    named: Option<(&'static str, SecretString)>,
    exceptions: String,
}

impl Proxies {
    /// Reads the variables with this function. An empty one is not set.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 4]| {
            let mut set = names
                .into_iter()
                .filter_map(|name| Some((name, variable(name)?)));
            set.find(|(_, value)| !value.is_empty())
        };
        let named = first(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
        let exceptions = first(["NO_PROXY", "no_proxy", "NO_PROXY", "no_proxy"]);
        Self {
            named: named.map(|(name, value)| (name, value.into())),
            exceptions: exceptions.map(|(_, value)| value).unwrap_or_default(),
        }
    }

    /// The route to the server of a URL.
    ///
    /// # Errors
    /// The proxy for it cannot be used.
    pub(super) fn route(&self, url: &RedemptionUrl) -> Result<Route, ProxyProblem> {
        let Some((variable, proxy)) = &self.named else {
            return Ok(Route::Direct);
        };
        let unreadable = || ProxyProblem::Unreadable(variable);
        let target: Uri = format!("https://{}/", authority(url))
            .parse()
            .map_err(|_| unreadable())?;
        let exceptions = hosts(&self.exceptions, port(url));
        let any_proxy = Matcher::builder().https("http://a").no(exceptions);
        if any_proxy.build().intercept(&target).is_none() {
            return Ok(Route::Excepted(variable));
        }
        let matcher = Matcher::builder().https(proxy.expose_secret()).build();
        let found = matcher.intercept(&target).ok_or_else(unreadable)?;
        match found.uri().scheme_str() {
            Some("http") => {}
            Some("https") => return Err(ProxyProblem::Tls(variable)),
            _ => return Err(ProxyProblem::Socks(variable)),
        }
        Ok(Route::Proxy(Box::new(Proxy {
            variable,
            host: found.uri().host().ok_or_else(unreadable)?.to_owned(),
            port: found.uri().port_u16().unwrap_or(HTTP_PORT),
            authorization: found.basic_auth().cloned(),
        })))
    }
}

/// The way to a server. Prints as an addition to a fault on it.
#[derive(Clone, Debug)]
pub enum Route {
    /// No proxy is named.
    Direct,
    /// The variable names a proxy, but not for this host.
    Excepted(&'static str),
    /// Through a proxy.
    Proxy(Box<Proxy>),
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => Ok(()),
            Self::Excepted(variable) => write!(
                formatter,
                " (without the proxy of {variable}, because NO_PROXY names this host)"
            ),
            Self::Proxy(proxy) => write!(formatter, " (through {proxy})"),
        }
    }
}

/// A proxy that is asked with HTTP CONNECT. Prints without name and password.
#[derive(Clone, Debug)]
pub struct Proxy {
    pub(super) variable: &'static str,
    /// IPv6 in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Does not print: it is marked as sensitive.
    pub(super) authorization: Option<HeaderValue>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            variable,
            host,
            port,
            ..
        } = self;
        write!(formatter, "the proxy http://{host}:{port} of {variable}")
    }
}

/// Reason a proxy cannot be used. Holds the variable that names it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ProxyProblem {
    /// Not the URL of a proxy.
    #[error("{0} is not the URL of a proxy: {HTTP_ONLY}")]
    Unreadable(&'static str),
    /// A SOCKS proxy.
    #[error("{0} names a SOCKS proxy, which is not spoken: {HTTP_ONLY}")]
    Socks(&'static str),
    /// A proxy that is itself reached over TLS.
    #[error("{0} names a proxy with TLS, which is not spoken: {HTTP_ONLY}")]
    Tls(&'static str),
}

/// Host and port of a URL, as HTTP writes them.
pub(super) fn authority(url: &RedemptionUrl) -> String {
    format!("{}:{}", url.host(), port(url))
}

/// Port of a URL, 443 where it names none.
pub(super) fn port(url: &RedemptionUrl) -> u16 {
    url.port().map_or(HTTPS_PORT, NonZeroU16::get)
}

/// The hosts of `NO_PROXY` that are meant for a port, in the form that the matcher reads: without
/// port, brackets and star, and with commas between them.
///
/// Source: curl, "Environment"; Go `golang.org/x/net/http/httpproxy`, `Config.NoProxy`.
fn hosts(exceptions: &str, port: u16) -> String {
    let entries = exceptions.split(|c: char| c == ',' || c.is_whitespace());
    let hosts = entries.filter_map(|entry| {
        let (host, of_port) = match entry.rsplit_once(':') {
            Some((host, digits)) if !host.contains(':') || host.ends_with(']') => {
                (host, digits.parse().ok())
            }
            _ => (entry, Some(port)),
        };
        let host = host.strip_prefix('[').unwrap_or(host);
        let host = host.strip_suffix(']').unwrap_or(host);
        let host = if host == "*" {
            host
        } else {
            host.trim_start_matches('*')
        };
        (of_port == Some(port)).then_some(host)
    });
    hosts.collect::<Vec<_>>().join(",")
}

const HTTP_ONLY: &str = "write 'http://HOST:PORT' of an HTTP proxy that takes CONNECT, or name the \
                         server's host in NO_PROXY";

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and values.
    type Variables<'v> = &'v [(&'v str, &'v str)];

    fn route(variables: Variables<'_>, url: &str) -> String {
        let value = |name: &str| {
            let mut variables = variables.iter();
            let found = variables.find(|(variable, _)| *variable == name)?;
            Some(found.1.to_owned())
        };
        let url = RedemptionUrl::parse(url).unwrap();
        match Proxies::read(value).route(&url) {
            Ok(route) => format!("{route}{route:?}"),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn the_environment_names_the_proxy_and_no_password_is_shown() {
        let (url, v4, v6) = (
            "https://grants.example:9090/a",
            "https://192.0.2.1/a",
            "https://[2001:db8::1]/a",
        );
        let proxy = ("HTTPS_PROXY", "http://p.example:3128");
        let through = "through the proxy http://p.example:3128 of HTTPS_PROXY";
        let without = "without the proxy of HTTPS_PROXY, because NO_PROXY names this host";
        let not_read = "HTTPS_PROXY is not the URL of a proxy: write 'http://HOST:PORT'";
        let table: &[(&str, Variables<'_>, &str, &str)] = &[
            ("nothing", &[], url, "Direct"),
            (
                "empty",
                &[("HTTPS_PROXY", ""), ("ALL_PROXY", "")],
                url,
                "Direct",
            ),
            (
                "for HTTP only",
                &[("HTTP_PROXY", "http://p:1")],
                url,
                "Direct",
            ),
            ("a URL", &[proxy], url, through),
            ("for IPv4", &[proxy], v4, through),
            ("for IPv6", &[proxy], v6, through),
            (
                "small letters",
                &[("https_proxy", proxy.1)],
                url,
                "of https_proxy",
            ),
            (
                "for everything",
                &[("ALL_PROXY", proxy.1)],
                url,
                "of ALL_PROXY",
            ),
            (
                "the same small",
                &[("all_proxy", proxy.1)],
                url,
                "of all_proxy",
            ),
            ("both", &[proxy, ("ALL_PROXY", "socks5://a")], url, through),
            (
                "no scheme",
                &[("HTTPS_PROXY", "p.example:3128")],
                url,
                through,
            ),
            (
                "no port",
                &[("HTTPS_PROXY", "http://p")],
                url,
                "http://p:80 of",
            ),
            (
                "IPv6",
                &[("HTTPS_PROXY", "http://[::1]:8/")],
                url,
                "http://[::1]:8 of",
            ),
            (
                "a password",
                &[("HTTPS_PROXY", "http://u:canary@p.example:3128")],
                url,
                through,
            ),
            (
                "a password with @",
                &[("HTTPS_PROXY", "http://u:canary@canary@p:1")],
                url,
                "HTTPS_PROXY",
            ),
            (
                "a password with /",
                &[("HTTPS_PROXY", "http://u:canary/x@p:1")],
                url,
                "HTTPS_PROXY",
            ),
            (
                "SOCKS",
                &[("ALL_PROXY", "socks5h://u:canary@p:1")],
                url,
                "ALL_PROXY names a SOCKS",
            ),
            (
                "TLS",
                &[("HTTPS_PROXY", "https://u:canary@p")],
                url,
                "names a proxy with TLS",
            ),
            (
                "another scheme",
                &[("HTTPS_PROXY", "ftp://canary")],
                url,
                not_read,
            ),
            ("no URL", &[("HTTPS_PROXY", "canary canary")], url, not_read),
            (
                "excepted",
                &[proxy, ("NO_PROXY", "grants.example")],
                url,
                without,
            ),
            (
                "excepted small",
                &[proxy, ("no_proxy", "grants.example")],
                url,
                without,
            ),
            (
                "by a domain",
                &[proxy, ("NO_PROXY", "a, .example")],
                url,
                without,
            ),
            ("by a star", &[proxy, ("NO_PROXY", "*")], url, without),
            (
                "by a network",
                &[proxy, ("NO_PROXY", "192.0.2.0/24")],
                v4,
                without,
            ),
            (
                "IPv6 by a network",
                &[proxy, ("NO_PROXY", "2001:db8::/32")],
                v6,
                without,
            ),
            (
                "by a star and a domain",
                &[proxy, ("NO_PROXY", "*.example")],
                url,
                without,
            ),
            (
                "behind a space",
                &[proxy, ("NO_PROXY", "a grants.example")],
                url,
                without,
            ),
            (
                "with its port",
                &[proxy, ("NO_PROXY", "a:1,grants.example:9090")],
                url,
                without,
            ),
            (
                "with another port",
                &[proxy, ("NO_PROXY", "grants.example:443")],
                url,
                through,
            ),
            ("IPv6", &[proxy, ("NO_PROXY", "2001:db8::1")], v6, without),
            (
                "IPv6 in brackets",
                &[proxy, ("NO_PROXY", "[2001:db8::1]")],
                v6,
                without,
            ),
            (
                "IPv6 with its port",
                &[proxy, ("NO_PROXY", "[2001:db8::1]:443")],
                v6,
                without,
            ),
            (
                "a part of a name and a star",
                &[proxy, ("NO_PROXY", "*rants.example")],
                url,
                through,
            ),
            (
                "another host",
                &[proxy, ("NO_PROXY", "rants.example")],
                url,
                through,
            ),
            (
                "excepted from what cannot be used",
                &[("ALL_PROXY", "socks5://canary"), ("NO_PROXY", "example")],
                url,
                "without the proxy of ALL_PROXY",
            ),
        ];
        for (name, variables, url, expected) in table {
            let route = route(variables, url);
            assert!(route.contains(expected), "{name}: {route}");
            assert!(!route.contains("canary"), "{name}: {route}");
        }
    }
}
