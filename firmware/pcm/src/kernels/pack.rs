//! Packing, for whatever instruction set: one plane, or two that take turns.
//!
//! Each function does whole blocks and says how many frames that were; what is left over is the next one's, the last is
//! the scalar one, which does everything.

use super::convert::{Sample, dithered, plain};
use super::simd::Simd;
use crate::Tpdf;
use crate::layout::Layout;

/// Where samples come from, and where they go.
pub(super) struct Job<'a, T> {
    pub(super) left: &'a [T],
    /// As long as `left`, or else what is longer isn't touched. Without it there is one channel.
    pub(super) right: Option<&'a [T]>,
    pub(super) dst: &'a mut [u8],
    pub(super) noise: Tpdf,
    /// Both channels of a frame get the same noise, as they are the same.
    pub(super) twins: bool,
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
        self.noise.advance(if self.twins { frames } else { samples } as u32);
    }

    /// All blocks that there are.
    #[inline(always)]
    pub(super) fn blocks<S: Simd, L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>(&mut self, s: S) {
        // No plan has it.
        if T::BITS == 16 && DITHER {
            return;
        }
        // Samples lie on the wire as they do in memory.
        if !T::IS_FLOAT && T::BITS == 16 && L::BITS == 16 {
            return self.unchanged(s);
        }
        let per_block = S::BLOCK / self.channels();
        let blocks = self.frames::<BYTES>() / per_block;
        let (left, dst) = (self.left.as_ptr(), self.dst.as_mut_ptr());
        let (mut positions, step) = self.positions::<S, BYTES>(s);
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
            let samples = if DITHER {
                let [p, q, r, t] = positions;
                positions = each!([p, q, r, t], |position| s.add(position, step));
                each!([(a, p), (b, q), (c, r), (d, t)], |(x, position)| dithered::<S, T, L, BYTES>(s, x, position))
            } else {
                each!([a, b, c, d], |x| plain::<S, T, L, BYTES>(s, x))
            };
            // SAFETY: `frames` counts the room, too.
            unsafe { s.store::<BYTES>(samples, dst.wrapping_add(block * S::BLOCK * BYTES)) };
        }
        self.skip::<BYTES>(blocks * per_block);
    }

    /// All blocks of 16-bit samples as they are.
    #[inline(always)]
    fn unchanged<S: Simd>(&mut self, s: S) {
        const BYTES: usize = 2;
        let per_block = S::BLOCK / self.channels();
        let blocks = self.frames::<BYTES>() / per_block;
        let (left, dst) = (self.left.as_ptr().cast::<i16>(), self.dst.as_mut_ptr());
        match self.right.map(<[T]>::as_ptr) {
            // SAFETY: `frames` counts what is there, and the room.
            None => unsafe { dst.copy_from_nonoverlapping(left.cast(), blocks * per_block * BYTES) },
            Some(right) => {
                for block in 0..blocks {
                    let at = block * per_block;
                    let dst = dst.wrapping_add(block * S::BLOCK * BYTES);
                    // SAFETY: `frames` counts what is there in both, and the room.
                    unsafe { s.interleave_16(left.wrapping_add(at), right.cast::<i16>().wrapping_add(at), dst) };
                }
            }
        }
        self.skip::<BYTES>(blocks * per_block);
    }

    /// The noise's position of each sample of the first block, and what a block adds to it.
    #[inline(always)]
    fn positions<S: Simd, const BYTES: usize>(&self, s: S) -> ([S::V; 4], S::V) {
        let first = s.splat(self.noise.position() as i32);
        let [a, b, c, d] = s.positions::<BYTES>();
        if self.twins {
            (each!([a, b, c, d], |n| s.add(first, s.shift_right::<1>(n))), s.splat(S::BLOCK as i32 / 2))
        } else {
            (each!([a, b, c, d], |n| s.add(first, n)), s.splat(S::BLOCK as i32))
        }
    }

    /// All frames.
    #[inline(always)]
    pub(super) fn scalar<L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>(self) {
        let noise = self.noise;
        let convert =
            |x: T, n| L::store(if DITHER { x.dithered::<L, BYTES>(noise.at(n)) } else { x.plain::<L, BYTES>() });
        let (samples, _) = self.dst.as_chunks_mut::<BYTES>();
        let Some(right) = self.right else {
            for ((n, &x), sample) in (0..).zip(self.left).zip(samples) {
                *sample = convert(x, n);
            }
            return;
        };
        let (frames, _) = samples.as_chunks_mut::<2>();
        for (((n, &l), &r), frame) in (0u32..).zip(self.left).zip(right).zip(frames) {
            let (of_left, of_right) =
                if self.twins { (n, n) } else { (n.wrapping_mul(2), n.wrapping_mul(2).wrapping_add(1)) };
            *frame = [convert(l, of_left), convert(r, of_right)];
        }
    }
}
