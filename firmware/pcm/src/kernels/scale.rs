//! Gain, for whatever instruction set: samples of the wire times a gain each, dithered.
//!
//! A constant gain, a ramp and silence are the same instructions: there is a gain for every sample.

use core::hint::black_box;

use super::convert::noise_and_rounding;
use super::simd::Simd;
use crate::Tpdf;
use crate::layout::Layout;

/// Where samples come from, what each is multiplied with (Q31, at most [`MOST`]), and where they go: all of one length, or
/// else what is longer isn't touched.
pub(super) struct Job<'a> {
    pub(super) src: &'a [u8],
    pub(super) gains: &'a [i32],
    pub(super) dst: &'a mut [u8],
    pub(super) noise: Tpdf,
}

/// Bits behind the point of a gain.
const FRACTION: u32 = 31;

/// The greatest gain that samples are multiplied with: 2^-30 below unity. So neither the product of a 32-bit sample with
/// the noise leaves 63 bits, nor the result 32.
pub(crate) const MOST: u32 = (1 << 31) - 2;

impl Job<'_> {
    fn samples<const BYTES: usize>(&self) -> usize {
        self.gains.len().min(self.src.len() / BYTES).min(self.dst.len() / BYTES)
    }

    fn skip<const BYTES: usize>(&mut self, samples: usize) {
        self.src = self.src.get(samples * BYTES..).unwrap_or_default();
        self.gains = self.gains.get(samples..).unwrap_or_default();
        self.dst = core::mem::take(&mut self.dst).get_mut(samples * BYTES..).unwrap_or_default();
        self.noise.advance(samples as u32);
    }

    /// All blocks that there are.
    #[inline(always)]
    pub(super) fn blocks<S: Simd, L: Layout<BYTES>, const BYTES: usize>(&mut self, s: S) {
        let blocks = self.samples::<BYTES>() / S::BLOCK;
        let (src, gains, dst) = (self.src.as_ptr(), self.gains.as_ptr(), self.dst.as_mut_ptr());
        let first = s.splat(self.noise.position() as i32);
        let step = s.splat(S::BLOCK as i32);
        // The compiler would make several shifts of one multiplication.
        let unit = s.splat(black_box(1 << (FRACTION - 16)));
        let [a, b, c, d] = s.positions::<BYTES>();
        let mut positions = each!([a, b, c, d], |n| s.add(first, n));
        for block in 0..blocks {
            let at = block * S::BLOCK;
            // SAFETY: `samples` counts what is there.
            let [a, b, c, d] = unsafe { s.load_wire::<BYTES>(src.wrapping_add(at * BYTES)) };
            // SAFETY: and how many gains there are.
            let [e, f, g, h] = unsafe { s.load::<BYTES>(gains.wrapping_add(at)) };
            let [p, q, r, t] = positions;
            positions = each!([p, q, r, t], |position| s.add(position, step));
            let scaled = each!([(a, e, p), (b, f, q), (c, g, r), (d, h, t)], |(x, gain, position)| {
                // ALSA lets the topmost byte of S24_LE be anything.
                let x = if L::BITS == 24 && BYTES == 4 { s.shift_right_signed::<8>(s.shift_left::<8>(x)) } else { x };
                let x = s.scale(x, gain, noise_and_rounding(s, position), unit);
                if L::BITS == 24 { s.clamp(x, s.splat(L::MIN), s.splat(L::MAX)) } else { x }
            });
            // SAFETY: `samples` counts the room, too.
            unsafe { s.store::<BYTES>(scaled, dst.wrapping_add(at * BYTES)) };
        }
        self.skip::<BYTES>(blocks * S::BLOCK);
    }

    /// All samples.
    #[inline(always)]
    pub(super) fn scalar<L: Layout<BYTES>, const BYTES: usize>(self) {
        let (src, _) = self.src.as_chunks::<BYTES>();
        let (dst, _) = self.dst.as_chunks_mut::<BYTES>();
        for (((n, &src), &gain), dst) in (0..).zip(src).zip(self.gains).zip(dst) {
            *dst = L::store(scaled::<L, BYTES>(L::load(src), gain, self.noise.at(n)));
        }
    }
}

/// `sample * gain`, rounded to nearest after `noise` (in 1/65536 LSB) is added, limited to the layout's range.
#[inline]
fn scaled<L: Layout<BYTES>, const BYTES: usize>(sample: i32, gain: i32, noise: i32) -> i32 {
    let product = i64::from(sample) * i64::from(gain);
    let noise_and_half = i64::from(noise + Tpdf::LSB / 2) << (FRACTION - 16);
    ((product + noise_and_half) >> FRACTION).clamp(i64::from(L::MIN), i64::from(L::MAX)) as i32
}
