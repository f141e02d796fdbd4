//! The one pass between a decoder's planes and the ring: justify, narrow with dither where planned, interleave.

use crate::kernels::{PackSet, Packs, Sample, packs};
use crate::{ChannelMap, Cpu, Planes, Samples, Tpdf, WirePlan};

/// Packs decoded planes into wire bytes, as a [`WirePlan`] says.
///
/// Floats that are to be dithered are packed as they are up to the first frame with one that isn't a whole number of the wire's steps: a
/// float file that was made from integers of 24 bits (each of which a float holds exactly), and nothing but that, reaches a wire of 24 bits
/// bit for bit. From that frame on all are dithered, whole or not: noise that came and went with the samples would be distortion.
///
/// Holds the dither's state: one packer per track, used for all of it, gives the same bytes however the track is cut
/// into calls, and whichever CPU it runs on.
#[derive(Clone, Debug)]
pub struct Packer {
    plan: WirePlan,
    dither: Tpdf,
    /// None if the wire isn't PCM (or DoP, which comes here only as what a PCM source holds already).
    kernels: Option<&'static PackSet>,
    /// Those without dither, as long as all floats were whole numbers of the wire's steps.
    exact: Option<&'static PackSet>,
    /// A float that isn't a whole number of steps of the plan's `exact_bits` was packed.
    has_rounded: bool,
}

impl Packer {
    /// A packer for tracks with this plan, with the best kernels that `cpu` has.
    #[must_use]
    pub fn new(plan: &WirePlan, cpu: Cpu) -> Self {
        let kernels = packs(cpu, plan.wire.format, plan.dither);
        let exact = if plan.dither { packs(cpu, plan.wire.format, false) } else { None };
        Self { plan: *plan, dither: Tpdf::new(0), kernels, exact, has_rounded: false }
    }

    /// Whether a float was packed that didn't reach the DAC as it was: one that isn't a whole number of steps of the plan's
    /// [`exact_bits`](WirePlan::exact_bits), or lies beyond full scale. Of integers, and of floats without those, it says nothing.
    #[must_use]
    pub const fn has_rounded(&self) -> bool {
        self.has_rounded
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
        if src.frames() == 0 {
            return 0;
        }
        let exactly = self.exact;
        let exact = match (&src, exactly) {
            (Samples::F32(planes), Some(_)) => exact_frames(planes, self.plan.wire.format.bits()),
            _ => 0,
        };
        if exact < src.frames() && matches!(src, Samples::F32(_)) {
            self.exact = None;
        }
        if let (Samples::F32(planes), Some(bits), false) = (&src, self.plan.exact_bits, self.has_rounded) {
            let known = exactly.is_some() && bits == self.plan.wire.format.bits();
            self.has_rounded = if known { exact } else { exact_frames(planes, bits) } < src.frames();
        }
        let is_packed = if exact == 0 {
            self.run(self.kernels, &src, dst)
        } else {
            let (before, behind) = dst.split_at_mut((exact * self.plan.wire.frame_bytes()).min(dst.len()));
            self.run(exactly, &src.part(0, exact), before)
                && self.run(self.kernels, &src.part(exact, usize::MAX), behind)
        };
        if !is_packed {
            return 0;
        }
        src.frames()
    }

    /// Packs all of `src`; false if it can't be packed.
    fn run(&mut self, kernels: Option<&PackSet>, src: &Samples<'_>, dst: &mut [u8]) -> bool {
        match (src, kernels) {
            _ if src.frames() == 0 => {}
            (Samples::S16(planes), Some(kernels)) => self.interleave(planes, &kernels.s16, dst),
            (Samples::S32(planes), Some(kernels)) => self.interleave(planes, &kernels.s32, dst),
            (Samples::F32(planes), Some(kernels)) => self.interleave(planes, &kernels.f32, dst),
            (Samples::Dsd(_), _) | (_, None) => return false,
        }
        // The product may wrap, as the dither's position does.
        self.dither.advance((src.frames() as u32).wrapping_mul(src.channels() as u32));
        true
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

/// Frames that come first in which every float is a whole number of steps of so many bits, within full scale.
fn exact_frames(planes: &Planes<'_, f32>, bits: u16) -> usize {
    let scale = (1u32 << bits.clamp(1, 32).saturating_sub(1)) as f32;
    // The conversion saturates, and makes 0 of what is no number.
    let is_whole = |sample: &&f32| {
        let steps = **sample * scale;
        (-scale..scale).contains(&steps) && steps as i32 as f32 == steps
    };
    planes.iter().map(|plane| plane.iter().take_while(is_whole).count()).min().unwrap_or(0)
}
