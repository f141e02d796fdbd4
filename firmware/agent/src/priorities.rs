//! Who runs before whom on the way from the network to the DAC: one table, and what this machine's threads have of it.
//!
//! What runs USB completions under PREEMPT_RT: the host's interrupt is a thread (`irq/N-xhci_hcd`). It takes what the host has
//! finished and queues each isochronous transfer's completion on `system_bh_highpri_wq`; that is a softirq, and a forced
//! interrupt thread runs the softirqs that it has raised before it goes back to sleep (`irq_forced_thread_fn`,
//! `local_bh_enable`). So completions run in the host's own interrupt thread, on its core and at its priority: it is the one
//! thread that has to have its place. Checked in Linux 7.2: `drivers/usb/core/hcd.c`, `drivers/usb/host/xhci.c` (HCD_BH),
//! `kernel/irq/manage.c`. As it runs *all* softirqs that are pending on its core, the network's interrupts go to another one.
//!
//! The engine's own deadline isn't a softirq's business: timers of real-time threads expire in the timer's hard interrupt.

use crate::{
    root::Root,
    sys::Class,
    topology::{Cpus, Topology},
};

/// Which threads a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Stopper,
    SoundInterrupt,
    Engine,
    Watchdog,
    OtherInterrupt,
    NetworkInterrupt,
    Rcu,
    Timers,
    Softirq,
    Ordinary,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Rank {
    pub(crate) role: Role,
    /// Which threads, in words.
    pub(crate) who: &'static str,
    /// SCHED_FIFO priority, 1..=99; None: SCHED_OTHER.
    pub(crate) fifo: Option<u8>,
    /// Who makes it so.
    pub(crate) set_by: &'static str,
    pub(crate) why: &'static str,
}

/// The engine's real-time thread.
pub(crate) const ENGINE: u8 = 70;
/// The interrupt threads of the DAC's host controller or of a sound card.
const SOUND: u8 = 80;
/// The network cards' interrupt threads.
const NETWORK: u8 = 40;
/// The kernel's default for interrupt threads (`sched_set_fifo`, MAX_RT_PRIO / 2).
const KERNEL_DEFAULT: u8 = 50;

/// From the first to run to the last.
pub(crate) const RANKS: &[Rank] = &[
    Rank {
        role: Role::Stopper,
        who: "migration/N",
        fifo: Some(99),
        set_by: "the kernel",
        why: "moves threads and stops cores; runs when a core is parked, not while it plays",
    },
    Rank {
        role: Role::SoundInterrupt,
        who: "interrupt threads of the DAC's USB host (irq/N-xhci_hcd) and of sound cards",
        fifo: Some(SOUND),
        set_by: "the agent, at start and whenever a device appears",
        why: "hands USB transfers back within about 1 ms, and takes microseconds for it; late ones are gaps on the wire",
    },
    Rank {
        role: Role::Engine,
        who: "engine: rt",
        fifo: Some(ENGINE),
        set_by: "the engine itself, from --priority",
        why: "fills the card's buffer every 40 ms of 100; above every interrupt that isn't the DAC's",
    },
    Rank {
        role: Role::Watchdog,
        who: "watchdogd",
        fifo: Some(KERNEL_DEFAULT),
        set_by: "the kernel",
        why: "feeds the hardware watchdog between the agent's words; has seconds",
    },
    Rank {
        role: Role::OtherInterrupt,
        who: "every other interrupt thread: disks, serial line, other USB hosts",
        fifo: Some(KERNEL_DEFAULT),
        set_by: "the kernel",
        why: "nothing that is heard waits for them",
    },
    Rank {
        role: Role::NetworkInterrupt,
        who: "interrupt threads of network cards, with the softirqs that they raise",
        fifo: Some(NETWORK),
        set_by: "the agent, at start and whenever a device appears",
        why: "what the network brings is a second ahead in the ring, and a flood of it must hold up nobody",
    },
    Rank {
        role: Role::Timers,
        who: "ktimers/N",
        fifo: Some(1),
        set_by: "the kernel",
        why: "timers of ordinary threads and drivers; the engine's expires in the hard interrupt",
    },
    Rank {
        role: Role::Rcu,
        who: "rcu_preempt, rcub/N, rcuc/N, rcuog/N, rcuop/N",
        fifo: Some(1),
        set_by: "the kernel (rcutree.kthread_prio), callbacks of all cores offloaded by RCU_NOCB_CPU_DEFAULT_ALL",
        why: "gives memory back; real-time threads don't wait for it",
    },
    Rank {
        role: Role::Softirq,
        who: "ksoftirqd/N",
        fifo: None,
        set_by: "the kernel",
        why: "what is left of softirqs that no interrupt thread has run, and what of them takes too long",
    },
    Rank {
        role: Role::Ordinary,
        who: "engine: control, device, follower; player and agent",
        fifo: None,
        set_by: "the kernel",
        why: "decoding is a second ahead; it must never hold up an interrupt",
    },
];

/// What the table gives a role.
pub(crate) fn class(role: Role) -> Class {
    let rank = RANKS.iter().find(|rank| rank.role == role);
    rank.and_then(|rank| rank.fifo).map_or(Class::Other, Class::Fifo)
}

/// A thread of this machine, with the row that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Thread {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) class: Class,
    pub(crate) wanted: Class,
}

/// All threads that belong to a row. One that ends while it is looked at is left out.
pub(crate) fn threads(root: &Root, topology: &Topology) -> Vec<Thread> {
    let (sound, network) = (topology.sound_interrupts(), topology.network_interrupts());
    let processes = root.names("proc").into_iter().filter_map(|name| name.parse::<i32>().ok());
    processes.flat_map(|process| of_process(root, process, &sound, &network)).collect()
}

fn of_process(root: &Root, process: i32, sound: &Cpus, network: &Cpus) -> Vec<Thread> {
    let Some(program) = root.text(format!("proc/{process}/comm")) else { return Vec::new() };
    let is_ours = ["engine", "player", "agent"].contains(&program.as_str());
    let ids = if is_ours { root.names(format!("proc/{process}/task")) } else { vec![process.to_string()] };
    let thread = |id: String| {
        let id: i32 = id.parse().ok()?;
        let name = if is_ours { root.text(format!("proc/{process}/task/{id}/comm"))? } else { program.clone() };
        let role = if is_ours { own_role(&program, &name) } else { kernels_role(&name, sound, network)? };
        // The handler of a hard interrupt that another thread goes on with: one below.
        let secondary = role == Role::OtherInterrupt && is_secondary(&name);
        let wanted = if secondary { Class::Fifo(KERNEL_DEFAULT - 1) } else { class(role) };
        Some(Thread { class: class_of(root, id)?, id, name, role, wanted })
    };
    ids.into_iter().filter_map(thread).collect()
}

fn own_role(program: &str, thread: &str) -> Role {
    if program == "engine" && thread == "rt" { Role::Engine } else { Role::Ordinary }
}

/// By a kernel thread's name. A program that takes such a name belongs to nobody we start.
fn kernels_role(name: &str, sound: &Cpus, network: &Cpus) -> Option<Role> {
    if let Some(interrupt) = interrupt(name) {
        return Some(match interrupt {
            number if sound.contains(&number) => Role::SoundInterrupt,
            number if network.contains(&number) => Role::NetworkInterrupt,
            _ => Role::OtherInterrupt,
        });
    }
    let base = name.split('/').next().unwrap_or_default();
    Some(match base {
        "migration" => Role::Stopper,
        "watchdogd" => Role::Watchdog,
        "ktimers" => Role::Timers,
        "rcu_preempt" | "rcub" | "rcuc" | "rcuog" | "rcuop" => Role::Rcu,
        "ksoftirqd" => Role::Softirq,
        _ => return None,
    })
}

/// The number of an interrupt's thread: `irq/24-xhci_hcd`, or `irq/24-s-…` for a second one.
fn interrupt(name: &str) -> Option<u32> {
    name.strip_prefix("irq/")?.split_once('-')?.0.parse().ok()
}

fn is_secondary(name: &str) -> bool {
    name.split_once('-').is_some_and(|(_, action)| action.starts_with("s-"))
}

/// A thread's class; None if it is gone, or has one that nobody here gives.
pub(crate) fn class_of(root: &Root, id: i32) -> Option<Class> {
    let stat = root.text(format!("proc/{id}/stat"))?;
    // Priority and policy are fields 40 and 41 (proc_pid_stat(5)). Field 3 comes behind the name, which may hold anything but is
    // in parentheses.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(37);
    let priority = fields.next()?.parse().ok()?;
    match fields.next()?.parse().ok()? {
        libc::SCHED_FIFO => Some(Class::Fifo(priority)),
        libc::SCHED_OTHER => Some(Class::Other),
        _ => None,
    }
}

/// A class as text, `fifo 80` or `other`.
pub(crate) fn text(class: Class) -> String {
    match class {
        Class::Other => "other".to_owned(),
        Class::Fifo(priority) => format!("fifo {priority}"),
    }
}

/// Reads one; None if it isn't one, or is out of range.
pub(crate) fn parse(text: &str) -> Option<Class> {
    match text.strip_prefix("fifo ") {
        Some(priority) => priority.parse().ok().filter(|priority| (1..=99).contains(priority)).map(Class::Fifo),
        None => (text == "other").then_some(Class::Other),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_the_engine_is_between_the_dac_and_the_rest() {
        assert!(RANKS.is_sorted_by(|before, after| before.fifo.unwrap_or(0) >= after.fifo.unwrap_or(0)));
        const { assert!(SOUND > ENGINE && ENGINE > KERNEL_DEFAULT && KERNEL_DEFAULT > NETWORK) };
        assert_eq!(class(Role::Engine), Class::Fifo(ENGINE));
    }

    #[test]
    fn the_engine_has_the_same_number_by_itself() {
        let own = include_str!("../../engine/src/options.rs");
        assert!(own.contains(&format!("            priority: {ENGINE},\n")));
        assert!(own.contains(&format!("(default {ENGINE}: ")));
    }

    #[test]
    fn a_class_is_text_and_back() {
        for class in [Class::Other, Class::Fifo(1), Class::Fifo(99)] {
            assert_eq!(parse(&text(class)), Some(class));
        }
        for wrong in ["", "fifo", "fifo 0", "fifo 100", "fifo x", "rr 5"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    /// Puts a thread there, as a kernel shows it, down to the fields that nobody needs.
    pub(crate) fn put(root: &Root, place: &str, name: &str, scheduling: &str) {
        let place = root.path(place);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("comm"), format!("{name}\n")).unwrap();
        let id = place.file_name().unwrap().to_string_lossy().into_owned();
        let before = "S 2 0 0 0 -1 2129984 0 0 0 0 0 4 0 0 -51 0 1 0 65 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 0 17 0";
        let stat = format!("{id} ({name}) {before} {scheduling} 0 0 0 0 0 0 0 0 0 0 0\n");
        std::fs::write(place.join("stat"), stat).unwrap();
    }

    #[test]
    fn every_thread_finds_its_row() {
        let (_keep, root) = crate::topology::recorded::machine("pi4");
        for (id, name, scheduling) in [
            (20, "migration/0", "99 1"),
            (40, "irq/32-xhci_hcd", "50 1"),
            (41, "irq/29-eth0", "50 1"),
            (42, "irq/33-mmc1", "50 1"),
            (43, "irq/33-s-mmc1", "49 1"),
            (44, "irq/32-s-x (y)", "80 1"),
            (45, "rcuop/3", "1 1"),
            (46, "ksoftirqd/0", "0 0"),
            (47, "kworker/0:1", "0 0"),
            (48, "irq/x-y", "50 1"),
            (50, "irq/34", "50 1"),
            (51, "watchdogd", "50 2"),
        ] {
            put(&root, &format!("proc/{id}"), name, scheduling);
        }
        put(&root, "proc/60", "engine", "0 0");
        put(&root, "proc/60/task/60", "engine", "0 0");
        put(&root, "proc/60/task/61", "rt", "70 1");
        // What /proc has for a thread's own number as well, though it isn't listed.
        put(&root, "proc/61", "rt", "70 1");
        let topology = Topology::read(&root);
        let found: Vec<_> = threads(&root, &topology);
        let told: Vec<_> = found.iter().map(|thread| (thread.id, thread.role, thread.class == thread.wanted)).collect();
        assert_eq!(
            told,
            [
                (20, Role::Stopper, true),
                (40, Role::SoundInterrupt, false),
                (41, Role::NetworkInterrupt, false),
                (42, Role::OtherInterrupt, true),
                (43, Role::OtherInterrupt, true),
                (44, Role::SoundInterrupt, true),
                (45, Role::Rcu, true),
                (46, Role::Softirq, true),
                (60, Role::Ordinary, true),
                (61, Role::Engine, true),
            ]
        );
        std::fs::remove_file(root.path("proc/40/stat")).unwrap();
        assert!(threads(&root, &topology).iter().all(|thread| thread.id != 40), "gone in between");
    }
}
