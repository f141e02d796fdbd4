//! Packing without dither, for whatever instruction set: one plane, or two that take turns.
//!
//! Each function does whole blocks and says how many frames that were; what is left over is the next one's, the last is
//! the scalar one, which does everything.

use super::convert::{Sample, plain, plain_16};
use super::simd::Simd;
use crate::layout::Layout;

/// Where samples come from, and where they go.
pub(super) struct Job<'a, T> {
    pub(super) left: &'a [T],
    /// As long as `left`, or else what is longer isn't touched. Without it there is one channel.
    pub(super) right: Option<&'a [T]>,
    pub(super) dst: &'a mut [u8],
}

impl<T: Sample> Job<'_, T> {
    const fn channels(&self) -> usize {
        if self.right.is_some() { 2 } else { 1 }
    }

    fn frames<const BYTES: usize>(&self) -> usize {
        let frames = self.left.len().min(self.dst.len() / (BYTES * self.channels()));
        self.right.map_or(frames, |right| frames.min(right.len()))
    }

    /// Goes on behind the first `frames`.
    fn skip<const BYTES: usize>(&mut self, frames: usize) {
        let samples = frames * self.channels();
        self.left = self.left.get(frames..).unwrap_or_default();
        self.right = self.right.map(|right| right.get(frames..).unwrap_or_default());
        self.dst = core::mem::take(&mut self.dst).get_mut(samples * BYTES..).unwrap_or_default();
    }

    /// All blocks that there are.
    #[inline(always)]
    pub(super) fn blocks<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S) {
        match (T::BITS, L::BITS) {
            // Samples lie on the wire as they do in memory.
            (16, 16) => return self.unchanged::<S, L, BYTES>(s),
            (_, 16) => return self.narrow::<S, L, BYTES>(s),
            _ => {}
        }
        let per_block = S::BLOCK / self.channels();
        let blocks = self.frames::<BYTES>() / per_block;
        let (left, dst) = (self.left.as_ptr(), self.dst.as_mut_ptr());
        for block in 0..blocks {
            let left = left.wrapping_add(block * per_block);
            let [a, b, c, d] = match self.right {
                // SAFETY: `frames` counts what is there.
                None => unsafe { T::load::<S, BYTES>(s, left) },
                Some(right) => {
                    let right = right.as_ptr().wrapping_add(block * per_block);
                    // SAFETY: `frames` counts what is there in both.
                    unsafe { T::load_two::<S, BYTES>(s, left, right) }
                }
            };
            let samples = each!([a, b, c, d], |x| plain::<S, T, L, BYTES>(s, x));
            let dst = dst.wrapping_add(block * S::BLOCK * BYTES);
            // SAFETY: `frames` counts the room, too.
            unsafe { s.store_ordered::<L, BYTES>(samples, dst) };
        }
        self.skip::<BYTES>(blocks * per_block);
    }

    /// All blocks to 16 bits of more. Two channels take no shuffle, as a vector of each is what takes turns.
    #[inline(always)]
    fn narrow<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S) {
        // Of a vector of 16-bit samples, of which a block takes two.
        let frames = S::BLOCK / 2 / self.channels();
        let vectors = self.frames::<BYTES>() / frames / 2 * 2;
        let (left, dst) = (self.left.as_ptr(), self.dst.as_mut_ptr());
        for at in (0..vectors).map(|n| n * frames) {
            let left = left.wrapping_add(at);
            let [even, odd] = match self.right {
                // SAFETY: `frames` counts what is there.
                None => unsafe { s.load_by_turns(left.cast()) },
                Some(right) => {
                    // SAFETY: `frames` counts what is there in both.
                    each!([left, right.as_ptr().wrapping_add(at)], |plane| unsafe { s.load_vector(plane.cast()) })
                }
            };
            let x = plain_16::<S, T>(s, even, odd);
            let x = if L::SWAPPED { s.swap::<BYTES>(x) } else { x };
            // SAFETY: `frames` counts the room, too.
            unsafe { s.store_vector(x, dst.wrapping_add(at * self.channels() * BYTES)) };
        }
        self.skip::<BYTES>(vectors * frames);
    }

    /// All blocks of 16-bit samples as they are, or swapped.
    #[inline(always)]
    fn unchanged<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S) {
        let per_block = S::BLOCK / self.channels();
        let blocks = self.frames::<BYTES>() / per_block;
        let (left, dst) = (self.left.as_ptr().cast::<i16>(), self.dst.as_mut_ptr());
        // A vector of 16-bit samples, of which a block takes two.
        let vector = S::BLOCK / 2;
        match self.right.map(<[T]>::as_ptr) {
            // SAFETY: `frames` counts what is there, and the room.
            None if !L::SWAPPED => unsafe { dst.copy_from_nonoverlapping(left.cast(), blocks * per_block * BYTES) },
            None => {
                for at in (0..2 * blocks).map(|n| n * vector) {
                    // SAFETY: as above.
                    let x = unsafe { s.load_vector(left.wrapping_add(at).cast()) };
                    // SAFETY: as above.
                    unsafe { s.store_vector(s.swap::<BYTES>(x), dst.wrapping_add(at * BYTES)) };
                }
            }
            Some(right) => {
                for at in (0..blocks).map(|block| block * per_block) {
                    let (right, dst) = (right.cast::<i16>().wrapping_add(at), dst.wrapping_add(at * 2 * BYTES));
                    // SAFETY: `frames` counts what is there in both, and the room.
                    let [a, b] = unsafe { s.interleave_16(left.wrapping_add(at), right) };
                    each!([(0, a), (vector, b)], |(at, x)| {
                        let x = if L::SWAPPED { s.swap::<BYTES>(x) } else { x };
                        // SAFETY: as above.
                        unsafe { s.store_vector(x, dst.wrapping_add(at * BYTES)) };
                    });
                }
            }
        }
        self.skip::<BYTES>(blocks * per_block);
    }

    /// All frames.
    #[inline(always)]
    pub(super) fn scalar<L: Layout<BYTES>, const BYTES: usize>(self) {
        let convert = |x: T| L::store(x.plain::<L, BYTES>());
        let (samples, _) = self.dst.as_chunks_mut::<BYTES>();
        let Some(right) = self.right else {
            for (&x, sample) in self.left.iter().zip(samples) {
                *sample = convert(x);
            }
            return;
        };
        for ((&l, &r), frame) in self.left.iter().zip(right).zip(samples.as_chunks_mut::<2>().0) {
            *frame = [convert(l), convert(r)];
        }
    }
}
