//! AVX2. Its shuffles stay within halves of 16 bytes, so the orders of a block are those that need no crossing, or cross
//! while loading and storing.

use core::arch::x86_64::*;

use super::convert::rounding::{BELOW_1, HIGHEST_16, LOWEST_16, ZERO_16};
use super::simd::Simd;
use super::swapped::{SWAPPED_2, SWAPPED_4, narrowed, widened};

/// `VBMI`: where the CPU has VBMI and VL of AVX-512, too.
#[derive(Clone, Copy)]
pub(super) struct Avx2<const VBMI: bool = false>(());

impl<const VBMI: bool> Avx2<VBMI> {
    /// # Safety
    /// The CPU must have AVX2, and what `VBMI` says.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

/// Two halves of 16 bytes, `a` and `b` samples on from `src`.
macro_rules! halves {
    ($src:expr, $a:expr, $b:expr) => {
        _mm256_loadu2_m128i($src.add($b).cast(), $src.add($a).cast())
    };
}

#[inline(always)]
fn twice(bytes: [u8; 16]) -> __m256i {
    instructions!(_mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())))
}

/// Floats, but 0 for what isn't a number.
#[inline(always)]
fn number(x: __m256i) -> __m256 {
    instructions!({
        let x = _mm256_castsi256_ps(x);
        _mm256_and_ps(x, _mm256_cmp_ps::<_CMP_ORD_Q>(x, x))
    })
}

impl<const VBMI: bool> Simd for Avx2<VBMI> {
    type V = __m256i;

    const BLOCK: usize = 32;

    #[inline(always)]
    fn splat(self, x: i32) -> __m256i {
        instructions!(_mm256_set1_epi32(x))
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        instructions!(_mm256_add_epi32(a, b))
    }

    #[inline(always)]
    fn xor(self, a: __m256i, b: __m256i) -> __m256i {
        instructions!(_mm256_xor_si256(a, b))
    }

    #[inline(always)]
    fn shift_left<const N: i32>(self, a: __m256i) -> __m256i {
        instructions!(_mm256_slli_epi32::<N>(a))
    }

    #[inline(always)]
    fn shift_right_signed<const N: i32>(self, a: __m256i) -> __m256i {
        instructions!(_mm256_srai_epi32::<N>(a))
    }

    #[inline(always)]
    fn clamp(self, a: __m256i, low: __m256i, high: __m256i) -> __m256i {
        instructions!(_mm256_min_epi32(_mm256_max_epi32(a, low), high))
    }

    #[inline(always)]
    fn odd(self, a: __m256i) -> __m256i {
        instructions!(_mm256_srli_epi64::<32>(a))
    }

    #[inline(always)]
    fn multiply_high(self, a: __m256i, [b, odd]: [__m256i; 2]) -> __m256i {
        instructions!({
            let even = _mm256_mul_epi32(a, b);
            let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(a), odd);
            _mm256_blend_epi32::<0xaa>(_mm256_srli_epi64::<32>(even), odd)
        })
    }

    #[inline(always)]
    fn multiply_rounded(self, a: __m256i, [b, odd]: [__m256i; 2]) -> __m256i {
        instructions!({
            let half = _mm256_set1_epi64x(1 << 30);
            let even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
            let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(a), odd);
            let odd = _mm256_add_epi64(odd, half);
            _mm256_blend_epi32::<0xaa>(_mm256_srli_epi64::<31>(even), _mm256_add_epi64(odd, odd))
        })
    }

    /// Rounding the first product to whole numbers and keeping what that takes away leaves room for carries in 16 bits.
    #[inline(always)]
    fn scale_16(self, sample: __m256i, [upper, twice, lower]: [__m256i; 3], noise: __m256i) -> __m256i {
        instructions!({
            let rounded = _mm256_mulhrs_epi16(sample, upper);
            let rest = _mm256_srai_epi16::<3>(_mm256_mullo_epi16(sample, twice));
            let sum = _mm256_add_epi16(_mm256_mulhi_epi16(sample, lower), noise);
            _mm256_adds_epi16(rounded, _mm256_mulhrs_epi16(_mm256_add_epi16(rest, sum), _mm256_set1_epi16(4)))
        })
    }

    #[inline(always)]
    fn round_16(self, even: __m256i, odd: __m256i, noise: __m256i) -> __m256i {
        instructions!({
            let whole = _mm256_blend_epi16::<0xaa>(_mm256_srli_epi32::<16>(even), odd);
            let cut = _mm256_blend_epi16::<0xaa>(even, _mm256_slli_epi32::<16>(odd));
            let sum = _mm256_add_epi16(_mm256_srli_epi16::<3>(cut), noise);
            _mm256_adds_epi16(whole, _mm256_mulhrs_epi16(sum, _mm256_set1_epi16(4)))
        })
    }

    #[inline(always)]
    fn round(self, x: __m256i, factor: f32, low: i32, high: i32) -> __m256i {
        instructions!({
            let product = _mm256_mul_ps(number(x), _mm256_set1_ps(factor));
            // What is too low becomes i32::MIN.
            let rounded = _mm256_cvtps_epi32(_mm256_min_ps(product, _mm256_set1_ps(high as f32)));
            _mm256_max_epi32(rounded, self.splat(low))
        })
    }

    #[inline(always)]
    fn round_to_32_bits(self, x: __m256i) -> __m256i {
        instructions!({
            let number = number(x);
            // What is too great becomes i32::MIN, whose complement is i32::MAX. Floats that aren't negative are ordered as integers.
            let too_great = _mm256_cmpgt_epi32(_mm256_castps_si256(number), self.splat(BELOW_1));
            _mm256_xor_si256(_mm256_cvtps_epi32(_mm256_mul_ps(number, _mm256_set1_ps(2_147_483_648.0))), too_great)
        })
    }

    #[inline(always)]
    fn upper_16(self, even: __m256i, odd: __m256i) -> __m256i {
        instructions!(_mm256_blend_epi16::<0xaa>(_mm256_srli_epi32::<16>(even), odd))
    }

    #[inline(always)]
    fn round_to_16_bits(self, even: __m256i, odd: __m256i) -> __m256i {
        instructions!({
            let [even, odd] = each!([even, odd], |x| {
                let sum = _mm256_castps_si256(_mm256_add_ps(number(x), _mm256_set1_ps(ZERO_16)));
                self.clamp(sum, self.splat(LOWEST_16), self.splat(HIGHEST_16))
            });
            _mm256_blend_epi16::<0xaa>(even, _mm256_slli_epi32::<16>(odd))
        })
    }

    /// 3 bytes: 0-3 and 8-11, 4-7 and 12-15 (which is what unpacking makes), and so on from 16. 4 bytes: as they come.
    #[inline(always)]
    unsafe fn load<const BYTES: usize>(self, src: *const i32) -> [__m256i; 4] {
        instructions!(match BYTES {
            3 => [halves!(src, 0, 8), halves!(src, 4, 12), halves!(src, 16, 24), halves!(src, 20, 28)],
            _ => each!([0, 8, 16, 24], |n| _mm256_loadu_si256(src.add(n).cast())),
        })
    }

    #[inline(always)]
    unsafe fn load_two<const BYTES: usize>(self, left: *const i32, right: *const i32) -> [__m256i; 4] {
        instructions!({
            let planes = each!([left, right], |plane| match BYTES {
                3 => [_mm256_loadu_si256(plane.cast()), _mm256_loadu_si256(plane.add(8).cast())],
                _ => each!([0, 8], |n| _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_loadu_si256(
                    plane.add(n).cast()
                ))),
            });
            let [[l, m], [r, t]] = planes;
            [
                _mm256_unpacklo_epi32(l, r),
                _mm256_unpackhi_epi32(l, r),
                _mm256_unpacklo_epi32(m, t),
                _mm256_unpackhi_epi32(m, t),
            ]
        })
    }

    #[inline(always)]
    unsafe fn load_by_turns(self, src: *const i32) -> [__m256i; 2] {
        instructions!({
            let [a, b] = each!([halves!(src, 0, 8), halves!(src, 4, 12)], |x| _mm256_castsi256_ps(x));
            let (even, odd) = (_mm256_shuffle_ps::<0b10_00_10_00>(a, b), _mm256_shuffle_ps::<0b11_01_11_01>(a, b));
            each!([even, odd], |x| _mm256_castps_si256(x))
        })
    }

    #[inline(always)]
    unsafe fn load_16<const BYTES: usize>(self, src: *const i16) -> [__m256i; 4] {
        instructions!({
            let zero = _mm256_setzero_si256();
            if BYTES == 3 {
                let [a, b] = each!([0, 16], |n| _mm256_loadu_si256(src.add(n).cast()));
                [
                    _mm256_unpacklo_epi16(zero, a),
                    _mm256_unpackhi_epi16(zero, a),
                    _mm256_unpacklo_epi16(zero, b),
                    _mm256_unpackhi_epi16(zero, b),
                ]
            } else {
                each!([0, 8, 16, 24], |n| {
                    _mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(_mm_loadu_si128(src.add(n).cast())))
                })
            }
        })
    }

    #[inline(always)]
    unsafe fn load_two_16<const BYTES: usize>(self, left: *const i16, right: *const i16) -> [__m256i; 4] {
        instructions!({
            let zero = _mm256_setzero_si256();
            let [l, r] = each!([left, right], |plane| {
                let plane = _mm256_loadu_si256(plane.cast());
                // To where both steps of unpacking leave them in the order that is wanted.
                if BYTES == 3 {
                    _mm256_permute4x64_epi64::<0b11_01_10_00>(plane)
                } else {
                    _mm256_permutevar8x32_epi32(plane, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7))
                }
            });
            let (a, b) = (_mm256_unpacklo_epi16(l, r), _mm256_unpackhi_epi16(l, r));
            [
                _mm256_unpacklo_epi16(zero, a),
                _mm256_unpackhi_epi16(zero, a),
                _mm256_unpacklo_epi16(zero, b),
                _mm256_unpackhi_epi16(zero, b),
            ]
        })
    }

    #[inline(always)]
    unsafe fn interleave_16(self, left: *const i16, right: *const i16) -> [__m256i; 2] {
        instructions!({
            let [l, r] = each!([left, right], |plane| _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_loadu_si256(
                plane.cast()
            )));
            [_mm256_unpacklo_epi16(l, r), _mm256_unpackhi_epi16(l, r)]
        })
    }

    #[inline(always)]
    fn swap<const BYTES: usize>(self, x: __m256i) -> __m256i {
        instructions!(_mm256_shuffle_epi8(x, twice(if BYTES == 2 { SWAPPED_2 } else { SWAPPED_4 })))
    }

    #[inline(always)]
    unsafe fn load_wire<const BYTES: usize, const SWAPPED: bool>(self, src: *const u8) -> [__m256i; 4] {
        instructions!(match BYTES {
            3 => {
                // The second of each pair begins 4 bytes early, so that none reaches beyond the end.
                let (low, high) = (twice(const { widened(0, SWAPPED) }), twice(const { widened(4, SWAPPED) }));
                each!([(0, low), (8, high), (48, low), (56, high)], |(n, order)| {
                    _mm256_shuffle_epi8(halves!(src, n, n + 24), order)
                })
            }
            _ => {
                let [a, b, c, d] = self.load::<BYTES>(src.cast());
                each!([a, b, c, d], |x| if SWAPPED { self.swap::<BYTES>(x) } else { x })
            }
        })
    }

    #[inline(always)]
    unsafe fn load_vector(self, src: *const u8) -> __m256i {
        instructions!(_mm256_loadu_si256(src.cast()))
    }

    #[inline(always)]
    unsafe fn store_vector(self, x: __m256i, dst: *mut u8) {
        instructions!(_mm256_storeu_si256(dst.cast(), x));
    }

    #[inline(always)]
    unsafe fn store_twins_16(self, x: __m256i, dst: *mut u8) {
        instructions!({
            let x = _mm256_permute4x64_epi64::<0b11_01_10_00>(x);
            _mm256_storeu_si256(dst.cast(), _mm256_unpacklo_epi16(x, x));
            _mm256_storeu_si256(dst.add(32).cast(), _mm256_unpackhi_epi16(x, x));
        });
    }

    #[inline(always)]
    unsafe fn store<const BYTES: usize, const SWAPPED: bool>(self, samples: [__m256i; 4], dst: *mut u8) {
        instructions!({
            let [a, b, c, d] = samples;
            match BYTES {
                3 => {
                    // Samples 0-3 and 8-11, and 4-7 and 12-15, become 12 bytes in each half, so that 48 bytes are in place but for
                    // 16 in the middle, whose first half is in the lower one of `middle`, the other in the upper one.
                    let order = [
                        const { [narrowed(0, SWAPPED), narrowed(8, SWAPPED)] },
                        const { [narrowed(4, SWAPPED), narrowed(12, SWAPPED)] },
                    ];
                    let [even, odd] = each!([0, 1], |n| _mm256_loadu_si256(order[n].as_ptr().cast()));
                    let [(first, middle), (last, other)] = each!([(a, b), (c, d)], |(x, y)| {
                        let (x, y) = (_mm256_shuffle_epi8(x, even), _mm256_shuffle_epi8(y, odd));
                        (_mm256_blend_epi32::<0b1110_1000>(x, y), _mm256_blend_epi32::<0b0000_0011>(x, y))
                    });
                    let [to_end, to_begin] = [
                        _mm256_permute4x64_epi64::<0b11_00_00_00>(middle),
                        _mm256_permute4x64_epi64::<0b11_00_11_00>(other),
                    ];
                    let vectors = [
                        _mm256_blend_epi32::<0b1111_0000>(first, to_end),
                        _mm256_permute2x128_si256::<0x21>(first, last),
                        _mm256_blend_epi32::<0b1111_0000>(to_begin, last),
                    ];
                    each!([0, 1, 2], |n| _mm256_storeu_si256(dst.add(n * 32).cast(), vectors[n]));
                }
                _ => {
                    each!([(0, a), (32, b), (64, c), (96, d)], |(n, x)| {
                        _mm256_storeu_si256(dst.add(n).cast(), if SWAPPED { self.swap::<BYTES>(x) } else { x });
                    });
                }
            }
        });
    }
}
