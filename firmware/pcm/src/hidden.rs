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

/// Looks for what a track's PCM may carry, from its beginning on, or from where a seek went.
///
/// Digital silence in front of the first sound doesn't count, however long it is: neither gain nor dither harms it, and it says nothing.
/// So a detector waits there, in constant memory, for whatever comes behind it. DoP is told from the first frames of sound, and what
/// isn't DoP there never becomes it. MQA shows within seconds in a track that is MQA; but a live stream's songs take turns, and a beginning
/// may have been faded in. So it is looked for up to the end.
#[derive(Clone, Copy, Debug)]
pub enum Detector {
    /// Looks for DoP.
    Dop(DopDetector),
    /// Looks for MQA.
    Mqa(MqaDetector),
}

impl Detector {
    /// For such a source; `None` if it can carry neither. (None can carry both: DoP takes higher rates than MQA has.)
    #[must_use]
    pub fn new(source: &Source) -> Option<Self> {
        if Hidden::Dop.may_be_in(source) {
            return Some(Self::Dop(DopDetector::default()));
        }
        Hidden::Mqa.may_be_in(source).then(|| Self::Mqa(MqaDetector::new(source.rate)))
    }

    /// What is looked for.
    #[must_use]
    pub const fn wanted(&self) -> Hidden {
        match self {
            Self::Dop(_) => Hidden::Dop,
            Self::Mqa(_) => Hidden::Mqa,
        }
    }

    /// Whether there is nothing more to find out.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        match self {
            Self::Dop(detector) => detector.is_done(),
            Self::Mqa(detector) => detector.is_done(),
        }
    }

    /// Whether what is found from here on is found late: it can't be waited for before the track is written.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        match self {
            Self::Dop(detector) => detector.is_done(),
            Self::Mqa(detector) => detector.is_late(),
        }
    }

    /// Whether all that was looked at was digital silence.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        match self {
            Self::Dop(detector) => detector.next.is_none() && detector.verdict.is_none(),
            Self::Mqa(detector) => detector.frames == 0 && !detector.found,
        }
    }

    /// Looks at the next samples; true once, when they tell.
    pub fn feed(&mut self, samples: &Samples<'_>) -> bool {
        match self {
            Self::Dop(detector) => detector.feed(samples),
            Self::Mqa(detector) => detector.feed(samples),
        }
    }
}

/// Frames of digital silence that come first.
fn silent_frames<T: Copy + Default + PartialEq>(planes: &Planes<'_, T>) -> usize {
    let silent = |plane: &[T]| plane.iter().take_while(|&&sample| sample == T::default()).count();
    planes.iter().map(silent).min().unwrap_or(0)
}

/// Frames of digital silence that come last: where levels may change without a jump. None of floats and one-bit streams.
#[must_use]
pub fn silent_frames_at_end(samples: &Samples<'_>) -> usize {
    fn count<T: Copy + Default + PartialEq>(planes: &Planes<'_, T>) -> usize {
        let silent = |plane: &[T]| plane.iter().rev().take_while(|&&sample| sample == T::default()).count();
        planes.iter().map(silent).min().unwrap_or(0)
    }
    match samples {
        Samples::S16(planes) => count(planes),
        Samples::S32(planes) => count(planes),
        Samples::F32(_) | Samples::Dsd(_) => 0,
    }
}

/// Looks for DoP at the beginning of a track.
///
/// DoP is frames in all of which every channel has the same marker in its upper 8 of 24 bits, and the two markers take turns.
/// Digital silence may come first: some programs write it before they write what they play.
#[derive(Clone, Copy, Debug, Default)]
pub struct DopDetector {
    /// The marker of the next frame, once there was one.
    next: Option<Marker>,
    marked: usize,
    verdict: Option<bool>,
}

impl DopDetector {
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
        let silence = if self.next.is_some() { 0 } else { silent_frames(planes) };
        let frames = planes.frames().saturating_sub(silence);
        if frames == 0 {
            return None;
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

/// Frames that are looked at together.
const GROUP: usize = 64;

/// Looks for MQA.
///
/// MQA's stream of control bits is the exclusive or of the two channels, in the 16th bit from the top or one of the two above
/// it, a bit a frame; its packets begin with the 36 bits 0xbe0498c88. (Nothing is published; so it is what several
/// independent detectors look for.)
///
/// In the first three seconds that aren't digital silence in front of the track, one of these words is enough: chance makes it in one of
/// 80 000 tracks of noise at 96 kHz. Later, a second one has to follow at the same place within three seconds: else chance would find MQA
/// in one of 400 tracks of ten minutes, and in a live stream sooner or later. As it is, that takes nearly two thousand years.
#[derive(Clone, Copy, Debug)]
pub struct MqaDetector {
    /// The lower three of these bits of each frame that isn't in `before` yet are where control bits may be, oldest first.
    codes: [u8; GROUP],
    filled: usize,
    /// The bits at each place before those, the newest least significant.
    before: [u64; 3],
    /// The frame behind the last sync word at each place; 0 before there is one.
    seen: [u64; 3],
    /// Frames since the first that wasn't digital silence.
    frames: u64,
    /// How many of them last [`SECONDS`](Self::SECONDS).
    early: u64,
    found: bool,
}

impl MqaDetector {
    const SYNC: u64 = 0xb_e049_8c88;
    const SYNC_BITS: u32 = 36;
    /// Seconds from the first sound on in which one sync word is enough, and between two of them later.
    const SECONDS: u64 = 3;

    /// For a track of `rate` Hz.
    #[must_use]
    pub const fn new(rate: u32) -> Self {
        let early = rate as u64 * Self::SECONDS;
        Self { codes: [0; GROUP], filled: 0, before: [0; 3], seen: [0; 3], frames: 0, early, found: false }
    }

    /// Whether there is nothing more to find out: it was found.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.found
    }

    /// Whether the first seconds are over.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        self.found || self.frames >= self.early
    }

    /// Looks at the next samples; true once, when they tell.
    pub fn feed(&mut self, samples: &Samples<'_>) -> bool {
        if self.is_done() {
            return false;
        }
        let silence = match samples {
            _ if self.frames > 0 => 0,
            Samples::S16(planes) => silent_frames(planes),
            Samples::S32(planes) => silent_frames(planes),
            Samples::F32(_) | Samples::Dsd(_) => 0,
        };
        match &samples.part(silence, usize::MAX) {
            Samples::S16(planes) => self.watch(planes, |left, right| (left ^ right) as u8),
            Samples::S32(planes) => self.watch(planes, |left, right| ((left ^ right) >> 16) as u8),
            Samples::F32(_) | Samples::Dsd(_) => {}
        }
        self.found
    }

    /// `code`: the 16th bit from the top, and those above it, of what two samples differ in.
    fn watch<T: Copy>(&mut self, planes: &Planes<'_, T>, code: impl Fn(T, T) -> u8) {
        let mut planes = planes.iter();
        let (Some(mut left), Some(mut right), None) = (planes.next(), planes.next(), planes.next()) else { return };
        loop {
            let free = self.codes.get_mut(self.filled..).unwrap_or_default();
            let frames = free.len().min(left.len()).min(right.len());
            let (Some((now, later)), Some((other, rest))) =
                (left.split_at_checked(frames), right.split_at_checked(frames))
            else {
                return;
            };
            for ((to, &left), &right) in free.iter_mut().zip(now).zip(other) {
                *to = code(left, right);
            }
            (left, right) = (later, rest);
            self.filled += frames;
            self.frames = self.frames.saturating_add(frames as u64);
            self.look();
            if self.found || self.filled < GROUP {
                return;
            }
            self.filled = 0;
        }
    }

    /// Looks for sync words that end in the present group.
    fn look(&mut self) {
        let missing = GROUP.saturating_sub(self.filled) as u32;
        for (place, (before, seen)) in (0..).zip(self.before.iter_mut().zip(&mut self.seen)) {
            let bits = bits_at(&self.codes, place);
            let mut ends = sync_ends((u128::from(*before) << GROUP | u128::from(bits)) >> missing);
            // Those that end before this group were seen.
            ends &= u64::MAX.checked_shr(missing).unwrap_or(0);
            while let Some(highest) = ends.checked_ilog2() {
                ends &= !(1 << highest);
                let end = self.frames.saturating_sub(highest.into());
                let again = *seen > 0 && *seen < end && end - *seen <= self.early;
                *seen = end;
                self.found |= end <= self.early || again;
            }
            if missing == 0 {
                *before = bits;
            }
        }
    }
}

/// The bits at `place` of each code, the first one's most significant.
fn bits_at(codes: &[u8; GROUP], place: u32) -> u64 {
    codes.as_chunks::<8>().0.iter().fold(0, |bits, eight| {
        // The product has them in its upper byte: that of byte n, bit 8 n, times 2^(63 - 9 n).
        let ones = u64::from_le_bytes(*eight) >> place & 0x0101_0101_0101_0101;
        bits << 8 | ones.wrapping_mul(0x8040_2010_0804_0201) >> 56
    })
}

/// Of the last 64 bits, the newest least significant, those that a sync word ends with.
fn sync_ends(bits: u128) -> u64 {
    let mut ends = u64::MAX;
    for n in 0..MqaDetector::SYNC_BITS {
        let wanted = (MqaDetector::SYNC >> n & 1).wrapping_neg();
        ends &= !((bits >> n) as u64 ^ wanted);
        if ends == 0 {
            break;
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn dop(frames: usize) -> Vec<i32> {
        (0..frames).map(|n| i32::from_be_bytes([[0x05, 0xfa][n % 2], n as u8, (n * 7) as u8, 0])).collect()
    }

    /// However the blocks are cut.
    fn is_dop(samples: &Samples<'_>) -> bool {
        let whole = DopDetector::default().feed(samples);
        for block in [1, 7, 100] {
            let mut detector = DopDetector::default();
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
    fn f5_dop_is_known_behind_digital_silence_however_long_it_is() {
        let behind = |silence: usize, material: &[i32]| [&vec![0; silence][..], material].concat();
        for silence in [1, 1_764, 176_000] {
            let plane = behind(silence, &dop(40));
            assert!(is_dop(&Samples::S32(planes(&[&plane, &plane]))), "{silence} frames");
        }
        let (early, late) = (behind(10, &dop(40)), behind(11, &dop(39)));
        assert!(!is_dop(&Samples::S32(planes(&[&early, &late]))), "one channel begins later");
        assert!(!is_dop(&Samples::S32(planes(&[&behind(10, &[0x1234_5600; 64])]))), "a level");
        assert!(!is_dop(&Samples::S32(planes(&[&[dop(20), vec![0; 20]].concat()]))), "silence within it");
        let mut detector = Detector::new(&source(176_400, 24)).unwrap();
        let silence = [0; 1_000];
        for _ in 0..60 * 176 {
            assert!(!detector.feed(&Samples::S32(planes(&[&silence[..]; 2]))));
            assert!(detector.is_waiting() && !detector.is_done());
        }
        assert!(detector.feed(&Samples::S32(planes(&[&dop(64)[..]; 2]))), "behind a minute");
        assert!(detector.is_done() && !detector.is_waiting() && detector.wanted() == Hidden::Dop);
    }

    #[test]
    fn silence_at_the_end_is_counted_in_all_channels() {
        let (left, right) = ([0, 1, 0, 0], [1, 0, 0, 0]);
        assert_eq!(silent_frames_at_end(&Samples::S16(planes(&[&left, &right]))), 2);
        assert_eq!(silent_frames_at_end(&Samples::S32(planes(&[&[0; 7], &[0; 7]]))), 7);
        assert_eq!(silent_frames_at_end(&Samples::F32(planes(&[&[0.0; 7]]))), 0);
    }

    fn source(rate: u32, bits: u16) -> Source {
        Source { rate, bits, channels: 2, encoding: Encoding::Integer }
    }

    #[test]
    fn f5_a_source_can_carry_one_of_them_at_most() {
        let wanted = |rate, bits| Detector::new(&source(rate, bits)).map(|detector| detector.wanted());
        for rate in [44_100, 88_200, 96_000, 176_400, 192_000, 352_800] {
            for bits in [15, 16, 23, 24, 32] {
                assert!(
                    [Hidden::Dop, Hidden::Mqa].into_iter().filter(|it| it.may_be_in(&source(rate, bits))).count() <= 1
                );
            }
        }
        assert_eq!((wanted(176_400, 24), wanted(44_100, 16)), (Some(Hidden::Dop), Some(Hidden::Mqa)));
        assert_eq!((wanted(176_400, 16), wanted(192_000, 15)), (None, None));
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
    }

    /// Looks at a track of levels, in which sync words end `before` each of these frames, at these places: the frames that it took to
    /// tell, in blocks of this many.
    fn frames_until_told(rate: u32, ends: &[(usize, u32)], block: usize) -> Option<usize> {
        let frames = ends.iter().map(|(end, _)| end).max().unwrap() + 100;
        let mut right = vec![1 << 8; frames];
        for &(end, place) in ends {
            for (n, sample) in right[end - 36..end].iter_mut().rev().enumerate() {
                *sample |= ((MqaDetector::SYNC >> n & 1) as i32) << place;
            }
        }
        let left = vec![1 << 8; frames];
        let mut detector = MqaDetector::new(rate);
        let told = left
            .chunks(block)
            .zip(right.chunks(block))
            .position(|(left, right)| detector.feed(&Samples::S32(planes(&[left, right]))));
        assert_eq!(told.is_some(), detector.is_done());
        told.map(|blocks| (blocks + 1) * block)
    }

    #[test]
    fn f5_mqa_is_looked_for_up_to_the_end_and_then_takes_two_sync_words() {
        // Three seconds have 300 frames.
        let told = |ends: &[(usize, u32)]| {
            let of = |block| frames_until_told(100, ends, block);
            assert!([7, 64, 1000].iter().all(|&block| of(block).is_some() == of(1).is_some()), "{ends:?}");
            of(1)
        };
        for end in [36, 63, 64, 65, 100, 128, 300] {
            assert_eq!(told(&[(end, 17)]), Some(end), "one is enough");
        }
        assert_eq!(told(&[(301, 17)]), None, "but not later");
        assert_eq!(told(&[(10_000, 16), (10_300, 16)]), Some(10_300));
        assert_eq!(told(&[(10_000, 16), (10_036, 16)]), Some(10_036));
        assert_eq!(told(&[(10_000, 16), (10_301, 16)]), None, "too far apart");
        assert_eq!(told(&[(10_000, 16), (10_100, 17), (10_200, 18)]), None, "at other places");
        assert_eq!(told(&[(10_000, 16), (10_301, 16), (10_400, 16)]), Some(10_400), "the second one counts, too");
    }

    #[test]
    fn f5_what_is_found_behind_the_first_seconds_of_sound_is_late() {
        let mut detector = Detector::new(&source(44_100, 24)).unwrap();
        let (silence, level) = ([0; 44_100], [1 << 8; 44_100]);
        for _ in 0..10 {
            detector.feed(&Samples::S32(planes(&[&silence[..]; 2])));
        }
        for _ in 0..3 {
            assert!(!detector.is_late());
            detector.feed(&Samples::S32(planes(&[&level[..]; 2])));
        }
        assert!(detector.is_late() && !detector.is_done());
        let mut detector = Detector::new(&source(176_400, 24)).unwrap();
        assert!(!detector.is_late());
        detector.feed(&Samples::S32(planes(&[&level[..]; 2])));
        assert!(detector.is_late() && detector.is_done(), "DoP is never late");
    }

    const SYNC_MASK: u64 = (1 << MqaDetector::SYNC_BITS) - 1;

    /// As a detector does that takes every bit by itself.
    #[test]
    fn sync_words_are_found_as_by_looking_at_each_frame() {
        let mut noise = 1u64;
        for _ in 0..2000 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let shift = noise >> 58;
            // Bits of noise, most of which hold a sync word somewhere.
            let bits = u128::from(noise) << 64 | u128::from(noise.rotate_left(29));
            let bits = bits & !(u128::from(SYNC_MASK) << shift) | u128::from(MqaDetector::SYNC) << shift;
            let found = (0..64).filter(|n| (bits >> n) as u64 & SYNC_MASK == MqaDetector::SYNC);
            assert_eq!(sync_ends(bits), found.fold(0, |ends, n| ends | 1 << n));
        }
        let codes: [u8; GROUP] = core::array::from_fn(|n| (n * 37 % 251) as u8);
        for place in 0..3 {
            let bits = codes.iter().fold(0, |bits, code| bits << 1 | u64::from(code >> place & 1));
            assert_eq!(bits_at(&codes, place), bits);
        }
    }

    #[test]
    fn f5_digital_silence_in_front_takes_nothing_of_the_time_that_mqa_is_looked_for() {
        let (left, right) = track(with_sync(1000), 16);
        let silence = [0; 44_100];
        let mut detector = Detector::new(&source(44_100, 24)).unwrap();
        for _ in 0..60 {
            assert!(!detector.feed(&Samples::S32(planes(&[&silence[..]; 2]))));
            assert!(detector.is_waiting() && !detector.is_late());
        }
        let sound = [[&silence[..10], &left].concat(), [&silence[..10], &right].concat()];
        assert!(detector.feed(&Samples::S32(planes(&[&sound[0], &sound[1]]))), "behind a minute");
        let narrow = [0i16; 1000];
        let mut detector = Detector::new(&source(44_100, 16)).unwrap();
        assert!(!detector.feed(&Samples::S16(planes(&[&narrow[..]; 2]))) && detector.is_waiting());
        assert!(!detector.feed(&Samples::S16(planes(&[&[1i16; 7][..]; 2]))) && !detector.is_waiting());
    }
}
