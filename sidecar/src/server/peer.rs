//! The client that a limit counts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A client as the limits see it: an IPv4 address, or the /64 network of an IPv6 address, because
/// a single host commands all addresses of its network.
///
/// ```
/// use redemption_sidecar::server::Peer;
///
/// let peer = |address: &str| Peer::of(address.parse().unwrap());
/// assert_eq!(peer("2001:db8::1"), peer("2001:db8::2:1"));
/// assert_eq!(peer("::ffff:203.0.113.7"), peer("203.0.113.7"));
/// assert_eq!(peer("2001:db8::1").to_string(), "2001:db8::/64");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// An IPv4 address, also when it came as an IPv4-mapped IPv6 address.
    Address(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    Network(u64),
}

impl Peer {
    /// The peer of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Address(address),
            IpAddr::V6(address) => Self::Network((address.to_bits() >> 64) as u64),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(formatter),
            Self::Network(network) => {
                let address = Ipv6Addr::from_bits(u128::from(*network) << 64);
                write!(formatter, "{address}/64")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_pose_as_several_peers() {
        let cases = [
            ("one address", "192.0.2.1", "192.0.2.1", true),
            ("two addresses", "192.0.2.1", "192.0.2.2", false),
            ("mapped", "::ffff:192.0.2.1", "192.0.2.1", true),
            ("two mapped", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
            ("one /64", "2001:db8:0:1::1", "2001:db8:0:1:ffff::", true),
            ("two /64", "2001:db8:0:1::1", "2001:db8:0:2::1", false),
            (
                "compatible is not mapped",
                "::192.0.2.1",
                "192.0.2.1",
                false,
            ),
        ];
        for (name, one, other, same) in cases {
            let [one, other] = [one, other].map(|address| Peer::of(address.parse().unwrap()));
            assert_eq!(one == other, same, "{name}");
        }
    }
}
