//! SSSE3 and AVX2, with GFNI where the CPU has it.

use core::arch::x86_64::*;

use super::{BitOrder, Dsd, LANE, Lanes, Recipe, pass};
use crate::kernels::{each, instructions};
use crate::{Cpu, Feature};

/// The bits of each half byte, turned, in the other half: of the lower one, and of the upper one.
static TURNED_LOW: [u8; LANE] =
    [0x00, 0x80, 0x40, 0xc0, 0x20, 0xa0, 0x60, 0xe0, 0x10, 0x90, 0x50, 0xd0, 0x30, 0xb0, 0x70, 0xf0];
static TURNED_HIGH: [u8; LANE] =
    [0x00, 0x08, 0x04, 0x0c, 0x02, 0x0a, 0x06, 0x0e, 0x01, 0x09, 0x05, 0x0d, 0x03, 0x0b, 0x07, 0x0f];

/// The matrix that turns the bits of a byte.
const TURNED: i64 = 0x8040_2010_0804_0201_u64 as i64;

/// As far as whole vectors reach; returns how often 16 bytes of each channel were handled.
pub(super) fn run(cpu: Cpu, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let turn = src.order == BitOrder::LsbFirst;
    if cpu.has(Feature::Avx2) {
        // SAFETY: the CPU has it, and GFNI where that is asked for.
        return unsafe {
            match (turn, cpu.has(Feature::Gfni)) {
                (false, _) => run_avx2::<false>(recipe, src, dst),
                (true, false) => run_avx2::<true>(recipe, src, dst),
                (true, true) => run_avx2_gfni(recipe, src, dst),
            }
        };
    }
    if cpu.has(Feature::Sse41) {
        // SAFETY: as above.
        return unsafe {
            match (turn, cpu.has(Feature::Gfni)) {
                (false, _) => run_ssse3::<false>(recipe, src, dst),
                (true, false) => run_ssse3::<true>(recipe, src, dst),
                (true, true) => run_ssse3_gfni(recipe, src, dst),
            }
        };
    }
    0
}

#[target_feature(enable = "ssse3")]
fn run_ssse3<const TURN: bool>(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    pass::<_, TURN>(Ssse3::<false>(_mm_setzero_si128()), recipe, src, dst)
}

#[target_feature(enable = "ssse3,gfni")]
fn run_ssse3_gfni(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    pass::<_, true>(Ssse3::<true>(_mm_setzero_si128()), recipe, src, dst)
}

#[target_feature(enable = "avx2")]
fn run_avx2<const TURN: bool>(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let (two, one) = (Avx2::<false>(_mm256_setzero_si256()), Ssse3::<false>(_mm_setzero_si128()));
    wide::<_, _, TURN>(two, one, recipe, src, dst)
}

#[target_feature(enable = "avx2,gfni")]
fn run_avx2_gfni(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let (two, one) = (Avx2::<true>(_mm256_setzero_si256()), Ssse3::<true>(_mm_setzero_si128()));
    wide::<_, _, true>(two, one, recipe, src, dst)
}

/// As far as vectors of two lanes reach, then as far as those of one do.
#[inline(always)]
fn wide<V: Lanes, W: Lanes, const TURN: bool>(two: V, one: W, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let done = pass::<V, TURN>(two, recipe, src, dst);
    // A vector holds an even number of frames, so the markers go on as they began.
    let (rest, dst) = (src.part(done * LANE, usize::MAX), dst.get_mut(done * recipe.lanes * LANE..));
    done + dst.map_or(0, |dst| pass::<W, TURN>(one, recipe, &rest, dst))
}

/// With GFNI, or without.
#[derive(Clone, Copy)]
struct Ssse3<const GFNI: bool>(__m128i);

impl<const GFNI: bool> Lanes for Ssse3<GFNI> {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn load(self, first: *const u8, _: *const u8) -> Self {
        Self(instructions!(_mm_loadu_si128(first.cast())))
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
        let [low, high] = each!([TURNED_LOW.as_ptr(), TURNED_HIGH.as_ptr()], |turned| {
            // SAFETY: these are the bytes of a lane.
            unsafe { self.load(turned, turned) }
        });
        instructions!({
            let mask = _mm_set1_epi8(0x0f);
            let upper = _mm_and_si128(_mm_srli_epi16::<4>(self.0), mask);
            let lower = _mm_and_si128(self.0, mask);
            Self(_mm_or_si128(_mm_shuffle_epi8(low.0, lower), _mm_shuffle_epi8(high.0, upper)))
        })
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(_mm_storeu_si128(dst.cast(), self.0));
    }
}

#[derive(Clone, Copy)]
struct Avx2<const GFNI: bool>(__m256i);

impl<const GFNI: bool> Lanes for Avx2<GFNI> {
    const LANES: usize = 2;

    #[inline(always)]
    unsafe fn load(self, first: *const u8, second: *const u8) -> Self {
        Self(instructions!(_mm256_loadu2_m128i(second.cast(), first.cast())))
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
        let [low, high] = each!([TURNED_LOW.as_ptr(), TURNED_HIGH.as_ptr()], |turned| {
            // SAFETY: these are the bytes of a lane.
            unsafe { self.load(turned, turned) }
        });
        instructions!({
            let mask = _mm256_set1_epi8(0x0f);
            let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(self.0), mask);
            let lower = _mm256_and_si256(self.0, mask);
            Self(_mm256_or_si256(_mm256_shuffle_epi8(low.0, lower), _mm256_shuffle_epi8(high.0, upper)))
        })
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(_mm256_storeu_si256(dst.cast(), self.0));
    }
}
