//! SSE4.1 and AVX2.
#![allow(unsafe_code, reason = "the instructions may be used because a value proves that they are there")]

use core::arch::x86_64::*;

use super::super::table::Row;
use super::Isa;

/// SSE4.1, and SSSE3, which comes with it: a row is two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Sse41(());

impl Sse41 {
    /// # Safety
    /// The CPU must have SSE4.1.
    pub(in super::super) const unsafe fn new() -> Self {
        Self(())
    }
}

impl Isa for Sse41 {
    type Sums = [__m128i; 2];

    #[inline(always)]
    fn load(self, row: &Row) -> Self::Sums {
        // SAFETY: the CPU has SSE4.1, says `self`.
        unsafe { sse41::load_row(row) }
    }

    #[inline(always)]
    fn store(self, sums: Self::Sums) -> Row {
        // SAFETY: both are 32 bytes of plain integers.
        unsafe { core::mem::transmute::<[__m128i; 2], Row>(sums) }
    }

    #[inline(always)]
    fn add(self, sums: Self::Sums, row: &Row) -> Self::Sums {
        // SAFETY: the CPU has SSE4.1, says `self`.
        unsafe { sse41::add(sums, row) }
    }

    #[inline(always)]
    fn take_first(self, sums: Self::Sums) -> (i32, Self::Sums) {
        // SAFETY: the CPU has SSE4.1, says `self`.
        unsafe { sse41::take_first(sums) }
    }

    #[inline(always)]
    fn take_last(self, sums: Self::Sums) -> (i32, Self::Sums) {
        // SAFETY: the CPU has SSE4.1, says `self`.
        unsafe { sse41::take_last(sums) }
    }

    #[inline(always)]
    fn dot<const N: usize>(self, a: &[i32; N], b: &[i32; N]) -> i64 {
        const { assert!(N.is_multiple_of(4)) };
        // SAFETY: the CPU has SSE4.1, says `self`.
        unsafe { sse41::dot(a.as_chunks().0, b.as_chunks().0) }
    }
}

mod sse41 {
    use super::*;

    #[target_feature(enable = "ssse3,sse4.1")]
    #[inline]
    fn load(values: &[i32; 4]) -> __m128i {
        // SAFETY: they are a vector long, and alignment isn't asked for.
        unsafe { _mm_loadu_si128(core::ptr::from_ref(values).cast()) }
    }

    #[target_feature(enable = "ssse3,sse4.1")]
    #[inline]
    pub(super) fn load_row(&[a, b, c, d, e, f, g, h]: &Row) -> [__m128i; 2] {
        [load(&[a, b, c, d]), load(&[e, f, g, h])]
    }

    #[target_feature(enable = "ssse3,sse4.1")]
    #[inline]
    pub(super) fn add([low, high]: [__m128i; 2], row: &Row) -> [__m128i; 2] {
        let [row_low, row_high] = load_row(row);
        [_mm_add_epi32(low, row_low), _mm_add_epi32(high, row_high)]
    }

    #[target_feature(enable = "ssse3,sse4.1")]
    #[inline]
    pub(super) fn take_first([low, high]: [__m128i; 2]) -> (i32, [__m128i; 2]) {
        (_mm_cvtsi128_si32(low), [_mm_alignr_epi8::<4>(high, low), _mm_srli_si128::<4>(high)])
    }

    #[target_feature(enable = "ssse3,sse4.1")]
    #[inline]
    pub(super) fn take_last([low, high]: [__m128i; 2]) -> (i32, [__m128i; 2]) {
        (_mm_extract_epi32::<3>(high), [_mm_slli_si128::<4>(low), _mm_alignr_epi8::<12>(high, low)])
    }

    #[target_feature(enable = "ssse3,sse4.1")]
    #[inline]
    pub(super) fn dot(a: &[[i32; 4]], b: &[[i32; 4]]) -> i64 {
        let (mut evens, mut odds) = (_mm_setzero_si128(), _mm_setzero_si128());
        for (a, b) in a.iter().zip(b) {
            let (a, b) = (load(a), load(b));
            // Products are made of the lower half of each 64 bits.
            evens = _mm_add_epi64(evens, _mm_mul_epi32(a, b));
            odds = _mm_add_epi64(odds, _mm_mul_epi32(_mm_srli_epi64::<32>(a), _mm_srli_epi64::<32>(b)));
        }
        let sums = _mm_add_epi64(evens, odds);
        _mm_cvtsi128_si64(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums)))
    }
}

/// AVX2: a row is one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The CPU must have AVX2, and the operating system must save its registers.
    pub(in super::super) const unsafe fn new() -> Self {
        Self(())
    }
}

impl Isa for Avx2 {
    type Sums = __m256i;

    #[inline(always)]
    fn load(self, row: &Row) -> __m256i {
        // SAFETY: the CPU has AVX2, says `self`.
        unsafe { avx2::load(row) }
    }

    #[inline(always)]
    fn store(self, sums: __m256i) -> Row {
        // SAFETY: both are 32 bytes of plain integers.
        unsafe { core::mem::transmute::<__m256i, Row>(sums) }
    }

    #[inline(always)]
    fn add(self, sums: __m256i, row: &Row) -> __m256i {
        // SAFETY: the CPU has AVX2, says `self`.
        unsafe { avx2::add(sums, row) }
    }

    #[inline(always)]
    fn take_first(self, sums: __m256i) -> (i32, __m256i) {
        // SAFETY: the CPU has AVX2, says `self`.
        unsafe { avx2::take_first(sums) }
    }

    #[inline(always)]
    fn take_last(self, sums: __m256i) -> (i32, __m256i) {
        // SAFETY: the CPU has AVX2, says `self`.
        unsafe { avx2::take_last(sums) }
    }

    #[inline(always)]
    fn dot<const N: usize>(self, a: &[i32; N], b: &[i32; N]) -> i64 {
        const { assert!(N.is_multiple_of(8)) };
        // SAFETY: the CPU has AVX2, says `self`.
        unsafe { avx2::dot(a.as_chunks().0, b.as_chunks().0) }
    }
}

mod avx2 {
    use super::*;

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn load(values: &[i32; 8]) -> __m256i {
        // SAFETY: they are a vector long, and alignment isn't asked for.
        unsafe { _mm256_loadu_si256(core::ptr::from_ref(values).cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn add(sums: __m256i, row: &Row) -> __m256i {
        _mm256_add_epi32(sums, load(row))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn take_first(sums: __m256i) -> (i32, __m256i) {
        let turned = _mm256_permutevar8x32_epi32(sums, _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0));
        (_mm256_cvtsi256_si32(sums), _mm256_blend_epi32::<0b1000_0000>(turned, _mm256_setzero_si256()))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn take_last(sums: __m256i) -> (i32, __m256i) {
        let turned = _mm256_permutevar8x32_epi32(sums, _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6));
        (_mm256_cvtsi256_si32(turned), _mm256_blend_epi32::<0b0000_0001>(turned, _mm256_setzero_si256()))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn dot(a: &[[i32; 8]], b: &[[i32; 8]]) -> i64 {
        let (mut evens, mut odds) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for (a, b) in a.iter().zip(b) {
            let (a, b) = (load(a), load(b));
            // Products are made of the lower half of each 64 bits.
            evens = _mm256_add_epi64(evens, _mm256_mul_epi32(a, b));
            odds = _mm256_add_epi64(odds, _mm256_mul_epi32(_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(b)));
        }
        let sums = _mm256_add_epi64(evens, odds);
        let sums = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
        _mm_cvtsi128_si64(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums)))
    }
}
