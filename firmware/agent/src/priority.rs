//! Who runs before whom on the way from the network to the DAC: one table, in `/run/tenuto/system.json` as well.
//!
//! The kernel starts every interrupt thread at SCHED_FIFO 50. The engine is above that: no network card may delay it. The
//! DAC's own host controller belongs above the engine: what it brings up has a deadline of about a millisecond (a USB
//! transfer that is handed back late is a gap on the wire), and it takes microseconds for it; the engine has tens of
//! milliseconds in the card's buffer. All else is ordinary, on the cores that aren't isolated.

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

/// From the first to run to the last.
pub(crate) const RANKS: &[Rank] = &[
    Rank {
        who: "interrupt thread of the DAC's host controller (irq/N-xhci_hcd) or sound card",
        fifo: Some(80),
        set_by: "nobody yet: it runs at the kernel's default",
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
}
