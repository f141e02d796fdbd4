//! The moments at which a stream fell silent between its sounds, and what the machine was at just before each: a card or a ring that ran
//! dry is the machine's pace only where that is seen from outside at that very moment, and not at any other time of the part.
//!
//! A pause is such a moment too. That excuses nothing by itself: the engine's counts, and what came, have to say that it ran dry as well.
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use usb_dac::{Packet, Stream};

use super::watch::Watch;

/// Shorter silence is music's, microframes: a millisecond. (The tracks hold none: it is for what is converted.)
const SHORTEST: usize = 8;
/// Bytes of which silence consists, of any format: zeros; DSD's; the markers of DoP.
const SILENT: [u8; 4] = [0, 0x69, 0x05, 0xfa];

/// What the machine was at.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Moment {
    /// What the host took of the time in which the card was played empty: of two of its buffers.
    pub(super) held: Duration,
    /// The part of the second before it ran dry that the machine's busiest thread had work to do in.
    pub(super) busy: f64,
}

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms held, busy {:.0} %", self.held.as_millis(), self.busy * 100.0)
    }
}

/// Those of a stream, of a DAC whose time began then and of a card whose buffer holds so much.
pub(super) fn moments(stream: &Stream, watch: &Watch, since: Instant, buffer: Duration) -> Vec<Moment> {
    let look = |at: Duration| {
        let at = since + at;
        // What is empty for want of data was so before what the card held was played.
        Moment { held: watch.held_before(at, 2 * buffer), busy: watch.busy_before(at, buffer) }
    };
    silences(stream).into_iter().map(look).collect()
}

/// When silence began that sound came before and behind of.
fn silences(stream: &Stream) -> Vec<Duration> {
    let mut found = Vec::new();
    // Since when, and for how many microframes, once there was a sound.
    let (mut silence, mut sounded) = (None::<(Duration, usize)>, false);
    let mut rest = stream.bytes.as_slice();
    for Packet { at, bytes } in &stream.packets {
        let Some((now, next)) = rest.split_at_checked(usize::from(*bytes)) else { break };
        rest = next;
        if now.iter().all(|byte| SILENT.contains(byte)) {
            let (_, length) = silence.get_or_insert((*at, 0));
            *length += 1;
            continue;
        }
        let ended = silence.take().filter(|(_, length)| sounded && *length >= SHORTEST);
        found.extend(ended.map(|(at, _)| at));
        sounded = true;
    }
    found
}

#[cfg(test)]
mod tests {
    use usb_dac::{Format, Setting};

    use super::*;

    /// A stream of packets of 48 bytes of this, one each ms of the host's.
    fn stream(packets: &[u8]) -> Stream {
        let packet = |n| Packet { at: Duration::from_millis(n), bytes: 48 };
        Stream {
            setting: Setting { format: Format::Pcm, bytes: 4, bits: 32 },
            rate: 48_000,
            before: 0,
            microframes: packets.len() as u64,
            received: 48 * packets.len() as u64,
            unheard: 0,
            packets: (0..packets.len() as u64).map(packet).collect(),
            bytes: packets.iter().flat_map(|byte| [*byte; 48]).collect(),
            ended: true,
        }
    }

    #[test]
    fn silence_between_sounds_is_a_moment_and_no_other_is() {
        let at = |parts: &[(u8, usize)]| {
            let packets: Vec<u8> = parts.iter().flat_map(|(byte, count)| vec![*byte; *count]).collect();
            silences(&stream(&packets)).iter().map(Duration::as_millis).collect::<Vec<_>>()
        };
        assert_eq!(at(&[]), []);
        assert_eq!(at(&[(0, 100), (7, 100), (0, 100)]), [], "around it");
        assert_eq!(at(&[(0, 100), (7, 100), (0, 8), (7, 100), (0x69, 20), (7, 1)]), [200, 308]);
        assert_eq!(at(&[(7, 100), (0, 7), (7, 100)]), [], "too short");
        let mut dry = stream(&[[7; 30], [7; 30]].concat());
        dry.packets[10..20].iter_mut().for_each(|packet| packet.bytes = 0);
        assert_eq!(silences(&dry), [Duration::from_millis(10)], "microframes that came empty");
    }

    #[test]
    fn what_the_machine_was_at_is_what_it_was_at_then() {
        let now = Instant::now();
        let packets = [vec![7; 2000], vec![0; 50], vec![7; 2000], vec![0; 50], vec![7; 100]].concat();
        // Busy, and held up, until the first one; idle after that.
        let looks = (0..200).map(|n: u64| (25 * n, [25 * n.min(80), 10 * n.min(80)]));
        let watch = Watch::of_one(now, looks);
        let found = moments(&stream(&packets), &watch, now, Duration::from_millis(100));
        assert_eq!(found.len(), 2);
        assert!(found[0].busy > 0.99 && found[0].held.as_millis() >= 70, "{}", found[0]);
        assert!(found[1].busy < 0.1 && found[1].held.is_zero(), "{}", found[1]);
    }
}
