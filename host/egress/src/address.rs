//! Which addresses a request may go to, judged by the address alone. It must not know names, ports or accounts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Which addresses an account's requests may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Networks {
    /// What the internet routes.
    Public,
    /// Also the operator's own networks, because the operator allowed it.
    PublicAndPrivate,
}

/// An address that a request may not go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// One of the operator's own networks.
    #[error("{0} is a private address; allow_private_network lets requests go there")]
    Private(IpAddr),
    /// No CRM lives there: link-local and metadata services, multicast, unspecified, reserved, documentation.
    #[error("{0} is no address of a server ({1})")]
    Special(IpAddr, &'static str),
}

impl Networks {
    /// Whether a request may go to this address.
    pub fn check(self, address: IpAddr) -> Result<(), Forbidden> {
        match class(address) {
            Class::Public => Ok(()),
            Class::Private if self == Self::PublicAndPrivate => Ok(()),
            Class::Private => Err(Forbidden::Private(address)),
            Class::Special(what) => Err(Forbidden::Special(address, what)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Public,
    Private,
    Special(&'static str),
}

use Class::{Private, Special};

/// Where cloud providers answer questions about the machine itself, outside the link-local network.
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// IANA's special-purpose registry, as far as its addresses are not globally reachable.
const V4: [(Ipv4Net, Class); 16] = [
    (v4(0, 0, 0, 0, 8), Special("unspecified")),
    (v4(10, 0, 0, 0, 8), Private),
    (v4(100, 64, 0, 0, 10), Private),
    (v4(127, 0, 0, 0, 8), Private),
    (v4(169, 254, 0, 0, 16), Special("link-local")),
    (v4(172, 16, 0, 0, 12), Private),
    (v4(192, 0, 0, 0, 24), Special("reserved")),
    (v4(192, 0, 2, 0, 24), Special("documentation")),
    (v4(192, 88, 99, 0, 24), Special("reserved")),
    (v4(192, 168, 0, 0, 16), Private),
    (v4(198, 18, 0, 0, 15), Special("benchmarking")),
    (v4(198, 51, 100, 0, 24), Special("documentation")),
    (v4(203, 0, 113, 0, 24), Special("documentation")),
    (v4(224, 0, 0, 0, 4), Special("multicast")),
    (v4(255, 255, 255, 255, 32), Special("broadcast")),
    (v4(240, 0, 0, 0, 4), Special("reserved")),
];

const V6: [(Ipv6Net, Class); 11] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Special("unspecified")),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Private),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Private),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), Special("discard")),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Special("reserved")),
    (
        v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
        Special("documentation"),
    ),
    (
        v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
        Special("documentation"),
    ),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Private),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Special("link-local")),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Private),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Special("multicast")),
];

/// The global unicast block and the translation prefix; everything else is nobody's yet.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
const COMPATIBLE: Ipv6Net = v6([0, 0, 0, 0, 0, 0, 0, 0], 96);

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    if address == METADATA_V4 {
        return Special("metadata");
    }
    V4.iter()
        .find(|(network, _)| network.contains(&address))
        .map_or(Class::Public, |(_, class)| *class)
}

fn class_v6(address: Ipv6Addr) -> Class {
    if address == METADATA_V6 {
        return Special("metadata");
    }
    if let Some((_, class)) = V6.iter().find(|(network, _)| network.contains(&address)) {
        return *class;
    }
    // An address that carries another one is what it carries: that is where the packets end.
    if let Some(carried) = carried(address) {
        return class_v4(carried);
    }
    if GLOBAL_V6.contains(&address) {
        Class::Public
    } else {
        Special("reserved")
    }
}

fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    if address.to_ipv4_mapped().is_some()
        || NAT64.contains(&address)
        || COMPATIBLE.contains(&address)
    {
        return Some(Ipv4Addr::new(a, b, c, d));
    }
    let [_, _, a, b, c, d, ..] = address.octets();
    SIX_TO_FOUR
        .contains(&address)
        .then(|| Ipv4Addr::new(a, b, c, d))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(s: [u16; 8], length: u8) -> Ipv6Net {
    let address = Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    Ipv6Net::new_assert(address, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expect: Class) {
        let parsed = address.parse().expect("an address");
        assert_eq!(class(parsed), expect, "{address}");
    }

    #[test]
    fn what_the_internet_routes_is_public() {
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            check(address, Class::Public);
        }
    }

    #[test]
    fn the_operators_own_networks_are_private() {
        for address in [
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "100.64.0.1",
            "::1",
            "fd12::1",
            "fec0::1",
            "64:ff9b:1::a00:1",
        ] {
            check(address, Private);
        }
    }

    #[test]
    fn no_server_lives_at_a_special_address() {
        check("169.254.169.254", Special("link-local"));
        check("fe80::1", Special("link-local"));
        check("fd00:ec2::254", Special("metadata"));
        check("100.100.100.200", Special("metadata"));
        check("0.0.0.0", Special("unspecified"));
        check("::", Special("unspecified"));
        check("224.0.0.1", Special("multicast"));
        check("ff02::1", Special("multicast"));
        check("255.255.255.255", Special("broadcast"));
        check("240.0.0.1", Special("reserved"));
        check("192.0.2.1", Special("documentation"));
        check("2001:db8::1", Special("documentation"));
        check("3fff::1", Special("documentation"));
        check("2001::1", Special("reserved"));
        check("4000::1", Special("reserved"));
    }

    #[test]
    fn an_address_inside_an_address_is_what_counts() {
        check("::ffff:10.0.0.1", Private);
        check("::ffff:169.254.169.254", Special("link-local"));
        check("::ffff:8.8.8.8", Class::Public);
        check("64:ff9b::10.0.0.1", Private);
        check("64:ff9b::8.8.8.8", Class::Public);
        check("2002:7f00:1::", Private);
        check("2002:a9fe:a9fe::1", Special("link-local"));
        check("::10.0.0.1", Private);
    }

    #[test]
    fn an_operator_can_allow_private_addresses_and_no_special_ones() {
        let private = "10.0.0.1".parse().expect("an address");
        let metadata = "169.254.169.254".parse().expect("an address");
        assert!(Networks::Public.check(private).is_err());
        assert!(Networks::PublicAndPrivate.check(private).is_ok());
        assert!(Networks::PublicAndPrivate.check(metadata).is_err());
    }
}
