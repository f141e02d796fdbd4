//! Network interfaces, read whole from sysfs each time something may have changed. Netlink only says *when* to look:
//! nothing is parsed, a lost message costs nothing, and a renamed card is one that left and one that came.

use std::collections::{BTreeMap, BTreeSet};

use crate::root::Root;

/// `ARPHRD_ETHER` and `ARPHRD_LOOPBACK` of if_arp.h.
const ETHERNET: &str = "1";
const LOOPBACK: &str = "772";
/// `IFF_UP` of if.h.
const UP: u32 = 1;

/// An interface that is the agent's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Administratively up: without it no cable is seen.
    pub(crate) up: bool,
    /// A cable with somebody at the other end.
    pub(crate) carrier: bool,
}

/// What kind of interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `lo`.
    Loopback,
    /// A card with a cable; not Wi-Fi, not a virtual one (bridge, VLAN, veth), which others look after.
    Wired,
}

/// Where a network card sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    /// Not on USB, where cards come and go.
    BuiltIn,
    /// Anywhere.
    Any,
}

/// What is to be done about one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Set it up.
    BringUp(String),
    /// There is a carrier now: ask for an address.
    StartDhcp(String),
    /// The cable is gone. The address stays, for a cable that comes back.
    StopDhcp(String),
    /// The card is gone, and all it was given with it.
    Forget(String),
}

/// All interfaces that are the agent's business, by name.
pub(crate) fn links(root: &Root) -> Vec<Link> {
    root.names("sys/class/net").into_iter().filter_map(|name| link(root, name)).collect()
}

fn link(root: &Root, name: String) -> Option<Link> {
    let attribute = |attribute: &str| root.text(format!("sys/class/net/{name}/{attribute}"));
    let kind = match attribute("type")?.as_str() {
        LOOPBACK => Kind::Loopback,
        ETHERNET if is_wired_card(root, &name) => Kind::Wired,
        _ => return None,
    };
    let flags = attribute("flags").and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    // Reading the carrier of an interface that is down is an error.
    let carrier = attribute("carrier").as_deref() == Some("1");
    Some(Link { kind, up: flags.is_some_and(|flags| flags & UP != 0), carrier, name })
}

fn is_wired_card(root: &Root, name: &str) -> bool {
    let has = |part: &str| root.path(format!("sys/class/net/{name}/{part}")).exists();
    has("device") && !has("wireless") && !has("phy80211")
}

/// What has to be done, given the interfaces that a DHCP client is at work on.
pub(crate) fn actions(links: &[Link], clients: &BTreeSet<String>) -> Vec<Action> {
    let mut actions: Vec<Action> =
        links.iter().filter(|link| !link.up).map(|link| Action::BringUp(link.name.clone())).collect();
    let live: BTreeSet<&String> = links
        .iter()
        .filter(|link| link.kind == Kind::Wired && link.up && link.carrier)
        .map(|link| &link.name)
        .collect();
    let there = |name: &String| links.iter().any(|link| link.name == *name);
    let stop = |name: &String| if there(name) { Action::StopDhcp(name.clone()) } else { Action::Forget(name.clone()) };
    actions.extend(clients.iter().filter(|name| !live.contains(name)).map(stop));
    actions.extend(live.into_iter().filter(|name| !clients.contains(*name)).cloned().map(Action::StartDhcp));
    actions
}

/// The address that the maker gave the first such card (`addr_assign_type` 0, NET_ADDR_PERM).
pub(crate) fn permanent_address(root: &Root, bus: Bus) -> Option<String> {
    root.names("sys/class/net").into_iter().filter(|name| is_wired_card(root, name)).find_map(|name| {
        let device = root.path(format!("sys/class/net/{name}/device")).canonicalize().ok()?;
        if bus == Bus::BuiltIn && device.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb"))
        {
            return None;
        }
        let permanent = root.text(format!("sys/class/net/{name}/addr_assign_type")).as_deref() == Some("0");
        root.text(format!("sys/class/net/{name}/address")).filter(|_| permanent)
    })
}

/// Every interface's addresses, link-local IPv6 included, as text.
///
/// # Errors
/// The kernel doesn't tell.
pub(crate) fn addresses() -> nix::Result<BTreeMap<String, Vec<String>>> {
    let mut addresses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in nix::ifaddrs::getifaddrs()? {
        let Some(address) = entry.address else { continue };
        let text = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => v4.ip().to_string(),
            (_, Some(v6)) => v6.ip().to_string(),
            _ => continue,
        };
        addresses.entry(entry.interface_name).or_default().push(text);
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests;
