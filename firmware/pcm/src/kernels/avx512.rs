//! AVX-512 with VBMI, which permutes single bytes over two whole vectors: samples are in order everywhere.

use core::arch::x86_64::*;

use super::convert::rounding::{HIGHEST_16, LOWEST_16, ZERO_16};
use super::simd::Simd;
use super::swapped::{SWAPPED_2, SWAPPED_4};

#[derive(Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The CPU must have AVX-512 F, BW and VBMI.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

/// Lanes or bytes for a permutation.
macro_rules! table {
    ($type:ty, $length:literal, |$n:ident| $entry:expr) => {{
        static TABLE: [$type; $length] = {
            let mut table = [0; $length];
            let mut $n = 0;
            while $n < $length {
                table[$n] = $entry as $type;
                $n += 1;
            }
            table
        };
        _mm512_loadu_si512(TABLE.as_ptr().cast())
    }};
}

/// The upper three bytes of each sample.
const UPPER: u64 = 0xeeee_eeee_eeee_eeee;

/// The byte of a pair of vectors which hold the samples from `first` on, that is byte `n` on the wire of three-byte samples.
const fn packed_from(n: usize, first: usize, swapped: bool) -> usize {
    (n / 3 - first) * 4 + if swapped { 2 - n % 3 } else { n % 3 }
}

/// The byte of the wire, from byte `first` on, that is byte `n` of a vector of samples. The lowest of four is shifted out.
const fn wide_from(n: usize, first: usize, swapped: bool) -> usize {
    let byte = match n % 4 {
        0 => 0,
        byte if swapped => 3 - byte,
        byte => byte - 1,
    };
    n / 4 * 3 + byte + first
}

impl Simd for Avx512 {
    type V = __m512i;

    const BLOCK: usize = 64;

    /// On a Zen 4, which does 64 bytes in two halves, 16 bits take 1.2 times AVX2's time, and 32 bits 1.1 times; of 24 bits AVX2's
    /// noise takes too many loads.
    #[inline(always)]
    fn wins_at_steady_gain(self, bits: u32) -> bool {
        bits == 24
    }

    #[inline(always)]
    fn splat(self, x: i32) -> __m512i {
        instructions!(_mm512_set1_epi32(x))
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        instructions!(_mm512_add_epi32(a, b))
    }

    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        instructions!(_mm512_xor_si512(a, b))
    }

    #[inline(always)]
    fn shift_left<const N: i32>(self, a: __m512i) -> __m512i {
        instructions!(_mm512_sll_epi32(a, _mm_cvtsi32_si128(N)))
    }

    #[inline(always)]
    fn shift_right_signed<const N: i32>(self, a: __m512i) -> __m512i {
        instructions!(_mm512_sra_epi32(a, _mm_cvtsi32_si128(N)))
    }

    #[inline(always)]
    fn clamp(self, a: __m512i, low: __m512i, high: __m512i) -> __m512i {
        instructions!(_mm512_min_epi32(_mm512_max_epi32(a, low), high))
    }

    #[inline(always)]
    fn odd(self, a: __m512i) -> __m512i {
        instructions!(_mm512_srli_epi64::<32>(a))
    }

    #[inline(always)]
    fn multiply_high(self, a: __m512i, [b, odd]: [__m512i; 2]) -> __m512i {
        instructions!({
            let even = _mm512_mul_epi32(a, b);
            let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(a), odd);
            _mm512_mask_shuffle_epi32::<0b11_11_01_01>(odd, 0x5555, even)
        })
    }

    #[inline(always)]
    fn multiply_rounded(self, a: __m512i, [b, odd]: [__m512i; 2]) -> __m512i {
        instructions!({
            let half = _mm512_set1_epi64(1 << 30);
            let even = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
            let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(a), odd);
            let odd = _mm512_add_epi64(odd, half);
            _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64::<31>(even), _mm512_add_epi64(odd, odd))
        })
    }

    /// Rounding the first product to whole numbers and keeping what that takes away leaves room for carries in 16 bits.
    #[inline(always)]
    fn scale_16(self, sample: __m512i, [upper, twice, lower]: [__m512i; 3], noise: __m512i) -> __m512i {
        instructions!({
            let rounded = _mm512_mulhrs_epi16(sample, upper);
            let rest = _mm512_srai_epi16::<3>(_mm512_mullo_epi16(sample, twice));
            let sum = _mm512_add_epi16(_mm512_mulhi_epi16(sample, lower), noise);
            _mm512_adds_epi16(rounded, _mm512_mulhrs_epi16(_mm512_add_epi16(rest, sum), _mm512_set1_epi16(4)))
        })
    }

    #[inline(always)]
    fn round_16(self, even: __m512i, odd: __m512i, noise: __m512i) -> __m512i {
        instructions!({
            let whole = _mm512_mask_mov_epi16(_mm512_srli_epi32::<16>(even), 0xaaaa_aaaa, odd);
            let cut = _mm512_mask_mov_epi16(even, 0xaaaa_aaaa, _mm512_slli_epi32::<16>(odd));
            let sum = _mm512_add_epi16(_mm512_srli_epi16::<3>(cut), noise);
            _mm512_adds_epi16(whole, _mm512_mulhrs_epi16(sum, _mm512_set1_epi16(4)))
        })
    }

    #[inline(always)]
    fn round(self, x: __m512i, factor: f32, low: i32, high: i32) -> __m512i {
        instructions!({
            let x = _mm512_castsi512_ps(x);
            let product = _mm512_maskz_mul_ps(_mm512_cmp_ps_mask::<_CMP_ORD_Q>(x, x), x, _mm512_set1_ps(factor));
            // What is too low becomes i32::MIN.
            let rounded = _mm512_cvtps_epi32(_mm512_min_ps(product, _mm512_set1_ps(high as f32)));
            _mm512_max_epi32(rounded, _mm512_set1_epi32(low))
        })
    }

    #[inline(always)]
    fn round_to_32_bits(self, x: __m512i) -> __m512i {
        instructions!({
            let x = _mm512_castsi512_ps(x);
            let number = _mm512_cmp_ps_mask::<_CMP_ORD_Q>(x, x);
            let too_great = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, _mm512_set1_ps(1.0));
            let rounded = _mm512_cvtps_epi32(_mm512_maskz_mul_ps(number, x, _mm512_set1_ps(2_147_483_648.0)));
            _mm512_mask_blend_epi32(too_great, rounded, _mm512_set1_epi32(i32::MAX))
        })
    }

    #[inline(always)]
    fn upper_16(self, even: __m512i, odd: __m512i) -> __m512i {
        instructions!(_mm512_mask_mov_epi16(_mm512_srli_epi32::<16>(even), 0xaaaa_aaaa, odd))
    }

    #[inline(always)]
    fn round_to_16_bits(self, even: __m512i, odd: __m512i) -> __m512i {
        instructions!({
            let [even, odd] = each!([even, odd], |x| {
                let (x, zero) = (_mm512_castsi512_ps(x), _mm512_set1_ps(ZERO_16));
                let sum = _mm512_mask_add_ps(zero, _mm512_cmp_ps_mask::<_CMP_ORD_Q>(x, x), x, zero);
                self.clamp(_mm512_castps_si512(sum), self.splat(LOWEST_16), self.splat(HIGHEST_16))
            });
            _mm512_mask_mov_epi16(even, 0xaaaa_aaaa, _mm512_slli_epi32::<16>(odd))
        })
    }

    #[inline(always)]
    unsafe fn load<const BYTES: usize>(self, src: *const i32) -> [__m512i; 4] {
        instructions!(each!([0, 16, 32, 48], |n| _mm512_loadu_si512(src.add(n).cast())))
    }

    #[inline(always)]
    unsafe fn load_two<const BYTES: usize>(self, left: *const i32, right: *const i32) -> [__m512i; 4] {
        instructions!({
            let low = table!(i32, 16, |n| n / 2 + n % 2 * 16);
            let high = table!(i32, 16, |n| n / 2 + n % 2 * 16 + 8);
            let [[l, m], [r, t]] =
                each!([left, right], |plane| each!([0, 16], |n| _mm512_loadu_si512(plane.add(n).cast())));
            [
                _mm512_permutex2var_epi32(l, low, r),
                _mm512_permutex2var_epi32(l, high, r),
                _mm512_permutex2var_epi32(m, low, t),
                _mm512_permutex2var_epi32(m, high, t),
            ]
        })
    }

    #[inline(always)]
    unsafe fn load_by_turns(self, src: *const i32) -> [__m512i; 2] {
        instructions!({
            let [a, b] = each!([0, 16], |n| _mm512_loadu_si512(src.add(n).cast()));
            let (even, odd) = (table!(i32, 16, |n| 2 * n), table!(i32, 16, |n| 2 * n + 1));
            each!([even, odd], |places| _mm512_permutex2var_epi32(a, places, b))
        })
    }

    #[inline(always)]
    unsafe fn load_16<const BYTES: usize>(self, src: *const i16) -> [__m512i; 4] {
        instructions!(each!([0, 16, 32, 48], |n| {
            _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(_mm256_loadu_si256(src.add(n).cast())))
        }))
    }

    #[inline(always)]
    unsafe fn load_two_16<const BYTES: usize>(self, left: *const i16, right: *const i16) -> [__m512i; 4] {
        instructions!({
            let [l, r] = each!([left, right], |plane| _mm512_loadu_si512(plane.cast()));
            let orders = [
                table!(i16, 32, |n| n / 4 + n / 2 % 2 * 32),
                table!(i16, 32, |n| n / 4 + n / 2 % 2 * 32 + 8),
                table!(i16, 32, |n| n / 4 + n / 2 % 2 * 32 + 16),
                table!(i16, 32, |n| n / 4 + n / 2 % 2 * 32 + 24),
            ];
            let [a, b, c, d] = orders;
            each!([a, b, c, d], |order| _mm512_maskz_permutex2var_epi16(0xaaaa_aaaa, l, order, r))
        })
    }

    #[inline(always)]
    unsafe fn interleave_16(self, left: *const i16, right: *const i16) -> [__m512i; 2] {
        instructions!({
            let [l, r] = each!([left, right], |plane| _mm512_loadu_si512(plane.cast()));
            let low = table!(i16, 32, |n| n / 2 + n % 2 * 32);
            let high = table!(i16, 32, |n| n / 2 + n % 2 * 32 + 16);
            [_mm512_permutex2var_epi16(l, low, r), _mm512_permutex2var_epi16(l, high, r)]
        })
    }

    #[inline(always)]
    fn swap<const BYTES: usize>(self, x: __m512i) -> __m512i {
        instructions!({
            let bytes = if BYTES == 2 { SWAPPED_2 } else { SWAPPED_4 };
            _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(_mm_loadu_si128(bytes.as_ptr().cast())))
        })
    }

    #[inline(always)]
    unsafe fn load_wire<const BYTES: usize, const SWAPPED: bool>(self, src: *const u8) -> [__m512i; 4] {
        instructions!(match BYTES {
            3 => {
                // The last of the vectors must not reach beyond the end: it begins 16 bytes early.
                let (order, last) = if SWAPPED {
                    (table!(u8, 64, |n| wide_from(n, 0, true)), table!(u8, 64, |n| wide_from(n, 16, true)))
                } else {
                    (table!(u8, 64, |n| wide_from(n, 0, false)), table!(u8, 64, |n| wide_from(n, 16, false)))
                };
                each!([(0, order), (48, order), (96, order), (128, last)], |(n, order)| {
                    _mm512_maskz_permutexvar_epi8(UPPER, order, _mm512_loadu_si512(src.add(n).cast()))
                })
            }
            _ => {
                let [a, b, c, d] = self.load::<BYTES>(src.cast());
                each!([a, b, c, d], |x| if SWAPPED { self.swap::<BYTES>(x) } else { x })
            }
        })
    }

    #[inline(always)]
    unsafe fn load_vector(self, src: *const u8) -> __m512i {
        instructions!(_mm512_loadu_si512(src.cast()))
    }

    #[inline(always)]
    unsafe fn store_vector(self, x: __m512i, dst: *mut u8) {
        instructions!(_mm512_storeu_si512(dst.cast(), x));
    }

    #[inline(always)]
    unsafe fn store_twins_16(self, x: __m512i, dst: *mut u8) {
        instructions!({
            let (low, high) = (table!(i16, 32, |n| n / 2), table!(i16, 32, |n| n / 2 + 16));
            _mm512_storeu_si512(dst.cast(), _mm512_permutexvar_epi16(low, x));
            _mm512_storeu_si512(dst.add(64).cast(), _mm512_permutexvar_epi16(high, x));
        });
    }

    #[inline(always)]
    unsafe fn store<const BYTES: usize, const SWAPPED: bool>(self, samples: [__m512i; 4], dst: *mut u8) {
        instructions!({
            let [a, b, c, d] = samples;
            match BYTES {
                3 => {
                    let [k, l, m] = if SWAPPED {
                        [
                            table!(u8, 64, |n| packed_from(n, 0, true)),
                            table!(u8, 64, |n| packed_from(n + 64, 16, true)),
                            table!(u8, 64, |n| packed_from(n + 128, 32, true)),
                        ]
                    } else {
                        [
                            table!(u8, 64, |n| packed_from(n, 0, false)),
                            table!(u8, 64, |n| packed_from(n + 64, 16, false)),
                            table!(u8, 64, |n| packed_from(n + 128, 32, false)),
                        ]
                    };
                    let first = _mm512_permutex2var_epi8(a, k, b);
                    let second = _mm512_permutex2var_epi8(b, l, c);
                    let third = _mm512_permutex2var_epi8(c, m, d);
                    each!([(0, first), (64, second), (128, third)], |(n, x)| {
                        _mm512_storeu_si512(dst.add(n).cast(), x);
                    });
                }
                _ => {
                    each!([(0, a), (64, b), (128, c), (192, d)], |(n, x)| {
                        _mm512_storeu_si512(dst.add(n).cast(), if SWAPPED { self.swap::<BYTES>(x) } else { x });
                    });
                }
            }
        });
    }
}
