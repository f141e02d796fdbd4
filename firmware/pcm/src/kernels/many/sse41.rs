//! SSSE3 and SSE4.1: one lane.

use core::arch::x86_64::*;

use super::super::simd::Simd as _;
use super::super::sse41::Sse41;
use super::{Lanes, NUMBERS, numbers};

impl Lanes for Sse41 {
    #[inline(always)]
    unsafe fn vector(self, src: *const i32) -> __m128i {
        instructions!(_mm_loadu_si128(src.cast()))
    }

    #[inline(always)]
    unsafe fn vector_16(self, src: *const i16) -> __m128i {
        instructions!(_mm_unpacklo_epi16(_mm_setzero_si128(), _mm_loadl_epi64(src.cast())))
    }

    #[inline(always)]
    fn zip(self, a: __m128i, b: __m128i) -> [__m128i; 2] {
        instructions!([_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b)])
    }

    #[inline(always)]
    fn zip_16(self, a: __m128i, b: __m128i) -> [__m128i; 2] {
        instructions!([_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b)])
    }

    #[inline(always)]
    fn halves<const A: u8, const B: u8>(self, a: __m128i, b: __m128i) -> __m128i {
        instructions!({
            let (a, b) = (_mm_castsi128_pd(a), _mm_castsi128_pd(b));
            _mm_castpd_si128(match (A, B) {
                (0, 0) => _mm_shuffle_pd::<0b00>(a, b),
                (0, _) => _mm_shuffle_pd::<0b10>(a, b),
                (_, 0) => _mm_shuffle_pd::<0b01>(a, b),
                _ => _mm_shuffle_pd::<0b11>(a, b),
            })
        })
    }

    #[inline(always)]
    fn seconds(self, a: __m128i) -> __m128i {
        instructions!(_mm_srli_epi64::<32>(a))
    }

    #[inline(always)]
    fn numbers(self, left: bool, swapped: bool) -> __m128i {
        instructions!(_mm_loadu_si128(numbers(NUMBERS, left, swapped).as_ptr().cast()))
    }

    #[inline(always)]
    unsafe fn store_lane<const BYTES: usize, const SWAPPED: bool, const L: i32>(
        self,
        a: __m128i,
        b: __m128i,
        numbers: __m128i,
        dst: *mut u8,
        last: bool,
    ) {
        instructions!(match BYTES {
            2 => {
                let x = _mm_packs_epi32(a, b);
                _mm_storeu_si128(dst.cast(), if SWAPPED { self.swap::<BYTES>(x) } else { x });
            }
            3 => {
                let [a, b] = each!([a, b], |x| _mm_shuffle_epi8(x, numbers));
                _mm_storeu_si128(dst.cast(), a);
                if last {
                    _mm_storeu_si128(dst.add(8).cast(), _mm_alignr_epi8::<12>(b, a));
                } else {
                    _mm_storeu_si128(dst.add(12).cast(), b);
                }
            }
            _ => {
                each!([(0, a), (16, b)], |(n, x)| {
                    _mm_storeu_si128(dst.add(n).cast(), if SWAPPED { self.swap::<BYTES>(x) } else { x });
                });
            }
        });
    }
}
