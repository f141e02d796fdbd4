//! The engine's fades, frame by frame: what has to come of a frame that is faded is known, but for noise of its last bit.

/// What rounding, and dither of 16 and 24 bits, add to a scaled sample, in steps of the last bit.
const DITHER: f64 = 2.0;
/// The greatest gain of a frame that is scaled at all: 2^-23 below unity (`MOST` in firmware/pcm/src/kernels/room.rs). A fade out begins
/// with it.
const MOST: f64 = 1.0 - 1.0 / (1 << 23) as f64;
/// So many frames at the beginning of a fade may have become what is on their other side: silence, or the track's as they are.
const UNSEEN: usize = 8;

/// How the engine fades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fades {
    /// Bytes of a sample, little-endian and signed.
    pub sample: usize,
    /// Frames of a fade.
    pub frames: usize,
}

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Frame n of N is the track's times n / N,
    In,
    /// or (N - n) / N.
    Out,
}

impl Fades {
    /// How many frames of a fade are missing where this begins, because they look like what is before it; `is_frame` says whether frame
    /// `n` of what comes is frame `m` of the track, counted from here, at a gain. The rest of the fade is there then. None: there isn't
    /// one.
    ///
    /// Its gain tells which of the fade's frames each is, and so where in the track it lies: of a fade in that is the frame which was
    /// due, and so many more.
    pub(super) fn missing(self, way: Way, is_frame: impl Fn(usize, usize, f64) -> bool) -> Option<usize> {
        let gain = |n: usize| n as f64 / self.frames as f64;
        (0..UNSEEN.min(self.frames)).find(|missing| {
            (0..self.frames - missing).all(|n| match way {
                Way::In => is_frame(n, n + missing, gain(n + missing)),
                Way::Out => is_frame(n, n, gain(self.frames - missing - n).min(MOST)),
            })
        })
    }

    /// Whether a frame is the track's at this gain.
    pub(super) fn is_scaled(self, came: &[u8], track: &[u8], gain: f64) -> bool {
        let pairs = || came.chunks_exact(self.sample).zip(track.chunks_exact(self.sample));
        let is_near = |(came, track): (&[u8], &[u8])| (value(came) - value(track) * gain).abs() <= DITHER;
        came.len() == track.len() && !came.is_empty() && pairs().all(is_near)
    }
}

/// A sample's value.
fn value(bytes: &[u8]) -> f64 {
    let unsigned = bytes.iter().rev().fold(0_i64, |value, byte| value << 8 | i64::from(*byte));
    let bits = 8 * bytes.len() as u32;
    (unsigned << (64 - bits) >> (64 - bits)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FADES: Fades = Fades { sample: 4, frames: 882 };

    #[test]
    fn a_fade_out_begins_with_a_gain_that_is_not_quite_1() {
        // As it came over the bus, of words of 16 bits.
        let came = [0x4f, 0xff, 0x58, 0x58, 0x62, 0x00, 0xc6, 0xce];
        let track = [0x00, 0x00, 0x59, 0x58, 0x00, 0x00, 0xc6, 0xce];
        assert_eq!([MOST, 1.0, 881.0 / 882.0].map(|gain| FADES.is_scaled(&came, &track, gain)), [true, false, false]);
    }

    #[test]
    fn only_the_whole_fade_in_its_place_is_one() {
        let missing = |way, came: &[f64]| {
            FADES.missing(way, |n, _, gain| came.get(n).is_some_and(|came| (came - gain).abs() < 1e-9))
        };
        let rising: Vec<f64> = (0..882).map(|n| f64::from(n) / 882.0).collect();
        let falling: Vec<f64> = (0..882).map(|n| (1.0 - f64::from(n) / 882.0).min(MOST)).collect();
        for begins in [0, 1, 7] {
            assert_eq!(missing(Way::In, &rising[begins..]), Some(begins));
            assert_eq!(missing(Way::Out, &falling[begins..]), Some(begins));
        }
        assert_eq!(missing(Way::In, &rising[8..]), None, "too much is missing");
        assert_eq!([missing(Way::In, &rising[..881]), missing(Way::Out, &falling[..881])], [None; 2], "cut off");
        assert_eq!([missing(Way::In, &falling), missing(Way::Out, &rising)], [None; 2]);
        // Frame `m` of the track is looked for `missing` further on in a fade in, and just here in a fade out.
        let places = |way| FADES.missing(way, |n, m, gain| m == n + 3 && (gain * 882.0).round() as usize == n + 3);
        assert_eq!([places(Way::In), places(Way::Out)], [Some(3), None]);
    }
}
