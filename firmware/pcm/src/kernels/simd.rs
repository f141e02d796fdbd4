//! What a kernel needs of an instruction set.

use crate::layout::Layout;

/// An instruction set. Holding a value proves that the CPU has it.
///
/// A kernel works on *blocks* of four vectors, which hold the samples as 32-bit integers. In which order they lie in the
/// four is each instruction set's own affair, and depends on the bytes that a sample takes on the wire (`BYTES`): the one
/// in which they can be stored with the fewest shuffles.
///
/// What reads and writes memory takes pointers without an alignment. The caller promises that as much is there as a block
/// takes.
pub(crate) trait Simd: Copy {
    /// Samples, or floats in their place.
    type V: Copy;

    /// Samples in a block: four vectors.
    const BLOCK: usize;

    /// Whether a steady gain of samples of so many bits takes less time than with the next shorter vectors.
    #[inline(always)]
    fn wins_at_steady_gain(self, bits: u32) -> bool {
        let _ = bits;
        true
    }

    fn splat(self, x: i32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn xor(self, a: Self::V, b: Self::V) -> Self::V;
    fn shift_left<const N: i32>(self, a: Self::V) -> Self::V;
    /// The sign comes in.
    fn shift_right_signed<const N: i32>(self, a: Self::V) -> Self::V;
    fn clamp(self, a: Self::V, low: Self::V, high: Self::V) -> Self::V;
    /// What of a factor of the next two is wanted beside itself.
    fn odd(self, a: Self::V) -> Self::V;
    /// `(a * b) >> 32` in 64 bits, where `b` comes with its [`odd`](Self::odd).
    fn multiply_high(self, a: Self::V, b: [Self::V; 2]) -> Self::V;
    /// `(a * b + 2^30) >> 31` in 64 bits. `b` isn't negative.
    fn multiply_rounded(self, a: Self::V, b: [Self::V; 2]) -> Self::V;

    /// 16-bit integers: `(sample * upper >> 2) + (sample * lower >> 16) + noise`, rounded to a multiple of 2^13, divided by that
    /// and limited. `gain` is `upper` of 15 bits, twice that, and `lower` of 14 bits; `noise` is within ±2^13.
    fn scale_16(self, sample: Self::V, gain: [Self::V; 3], noise: Self::V) -> Self::V;
    /// 32-bit integers of even and odd places to 16-bit ones by turns: 13 bits of what is cut off and `noise`, which is within
    /// ±2^13, are rounded to a multiple of 2^13, and that many are added and limited.
    fn round_16(self, even: Self::V, odd: Self::V, noise: Self::V) -> Self::V;

    /// Floats times `factor` to integers, ties to even, limited to `low..=high`, which floats have exactly. What isn't a number
    /// becomes 0.
    fn round(self, x: Self::V, factor: f32, low: i32, high: i32) -> Self::V;
    /// Floats times 2^31 to integers, ties to even, limited to 32 bits. What isn't a number becomes 0.
    fn round_to_32_bits(self, x: Self::V) -> Self::V;
    /// The upper halves of 32-bit integers of even and odd places, by turns.
    fn upper_16(self, even: Self::V, odd: Self::V) -> Self::V;
    /// Floats of even and odd places times 2^15 to 16-bit integers by turns, ties to even, limited. What isn't a number becomes 0.
    fn round_to_16_bits(self, even: Self::V, odd: Self::V) -> Self::V;

    /// A block of 32-bit samples. `BYTES` isn't 2.
    unsafe fn load<const BYTES: usize>(self, src: *const i32) -> [Self::V; 4];
    /// A block of 32-bit samples, by turns of two planes. `BYTES` isn't 2.
    unsafe fn load_two<const BYTES: usize>(self, left: *const i32, right: *const i32) -> [Self::V; 4];
    /// Two vectors of 32-bit samples: those of even places, and those of odd ones.
    unsafe fn load_by_turns(self, src: *const i32) -> [Self::V; 2];
    /// As [`load`](Self::load), of 16-bit samples, which come to lie in the upper half. `BYTES` isn't 2.
    unsafe fn load_16<const BYTES: usize>(self, src: *const i16) -> [Self::V; 4];
    /// As [`load_two`](Self::load_two), of 16-bit samples, which come to lie in the upper half. `BYTES` isn't 2.
    unsafe fn load_two_16<const BYTES: usize>(self, left: *const i16, right: *const i16) -> [Self::V; 4];
    /// A vector of 16-bit samples of each of two planes as they are, by turns: two vectors.
    unsafe fn interleave_16(self, left: *const i16, right: *const i16) -> [Self::V; 2];
    /// The bytes of each sample of 2 or 4 in the other order.
    fn swap<const BYTES: usize>(self, x: Self::V) -> Self::V;
    /// A block as it is on the wire, where 3 bytes come to lie in the upper ones and the lowest is 0. `BYTES` isn't 2. `SWAPPED`: the
    /// highest byte of each sample comes first there.
    unsafe fn load_wire<const BYTES: usize, const SWAPPED: bool>(self, src: *const u8) -> [Self::V; 4];
    /// A vector of whatever.
    unsafe fn load_vector(self, src: *const u8) -> Self::V;
    /// A vector of whatever.
    unsafe fn store_vector(self, x: Self::V, dst: *mut u8);
    /// A vector of 16-bit samples, each twice.
    unsafe fn store_twins_16(self, x: Self::V, dst: *mut u8);
    /// Right-justified samples onto the wire, the lower 3 bytes of 4 as 3. `BYTES` isn't 2. `SWAPPED`: the highest byte of each comes
    /// first.
    unsafe fn store<const BYTES: usize, const SWAPPED: bool>(self, samples: [Self::V; 4], dst: *mut u8);

    /// [`load_wire`](Self::load_wire) in the wire's order of bytes.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn load_ordered<L: Layout<BYTES>, const BYTES: usize>(self, src: *const u8) -> [Self::V; 4] {
        if L::SWAPPED {
            // SAFETY: the caller's.
            unsafe { self.load_wire::<BYTES, true>(src) }
        } else {
            // SAFETY: the caller's.
            unsafe { self.load_wire::<BYTES, false>(src) }
        }
    }

    /// [`store`](Self::store) in the wire's order of bytes.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn store_ordered<L: Layout<BYTES>, const BYTES: usize>(self, samples: [Self::V; 4], dst: *mut u8) {
        if L::SWAPPED {
            // SAFETY: the caller's.
            unsafe { self.store::<BYTES, true>(samples, dst) }
        } else {
            // SAFETY: the caller's.
            unsafe { self.store::<BYTES, false>(samples, dst) }
        }
    }
}
