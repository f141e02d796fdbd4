//! A track's samples onto the wire, whatever they are.

use pcm::{Begun, Cpu, DsdPacker, Encoding, Marker, Packed, Packer, Samples, Source, Wire, WirePlan};

use crate::playback::convert::{Converter, Ending};
use crate::playback::replay_gain::{Attenuation, Scaler};

/// What a track leaves to the one that follows it without a gap.
pub(super) enum Left {
    /// What its filters reached over last.
    Ending(Ending),
    /// The word of a one-bit stream that its last bytes begin.
    Word(Begun),
}

/// The packer that a source needs.
pub(super) enum Packing {
    /// Levels, frame by frame.
    Pcm(Packer),
    /// The same, made quieter before.
    Scaled(Scaler, Packer),
    /// A one-bit stream in the wire's words.
    OneBit(Box<DsdPacker>),
    /// What is converted before.
    Converted(Box<Converter>),
}

impl Packing {
    /// For what the plan says; `None` if it asks for a conversion that there isn't. `attenuation` makes PCM quieter.
    pub(super) fn new(source: &Source, plan: &WirePlan, attenuation: Option<Attenuation>) -> Option<Self> {
        if plan.decimation.is_some() || plan.resampled_from.is_some() {
            return Converter::new(source, plan, attenuation).map(Box::new).map(Self::Converted);
        }
        let cpu = Cpu::detect();
        Some(match (source.encoding, attenuation) {
            (Encoding::Dsd, _) => Self::OneBit(Box::new(DsdPacker::new(plan, cpu))),
            (_, Some(attenuation)) => Self::Scaled(Scaler::new(attenuation), Packer::new(plan, cpu)),
            (_, None) => Self::Pcm(Packer::new(plan, cpu)),
        })
    }

    pub(super) fn wire(&self) -> Wire {
        match self {
            Self::Pcm(packer) | Self::Scaled(_, packer) => packer.plan().wire,
            Self::OneBit(packer) => packer.plan().wire,
            Self::Converted(converter) => converter.plan().wire,
        }
    }

    /// Whether its one-bit stream goes out in words.
    pub(super) const fn is_one_bit(&self) -> bool {
        matches!(self, Self::OneBit(_))
    }

    /// The conversion, if there is one.
    pub(super) fn converter(&mut self) -> Option<&mut Converter> {
        match self {
            Self::Pcm(_) | Self::Scaled(..) | Self::OneBit(_) => None,
            Self::Converted(converter) => Some(converter),
        }
    }

    /// A new stretch of the track begins, with this marker if it is DoP, behind what another track left; or, if it is converted, behind
    /// the `lead` frames of the track that come first and aren't to be heard.
    pub(super) fn begin(&mut self, marker: Marker, before: Option<Left>, lead: u64) {
        match (self, before) {
            (Self::Pcm(_) | Self::Scaled(..), _) => {}
            (Self::OneBit(packer), Some(Left::Word(begun))) => packer.begin_behind(marker, &begun),
            (Self::OneBit(packer), _) => packer.begin(marker),
            (Self::Converted(converter), _) if lead > 0 => converter.begin_behind(lead),
            (Self::Converted(converter), Some(Left::Ending(ending))) => converter.begin(Some(ending)),
            (Self::Converted(converter), _) => converter.begin(None),
        }
    }

    /// Leaves the beginning of a word to the next track.
    pub(super) fn leave(&mut self) -> Option<Left> {
        match self {
            Self::Pcm(_) | Self::Scaled(..) | Self::Converted(_) => None,
            Self::OneBit(packer) => packer.leave().map(Left::Word),
        }
    }

    /// How many frames of the source are always converted together, and how many a conversion has to know that come before.
    pub(super) fn block_and_lead(&self) -> (u64, u64) {
        match self {
            Self::Pcm(_) | Self::Scaled(..) | Self::OneBit(_) => (1, 0),
            Self::Converted(converter) => (converter.block(), converter.reach()),
        }
    }

    /// What the frame after the last one has to be marked with.
    pub(super) fn marker(&self) -> Marker {
        match self {
            Self::Pcm(_) | Self::Scaled(..) | Self::Converted(_) => Marker::default(),
            Self::OneBit(packer) => packer.marker(),
        }
    }

    /// Packs the samples from `start` on; nothing at all if they aren't what the packer was made for.
    pub(super) fn pack(&mut self, samples: &Samples<'_>, start: usize, room: &mut [u8]) -> Packed {
        match (self, samples) {
            (Self::OneBit(packer), Samples::Dsd(dsd)) => packer.pack(dsd, start, room),
            (Self::OneBit(_), _) => Packed::default(),
            (Self::Converted(converter), samples) => converter.pack(samples, start, room),
            (Self::Scaled(scaler, packer), samples) => {
                let fitting = room.len().checked_div(packer.plan().wire.frame_bytes()).unwrap_or(0);
                let scaled = scaler.scale(samples, start, fitting);
                let frames = scaled.map_or(0, |samples| packer.pack(&samples, 0, room));
                Packed { taken: frames, frames }
            }
            (Self::Pcm(packer), samples) => {
                let frames = packer.pack(samples, start, room);
                Packed { taken: frames, frames }
            }
        }
    }

    /// Whether a float didn't reach the wire as it is, of those that go out as they are: [`Packer::has_rounded`].
    pub(super) fn has_rounded(&self) -> bool {
        match self {
            Self::Pcm(packer) => packer.has_rounded(),
            Self::Scaled(..) | Self::OneBit(_) | Self::Converted(_) => false,
        }
    }

    /// Whether nothing more can be made of the track, and why.
    pub(super) fn failure(&self) -> Option<&'static str> {
        match self {
            Self::Converted(converter) if converter.has_failed() => Some("the resampler failed; please report it"),
            _ => None,
        }
    }

    /// Whether a part of a word is left for [`finish`](Self::finish), or what comes out of a filter late.
    pub(super) fn is_unfinished(&self) -> bool {
        match self {
            Self::Pcm(_) | Self::Scaled(..) => false,
            Self::OneBit(packer) => packer.is_unfinished(),
            Self::Converted(converter) => converter.is_unfinished(),
        }
    }

    /// Writes what is left; returns the frames written.
    pub(super) fn finish(&mut self, room: &mut [u8]) -> usize {
        match self {
            Self::Pcm(_) | Self::Scaled(..) => 0,
            Self::OneBit(packer) => packer.finish(room),
            Self::Converted(converter) => converter.finish(room),
        }
    }
}
