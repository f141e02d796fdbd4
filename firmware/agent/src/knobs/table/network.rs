//! The network: room for bursts, and one core that has all the work.

use super::{ALWAYS, Knob, Machine, Place, Target, WITH_CORE, When, file};
use crate::{
    knobs::{Condition, ethtool::Feature},
    net,
    topology::cpus,
};

const NET: &str = "Documentation/admin-guide/sysctl/net.rst";
const IP: &str = "Documentation/networking/ip-sysctl.rst";
const SCALING: &str = "Documentation/networking/scaling.rst";
const ETHTOOL: &str = "Documentation/networking/ethtool-netlink.rst";

/// A setting of every card, as far as its driver has it.
fn cards(machine: &Machine, feature: Feature) -> Vec<Target> {
    let names = machine.topology.nics.iter().filter(|_| machine.root.is_machine()).map(|nic| &nic.name);
    let target = |name: &String| Some(Target::new(Place::Card(feature, name.clone()), feature.wanted(name)?));
    names.filter_map(target).collect()
}

/// A file of every queue whose name begins so.
fn queues(machine: &Machine, kind: &str, file: &str, want: &str) -> Vec<Target> {
    let of = |nic: &crate::topology::Nic| {
        let names = nic.queues.iter().filter(|queue| queue.starts_with(kind));
        let places = names.map(|queue| format!("sys/class/net/{}/queues/{queue}/{file}", nic.name));
        places.map(|place| Target::new(Place::Mask(place), want)).collect::<Vec<_>>()
    };
    machine.topology.nics.iter().flat_map(of).collect()
}

/// Whether some cable is plugged in.
fn has_cable(machine: &Machine) -> bool {
    net::links(machine.root).iter().any(|link| link.kind == net::Kind::Wired && link.carrier)
}

pub(super) const KNOBS: &[Knob] = &[
    file(
        "rmem_max",
        "proc/sys/net/core/rmem_max",
        "16777216",
        "a socket may ask for 16 MiB to receive",
        "10 ms of a burst at a gigabit are 1.2 MB",
        NET,
    ),
    file(
        "wmem_max",
        "proc/sys/net/core/wmem_max",
        "16777216",
        "a socket may ask for 16 MiB to send",
        "as for receiving",
        NET,
    ),
    file(
        "tcp_rmem",
        "proc/sys/net/ipv4/tcp_rmem",
        "4096 131072 16777216",
        "TCP's window grows up to 16 MiB",
        "a server far away fills the ring as fast as a near one",
        IP,
    ),
    file(
        "netdev_max_backlog",
        "proc/sys/net/core/netdev_max_backlog",
        "4096",
        "4096 packets may wait for their core",
        "more than a burst of 10 ms at a gigabit (833 full frames)",
        NET,
    ),
    file(
        "netdev_budget",
        "proc/sys/net/core/netdev_budget",
        "600",
        "600 packets are taken at a time",
        "a burst is taken in two turns",
        NET,
    ),
    file(
        "netdev_budget_usecs",
        "proc/sys/net/core/netdev_budget_usecs",
        "4000",
        "for 4 ms at most",
        "the network has its core to itself, and the lowest priority of all interrupts",
        NET,
    ),
    Knob {
        name: "busy-poll",
        what: "sockets ask the network card instead of waiting for it",
        why: "saves microseconds that a second of buffer doesn't need, and takes a core's power",
        source: NET,
        when: When::Boot,
        applies_if: Condition { text: "with tenuto.busy_poll=on", holds: |machine| machine.toggles.busy_poll },
        place: "proc/sys/net/core/busy_read",
        want: "50",
        targets: |_, knob| vec![Target::new(Place::Words(knob.place.to_owned()), knob.want)],
    },
    Knob {
        name: "nic-rings",
        what: "network cards have room for 1024 packets, or for as many as they can",
        why: "nothing is dropped while their core is busy",
        source: ETHTOOL,
        when: When::Boot,
        applies_if: ALWAYS,
        place: "ethtool -G",
        want: "rx 1024 tx 1024, or the card's most",
        targets: |machine, _| cards(machine, Feature::Rings),
    },
    Knob {
        name: "nic-coalescing",
        what: "a packet waits for others for 20 µs at most",
        why: "the network's core gets its work evenly, not in heaps",
        source: ETHTOOL,
        when: When::Boot,
        applies_if: ALWAYS,
        place: "ethtool -C",
        want: "usecs 20 at most, adaptive off",
        targets: |machine, _| cards(machine, Feature::Coalescing),
    },
    Knob {
        name: "nic-eee",
        what: "Energy-Efficient Ethernet is off",
        why: "the cable goes to sleep between packets; some pairs of cards lose the first ones",
        source: ETHTOOL,
        when: When::Boot,
        applies_if: ALWAYS,
        place: "ethtool --set-eee",
        want: "off",
        targets: |machine, _| cards(machine, Feature::Eee),
    },
    Knob {
        name: "nic-flow-control",
        what: "network cards neither send nor heed pause frames",
        why: "a switch may stop the music for somebody else's sake; without them it may drop packets instead: measure",
        source: ETHTOOL,
        when: When::Boot,
        applies_if: Condition {
            text: "with tenuto.flow_control=off",
            holds: |machine| machine.toggles.no_flow_control,
        },
        place: "ethtool -A",
        want: "autoneg off rx off tx off",
        targets: |machine, _| cards(machine, Feature::Pause),
    },
    Knob {
        name: "rps",
        what: "received packets are worked on where their interrupt goes, or on the network's core",
        why: "with one queue on one core there is nothing to spread; never to the engine's",
        source: SCALING,
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "sys/class/net/*/queues/rx-*/rps_cpus",
        want: "the network's core",
        targets: |machine, _| {
            let core = machine.placement.network.into_iter().collect();
            queues(machine, "rx-", "rps_cpus", &cpus::mask(&core))
        },
    },
    Knob {
        name: "xps",
        what: "the housekeeping cores send",
        why: "a queue that is the engine's core's is nobody's",
        source: SCALING,
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "sys/class/net/*/queues/tx-*/xps_cpus",
        want: "the housekeeping cores",
        targets: |machine, _| queues(machine, "tx-", "xps_cpus", &cpus::mask(&machine.placement.housekeeping)),
    },
    Knob {
        name: "wifi",
        what: "Wi-Fi is off while there is a cable",
        why: "its driver makes the worst wake-up five times longer on a Raspberry Pi",
        source: "Documentation/driver-api/rfkill.rst",
        when: When::Boot,
        applies_if: Condition { text: "with a cable plugged in", holds: has_cable },
        place: "sys/class/rfkill/*/soft",
        want: "1",
        targets: |machine, knob| {
            let all = machine.root.names("sys/class/rfkill").into_iter().map(|name| format!("sys/class/rfkill/{name}"));
            let radios = all.filter(|radio| machine.root.text(format!("{radio}/type")).as_deref() == Some("wlan"));
            radios.map(|radio| Target::new(Place::Words(format!("{radio}/soft")), knob.want)).collect()
        },
    },
    file(
        "unprivileged-port",
        "proc/sys/net/ipv4/ip_unprivileged_port_start",
        "80",
        "port 80 needs no privilege",
        "the player serves it without any",
        IP,
    ),
];
