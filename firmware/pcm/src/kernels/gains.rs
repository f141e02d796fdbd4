//! How the vectors of a kernel come by their gains: one for all, those of a [`Room`](super::room::Room), or for two channels from the
//! slope itself, which costs less than to write them down first.

use core::hint::black_box;

use super::pairs::Pairs;
use super::room::{MOST, Slope};
use super::simd::Simd;

/// The gains of a block of samples, or of a vector of 16-bit ones.
pub(super) trait Gains<S: Simd> {
    /// For [`Simd::load_wire`]'s block from sample `at` on, each with its [`odd`](Simd::odd).
    ///
    /// # Safety
    /// The block must have gains.
    unsafe fn wide<const BYTES: usize>(&mut self, s: S, at: usize) -> [[S::V; 2]; 4];
    /// For the vector from sample `at` on, as [`Simd::scale_16`] takes it.
    ///
    /// # Safety
    /// The vector must have gains.
    unsafe fn narrow(&mut self, s: S, at: usize) -> [S::V; 3];
}

/// One for all.
pub(super) struct Steady<V> {
    wide: [V; 2],
    narrow: [V; 3],
    zero: V,
}

impl<V: Copy> Steady<V> {
    /// `gain` in Q31, and the same [`split`].
    #[inline(always)]
    pub(super) fn new<S: Simd<V = V>>(s: S, gain: i32) -> Self {
        let wide = s.splat(gain);
        let [upper, lower] = split(gain);
        // Else the compiler prepares factors outside of the loop and doesn't recognise the multiplication any more, or doubles
        // a product instead of its factor.
        let zero = s.splat(black_box(0));
        let [upper, lower] =
            each!([upper, lower], |part| s.xor(s.splat(black_box(i32::from(part) << 16 | i32::from(part))), zero));
        Self { wide: [wide, s.odd(wide)], narrow: [upper, s.xor(s.shift_left::<1>(upper), zero), lower], zero }
    }
}

impl<S: Simd> Gains<S> for Steady<S::V> {
    #[inline(always)]
    unsafe fn wide<const BYTES: usize>(&mut self, s: S, _: usize) -> [[S::V; 2]; 4] {
        let [even, odd] = self.wide;
        self.wide = each!([even, odd], |gain| s.xor(gain, self.zero));
        [self.wide; 4]
    }

    #[inline(always)]
    unsafe fn narrow(&mut self, _: S, _: usize) -> [S::V; 3] {
        self.narrow
    }
}

/// From a room: in Q31, and split.
pub(super) struct Prepared {
    pub(super) gains: *const i32,
    pub(super) upper: *const i16,
    pub(super) lower: *const i16,
}

impl<S: Simd> Gains<S> for Prepared {
    #[inline(always)]
    unsafe fn wide<const BYTES: usize>(&mut self, s: S, at: usize) -> [[S::V; 2]; 4] {
        // SAFETY: the caller's.
        let [a, b, c, d] = unsafe { s.load::<BYTES>(self.gains.wrapping_add(at)) };
        each!([a, b, c, d], |gain| [gain, s.odd(gain)])
    }

    #[inline(always)]
    unsafe fn narrow(&mut self, s: S, at: usize) -> [S::V; 3] {
        let [upper, lower] = each!([self.upper, self.lower], |part| {
            // SAFETY: the caller's.
            unsafe { s.load_vector(part.wrapping_add(at).cast()) }
        });
        [upper, s.shift_left::<1>(upper), lower]
    }
}

/// Frames of two channels in the longest block.
const FRAMES: usize = 32;

/// Two channels, from a whole frame on. 64 bits hold a frame's gain, whose upper 32 bits are the gain in Q31 of both samples.
pub(super) struct Paired {
    now: i64,
    step: i64,
    /// What a frame's gain lies above the first one's: of a block, and of a vector of 16-bit samples with those first that
    /// [`Pairs::upper_halves`] takes first.
    wide: [i64; FRAMES],
    narrow: [i64; FRAMES / 2],
}

impl Paired {
    #[inline(always)]
    pub(super) fn new<S: Simd>(_: S, slope: Slope) -> Self {
        const TO_Q63: u32 = 63 - Slope::FRACTION;
        let [now, step] = [slope.now, slope.step].map(|gain| gain << TO_Q63);
        let mut offsets = Self { now, step, wide: [0; FRAMES], narrow: [0; FRAMES / 2] };
        for (n, offset) in (0..).zip(&mut offsets.wide) {
            *offset = step.wrapping_mul(n);
        }
        let half = S::BLOCK / 8;
        for (n, offset) in offsets.narrow.iter_mut().enumerate() {
            let (second, place) = (n / half, n % half);
            *offset = step.wrapping_mul((place / 2 * 4 + second * 2 + place % 2) as i64);
        }
        offsets
    }

    /// The gain of the frame that sample `at` belongs to.
    #[inline(always)]
    fn at<S: Pairs>(&self, s: S, at: usize) -> S::V {
        s.splat_64(self.now.wrapping_add(self.step.wrapping_mul((at / 2) as i64)))
    }
}

impl<S: Pairs> Gains<S> for Paired {
    #[inline(always)]
    unsafe fn wide<const BYTES: usize>(&mut self, s: S, at: usize) -> [[S::V; 2]; 4] {
        let (now, most) = (self.at(s, at), s.splat(MOST as i32));
        // SAFETY: there are as many as the longest block has frames.
        let [a, b, c, d] = unsafe { s.load::<BYTES>(self.wide.as_ptr().cast()) };
        each!([a, b, c, d], |offset| [s.min_unsigned(s.upper_twice(s.add_64(now, offset)), most); 2])
    }

    #[inline(always)]
    unsafe fn narrow(&mut self, s: S, at: usize) -> [S::V; 3] {
        let now = self.at(s, at);
        let (first, second) = (self.narrow.as_ptr(), self.narrow.as_ptr().wrapping_add(S::BLOCK / 8));
        // SAFETY: there are as many as two vectors have frames.
        let [a, b] = each!([first, second], |from| unsafe { s.load_vector(from.cast()) });
        let gain = s.upper_halves(s.add_64(now, a), s.add_64(now, b));
        let [upper, lower] = s.split(s.min_unsigned(gain, s.splat(MOST as i32)));
        [upper, s.shift_left::<1>(upper), lower]
    }
}

/// A gain in Q31 for a 16-bit sample: the upper 15 bits behind the point, and the next 14.
#[inline(always)]
pub(super) const fn split(gain: i32) -> [i16; 2] {
    [(gain >> 16) as i16, ((gain & 0xffff) >> 2) as i16]
}
