//! Interrupts: where they come, and when their threads run.

use super::{ALWAYS, Knob, Machine, Place, Target, WITH_CORE, When};
use crate::{
    priorities::{self, Role},
    topology::{Cpus, cpus},
};

const AFFINITY: &str = "Documentation/core-api/irq/irq-affinity.rst";

/// Those interrupts to this core.
fn to(numbers: &Cpus, cpus: &str) -> Vec<Target> {
    let place = |number: &u32| Target::new(Place::List(format!("proc/irq/{number}/smp_affinity_list")), cpus);
    numbers.iter().map(place).collect()
}

/// The threads of these roles to their priorities.
fn threads(machine: &Machine, roles: &[Role]) -> Vec<Target> {
    let all = priorities::threads(machine.root, &machine.topology);
    let ours = all.into_iter().filter(|thread| roles.contains(&thread.role));
    ours.map(|thread| Target::new(Place::Thread(thread.id, thread.name), priorities::text(thread.wanted))).collect()
}

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "irq-default",
        what: "interrupts of devices that appear begin on the housekeeping cores",
        why: "none comes to the engine's core for a moment first",
        source: AFFINITY,
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "proc/irq/default_smp_affinity",
        want: "the housekeeping cores",
        targets: |machine, knob| {
            vec![Target::new(Place::Mask(knob.place.to_owned()), cpus::mask(&machine.placement.housekeeping))]
        },
    },
    Knob {
        name: "irq-sound",
        what: "interrupts of the DAC's USB host and of sound cards go to one core, near the engine's",
        why: "not to the engine's, whose deadline they would disturb, nor to the network's: an interrupt thread runs all softirqs that are pending on its core",
        source: AFFINITY,
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "proc/irq/*/smp_affinity_list",
        want: "the sound's core",
        targets: |machine, _| {
            let core = machine.placement.sound;
            core.map(|core| to(&machine.topology.sound_interrupts(), &core.to_string())).unwrap_or_default()
        },
    },
    Knob {
        name: "irq-network",
        what: "interrupts of network cards go to one core",
        why: "a flood of packets takes that core's time and nobody else's",
        source: AFFINITY,
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "proc/irq/*/smp_affinity_list",
        want: "the network's core",
        targets: |machine, _| {
            let core = machine.placement.network;
            core.map(|core| to(&machine.topology.network_interrupts(), &core.to_string())).unwrap_or_default()
        },
    },
    Knob {
        name: "irq-others",
        what: "all other interrupts go to the housekeeping cores",
        why: "managed ones can't be moved and refuse; isolcpus=managed_irq keeps those away",
        source: AFFINITY,
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "proc/irq/*/smp_affinity_list",
        want: "the housekeeping cores",
        targets: |machine, _| {
            let (sound, network) = (machine.topology.sound_interrupts(), machine.topology.network_interrupts());
            let others = machine
                .topology
                .interrupts
                .numbers()
                .filter(|number| !sound.contains(number) && !network.contains(number));
            to(&others.collect(), &cpus::list(&machine.placement.housekeeping))
        },
    },
    Knob {
        name: "irq-thread-sound",
        what: "interrupt threads of the DAC's USB host and of sound cards run before the engine",
        why: "they hand back what has a deadline of about 1 ms, and take microseconds for it",
        source: "the table of priorities, firmware/agent/src/priorities.rs",
        when: When::Boot,
        applies_if: ALWAYS,
        place: "irq/N-xhci_hcd, irq/N-snd…",
        want: "fifo 80",
        targets: |machine, _| threads(machine, &[Role::SoundInterrupt]),
    },
    Knob {
        name: "irq-thread-network",
        what: "interrupt threads of network cards run after all others",
        why: "what they bring is a second ahead of what is heard",
        source: "the table of priorities, firmware/agent/src/priorities.rs",
        when: When::Boot,
        applies_if: ALWAYS,
        place: "irq/N-eth0…",
        want: "fifo 40",
        targets: |machine, _| threads(machine, &[Role::NetworkInterrupt]),
    },
];
