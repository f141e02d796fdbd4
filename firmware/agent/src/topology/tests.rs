use super::{
    recorded::{MACHINES, laid_out, machine},
    *,
};

fn set(list: &str) -> Cpus {
    cpus::parse(list).unwrap()
}

#[test]
fn every_machine_says_what_is_online_and_each_cpu_is_its_own_sibling() {
    for name in MACHINES {
        let (_keep, root) = machine(name);
        let topology = Topology::read(&root);
        assert!(!topology.online.is_empty(), "{name}");
        assert_eq!(topology.cpus.keys().copied().collect::<Cpus>(), topology.online, "{name}");
        for (number, cpu) in &topology.cpus {
            assert!(cpu.siblings.contains(number) && cpu.group.contains(number), "{name}: {number}: {cpu:?}");
            assert!(
                cpu.siblings.is_subset(&topology.online) && cpu.group.is_subset(&topology.online),
                "{name}: {number}"
            );
        }
    }
}

#[test]
fn makers_and_models() {
    for (name, vendor, model) in [
        ("pi4", Vendor::RaspberryPi, "Raspberry Pi 4 Model B Rev 1.4"),
        ("pi5", Vendor::RaspberryPi, "Raspberry Pi 5 Model B Rev 1.0"),
        ("atom-2-cores", Vendor::Intel, "Example Fanless N3050"),
        ("ryzen-2-ccd", Vendor::Amd, "Ryzen"),
    ] {
        let (_keep, root) = machine(name);
        let topology = Topology::read(&root);
        assert_eq!((topology.vendor, topology.model.as_str()), (vendor, model));
    }
}

#[test]
fn cores_caches_nodes_and_kinds() {
    let (_keep, root) = machine("ryzen-2-ccd");
    let topology = Topology::read(&root);
    let cpu = &topology.cpus[&31];
    assert_eq!((&cpu.siblings, &cpu.group), (&set("15,31"), &set("8-15,24-31")));
    let (_keep, root) = machine("two-sockets");
    let topology = Topology::read(&root);
    assert_eq!((topology.node_of(24), topology.node_of(23), topology.node_of(99)), (Some(1), Some(0), None));
    let (_keep, root) = machine("intel-hybrid");
    let topology = Topology::read(&root);
    let efficient = topology.cpus.iter().filter(|(_, cpu)| cpu.kind == Kind::Efficient);
    assert_eq!(efficient.map(|(number, _)| *number).collect::<Cpus>(), set("12-19"));
    let (_keep, root) = machine("smt-off-holes");
    assert_eq!(Topology::read(&root).cpus[&4].group, set("0,2,4,6"));
}

#[test]
fn cards_hosts_and_their_interrupts() {
    let (_keep, root) = machine("pi5");
    let topology = Topology::read(&root);
    let hosts: Vec<_> =
        topology.usb_hosts.iter().map(|host| (&host.buses, &host.interrupts, host.dacs.join(" "))).collect();
    assert_eq!(hosts, [(&set("1-2"), &set("131"), String::new()), (&set("3-4"), &set("136"), "DAC".to_owned())]);
    assert_eq!((topology.sound_interrupts(), topology.network_interrupts()), (set("136"), set("106")));
    assert_eq!(topology.nics[0].queues.len(), 8);

    let (_keep, root) = machine("pi4");
    let topology = Topology::read(&root);
    assert_eq!((topology.sound_interrupts(), topology.network_interrupts()), (set("32"), set("29-30")));
    let (_keep, root) = machine("vm-1-core");
    let topology = Topology::read(&root);
    assert_eq!((topology.network_interrupts(), topology.sound_interrupts()), (set("24-26"), set("")));
    let (_keep, root) = machine("two-sockets");
    let topology = Topology::read(&root);
    assert_eq!(topology.usb_hosts.iter().map(|host| host.node).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert_eq!((topology.sound_interrupts(), topology.nics[0].node), (set("40"), Some(1)));
    // A card on the board's own bus, and no DAC: every host may get one.
    let (_keep, root) = machine("atom-2-cores");
    let topology = Topology::read(&root);
    assert_eq!((topology.sound_interrupts(), topology.sound_cards[0].interrupts.clone()), (set("120,123"), set("123")));
}

#[test]
fn a_line_that_network_and_sound_share_is_the_sounds() {
    let (_keep, root) = machine("smt-off-holes");
    let topology = Topology::read(&root);
    assert_eq!((topology.sound_interrupts(), topology.network_interrupts()), (set("16"), set("")));
}

#[test]
fn a_network_card_on_the_usb_has_no_interrupt_of_its_own() {
    let (_keep, root) = laid_out(
        "sys/class/net/eth1/device -> sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0\nsys/class/net/eth1/type = 1\n\
         sys/devices/pci0000:00/0000:00:14.0/msi_irqs/120 = msi\nsys/kernel/irq/120/actions = xhci_hcd",
    );
    let nic = Topology::read(&root).nics.remove(0);
    assert!(nic.on_usb && nic.interrupts.is_empty());
}

#[test]
fn places_on_the_buses() {
    let place = "sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.3/1-1.3:1.0";
    let usb: Vec<_> = devices::usb_path(place).into_iter().map(|place| place.rsplit('/').next().unwrap()).collect();
    assert_eq!(usb, ["1-1.3", "1-1", "usb1"]);
    assert_eq!(devices::pci_function(place), Some("sys/devices/pci0000:00/0000:00:14.0"));
    assert!(devices::usb_path("sys/devices/platform/soc/sound").is_empty());
    assert_eq!(devices::pci_function("sys/devices/platform/soc/sound"), None);
}

#[test]
fn nonsense_is_left_out() {
    let (_keep, root) = laid_out(
        "sys/devices/system/cpu/online = 0-1\nsys/devices/system/cpu/isolated = 0-99999999\n\
         sys/devices/system/cpu/cpu0/topology/core_cpus_list = 7-9\nsys/devices/system/cpu/cpu1/cache/index3/level = 3\n\
         sys/devices/system/cpu/cpu1/cache/index3/shared_cpu_list = x\nsys/devices/system/node/nodeX/cpulist = 0-1\n\
         sys/kernel/irq/-1/actions = a\nsys/kernel/irq/9999999999999/actions = b\nsys/class/sound/cardx/id = X\n\
         sys/class/sound/card1/id = no device\nsys/bus/usb/devices/usbx/speed = 1\nsys/bus/usb/devices/usb9/speed = 1",
    );
    std::os::unix::fs::symlink("/", root.path("sys/class/sound/card1/device")).unwrap();
    let topology = Topology::read(&root);
    assert_eq!((topology.online.len(), topology.isolated.len(), topology.nodes.len()), (2, 0, 0));
    assert_eq!(topology.cpus[&0].siblings, set("0"));
    assert_eq!(topology.interrupts.numbers().count(), 0);
    assert!(topology.sound_cards.is_empty(), "a link out of the root leads nowhere");
    assert_eq!(Topology::read(&laid_out("").1), Topology::default());
}
