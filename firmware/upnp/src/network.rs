//! Which addresses are neighbours: the networks of the device's interfaces.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One address of an interface with the length of its network prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// The interface's own address.
    pub address: IpAddr,
    /// Leading bits that the network's addresses share: 0 … 32 for IPv4, 0 … 128 for IPv6; more counts as all.
    pub prefix: u8,
}

impl Network {
    /// Whether `address` can be a host of this network: not its broadcast or network address, nor multicast.
    pub fn has_host(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = mask_v4(self.prefix);
                // a /31 and a /32 have neither network nor broadcast address (RFC 3021)
                let edge = self.prefix < 31 && (other.to_bits() & !mask == 0 || other.to_bits() | mask == u32::MAX);
                own.to_bits() & mask == other.to_bits() & mask && !edge && is_unicast_v4(other)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = mask_v6(self.prefix);
                own.to_bits() & mask == other.to_bits() & mask && is_unicast_v6(other)
            }
            _ => false,
        }
    }
}

fn mask_v4(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32u32.saturating_sub(u32::from(prefix))).unwrap_or(0)
}

fn mask_v6(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128u32.saturating_sub(u32::from(prefix))).unwrap_or(0)
}

const fn is_unicast_v4(address: Ipv4Addr) -> bool {
    !address.is_unspecified() && !address.is_broadcast() && !address.is_multicast()
}

const fn is_unicast_v6(address: Ipv6Addr) -> bool {
    !address.is_unspecified() && !address.is_multicast()
}

/// Whether one host can have the address.
pub fn is_unicast(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_unicast_v4(v4),
        IpAddr::V6(v6) => is_unicast_v6(v6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str, prefix: u8) -> Network {
        Network { address: address.parse().unwrap(), prefix }
    }

    fn has(network: Network, address: &str) -> bool {
        network.has_host(address.parse().unwrap())
    }

    #[test]
    fn hosts_of_a_network() {
        let home = network("192.168.1.7", 24);
        assert!(has(home, "192.168.1.200"));
        assert!(has(home, "::ffff:192.168.1.200"), "IPv4 seen by a dual-stack socket");
        for foreign in ["192.168.2.1", "192.168.1.0", "192.168.1.255", "8.8.8.8", "fe80::1"] {
            assert!(!has(home, foreign), "{foreign}");
        }
    }

    #[test]
    fn odd_prefixes() {
        assert!(has(network("10.0.0.1", 31), "10.0.0.0"));
        assert!(!has(network("10.0.0.1", 32), "10.0.0.0"));
        assert!(has(network("10.0.0.1", 0), "9.9.9.9"));
        assert!(!has(network("10.0.0.1", 0), "255.255.255.255"));
        assert!(has(network("10.0.0.1", 200), "10.0.0.1"));
        assert!(has(network("fe80::1", 64), "fe80::2"));
        assert!(!has(network("fe80::1", 64), "fd00::2"));
        assert!(!has(network("::", 0), "ff02::c"));
    }
}
