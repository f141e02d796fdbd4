//! Who runs before whom on the way from the network to the DAC: one table, in `/run/tenuto/system.json` as well, and what
//! this machine's interrupt threads are given for it.
//!
//! The kernel starts every interrupt thread at SCHED_FIFO 50. The engine is above that: no network card may delay it. The
//! DAC's own host controller is above the engine: what it brings up has a deadline of about a millisecond (a USB transfer
//! that is handed back late is a gap on the wire), and it takes microseconds for it; the engine has tens of milliseconds in
//! the card's buffer. USB transfers are handed back by a softirq; under PREEMPT_RT a forced interrupt thread runs the
//! softirqs that it raised before it goes back to sleep (`irq_forced_thread_fn`), so one thread has both. All else is
//! ordinary, on the cores that aren't isolated.

use crate::{root::Root, sys};

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Rank {
    /// Which threads.
    pub(crate) who: &'static str,
    /// SCHED_FIFO priority, 1..=99; None: SCHED_OTHER.
    pub(crate) fifo: Option<u8>,
    /// Who makes it so.
    pub(crate) set_by: &'static str,
    pub(crate) why: &'static str,
}

/// The engine's real-time thread.
pub(crate) const ENGINE: u8 = 70;
/// The kernel's default for interrupt threads (`sched_set_fifo`, MAX_RT_PRIO / 2).
const KERNEL_DEFAULT: u8 = 50;

/// The interrupt threads of the DAC's host controller or of a sound card.
const CARRIER: u8 = 80;

/// From the first to run to the last.
pub(crate) const RANKS: &[Rank] = &[
    Rank {
        who: "interrupt threads of USB hosts (irq/N-xhci_hcd) and sound cards",
        fifo: Some(CARRIER),
        set_by: "the agent, at start and whenever a device appears",
        why: "hands USB transfers back within about 1 ms, and takes microseconds for it",
    },
    Rank {
        who: "engine: rt",
        fifo: Some(ENGINE),
        set_by: "the engine itself, from --priority",
        why: "fills the card's buffer every 40 ms of 100; above every interrupt that isn't the DAC's",
    },
    Rank {
        who: "every other interrupt thread: network, disks, serial line",
        fifo: Some(KERNEL_DEFAULT),
        set_by: "the kernel",
        why: "what the network brings is a second ahead in the ring",
    },
    Rank {
        who: "engine: control, device, follower",
        fifo: None,
        set_by: "the kernel",
        why: "requests, opening, hashing: nothing that is heard waits for them",
    },
    Rank {
        who: "player and agent",
        fifo: None,
        set_by: "the kernel",
        why: "decoding is a second ahead; it must never hold up an interrupt",
    },
];

/// What the interrupts of USB hosts and sound cards are called, from the beginning.
const CARRIERS: [&str; 6] = ["xhci", "ehci", "ohci", "uhci", "dwc", "snd"];

/// Gives the interrupt threads that carry sound their place. A refusal is reported and changes nothing else.
pub(crate) fn give(root: &Root) {
    if !root.is_machine() {
        return;
    }
    for Thread { id, name } in misplaced(root) {
        match sys::set_fifo(id, CARRIER) {
            Ok(()) => tracing::info!("{name} runs at SCHED_FIFO {CARRIER}"),
            Err(error) => tracing::warn!("{name} stays at the kernel's priority: {error}"),
        }
    }
}

/// An interrupt thread.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Thread {
    id: i32,
    name: String,
}

/// Those that carry sound and don't run at their priority.
fn misplaced(root: &Root) -> Vec<Thread> {
    let ids = root.names("proc").into_iter().filter_map(|name| name.parse().ok());
    let carriers = ids.filter_map(|id: i32| {
        let name = root.text(format!("proc/{id}/comm"))?;
        carries_sound(&name).then_some(Thread { id, name })
    });
    let given = (Some(CARRIER), Some(libc::SCHED_FIFO));
    carriers
        .filter(|thread| root.text(format!("proc/{}/stat", thread.id)).is_some_and(|stat| scheduling(&stat) != given))
        .collect()
}

/// Whether a thread of this name is such an interrupt's: `irq/24-xhci_hcd`, or `irq/24-s-…` for a second one.
fn carries_sound(name: &str) -> bool {
    let Some((_, action)) = name.strip_prefix("irq/").and_then(|rest| rest.split_once('-')) else { return false };
    let action = action.strip_prefix("s-").unwrap_or(action);
    CARRIERS.iter().any(|carrier| action.starts_with(carrier))
}

/// Priority and policy out of a thread's `stat` (proc_pid_stat(5), fields 40 and 41).
fn scheduling(stat: &str) -> (Option<u8>, Option<i32>) {
    // Field 3 comes behind the name, which may hold anything but is in parentheses.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(37);
    (fields.next().and_then(|field| field.parse().ok()), fields.next().and_then(|field| field.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_the_engine_is_between_the_dac_and_the_rest() {
        assert!(RANKS.is_sorted_by(|before, after| before.fifo.unwrap_or(0) >= after.fifo.unwrap_or(0)));
        let fifo: Vec<u8> = RANKS.iter().filter_map(|rank| rank.fifo).collect();
        assert!(fifo.is_sorted_by(|before, after| before > after), "no two alike: {fifo:?}");
        assert!(fifo[0] > ENGINE && ENGINE > KERNEL_DEFAULT && fifo.contains(&ENGINE));
        assert!(fifo[0] < 99, "the kernel's own migration and watchdog threads stay above");
    }

    fn machine(threads: &[(i32, &str, &str)]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for (id, name, scheduling) in threads {
            let process = root.path(format!("proc/{id}"));
            std::fs::create_dir_all(&process).unwrap();
            std::fs::write(process.join("comm"), format!("{name}\n")).unwrap();
            // As a kernel shows it, down to the fields that nobody needs.
            let before = "S 2 0 0 0 -1 2129984 0 0 0 0 0 4 0 0 -51 0 1 0 65 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 0 17 0";
            std::fs::write(
                process.join("stat"),
                format!("{id} ({name}) {before} {scheduling} 0 0 0 0 0 0 0 0 0 0 0\n"),
            )
            .unwrap();
        }
        std::fs::create_dir_all(root.path("proc/sys")).unwrap();
        (directory, root)
    }

    #[test]
    fn interrupts_of_usb_hosts_and_sound_cards_are_found_and_no_others() {
        let (_keep, root) = machine(&[
            (40, "irq/24-xhci_hcd", "50 1"),
            (41, "irq/25-ehci_hcd:usb1", "50 1"),
            (42, "irq/30-snd_hda_", "50 1"),
            (43, "irq/31-s-snd (x)", "50 1"),
            (44, "irq/32-eth0", "50 1"),
            (45, "irq/33-xhci_hcd", "80 1"),
            (46, "xhci_hcd", "0 0"),
            (47, "irq/34", "50 1"),
        ]);
        let ids: Vec<i32> = misplaced(&root).iter().map(|thread| thread.id).collect();
        assert_eq!(ids, [40, 41, 42, 43]);
    }

    #[test]
    fn a_thread_that_is_gone_in_between_is_no_error() {
        let (_keep, root) = machine(&[(40, "irq/24-xhci_hcd", "50 1")]);
        std::fs::remove_file(root.path("proc/40/stat")).unwrap();
        assert_eq!(misplaced(&root), []);
        assert_eq!(scheduling(""), (None, None));
    }
}
