//! What a ramp needs of an instruction set beyond what other kernels do: gains of 64 bits, each for a frame of two channels.

#[cfg(target_arch = "aarch64")]
use core::arch::aarch64::*;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::simd::Simd;
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512, sse41::Sse41};

/// Vectors of 64-bit integers.
pub(super) trait Pairs: Simd {
    fn splat_64(self, x: i64) -> Self::V;
    fn add_64(self, a: Self::V, b: Self::V) -> Self::V;
    /// The upper 32 bits of each, twice.
    fn upper_twice(self, a: Self::V) -> Self::V;
    /// In each 16 bytes the upper 32 bits of both of `a`, then of both of `b`.
    fn upper_halves(self, a: Self::V, b: Self::V) -> Self::V;
    /// Of unsigned 32-bit integers.
    fn min_unsigned(self, a: Self::V, b: Self::V) -> Self::V;
    /// Gains in Q31 as [`split`](super::gains::split) splits them, each part twice.
    fn split(self, gain: Self::V) -> [Self::V; 2];
}

/// The upper two of each four bytes, twice, and the lower two.
#[cfg(target_arch = "x86_64")]
const UPPER: [i8; 16] = [2, 3, 2, 3, 6, 7, 6, 7, 10, 11, 10, 11, 14, 15, 14, 15];
#[cfg(target_arch = "x86_64")]
const LOWER: [i8; 16] = [0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13];

#[cfg(target_arch = "x86_64")]
macro_rules! pairs {
    ([$($generics:tt)*] $set:ty, $vector:ty, $splat:ident, $add:ident, $pairs:ident, $to_floats:ident, $floats:ident,
     $from_floats:ident, $min:ident, $shuffle:ident, $shift:ident, |$bytes:ident| $load:expr) => {
        impl<$($generics)*> Pairs for $set {
            #[inline(always)]
            fn splat_64(self, x: i64) -> $vector {
                instructions!($splat(x))
            }

            #[inline(always)]
            fn add_64(self, a: $vector, b: $vector) -> $vector {
                instructions!($add(a, b))
            }

            #[inline(always)]
            fn upper_twice(self, a: $vector) -> $vector {
                instructions!($pairs::<0b11_11_01_01>(a))
            }

            #[inline(always)]
            fn upper_halves(self, a: $vector, b: $vector) -> $vector {
                instructions!($from_floats($floats::<0b11_01_11_01>($to_floats(a), $to_floats(b))))
            }

            #[inline(always)]
            fn min_unsigned(self, a: $vector, b: $vector) -> $vector {
                instructions!($min(a, b))
            }

            #[inline(always)]
            fn split(self, gain: $vector) -> [$vector; 2] {
                instructions!({
                    let [upper, lower] = each!([UPPER, LOWER], |bytes| {
                        let $bytes = _mm_loadu_si128(bytes.as_ptr().cast());
                        $shuffle(gain, $load)
                    });
                    [upper, $shift::<2>(lower)]
                })
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
pairs!([] Sse41, __m128i, _mm_set1_epi64x, _mm_add_epi64, _mm_shuffle_epi32, _mm_castsi128_ps, _mm_shuffle_ps,
    _mm_castps_si128, _mm_min_epu32, _mm_shuffle_epi8, _mm_srli_epi16, |bytes| bytes);
#[cfg(target_arch = "x86_64")]
pairs!([const VBMI: bool] Avx2<VBMI>, __m256i, _mm256_set1_epi64x, _mm256_add_epi64, _mm256_shuffle_epi32,
    _mm256_castsi256_ps, _mm256_shuffle_ps, _mm256_castps_si256, _mm256_min_epu32, _mm256_shuffle_epi8,
    _mm256_srli_epi16, |bytes| _mm256_broadcastsi128_si256(bytes));
#[cfg(target_arch = "x86_64")]
pairs!([] Avx512, __m512i, _mm512_set1_epi64, _mm512_add_epi64, _mm512_shuffle_epi32, _mm512_castsi512_ps,
    _mm512_shuffle_ps, _mm512_castps_si512, _mm512_min_epu32, _mm512_shuffle_epi8, _mm512_srli_epi16,
    |bytes| _mm512_broadcast_i32x4(bytes));

#[cfg(target_arch = "aarch64")]
impl Pairs for Neon {
    #[inline(always)]
    fn splat_64(self, x: i64) -> int32x4_t {
        instructions!(vreinterpretq_s32_s64(vdupq_n_s64(x)))
    }

    #[inline(always)]
    fn add_64(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        instructions!(vreinterpretq_s32_s64(vaddq_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b))))
    }

    #[inline(always)]
    fn upper_twice(self, a: int32x4_t) -> int32x4_t {
        instructions!(vtrn2q_s32(a, a))
    }

    #[inline(always)]
    fn upper_halves(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        instructions!(vuzp2q_s32(a, b))
    }

    #[inline(always)]
    fn min_unsigned(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        instructions!(vreinterpretq_s32_u32(vminq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b))))
    }

    #[inline(always)]
    fn split(self, gain: int32x4_t) -> [int32x4_t; 2] {
        instructions!({
            let gain = vreinterpretq_s16_s32(gain);
            let (upper, lower) = (vtrn2q_s16(gain, gain), vreinterpretq_u16_s16(vtrn1q_s16(gain, gain)));
            [vreinterpretq_s32_s16(upper), vreinterpretq_s32_u16(vshrq_n_u16::<2>(lower))]
        })
    }
}
