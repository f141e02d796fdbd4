//! Interfaces, and which of their addresses control points are told (D2).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use upnp::network::Network;

/// One IPv4 address of an interface that is up and has a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) interface: String,
    /// As the kernel counts interfaces.
    pub(super) index: u32,
    pub(super) address: Ipv4Addr,
    /// Length of the network's prefix.
    pub(super) prefix: u8,
    /// Loopback, or without multicast: used only if it was asked for.
    pub(super) only_if_wanted: bool,
}

/// An interface as it was named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Name(String),
    Address(Ipv4Addr),
}

impl Wanted {
    /// Takes an address for an address, and everything else for a name.
    pub(crate) fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Address)
    }

    fn matches(&self, address: &Address) -> bool {
        match self {
            Self::Name(name) => address.interface == *name,
            Self::Address(wanted) => address.address == *wanted,
        }
    }
}

/// Where to be found: one address of each interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Endpoint {
    pub(super) index: u32,
    pub(super) address: Ipv4Addr,
}

/// The addresses as they are now.
pub(super) fn addresses() -> std::io::Result<Vec<Address>> {
    let mut found = Vec::new();
    for entry in getifaddrs()? {
        // Without a carrier nobody can be told anything; with it again, it is like a new address.
        if !entry.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING) {
            continue;
        }
        let Some(address) = entry.address.as_ref().and_then(|address| address.as_sockaddr_in()) else { continue };
        let mask = entry.netmask.as_ref().and_then(|mask| mask.as_sockaddr_in());
        let prefix = mask.map_or(32, |mask| mask.ip().to_bits().count_ones());
        let Ok(index) = if_nametoindex(entry.interface_name.as_str()) else { continue };
        found.push(Address {
            interface: entry.interface_name,
            index,
            address: address.ip(),
            prefix: u8::try_from(prefix).unwrap_or(32),
            only_if_wanted: entry.flags.contains(InterfaceFlags::IFF_LOOPBACK)
                || !entry.flags.contains(InterfaceFlags::IFF_MULTICAST),
        });
    }
    Ok(found)
}

/// Chooses the endpoints. `wanted` empty means every interface that can reach somebody; `listening` is the address that the HTTP
/// server listens on, if it is not all of them.
///
/// A link-local address is used only where an interface has no other.
pub(super) fn endpoints(addresses: &[Address], wanted: &[Wanted], listening: Option<Ipv4Addr>) -> Vec<Endpoint> {
    let mut chosen = BTreeMap::<u32, Ipv4Addr>::new();
    for address in addresses {
        let is_wanted = if wanted.is_empty() {
            !address.only_if_wanted
        } else {
            wanted.iter().any(|wanted| wanted.matches(address))
        };
        if !is_wanted || listening.is_some_and(|listening| listening != address.address) {
            continue;
        }
        let best = chosen.entry(address.index).or_insert(address.address);
        if best.is_link_local() && !address.address.is_link_local() {
            *best = address.address;
        }
    }
    chosen.into_iter().map(|(index, address)| Endpoint { index, address }).collect()
}

/// The networks, for deciding who is near.
pub(super) fn networks(addresses: &[Address]) -> Vec<Network> {
    addresses.iter().map(|found| Network { address: IpAddr::V4(found.address), prefix: found.prefix }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(index: u32, address: [u8; 4]) -> Address {
        let interface = if index == 1 { "lo".to_owned() } else { format!("eth{}", index - 2) };
        Address { interface, index, address: address.into(), prefix: 24, only_if_wanted: index == 1 }
    }

    fn chosen(addresses: &[Address], wanted: &[&str], listening: Option<[u8; 4]>) -> Vec<[u8; 4]> {
        let wanted: Vec<_> = wanted.iter().map(|text| Wanted::parse(text)).collect();
        let endpoints = endpoints(addresses, &wanted, listening.map(Ipv4Addr::from));
        endpoints.into_iter().map(|endpoint| endpoint.address.octets()).collect()
    }

    const LO: [u8; 4] = [127, 0, 0, 1];
    const HOME: [u8; 4] = [192, 168, 1, 7];
    const LINK: [u8; 4] = [169, 254, 3, 4];

    #[test]
    fn d02_never_localhost_unless_asked_for() {
        let all = [address(1, LO), address(2, HOME)];
        assert_eq!(chosen(&all, &[], None), [HOME]);
        assert_eq!(chosen(&all, &["lo"], None), [LO]);
        assert_eq!(chosen(&all, &["127.0.0.1"], None), [LO]);
    }

    #[test]
    fn d02_link_local_only_if_it_is_the_only_address() {
        assert_eq!(chosen(&[address(2, LINK)], &[], None), [LINK]);
        assert_eq!(chosen(&[address(2, LINK), address(2, HOME)], &[], None), [HOME]);
        assert_eq!(chosen(&[address(2, HOME), address(2, LINK)], &[], None), [HOME]);
    }

    #[test]
    fn only_where_the_server_listens() {
        let all = [address(1, LO), address(2, HOME), address(3, [10, 0, 0, 1])];
        assert_eq!(chosen(&all, &[], Some(HOME)), [HOME]);
        assert_eq!(chosen(&all, &["lo", "eth1"], None), [LO, [10, 0, 0, 1]]);
        assert_eq!(chosen(&all, &["eth7"], None), [[0; 4]; 0]);
    }
}
