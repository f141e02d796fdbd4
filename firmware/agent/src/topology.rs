//! What this machine is, as far as it matters for real time: cores and what they share, memory nodes, interrupts, network
//! cards, USB hosts and sound cards. Read whole from sysfs below a root that may be a recorded one; what is missing or makes no
//! sense is left out, so the worst that a broken machine gets is a plan that is less good.
//!
//! CPUs are sets, never counts: with SMT off, or a core offline, their numbers have holes.

pub(crate) mod cpus;
mod devices;
mod interrupts;
#[cfg(test)]
pub(crate) mod recorded;

use std::collections::BTreeMap;

pub(crate) use cpus::Cpus;
pub(crate) use devices::{Nic, SoundCard, UsbHost, pci_function, usb_path};
pub(crate) use interrupts::Interrupts;

use crate::root::Root;

/// Where the CPUs are.
const CPU: &str = "sys/devices/system/cpu";
/// Caches of more levels than this has no processor.
const CACHES: u32 = 8;

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Topology {
    /// As its maker calls it; empty if it doesn't say.
    pub(crate) model: String,
    pub(crate) vendor: Vendor,
    /// The CPUs that run.
    pub(crate) online: Cpus,
    /// Those that the scheduler leaves alone (`isolcpus=domain`).
    pub(crate) isolated: Cpus,
    /// Those without a tick while one thread runs (`nohz_full=`).
    pub(crate) tickless: Cpus,
    /// What is known of each online CPU.
    pub(crate) cpus: BTreeMap<u32, Cpu>,
    /// Memory nodes that have memory's CPUs, by number; empty without NUMA.
    pub(crate) nodes: BTreeMap<u32, Cpus>,
    /// Interrupts by number, with the names of what handles them.
    pub(crate) interrupts: Interrupts,
    pub(crate) nics: Vec<Nic>,
    pub(crate) usb_hosts: Vec<UsbHost>,
    pub(crate) sound_cards: Vec<SoundCard>,
}

/// Who made the processor, where a knob depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Vendor {
    Intel,
    Amd,
    /// Of a Raspberry Pi, whose boards the firmware names.
    RaspberryPi,
    #[default]
    Other,
}

/// One logical CPU.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Cpu {
    /// The CPUs of its core that run, itself included: SMT siblings.
    pub(crate) siblings: Cpus,
    /// Those that share its third-level cache (AMD: its CCD, or CCX), or all of its package where there is none.
    pub(crate) group: Cpus,
    pub(crate) kind: Kind,
}

/// Processors with two kinds of cores have fast and frugal ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Intel's E-core, or an ARM core of less capacity than the largest.
    Efficient,
    Performance,
}

impl Topology {
    /// Looks at everything.
    pub(crate) fn read(root: &Root) -> Self {
        let list = |path: String| root.text(path).and_then(|text| cpus::parse(&text)).unwrap_or_default();
        let online = list(format!("{CPU}/online"));
        let interrupts = Interrupts::read(root);
        let sound_cards = devices::sound_cards(root, &interrupts);
        Self {
            model: model(root),
            vendor: vendor(root),
            isolated: list(format!("{CPU}/isolated")),
            tickless: list(format!("{CPU}/nohz_full")),
            cpus: cpus_of(root, &online),
            nodes: nodes(root, &online),
            online,
            nics: devices::nics(root, &interrupts),
            usb_hosts: devices::usb_hosts(root, &interrupts, &sound_cards),
            sound_cards,
            interrupts,
        }
    }

    /// The memory node of a CPU; None without NUMA.
    pub(crate) fn node_of(&self, cpu: u32) -> Option<u32> {
        self.nodes.iter().find(|(_, cpus)| cpus.contains(&cpu)).map(|(node, _)| *node)
    }

    /// The interrupts of what carries sound: hosts with a DAC on them (all hosts while there is none), and cards of other buses.
    pub(crate) fn sound_interrupts(&self) -> Cpus {
        let any = self.usb_hosts.iter().any(|host| !host.dacs.is_empty());
        let hosts =
            self.usb_hosts.iter().filter(|host| !any || !host.dacs.is_empty()).flat_map(|host| &host.interrupts);
        hosts.chain(self.sound_cards.iter().flat_map(|card| &card.interrupts)).copied().collect()
    }

    /// The interrupts of network cards, without those that carry sound too (a shared line).
    pub(crate) fn network_interrupts(&self) -> Cpus {
        let sound = self.sound_interrupts();
        self.nics.iter().flat_map(|nic| &nic.interrupts).filter(|irq| !sound.contains(irq)).copied().collect()
    }
}

fn model(root: &Root) -> String {
    let board = root.text("proc/device-tree/model").or_else(|| root.text("sys/firmware/devicetree/base/model"));
    let name = board.or_else(|| {
        let part = |name: &str| root.text(format!("sys/class/dmi/id/{name}"));
        Some([part("sys_vendor"), part("product_name")].into_iter().flatten().collect::<Vec<_>>().join(" "))
    });
    // For a log and a page: nothing that isn't text, and not a novel.
    name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(100).collect()
}

fn vendor(root: &Root) -> Vendor {
    if model(root).starts_with("Raspberry Pi") {
        return Vendor::RaspberryPi;
    }
    let text = root.text("proc/cpuinfo").unwrap_or_default();
    let id = text.lines().find_map(|line| line.strip_prefix("vendor_id")?.split_once(':')).map(|(_, id)| id.trim());
    match id {
        Some("GenuineIntel") => Vendor::Intel,
        Some("AuthenticAMD" | "HygonGenuine") => Vendor::Amd,
        _ => Vendor::Other,
    }
}

fn cpus_of(root: &Root, online: &Cpus) -> BTreeMap<u32, Cpu> {
    let list = |path: String| root.text(path).and_then(|text| cpus::parse(&text));
    let efficient = efficient(root, online);
    let cpu = |cpu: u32| {
        // Itself is always one of them, whatever is said, and nobody who doesn't run.
        let set = |found: Option<Cpus>| {
            let found = found.unwrap_or_default();
            found.intersection(online).copied().chain([cpu]).collect::<Cpus>()
        };
        let topology = |name: &str| list(format!("{CPU}/cpu{cpu}/topology/{name}"));
        let cache = (0..CACHES).find_map(|index| {
            let cache = format!("{CPU}/cpu{cpu}/cache/index{index}");
            let third = root.text(format!("{cache}/level")).as_deref() == Some("3");
            third.then(|| list(format!("{cache}/shared_cpu_list")))?
        });
        let group = cache.or_else(|| topology("package_cpus_list").or_else(|| topology("core_siblings_list")));
        let siblings = topology("core_cpus_list").or_else(|| topology("thread_siblings_list"));
        let kind = if efficient.contains(&cpu) { Kind::Efficient } else { Kind::Performance };
        Cpu { siblings: set(siblings), group: set(group), kind }
    };
    online.iter().map(|&number| (number, cpu(number))).collect()
}

/// Intel names its frugal cores by the counters that they have; ARM tells each core's capacity.
fn efficient(root: &Root, online: &Cpus) -> Cpus {
    if let Some(atoms) = root.text("sys/devices/cpu_atom/cpus").and_then(|text| cpus::parse(&text)) {
        return atoms;
    }
    let capacity =
        |cpu: u32| root.text(format!("{CPU}/cpu{cpu}/cpu_capacity")).and_then(|text| text.parse::<u32>().ok());
    let known: BTreeMap<u32, u32> = online.iter().filter_map(|&cpu| Some((cpu, capacity(cpu)?))).collect();
    let most = known.values().max().copied().unwrap_or_default();
    known.into_iter().filter(|(_, capacity)| *capacity < most).map(|(cpu, _)| cpu).collect()
}

fn nodes(root: &Root, online: &Cpus) -> BTreeMap<u32, Cpus> {
    let node = |name: &String| {
        let number = name.strip_prefix("node")?.parse().ok()?;
        let cpus = cpus::parse(&root.text(format!("sys/devices/system/node/{name}/cpulist"))?)?;
        let cpus: Cpus = cpus.intersection(online).copied().collect();
        (!cpus.is_empty()).then_some((number, cpus))
    };
    root.names("sys/devices/system/node").iter().filter_map(node).collect()
}

#[cfg(test)]
mod tests;
