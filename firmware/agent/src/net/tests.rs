use std::{fs, os::unix::fs::symlink};

use super::*;

/// A machine as sysfs shows it: interfaces are links into the device tree.
struct Machine {
    _directory: tempfile::TempDir,
    root: Root,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        fs::create_dir_all(root.path("sys/class/net")).unwrap();
        Self { _directory: directory, root }
    }

    fn card(self, name: &str, device: Option<&str>, attributes: &[(&str, &str)]) -> Self {
        let directory = self.root.path(format!("sys/class/net/{name}"));
        fs::create_dir_all(&directory).unwrap();
        if let Some(device) = device {
            let device = self.root.path(format!("sys/devices/{device}"));
            fs::create_dir_all(&device).unwrap();
            symlink(device, directory.join("device")).unwrap();
        }
        for (attribute, text) in attributes {
            fs::write(directory.join(attribute), format!("{text}\n")).unwrap();
        }
        self
    }
}

const PCI: Option<&str> = Some("pci0000:00/0000:00:03.0");
const USB: Option<&str> = Some("pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0");

fn wired(name: &str, up: bool, carrier: bool) -> Link {
    Link { name: name.to_owned(), kind: Kind::Wired, up, carrier }
}

#[test]
fn only_cards_with_a_cable_and_loopback_are_ours() {
    let machine = Machine::new()
        .card("lo", None, &[("type", "772"), ("flags", "0x8")])
        .card("eth0", PCI, &[("type", "1"), ("flags", "0x1003"), ("carrier", "1")])
        .card("eth1", USB, &[("type", "1"), ("flags", "0x1002"), ("carrier", "")])
        .card("wlan0", PCI, &[("type", "1"), ("flags", "0x1002"), ("phy80211", "")])
        .card("br0", None, &[("type", "1"), ("flags", "0x1003")])
        .card("sit0", None, &[("type", "776"), ("flags", "0x80")]);
    let loopback = Link { name: "lo".to_owned(), kind: Kind::Loopback, up: false, carrier: false };
    assert_eq!(links(&machine.root), [wired("eth0", true, true), wired("eth1", false, false), loopback]);
}

#[test]
fn without_sysfs_there_is_nothing() {
    let directory = tempfile::tempdir().unwrap();
    assert!(links(&Root::new(directory.path())).is_empty());
}

#[test]
fn what_is_down_is_brought_up_and_only_then_asked_for_an_address() {
    let none = BTreeSet::new();
    assert_eq!(actions(&[wired("eth0", false, false)], &none), [Action::BringUp("eth0".to_owned())]);
    assert_eq!(actions(&[wired("eth0", true, false)], &none), []);
    assert_eq!(actions(&[wired("eth0", true, true)], &none), [Action::StartDhcp("eth0".to_owned())]);
}

#[test]
fn a_client_follows_its_cable() {
    let client = BTreeSet::from(["eth0".to_owned()]);
    assert_eq!(actions(&[wired("eth0", true, true)], &client), []);
    assert_eq!(actions(&[wired("eth0", true, false)], &client), [Action::StopDhcp("eth0".to_owned())]);
    assert_eq!(actions(&[], &client), [Action::Forget("eth0".to_owned())]);
}

#[test]
fn a_renamed_card_is_one_that_left_and_one_that_came() {
    let client = BTreeSet::from(["eth0".to_owned()]);
    assert_eq!(
        actions(&[wired("enp3s0", true, true)], &client),
        [Action::Forget("eth0".to_owned()), Action::StartDhcp("enp3s0".to_owned())]
    );
}

#[test]
fn loopback_gets_no_address_from_the_network() {
    let loopback = Link { name: "lo".to_owned(), kind: Kind::Loopback, up: true, carrier: true };
    assert_eq!(actions(&[loopback], &BTreeSet::new()), []);
}

#[test]
fn a_built_in_cards_own_address_marks_the_machine() {
    let permanent = [("addr_assign_type", "0"), ("address", "52:54:00:12:34:56")];
    let random = [("addr_assign_type", "1"), ("address", "02:00:00:00:00:01")];
    let machine = Machine::new().card("eth0", USB, &permanent).card("eth1", PCI, &random);
    assert_eq!(permanent_address(&machine.root, Bus::BuiltIn), None);
    assert_eq!(permanent_address(&machine.root, Bus::Any).as_deref(), Some("52:54:00:12:34:56"));
    let machine = machine.card("eth2", PCI, &[("addr_assign_type", "0"), ("address", "52:54:00:00:00:02")]);
    assert_eq!(permanent_address(&machine.root, Bus::BuiltIn).as_deref(), Some("52:54:00:00:00:02"));
}

#[test]
fn this_machines_addresses_are_addresses() {
    let addresses = addresses().unwrap();
    assert!(addresses.values().flatten().all(|text| text.parse::<std::net::IpAddr>().is_ok()), "{addresses:?}");
}
