//! Whether the bus stood still in the middle of a stream.
//!
//! What can't be known: the redirection carries no number of a microframe, and a microframe for which the host queued no packet doesn't
//! show at all. In the bus's own time, which is counted in packets, there is no gap. Only the host's clock, by which each packet has its
//! time, goes on; and it does so as well where it is the host that was busy. So a gap is held to a limit, beside what the host is known
//! to have taken from machine or DAC between two looks at it around the gap; a shorter one isn't seen.
use std::time::{Duration, Instant};

use usb_dac::Stream;

use super::waits::Waits;

/// The longest gap: what the driver has on its way (`MAX_QUEUE` in sound/usb/card.h is 18 ms) may come in one go.
const LONGEST: Duration = Duration::from_millis(20);

/// What machine and DAC had waited for a core by some moment.
#[derive(Debug, Clone)]
struct Look {
    at: Instant,
    machine: Waits,
    own: Waits,
}

/// Looks at that, as time goes on.
#[derive(Debug, Default)]
pub(super) struct Looks(Vec<Look>);

impl Looks {
    /// Looks at this machine, and at the DAC, which is this process.
    pub(super) fn look(&mut self, machine: u32) {
        let [machine, own] = [machine, std::process::id()].map(Waits::now);
        self.0.push(Look { at: Instant::now(), machine, own });
    }

    /// Forgets all but the last one.
    pub(super) fn forget(&mut self) {
        let last = self.0.len().saturating_sub(1);
        self.0.drain(..last);
    }

    /// What the host took from one moment to another, at most.
    fn taken(&self, from: Instant, to: Instant) -> Duration {
        let first = self.0.iter().rfind(|look| look.at <= from).or(self.0.first());
        let last = self.0.iter().find(|look| look.at >= to).or(self.0.last());
        let (Some(first), Some(last)) = (first, last) else { return Duration::ZERO };
        last.machine.any_since(&first.machine) + last.own.any_since(&first.own)
    }

    /// What is wrong with the times at which a stream's packets came, of a DAC whose time began then. Where packets came empty before a gap
    /// the card ran dry, which is judged by that. Returns the longest of those gaps, without what the host took.
    pub(super) fn still(&self, stream: &Stream, since: Option<Instant>) -> Option<(Duration, String)> {
        let taken = |from, to| since.map_or(Duration::ZERO, |since| self.taken(since + from, since + to));
        let gaps = stream.packets.windows(2).filter_map(|pair| {
            let [before, now] = pair else { return None };
            let gap = now.at.saturating_sub(before.at);
            (gap > LONGEST && before.bytes > 0).then(|| (gap, gap.saturating_sub(taken(before.at, now.at))))
        });
        let long: Vec<_> = gaps.filter(|(_, own)| *own > LONGEST).collect();
        let (gap, own) = long.iter().max_by_key(|(_, own)| *own)?;
        let (count, gap, taken) = (long.len(), gap.as_millis(), gap.saturating_sub(*own).as_millis());
        let rate = stream.rate;
        let text = format!(
            "{rate} Hz: {count} times no packet came for longer than 20 ms, once for {gap} ms, and the host took {taken}"
        );
        Some((*own, text))
    }
}

#[cfg(test)]
mod tests {
    use usb_dac::{Format, Packet, Setting};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A second of packets, with a gap of so many ms behind every 1600 of them.
    fn stream(gap: u32) -> Stream {
        let packet = |n: u32| Packet { at: Duration::from_micros(125) * n + MS * gap * (n / 1600), bytes: 48 };
        Stream {
            setting: Setting { format: Format::Pcm, bytes: 4, bits: 32 },
            rate: 48_000,
            microframes: 8000,
            received: 48 * 8000,
            unheard: 0,
            packets: (0..8000).map(packet).collect(),
            bytes: Vec::new(),
            ended: true,
        }
    }

    /// So many ns had been waited by such a time, ms.
    fn looks(since: Instant, all: impl IntoIterator<Item = (u32, u64)>) -> Looks {
        let look =
            |(ms, waited)| Look { at: since + MS * ms, machine: Waits::of_one([0, waited]), own: Waits::default() };
        Looks(all.into_iter().map(look).collect())
    }

    /// Each 25 ms, as the bench does; so many ms more each time.
    fn each(since: Instant, waited: u64) -> Looks {
        looks(since, (0..60).map(|n| (25 * n, u64::from(n) * waited * 1_000_000)))
    }

    #[test]
    fn a_bus_that_stands_still_is_found() {
        let now = Instant::now();
        for looks in [Looks::default(), each(now, 0)] {
            let (own, fault) = looks.still(&stream(60), Some(now)).unwrap();
            assert!(
                own > 60 * MS && fault.contains("4 times no packet came") && fault.contains("once for 60 ms"),
                "{fault}"
            );
            assert_eq!(looks.still(&stream(0), Some(now)), None);
            assert_eq!(looks.still(&stream(19), Some(now)), None, "what was on its way");
        }
        let mut dry = stream(60);
        (1..=4).for_each(|n| dry.packets[1600 * n - 1].bytes = 0);
        assert_eq!(Looks::default().still(&dry, Some(now)), None, "there is a hole in front of each");
    }

    #[test]
    fn only_what_the_host_took_meanwhile_is_left_out() {
        let now = Instant::now();
        let fault = |looks: &Looks| looks.still(&stream(60), Some(now));
        assert_eq!(fault(&each(now, 15)), None, "15 of each 25 ms");
        assert!(fault(&each(now, 5)).is_some(), "5 of each");
        // What was waited before says nothing of the gaps.
        let mut before = looks(now, [(0, 0), (190, 900_000_000), (2000, 900_000_000)]);
        assert!(fault(&before).is_some());
        before.forget();
        assert_eq!((before.0.len(), before.0[0].at), (1, now + 2000 * MS));
    }
}
