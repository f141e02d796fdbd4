//! What a card that ran dry explains of what came: silence before each frame at which it did, what was on its way then, and the
//! fade-in. It explains nothing else, and nothing where it never ran dry.
use std::collections::BTreeMap;

use usb_dac::{Explained, Fault, Kind};

/// What the driver has on its way is never heard, ms (`MAX_QUEUE` in sound/usb/card.h is 18).
const IN_FLIGHT_MS: usize = 20;
/// The engine's fade, ms: its frames don't come as they are.
const FADE_MS: usize = 20;
/// What is no part of the track is looked at in steps of so many frames.
const STEP: usize = 64;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dry {
    /// Silence within the track: how often.
    pub(super) gaps: u64,
    /// Frames that never came, those of fades not counted.
    pub(super) lost: usize,
    /// Frames of the track that come as they are again, each behind a fade.
    pub(super) resumed: Vec<usize>,
    /// There weren't as many as there were xruns.
    pub(super) miscounted: Option<String>,
    /// What no xrun explains.
    pub(super) others: Vec<Fault>,
}

/// One place in the track where it ran dry.
#[derive(Debug, Default)]
struct Place<'a> {
    gaps: u64,
    faded: usize,
    dropped: usize,
    /// Something that no xrun does.
    other: bool,
    faults: Vec<&'a Fault>,
}

impl Place<'_> {
    fn is_explained(&self, rate: usize) -> bool {
        let [in_flight, fade] = [IN_FLIGHT_MS, FADE_MS].map(|ms| rate * ms / 1000);
        !self.other
            && self.gaps == 1
            && self.faded <= fade + STEP
            && self.dropped.saturating_sub(self.faded) <= in_flight
    }
}

/// Looks at what came while the card ran dry so many times, none if nothing was done to make it.
pub(super) fn explain(found: &Explained, xruns: u64, rate: u32) -> Dry {
    let mut places = BTreeMap::<usize, Place<'_>>::new();
    for fault in &found.faults {
        let place = places.entry(fault.at).or_default();
        match fault.kind {
            Kind::Gap => place.gaps += 1,
            Kind::Foreign(_) => place.faded += fault.frames,
            Kind::Dropped => place.dropped += fault.frames,
            Kind::Repeated | Kind::Swapped | Kind::Stale | Kind::WrongSilence(_) => place.other = true,
        }
        place.faults.push(fault);
    }
    let gaps = found.faults.iter().filter(|fault| fault.kind == Kind::Gap).count() as u64;
    let mut dry = Dry { gaps, ..Dry::default() };
    dry.miscounted = (gaps != xruns).then(|| format!("{gaps} gaps on the bus, and {xruns} xruns"));
    for (at, place) in places {
        dry.lost += place.dropped.saturating_sub(place.faded);
        if xruns > 0 && place.is_explained(rate as usize) {
            dry.resumed.push(at + place.dropped);
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

    fn looked_at(parts: &[Vec<u8>], xruns: u64) -> Dry {
        let found = usb_dac::explain(&parts.concat(), Wanted { bytes: &track(), frame: FRAME, silence: 0 });
        explain(&found, xruns, RATE)
    }

    fn is_well(dry: &Dry) -> bool {
        dry.miscounted.is_none() && dry.others.is_empty()
    }

    /// It ran dry at frame 2000, of which so many frames were lost, and so many faded in.
    fn dry(lost: usize, faded: usize) -> Vec<Vec<u8>> {
        vec![part(0, 2000), vec![0; FRAME * 1920], noise(faded), part(2000 + lost + faded, 5000)]
    }

    #[test]
    fn what_an_xrun_does_is_explained_by_one() {
        assert_eq!(looked_at(&[part(0, 5000)], 0), Dry::default());
        assert_eq!(looked_at(&dry(900, 960), 1), Dry { gaps: 1, lost: 900, resumed: vec![3860], ..Dry::default() });
        for (what, parts, xruns) in [
            ("nobody made it run dry", dry(900, 960), 0),
            ("it ran dry once more", dry(900, 960), 2),
            ("too much is lost", dry(970, 960), 1),
            ("too much is faded in", dry(0, 1100), 1),
            ("there is no silence", vec![part(0, 2000), part(2500, 5000)], 1),
        ] {
            assert!(!is_well(&looked_at(&parts, xruns)), "{what}");
        }
    }

    #[test]
    fn no_xrun_explains_anything_else() {
        for (what, parts) in [
            ("swapped", vec![part(800, 1100), part(1300, 1500), part(1100, 1300), part(1500, 2000)]),
            ("repeated", vec![part(800, 1500), part(1300, 2000)]),
            ("stale", vec![part(800, 1500), part(100, 400), part(1500, 2000)]),
            ("wrong silence", vec![part(800, 1500), vec![0x55; 4000], part(1500, 2000)]),
            ("a gap", vec![part(800, 1500), vec![0; 4000], part(1500, 2000)]),
            ("something else", vec![part(800, 1500), noise(300), part(1500, 2000)]),
            ("a frame less", vec![part(800, 1500), part(1501, 2000)]),
        ] {
            let head = [&[part(0, 800)], &parts[..]].concat();
            let alone = [&head[..], &[part(2000, 5000)]].concat();
            assert!(!is_well(&looked_at(&alone, 0)), "{what}");
            let beside_an_xrun = [&head[..], &dry(900, 960)[1..]].concat();
            assert!(!is_well(&looked_at(&beside_an_xrun, 1)), "{what}, beside an xrun");
        }
    }
}
