//! A track's samples onto the wire, whatever they are.

use pcm::{Cpu, DsdPacker, Encoding, Marker, Packed, Packer, Samples, Source, Wire, WirePlan};

/// The packer that a source needs.
pub(super) enum Packing {
    /// Levels, frame by frame.
    Pcm(Packer),
    /// A one-bit stream in the wire's words.
    OneBit(Box<DsdPacker>),
}

impl Packing {
    pub(super) fn new(source: &Source, plan: &WirePlan) -> Self {
        match source.encoding {
            Encoding::Dsd => Self::OneBit(Box::new(DsdPacker::new(plan, Cpu::detect()))),
            Encoding::Integer | Encoding::Float | Encoding::Lossy => Self::Pcm(Packer::new(plan, Cpu::detect())),
        }
    }

    pub(super) fn wire(&self) -> Wire {
        match self {
            Self::Pcm(packer) => packer.plan().wire,
            Self::OneBit(packer) => packer.plan().wire,
        }
    }

    /// A new stretch of the track begins, with this marker if it is DoP.
    pub(super) fn begin(&mut self, marker: Marker) {
        if let Self::OneBit(packer) = self {
            packer.begin(marker);
        }
    }

    /// What the frame after the last one has to be marked with.
    pub(super) fn marker(&self) -> Marker {
        match self {
            Self::Pcm(_) => Marker::default(),
            Self::OneBit(packer) => packer.marker(),
        }
    }

    /// Packs the samples from `start` on; nothing at all if they aren't what the packer was made for.
    pub(super) fn pack(&mut self, samples: &Samples<'_>, start: usize, room: &mut [u8]) -> Packed {
        match (self, samples) {
            (Self::OneBit(packer), Samples::Dsd(dsd)) => packer.pack(dsd, start, room),
            (Self::OneBit(_), _) => Packed::default(),
            (Self::Pcm(packer), samples) => {
                let frames = packer.pack(samples, start, room);
                Packed { taken: frames, frames }
            }
        }
    }

    /// Whether a part of a word is left for [`finish`](Self::finish).
    pub(super) fn is_unfinished(&self) -> bool {
        matches!(self, Self::OneBit(packer) if packer.is_unfinished())
    }

    /// Writes what is left of a last word; returns the frames written.
    pub(super) fn finish(&mut self, room: &mut [u8]) -> usize {
        match self {
            Self::Pcm(_) => 0,
            Self::OneBit(packer) => packer.finish(room),
        }
    }
}
