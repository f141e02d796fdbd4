//! Whether the bus stood still in the middle of a stream.
//!
//! What can't be known: the redirection carries no number of a microframe, and a microframe for which the host queued no packet doesn't
//! show at all. In the bus's own time, which is counted in packets, there is no gap. Only the host's clock, by which each packet has its
//! time, goes on; and it does so as well where it is the host that was busy. So a gap is held to a limit, beside what the host is known
//! to have taken from machine or DAC between two looks at it around the gap; a shorter one isn't seen.
//!
//! On both sides of empty microframes there are gaps of no meaning. There the card had run dry, and its driver had stopped: behind them it
//! starts anew; and they come themselves when QEMU thinks that they are due, up to 2 s later (`is_taken_back` in [`super::bus`]). How often
//! the card runs dry is judged by the engine's count, and what is lost there by what came.
use std::time::{Duration, Instant};

use usb_dac::Stream;

use super::watch::Watch;

/// The longest gap: what the driver has on its way (`MAX_QUEUE` in sound/usb/card.h is 18 ms) may come in one go.
const LONGEST: Duration = Duration::from_millis(20);

/// What is wrong with the times at which a stream's packets came, of a DAC whose time began then. Returns the longest gap, without what
/// the host took.
pub(super) fn still(stream: &Stream, watch: &Watch, since: Option<Instant>) -> Option<(Duration, String)> {
    let taken = |from, to| since.map_or(Duration::ZERO, |since| watch.taken(since + from, since + to));
    let gaps = stream.packets.windows(2).filter_map(|pair| {
        let [before, now] = pair else { return None };
        let gap = now.at.saturating_sub(before.at);
        let runs = before.bytes > 0 && now.bytes > 0;
        (gap > LONGEST && runs).then(|| (gap, gap.saturating_sub(taken(before.at, now.at))))
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

#[cfg(test)]
mod tests {
    use usb_dac::{Format, Packet, Setting};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A second of packets, with a gap of so many ms behind every 1600 of them.
    fn stream(gap: u32) -> Stream {
        let packet = |n: u32| Packet { at: Duration::from_micros(125) * n + MS * gap * (n / 1600), bytes: 48 };
        let setting = Setting { format: Format::Pcm, bytes: 4, bits: 32 };
        let packets = (0..8000).map(packet).collect();
        Stream { microframes: 8000, received: 48 * 8000, packets, ..Stream::new(setting, 48_000) }
    }

    /// It was looked at each 25 ms, as the bench does; so many ms more had been waited each time.
    fn each(since: Instant, waited: u64) -> Watch {
        Watch::of_one(since, (0..60).map(|n| (25 * n, [0, n * waited])))
    }

    #[test]
    fn a_bus_that_stands_still_is_found() {
        let now = Instant::now();
        for watch in [Watch::new(0), each(now, 0)] {
            let (own, fault) = still(&stream(60), &watch, Some(now)).unwrap();
            assert!(
                own > 60 * MS && fault.contains("4 times no packet came") && fault.contains("once for 60 ms"),
                "{fault}"
            );
            assert_eq!(still(&stream(0), &watch, Some(now)), None);
            assert_eq!(still(&stream(19), &watch, Some(now)), None, "what was on its way");
        }
    }

    #[test]
    fn beside_what_came_empty_it_says_nothing() {
        for first_behind in [0, 1] {
            let mut dry = stream(60);
            (1..=4).for_each(|n| dry.packets[1600 * n - 1 + first_behind].bytes = 0);
            assert_eq!(still(&dry, &Watch::new(0), None), None, "{first_behind}");
            dry.packets[3200 - 1 + first_behind].bytes = 48;
            let (_, fault) = still(&dry, &Watch::new(0), None).unwrap();
            assert!(fault.contains("1 times"), "{fault}");
        }
    }

    #[test]
    fn only_what_the_host_took_meanwhile_is_left_out() {
        let now = Instant::now();
        let fault = |watch: &Watch| still(&stream(60), watch, Some(now));
        assert_eq!(fault(&each(now, 15)), None, "15 of each 25 ms");
        assert!(fault(&each(now, 5)).is_some(), "5 of each");
        // What was waited before says nothing of the gaps.
        let before = Watch::of_one(now, [(0, [0, 0]), (190, [0, 900]), (2000, [0, 900])]);
        assert!(fault(&before).is_some());
    }
}
