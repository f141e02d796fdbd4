//! A track's bytes onto the wire, however they are cut: words that straddle two blocks, and the last one.

use super::kernel::{convert, word_bytes};
use super::{BitOrder, Bytes, Dsd};
use crate::{ChannelMap, Cpu, DSD_SILENCE, MAX_CHANNELS, Marker, Planes, Wire, WirePlan};

/// The longest word of a wire, in bytes of a channel.
const LONGEST: usize = 4;

/// What one call of a packer did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Frames of the source that it has taken.
    pub taken: usize,
    /// Frames of the wire that it has written.
    pub frames: usize,
}

/// The beginning of a word that a track ended with: [`DsdPacker::leave`].
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// What it was to become a word of.
    wire: Wire,
    carry: [[u8; LONGEST]; MAX_CHANNELS],
    /// 1 to 3.
    held: usize,
}

/// Packs a one-bit stream into wire bytes, as a [`WirePlan`] says: one packer per track.
///
/// The bytes don't depend on how the track is cut into calls, nor on the CPU. Frames of the wire hold one, two or four bytes of each
/// channel. What is left at the end is either [left](Self::leave) to the track that follows without a gap, whose first word it
/// begins, so that not a bit comes between them; or it becomes a last frame that is filled with silence ([`finish`](Self::finish)).
#[derive(Clone, Debug)]
pub struct DsdPacker {
    plan: WirePlan,
    cpu: Cpu,
    /// What the next frame carries, if it is DoP.
    marker: Marker,
    /// The beginning of a word of each channel, the oldest bit most significant.
    carry: [[u8; LONGEST]; MAX_CHANNELS],
    /// How many bytes of that there are.
    held: usize,
}

impl DsdPacker {
    /// A packer for tracks with this plan, which is for DSD or DoP, with the best kernels that `cpu` has.
    #[must_use]
    pub const fn new(plan: &WirePlan, cpu: Cpu) -> Self {
        let carry = [[0; LONGEST]; MAX_CHANNELS];
        Self { plan: *plan, cpu, marker: Marker::Even, carry, held: 0 }
    }

    /// What this packer does.
    #[must_use]
    pub const fn plan(&self) -> &WirePlan {
        &self.plan
    }

    /// The marker that the next frame carries, if it is DoP.
    #[must_use]
    pub const fn marker(&self) -> Marker {
        self.marker
    }

    /// Begins anew: what is held of a word is dropped, and the next frame carries `marker`.
    pub const fn begin(&mut self, marker: Marker) {
        self.marker = marker;
        self.held = 0;
    }

    /// Begins anew behind another track, whose last bytes come first, if they were for the same wire.
    pub fn begin_behind(&mut self, marker: Marker, before: &Begun) {
        self.begin(marker);
        if before.wire == self.plan.wire {
            (self.carry, self.held) = (before.carry, before.held);
        }
    }

    /// Gives away the part of a word that is held, for a track that goes on where this one ends
    /// ([`begin_behind`](Self::begin_behind)); `None` if nothing is.
    pub fn leave(&mut self) -> Option<Begun> {
        let held = core::mem::take(&mut self.held);
        (held > 0).then_some(Begun { wire: self.plan.wire, carry: self.carry, held })
    }

    /// Whether a part of a word is still held: [`finish`](Self::finish) writes it, [`leave`](Self::leave) gives it away.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        self.held > 0
    }

    /// Packs the frames of `src` from `start` on into `dst`, as far as both reach. Takes nothing if `src` hasn't the channels
    /// that the plan is for, or if the plan isn't for DSD.
    pub fn pack(&mut self, src: &Dsd<'_>, start: usize, dst: &mut [u8]) -> Packed {
        let mut done = Packed::default();
        let word = word_bytes(self.plan.wire.format);
        let room = dst.len().checked_div(self.plan.wire.frame_bytes()).unwrap_or(0);
        let Some(src) = self.mapped(src.part(start, usize::MAX)).filter(|_| word > 0) else { return done };
        if self.held > 0 {
            let missing = word.saturating_sub(self.held);
            if src.frames() >= missing && room == 0 {
                return done;
            }
            done.taken = self.hold(&src.part(0, missing));
            if self.held < word {
                return done;
            }
            done.frames = self.emit(word, dst);
        }
        let whole = src.frames().saturating_sub(done.taken).checked_div(word).unwrap_or(0);
        let words = whole.min(room.saturating_sub(done.frames));
        let at = done.frames * self.plan.wire.frame_bytes();
        if let Some(dst) = dst.get_mut(at..) {
            convert(self.cpu, self.plan.wire.format, &src.part(done.taken, words * word), self.marker, dst);
        }
        self.marker = self.marker.after(words as u64);
        done.taken += words * word;
        done.frames += words;
        if words == whole && done.taken < src.frames() {
            done.taken += self.hold(&src.part(done.taken, usize::MAX));
        }
        done
    }

    /// Writes what is held of a last word, filled with silence; returns the frames written: 1, or 0 if nothing is held or
    /// `dst` has no room.
    pub fn finish(&mut self, dst: &mut [u8]) -> usize {
        let word = word_bytes(self.plan.wire.format);
        if self.held == 0 || dst.len() < self.plan.wire.frame_bytes() {
            return 0;
        }
        for channel in &mut self.carry {
            for byte in channel.iter_mut().skip(self.held) {
                *byte = DSD_SILENCE;
            }
        }
        self.emit(word, dst)
    }

    /// `src` with the channels of the wire; `None` if it has others than the plan is for.
    fn mapped<'a>(&self, src: Dsd<'a>) -> Option<Dsd<'a>> {
        let channels = usize::from(self.plan.wire.channels);
        match (self.plan.channel_map, src.bytes) {
            (ChannelMap::Same, _) => Some(src).filter(|src| src.channels() == channels),
            (ChannelMap::MonoToStereo, Bytes::Planar(planes)) if planes.channels() == 1 && channels == 2 => {
                let mono = planes.iter().next()?;
                Some(Dsd::planar(Planes::new([mono, mono]).ok()?, src.order))
            }
            (ChannelMap::MonoToStereo, _) => None,
        }
    }

    /// Keeps the beginning of a word; returns the frames taken.
    fn hold(&mut self, src: &Dsd<'_>) -> usize {
        let frames = src.frames().min(LONGEST.saturating_sub(self.held));
        for (channel, carry) in self.carry.iter_mut().enumerate() {
            for (to, from) in carry.iter_mut().skip(self.held).zip(src.channel(channel)) {
                *to = from;
            }
        }
        self.held += frames;
        frames
    }

    /// Writes the word that is held; returns the frames written.
    fn emit(&mut self, word: usize, dst: &mut [u8]) -> usize {
        self.held = 0;
        let channels = self.carry.iter().take(usize::from(self.plan.wire.channels));
        let Ok(planes) = Planes::new(channels.map(|bytes| bytes.get(..word).unwrap_or_default())) else { return 0 };
        convert(self.cpu, self.plan.wire.format, &Dsd::planar(planes, BitOrder::MsbFirst), self.marker, dst);
        self.marker = self.marker.after(1);
        1
    }
}
