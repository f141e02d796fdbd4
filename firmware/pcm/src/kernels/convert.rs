//! From a source's sample to the wire's integer: justified, rounded, dithered. Each conversion is written twice, for one
//! sample and for vectors, side by side: they agree bit for bit.

use super::simd::Simd;
use crate::dither::{NARROW, WIDE};
use crate::layout::{Layout, S32};

/// A sample that decoders hand out. Integers are left-justified.
pub(crate) trait Sample: Copy {
    /// What unused room is filled with.
    const ZERO: Self;
    const BITS: u32;
    const IS_FLOAT: bool;

    /// Rounded to nearest (floats) or cut off (integers), which is lossless if the wire has the source's bits.
    fn plain<L: Layout<BYTES>, const BYTES: usize>(self) -> i32;
    /// Rounded to nearest after `noise` (in LSB, [`NARROW`] bits of it behind the point) is added, and limited. The wire has at
    /// most 24 bits.
    fn dithered<L: Layout<BYTES>, const BYTES: usize>(self, noise: i32) -> i32;

    /// # Safety
    /// As [`Simd::load`].
    unsafe fn load<S: Simd, const BYTES: usize>(s: S, src: *const Self) -> [S::V; 4];
    /// # Safety
    /// As [`Simd::load_two`].
    unsafe fn load_two<S: Simd, const BYTES: usize>(s: S, left: *const Self, right: *const Self) -> [S::V; 4];
}

impl Sample for i16 {
    const ZERO: Self = 0;
    const BITS: u32 = 16;
    const IS_FLOAT: bool = false;

    #[inline]
    fn plain<L: Layout<BYTES>, const BYTES: usize>(self) -> i32 {
        (i32::from(self) << 16).plain::<L, BYTES>()
    }

    #[inline]
    fn dithered<L: Layout<BYTES>, const BYTES: usize>(self, noise: i32) -> i32 {
        (i32::from(self) << 16).dithered::<L, BYTES>(noise)
    }

    #[inline(always)]
    unsafe fn load<S: Simd, const BYTES: usize>(s: S, src: *const Self) -> [S::V; 4] {
        // SAFETY: the caller's.
        unsafe { s.load_16::<BYTES>(src) }
    }

    #[inline(always)]
    unsafe fn load_two<S: Simd, const BYTES: usize>(s: S, left: *const Self, right: *const Self) -> [S::V; 4] {
        // SAFETY: the caller's.
        unsafe { s.load_two_16::<BYTES>(left, right) }
    }
}

impl Sample for i32 {
    const ZERO: Self = 0;
    const BITS: u32 = 32;
    const IS_FLOAT: bool = false;

    #[inline]
    fn plain<L: Layout<BYTES>, const BYTES: usize>(self) -> i32 {
        self >> (32 - L::BITS)
    }

    #[inline]
    fn dithered<L: Layout<BYTES>, const BYTES: usize>(self, noise: i32) -> i32 {
        let sum = if L::BITS == 16 {
            let fraction = (self & 0xffff) >> (16 - NARROW);
            (self >> 16) + ((fraction + noise + (1 << (NARROW - 1))) >> NARROW)
        } else {
            ((self >> (8 - WIDE)) + (noise >> (NARROW - WIDE)) + (1 << (WIDE - 1))) >> WIDE
        };
        sum.clamp(L::MIN, L::MAX)
    }

    #[inline(always)]
    unsafe fn load<S: Simd, const BYTES: usize>(s: S, src: *const Self) -> [S::V; 4] {
        // SAFETY: the caller's.
        unsafe { s.load::<BYTES>(src) }
    }

    #[inline(always)]
    unsafe fn load_two<S: Simd, const BYTES: usize>(s: S, left: *const Self, right: *const Self) -> [S::V; 4] {
        // SAFETY: the caller's.
        unsafe { s.load_two::<BYTES>(left, right) }
    }
}

impl Sample for f32 {
    const ZERO: Self = 0.0;
    const BITS: u32 = 32;
    const IS_FLOAT: bool = true;

    /// From ±1.0 to the layout's range. What lies outside is limited, and what isn't a number becomes silence.
    #[inline]
    fn plain<L: Layout<BYTES>, const BYTES: usize>(self) -> i32 {
        to_nearest(scaled::<L, BYTES>(self).max(f64::from(L::MIN)).min(f64::from(L::MAX)))
    }

    /// Taken to integers first, of 32 bits if the wire has 16. Of 24 bits [`WIDE`] more are kept, limited so that the noise has
    /// room.
    #[inline]
    fn dithered<L: Layout<BYTES>, const BYTES: usize>(self, noise: i32) -> i32 {
        if L::BITS == 16 {
            return self.plain::<S32, 4>().dithered::<L, BYTES>(noise);
        }
        let lsb = f64::from(1 << WIDE);
        let (low, high) = (f64::from(L::MIN + 1) * lsb, f64::from(L::MAX - 1) * lsb);
        let x = to_nearest((scaled::<L, BYTES>(self) * lsb).max(low).min(high));
        (x + (noise >> (NARROW - WIDE)) + (1 << (WIDE - 1))) >> WIDE
    }

    #[inline(always)]
    unsafe fn load<S: Simd, const BYTES: usize>(s: S, src: *const Self) -> [S::V; 4] {
        // SAFETY: the caller's.
        unsafe { s.load::<BYTES>(src.cast()) }
    }

    #[inline(always)]
    unsafe fn load_two<S: Simd, const BYTES: usize>(s: S, left: *const Self, right: *const Self) -> [S::V; 4] {
        // SAFETY: the caller's.
        unsafe { s.load_two::<BYTES>(left.cast(), right.cast()) }
    }
}

/// What x86 rounds floats by.
#[cfg(target_arch = "x86_64")]
pub(super) mod rounding {
    /// Between 256 and 512 a float counts 2^-15, so that what is added to this is rounded to 16 bits, ties to even, and found in
    /// its lower half. What is too great or too little is so as an integer, too.
    pub(in crate::kernels) const ZERO_16: f32 = 384.0;
    pub(in crate::kernels) const LOWEST_16: i32 = ZERO_16.to_bits() as i32 - (1 << 15);
    pub(in crate::kernels) const HIGHEST_16: i32 = ZERO_16.to_bits() as i32 + (1 << 15) - 1;

    /// The greatest float below 1, as an integer.
    pub(in crate::kernels) const BELOW_1: i32 = 1.0_f32.to_bits() as i32 - 1;
}

/// A float in LSBs of the layout; exact, as that is a power of two.
#[inline]
fn scaled<L: Layout<BYTES>, const BYTES: usize>(sample: f32) -> f64 {
    if sample.is_nan() { 0.0 } else { f64::from(sample) * -f64::from(L::MIN) }
}

/// The nearest integer of a number below 2^31, ties to even.
#[inline]
fn to_nearest(x: f64) -> i32 {
    /// Adding this to a number below 2^51 leaves its nearest integer in the low bits of the mantissa.
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    (x + ROUND).to_bits() as i32
}

/// [`Sample::plain`] of a vector. Where the wire has 16 bits, [`plain_16`] does it with less, but for three planes or more.
#[inline(always)]
pub(super) fn plain<S: Simd, T: Sample, L: Layout<BYTES>, const BYTES: usize>(s: S, x: S::V) -> S::V {
    match (T::IS_FLOAT, L::BITS) {
        (false, 16) => s.shift_right_signed::<16>(x),
        (false, 24) => s.shift_right_signed::<8>(x),
        (false, _) => x,
        (true, 32) => s.round_to_32_bits(x),
        (true, _) => s.round(x, -(L::MIN as f32), L::MIN, L::MAX),
    }
}

/// [`Sample::plain`] to 16 bits of samples of 32 bits of even and odd places, by turns.
#[inline(always)]
pub(super) fn plain_16<S: Simd, T: Sample>(s: S, even: S::V, odd: S::V) -> S::V {
    if T::IS_FLOAT { s.round_to_16_bits(even, odd) } else { s.upper_16(even, odd) }
}

/// A vector of samples of 32 bits as left-justified integers.
#[inline(always)]
pub(super) fn left_justified<S: Simd, T: Sample>(s: S, x: S::V) -> S::V {
    if T::IS_FLOAT { s.round_to_32_bits(x) } else { x }
}

/// [`Sample::dithered`] of a vector, to 24 bits; the noise has [`WIDE`] bits behind the point. To 16 bits it is
/// [`Simd::round_16`].
#[inline(always)]
pub(super) fn dithered<S: Simd, T: Sample, L: Layout<BYTES>, const BYTES: usize>(s: S, x: S::V, noise: S::V) -> S::V {
    let rounding = s.add(noise, s.splat(1 << (WIDE - 1)));
    if T::IS_FLOAT {
        let x = s.round(x, -(L::MIN as f32) * (1 << WIDE) as f32, (L::MIN + 1) << WIDE, (L::MAX - 1) << WIDE);
        return s.shift_right_signed::<7>(s.add(x, rounding));
    }
    let sum = s.shift_right_signed::<7>(s.add(s.shift_right_signed::<1>(x), rounding));
    s.clamp(sum, s.splat(L::MIN), s.splat(L::MAX))
}
