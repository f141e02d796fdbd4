//! Devices on the way of the sound don't go to sleep.

use super::{ALWAYS, Knob, Machine, Place, Target, When};
use crate::{
    knobs::Condition,
    root::Root,
    topology::{Vendor, pci_function, usb_path},
};

const USB: &str = "Documentation/driver-api/usb/power-management.rst";
const PCI: &str = "Documentation/ABI/testing/sysfs-bus-pci";

/// The PCI functions between the network and the DAC, and the bridges' other ends: the RP1 on a Pi 5.
fn functions(machine: &Machine) -> Vec<String> {
    let topology = &machine.topology;
    let nics = topology.nics.iter().map(|nic| &nic.device);
    let hosts = topology.usb_hosts.iter().map(|host| &host.device);
    let cards = topology.sound_cards.iter().map(|card| &card.device);
    let mut functions: Vec<String> =
        nics.chain(hosts).chain(cards).filter_map(|device| pci_function(device)).map(str::to_owned).collect();
    functions.sort();
    functions.dedup();
    functions
}

/// Those of `names` that the functions have.
fn attributes(machine: &Machine, names: &[&str], want: &str) -> Vec<Target> {
    let exists = |root: &Root, place: &String| root.path(place).exists();
    let functions = functions(machine);
    let places = functions.iter().flat_map(|function| names.iter().map(move |name| format!("{function}/{name}")));
    places.filter(|place| exists(machine.root, place)).map(|place| Target::new(Place::Words(place), want)).collect()
}

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "usb-autosuspend",
        what: "nothing on the USB is put to sleep by itself",
        why: "a DAC or a hub that wakes up loses what came first",
        source: USB,
        when: When::Boot,
        applies_if: ALWAYS,
        place: "sys/module/usbcore/parameters/autosuspend",
        want: "-1",
        targets: |_, knob| vec![Target::new(Place::Words(knob.place.to_owned()), knob.want)],
    },
    Knob {
        name: "usb-dac-awake",
        what: "the DAC and the hubs before it stay awake",
        why: "those that were there before the above was set have their own setting",
        source: USB,
        when: When::Boot,
        applies_if: Condition {
            text: "with a USB DAC",
            holds: |machine| machine.topology.sound_cards.iter().any(|card| card.bus.is_some()),
        },
        place: "sys/bus/usb/devices/*/power/control",
        want: "on",
        targets: |machine, knob| {
            let mut places: Vec<&str> =
                machine.topology.sound_cards.iter().flat_map(|card| usb_path(&card.device)).collect();
            places.sort_unstable();
            places.dedup();
            places
                .into_iter()
                .map(|place| Target::new(Place::Words(format!("{place}/power/control")), knob.want))
                .collect()
        },
    },
    Knob {
        name: "pci-awake",
        what: "network card, USB host and sound card stay awake",
        why: "waking up takes milliseconds",
        source: "Documentation/ABI/testing/sysfs-devices-power",
        when: When::Boot,
        applies_if: ALWAYS,
        place: "sys/bus/pci/devices/*/power/control",
        want: "on",
        targets: |machine, knob| attributes(machine, &["power/control"], knob.want),
    },
    Knob {
        name: "pci-aspm",
        what: "their links stay awake (ASPM), on a Raspberry Pi 5 the RP1's",
        why: "a link that sleeps takes tens of microseconds to wake up; suspected of lost packets on a Pi 5",
        source: PCI,
        when: When::Boot,
        applies_if: ALWAYS,
        place: "sys/bus/pci/devices/*/link/l1_aspm, l0s_aspm, l1_1_aspm, l1_2_aspm, clkpm",
        want: "0",
        targets: |machine, knob| {
            attributes(
                machine,
                &["link/l1_1_aspm", "link/l1_2_aspm", "link/l1_aspm", "link/l0s_aspm", "link/clkpm"],
                knob.want,
            )
        },
    },
    Knob {
        name: "pi-config",
        what: "the firmware shows nothing, waits for nothing and looks for no camera or screen (disable_splash, boot_delay, …)",
        why: "a second sooner; the clock is the governor's to hold, and the voltage is left alone",
        source: "board/rpi/config.txt",
        when: When::Build,
        applies_if: Condition {
            text: "on a Raspberry Pi",
            holds: |machine| machine.topology.vendor == Vendor::RaspberryPi,
        },
        place: "the slot's config.txt, which nobody can read once the machine has started",
        want: "as in board/rpi/config.txt",
        targets: |_, _| Vec::new(),
    },
];
