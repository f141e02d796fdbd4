//! Signals that travel as PCM and aren't: scaling or dither would destroy them (F5 of the control points' catalogue).

use crate::{Encoding, Marker, Planes, Samples, Source};

/// What PCM may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hidden {
    /// DSD over PCM.
    Dop,
    /// MQA: a lossy code folded into the lower bits.
    Mqa,
}

impl Hidden {
    /// The name that people know it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dop => "DoP",
            Self::Mqa => "MQA",
        }
    }
}

/// Frames that have to be marked before PCM is taken for DoP: by chance that happens once in 2^512.
const MARKED_FRAMES: usize = 32;

/// The lowest rate of DoP, Hz: DSD64 of the 44.1 kHz family, 16 bits a frame.
const LEAST_DOP_RATE: u32 = 176_400;

/// The highest rate that MQA is distributed at, Hz.
const MOST_MQA_RATE: u32 = 96_000;

impl Hidden {
    /// Whether a source like this one can carry it.
    #[must_use]
    pub fn may_be_in(self, source: &Source) -> bool {
        source.encoding == Encoding::Integer
            && match self {
                Self::Dop => source.bits >= 24 && source.rate >= LEAST_DOP_RATE,
                Self::Mqa => source.bits >= 16 && source.channels == 2 && source.rate <= MOST_MQA_RATE,
            }
    }
}

/// Looks for DoP at the beginning of a track.
///
/// DoP is frames in all of which every channel has the same marker in its upper 8 of 24 bits, and the two markers take turns.
/// Digital silence may come first: some programs write a little of it before they write what they play.
#[derive(Clone, Copy, Debug)]
pub struct DopDetector {
    /// The marker of the next frame, once there was one.
    next: Option<Marker>,
    marked: usize,
    silence_left: u64,
    verdict: Option<bool>,
}

impl DopDetector {
    /// The longest digital silence that is looked behind, ms.
    const SILENCE_MS: u64 = 1000;

    /// For a track of `rate` Hz.
    #[must_use]
    pub const fn new(rate: u32) -> Self {
        Self { next: None, marked: 0, silence_left: rate as u64 * Self::SILENCE_MS / 1000, verdict: None }
    }

    /// Whether there is nothing more to find out.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.verdict.is_some()
    }

    /// Looks at the next samples; true once, when at least 32 frames tell, and all others up to their end.
    pub fn feed(&mut self, samples: &Samples<'_>) -> bool {
        if self.is_done() {
            return false;
        }
        self.verdict = match samples {
            Samples::S32(planes) => self.look(planes),
            Samples::S16(_) | Samples::F32(_) | Samples::Dsd(_) => Some(false),
        };
        self.verdict == Some(true)
    }

    /// The verdict, if these samples allow one.
    fn look(&mut self, planes: &Planes<'_, i32>) -> Option<bool> {
        let silent = |plane: &[i32]| plane.iter().take_while(|&&sample| sample == 0).count();
        let silence = if self.next.is_some() { 0 } else { planes.iter().map(silent).min().unwrap_or(0) };
        let frames = planes.frames().saturating_sub(silence);
        if frames == 0 {
            self.silence_left = self.silence_left.saturating_sub(silence as u64);
            return (self.silence_left == 0).then_some(false);
        }
        let mut sound = planes.iter().map(|plane| plane.get(silence..).unwrap_or_default());
        let first = || planes.iter().next()?.get(silence).and_then(|&sample| marker(sample));
        let Some(first) = self.next.or_else(first) else { return Some(false) };
        if !sound.all(|plane| (0..).zip(plane).all(|(n, &sample)| marker(sample) == Some(first.after(n)))) {
            return Some(false);
        }
        self.next = Some(first.after(frames as u64));
        self.marked = self.marked.saturating_add(frames);
        (self.marked >= MARKED_FRAMES).then_some(true)
    }
}

/// The marker of a left-justified sample of 24 bits.
fn marker(sample: i32) -> Option<Marker> {
    let [top, _, _, unused] = sample.to_be_bytes();
    if unused == 0 { Marker::from_byte(top) } else { None }
}

/// Looks for MQA in the first seconds of a track.
///
/// MQA's stream of control bits is the exclusive or of the two channels, in the 16th bit from the top or one of the two above
/// it, a bit a frame; its packets begin with the 36 bits 0xbe0498c88. (Nothing is published; so it is what several
/// independent detectors look for.) Chance finds that in one of 40 000 tracks of noise.
#[derive(Clone, Copy, Debug)]
pub struct MqaDetector {
    /// The last 64 bits at each place.
    windows: [u64; 3],
    frames_left: u64,
    found: bool,
}

impl MqaDetector {
    const SYNC: u64 = 0xb_e049_8c88;
    const SYNC_MASK: u64 = (1 << 36) - 1;
    /// Seconds of a track that are looked at.
    const SECONDS: u64 = 3;

    /// For a track of `rate` Hz.
    #[must_use]
    pub const fn new(rate: u32) -> Self {
        Self { windows: [0; 3], frames_left: rate as u64 * Self::SECONDS, found: false }
    }

    /// Whether there is nothing more to find out: it was found, or isn't in the first seconds.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.found || self.frames_left == 0
    }

    /// Looks at the next samples; true once, when they tell.
    pub fn feed(&mut self, samples: &Samples<'_>) -> bool {
        if self.is_done() {
            return false;
        }
        self.found = match samples {
            Samples::S16(planes) => {
                let mut planes = planes.iter().map(|plane| plane.iter().map(|&sample| i32::from(sample) << 16));
                match (planes.next(), planes.next(), planes.next()) {
                    (Some(left), Some(right), None) => self.scan(left.zip(right)),
                    _ => false,
                }
            }
            Samples::S32(planes) => {
                let mut planes = planes.iter().map(|plane| plane.iter().copied());
                match (planes.next(), planes.next(), planes.next()) {
                    (Some(left), Some(right), None) => self.scan(left.zip(right)),
                    _ => false,
                }
            }
            Samples::F32(_) | Samples::Dsd(_) => false,
        };
        self.frames_left = self.frames_left.saturating_sub(samples.frames() as u64);
        self.found
    }

    fn scan(&mut self, frames: impl Iterator<Item = (i32, i32)>) -> bool {
        for (left, right) in frames {
            let difference = (left ^ right) as u32;
            for (window, place) in self.windows.iter_mut().zip(16..) {
                *window = *window << 1 | u64::from(difference >> place & 1);
                if *window & Self::SYNC_MASK == Self::SYNC {
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn dop(frames: usize) -> Vec<i32> {
        (0..frames).map(|n| i32::from_be_bytes([[0x05, 0xfa][n % 2], n as u8, (n * 7) as u8, 0])).collect()
    }

    /// At 176.4 kHz, however the blocks are cut.
    fn is_dop(samples: &Samples<'_>) -> bool {
        let whole = DopDetector::new(176_400).feed(samples);
        for block in [1, 7, 100] {
            let mut detector = DopDetector::new(176_400);
            let parts = (0..samples.frames()).step_by(block).map(|start| samples.part(start, block));
            let found = parts.filter(|part| detector.feed(part)).count();
            assert!(found <= 1, "once");
            assert_eq!(found == 1, whole, "blocks of {block}");
        }
        whole
    }

    fn planes<'a, T>(channels: &'a [&'a [T]]) -> Planes<'a, T> {
        Planes::new(channels.iter().copied()).unwrap()
    }

    #[test]
    fn f5_dop_is_known_by_markers_that_take_turns_in_all_channels() {
        let good = dop(32);
        assert!(is_dop(&Samples::S32(planes(&[&good, &good]))));
        assert!(is_dop(&Samples::S32(planes(&[&dop(1000)[1..]]))));
        assert!(!is_dop(&Samples::S32(planes(&[&good[..31]]))), "too short to tell");
        assert!(!is_dop(&Samples::S32(planes(&[&good, &[0; 32]]))), "one channel is PCM");
        assert!(!is_dop(&Samples::S32(planes(&[&[0x0500_0000; 64]]))), "a constant level");
        let shifted: Vec<i32> = dop(33)[1..].to_vec();
        assert!(!is_dop(&Samples::S32(planes(&[&good, &shifted]))), "the channels' markers differ");
        let mut wide = good;
        wide[20] |= 1;
        assert!(!is_dop(&Samples::S32(planes(&[&wide]))), "more than 24 bits");
        assert!(!is_dop(&Samples::S16(planes(&[&[0x05fau16 as i16; 64]]))));
    }

    #[test]
    fn f5_dop_is_known_behind_a_little_digital_silence() {
        let behind = |silence: usize, material: &[i32]| [&vec![0; silence][..], material].concat();
        for silence in [1, 1_764, 176_000] {
            let plane = behind(silence, &dop(40));
            assert!(is_dop(&Samples::S32(planes(&[&plane, &plane]))), "{silence} frames");
        }
        let (early, late) = (behind(10, &dop(40)), behind(11, &dop(39)));
        assert!(!is_dop(&Samples::S32(planes(&[&early, &late]))), "one channel begins later");
        assert!(!is_dop(&Samples::S32(planes(&[&behind(10, &[0x1234_5600; 64])]))), "a level");
        assert!(!is_dop(&Samples::S32(planes(&[&[dop(20), vec![0; 20]].concat()]))), "silence within it");
        let mut detector = DopDetector::new(176_400);
        let silence = [0; 1_000];
        let blocks = (0..).take_while(|_| !detector.feed(&Samples::S32(planes(&[&silence]))) && !detector.is_done());
        assert_eq!(blocks.count(), 176, "a second, and no more");
        assert!(!detector.feed(&Samples::S32(planes(&[&dop(64)]))), "too late");
    }

    /// A track of noise in which the channels differ by these bits at `place`.
    fn track(bits: impl Iterator<Item = bool>, place: u32) -> (Vec<i32>, Vec<i32>) {
        let mut noise = 1u32;
        bits.map(|bit| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let left = (noise & 0xffff_ff00) as i32;
            (left, left ^ i32::from(bit) << place)
        })
        .unzip()
    }

    fn with_sync(before: usize) -> impl Iterator<Item = bool> {
        let sync = (0..36).rev().map(|n| MqaDetector::SYNC >> n & 1 == 1);
        (0..before).map(|n| n % 3 == 0).chain(sync).chain([true; 10])
    }

    #[test]
    fn f5_mqa_is_known_by_its_sync_word_in_either_width_however_it_is_cut() {
        for place in [16, 17, 18] {
            let (left, right) = track(with_sync(1234), place);
            let mut detector = MqaDetector::new(44_100);
            let mut found = 0;
            for (left, right) in left.chunks(100).zip(right.chunks(100)) {
                found += usize::from(detector.feed(&Samples::S32(planes(&[left, right]))));
            }
            assert_eq!(found, 1, "once");
            assert!(detector.is_done());
            let narrow = |plane: &[i32]| -> Vec<i16> { plane.iter().map(|sample| (sample >> 16) as i16).collect() };
            let (left, right) = (narrow(&left), narrow(&right));
            assert!(MqaDetector::new(44_100).feed(&Samples::S16(planes(&[&left, &right]))));
        }
    }

    #[test]
    fn f5_what_is_no_mqa_is_not_taken_for_it() {
        let (left, right) = track((0..200_000).map(|n| n % 5 < 2), 16);
        assert!(!MqaDetector::new(44_100).feed(&Samples::S32(planes(&[&left, &right]))));
        let (left, right) = track(with_sync(0), 15);
        assert!(!MqaDetector::new(44_100).feed(&Samples::S32(planes(&[&left, &right]))), "a bit too low");
        let (left, right) = track(with_sync(0), 16);
        let silence = [0i32; 46];
        assert!(!MqaDetector::new(44_100).feed(&Samples::S32(planes(&[&left, &right, &silence]))), "not stereo");
        let mut late = MqaDetector::new(10);
        assert!(!late.feed(&Samples::S32(planes(&[&silence, &silence]))));
        assert!(!late.feed(&Samples::S32(planes(&[&left, &right]))), "later than 3 s");
    }
}
