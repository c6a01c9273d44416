//! Patterns that settings match hosts with.
//!
//! ```
//! use skupper_access_policy::value::host::Host;
//! use skupper_access_policy::value::host_pattern::HostPattern;
//!
//! let below = HostPattern::parse("*.example.com").unwrap();
//! assert!(below.matches(&Host::parse("a.b.Example.com").unwrap()));
//! assert!(!below.matches(&Host::parse("example.com").unwrap()));
//!
//! let network = HostPattern::parse("10.0.0.0/8").unwrap();
//! assert!(network.matches(&Host::parse("[::ffff:10.1.2.3]").unwrap()));
//! ```
//!
//! Addresses and networks match literal addresses, never what a name resolves to.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::host::{Host, HostName, HostProblem};

/// One host, the hosts below a name, or the addresses of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Name(HostName),
    Below(HostName),
    /// A single address is a network of its own.
    Network(IpNet),
}

impl HostPattern {
    /// Reads `example.com`, `*.example.com`, `192.0.2.1`, `2001:db8::1` (with or without
    /// brackets) or `192.0.2.0/24`; letters in any case, a name with one trailing dot at most.
    ///
    /// # Errors
    /// Anything else, such as a `*` in another place or a network with host bits.
    pub fn parse(text: &str) -> Result<Self, HostPatternProblem> {
        if let Some(name) = text.strip_prefix("*.") {
            let name = HostName::parse(name).map_err(|_| HostPatternProblem::Wildcard)?;
            return Ok(Self(Pattern::Below(name)));
        }
        if text.contains('*') {
            return Err(HostPatternProblem::Wildcard);
        }
        if text.contains('/') {
            let network = text
                .parse::<IpNet>()
                .map_err(|_| HostPatternProblem::NotANetwork)?;
            if network.trunc() != network {
                return Err(HostPatternProblem::HostBits {
                    network: network.trunc(),
                });
            }
            return Ok(Self(Pattern::Network(canonical(network))));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        let host = Host::parse(text).map_err(|problem| match problem {
            HostProblem::NotAName if text.contains(':') => HostPatternProblem::NotANetwork,
            problem => HostPatternProblem::Host(problem),
        });
        match host? {
            Host::Name(name) => Ok(Self(Pattern::Name(name))),
            Host::Ip(address) => Ok(address.into()),
        }
    }

    /// True when the pattern stands for this host. An IPv4-mapped IPv6 address is matched as both.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match (&self.0, host) {
            (Pattern::Name(pattern), Host::Name(name)) => pattern == name,
            (Pattern::Below(pattern), Host::Name(name)) => name.is_below(pattern.as_str()),
            (Pattern::Network(network), Host::Ip(address)) => {
                network.contains(address) || network.contains(&address.to_canonical())
            }
            _ => false,
        }
    }
}

impl From<IpAddr> for HostPattern {
    fn from(address: IpAddr) -> Self {
        Self(Pattern::Network(address.to_canonical().into()))
    }
}

/// Problem with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostPatternProblem {
    /// `*` in another place than before a DNS name.
    Wildcard,
    /// A '/' in what is not a CIDR block, or a ':' in what is no address.
    NotANetwork,
    /// A CIDR block with bits set behind its prefix.
    HostBits {
        /// The block without them.
        network: IpNet,
    },
    /// Neither a DNS name nor an IP address.
    Host(HostProblem),
}

impl fmt::Display for HostPatternProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wildcard => formatter.write_str(
                "may have '*' only as its whole first part before a DNS name, as in \
                 '*.example.com'",
            ),
            Self::NotANetwork => formatter.write_str(
                "must be a CIDR block such as '192.0.2.0/24', or a host without scheme, port and \
                 path",
            ),
            Self::HostBits { network } => {
                write!(
                    formatter,
                    "must not have bits set behind its prefix: write '{network}'"
                )
            }
            Self::Host(problem) => problem.fmt(formatter),
        }
    }
}

/// A network of IPv4-mapped addresses as the IPv4 network it stands for.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let address = mapped.network().to_ipv4_mapped();
    let prefix = mapped.prefix_len().checked_sub(MAPPED_PREFIX);
    match (address, prefix) {
        (Some(address), Some(prefix)) => Ipv4Net::new(address, prefix).map_or(network, IpNet::V4),
        _ => network,
    }
}

/// `::ffff:0:0/96`. Source: RFC 4291 section 2.5.5.2.
const MAPPED_PREFIX: u8 = 96;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_matches_what_it_stands_for() {
        let table = [
            ("grants.example", "grants.example", true),
            ("Grants.Example.", "grants.EXAMPLE", true),
            ("grants.example", "grants.example.", true),
            ("grants.example", "a.grants.example", false),
            ("grants.example", "rants.example", false),
            ("*.example.com", "a.example.com", true),
            ("*.EXAMPLE.com.", "a.b.example.com.", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", "example.com.evil.example", false),
            ("*.local", "a.local", true),
            ("my_cluster.example", "MY_cluster.example", true),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.10", false),
            ("192.0.2.1", "[::ffff:192.0.2.1]", true),
            ("192.0.2.1", "[::ffff:c000:201]", true),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("::ffff:192.0.2.1", "[::ffff:192.0.2.1]", true),
            ("2001:DB8:0:0::1", "[2001:db8::1]", true),
            ("[2001:db8::1]", "[2001:db8:0::1]", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "[::ffff:10.0.0.1]", true),
            ("10.0.0.0/8", "[::10.0.0.1]", false),
            ("10.0.0.0/8", "ten.example", false),
            ("0.0.0.0/0", "[2001:db8::1]", false),
            ("::/0", "[::ffff:10.0.0.1]", true),
            ("::/0", "10.0.0.1", false),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "[::ffff:10.0.0.1]", true),
            ("::ffff:0:0/96", "192.0.2.1", true),
            ("2001:DB8::/32", "[2001:db8:1::1]", true),
            ("2001:db8::/32", "[2001:db9::1]", false),
            ("192.0.2.1/32", "192.0.2.1", true),
        ];
        for (pattern, host, matches) in table {
            let parsed = HostPattern::parse(pattern).expect(pattern);
            let host = Host::parse(host).expect(host);
            assert_eq!(parsed.matches(&host), matches, "{pattern} {host}");
        }
    }

    #[test]
    fn a_pattern_that_stands_for_nothing_clear_is_refused() {
        use HostPatternProblem::{NotANetwork, Wildcard};
        let host = HostPatternProblem::Host;
        let bits = |network: &str| HostPatternProblem::HostBits {
            network: network.parse().unwrap(),
        };
        let table = [
            ("", host(HostProblem::NotAName)),
            (".", host(HostProblem::NotAName)),
            (" a.example", host(HostProblem::NotAName)),
            ("a.example:443", NotANetwork),
            ("127.1", host(HostProblem::Number)),
            ("192.0.2.1.", host(HostProblem::Number)),
            ("[::1", host(HostProblem::NotAnAddress)),
            ("[192.0.2.1]", host(HostProblem::NotAnAddress)),
            ("*", Wildcard),
            ("*.", Wildcard),
            ("*..", Wildcard),
            ("a.*.b", Wildcard),
            ("a*.example", Wildcard),
            ("*.*.example", Wildcard),
            ("*example.com", Wildcard),
            ("*.10.0.0.1", Wildcard),
            ("*.[::1]", Wildcard),
            ("10.0.0.0/33", NotANetwork),
            ("10.0.0.0/", NotANetwork),
            ("10.0.0/8", NotANetwork),
            ("10.0.0.0/255.0.0.0", NotANetwork),
            ("[2001:db8::]/32", NotANetwork),
            ("https://a.example", NotANetwork),
            ("a.example/24", NotANetwork),
            ("10.0.0.1/8", bits("10.0.0.0/8")),
            ("2001:db8::1/32", bits("2001:db8::/32")),
            ("::ffff:10.0.0.1/104", bits("::ffff:10.0.0.0/104")),
        ];
        for (pattern, problem) in table {
            assert_eq!(HostPattern::parse(pattern), Err(problem), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_host_matches_itself(text in "[a-zA-Z0-9.\\-:\\[\\]]{1,16}") {
            if let Ok(host) = Host::parse(&text) {
                prop_assert!(HostPattern::parse(&text).unwrap().matches(&host));
            }
        }

        #[test]
        fn no_text_panics(text in prop_oneof![any::<String>(), "[*0-9a-f.:/\\[\\]]{0,20}"]) {
            let _ = HostPattern::parse(&text);
        }
    }
}
