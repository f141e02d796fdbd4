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
    /// The lower three of these bits of each frame are where control bits may be, oldest first: of the last whole group, and of
    /// the present one as far as it is filled.
    codes: [[u8; GROUP]; 2],
    filled: usize,
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
        Self { codes: [[0; GROUP]; 2], filled: 0, seen: [0; 3], frames: 0, early, found: false }
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
            let free = self.codes[1].get_mut(self.filled..).unwrap_or_default();
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
            if self.may_end() {
                self.look();
            }
            if self.found || self.filled < GROUP {
                return;
            }
            self.codes[0] = self.codes[1];
            self.filled = 0;
        }
    }

    /// Whether a sync word may end in the present group: whether it has its five ones and six zeros in one of the places that the
    /// third of its bits can have. That goes by vectors, all three places at once; by chance one of eleven groups has them.
    fn may_end(&self) -> bool {
        const FIRST: usize = GROUP + 3 - MqaDetector::SYNC_BITS as usize;
        let codes = self.codes.as_flattened();
        (FIRST..FIRST + GROUP).fold(0, |may, at| {
            let ones = codes[at] & codes[at + 1] & codes[at + 2] & codes[at + 3] & codes[at + 4];
            let zeros = codes[at + 5] | codes[at + 6] | codes[at + 7] | codes[at + 8] | codes[at + 9] | codes[at + 10];
            may | ones & !zeros
        }) & 0b111
            != 0
    }

    /// Looks for sync words that end in the present group.
    fn look(&mut self) {
        let missing = GROUP.saturating_sub(self.filled) as u32;
        for (place, seen) in (0..).zip(&mut self.seen) {
            let [before, bits] = self.codes.each_ref().map(|codes| u128::from(bits_at(codes, place)));
            let mut ends = sync_ends((before << GROUP | bits) >> missing);
            // Those that end before this group were seen.
            ends &= u64::MAX.checked_shr(missing).unwrap_or(0);
            while let Some(highest) = ends.checked_ilog2() {
                ends &= !(1 << highest);
                let end = self.frames.saturating_sub(highest.into());
                let again = *seen > 0 && *seen < end && end - *seen <= self.early;
                *seen = end;
                self.found |= end <= self.early || again;
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
mod tests;
