//! A host as URLs write it: a DNS name or an IP address.
//!
//! ```
//! use skupper_access_policy::value::host::{Host, HostProblem};
//!
//! assert_eq!(Host::parse("Grants.Example.")?, Host::parse("grants.example")?);
//! assert!(Host::parse("[::ffff:10.0.0.1]")?.is_private());
//! assert_eq!(Host::parse("127.1"), Err(HostProblem::Number));
//! # Ok::<(), HostProblem>(())
//! ```
//!
//! Source: RFC 3986 section 3.2.2; WHATWG URL "ends in a number" for the names that resolvers
//! read as IPv4 addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::name::SubdomainName;

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A DNS name.
    Name(HostName),
    /// A literal address.
    Ip(IpAddr),
}

impl Host {
    /// Reads a DNS name in any case and with one trailing dot at most, a dotted-quad IPv4 address
    /// or an IPv6 address in brackets.
    ///
    /// # Errors
    /// Anything else, above all the other spellings of IPv4 addresses (`127.1`, `0x7f.1`).
    pub fn parse(text: &str) -> Result<Self, HostProblem> {
        if let Some(rest) = text.strip_prefix('[') {
            let address = rest.strip_suffix(']').ok_or(HostProblem::NotAnAddress)?;
            let address = address.parse::<Ipv6Addr>();
            return address
                .map(Self::from)
                .map_err(|_| HostProblem::NotAnAddress);
        }
        match text.parse::<Ipv4Addr>() {
            Ok(address) => Ok(address.into()),
            Err(_) => HostName::parse(text).map(Self::Name),
        }
    }

    /// Whether it is the sender's own machine or network: a loopback, link-local, private (RFC
    /// 1918), unique-local or unspecified address, also IPv4-mapped, or a name in `localhost`.
    ///
    /// The shared address space 100.64.0.0/10 (RFC 6598) does not count: it is not private
    /// use in the registry, and load balancers answer there.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self {
            Self::Name(name) => name.is_or_is_below("localhost"),
            Self::Ip(address) => match address.to_canonical() {
                IpAddr::V4(address) => {
                    address.is_loopback()
                        || address.is_link_local()
                        || address.is_private()
                        || address.is_unspecified()
                }
                IpAddr::V6(address) => {
                    address.is_loopback()
                        || address.is_unicast_link_local()
                        || address.is_unique_local()
                        || address.is_unspecified()
                }
            },
        }
    }
}

impl From<Ipv4Addr> for Host {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ip(address.into())
    }
}

impl From<Ipv6Addr> for Host {
    fn from(address: Ipv6Addr) -> Self {
        Self::Ip(address.into())
    }
}

/// As it stands in a URL: IPv6 addresses in brackets.
impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name.as_str()),
            Self::Ip(IpAddr::V4(address)) => write!(formatter, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

/// A DNS-1123 name in lower case, without a trailing dot, that no resolver reads as an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// Reads a name in any case, with one trailing dot at most.
    ///
    /// # Errors
    /// Not a DNS-1123 subdomain, or its last label is a number or begins with `0x`.
    pub fn parse(text: &str) -> Result<Self, HostProblem> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let name = text.to_ascii_lowercase();
        SubdomainName::parse(&name).map_err(|_| HostProblem::NotAName)?;
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HostProblem::Number);
        }
        Ok(Self(name))
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `name`, or `name` with labels before it.
    fn is_or_is_below(&self, name: &str) -> bool {
        self.0 == name || self.is_below(name)
    }

    /// Whether this is `name` with at least one label before it.
    pub(crate) fn is_below(&self, name: &str) -> bool {
        let before = self.0.strip_suffix(name);
        before.is_some_and(|before| before.ends_with('.'))
    }
}

/// What is wrong with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostProblem {
    /// Neither a DNS-1123 name nor an IPv4 address.
    NotAName,
    /// Resolvers read it as an IPv4 address, although it is not written as one.
    Number,
    /// The text in brackets is not an IPv6 address.
    NotAnAddress,
}

impl fmt::Display for HostProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotAName => {
                "must be a DNS name (letters, digits, '-' and '.', not percent-encoded) or an IP \
                 address"
            }
            Self::Number => {
                "may not end in a number or in '0x...': write an IPv4 address as four decimal \
                 numbers such as '192.0.2.1'"
            }
            Self::NotAnAddress => {
                "must be an IPv6 address without a zone in brackets, such as '[2001:db8::1]'"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_has_one_value_in_all_its_spellings() {
        let longest = "a".repeat(253);
        let table = [
            ("name", "grants.example", "grants.example"),
            ("upper case", "Grants.EXAMPLE", "grants.example"),
            ("trailing dot", "grants.example.", "grants.example"),
            ("one label", "grants", "grants"),
            ("digits in front", "1.2.3.example", "1.2.3.example"),
            ("253 characters", longest.as_str(), longest.as_str()),
            ("IPv4", "192.0.2.1", "192.0.2.1"),
            ("IPv6", "[2001:DB8:0:0::1]", "[2001:db8::1]"),
            ("IPv4-mapped", "[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"),
            (
                "IPv4-mapped in hexadecimal",
                "[::FFFF:c000:201]",
                "[::ffff:192.0.2.1]",
            ),
        ];
        for (name, text, expected) in table {
            assert_eq!(
                Host::parse(text).expect(name).to_string(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = "a".repeat(254);
        let table = [
            ("empty", "", HostProblem::NotAName),
            ("dot", ".", HostProblem::NotAName),
            ("two dots at the end", "a..", HostProblem::NotAName),
            ("254 characters", long.as_str(), HostProblem::NotAName),
            ("percent-encoded", "%65vil.example", HostProblem::NotAName),
            ("underscore", "a_b.example", HostProblem::NotAName),
            ("not ASCII", "münchen.example", HostProblem::NotAName),
            ("full-width digits", "１27.0.0.1", HostProblem::NotAName),
            ("port", "a:443", HostProblem::NotAName),
            ("IPv6 without brackets", "::1", HostProblem::NotAName),
            ("short IPv4", "127.1", HostProblem::Number),
            ("one number", "2130706433", HostProblem::Number),
            ("hexadecimal number", "0x7f000001", HostProblem::Number),
            ("hexadecimal in upper case", "0X7F.1", HostProblem::Number),
            ("hexadecimal label last", "127.0x1", HostProblem::Number),
            ("octal", "0177.0.0.01", HostProblem::Number),
            (
                "IPv4 with a trailing dot",
                "127.0.0.1.",
                HostProblem::Number,
            ),
            ("five numbers", "1.2.3.4.5", HostProblem::Number),
            ("above 255", "1.2.3.256", HostProblem::Number),
            ("name in front of a number", "a.1", HostProblem::Number),
            ("zone", "[fe80::1%25eth0]", HostProblem::NotAnAddress),
            ("IPvFuture", "[v1.fe80]", HostProblem::NotAnAddress),
            ("bracket open", "[::1", HostProblem::NotAnAddress),
            ("IPv4 in brackets", "[127.0.0.1]", HostProblem::NotAnAddress),
            ("name in brackets", "[a]", HostProblem::NotAnAddress),
        ];
        for (name, text, problem) in table {
            assert_eq!(Host::parse(text), Err(problem), "{name}");
        }
    }

    #[test]
    fn private_hosts_are_known_in_every_spelling() {
        let table = [
            ("127.255.0.1", true),
            ("169.254.169.254", true),
            ("10.0.0.1", true),
            ("172.31.255.255", true),
            ("192.168.0.1", true),
            ("0.0.0.0", true),
            ("[::1]", true),
            ("[::]", true),
            ("[fe80::1]", true),
            ("[fdff::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("[::ffff:a00:1]", true),
            ("LOCALHOST.", true),
            ("a.b.localhost", true),
            ("172.32.0.1", false),
            ("100.64.0.1", false),
            ("192.0.2.1", false),
            ("[2001:db8::1]", false),
            ("[::ffff:192.0.2.1]", false),
            ("notlocalhost", false),
            ("localhost.example", false),
        ];
        for (text, private) in table {
            assert_eq!(
                Host::parse(text).expect(text).is_private(),
                private,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_printed_host_reads_as_the_same_host(text in "[a-z0-9.\\-A-F:\\[\\]x]{0,20}") {
            if let Ok(host) = Host::parse(&text) {
                prop_assert_eq!(Host::parse(&host.to_string()), Ok(host));
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Host::parse(&text);
        }
    }
}
