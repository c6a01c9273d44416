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

mod special;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::name::SubdomainName;

/// Target of a connection.
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

    /// Tells whether it is not globally reachable: the sender's own machine or network, in every spelling
    /// and embedding, a name that hosts files give to them, or an address that leads nowhere.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self {
            Self::Name(name) => special::is_local_name(name.as_str()),
            Self::Ip(address) => special::is_special(*address),
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

/// A DNS-1123 name in lower case, underscores allowed like letters, without a trailing dot, that no
/// resolver reads as an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// Reads a name in any case, with one trailing dot at most.
    ///
    /// # Errors
    /// Not a DNS-1123 subdomain where underscores were letters, or its last label is a number or begins with `0x`.
    pub fn parse(text: &str) -> Result<Self, HostProblem> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let name = text.to_ascii_lowercase();
        SubdomainName::parse(&name.replace('_', "a")).map_err(|_| HostProblem::NotAName)?;
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

    /// Tells whether a label has an underscore: DNS, Go, curl and rustls take it, DNS-1123 does not.
    #[must_use]
    pub fn has_underscore(&self) -> bool {
        self.0.contains('_')
    }

    /// True when this is `name` with at least one label before it.
    pub(crate) fn is_below(&self, name: &str) -> bool {
        let before = self.0.strip_suffix(name);
        before.is_some_and(|before| before.ends_with('.'))
    }
}

/// Problem with a host.
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
            (
                "underscores",
                "my_cluster._tcp.Example",
                "my_cluster._tcp.example",
            ),
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
    fn hosts_that_are_not_globally_reachable_are_known_in_every_spelling() {
        let table = [
            ("this network", "0.0.0.0", true),
            ("this network, inside", "0.1.2.3", true),
            ("private, first block", "10.0.0.1", true),
            ("private, second block", "172.31.255.255", true),
            ("behind the second block", "172.32.0.1", false),
            ("private, third block", "192.168.0.1", true),
            ("shared", "100.64.0.1", true),
            ("a metadata service in it", "100.100.100.200", true),
            ("behind shared", "100.128.0.1", false),
            ("loopback", "127.255.0.1", true),
            ("link-local", "169.254.169.254", true),
            ("protocols", "192.0.0.8", true),
            ("documentation", "192.0.2.1", true),
            ("AS112", "192.31.196.1", false),
            ("benchmarking", "198.19.255.255", true),
            ("behind benchmarking", "198.20.0.1", false),
            ("multicast", "224.0.0.1", true),
            ("reserved", "240.0.0.1", true),
            ("broadcast", "255.255.255.255", true),
            ("reachable", "8.8.8.8", false),
            ("IPv6 loopback", "[::1]", true),
            ("IPv6 unspecified", "[::]", true),
            ("IPv6 link-local", "[fe80::1]", true),
            ("IPv6 site-local", "[fec0::1]", true),
            ("unique-local", "[fdff::1]", true),
            ("IPv6 multicast", "[ff02::1]", true),
            ("IPv6 documentation", "[2001:db8::1]", true),
            ("IPv6 documentation, second block", "[3fff:fff::1]", true),
            ("discard", "[100::1]", true),
            ("dummy", "[100:0:0:1::1]", true),
            ("segment routing", "[5f00::1]", true),
            ("Teredo", "[2001:0:4136:e378::1]", true),
            ("IPv6 AS112", "[2001:4:112::1]", false),
            ("IPv6 reachable", "[2a00:1450::1]", false),
            ("mapped loopback", "[::ffff:127.0.0.1]", true),
            ("mapped in hexadecimal", "[::ffff:a00:1]", true),
            ("mapped and reachable", "[::ffff:8.8.8.8]", false),
            ("compatible loopback", "[::127.0.0.1]", true),
            ("compatible and reachable", "[::8.8.8.8]", false),
            ("translated", "[::ffff:0:10.0.0.1]", true),
            ("NAT64 of private", "[64:ff9b::10.0.0.1]", true),
            ("NAT64 of reachable", "[64:ff9b::8.8.8.8]", false),
            ("NAT64 of one's own", "[64:ff9b:1::8.8.8.8]", true),
            ("6to4 of loopback", "[2002:7f00:1::1]", true),
            ("6to4 of reachable", "[2002:808:808::1]", false),
            ("localhost", "LOCALHOST.", true),
            ("below localhost", "a.b.localhost", true),
            ("Fedora's", "localhost.localdomain", true),
            ("Fedora's for IPv6", "localhost6.localdomain6", true),
            ("Debian's", "ip6-localhost", true),
            ("Debian's other", "ip6-loopback", true),
            ("all nodes", "ip6-allnodes", true),
            ("no localhost", "notlocalhost", false),
            ("localhost in front", "localhost.example", false),
            ("ip6-localhost in front", "ip6-localhost.example", false),
        ];
        for (name, text, private) in table {
            assert_eq!(
                Host::parse(text).expect(name).is_private(),
                private,
                "{name}"
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
