//! The one pass between a decoder's planes and the ring: justify, narrow with dither where planned, interleave.

use crate::kernels::{PackSet, Packs, Sample, packs};
use crate::{ChannelMap, Cpu, Planes, Samples, Tpdf, WirePlan};

/// Packs decoded planes into wire bytes, as a [`WirePlan`] says.
///
/// Holds the dither's state: one packer per track, used for all of it, gives the same bytes however the track is cut
/// into calls, and whichever CPU it runs on.
#[derive(Clone, Debug)]
pub struct Packer {
    plan: WirePlan,
    dither: Tpdf,
    /// None if the wire isn't PCM (or DoP, which comes here only as what a PCM source holds already).
    kernels: Option<&'static PackSet>,
}

impl Packer {
    /// A packer for tracks with this plan, with the best kernels that `cpu` has.
    #[must_use]
    pub fn new(plan: &WirePlan, cpu: Cpu) -> Self {
        let kernels = packs(cpu, plan.wire.format, plan.dither);
        Self { plan: *plan, dither: Tpdf::new(0), kernels }
    }

    /// What this packer does.
    #[must_use]
    pub const fn plan(&self) -> &WirePlan {
        &self.plan
    }

    /// Packs the frames of `src` from `start` on into `dst`; returns how many: as many as both have room for, and none
    /// if `src` isn't PCM with the number of channels that the plan is for.
    pub fn pack(&mut self, src: &Samples<'_>, start: usize, dst: &mut [u8]) -> usize {
        let wire_channels = usize::from(self.plan.wire.channels);
        let source_channels = match self.plan.channel_map {
            ChannelMap::Same => wire_channels,
            ChannelMap::MonoToStereo => 1,
        };
        let Some(room) = dst.len().checked_div(self.plan.wire.frame_bytes()) else { return 0 };
        if src.channels() != source_channels {
            return 0;
        }
        let src = src.part(start, room);
        match (&src, self.kernels) {
            (Samples::S16(planes), Some(kernels)) => self.interleave(planes, &kernels.s16, dst),
            (Samples::S32(planes), Some(kernels)) => self.interleave(planes, &kernels.s32, dst),
            (Samples::F32(planes), Some(kernels)) => self.interleave(planes, &kernels.f32, dst),
            (Samples::Dsd(_), _) | (_, None) => return 0,
        }
        // The product may wrap, as the dither's position does.
        self.dither.advance((src.frames() as u32).wrapping_mul(src.channels() as u32));
        src.frames()
    }

    fn interleave<T: Sample>(&self, src: &Planes<'_, T>, kernels: &Packs<T>, dst: &mut [u8]) {
        let mut planes = src.iter();
        match (planes.next(), planes.next(), planes.next(), self.plan.channel_map) {
            (Some(mono), None, _, ChannelMap::MonoToStereo) => kernels.two(mono, mono, dst, self.dither, true),
            (Some(mono), None, _, ChannelMap::Same) => kernels.one(mono, dst, self.dither),
            (Some(left), Some(right), None, ChannelMap::Same) => kernels.two(left, right, dst, self.dither, false),
            _ => kernels.many(*src, dst, self.dither),
        }
    }
}
