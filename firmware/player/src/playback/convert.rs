//! What the DAC takes in no form as it is, made what it takes: one-bit streams become PCM, and rates others.
//!
//! Two steps, either of which may be missing: decimation (`pcm::decimate`) and resampling ([`resample`]). Both are filters of
//! linear phase, whose delay is taken out again: frame *n* of the wire is the moment at *n* divided by its rate, and a track has
//! as many frames as last as long as it does, the last one begun.
//!
//! At the ends of a track there is silence, but where another track follows without a gap. Then each is filtered with what
//! the other has there ([`Piece`]s of both): an album that was cut into tracks sounds as if it weren't.

mod piece;
mod resample;
#[cfg(test)]
mod tests;

use pcm::decimate::{Conversion, Decimator, Level};
use pcm::{BitOrder, Cpu, Packed, Packer, Planes, Samples, Source, WirePlan};

use super::replay_gain::Attenuation;
use piece::Piece;
use resample::{Resampler, greatest_common_divisor};

/// Frames of the source that are converted at a time.
const CHUNK: usize = 4096;
/// Samples of the decimation's middle rate that its two filters reach over, generously; a multiple of what makes a frame.
const REACH: usize = 256;

/// What a track ends with that knows what follows it.
pub(super) struct Ending {
    source: Source,
    plan: WirePlan,
    attenuation: Option<Attenuation>,
    frames: Piece,
}

/// Converts a track, and packs it.
pub(super) struct Converter {
    source: Source,
    /// Of PCM, before it is resampled.
    attenuation: Option<Attenuation>,
    packer: Packer,
    /// For each channel; none if the source is PCM.
    decimators: Vec<Decimator>,
    resampler: Option<Resampler>,
    /// Frames of the source that the filters reach over, which make a whole number of wire frames.
    reach: usize,
    /// The last ones, up to `reach`.
    history: Piece,
    /// Frames of the source that were taken.
    taken: u64,
    /// Frames of the wire that were made.
    made: u64,
    /// Frames to be dropped that come out first: those of the time before the track.
    early: usize,
    /// Decimated samples on their way.
    middle: Vec<Vec<i32>>,
    /// Made, and not packed.
    ready: Vec<Vec<i32>>,
    /// What follows the track, until it was used.
    after: Option<Piece>,
    /// It was known.
    is_followed: bool,
    /// A filter gave up: nothing more comes of this track.
    has_failed: bool,
}

impl Converter {
    /// For a plan that asks for a conversion; `None` if it asks for none, or for one that there isn't. `attenuation` makes PCM
    /// quieter.
    pub(super) fn new(source: &Source, plan: &WirePlan, attenuation: Option<Attenuation>) -> Option<Self> {
        let cpu = Cpu::detect();
        let channels = usize::from(source.channels);
        let decimator = |conversion| Decimator::new(conversion, BitOrder::MsbFirst, Level::default(), cpu);
        let decimators: Vec<_> =
            plan.decimation.map(|conversion| vec![decimator(conversion); channels]).unwrap_or_default();
        let resampler = match plan.resampled_from {
            Some(from) => Some(Resampler::new(from, plan.wire.rate, channels)?),
            None if decimators.is_empty() => return None,
            None => None,
        };
        let frame = plan.decimation.map_or(1, |conversion| conversion.bits_per_frame() as usize / 8);
        let middle = plan.decimation.map_or(0, |conversion| reach(source, conversion) / frame);
        let blocks = resampler.as_ref().map(|resampler| middle.div_ceil(resampler.block()) + 1);
        let reach = match (&resampler, blocks) {
            (Some(resampler), Some(blocks)) => resampler.block() * blocks * frame,
            _ => middle * frame,
        };
        let mut converter = Self {
            source: *source,
            attenuation,
            packer: Packer::new(plan, cpu),
            decimators,
            resampler,
            reach,
            history: Piece::empty(source),
            taken: 0,
            made: 0,
            early: 0,
            middle: vec![Vec::new(); channels],
            ready: vec![Vec::new(); channels],
            after: None,
            is_followed: false,
            has_failed: false,
        };
        converter.begin(None);
        Some(converter)
    }

    pub(super) fn plan(&self) -> &WirePlan {
        self.packer.plan()
    }

    /// A new stretch of the track begins, behind another one's end if that is converted in the same way; else behind silence.
    pub(super) fn begin(&mut self, before: Option<Ending>) {
        self.decimators.iter_mut().for_each(Decimator::reset);
        self.early = self.resampler.as_mut().map_or(0, Resampler::reset);
        self.history = Piece::empty(&self.source);
        self.ready.iter_mut().for_each(Vec::clear);
        (self.after, self.is_followed) = (None, false);
        (self.taken, self.made) = (0, 0);
        let same = |before: &Ending| {
            (before.source, before.plan, before.attenuation) == (self.source, *self.plan(), self.attenuation)
        };
        if let Some(Ending { frames: before, .. }) = before.filter(same) {
            // A whole number of frames, so that the track's own begin where it does.
            let before = before.last(self.reach, &self.source);
            self.early += usize::try_from(self.frames(before.frames() as u64)).unwrap_or(0);
            self.feed(&before);
        }
    }

    /// A new stretch of the track begins behind so many frames of it, which come first and of which nothing is written: it sounds as
    /// if it had never been interrupted. They have to be whole [`block`](Self::block)s, and as many as it can reach over.
    pub(super) fn begin_behind(&mut self, lead: u64) {
        self.begin(None);
        self.made = self.frames(lead);
        self.early += usize::try_from(self.made).unwrap_or(usize::MAX);
    }

    /// Frames of the source that make a whole number of the wire's.
    pub(super) fn block(&self) -> u64 {
        let (to, from) = (self.plan().wire.rate as usize, self.source.frame_rate() as usize);
        let frame = self.plan().decimation.map_or(1, |conversion| conversion.bits_per_frame() as usize / 8).max(1);
        let middle = from / frame;
        (middle / greatest_common_divisor(middle, to).max(1) * frame) as u64
    }

    /// Frames of the source that its filters reach over, whole [`block`](Self::block)s.
    pub(super) fn reach(&self) -> u64 {
        self.reach as u64
    }

    /// Whether this one's track can go on where that of `other` ends.
    pub(super) fn continues(&self, other: &Self) -> bool {
        (self.source, self.plan(), self.attenuation) == (other.source, other.plan(), other.attenuation)
    }

    /// What the track ends with, for [`begin`](Self::begin) of the one that it is [followed by](Self::followed_by).
    pub(super) fn end(&mut self) -> Option<Ending> {
        let frames = std::mem::replace(&mut self.history, Piece::empty(&self.source));
        let (source, plan, attenuation) = (self.source, *self.plan(), self.attenuation);
        self.is_followed.then_some(Ending { source, plan, attenuation, frames })
    }

    /// What comes behind the track's last frame; said once.
    pub(super) fn followed_by(&mut self, samples: &Samples<'_>) {
        if !self.is_followed {
            self.after = self.piece(samples, 0, self.reach);
            self.is_followed = self.after.is_some();
        }
    }

    /// Takes samples from `start` on and packs what is ready; nothing at all if they aren't what this is made for, or it
    /// [has failed](Self::has_failed).
    pub(super) fn pack(&mut self, samples: &Samples<'_>, start: usize, room: &mut [u8]) -> Packed {
        let mut taken = 0;
        if self.has_failed {
            return Packed::default();
        }
        if self.waiting() == 0 {
            let Some(piece) = self.piece(samples, start, CHUNK) else { return Packed::default() };
            taken = piece.frames();
            self.taken += taken as u64;
            self.feed(&piece);
            self.history.append(piece, self.reach);
        }
        Packed { taken, frames: self.write(room) }
    }

    /// Whether a filter gave up, and what is left of the track is lost.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Whether there is something left for [`finish`](Self::finish).
    pub(super) fn is_unfinished(&self) -> bool {
        !self.has_failed && self.made < self.frames(self.taken)
    }

    /// Packs frames that wait for what follows the track; returns how many.
    pub(super) fn finish(&mut self, room: &mut [u8]) -> usize {
        let left = self.frames(self.taken).saturating_sub(self.made);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        // The last frame comes out when the filters have what they reach over, in whole blocks: twice as much at most.
        let mut patience = 2 + (2 * self.reach).div_ceil(CHUNK);
        while self.waiting() < left.min(1) && !self.has_failed {
            let piece = self.after.take().unwrap_or_else(|| Piece::silence(&self.source, CHUNK));
            self.feed(&piece);
            patience -= 1;
            self.has_failed |= patience == 0 && self.waiting() == 0;
        }
        self.ready.iter_mut().for_each(|plane| plane.truncate(left));
        self.write(room)
    }

    /// At most so many frames of samples like the track's, at the level that they are played at.
    fn piece(&self, samples: &Samples<'_>, start: usize, frames: usize) -> Option<Piece> {
        let mut piece = Piece::of(samples, start, frames, &self.source)?;
        if let Some(attenuation) = self.attenuation {
            piece.scale(attenuation.factor());
        }
        Some(piece)
    }

    /// Frames of the wire for so many of the source.
    fn frames(&self, source: u64) -> u64 {
        let frames = u128::from(source) * u128::from(self.plan().wire.rate);
        let frames = frames.div_ceil(u128::from(self.source.frame_rate()).max(1));
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    /// Frames that wait for room.
    fn waiting(&self) -> usize {
        self.ready.first().map_or(0, Vec::len)
    }

    fn write(&mut self, room: &mut [u8]) -> usize {
        let Ok(planes) = Planes::new(self.ready.iter().map(Vec::as_slice)) else { return 0 };
        let frames = self.packer.pack(&Samples::S32(planes), 0, room);
        for plane in &mut self.ready {
            plane.drain(..frames);
        }
        self.made += frames as u64;
        frames
    }

    /// Both steps; what comes out is ready.
    fn feed(&mut self, piece: &Piece) {
        match (piece, &mut self.resampler) {
            (Piece::Bits(planes), None) => decimate(&mut self.decimators, planes, &mut self.ready),
            (Piece::Bits(planes), Some(resampler)) => {
                decimate(&mut self.decimators, planes, &mut self.middle);
                let levels: Vec<_> = self.middle.iter().map(|plane| piece::levels(plane)).collect();
                self.middle.iter_mut().for_each(Vec::clear);
                self.has_failed |= !resampler.feed(&levels, &mut self.ready);
            }
            (Piece::Levels(planes), Some(resampler)) => self.has_failed |= !resampler.feed(planes, &mut self.ready),
            (Piece::Levels(_), None) => {}
        }
        let early = self.early.min(self.waiting());
        self.early -= early;
        for plane in &mut self.ready {
            plane.drain(..early);
        }
    }
}

/// Bytes that the decimation's filters reach over, whole frames.
fn reach(source: &Source, conversion: Conversion) -> usize {
    let middle = if source.rate.is_multiple_of(44_100) { 352_800 } else { 384_000 };
    let frame = conversion.bits_per_frame() as usize / 8;
    (source.frame_rate() as usize * REACH / middle).next_multiple_of(frame)
}

/// Appends what the bytes of each channel become to `out`.
fn decimate(decimators: &mut [Decimator], planes: &[Vec<u8>], out: &mut [Vec<i32>]) {
    for ((decimator, bytes), out) in decimators.iter_mut().zip(planes).zip(out) {
        let (mut done, mut made) = (0, out.len());
        while let Some(rest @ [_, ..]) = bytes.get(done..) {
            // A frame is a byte at least; that much is never missing.
            out.resize(made + rest.len() + REACH, 0);
            let progress = decimator.convert(rest, out.get_mut(made..).unwrap_or_default());
            (done, made) = (done + progress.bytes, made + progress.frames);
        }
        out.truncate(made);
    }
}
