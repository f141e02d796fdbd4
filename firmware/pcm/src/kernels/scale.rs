//! Gain, for whatever instruction set: samples of the wire times a gain each, dithered if they have fewer than 32 bits.
//!
//! A constant gain, a ramp, silence and full scale are the same arithmetic without a branch; a ramp loads its gains where a
//! constant one is in a register.
//!
//! # Limits
//! In the second-level cache of a Zen 4 memcpy takes 4.2 cycles for 64 bytes, which leaves time for eight instructions with
//! AVX-512. 32 bits take 8: 1.2 times memcpy's time. 16 bits take 9 and a load of the two tables of noise: 1.7 times. So do 24 bits in
//! 4 bytes (1.5 times), and in 3 bytes, with two shuffles for three quarters of the bytes (2.2 times). A ramp of 32 bits takes 2.0
//! times as long, as its gains are computed in 64 bits, and one of 16 bits 4.7 times, as they are split, too.

use core::hint::black_box;

use super::room::{Room, Slope};
use super::simd::Simd;
use crate::Tpdf;
use crate::dither::ROW;
use crate::layout::Layout;

/// What is left to be scaled: whole frames.
pub(super) struct Work<'a> {
    src: &'a [u8],
    dst: &'a mut [u8],
    slope: Slope,
    noise: Tpdf,
    /// Samples whose gains are in the room, and how many of them are behind.
    prepared: usize,
    at: usize,
}

/// A part of it: as many samples as `src` and `dst` both have, with their gains, and with noise of one row.
pub(super) struct Job<'a> {
    src: &'a [u8],
    dst: &'a mut [u8],
    /// There is one for each sample, or if they are all the same, as many as a block takes.
    gains: *const i32,
    upper: *const i16,
    lower: *const i16,
    steady: bool,
    noise: Tpdf,
}

impl<'a> Work<'a> {
    pub(super) const fn new(src: &'a [u8], dst: &'a mut [u8], slope: Slope, noise: Tpdf) -> Self {
        Self { src, dst, slope, noise, prepared: 0, at: 0 }
    }

    /// Splits the next part off. None if nothing is left.
    #[inline(always)]
    pub(super) fn next<'j, L: Layout<BYTES>, const BYTES: usize>(&mut self, room: &'j mut Room) -> Option<Job<'j>>
    where
        'a: 'j,
    {
        let steady = self.slope.step == 0;
        let left = (self.src.len() / BYTES).min(self.dst.len() / BYTES);
        if self.at == self.prepared {
            let samples = left.min(if steady { Room::BLOCK } else { self.slope.chunk() });
            room.prepare(self.slope, samples);
            if L::BITS == 16 {
                room.split(samples);
            }
            self.slope.now += self.slope.step * (samples / self.slope.channels.max(1)) as i64;
            self.prepared = if steady { usize::MAX } else { samples };
            self.at = 0;
        }
        let row = if L::BITS == 32 { usize::MAX } else { ROW - self.noise.position() as usize % ROW };
        let samples = left.min(self.prepared - self.at).min(row);
        if samples == 0 {
            return None;
        }
        let (src, rest) = self.src.split_at_checked(samples * BYTES)?;
        self.src = rest;
        let (dst, rest) = core::mem::take(&mut self.dst).split_at_mut_checked(samples * BYTES)?;
        self.dst = rest;
        let (at, noise) = (if steady { 0 } else { self.at }, self.noise);
        self.at += samples;
        self.noise.advance(samples as u32);
        // Else the compiler takes gains not from where they are, but makes them anew in every block.
        let room = black_box(&*room);
        let gains = room.gains().wrapping_add(at);
        let [upper, lower] = each!([room.upper(), room.lower()], |part| part.wrapping_add(at));
        Some(Job { src, dst, gains, upper, lower, steady, noise })
    }
}

impl Job<'_> {
    const fn samples<const BYTES: usize>(&self) -> usize {
        self.src.len() / BYTES
    }

    /// All samples, if they are at least a block. The last block begins before the end of the one before it, where they aren't
    /// whole blocks: some samples are then scaled twice, with the same result.
    #[inline(always)]
    pub(super) fn blocks<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S) -> bool {
        if self.samples::<BYTES>() < S::BLOCK {
            return false;
        }
        match (L::BITS, self.steady) {
            // SAFETY: there are enough samples.
            (16, true) => unsafe { self.narrow_blocks::<S, true>(s) },
            // SAFETY: as above.
            (16, false) => unsafe { self.narrow_blocks::<S, false>(s) },
            // SAFETY: as above.
            (_, true) => unsafe { self.wide_blocks::<S, L, BYTES, true>(s) },
            // SAFETY: as above.
            (_, false) => unsafe { self.wide_blocks::<S, L, BYTES, false>(s) },
        }
        true
    }

    /// 16 bits.
    ///
    /// # Safety
    /// There must be samples for at least a block.
    #[inline(always)]
    unsafe fn narrow_blocks<S: Simd, const STEADY: bool>(&mut self, s: S) {
        let (src, dst) = (self.src.as_ptr(), self.dst.as_mut_ptr());
        let [upper, lower] = each!([self.upper, self.lower], |part| part.cast::<u8>());
        let [levels, signs] = self.noise.rows_in_16_bits();
        let [a, b] = each!([levels, signs], |row| row.as_ptr().cast::<u8>());
        // SAFETY: gains are there for at least a block.
        let [first, second] = each!([upper, lower], |part| unsafe { s.load_vector(part) });
        // Else the compiler doubles the product instead, in every block.
        let opaque = s.splat(black_box(0));
        let steady = [first, s.xor(s.shift_left::<1>(first), opaque), second];
        // As 16-bit integers, a block takes two vectors, each of as many bytes as it has samples.
        let last = self.samples::<2>() * 2 - S::BLOCK;
        let mut begin = 0;
        while begin < last + S::BLOCK {
            for at in [begin.min(last - S::BLOCK), (begin + S::BLOCK).min(last)] {
                // SAFETY: a vector is there of each: of the samples, their noise and their gains.
                let [x, a, b] = each!([src, a, b], |from| unsafe { s.load_vector(from.wrapping_add(at)) });
                let gain = if STEADY {
                    steady
                } else {
                    // SAFETY: as above.
                    let [upper, lower] = each!([upper, lower], |part| unsafe { s.load_vector(part.wrapping_add(at)) });
                    [upper, s.shift_left::<1>(upper), lower]
                };
                // SAFETY: the room is as long.
                unsafe { s.store_vector(s.scale_16(x, gain, s.xor(a, b)), dst.wrapping_add(at)) };
            }
            begin += 2 * S::BLOCK;
        }
    }

    /// More bits.
    ///
    /// # Safety
    /// There must be samples for at least a block.
    #[inline(always)]
    unsafe fn wide_blocks<S: Simd, L: Layout<BYTES>, const BYTES: usize, const STEADY: bool>(&mut self, s: S) {
        let (src, dst) = (self.src.as_ptr(), self.dst.as_mut_ptr());
        let [levels, signs] = self.noise.rows_in_32_bits();
        let [i, j] = each!([levels, signs], |row| row.as_ptr());
        let half = s.splat(1 << 6);
        // SAFETY: gains are there for at least a block.
        let [gain, ..] = unsafe { s.load::<BYTES>(self.gains) };
        let mut steady = [gain, s.odd(gain)];
        // Else the compiler prepares factors outside of the loop, and doesn't recognise the multiplication any more.
        let opaque = s.splat(black_box(0));
        let last = self.samples::<BYTES>() - S::BLOCK;
        let mut begin = 0;
        while begin < last + S::BLOCK {
            let at = begin.min(last);
            // SAFETY: a block is there from each of these on.
            let [a, b, c, d] = unsafe { s.load_wire::<BYTES>(src.wrapping_add(at * BYTES)) };
            let [e, f, g, h] = if STEADY {
                steady = each!([steady[0], steady[1]], |gain| s.xor(gain, opaque));
                [steady; 4]
            } else {
                // SAFETY: as above.
                let [e, f, g, h] = unsafe { s.load::<BYTES>(self.gains.wrapping_add(at)) };
                each!([e, f, g, h], |gain| [gain, s.odd(gain)])
            };
            let scaled = if L::BITS == 32 {
                each!([(a, e), (b, f), (c, g), (d, h)], |(x, gain)| s.multiply_rounded(x, gain))
            } else {
                // SAFETY: as above.
                let [k, l, m, n] = unsafe { s.load::<BYTES>(i.wrapping_add(at)) };
                // SAFETY: as above.
                let [p, q, r, t] = unsafe { s.load::<BYTES>(j.wrapping_add(at)) };
                each!([(a, e, k, p), (b, f, l, q), (c, g, m, r), (d, h, n, t)], |(x, gain, level, sign)| {
                    // ALSA lets the topmost byte of S24_LE be anything.
                    let x = if BYTES == 4 { s.shift_left::<8>(x) } else { x };
                    let rounding = s.add(s.xor(level, sign), half);
                    s.shift_right_signed::<7>(s.add(s.multiply_high(x, gain), rounding))
                })
            };
            // SAFETY: there is as much room.
            unsafe { s.store::<BYTES>(scaled, dst.wrapping_add(at * BYTES)) };
            begin += S::BLOCK;
        }
    }

    /// All samples.
    #[inline(always)]
    pub(super) fn scalar<L: Layout<BYTES>, const BYTES: usize>(self) {
        let stride = if self.steady { 0 } else { 1 };
        let samples = self.src.as_chunks::<BYTES>().0.iter().zip(self.dst.as_chunks_mut::<BYTES>().0);
        let [levels, signs] = self.noise.rows_in_16_bits();
        let noise = levels.iter().zip(signs).map(|(level, sign)| i32::from(level ^ sign));
        // What isn't dithered doesn't end with a row.
        let noise = noise.chain(core::iter::repeat(0));
        for ((n, (src, dst)), noise) in (0..).zip(samples).zip(noise) {
            let (sample, at) = (L::load(*src), n * stride);
            let scaled = if L::BITS == 16 {
                // SAFETY: there is one for each sample, or one for all.
                let upper = unsafe { *self.upper.wrapping_add(at) };
                // SAFETY: as above.
                narrow(sample, upper, unsafe { *self.lower.wrapping_add(at) }, noise)
            } else {
                // SAFETY: as above.
                let gain = unsafe { *self.gains.wrapping_add(at) };
                if L::BITS == 24 { wide(sample, gain, noise) } else { widest(sample, gain) }
            };
            *dst = L::store(scaled);
        }
    }
}

/// 16 bits: a product with 13 bits behind the point, as noise has them. What it lacks of the exact one is below 2^-12 LSB.
#[inline]
fn narrow(sample: i32, upper: i16, lower: i16, noise: i32) -> i32 {
    let product = ((sample * i32::from(upper)) >> 2) + ((sample * i32::from(lower)) >> 16);
    ((product + noise + (1 << 12)) >> 13).clamp(i16::MIN.into(), i16::MAX.into())
}

/// 24 bits: a product with 7 bits behind the point, as noise gets them. What it lacks of the exact one is below 2^-7 LSB.
#[inline]
fn wide(sample: i32, gain: i32, noise: i32) -> i32 {
    let product = ((i64::from(sample << 8) * i64::from(gain)) >> 32) as i32;
    (product + (noise >> 6) + (1 << 6)) >> 7
}

/// 32 bits: the product, rounded to nearest.
#[inline]
fn widest(sample: i32, gain: i32) -> i32 {
    ((i64::from(sample) * i64::from(gain) + (1 << 30)) >> 31) as i32
}
