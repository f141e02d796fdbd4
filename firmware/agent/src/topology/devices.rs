//! Network cards, USB hosts and sound cards, and the interrupts that they have. A device's place on the buses is the path that
//! its link in sysfs leads to.

use std::collections::BTreeSet;

use super::{Cpus, Interrupts};
use crate::{net, root::Root};

/// Buses are nested less deeply than this on any machine.
const DEEPEST: usize = 32;

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Nic {
    pub(crate) name: String,
    /// Its place below the root: `sys/devices/…`.
    pub(crate) device: String,
    /// None of its own if it hangs on the USB.
    pub(crate) interrupts: Cpus,
    /// `rx-0`, `tx-0`, …
    pub(crate) queues: BTreeSet<String>,
    pub(crate) on_usb: bool,
    /// The memory node that it is nearest to; None if it doesn't matter.
    pub(crate) node: Option<u32>,
}

/// A USB host controller.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct UsbHost {
    /// Its place below the root.
    pub(crate) device: String,
    /// The numbers of its root hubs.
    pub(crate) buses: BTreeSet<u32>,
    pub(crate) interrupts: Cpus,
    pub(crate) node: Option<u32>,
    /// The sound cards on it, by their short names.
    pub(crate) dacs: Vec<String>,
}

/// A sound card.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct SoundCard {
    /// As `hw:` takes it.
    pub(crate) id: String,
    /// Its place below the root.
    pub(crate) device: String,
    /// Its own; none if it is on the USB.
    pub(crate) interrupts: Cpus,
    /// The number of the USB's root hub that it hangs on.
    pub(crate) bus: Option<u32>,
}

pub(super) fn nics(root: &Root, interrupts: &Interrupts) -> Vec<Nic> {
    let wired = net::links(root).into_iter().filter(|link| link.kind == net::Kind::Wired);
    let nic = |name: String| {
        let class = format!("sys/class/net/{name}");
        let device = root.canonical(format!("{class}/device"))?;
        let on_usb = bus_of(&device).is_some();
        let named = interrupts.with(|action| action == name || action.starts_with(&format!("{name}-")));
        let own = if on_usb { Cpus::new() } else { own(root, interrupts, &device) };
        let queues = root.names(format!("{class}/queues")).into_iter().collect();
        let interrupts = if own.is_empty() && !on_usb { named } else { own };
        Some(Nic { node: node(root, &device), name, interrupts, queues, on_usb, device })
    };
    wired.filter_map(|link| nic(link.name)).collect()
}

pub(super) fn sound_cards(root: &Root, interrupts: &Interrupts) -> Vec<SoundCard> {
    let card = |name: &String| {
        let class = format!("sys/class/sound/{name}");
        // Not `controlC0` and the like.
        name.strip_prefix("card")?.parse::<u32>().ok()?;
        let device = root.canonical(format!("{class}/device"))?;
        let bus = bus_of(&device);
        let interrupts = if bus.is_some() { Cpus::new() } else { own(root, interrupts, &device) };
        Some(SoundCard { id: root.text(format!("{class}/id"))?, device, interrupts, bus })
    };
    root.names("sys/class/sound").iter().filter_map(card).collect()
}

pub(super) fn usb_hosts(root: &Root, interrupts: &Interrupts, cards: &[SoundCard]) -> Vec<UsbHost> {
    let mut hosts: Vec<UsbHost> = Vec::new();
    for name in root.names("sys/bus/usb/devices") {
        let bus = name.strip_prefix("usb").and_then(|number| number.parse().ok());
        let place = bus.and_then(|_| root.canonical(format!("sys/bus/usb/devices/{name}")));
        let (Some(bus), Some((device, _))) = (bus, place.as_deref().and_then(|place| place.rsplit_once('/'))) else {
            continue;
        };
        // One controller has a root hub for each generation of the bus.
        if let Some(host) = hosts.iter_mut().find(|host| host.device == device) {
            host.buses.insert(bus);
            continue;
        }
        hosts.push(UsbHost {
            device: device.to_owned(),
            buses: [bus].into(),
            interrupts: own(root, interrupts, device),
            node: node(root, device),
            dacs: Vec::new(),
        });
    }
    for host in &mut hosts {
        if host.interrupts.is_empty() {
            // A platform's own host: `xhci-hcd:usb1`.
            let named = |action: &str| host.buses.iter().any(|bus| action.ends_with(&format!(":usb{bus}")));
            host.interrupts = interrupts.with(named);
        }
        let on_it = cards.iter().filter(|card| card.bus.is_some_and(|bus| host.buses.contains(&bus)));
        host.dacs = on_it.map(|card| card.id.clone()).collect();
    }
    hosts
}

/// The interrupts of the nearest ancestor that has some, itself included: a virtio card's are its PCI function's.
fn own(root: &Root, interrupts: &Interrupts, device: &str) -> Cpus {
    ancestors(device)
        .map(|device| interrupts.of_device(root, device))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// The kernel says -1 where it doesn't know, or where there is one node only.
fn node(root: &Root, device: &str) -> Option<u32> {
    ancestors(device).find_map(|device| root.text(format!("{device}/numa_node")))?.parse().ok()
}

/// A place and those above it, up to the bus' own.
fn ancestors(device: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(device), |device| device.rsplit_once('/').map(|(above, _)| above))
        .take(DEEPEST)
        .take_while(|device| device.starts_with("sys/devices/"))
}

/// The number of the USB's root hub that a place is below.
fn bus_of(device: &str) -> Option<u32> {
    device.split('/').find_map(|part| part.strip_prefix("usb")?.parse().ok())
}

/// A USB device's place and those of the hubs before it, the root hub last: `…/usb1/1-2/1-2.1`, for a place at or below it.
pub(crate) fn usb_path(device: &str) -> Vec<&str> {
    let is_device = |place: &&str| {
        let name = place.rsplit('/').next().unwrap_or_default();
        // An interface has a colon: `1-2:1.0`.
        let numbered = name.starts_with(|c: char| c.is_ascii_digit()) && name.contains('-') && !name.contains(':');
        numbered || name.strip_prefix("usb").is_some_and(|number| number.parse::<u32>().is_ok())
    };
    if bus_of(device).is_none() { Vec::new() } else { ancestors(device).filter(is_device).collect() }
}

/// The nearest PCI function at or above a place: `0000:00:14.0`.
pub(crate) fn pci_function(device: &str) -> Option<&str> {
    let is_function = |place: &&str| {
        let name = place.rsplit('/').next().unwrap_or_default();
        name.len() >= 12
            && name.split([':', '.']).count() == 4
            && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.')
    };
    ancestors(device).find(is_function)
}
