//! SSSE3 and SSE4.1, for CPUs without AVX2, and for what is left over where there is AVX2.

use core::arch::x86_64::*;

use super::convert::rounding::{BELOW_1, HIGHEST_16, LOWEST_16, ZERO_16};
use super::simd::Simd;
use super::swapped::{SWAPPED_2, SWAPPED_4, narrowed, widened};

#[derive(Clone, Copy)]
pub(super) struct Sse41(());

impl Sse41 {
    /// # Safety
    /// The CPU must have SSSE3 and SSE4.1.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

#[inline(always)]
fn bytes(bytes: [u8; 16]) -> __m128i {
    instructions!(_mm_loadu_si128(bytes.as_ptr().cast()))
}

/// Floats, but 0 for what isn't a number.
#[inline(always)]
fn number(x: __m128i) -> __m128 {
    instructions!({
        let x = _mm_castsi128_ps(x);
        _mm_and_ps(x, _mm_cmpord_ps(x, x))
    })
}

impl Simd for Sse41 {
    type V = __m128i;

    const BLOCK: usize = 16;

    #[inline(always)]
    fn splat(self, x: i32) -> __m128i {
        instructions!(_mm_set1_epi32(x))
    }

    #[inline(always)]
    fn add(self, a: __m128i, b: __m128i) -> __m128i {
        instructions!(_mm_add_epi32(a, b))
    }

    #[inline(always)]
    fn xor(self, a: __m128i, b: __m128i) -> __m128i {
        instructions!(_mm_xor_si128(a, b))
    }

    #[inline(always)]
    fn shift_left<const N: i32>(self, a: __m128i) -> __m128i {
        instructions!(_mm_slli_epi32::<N>(a))
    }

    #[inline(always)]
    fn shift_right_signed<const N: i32>(self, a: __m128i) -> __m128i {
        instructions!(_mm_srai_epi32::<N>(a))
    }

    #[inline(always)]
    fn clamp(self, a: __m128i, low: __m128i, high: __m128i) -> __m128i {
        instructions!(_mm_min_epi32(_mm_max_epi32(a, low), high))
    }

    #[inline(always)]
    fn odd(self, a: __m128i) -> __m128i {
        instructions!(_mm_srli_epi64::<32>(a))
    }

    #[inline(always)]
    fn multiply_high(self, a: __m128i, [b, odd]: [__m128i; 2]) -> __m128i {
        instructions!({
            let even = _mm_mul_epi32(a, b);
            let odd = _mm_mul_epi32(_mm_srli_epi64::<32>(a), odd);
            _mm_blend_epi16::<0b1100_1100>(_mm_srli_epi64::<32>(even), odd)
        })
    }

    #[inline(always)]
    fn multiply_rounded(self, a: __m128i, [b, odd]: [__m128i; 2]) -> __m128i {
        instructions!({
            let half = _mm_set1_epi64x(1 << 30);
            let even = _mm_add_epi64(_mm_mul_epi32(a, b), half);
            let odd = _mm_mul_epi32(_mm_srli_epi64::<32>(a), odd);
            let odd = _mm_add_epi64(odd, half);
            _mm_blend_epi16::<0b1100_1100>(_mm_srli_epi64::<31>(even), _mm_add_epi64(odd, odd))
        })
    }

    /// Rounding the first product to whole numbers and keeping what that takes away leaves room for carries in 16 bits.
    #[inline(always)]
    fn scale_16(self, sample: __m128i, [upper, twice, lower]: [__m128i; 3], noise: __m128i) -> __m128i {
        instructions!({
            let rounded = _mm_mulhrs_epi16(sample, upper);
            let rest = _mm_srai_epi16::<3>(_mm_mullo_epi16(sample, twice));
            let sum = _mm_add_epi16(_mm_mulhi_epi16(sample, lower), noise);
            _mm_adds_epi16(rounded, _mm_mulhrs_epi16(_mm_add_epi16(rest, sum), _mm_set1_epi16(4)))
        })
    }

    #[inline(always)]
    fn round_16(self, even: __m128i, odd: __m128i, noise: __m128i) -> __m128i {
        instructions!({
            let whole = _mm_blend_epi16::<0xaa>(_mm_srli_epi32::<16>(even), odd);
            let cut = _mm_blend_epi16::<0xaa>(even, _mm_slli_epi32::<16>(odd));
            let sum = _mm_add_epi16(_mm_srli_epi16::<3>(cut), noise);
            _mm_adds_epi16(whole, _mm_mulhrs_epi16(sum, _mm_set1_epi16(4)))
        })
    }

    #[inline(always)]
    fn round(self, x: __m128i, factor: f32, low: i32, high: i32) -> __m128i {
        instructions!({
            let product = _mm_mul_ps(number(x), _mm_set1_ps(factor));
            // What is too low becomes i32::MIN.
            let rounded = _mm_cvtps_epi32(_mm_min_ps(product, _mm_set1_ps(high as f32)));
            _mm_max_epi32(rounded, self.splat(low))
        })
    }

    #[inline(always)]
    fn round_to_32_bits(self, x: __m128i) -> __m128i {
        instructions!({
            let number = number(x);
            // What is too great becomes i32::MIN, whose complement is i32::MAX. Floats that aren't negative are ordered as integers.
            let too_great = _mm_cmpgt_epi32(_mm_castps_si128(number), self.splat(BELOW_1));
            _mm_xor_si128(_mm_cvtps_epi32(_mm_mul_ps(number, _mm_set1_ps(2_147_483_648.0))), too_great)
        })
    }

    #[inline(always)]
    fn upper_16(self, even: __m128i, odd: __m128i) -> __m128i {
        instructions!(_mm_blend_epi16::<0xaa>(_mm_srli_epi32::<16>(even), odd))
    }

    #[inline(always)]
    fn round_to_16_bits(self, even: __m128i, odd: __m128i) -> __m128i {
        instructions!({
            let [even, odd] = each!([even, odd], |x| {
                let sum = _mm_castps_si128(_mm_add_ps(number(x), _mm_set1_ps(ZERO_16)));
                self.clamp(sum, self.splat(LOWEST_16), self.splat(HIGHEST_16))
            });
            _mm_blend_epi16::<0xaa>(even, _mm_slli_epi32::<16>(odd))
        })
    }

    #[inline(always)]
    unsafe fn load<const BYTES: usize>(self, src: *const i32) -> [__m128i; 4] {
        instructions!(each!([0, 4, 8, 12], |n| _mm_loadu_si128(src.add(n).cast())))
    }

    #[inline(always)]
    unsafe fn load_two<const BYTES: usize>(self, left: *const i32, right: *const i32) -> [__m128i; 4] {
        instructions!({
            let planes = each!([left, right], |plane| each!([0, 4], |n| _mm_loadu_si128(plane.add(n).cast())));
            let [[l, m], [r, t]] = planes;
            [_mm_unpacklo_epi32(l, r), _mm_unpackhi_epi32(l, r), _mm_unpacklo_epi32(m, t), _mm_unpackhi_epi32(m, t)]
        })
    }

    #[inline(always)]
    unsafe fn load_by_turns(self, src: *const i32) -> [__m128i; 2] {
        instructions!({
            let [a, b] = each!([0, 4], |n| _mm_castsi128_ps(_mm_loadu_si128(src.add(n).cast())));
            let (even, odd) = (_mm_shuffle_ps::<0b10_00_10_00>(a, b), _mm_shuffle_ps::<0b11_01_11_01>(a, b));
            each!([even, odd], |x| _mm_castps_si128(x))
        })
    }

    #[inline(always)]
    unsafe fn load_16<const BYTES: usize>(self, src: *const i16) -> [__m128i; 4] {
        instructions!({
            let zero = _mm_setzero_si128();
            let [a, b] = each!([0, 8], |n| _mm_loadu_si128(src.add(n).cast()));
            [
                _mm_unpacklo_epi16(zero, a),
                _mm_unpackhi_epi16(zero, a),
                _mm_unpacklo_epi16(zero, b),
                _mm_unpackhi_epi16(zero, b),
            ]
        })
    }

    #[inline(always)]
    unsafe fn load_two_16<const BYTES: usize>(self, left: *const i16, right: *const i16) -> [__m128i; 4] {
        instructions!({
            let zero = _mm_setzero_si128();
            let [l, r] = each!([left, right], |plane| _mm_loadu_si128(plane.cast()));
            let (a, b) = (_mm_unpacklo_epi16(l, r), _mm_unpackhi_epi16(l, r));
            [
                _mm_unpacklo_epi16(zero, a),
                _mm_unpackhi_epi16(zero, a),
                _mm_unpacklo_epi16(zero, b),
                _mm_unpackhi_epi16(zero, b),
            ]
        })
    }

    #[inline(always)]
    unsafe fn interleave_16(self, left: *const i16, right: *const i16) -> [__m128i; 2] {
        instructions!({
            let [l, r] = each!([left, right], |plane| _mm_loadu_si128(plane.cast()));
            [_mm_unpacklo_epi16(l, r), _mm_unpackhi_epi16(l, r)]
        })
    }

    #[inline(always)]
    fn swap<const BYTES: usize>(self, x: __m128i) -> __m128i {
        instructions!(_mm_shuffle_epi8(x, bytes(if BYTES == 2 { SWAPPED_2 } else { SWAPPED_4 })))
    }

    #[inline(always)]
    unsafe fn load_wire<const BYTES: usize, const SWAPPED: bool>(self, src: *const u8) -> [__m128i; 4] {
        instructions!(match BYTES {
            3 => {
                let [a, b, c] = each!([0, 16, 32], |n| _mm_loadu_si128(src.add(n).cast()));
                let (low, high) = (bytes(const { widened(0, SWAPPED) }), bytes(const { widened(4, SWAPPED) }));
                [
                    _mm_shuffle_epi8(a, low),
                    _mm_shuffle_epi8(_mm_alignr_epi8::<12>(b, a), low),
                    _mm_shuffle_epi8(_mm_alignr_epi8::<8>(c, b), low),
                    _mm_shuffle_epi8(c, high),
                ]
            }
            _ => {
                let [a, b, c, d] = self.load::<BYTES>(src.cast());
                each!([a, b, c, d], |x| if SWAPPED { self.swap::<BYTES>(x) } else { x })
            }
        })
    }

    #[inline(always)]
    unsafe fn load_vector(self, src: *const u8) -> __m128i {
        instructions!(_mm_loadu_si128(src.cast()))
    }

    #[inline(always)]
    unsafe fn store_vector(self, x: __m128i, dst: *mut u8) {
        instructions!(_mm_storeu_si128(dst.cast(), x));
    }

    #[inline(always)]
    unsafe fn store_twins_16(self, x: __m128i, dst: *mut u8) {
        instructions!({
            _mm_storeu_si128(dst.cast(), _mm_unpacklo_epi16(x, x));
            _mm_storeu_si128(dst.add(16).cast(), _mm_unpackhi_epi16(x, x));
        });
    }

    #[inline(always)]
    unsafe fn store<const BYTES: usize, const SWAPPED: bool>(self, samples: [__m128i; 4], dst: *mut u8) {
        instructions!({
            let [a, b, c, d] = samples;
            match BYTES {
                3 => {
                    // Twelve bytes of each: the first to the front, the others to where they are wanted.
                    let a = _mm_shuffle_epi8(a, bytes(const { narrowed(0, SWAPPED) }));
                    let b = _mm_shuffle_epi8(b, bytes(const { narrowed(4, SWAPPED) }));
                    let c = _mm_shuffle_epi8(c, bytes(const { narrowed(8, SWAPPED) }));
                    let d = _mm_shuffle_epi8(d, bytes(const { narrowed(12, SWAPPED) }));
                    _mm_storeu_si128(dst.cast(), _mm_blend_epi16::<0b1100_0000>(a, b));
                    _mm_storeu_si128(dst.add(16).cast(), _mm_blend_epi16::<0b1111_0000>(b, c));
                    _mm_storeu_si128(dst.add(32).cast(), _mm_blend_epi16::<0b1111_1100>(c, d));
                }
                _ => {
                    each!([(0, a), (16, b), (32, c), (48, d)], |(n, x)| {
                        _mm_storeu_si128(dst.add(n).cast(), if SWAPPED { self.swap::<BYTES>(x) } else { x });
                    });
                }
            }
        });
    }
}
