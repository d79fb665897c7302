use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::FetchError;

/// Whether an address is none of a public server: one of this machine, of a private network, of many
/// hosts at once, of documentation, of another special use, or not assigned for use at all.
///
/// From the registries for [IPv4] and [IPv6], the few ranges that they call globally reachable
/// included, as nobody serves documents there. Addresses that carry an IPv4 address (mapped, 6to4, the
/// well-known prefix of NAT64) are judged by what they carry. Outside of `2000::/3` no IPv6 address
/// is public, so a range registered later is covered too.
///
/// ```
/// use oidc_op::is_special_use;
///
/// assert!(is_special_use("169.254.169.254".parse().unwrap()));
/// assert!(is_special_use("::ffff:10.0.0.1".parse().unwrap()));
/// assert!(!is_special_use("1.1.1.1".parse().unwrap()));
/// ```
///
/// [IPv4]: https://www.iana.org/assignments/iana-ipv4-special-registry
/// [IPv6]: https://www.iana.org/assignments/iana-ipv6-special-registry
pub fn is_special_use(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => is_special_v6(address),
    }
}

/// Whether a URL is https, and the address that stands in it, if one does, may be reached.
pub(super) fn admits(
    url: &str,
    may_reach: impl Fn(&str, IpAddr) -> bool,
) -> Result<(), FetchError> {
    let Ok(parsed) = Url::parse(url) else { return Err(FetchError::Refused("it is not a URL")) };
    if parsed.scheme() != "https" {
        return Err(FetchError::Refused("only https is followed"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(FetchError::Refused("it has user information"));
    }
    let (Some(host), Some(name)) = (parsed.host(), parsed.host_str()) else {
        return Err(FetchError::Refused("it has no host"));
    };
    let name = name.trim_end_matches('.');
    let address = match host {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        // RFC 6761 §6.3: this machine, whatever a resolver says.
        Host::Domain(_) if name == "localhost" || name.ends_with(".localhost") => {
            Some(Ipv4Addr::LOCALHOST.into())
        }
        Host::Domain(_) => None,
    };
    if address.is_none_or(|address| may_reach(name, address)) {
        Ok(())
    } else {
        Err(FetchError::Refused("its address is of special use"))
    }
}

/// First address and length of the prefix, in the order of the registry, then multicast.
const SPECIAL_V4: [(Ipv4Addr, u8); 18] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared, carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local; cloud metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // IETF protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24), // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24), // AMT
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(192, 175, 48, 0), 24), // AS112
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved; broadcast
];

/// The same within `2000::/3`.
const SPECIAL_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // IETF protocol assignments; Teredo
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

const GLOBAL_UNICAST: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

fn is_special_v4(address: Ipv4Addr) -> bool {
    SPECIAL_V4.iter().any(|&(first, length)| is_within(v4_bits(address), v4_bits(first), length))
}

fn is_special_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = embedded_v4(address) {
        return is_special_v4(inner);
    }
    let within =
        |&(first, length): &(Ipv6Addr, u8)| is_within(address.into(), first.into(), length);
    !within(&GLOBAL_UNICAST) || SPECIAL_V6.iter().any(within)
}

/// The IPv4 address behind a mapped one (RFC 4291 §2.5.5.2), a translated one with the well-known
/// prefix (RFC 6052 §2.1) and a 6to4 one (RFC 3056 §2): the packets end up there.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(v4(high, low))
        }
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// Whether an address is in the network that begins with this one; a mapped address is the IPv4
/// address that it stands for.
#[cfg(any(feature = "fetch", test))]
pub(super) fn is_in_network(address: IpAddr, (first, length): (IpAddr, u8)) -> bool {
    match (address.to_canonical(), first) {
        (IpAddr::V4(address), IpAddr::V4(first)) => {
            is_within(v4_bits(address), v4_bits(first), length)
        }
        (IpAddr::V6(address), IpAddr::V6(first)) => is_within(address.into(), first.into(), length),
        _ => false,
    }
}

/// Whether two addresses have their first bits in common.
fn is_within(address: u128, first: u128, length: u8) -> bool {
    (address ^ first).checked_shr(u128::BITS.saturating_sub(length.into())).unwrap_or(0) == 0
}

/// An IPv4 address as a number whose first bits are the address.
fn v4_bits(address: Ipv4Addr) -> u128 {
    u128::from(u32::from(address)) << 96
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn special(address: &str) -> bool {
        is_special_use(address.parse().unwrap())
    }

    /// Per range of the registries its first and last address; SS-02.
    const SPECIAL: &[&str] = &[
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.0",
        "192.88.99.255",
        "192.168.0.0",
        "192.168.255.255",
        "192.175.48.1",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",           // IPv4-compatible, deprecated
        "::ffff:10.0.0.1",    // mapped
        "::ffff:127.0.0.1",   // mapped
        "::ffff:0:10.0.0.1",  // translated, RFC 2765
        "64:ff9b::10.0.0.1",  // NAT64
        "64:ff9b:1::",        // local NAT64
        "64:ff9b:1::8.8.8.8", // local NAT64: where the address stands is anybody's guess
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        "100::",
        "100::ffff:ffff:ffff:ffff",
        "100:0:0:1::",
        "2001::",
        "2001:0:7f00:1::", // Teredo
        "2001:1::1",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2002:a00:1::",  // 6to4 of 10.0.0.1
        "2002:7f00:1::", // 6to4 of 127.0.0.1
        "2620:4f:8000::1",
        "3fff::",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "4000::",
        "5f00::",
        "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fc00::",
        "fd00::1",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::",
        "fe80::1",
        "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fec0::",
        "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "ff00::",
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ];

    /// The neighbours of those ranges, and public servers.
    const PUBLIC: &[&str] = &[
        "1.0.0.0",
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.31.195.255",
        "192.31.197.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2000::1",
        "2001:200::",
        "2001:4860:4860::8888",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2002:808:808::",
        "2003::",
        "2606:4700:4700::1111",
        "2620:4f:7fff::",
        "2620:4f:8001::",
        "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::",
    ];

    #[test]
    fn ss_02_special_use_addresses_are_told_from_public_ones() {
        for address in SPECIAL {
            assert!(special(address), "{address}");
        }
        for address in PUBLIC {
            assert!(!special(address), "{address}");
        }
    }

    #[test]
    fn f_21_carrying_a_special_address_is_special() {
        for inner in SPECIAL.iter().filter_map(|address| address.parse::<Ipv4Addr>().ok()) {
            let [a, b, c, d] = inner.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for outer in [
                inner.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                inner.to_ipv6_compatible(),
            ] {
                assert!(is_special_use(outer.into()), "{outer}");
            }
        }
    }

    #[test]
    fn networks_of_any_length() {
        let address = "10.1.2.3".parse().unwrap();
        for (first, length, within) in [
            ("10.1.2.3", 32, true),
            ("10.1.2.2", 32, false),
            ("10.1.2.2", 31, true),
            ("10.0.0.0", 8, true),
            ("11.0.0.0", 8, false),
            ("255.0.0.0", 0, true),
            ("::", 0, false),
        ] {
            let network = (first.parse().unwrap(), length);
            assert_eq!(is_in_network(address, network), within, "{network:?}");
        }
        let mapped = "::ffff:10.1.2.3".parse().unwrap();
        assert!(is_in_network(mapped, ("10.0.0.0".parse().unwrap(), 8)));
        let v6 = "fd00::1".parse().unwrap();
        assert!(is_in_network(v6, ("fd00::".parse().unwrap(), 8)));
        assert!(is_in_network(v6, ("fd00::1".parse().unwrap(), 128)));
        assert!(!is_in_network(v6, ("fd00::2".parse().unwrap(), 128)));
        assert!(is_in_network(v6, ("::".parse().unwrap(), 0)));
    }

    proptest! {
        /// What the standard library knows to be special is.
        #[test]
        fn f_21_ipv4_as_the_standard_library_has_it(bits in any::<u32>(), head in 0..=255_u8) {
            let [_, b, c, d] = bits.to_be_bytes();
            let address = Ipv4Addr::new(head, b, c, d);
            let known = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!known || is_special_use(address.into()));
            let special = is_special_use(address.into());
            prop_assert_eq!(is_special_use(address.to_ipv6_mapped().into()), special);
        }

        #[test]
        fn f_21_ipv6_as_the_standard_library_has_it(bits in any::<u128>(), head in any::<u8>()) {
            let address = Ipv6Addr::from((bits >> 8) | (u128::from(head) << 120));
            let known = address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local();
            prop_assert!(!known || is_special_use(address.into()));
        }
    }
}
