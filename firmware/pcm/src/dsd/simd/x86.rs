//! SSSE3 and AVX2, with GFNI where the CPU has it.

use core::arch::x86_64::*;

use super::{BitOrder, Dsd, LANE, Lanes, Recipe, pass};
use crate::{Cpu, Feature};

/// Intrinsics are safe in a function that enables their instruction set. Methods of a trait can't do that: they are inlined
/// into one that does.
macro_rules! instructions {
    ($intrinsics:expr) => {
        // SAFETY: whoever holds the vector has shown that the CPU has its instructions, and whoever hands a pointer in promises
        // what lies there.
        unsafe { $intrinsics }
    };
}

/// The bits of each half byte, turned, in the other half: of the lower one, and of the upper one.
const TURNED_LOW: [u8; LANE] =
    [0x00, 0x80, 0x40, 0xc0, 0x20, 0xa0, 0x60, 0xe0, 0x10, 0x90, 0x50, 0xd0, 0x30, 0xb0, 0x70, 0xf0];
const TURNED_HIGH: [u8; LANE] =
    [0x00, 0x08, 0x04, 0x0c, 0x02, 0x0a, 0x06, 0x0e, 0x01, 0x09, 0x05, 0x0d, 0x03, 0x0b, 0x07, 0x0f];

/// The matrix that turns the bits of a byte.
const TURNED: i64 = 0x8040_2010_0804_0201_u64 as i64;

/// As far as whole vectors reach; returns the lanes handled. Without bits to be turned 16 bytes at a time are as fast as memcpy; wider vectors, which
/// shuffle inside of lanes only, are slower.
pub(super) fn run(cpu: Cpu, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let turn = src.order == BitOrder::LsbFirst;
    if turn && cpu.has(Feature::Avx2) && cpu.has(Feature::Gfni) {
        // SAFETY: the CPU has both.
        unsafe { run_avx2_gfni(recipe, src, dst) }
    } else if turn && cpu.has(Feature::Avx2) {
        // SAFETY: the CPU has it.
        unsafe { run_avx2(recipe, src, dst) }
    } else if turn && cpu.has(Feature::Sse41) && cpu.has(Feature::Gfni) {
        // SAFETY: the CPU has both.
        unsafe { run_ssse3_gfni(recipe, src, dst) }
    } else if cpu.has(Feature::Sse41) {
        // SAFETY: the CPU has it.
        unsafe { run_ssse3(recipe, src, dst) }
    } else {
        0
    }
}

#[target_feature(enable = "ssse3")]
fn run_ssse3(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    pass(Ssse3::<false>(_mm_setzero_si128()), recipe, src, dst)
}

#[target_feature(enable = "ssse3,gfni")]
fn run_ssse3_gfni(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    pass(Ssse3::<true>(_mm_setzero_si128()), recipe, src, dst)
}

#[target_feature(enable = "avx2")]
fn run_avx2(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    wide(Avx2::<false>(_mm256_setzero_si256()), Ssse3::<false>(_mm_setzero_si128()), recipe, src, dst)
}

#[target_feature(enable = "avx2,gfni")]
fn run_avx2_gfni(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    wide(Avx2::<true>(_mm256_setzero_si256()), Ssse3::<true>(_mm_setzero_si128()), recipe, src, dst)
}

/// As far as vectors of two lanes reach, then as far as those of one do.
#[inline(always)]
fn wide(two: impl Lanes, one: impl Lanes, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let done = pass(two, recipe, src, dst);
    // A vector is a multiple of four frames, so the markers go on as they began.
    let rest = src.part(done * (LANE / 2), usize::MAX);
    done + dst.get_mut(done * recipe.bytes..).map_or(0, |dst| pass(one, recipe, &rest, dst))
}

/// With GFNI, or without.
#[derive(Clone, Copy)]
struct Ssse3<const GFNI: bool>(__m128i);

impl<const GFNI: bool> Lanes for Ssse3<GFNI> {
    const LANES: usize = 1;

    #[inline(always)]
    fn splat(self, lane: [u8; LANE]) -> Self {
        Self(instructions!(_mm_loadu_si128(lane.as_ptr().cast())))
    }

    #[inline(always)]
    unsafe fn load(self, src: *const u8) -> Self {
        Self(instructions!(_mm_loadu_si128(src.cast())))
    }

    #[inline(always)]
    fn shuffle(self, numbers: Self) -> Self {
        Self(instructions!(_mm_shuffle_epi8(self.0, numbers.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(instructions!(_mm_or_si128(self.0, other.0)))
    }

    #[inline(always)]
    fn reverse(self) -> Self {
        if GFNI {
            return Self(instructions!(_mm_gf2p8affine_epi64_epi8::<0>(self.0, _mm_set1_epi64x(TURNED))));
        }
        let (low, high) = (self.splat(TURNED_LOW), self.splat(TURNED_HIGH));
        instructions!({
            let mask = _mm_set1_epi8(0x0f);
            let upper = _mm_and_si128(_mm_srli_epi16::<4>(self.0), mask);
            let lower = _mm_and_si128(self.0, mask);
            Self(_mm_or_si128(_mm_shuffle_epi8(low.0, lower), _mm_shuffle_epi8(high.0, upper)))
        })
    }

    #[inline(always)]
    fn interleave(self, right: Self) -> [Self; 2] {
        instructions!([Self(_mm_unpacklo_epi8(self.0, right.0)), Self(_mm_unpackhi_epi8(self.0, right.0))])
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(_mm_storeu_si128(dst.cast(), self.0));
    }

    #[inline(always)]
    unsafe fn store_lanes(self, second: Self, dst: *mut u8) {
        instructions!({
            _mm_storeu_si128(dst.cast(), self.0);
            _mm_storeu_si128(dst.add(LANE).cast(), second.0);
        });
    }

    #[inline(always)]
    unsafe fn store_lane_and_half(self, second: Self, dst: *mut u8) {
        instructions!({
            _mm_storeu_si128(dst.cast(), self.0);
            _mm_storel_epi64(dst.add(LANE).cast(), second.0);
        });
    }
}

#[derive(Clone, Copy)]
struct Avx2<const GFNI: bool>(__m256i);

impl<const GFNI: bool> Lanes for Avx2<GFNI> {
    const LANES: usize = 2;

    #[inline(always)]
    fn splat(self, lane: [u8; LANE]) -> Self {
        Self(instructions!(_mm256_broadcastsi128_si256(_mm_loadu_si128(lane.as_ptr().cast()))))
    }

    #[inline(always)]
    unsafe fn load(self, src: *const u8) -> Self {
        Self(instructions!(_mm256_loadu_si256(src.cast())))
    }

    #[inline(always)]
    fn shuffle(self, numbers: Self) -> Self {
        Self(instructions!(_mm256_shuffle_epi8(self.0, numbers.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(instructions!(_mm256_or_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn reverse(self) -> Self {
        if GFNI {
            return Self(instructions!(_mm256_gf2p8affine_epi64_epi8::<0>(self.0, _mm256_set1_epi64x(TURNED))));
        }
        let (low, high) = (self.splat(TURNED_LOW), self.splat(TURNED_HIGH));
        instructions!({
            let mask = _mm256_set1_epi8(0x0f);
            let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(self.0), mask);
            let lower = _mm256_and_si256(self.0, mask);
            Self(_mm256_or_si256(_mm256_shuffle_epi8(low.0, lower), _mm256_shuffle_epi8(high.0, upper)))
        })
    }

    #[inline(always)]
    fn interleave(self, right: Self) -> [Self; 2] {
        instructions!({
            let low = _mm256_unpacklo_epi8(self.0, right.0);
            let high = _mm256_unpackhi_epi8(self.0, right.0);
            [Self(_mm256_permute2x128_si256::<0x20>(low, high)), Self(_mm256_permute2x128_si256::<0x31>(low, high))]
        })
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(_mm256_storeu_si256(dst.cast(), self.0));
    }

    #[inline(always)]
    unsafe fn store_lanes(self, second: Self, dst: *mut u8) {
        instructions!({
            let low = _mm256_permute2x128_si256::<0x20>(self.0, second.0);
            let high = _mm256_permute2x128_si256::<0x31>(self.0, second.0);
            _mm256_storeu_si256(dst.cast(), low);
            _mm256_storeu_si256(dst.add(2 * LANE).cast(), high);
        });
    }

    #[inline(always)]
    unsafe fn store_lane_and_half(self, second: Self, dst: *mut u8) {
        instructions!({
            _mm_storeu_si128(dst.cast(), _mm256_castsi256_si128(self.0));
            _mm_storel_epi64(dst.add(LANE).cast(), _mm256_castsi256_si128(second.0));
            _mm_storeu_si128(dst.add(24).cast(), _mm256_extracti128_si256::<1>(self.0));
            _mm_storel_epi64(dst.add(24 + LANE).cast(), _mm256_extracti128_si256::<1>(second.0));
        });
    }
}
