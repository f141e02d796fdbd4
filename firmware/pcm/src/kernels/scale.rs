//! Gain, for whatever instruction set: samples of the wire times a gain each, dithered if they have fewer than 32 bits.
//!
//! Nothing here depends on what the samples or the gains are: a ramp takes the same instructions over silence, music and full scale,
//! and from its first frame to its last. [`gains`](super::gains) says where its gains come from. What doesn't get here is a
//! steady unity, which is a memcpy, and a steady silence, which is a fill.
//!
//! # Limits
//! In the second-level cache of a Zen 4 memcpy takes 4.2 cycles for 64 bytes, which leaves time for eight instructions with
//! AVX-512. 32 bits take 8: 1.2 times memcpy's time. 16 bits take 9 and a load of the two tables of noise: 1.7 times. So do 24 bits in
//! 4 bytes (1.4 times; as the upper ones of 32 1.7), and in 3 bytes, with two shuffles for three quarters of the bytes (2.3 times). A
//! ramp of two channels adds a sum, a shuffle and a minimum for each vector of 32 bits (1.6 times), and of 16 bits eight
//! instructions (3.0 times).

use core::hint::black_box;

use super::gains::{Gains, Paired, Prepared, Steady, split};
use super::pairs::Pairs;
use super::room::{Room, Slope, q31};
use super::simd::Simd;
use crate::Tpdf;
use crate::dither::ROW;
use crate::layout::Layout;

/// What is left to be scaled: whole frames.
pub(super) struct Work<'a> {
    src: &'a [u8],
    dst: &'a mut [u8],
    /// Of the frame that the next sample belongs to, and how many of its samples are behind.
    slope: Slope,
    channel: usize,
    noise: Tpdf,
}

/// A part of it: as many samples as `src` and `dst` both have, with noise of one row.
pub(super) struct Job<'a> {
    src: &'a [u8],
    dst: &'a mut [u8],
    slope: Slope,
    channel: usize,
    /// It is whole frames of two channels.
    is_paired: bool,
    noise: Tpdf,
}

impl<'a> Work<'a> {
    pub(super) const fn new(src: &'a [u8], dst: &'a mut [u8], slope: Slope, noise: Tpdf) -> Self {
        Self { src, dst, slope, channel: 0, noise }
    }

    /// Splits the next part off. None if nothing is left.
    #[inline(always)]
    pub(super) fn next<L: Layout<BYTES>, const BYTES: usize>(&mut self) -> Option<Job<'a>> {
        let left = (self.src.len() / BYTES).min(self.dst.len() / BYTES);
        let row = if L::BITS == 32 { left } else { left.min(ROW - self.noise.position() as usize % ROW) };
        let is_paired = self.slope.channels == 2 && self.channel == 0 && row.is_multiple_of(2);
        let samples = if self.slope.step == 0 || is_paired { row } else { row.min(Room::CHUNK) };
        if samples == 0 {
            return None;
        }
        let (src, rest) = self.src.split_at_checked(samples * BYTES)?;
        self.src = rest;
        let (dst, rest) = core::mem::take(&mut self.dst).split_at_mut_checked(samples * BYTES)?;
        self.dst = rest;
        let job = Job { src, dst, slope: self.slope, channel: self.channel, is_paired, noise: self.noise };
        let (behind, channels) = (self.channel + samples, self.slope.channels.max(1));
        self.slope.now += self.slope.step * (behind / channels) as i64;
        self.channel = behind % channels;
        self.noise.advance(samples as u32);
        Some(job)
    }
}

impl Job<'_> {
    const fn samples<const BYTES: usize>(&self) -> usize {
        self.src.len() / BYTES
    }

    /// All samples, if they are at least a block, and shorter vectors wouldn't be faster. The last block begins before the end of the one before it, where they aren't
    /// whole blocks: some samples are then scaled twice, with the same result.
    #[inline(always)]
    pub(super) fn blocks<S: Pairs, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S) -> bool {
        let samples = self.samples::<BYTES>();
        let is_steady = self.slope.step == 0;
        if samples < S::BLOCK || is_steady && !s.wins_at_steady_gain(L::BITS) {
            return false;
        }
        if is_steady {
            self.each_block::<S, L, BYTES>(s, Steady::new(s, q31(self.slope.now)));
        } else if self.is_paired {
            self.each_block::<S, L, BYTES>(s, Paired::new(s, self.slope));
        } else {
            let mut room = Room::new();
            room.prepare(self.slope, self.channel + samples);
            if L::BITS == 16 {
                room.split(self.channel + samples);
            }
            let gains = room.gains().wrapping_add(self.channel);
            let [upper, lower] = each!([room.upper(), room.lower()], |part| part.wrapping_add(self.channel));
            // Else the compiler takes gains not from where they are, but makes them anew in every block.
            self.each_block::<S, L, BYTES>(s, black_box(Prepared { gains, upper, lower }));
        }
        true
    }

    /// `gains` are there for all samples, which are at least a block.
    #[inline(always)]
    fn each_block<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S, gains: impl Gains<S>) {
        if L::BITS == 16 {
            // SAFETY: there are enough samples, and gains.
            unsafe { self.narrow_blocks::<S, L, BYTES>(s, gains) }
        } else {
            // SAFETY: as above.
            unsafe { self.wide_blocks::<S, L, BYTES>(s, gains) }
        }
    }

    /// 16 bits.
    ///
    /// # Safety
    /// There must be samples for at least a block.
    #[inline(always)]
    unsafe fn narrow_blocks<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S, mut gains: impl Gains<S>) {
        let (src, dst) = (self.src.as_ptr(), self.dst.as_mut_ptr());
        let [levels, signs] = self.noise.rows_in_16_bits();
        let [a, b] = each!([levels, signs], |row| row.as_ptr().cast::<u8>());
        // As 16-bit integers, a block takes two vectors, each of as many bytes as it has samples.
        let last = self.samples::<BYTES>() * BYTES - S::BLOCK;
        let mut begin = 0;
        while begin < last + S::BLOCK {
            for at in [begin.min(last - S::BLOCK), (begin + S::BLOCK).min(last)] {
                // SAFETY: a vector is there of each: of the samples and their noise.
                let [x, a, b] = each!([src, a, b], |from| unsafe { s.load_vector(from.wrapping_add(at)) });
                // SAFETY: and of their gains.
                let gain = unsafe { gains.narrow(s, at / BYTES) };
                let x = if L::SWAPPED { s.swap::<BYTES>(x) } else { x };
                let x = s.scale_16(x, gain, s.xor(a, b));
                let x = if L::SWAPPED { s.swap::<BYTES>(x) } else { x };
                // SAFETY: the room is as long.
                unsafe { s.store_vector(x, dst.wrapping_add(at)) };
            }
            begin += 2 * S::BLOCK;
        }
    }

    /// More bits.
    ///
    /// # Safety
    /// There must be samples for at least a block.
    #[inline(always)]
    unsafe fn wide_blocks<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S, mut gains: impl Gains<S>) {
        let (src, dst) = (self.src.as_ptr(), self.dst.as_mut_ptr());
        let [levels, signs] = self.noise.rows_in_32_bits();
        let [i, j] = each!([levels, signs], |row| row.as_ptr());
        let half = s.splat(1 << 6);
        let last = self.samples::<BYTES>() - S::BLOCK;
        let mut begin = 0;
        while begin < last + S::BLOCK {
            let at = begin.min(last);
            let (src, dst) = (src.wrapping_add(at * BYTES), dst.wrapping_add(at * BYTES));
            // SAFETY: a block is there from each of these on.
            let [a, b, c, d] = unsafe { s.load_ordered::<L, BYTES>(src) };
            // SAFETY: and their gains are.
            let [e, f, g, h] = unsafe { gains.wide::<BYTES>(s, at) };
            let scaled = if L::BITS == 32 {
                each!([(a, e), (b, f), (c, g), (d, h)], |(x, gain)| s.multiply_rounded(x, gain))
            } else {
                // SAFETY: as above.
                let [k, l, m, n] = unsafe { s.load::<BYTES>(i.wrapping_add(at)) };
                // SAFETY: as above.
                let [p, q, r, t] = unsafe { s.load::<BYTES>(j.wrapping_add(at)) };
                each!([(a, e, k, p), (b, f, l, q), (c, g, m, r), (d, h, n, t)], |(x, gain, level, sign)| {
                    // ALSA lets the topmost byte of S24_LE be anything.
                    let x = if BYTES == 4 && !L::IS_LEFT { s.shift_left::<8>(x) } else { x };
                    let rounding = s.add(s.xor(level, sign), half);
                    let x = s.shift_right_signed::<7>(s.add(s.multiply_high(x, gain), rounding));
                    if L::IS_LEFT { s.shift_left::<8>(x) } else { x }
                })
            };
            // SAFETY: there is as much room.
            unsafe { s.store_ordered::<L, BYTES>(scaled, dst) };
            begin += S::BLOCK;
        }
    }

    /// All samples.
    #[inline(always)]
    pub(super) fn scalar<L: Layout<BYTES>, const BYTES: usize>(self) {
        let samples = self.src.as_chunks::<BYTES>().0.iter().zip(self.dst.as_chunks_mut::<BYTES>().0);
        let [levels, signs] = self.noise.rows_in_16_bits();
        let noise = levels.iter().zip(signs).map(|(level, sign)| i32::from(level ^ sign));
        // What isn't dithered doesn't end with a row.
        let noise = noise.chain(core::iter::repeat(0));
        let Slope { mut now, step, channels } = self.slope;
        let mut channel = self.channel;
        for ((src, dst), noise) in samples.zip(noise) {
            let gain = q31(now);
            *dst = L::store(match L::BITS {
                16 => narrow(L::load(*src), split(gain), noise),
                24 => wide(L::load_left(*src), gain, noise),
                _ => widest(L::load(*src), gain),
            });
            channel += 1;
            if channel >= channels {
                channel = 0;
                now += step;
            }
        }
    }
}

/// 16 bits: a product with 13 bits behind the point, as noise has them. What it lacks of the exact one is below 2^-12 LSB.
#[inline]
fn narrow(sample: i32, [upper, lower]: [i16; 2], noise: i32) -> i32 {
    let product = ((sample * i32::from(upper)) >> 2) + ((sample * i32::from(lower)) >> 16);
    ((product + noise + (1 << 12)) >> 13).clamp(i16::MIN.into(), i16::MAX.into())
}

/// 24 bits, left-justified, to right-justified ones: a product with 7 bits behind the point, as noise gets them. What it lacks of the
/// exact one is below 2^-7 LSB.
#[inline]
fn wide(sample: i32, gain: i32, noise: i32) -> i32 {
    let product = ((i64::from(sample) * i64::from(gain)) >> 32) as i32;
    (product + (noise >> 6) + (1 << 6)) >> 7
}

/// 32 bits: the product, rounded to nearest.
#[inline]
fn widest(sample: i32, gain: i32) -> i32 {
    ((i64::from(sample) * i64::from(gain) + (1 << 30)) >> 31) as i32
}
