//! The engine's core: kept apart, undivided, and its clock.

use super::{ALWAYS, Knob, Place, Target, WITH_CORE, When, file, matching};
use crate::{
    knobs::Condition,
    placement::{Arguments, Placement},
    topology::cpus,
};

const PARAMETERS: &str = "Documentation/admin-guide/kernel-parameters.txt";

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "preempt-rt",
        what: "the kernel is one of PREEMPT_RT",
        why: "interrupts and locks can be preempted: a wake-up waits for nobody of lower priority",
        source: "Documentation/core-api/real-time/theory.rst",
        when: When::Build,
        applies_if: ALWAYS,
        place: "proc/version",
        want: "PREEMPT_RT",
        targets: |_, knob| vec![Target::new(Place::Preemption, knob.want)],
    },
    Knob {
        name: "timer-frequency",
        what: "the kernel's tick is 1 ms (HZ=1000)",
        why: "what runs by the tick, as the drivers' time-outs, is late by 1 ms at most",
        source: "Documentation/timers/highres.rst",
        when: When::Build,
        applies_if: ALWAYS,
        place: "CLOCK_MONOTONIC_COARSE",
        want: "1000",
        targets: |_, knob| vec![Target::new(Place::Tick, knob.want)],
    },
    Knob {
        name: "isolcpus",
        what: "the scheduler leaves the engine's core alone",
        why: "nobody else is ever put there",
        source: PARAMETERS,
        when: When::Build,
        applies_if: WITH_CORE,
        place: "sys/devices/system/cpu/isolated",
        want: "the engine's core, all its threads",
        targets: |machine, knob| {
            let best = Placement::best(&machine.topology);
            vec![Target::new(Place::List(knob.place.to_owned()), cpus::list(&best.isolated))]
        },
    },
    Knob {
        name: "nohz_full",
        what: "no tick on the engine's core while one thread runs there",
        why: "spares an interrupt a millisecond; costs time at each system call, so it is for those who have measured it",
        source: "Documentation/timers/no_hz.rst",
        when: When::Build,
        applies_if: Condition {
            text: "with tenuto.nohz_full=on",
            holds: |machine| machine.toggles.nohz_full && machine.placement.audio.is_some(),
        },
        place: "sys/devices/system/cpu/nohz_full",
        want: "the engine's core, all its threads",
        targets: |machine, knob| {
            let best = Placement::best(&machine.topology);
            vec![Target::new(Place::List(knob.place.to_owned()), cpus::list(&best.isolated))]
        },
    },
    Knob {
        name: "rcu_nocbs",
        what: "RCU's callbacks of the engine's core run in a thread, on another core",
        why: "memory is given back where nobody waits (RCU_NOCB_CPU_DEFAULT_ALL: no argument is needed)",
        source: PARAMETERS,
        when: When::Build,
        applies_if: WITH_CORE,
        place: "proc/*/comm",
        want: "rcuop/N of the engine's core",
        targets: |machine, _| {
            let name = format!("rcuop/{}", machine.placement.audio.unwrap_or_default());
            let ids = machine.root.names("proc").into_iter().filter(|id| id.parse::<u32>().is_ok());
            let mut places = ids.map(|id| format!("proc/{id}/comm"));
            let found = places.find(|place| machine.root.text(place).as_deref() == Some(&name));
            // Without such a thread there is no such file either, and the kernel doesn't have it.
            vec![Target::new(Place::Words(found.unwrap_or_else(|| "proc/rcuop".to_owned())), name)]
        },
    },
    Knob {
        name: "skew_tick",
        what: "the cores' ticks don't come at the same moment",
        why: "they would take the same locks, one after the other",
        source: PARAMETERS,
        when: When::Build,
        applies_if: WITH_CORE,
        place: "proc/cmdline",
        want: "1",
        targets: |machine, knob| {
            let wanted = Arguments::of(&machine.placement, machine.toggles);
            let is_wanted = wanted.0.iter().any(|argument| argument.name == knob.name);
            if is_wanted { vec![Target::new(Place::Argument(knob.name.to_owned()), knob.want)] } else { Vec::new() }
        },
    },
    Knob {
        name: "smt-sibling",
        what: "the other threads of the engine's core are switched off",
        why: "they share its execution units, first caches and clock",
        source: "Documentation/core-api/cpu_hotplug.rst",
        when: When::Boot,
        applies_if: Condition {
            text: "where the engine's core has several threads, or had until this was turned",
            holds: |_| true,
        },
        place: "sys/devices/system/cpu/cpu*/online",
        want: "0",
        targets: |machine, knob| {
            machine.placement.parked.iter().map(|cpu| Target::new(Place::Online(*cpu), knob.want)).collect()
        },
    },
    Knob {
        name: "governor",
        what: "the cores' clock doesn't follow the load",
        why: "a wake-up after a pause runs as fast as any other; a constant clock has also cured glitches of USB",
        source: "Documentation/admin-guide/pm/cpufreq.rst",
        when: When::Boot,
        applies_if: ALWAYS,
        place: "sys/devices/system/cpu/cpufreq/*/scaling_governor",
        want: "performance",
        targets: |machine, knob| {
            matching(machine, knob.place).into_iter().map(|place| Target::new(Place::Words(place), knob.want)).collect()
        },
    },
    Knob {
        name: "frequency",
        what: "the engine's core stays at its highest clock",
        why: "processors that choose their clock themselves don't slow down between two periods",
        source: "Documentation/admin-guide/pm/cpufreq.rst",
        when: When::Play,
        applies_if: WITH_CORE,
        place: "sys/devices/system/cpu/cpu*/cpufreq/scaling_min_freq",
        want: "its scaling_max_freq",
        targets: |machine, _| {
            let Some(audio) = machine.placement.audio else { return Vec::new() };
            let directory = format!("sys/devices/system/cpu/cpu{audio}/cpufreq");
            let most = machine.root.text(format!("{directory}/scaling_max_freq"));
            most.into_iter()
                .map(|most| Target::new(Place::Words(format!("{directory}/scaling_min_freq")), most))
                .collect()
        },
    },
    Knob {
        name: "c-states",
        what: "the engine's core doesn't sleep more deeply than it wakes up in 10 µs",
        why: "x86's deep states take 100 µs and more to leave; a Raspberry Pi has only the shallow one",
        source: "Documentation/admin-guide/pm/cpuidle.rst",
        when: When::Play,
        applies_if: WITH_CORE,
        place: "sys/devices/system/cpu/cpu*/cpuidle/state*/disable",
        want: "1",
        targets: |machine, knob| {
            let Some(audio) = machine.placement.audio else { return Vec::new() };
            let directory = format!("sys/devices/system/cpu/cpu{audio}/cpuidle");
            let states = machine.root.names(&directory).into_iter().map(|state| format!("{directory}/{state}"));
            let latency = |state: &String| {
                machine.root.text(format!("{state}/latency")).and_then(|text| text.parse::<u32>().ok())
            };
            let deep = states.filter(|state| latency(state).is_some_and(|latency| latency > 10));
            deep.map(|state| Target::new(Place::Words(format!("{state}/disable")), knob.want)).collect()
        },
    },
    Knob {
        name: "cpu_dma_latency",
        what: "no core sleeps more deeply than it wakes up in 10 µs",
        why: "the USB host's interrupts and the decoder are on other cores; given back by the kernel if the agent dies",
        source: "Documentation/power/pm_qos_interface.rst",
        when: When::Play,
        applies_if: ALWAYS,
        place: "dev/cpu_dma_latency",
        want: "10",
        targets: |_, knob| vec![Target::new(Place::Latency, knob.want)],
    },
    file(
        "sched_rt_runtime",
        "proc/sys/kernel/sched_rt_runtime_us",
        "-1",
        "real-time threads are never stopped for others' sake",
        "a throttled engine is a gap; a runaway one is the hardware watchdog's business",
        "Documentation/scheduler/sched-rt-group.rst",
    ),
];
