//! The engine's fade-in, by its formula: frame n of N is the track's times n / N, rounded.

/// Its length, ms.
const FADE_MS: usize = 20;
/// Bytes of a sample: words of 32 bits, little-endian.
const SAMPLE: usize = 4;
/// How far a sample may be off where it is rounded, in steps of its last bit: 32 bits are rounded, and the gain is, to 2^-31.
const ROUNDED: f64 = 2.0;
/// Narrower ones get noise of a step as well.
const DITHERED: f64 = 1.6;

/// Frames by which a passage is recognised.
const KEY: usize = 64;

/// A track, and how it comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faded<'a> {
    /// Samples of 32 bits, left-justified.
    pub(super) track: &'a [u8],
    /// Bytes of a frame.
    pub(super) frame: usize,
    /// Hz.
    pub(super) rate: u32,
    /// Bits of a sample on the wire.
    pub(super) bits: u32,
}

impl Faded<'_> {
    /// Frames that are faded in.
    pub(super) fn frames(&self) -> usize {
        self.rate as usize * FADE_MS / 1000
    }

    /// How many frames before `start` of what came are the track's before its frame `at`, as they are.
    pub(super) fn back(&self, came: &[u8], start: usize, at: usize) -> usize {
        let same = |back: &usize| {
            let [came, track] = [(came, start), (self.track, at)]
                .map(|(bytes, end)| self.part(bytes, end.checked_sub(back + 1)?).filter(|frame| !frame.is_empty()));
            came.is_some() && came == track
        };
        (0..self.frames()).take_while(same).count()
    }

    /// What is wrong with the fade that ends before frame `start` of what came, which is the track's frame `at`, or one of so many
    /// before it: the last ones may be what they would be unscaled.
    pub(super) fn fault(&self, came: &[u8], start: usize, at: usize, unsure: usize) -> Option<String> {
        let first = self.first_wrong(came, start, at)?;
        let other =
            (1..=unsure.min(start).min(at)).all(|more| self.first_wrong(came, start + more, at + more).is_some());
        other
            .then(|| format!("frame {first} of the {} before frame {at} isn't faded in as it should be", self.frames()))
    }

    /// What is wrong with the fade behind which frame `at` comes as it is, or one of the frames before it.
    pub(super) fn fault_before(&self, came: &[u8], at: usize) -> Option<String> {
        let key = self.track.get(at * self.frame..(at + KEY) * self.frame);
        let mut places = came.windows(KEY * self.frame).step_by(self.frame);
        match places.position(|place| Some(place) == key) {
            Some(start) => {
                let back = self.back(came, start, at);
                self.fault(came, start - back, at - back, back)
            }
            None => Some(format!("frame {at} doesn't come as it is")),
        }
    }

    /// The first frame of the fade that isn't the track's times its gain.
    fn first_wrong(&self, came: &[u8], start: usize, at: usize) -> Option<usize> {
        let all = self.frames();
        let of = |bytes, end: usize, n: usize| self.part(bytes, (end + n).checked_sub(all)?);
        let step = f64::from(1_u32 << (32 - self.bits));
        let most = if self.bits == 32 { ROUNDED } else { DITHERED * step + ROUNDED };
        (0..all).find(|n| {
            let (Some(came), Some(track)) = (of(came, start, *n), of(self.track, at, *n)) else { return true };
            let mut pairs = samples(came).zip(samples(track));
            pairs.any(|(came, track)| (came - track * *n as f64 / all as f64).abs() > most)
        })
    }

    fn part<'b>(&self, bytes: &'b [u8], number: usize) -> Option<&'b [u8]> {
        bytes.get(number * self.frame..(number + 1) * self.frame)
    }
}

fn samples(frame: &[u8]) -> impl Iterator<Item = f64> {
    frame.as_chunks::<SAMPLE>().0.iter().map(|sample| f64::from(i32::from_le_bytes(*sample)))
}

/// `track` in words of 32 bits, faded in over so many frames of one sample.
#[cfg(test)]
pub(super) fn faded_in(track: &[u8], frames: usize) -> Vec<u8> {
    let gain = |n: usize| n as f64 / frames as f64;
    samples(track)
        .take(frames)
        .enumerate()
        .flat_map(|(n, sample)| ((sample * gain(n)).round() as i32).to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Vec<u8> {
        (1..500_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
    }

    fn fault(fade: &[u8], track: &[u8], bits: u32) -> Option<String> {
        let came = [&[0; 400], fade, &track[120 * 4..]].concat();
        let faded = Faded { track, frame: 4, rate: 1000, bits };
        faded.fault(&came, 120, 120, 0)
    }

    #[test]
    fn only_the_formula_is_a_fade() {
        let track = track();
        let right = faded_in(&track[100 * 4..], 20);
        assert_eq!(fault(&right, &track, 32), None);
        let mut noisy = right.clone();
        // A step of 24 bits.
        noisy[7 * 4 + 1] = noisy[7 * 4 + 1].wrapping_add(1);
        assert_eq!(fault(&noisy, &track, 24), None);
        let mut swapped = right.clone();
        swapped.rotate_left(4);
        for (what, fade) in [
            ("noise", vec![0xff; 80]),
            ("silence", vec![0; 80]),
            ("no fade at all", track[100 * 4..120 * 4].to_vec()),
            ("a step at its middle", [&right[..40], &track[110 * 4..120 * 4]].concat()),
            ("another order", swapped),
            ("another place of the track", faded_in(&track[101 * 4..], 20)),
            ("a step of 24 bits", noisy),
        ] {
            assert!(fault(&fade, &track, 32).is_some(), "{what}");
        }
    }

    #[test]
    fn a_frame_that_its_gain_does_not_change_is_no_end_of_the_fade() {
        let mut track = track();
        track[119 * 4..120 * 4].fill(0);
        let came = [&[0; 400], faded_in(&track[100 * 4..], 20).as_slice(), &track[120 * 4..]].concat();
        let faded = Faded { track: &track, frame: 4, rate: 1000, bits: 32 };
        assert_eq!((faded.back(&came, 120, 120), faded.back(&came, 125, 125)), (1, 6));
        assert_eq!(faded.fault(&came, 119, 119, 1), None);
        assert!(faded.fault(&came, 119, 119, 0).is_some());
        assert_eq!([120, 130].map(|at| faded.fault_before(&came, at)), [None, None]);
        assert!(faded.fault_before(&came, 470).is_some(), "it isn't there");
        let other = [&[0; 400], [1; 80].as_slice(), &track[120 * 4..]].concat();
        assert!(faded.fault_before(&other, 130).is_some());
    }
}
