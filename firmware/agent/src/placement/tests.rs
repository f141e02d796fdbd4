use super::*;
use crate::topology::recorded::{MACHINES, machine};

/// The engine's core, its threads that are switched off, the network's and the sound's core, and the player's.
fn placed(name: &str) -> (Option<u32>, String, Option<u32>, Option<u32>, String) {
    let (_keep, root) = machine(name);
    let placement = Placement::best(&Topology::read(&root));
    let list = cpus::list;
    (placement.audio, list(&placement.parked), placement.network, placement.sound, list(&placement.decoder))
}

fn arguments(name: &str) -> String {
    let (_keep, root) = machine(name);
    Arguments::of(&Placement::best(&Topology::read(&root)), Toggles::default()).text()
}

#[test]
fn who_gets_what_on_each_machine() {
    for (name, audio, parked, network, sound, decoder) in [
        ("pi4", Some(3), "", Some(0), Some(2), "1-2"),
        ("pi5", Some(3), "", Some(0), Some(2), "1-2"),
        ("qemu-4-cores", Some(3), "", Some(0), Some(2), "1-2"),
        ("atom-2-cores", Some(1), "", Some(0), Some(0), "0"),
        ("intel-hybrid", Some(10), "11", Some(0), Some(19), "2-9,12-19"),
        ("ryzen-2-ccd", Some(15), "31", Some(8), Some(14), "9-14,25-30"),
        ("two-sockets", Some(7), "23", Some(0), Some(6), "1-6,17-22"),
        ("vm-1-core", None, "", None, None, "0"),
        ("smt-off-holes", Some(6), "", Some(0), Some(4), "2,4"),
    ] {
        assert_eq!(placed(name), (audio, parked.to_owned(), network, sound, decoder.to_owned()), "{name}");
    }
}

#[test]
fn the_command_line_that_goes_with_it() {
    for (name, wanted) in [
        ("pi4", "isolcpus=managed_irq,domain,3 irqaffinity=0-2 skew_tick=1"),
        ("atom-2-cores", "isolcpus=managed_irq,domain,1 irqaffinity=0 skew_tick=1"),
        ("intel-hybrid", "isolcpus=managed_irq,domain,10-11 irqaffinity=0-9,12-19 skew_tick=1"),
        ("ryzen-2-ccd", "isolcpus=managed_irq,domain,15,31 irqaffinity=0-14,16-30 skew_tick=1"),
        ("two-sockets", "isolcpus=managed_irq,domain,7,23 irqaffinity=0-6,8-22,24-31 skew_tick=1"),
        ("vm-1-core", ""),
        ("smt-off-holes", "isolcpus=managed_irq,domain,6 irqaffinity=0,2,4 skew_tick=1"),
    ] {
        assert_eq!(arguments(name), wanted, "{name}");
    }
}

#[test]
fn on_two_sockets_the_engine_is_where_the_dac_is_and_says_so() {
    let (_keep, root) = machine("two-sockets");
    let mut topology = Topology::read(&root);
    let placement = Placement::best(&topology);
    assert_eq!(placement.node, Some(0));
    assert!(placement.reasons[0].why.contains("on node 0, where the DAC's USB host is"), "{:?}", placement.reasons);
    // The same DAC on the other host.
    let dacs = std::mem::take(&mut topology.usb_hosts[0].dacs);
    topology.usb_hosts[1].dacs = dacs;
    let placement = Placement::best(&topology);
    assert_eq!((placement.audio, placement.node, placement.network), (Some(15), Some(1), Some(8)));
}

#[test]
fn what_holds_on_every_machine() {
    for name in MACHINES {
        let (_keep, root) = machine(name);
        let topology = Topology::read(&root);
        for placement in [Placement::best(&topology), Placement::now(&topology, None)] {
            let all: Cpus = placement.isolated.union(&placement.housekeeping).copied().collect();
            assert_eq!(all, topology.online, "{name}");
            assert!(placement.isolated.is_disjoint(&placement.housekeeping), "{name}");
            assert!(!placement.housekeeping.is_empty() && !placement.decoder.is_empty(), "{name}");
            assert!(placement.decoder.is_subset(&placement.housekeeping), "{name}");
            assert!(
                placement.network.iter().chain(&placement.sound).all(|cpu| placement.housekeeping.contains(cpu)),
                "{name}"
            );
            assert!(placement.parked.is_subset(&placement.isolated), "{name}");
            assert!(placement.audio.is_none_or(|audio| !placement.parked.contains(&audio)), "{name}");
            assert!(
                !placement.reasons.is_empty() && placement.reasons.iter().all(|reason| !reason.why.is_empty()),
                "{name}"
            );
        }
    }
}

#[test]
fn what_the_kernel_has_isolated_is_used_and_what_it_should_is_known() {
    let (_keep, root) = machine("ryzen-2-ccd");
    let mut topology = Topology::read(&root);
    topology.isolated = [3].into();
    let now = Placement::now(&topology, None);
    assert_eq!((now.audio, cpus::list(&now.parked), now.network), (Some(3), "19".to_owned(), Some(0)));
    assert!(Arguments::of(&Placement::best(&topology), Toggles::default()).need_restart(
        &topology,
        &Placement::best(&topology),
        "skew_tick=1"
    ));
    // Cores that aren't there were never isolated.
    topology.isolated = [99].into();
    assert_eq!(Placement::now(&topology, None).audio, Some(15));
}

#[test]
fn a_parked_sibling_changes_nothing() {
    let (_keep, root) = machine("ryzen-2-ccd");
    let mut topology = Topology::read(&root);
    topology.isolated = [15, 31].into();
    let before = Placement::now(&topology, None);
    topology.online.remove(&31);
    topology.cpus.remove(&31);
    topology.cpus.get_mut(&15).unwrap().siblings.remove(&31);
    topology.cpus.values_mut().for_each(|cpu| cpu.group.retain(|cpu| *cpu != 31));
    let after = Placement::now(&topology, None);
    assert_eq!(
        (before.audio, before.network, before.sound, before.decoder),
        (after.audio, after.network, after.sound, after.decoder)
    );
    let best = Placement::best(&topology);
    assert!(!Arguments::of(&best, Toggles::default()).need_restart(&topology, &best, "skew_tick=1"));
}

#[test]
fn the_engine_stays_where_it_runs() {
    let (_keep, root) = machine("ryzen-2-ccd");
    let topology = Topology::read(&root);
    assert_eq!(Placement::now(&topology, Some(5)).audio, Some(5));
    assert_eq!(Placement::now(&topology, Some(99)).audio, Some(15));
}

#[test]
fn one_core_with_two_threads_is_not_divided() {
    let mut topology = Topology { online: [0, 1].into(), ..Topology::default() };
    for cpu in [0, 1] {
        let found = crate::topology::Cpu { siblings: [0, 1].into(), group: [0, 1].into(), kind: Kind::Performance };
        topology.cpus.insert(cpu, found);
    }
    assert_eq!(Placement::best(&topology).audio, None);
    // Not even where the kernel has isolated one of them.
    topology.isolated = [1].into();
    assert_eq!(Placement::now(&topology, None).audio, None);
}

#[test]
fn nothing_known_is_nothing_kept_apart() {
    let placement = Placement::now(&Topology::default(), None);
    assert_eq!((placement.audio, placement.housekeeping.len()), (None, 0));
}
