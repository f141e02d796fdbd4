//! AVX2, or with it VBMI of AVX-512: two lanes.

use core::arch::x86_64::*;

use super::super::avx2::Avx2;
use super::super::simd::Simd as _;
use super::{Lanes, NUMBERS, numbers};

/// As [`NUMBERS`], of two vectors' first lanes.
const NUMBERS_OF_BOTH: [u8; 32] = {
    let (mut numbers, mut n) = ([0; 32], 0);
    while n < 24 {
        numbers[n] = NUMBERS[n % 12] + if n < 12 { 0 } else { 32 };
        n += 1;
    }
    numbers
};

impl<const VBMI: bool> Lanes for Avx2<VBMI> {
    #[inline(always)]
    unsafe fn vector(self, src: *const i32) -> __m256i {
        instructions!(_mm256_loadu_si256(src.cast()))
    }

    #[inline(always)]
    unsafe fn vector_16(self, src: *const i16) -> __m256i {
        instructions!(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(_mm_loadu_si128(src.cast()))))
    }

    #[inline(always)]
    fn zip(self, a: __m256i, b: __m256i) -> [__m256i; 2] {
        instructions!([_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)])
    }

    #[inline(always)]
    fn zip_16(self, a: __m256i, b: __m256i) -> [__m256i; 2] {
        instructions!([_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)])
    }

    #[inline(always)]
    fn halves<const A: u8, const B: u8>(self, a: __m256i, b: __m256i) -> __m256i {
        instructions!({
            let (a, b) = (_mm256_castsi256_pd(a), _mm256_castsi256_pd(b));
            _mm256_castpd_si256(match (A, B) {
                (0, 0) => _mm256_shuffle_pd::<0b0000>(a, b),
                (0, _) => _mm256_shuffle_pd::<0b1010>(a, b),
                (_, 0) => _mm256_shuffle_pd::<0b0101>(a, b),
                _ => _mm256_shuffle_pd::<0b1111>(a, b),
            })
        })
    }

    #[inline(always)]
    fn seconds(self, a: __m256i) -> __m256i {
        instructions!(_mm256_srli_epi64::<32>(a))
    }

    #[inline(always)]
    fn numbers(self, left: bool, swapped: bool) -> __m256i {
        instructions!(if VBMI {
            _mm256_loadu_si256(numbers(NUMBERS_OF_BOTH, left, swapped).as_ptr().cast())
        } else {
            _mm256_broadcastsi128_si256(_mm_loadu_si128(numbers(NUMBERS, left, swapped).as_ptr().cast()))
        })
    }

    #[inline(always)]
    unsafe fn store_lane<const BYTES: usize, const SWAPPED: bool, const L: i32>(
        self,
        a: __m256i,
        b: __m256i,
        numbers: __m256i,
        dst: *mut u8,
        last: bool,
    ) {
        instructions!(match BYTES {
            2 => {
                let x = _mm256_packs_epi32(a, b);
                let x = if SWAPPED { self.swap::<BYTES>(x) } else { x };
                _mm_storeu_si128(dst.cast(), _mm256_extracti128_si256::<L>(x));
            }
            3 if VBMI => {
                let numbers = _mm256_add_epi8(numbers, _mm256_set1_epi8(L as i8 * 16));
                let both = _mm256_permutex2var_epi8(a, numbers, b);
                if last {
                    _mm_storeu_si128(dst.cast(), _mm256_castsi256_si128(both));
                    _mm_storel_epi64(dst.add(16).cast(), _mm256_extracti128_si256::<1>(both));
                } else {
                    _mm256_storeu_si256(dst.cast(), both);
                }
            }
            3 => {
                let [a, b] = each!([a, b], |x| _mm256_shuffle_epi8(x, numbers));
                _mm_storeu_si128(dst.cast(), _mm256_extracti128_si256::<L>(a));
                if last {
                    let joined = _mm256_alignr_epi8::<12>(b, a);
                    _mm_storeu_si128(dst.add(8).cast(), _mm256_extracti128_si256::<L>(joined));
                } else {
                    _mm_storeu_si128(dst.add(12).cast(), _mm256_extracti128_si256::<L>(b));
                }
            }
            _ => {
                let both = if L == 0 {
                    _mm256_permute2x128_si256::<0x20>(a, b)
                } else {
                    _mm256_permute2x128_si256::<0x31>(a, b)
                };
                _mm256_storeu_si256(dst.cast(), if SWAPPED { self.swap::<BYTES>(both) } else { both });
            }
        });
    }
}
