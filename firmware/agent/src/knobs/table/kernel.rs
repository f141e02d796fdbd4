//! The kernel's own work, and memory.

use super::{ALWAYS, Knob, Place, Target, WITH_CORE, When, file, matching};
use crate::{
    knobs::Condition,
    topology::{Vendor, cpus},
};

const KERNEL: &str = "Documentation/admin-guide/sysctl/kernel.rst";
const VM: &str = "Documentation/admin-guide/sysctl/vm.rst";
const THREADS: &str = "Documentation/admin-guide/kernel-per-CPU-kthreads.rst";
/// Pages of 2 MiB that the largest ring takes: 8 MiB, and one for its header.
const HUGE_PAGES: &str = "5";

pub(super) const KNOBS: &[Knob] = &[
    file(
        "timer_migration",
        "proc/sys/kernel/timer_migration",
        "0",
        "a timer stays on the core that has set it",
        "none of others' timers comes to the engine's core",
        KERNEL,
    ),
    file(
        "stat_interval",
        "proc/sys/vm/stat_interval",
        "10",
        "counters of memory are added up every 10 s, not every second",
        "each core is asked for it, the engine's too",
        VM,
    ),
    file(
        "nmi_watchdog",
        "proc/sys/kernel/nmi_watchdog",
        "0",
        "no hard lock-up detector",
        "it interrupts every core, the engine's too; the hardware watchdog sees a dead machine",
        KERNEL,
    ),
    Knob {
        name: "watchdog_cpumask",
        what: "the soft lock-up detector looks at the housekeeping cores only",
        why: "its timer and its thread of highest priority run on each core that it looks at",
        source: KERNEL,
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "proc/sys/kernel/watchdog_cpumask",
        want: "the housekeeping cores",
        targets: |machine, knob| {
            vec![Target::new(Place::List(knob.place.to_owned()), cpus::list(&machine.placement.housekeeping))]
        },
    },
    Knob {
        name: "workqueues",
        what: "the kernel's unbound work is done on the housekeeping cores",
        why: "it may run anywhere, so it needn't run on the engine's core",
        source: "Documentation/core-api/workqueue.rst",
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "sys/devices/virtual/workqueue/cpumask",
        want: "the housekeeping cores",
        targets: |machine, knob| {
            vec![Target::new(Place::Mask(knob.place.to_owned()), cpus::mask(&machine.placement.housekeeping))]
        },
    },
    Knob {
        name: "writeback",
        what: "what is written back to disks is written by the housekeeping cores",
        why: "its workqueue has a mask of its own",
        source: THREADS,
        when: When::Boot,
        applies_if: WITH_CORE,
        place: "sys/bus/workqueue/devices/writeback/cpumask",
        want: "the housekeeping cores",
        targets: |machine, knob| {
            vec![Target::new(Place::Mask(knob.place.to_owned()), cpus::mask(&machine.placement.housekeeping))]
        },
    },
    file(
        "rcu_normal",
        "sys/kernel/rcu_normal",
        "1",
        "RCU doesn't hurry",
        "an expedited grace period interrupts every core",
        "Documentation/admin-guide/kernel-parameters.txt",
    ),
    Knob {
        name: "machine-check",
        what: "corrected memory errors are told when they come, and not asked for",
        why: "the timer that asks runs on each core",
        source: "Documentation/ABI/testing/sysfs-mce",
        when: When::Boot,
        applies_if: Condition {
            text: "on a PC",
            holds: |machine| matches!(machine.topology.vendor, Vendor::Intel | Vendor::Amd),
        },
        place: "sys/devices/system/machinecheck/*/check_interval",
        want: "0",
        targets: |machine, knob| {
            let own = machine
                .placement
                .audio
                .map(|audio| format!("sys/devices/system/machinecheck/machinecheck{audio}/check_interval"));
            // One number for all of them, in the first as in the last.
            let any = matching(machine, knob.place).into_iter().next();
            own.or(any).into_iter().map(|place| Target::new(Place::Words(place), knob.want)).collect()
        },
    },
    Knob {
        name: "clocksource",
        what: "time is read from the processor",
        why: "other clocks take a microsecond to read, and on a PC a lock",
        source: "Documentation/admin-guide/kernel-parameters.txt",
        when: When::Build,
        applies_if: ALWAYS,
        place: "sys/devices/system/clocksource/clocksource0/current_clocksource",
        want: "tsc, kvm-clock on a PC, else arch_sys_counter",
        targets: |machine, knob| {
            let of_pc = matches!(machine.topology.vendor, Vendor::Intel | Vendor::Amd);
            // A hypervisor's clock is read from the same counter.
            let found = machine.root.text(knob.place).filter(|found| of_pc && found == "kvm-clock");
            let want = found.unwrap_or_else(|| if of_pc { "tsc" } else { "arch_sys_counter" }.to_owned());
            vec![Target::new(Place::Words(knob.place.to_owned()), want)]
        },
    },
    Knob {
        name: "huge-pages",
        what: "pages of 2 MiB are kept for the ring, on the engine's node",
        why: "fewer misses of the address cache; nobody has shown that a ring of sound needs it, so it has to be asked for",
        source: "Documentation/admin-guide/mm/hugetlbpage.rst",
        when: When::Boot,
        applies_if: Condition { text: "with tenuto.huge_pages=on", holds: |machine| machine.toggles.huge_pages },
        place: "sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages",
        want: HUGE_PAGES,
        targets: |machine, knob| {
            let node = machine.placement.audio.and_then(|audio| machine.topology.node_of(audio));
            let pages = "hugepages/hugepages-2048kB/nr_hugepages";
            let of_node = node.map(|node| format!("sys/devices/system/node/node{node}/{pages}"));
            let place = of_node.unwrap_or_else(|| format!("sys/kernel/mm/{pages}"));
            vec![Target::new(Place::Words(place), knob.want)]
        },
    },
    Knob {
        name: "transparent-huge-pages",
        what: "the kernel doesn't put pages together to huge ones by itself",
        why: "it moves memory while it is used; a kernel of PREEMPT_RT can't do it at all",
        source: "Documentation/admin-guide/mm/transhuge.rst",
        when: When::Boot,
        applies_if: ALWAYS,
        place: "sys/kernel/mm/transparent_hugepage/enabled",
        want: "never",
        targets: |_, knob| vec![Target::new(Place::Choice(knob.place.to_owned()), knob.want)],
    },
    file(
        "numa_balancing",
        "proc/sys/kernel/numa_balancing",
        "0",
        "memory isn't moved after those who use it",
        "it is unmapped now and then to see who does: page faults in the engine",
        KERNEL,
    ),
    file(
        "compact_unevictable",
        "proc/sys/vm/compact_unevictable_allowed",
        "0",
        "locked memory stays where it is",
        "a page that is being moved makes the engine wait",
        VM,
    ),
    file(
        "compaction",
        "proc/sys/vm/compaction_proactiveness",
        "0",
        "memory isn't tidied up before anybody needs it",
        "a thread that moves memory for nothing",
        VM,
    ),
    file(
        "printk",
        "proc/sys/kernel/printk",
        "4 4 1 7",
        "errors only go to the console",
        "a line on a serial console takes milliseconds",
        KERNEL,
    ),
    file(
        "panic",
        "proc/sys/kernel/panic",
        "10",
        "a panic ends in a restart, after 10 s",
        "nobody is there to press a button",
        KERNEL,
    ),
];
