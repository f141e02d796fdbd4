//! From a source's sample to the wire's integer: justified, rounded, dithered. Each conversion is written twice, for one
//! sample and for vectors, side by side: they agree bit for bit.

use super::simd::Simd;
use crate::Tpdf;
use crate::layout::Layout;

/// One half in [`Tpdf`]'s unit: what is added so that cutting off rounds.
const HALF: i32 = Tpdf::LSB / 2;

/// A sample that decoders hand out. Integers are left-justified.
pub(crate) trait Sample: Copy {
    /// What unused room is filled with.
    const ZERO: Self;
    const BITS: u32;
    const IS_FLOAT: bool;

    /// Rounded to nearest (floats) or cut off (integers), which is lossless if the wire has the source's bits.
    fn plain<L: Layout<BYTES>, const BYTES: usize>(self) -> i32;
    /// Rounded to nearest after `noise` (in 1/65536 LSB) is added. The wire has at most 24 bits.
    fn dithered<L: Layout<BYTES>, const BYTES: usize>(self, noise: i32) -> i32;

    /// # Safety
    /// As [`Simd::load`]; 16 bits aren't loaded for 2 bytes.
    unsafe fn load<S: Simd, const BYTES: usize>(s: S, src: *const Self) -> [S::V; 4];
    /// # Safety
    /// As [`Simd::load_two`]; 16 bits aren't loaded for 2 bytes.
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
        let cut = 32 - L::BITS;
        let fraction = self << (16 - cut.min(16)) & 0xffff;
        ((self >> cut) + ((fraction + noise + HALF) >> 16)).clamp(L::MIN, L::MAX)
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

    /// Taken to 32 bits first, which is 1/256 LSB of 24, and limited so that the noise has room.
    #[inline]
    fn dithered<L: Layout<BYTES>, const BYTES: usize>(self, noise: i32) -> i32 {
        let lsb = f64::from(1 << (32 - L::BITS));
        let (low, high) = (f64::from(L::MIN + 1) * lsb, f64::from(L::MAX - 1) * lsb);
        to_nearest((scaled::<L, BYTES>(self) * lsb).max(low).min(high)).dithered::<L, BYTES>(noise)
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

/// [`Sample::plain`] of a vector. Where the wire has 16 bits, [`Simd::store`] limits.
#[inline(always)]
pub(super) fn plain<S: Simd, T: Sample, L: Layout<BYTES>, const BYTES: usize>(s: S, x: S::V) -> S::V {
    match (T::IS_FLOAT, L::BITS) {
        (false, 16) => s.shift_right_signed::<16>(x),
        (false, 24) => s.shift_right_signed::<8>(x),
        (false, _) => x,
        (true, 32) => s.round_to_32_bits(x),
        (true, _) => s.round(s.limited_product(x, -(L::MIN as f32), L::MIN as f32, L::MAX as f32)),
    }
}

/// [`Sample::dithered`] of a vector. Where the wire has 16 bits, [`Simd::store`] limits.
#[inline(always)]
pub(super) fn dithered<S: Simd, T: Sample, L: Layout<BYTES>, const BYTES: usize>(
    s: S,
    x: S::V,
    position: S::V,
) -> S::V {
    let x = if T::IS_FLOAT {
        let lsb = (1 << (32 - L::BITS)) as f32;
        let (low, high) = ((L::MIN + 1) as f32 * lsb, (L::MAX - 1) as f32 * lsb);
        s.round(s.limited_product(x, 2_147_483_648.0, low, high))
    } else {
        x
    };
    let rounding = noise_and_rounding(s, position);
    if T::IS_FLOAT {
        // They are limited, and leave room for the sum.
        return if L::BITS == 16 {
            s.shift_right_signed::<16>(s.add(x, rounding))
        } else {
            s.shift_right_signed::<8>(s.add(x, s.shift_right_signed::<8>(rounding)))
        };
    }
    let (whole, fraction) = if L::BITS == 16 {
        (s.shift_right_signed::<16>(x), s.low_half(x))
    } else {
        (s.shift_right_signed::<8>(x), s.low_half(s.shift_left::<8>(x)))
    };
    let sum = s.add(whole, s.shift_right_signed::<16>(s.add(fraction, rounding)));
    if L::BITS == 16 { sum } else { s.clamp(sum, s.splat(L::MIN), s.splat(L::MAX)) }
}

/// [`Tpdf::at`] of a vector of positions, plus [`HALF`].
#[inline(always)]
pub(super) fn noise_and_rounding<S: Simd>(s: S, position: S::V) -> S::V {
    let x = s.multiply(position, s.splat(Tpdf::FIRST as i32));
    let x = s.multiply(s.xor(x, s.shift_right::<15>(x)), s.splat(Tpdf::SECOND as i32));
    s.difference_of_halves_and_rounding(x)
}
