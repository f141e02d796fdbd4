//! Microframes that the host left unfilled.
//!
//! The redirection carries no frame number, and a microframe without a packet doesn't show in it. What shows is time. A packet is sent
//! in its microframe or later, never before it: so packet `n` comes 125 µs × (n + the microframes without a packet so far) after the
//! start of the stream, and then however late emulator and host were. Lateness passes, and an unfilled microframe doesn't: from there on
//! nothing comes as early as before. So what the earliest of all packets that are still to come is behind the count of packets is made
//! of microframes that brought nothing.
//!
//! That is all there were, and at most as many more as one who is late from there to the end of the stream would add: where the last
//! packets come late nothing can tell the one from the other, and those are left out ([`UNSURE`]).
//!
//! QEMU adds some of its own: a transfer that is due "as soon as possible", as Linux's are, is due *now* if the emulator comes to it more
//! than four microframes late (`xhci_calc_iso_kick` in hw/usb/hcd-xhci.c). No real controller loses those.

use crate::clock::bus_time;
use crate::record::{Packet, Stream};

/// Of the last so many packets nothing is said: what the driver has on its way at a time (`MAX_QUEUE` in sound/usb/card.h is 18 ms) may
/// have come late, and not behind anything.
const UNSURE: usize = 160;

/// A run of microframes without a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfilled {
    /// It lies behind so many packets: in the longest wait of the stretch that the count of packets fell behind in.
    pub behind: usize,
    /// How many.
    pub microframes: u64,
}

/// A microframe of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Microframe {
    /// Counted from the one that the stream began with; 125 µs each.
    pub number: u64,
    /// What it brought; `None`: nothing, by the times of the packets around it.
    pub packet: Option<Packet>,
}

impl Stream {
    /// Where microframes passed that brought nothing, by the times of those that are kept.
    #[must_use]
    pub fn unfilled(&self) -> Vec<Unfilled> {
        let slot = bus_time(1).as_nanos() as i128;
        // How late a packet was, beside its own count.
        let late: Vec<i128> =
            (0..).zip(&self.packets).map(|(n, packet)| packet.at.as_nanos() as i128 - n * slot).collect();
        let mut earliest = late.clone();
        for n in (1..earliest.len()).rev() {
            earliest[n - 1] = earliest[n - 1].min(earliest[n]);
        }
        let Some(&first) = earliest.first() else { return Vec::new() };
        let sure = late.len().saturating_sub(UNSURE);
        let mut found = Vec::new();
        // Where the stretch began that isn't in step, and what was told so far.
        let (mut stretch, mut told) = (0, 0);
        for n in 1..sure {
            if earliest[n] == earliest[n - 1] {
                continue;
            }
            let total = ((earliest[n] - first) / slot) as u64;
            if total > told {
                // From the packet that was the last one in time to the next one that is.
                let end = (n..sure).find(|n| late[*n] == earliest[*n]).unwrap_or(n);
                let wait = |n: &usize| self.packets[*n].at.saturating_sub(self.packets[n - 1].at);
                let behind = (stretch + 1..=end).max_by_key(wait).unwrap_or(n);
                found.push(Unfilled { behind, microframes: total - told });
                told = total;
            }
            stretch = n;
        }
        found
    }

    /// Each microframe of the bus from the start of the stream on, those included that brought nothing.
    pub fn timeline(&self) -> impl Iterator<Item = Microframe> {
        let mut number = 0;
        let mut unfilled = self.unfilled().into_iter().peekable();
        self.packets.iter().enumerate().flat_map(move |(n, packet)| {
            let mut before = 0;
            while let Some(run) = unfilled.next_if(|run| run.behind <= n) {
                before += run.microframes;
            }
            let first = number;
            number += before + 1;
            let nothing = (first..first + before).map(|number| Microframe { number, packet: None });
            nothing.chain([Microframe { number: first + before, packet: Some(*packet) }])
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Format, Setting};

    /// A second of packets that come so many µs after the one with their number is due.
    fn stream(late: impl Fn(usize) -> u64) -> Stream {
        let at = |n: usize| Duration::from_micros(5000 + 125 * n as u64 + late(n));
        let packets = (0..8000).map(|n| Packet { at: at(n), bytes: 48 }).collect();
        Stream {
            packets,
            microframes: 8000,
            ..Stream::new(Setting { format: Format::Pcm, bytes: 4, bits: 32 }, 48_000)
        }
    }

    fn runs(late: impl Fn(usize) -> u64) -> Vec<(usize, u64)> {
        stream(late).unfilled().iter().map(|run| (run.behind, run.microframes)).collect()
    }

    #[test]
    fn what_is_late_and_catches_up_has_left_nothing_out() {
        assert_eq!(runs(|_| 0), []);
        assert_eq!(runs(|n| 90 * (n as u64 % 7)), [], "each a little, now and then");
        // A host that does nothing for 15 ms, and hands out all that was due meanwhile.
        assert_eq!(runs(|n| if (4000..4120).contains(&n) { 125 * (4120 - n as u64) } else { 0 }), []);
        assert_eq!(runs(|n| if n > 7900 { 9000 } else { 0 }), [], "at the end it can't be told");
    }

    #[test]
    fn what_never_comes_as_early_again_was_left_out() {
        assert_eq!(runs(|n| if n < 4000 { 0 } else { 125 * 40 }), [(4000, 40)]);
        let jitter = |n: usize| 60 * (n as u64 % 5);
        let twice = |n: usize| jitter(n) + 125 * (u64::from(n >= 1000) + 12 * u64::from(n >= 6000));
        assert_eq!(runs(twice).iter().map(|(_, count)| count).sum::<u64>(), 13);
        // And for a while it is late beside.
        let slow = |n: usize| if n < 4000 { 0 } else { 125 * 40 + 3000 * u64::from(n < 4100) };
        assert_eq!(runs(slow), [(4000, 40)]);
    }

    #[test]
    fn a_timeline_has_each_microframe_with_its_packet_or_without_one() {
        let stream = stream(|n| if n < 4000 { 0 } else { 125 * 3 });
        let all: Vec<_> = stream.timeline().collect();
        assert_eq!((all.len(), all.last().unwrap().number), (8003, 8002));
        assert!(all.iter().zip(0..).all(|(microframe, n)| microframe.number == n));
        let empty: Vec<_> = all.iter().filter(|microframe| microframe.packet.is_none()).map(|m| m.number).collect();
        assert_eq!(empty, [4000, 4001, 4002]);
    }
}
