//! What a card or a ring that ran dry explains of what came: silence before the frame at which it did, what was on its way then, and
//! the fades around it. It explains nothing else, and each time only one place.
use std::collections::BTreeMap;

use usb_dac::{Explained, Fault, Kind};

/// What the driver has on its way is never heard, ms (`MAX_QUEUE` in sound/usb/card.h is 18).
pub(super) const IN_FLIGHT_MS: usize = 20;
/// The engine's fade, ms: its frames don't come as they are.
const FADE_MS: usize = 20;
/// What is no part of the track is looked at in steps of so many frames.
const STEP: usize = 64;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dry {
    /// Silence within the track where nothing else is wrong than what belongs to having run dry: how often.
    pub(super) gaps: u64,
    /// Frames that never came, those of fades not counted.
    pub(super) lost: usize,
    /// Frames of the track that come as they are again, each behind a fade.
    pub(super) resumed: Vec<usize>,
    /// All that is explained so.
    pub(super) places: Vec<Fault>,
    /// What isn't.
    pub(super) others: Vec<Fault>,
}

/// One place in the track where something is wrong.
#[derive(Debug, Default)]
struct Place<'a> {
    gaps: u64,
    faded: usize,
    dropped: usize,
    /// Something that comes of nothing running dry.
    other: bool,
    faults: Vec<&'a Fault>,
}

impl Place<'_> {
    /// The ring fades out before it is dry, the card can't; both fade in.
    fn is_explained(&self, rate: usize) -> bool {
        let [in_flight, fade] = [IN_FLIGHT_MS, FADE_MS].map(|ms| rate * ms / 1000);
        !self.other
            && self.gaps == 1
            && self.faded <= 2 * (fade + STEP)
            && self.dropped.saturating_sub(self.faded) <= in_flight
    }
}

/// Looks at what came, at so many frames a second. Each gap takes a count of its own to be excused by.
pub(super) fn explain(found: &Explained, rate: u32) -> Dry {
    let mut places = BTreeMap::<usize, Place<'_>>::new();
    for fault in &found.faults {
        let place = places.entry(fault.at).or_default();
        match fault.kind {
            Kind::Gap => place.gaps += 1,
            Kind::Foreign(_) => place.faded += fault.frames,
            Kind::Dropped => place.dropped += fault.frames,
            Kind::Repeated | Kind::Swapped | Kind::Stale | Kind::WrongSilence(_) | Kind::WrongPhase => {
                place.other = true;
            }
        }
        place.faults.push(fault);
    }
    let mut dry = Dry::default();
    for (at, place) in places {
        if place.is_explained(rate as usize) {
            dry.gaps += 1;
            dry.lost += place.dropped.saturating_sub(place.faded);
            dry.resumed.push(at + place.dropped);
            dry.places.extend(place.faults.into_iter().cloned());
        } else {
            dry.others.extend(place.faults.into_iter().cloned());
        }
    }
    dry
}

#[cfg(test)]
mod tests {
    use usb_dac::Wanted;

    use super::*;

    const RATE: u32 = 48_000;
    const FRAME: usize = 4;

    fn track() -> Vec<u8> {
        (1..=5000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
    }

    /// Frames of the track from one to another.
    fn part(from: usize, to: usize) -> Vec<u8> {
        track()[FRAME * from..FRAME * to].to_vec()
    }

    /// What is no part of it.
    fn noise(frames: usize) -> Vec<u8> {
        (0..frames as u32).flat_map(|n| (n.wrapping_mul(2_246_822_519) | 1).to_be_bytes()).collect()
    }

    fn looked_at(parts: &[Vec<u8>]) -> Dry {
        let found = usb_dac::explain(&parts.concat(), Wanted { bytes: &track(), frame: FRAME, silence: 0 }, RATE);
        explain(&found, RATE)
    }

    /// It ran dry at frame 2000, of which so many frames were lost, and so many faded in.
    fn dry(lost: usize, faded: usize) -> Vec<Vec<u8>> {
        vec![part(0, 2000), vec![0; FRAME * 1920], noise(faded), part(2000 + lost + faded, 5000)]
    }

    #[test]
    fn what_running_dry_does_is_explained_by_it() {
        assert_eq!(looked_at(&[part(0, 5000)]), Dry::default());
        let card = looked_at(&dry(900, 960));
        assert_eq!((card.gaps, card.lost, card.resumed, card.others), (1, 900, vec![3860], vec![]));
        // Faded out, silent, faded in: nothing is lost.
        let ring = [part(0, 2000), noise(960), vec![0; FRAME * 1920], noise(960), part(3920, 5000)];
        let ring = looked_at(&ring);
        assert_eq!((ring.gaps, ring.lost, ring.resumed, ring.others), (1, 0, vec![3920], vec![]));
        for (what, parts) in [
            ("too much is lost", dry(970, 960)),
            ("too much is faded in", dry(0, 2200)),
            ("there is no silence", vec![part(0, 2000), part(2500, 5000)]),
        ] {
            let dry = looked_at(&parts);
            assert!(dry.gaps == 0 && !dry.others.is_empty(), "{what}: {dry:?}");
        }
    }

    #[test]
    fn running_dry_explains_nothing_else() {
        for (what, parts) in [
            ("swapped", vec![part(800, 1100), part(1300, 1500), part(1100, 1300), part(1500, 2000)]),
            ("repeated", vec![part(800, 1500), part(1300, 2000)]),
            ("stale", vec![part(800, 1500), part(100, 400), part(1500, 2000)]),
            ("wrong silence", vec![part(800, 1500), vec![0x55; 4000], part(1500, 2000)]),
            ("something else", vec![part(800, 1500), noise(300), part(1500, 2000)]),
            ("a frame less", vec![part(800, 1500), part(1501, 2000)]),
        ] {
            let head = [&[part(0, 800)], &parts[..]].concat();
            let alone = looked_at(&[&head[..], &[part(2000, 5000)]].concat());
            assert!(alone.gaps == 0 && !alone.others.is_empty(), "{what}");
            let beside = looked_at(&[&head[..], &dry(900, 960)[1..]].concat());
            assert!(beside.gaps <= 1 && !beside.others.is_empty(), "{what}, beside a gap");
        }
        let twice = looked_at(&[&[part(0, 1500), vec![0; 4000], part(1500, 2000)], &dry(900, 960)[1..]].concat());
        assert_eq!((twice.gaps, twice.others), (2, vec![]), "each is one");
    }
}
