//! Addresses that are not globally reachable: one's own machine and network, and what leads nowhere.
//!
//! Found are the blocks that IANA's registries do not call globally reachable, documentation and
//! benchmarking included, multicast, and the former site-local block. An IPv6 address with an IPv4
//! address inside (mapped, compatible, translated, NAT64, 6to4) is judged by that. Teredo lies in a
//! block that is found: its relays are gone. The anycast addresses of protocols inside `192.0.0.0/24`
//! and `2001:1::/32` are found, too: no server answers there.
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), IPv4 and IPv6 Multicast
//! Address Space Registries, IPv6 Address Space (RFC 4291).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// True for an address that is not globally reachable.
pub(super) fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => is_special_v4(address),
            None => is_special_v6(address),
        },
    }
}

/// True for a name that hosts files give to the machine itself or to a multicast group.
/// Source: RFC 6761 section 6.3; the hosts files of Debian, Fedora and their descendants.
pub(super) fn is_local_name(name: &str) -> bool {
    LOCAL_NAMES.contains(&name)
        || LOCAL_DOMAINS.iter().any(|domain| {
            let before = name.strip_suffix(domain);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    IPV4.iter()
        .any(|(network, length)| (bits ^ network) >> (32 - length) == 0)
}

fn is_special_v6(address: Ipv6Addr) -> bool {
    let bits = upper_half(address);
    let is_in = |(network, length): &(u64, u32)| (bits ^ network) >> (64 - length) == 0;
    IPV6.iter().any(is_in) && !IPV6_REACHABLE.iter().any(is_in)
}

/// The IPv4 address that a translator makes of an IPv6 address: compatible (RFC 4291 section 2.5.5.1;
/// `::` and `::1` are in 0.0.0.0/8 then), mapped, translated (RFC 2765), NAT64 (RFC 6052) and 6to4
/// (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let ([0, 0, 0, 0, 0, 0 | 0xffff, high, low]
    | [0, 0, 0, 0, 0xffff, 0, high, low]
    | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
    | [0x2002, high, low, ..]) = address.segments()
    else {
        return None;
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

fn upper_half(address: Ipv6Addr) -> u64 {
    u64::try_from(address.to_bits() >> 64).unwrap_or_default()
}

const LOCAL_NAMES: [&str; 9] = [
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
];

const LOCAL_DOMAINS: [&str; 4] = ["localhost", "localdomain", "localdomain4", "localdomain6"];

/// Network and length of its prefix.
const IPV4: [(u32, u32); 15] = [
    (0x0000_0000, 8),  // this network
    (0x0a00_0000, 8),  // private use
    (0x6440_0000, 10), // shared address space
    (0x7f00_0000, 8),  // loopback
    (0xa9fe_0000, 16), // link-local
    (0xac10_0000, 12), // private use
    (0xc000_0000, 24), // protocol assignments
    (0xc000_0200, 24), // documentation
    (0xc058_6300, 24), // former relays of 6to4
    (0xc0a8_0000, 16), // private use
    (0xc612_0000, 15), // benchmarking
    (0xc633_6400, 24), // documentation
    (0xcb00_7100, 24), // documentation
    (0xe000_0000, 4),  // multicast
    (0xf000_0000, 4),  // reserved, and broadcast
];

/// The upper half of a network, and the length of its prefix.
const IPV6: [(u64, u32); 11] = [
    (0x0064_ff9b_0001_0000, 48), // translation of one's own
    (0x0100_0000_0000_0000, 64), // discard
    (0x0100_0000_0000_0001, 64), // dummy
    (0x2001_0000_0000_0000, 23), // protocol assignments, Teredo
    (0x2001_0db8_0000_0000, 32), // documentation
    (0x3fff_0000_0000_0000, 20), // documentation
    (0x5f00_0000_0000_0000, 16), // segment routing
    (0xfc00_0000_0000_0000, 7),  // unique-local
    (0xfe80_0000_0000_0000, 10), // link-local
    (0xfec0_0000_0000_0000, 10), // site-local, formerly
    (0xff00_0000_0000_0000, 8),  // multicast
];

/// Blocks inside of those that are globally reachable.
const IPV6_REACHABLE: [(u64, u32); 4] = [
    (0x2001_0003_0000_0000, 32), // AMT
    (0x2001_0004_0112_0000, 48), // AS112
    (0x2001_0020_0000_0000, 28), // ORCHIDv2
    (0x2001_0030_0000_0000, 28), // drone remote identification
];
