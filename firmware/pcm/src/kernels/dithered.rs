//! Packing with dither, for whatever instruction set: one plane, or two that take turns.
//!
//! It goes by rows of noise. In each part with noise of one row the last block begins before the end of the one before it,
//! where they aren't whole blocks: some samples are then packed twice, with the same result.

use super::convert::{Sample, dithered, left_justified};
use super::simd::Simd;
use crate::Tpdf;
use crate::dither::ROW;
use crate::layout::Layout;

/// Where samples come from, and where they go.
pub(super) struct Job<'a, T> {
    pub(super) left: &'a [T],
    /// As long as `left`, or else what is longer isn't touched. Without it there is one channel.
    pub(super) right: Option<&'a [T]>,
    pub(super) dst: &'a mut [u8],
    /// At an even position for two channels, unless they are twins.
    pub(super) noise: Tpdf,
    /// Both channels of a frame get the same noise, as they are the same.
    pub(super) twins: bool,
}

impl<'a, T: Sample> Job<'a, T> {
    const fn channels(&self) -> usize {
        if self.right.is_some() { 2 } else { 1 }
    }

    /// Samples of noise that so many frames take.
    const fn noise_of(&self, frames: usize) -> usize {
        if self.twins { frames } else { frames * self.channels() }
    }

    fn frames<const BYTES: usize>(&self) -> usize {
        let frames = self.left.len().min(self.dst.len() / (BYTES * self.channels()));
        self.right.map_or(frames, |right| frames.min(right.len()))
    }

    /// Splits off as much as has noise of one row. None if nothing is left.
    #[inline(always)]
    pub(super) fn next<const BYTES: usize>(&mut self) -> Option<Self> {
        let row = (ROW - self.noise.position() as usize % ROW) / self.noise_of(1);
        let frames = self.frames::<BYTES>().min(row);
        if frames == 0 {
            return None;
        }
        let (left, rest) = self.left.split_at_checked(frames)?;
        self.left = rest;
        let right = match self.right {
            None => None,
            Some(right) => {
                let (right, rest) = right.split_at_checked(frames)?;
                self.right = Some(rest);
                Some(right)
            }
        };
        let bytes = frames * self.channels() * BYTES;
        let (dst, rest) = core::mem::take(&mut self.dst).split_at_mut_checked(bytes)?;
        self.dst = rest;
        let part = Job::<'a, T> { left, right, dst, noise: self.noise, twins: self.twins };
        self.noise.advance(self.noise_of(frames) as u32);
        Some(part)
    }

    /// All of a part, if that is at least a block.
    #[inline(always)]
    pub(super) fn blocks<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S) -> bool {
        // No plan dithers 16 bits.
        if T::BITS == 16 || self.frames::<BYTES>() * self.channels() < S::BLOCK {
            return false;
        }
        match (L::BITS, self.right, self.twins) {
            // SAFETY: there is a block.
            (16, None, _) => unsafe { self.narrow::<S, L, BYTES, false>(s) },
            // SAFETY: as above.
            (16, Some(_), true) => unsafe { self.narrow::<S, L, BYTES, true>(s) },
            // SAFETY: as above.
            (16, Some(right), false) => unsafe { self.narrow_two::<S, L, BYTES>(s, right) },
            // SAFETY: as above.
            _ => unsafe { self.wide::<S, L, BYTES>(s) },
        }
        true
    }

    /// One channel to 16 bits, or twins.
    ///
    /// # Safety
    /// There must be samples for at least a block.
    #[inline(always)]
    unsafe fn narrow<S: Simd, L: Layout<BYTES>, const BYTES: usize, const TWINS: bool>(&mut self, s: S) {
        let (left, dst) = (self.left.as_ptr(), self.dst.as_mut_ptr());
        let [levels, signs] = self.noise.rows_in_16_bits().map(<[i16]>::as_ptr);
        // A vector of 16-bit samples, and as many bytes as a block has samples.
        let step = S::BLOCK / 2;
        let last = self.left.len() - step;
        let mut begin = 0;
        loop {
            // SAFETY: so many samples are there, with their noise.
            let [even, odd] = unsafe { s.load_by_turns(left.wrapping_add(begin).cast()) };
            // SAFETY: as above.
            let [a, b] = each!([levels, signs], |row| unsafe { s.load_vector(row.wrapping_add(begin).cast()) });
            let [even, odd] = each!([even, odd], |x| left_justified::<S, T>(s, x));
            let x = s.round_16(even, odd, s.xor(a, b));
            let x = if L::SWAPPED { s.swap::<BYTES>(x) } else { x };
            if TWINS {
                // SAFETY: there is room for each sample twice.
                unsafe { s.store_twins_16(x, dst.wrapping_add(begin * 2 * BYTES)) };
            } else {
                // SAFETY: there is room for each sample.
                unsafe { s.store_vector(x, dst.wrapping_add(begin * BYTES)) };
            }
            if begin == last {
                return;
            }
            begin = last.min(begin + step);
        }
    }

    /// Two channels to 16 bits: without a shuffle, as a vector of each is what takes turns.
    ///
    /// # Safety
    /// There must be samples for at least a block, in `right`, too.
    #[inline(always)]
    unsafe fn narrow_two<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S, right: &[T]) {
        let (left, right, dst) = (self.left.as_ptr(), right.as_ptr(), self.dst.as_mut_ptr());
        let [levels, signs] = self.noise.rows_in_16_bits().map(<[i16]>::as_ptr);
        let step = S::BLOCK / 4;
        let last = self.left.len() - 2 * step;
        let mut begin = 0;
        loop {
            each!([begin, begin + step], |at| {
                // SAFETY: so many samples are there in both.
                let [l, r] = each!([left, right], |plane| unsafe { s.load_vector(plane.wrapping_add(at).cast()) });
                // SAFETY: so is their noise.
                let [a, b] = each!([levels, signs], |row| unsafe { s.load_vector(row.wrapping_add(2 * at).cast()) });
                let [l, r] = each!([l, r], |x| left_justified::<S, T>(s, x));
                let x = s.round_16(l, r, s.xor(a, b));
                let x = if L::SWAPPED { s.swap::<BYTES>(x) } else { x };
                // SAFETY: there is room for the frames.
                unsafe { s.store_vector(x, dst.wrapping_add(at * 2 * BYTES)) };
            });
            if begin == last {
                return;
            }
            begin = last.min(begin + 2 * step);
        }
    }

    /// To 24 bits.
    ///
    /// # Safety
    /// There must be samples for at least a block.
    #[inline(always)]
    unsafe fn wide<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S) {
        let (left, dst) = (self.left.as_ptr(), self.dst.as_mut_ptr());
        let rows = self.noise.rows_in_32_bits();
        let per_block = S::BLOCK / self.channels();
        let last = self.left.len() - per_block;
        let mut begin = 0;
        loop {
            let left = left.wrapping_add(begin);
            let [a, b, c, d] = match self.right {
                // SAFETY: so many samples are there.
                None => unsafe { T::load::<S, BYTES>(s, left) },
                // SAFETY: so many samples are there in both.
                Some(right) => unsafe { T::load_two::<S, BYTES>(s, left, right.as_ptr().wrapping_add(begin)) },
            };
            let at = self.noise_of(begin);
            let [[e, f, g, h], [i, j, k, l]] = each!([rows[0], rows[1]], |row| {
                let row = row.as_ptr().wrapping_add(at);
                if self.twins {
                    // SAFETY: there is noise for as many frames.
                    unsafe { s.load_two::<BYTES>(row, row) }
                } else {
                    // SAFETY: there is noise for as many samples.
                    unsafe { s.load::<BYTES>(row) }
                }
            });
            let samples = each!([(a, e, i), (b, f, j), (c, g, k), (d, h, l)], |(x, level, sign)| {
                dithered::<S, T, L, BYTES>(s, x, s.xor(level, sign))
            });
            let dst = dst.wrapping_add(begin * self.channels() * BYTES);
            // SAFETY: there is room for the frames.
            unsafe { s.store_ordered::<L, BYTES>(samples, dst) };
            if begin == last {
                return;
            }
            begin = last.min(begin + per_block);
        }
    }

    /// All of a part.
    #[inline(always)]
    pub(super) fn scalar<L: Layout<BYTES>, const BYTES: usize>(self) {
        let [levels, signs] = self.noise.rows_in_16_bits();
        let noise = levels.iter().zip(signs).map(|(level, sign)| i32::from(level ^ sign));
        let convert = |x: T, noise| L::store(x.dithered::<L, BYTES>(noise));
        let (samples, _) = self.dst.as_chunks_mut::<BYTES>();
        let Some(right) = self.right else {
            for ((&x, sample), noise) in self.left.iter().zip(samples).zip(noise) {
                *sample = convert(x, noise);
            }
            return;
        };
        let frames = self.left.iter().zip(right).zip(samples.as_chunks_mut::<2>().0);
        if self.twins {
            for (((&l, &r), frame), noise) in frames.zip(noise) {
                *frame = [convert(l, noise), convert(r, noise)];
            }
        } else {
            let mut noise = noise;
            for ((&l, &r), frame) in frames {
                let (of_left, of_right) = (noise.next().unwrap_or(0), noise.next().unwrap_or(0));
                *frame = [convert(l, of_left), convert(r, of_right)];
            }
        }
    }
}
