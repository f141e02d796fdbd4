//! The one pass between a decoder's planes and the ring: justify, narrow with dither where planned, interleave.

use crate::layout::{Layout, S16, S24, S24Packed, S32};
use crate::{ChannelMap, Planes, Samples, Tpdf, WireFormat, WirePlan};

/// Packs decoded planes into wire bytes, as a [`WirePlan`] says.
///
/// Holds the dither's state: one packer per track, used for all of it, gives the same bytes however the track is cut
/// into calls.
#[derive(Clone, Debug)]
pub struct Packer {
    plan: WirePlan,
    dither: Tpdf,
}

impl Packer {
    /// A packer for tracks with this plan.
    #[must_use]
    pub const fn new(plan: &WirePlan) -> Self {
        Self { plan: *plan, dither: Tpdf::new(0) }
    }

    /// What this packer does.
    #[must_use]
    pub const fn plan(&self) -> &WirePlan {
        &self.plan
    }

    /// Packs the frames of `src` from `start` on into `dst`; returns how many: as many as both have room for, and none
    /// if `src` hasn't the number of channels that the plan is for.
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
        match self.plan.wire.format {
            WireFormat::S16Le => self.convert::<S16, 2>(&src, dst),
            WireFormat::S24_3Le => self.convert::<S24Packed, 3>(&src, dst),
            WireFormat::S24Le => self.convert::<S24, 4>(&src, dst),
            WireFormat::S32Le => self.convert::<S32, 4>(&src, dst),
        }
        // The product may wrap, as the dither's position does.
        self.dither.advance((src.frames() as u32).wrapping_mul(source_channels as u32));
        src.frames()
    }

    fn convert<L: Layout<BYTES>, const BYTES: usize>(&self, src: &Samples<'_>, dst: &mut [u8]) {
        let (dst, _) = dst.as_chunks_mut::<BYTES>();
        let (map, dither) = (self.plan.channel_map, self.dither);
        let noise = |position| dither.at(position);
        match (src, self.plan.dither) {
            (Samples::S16(src), false) => interleave(src, map, dst, |x, _| L::store(justify::<L, BYTES>(wide(x)))),
            (Samples::S32(src), false) => interleave(src, map, dst, |x, _| L::store(justify::<L, BYTES>(x))),
            (Samples::F32(src), false) => interleave(src, map, dst, |x, _| L::store(quantise::<L, BYTES>(x, 0))),
            (Samples::S16(src), true) => {
                interleave(src, map, dst, |x, n| L::store(narrow::<L, BYTES>(wide(x), noise(n))));
            }
            (Samples::S32(src), true) => interleave(src, map, dst, |x, n| L::store(narrow::<L, BYTES>(x, noise(n)))),
            (Samples::F32(src), true) => interleave(src, map, dst, |x, n| L::store(quantise::<L, BYTES>(x, noise(n)))),
        }
    }
}

/// Converts and interleaves. `convert` gets each sample with its position: frame times channels plus channel.
#[inline]
fn interleave<T: Copy, const BYTES: usize>(
    src: &Planes<'_, T>,
    map: ChannelMap,
    dst: &mut [[u8; BYTES]],
    convert: impl Fn(T, u32) -> [u8; BYTES],
) {
    let channels = src.channels();
    let mut planes = src.iter();
    match (planes.next(), planes.next(), planes.next(), map) {
        (Some(mono), None, _, ChannelMap::MonoToStereo) => {
            let (frames, _) = dst.as_chunks_mut::<2>();
            for ((n, &x), frame) in (0..).zip(mono).zip(frames) {
                *frame = [convert(x, n); 2];
            }
        }
        (Some(mono), None, _, ChannelMap::Same) => {
            for ((n, &x), sample) in (0..).zip(mono).zip(dst) {
                *sample = convert(x, n);
            }
        }
        (Some(left), Some(right), None, ChannelMap::Same) => {
            let (frames, _) = dst.as_chunks_mut::<2>();
            for (((n, &l), &r), frame) in (0u32..).zip(left).zip(right).zip(frames) {
                *frame = [convert(l, n.wrapping_mul(2)), convert(r, n.wrapping_mul(2).wrapping_add(1))];
            }
        }
        _ => {
            for (channel, plane) in src.iter().enumerate() {
                let slots = dst.iter_mut().skip(channel).step_by(channels);
                for ((n, &x), sample) in (0u32..).zip(plane).zip(slots) {
                    *sample = convert(x, n.wrapping_mul(channels as u32).wrapping_add(channel as u32));
                }
            }
        }
    }
}

/// A left-justified 16-bit sample as a left-justified 32-bit one.
#[inline]
fn wide(sample: i16) -> i32 {
    i32::from(sample) << 16
}

/// From left-justified in 32 bits to right-justified in the layout's; bits that don't fit are cut off.
#[inline]
fn justify<L: Layout<BYTES>, const BYTES: usize>(sample: i32) -> i32 {
    sample >> (32 - L::BITS)
}

/// As [`justify`], but rounded to nearest after `noise` (in 1/65536 of the layout's LSB) is added.
#[inline]
fn narrow<L: Layout<BYTES>, const BYTES: usize>(sample: i32, noise: i32) -> i32 {
    let cut = 32 - L::BITS;
    let noise = i64::from(noise) << cut >> 16;
    let half = 1 << cut >> 1;
    ((i64::from(sample) + noise + half) >> cut).clamp(i64::from(L::MIN), i64::from(L::MAX)) as i32
}

/// From ±1.0 to the layout's range, rounded to nearest after `noise` (in 1/65536 LSB) is added. What lies outside is
/// limited, and what isn't a number becomes silence.
#[inline]
fn quantise<L: Layout<BYTES>, const BYTES: usize>(sample: f32, noise: i32) -> i32 {
    /// Adding this to a number below 2^51 leaves its nearest integer in the low bits of the mantissa.
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    let sample = if sample.is_nan() { 0.0 } else { f64::from(sample) };
    let full_scale = -f64::from(L::MIN);
    let scaled = sample * full_scale + f64::from(noise) / f64::from(Tpdf::LSB);
    let limited = scaled.max(f64::from(L::MIN)).min(f64::from(L::MAX));
    (limited + ROUND).to_bits() as i32
}
