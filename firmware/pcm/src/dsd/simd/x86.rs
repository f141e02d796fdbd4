//! SSSE3 and AVX2, with GFNI where the CPU has it; which of them, or AVX-512, is taken.

use core::arch::x86_64::*;

use super::avx512;
use super::blocks::{Block, frames};
use super::{BitOrder, Bytes, Dsd, GROUP, LANE, Lanes, Recipe, pass};
use crate::kernels::{each, instructions};
use crate::{Cpu, Feature};

/// The bits of each half byte, turned, in the other half: of the lower one, and of the upper one.
static TURNED_LOW: [u8; LANE] =
    [0x00, 0x80, 0x40, 0xc0, 0x20, 0xa0, 0x60, 0xe0, 0x10, 0x90, 0x50, 0xd0, 0x30, 0xb0, 0x70, 0xf0];
static TURNED_HIGH: [u8; LANE] =
    [0x00, 0x08, 0x04, 0x0c, 0x02, 0x0a, 0x06, 0x0e, 0x01, 0x09, 0x05, 0x0d, 0x03, 0x0b, 0x07, 0x0f];

/// The matrix that turns the bits of a byte.
pub(super) const TURNED: i64 = 0x8040_2010_0804_0201_u64 as i64;

/// As far as whole vectors reach; returns how many groups were handled.
pub(super) fn run(cpu: Cpu, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let turn = src.order == BitOrder::LsbFirst;
    if let (true, Some(planes)) = (has_avx512(cpu) && recipe.lanes > 2, two_planes(src)) {
        // SAFETY: the CPU has it, and what the others ask for.
        return unsafe {
            let done =
                if turn { avx512::run::<true>(recipe, planes, dst) } else { avx512::run::<false>(recipe, planes, dst) };
            let (rest, dst) = behind(done, recipe, src, dst);
            done + if turn { run_avx2_gfni(recipe, &rest, dst) } else { run_avx2::<false>(recipe, &rest, dst) }
        };
    }
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

/// As [`frames`]; none without the instructions.
///
/// # Safety
/// As there.
pub(super) unsafe fn run_frames(
    cpu: Cpu,
    block: &Block,
    turn: bool,
    steps: usize,
    from: *const u8,
    to: *mut u8,
) -> bool {
    if block.is_wide {
        // SAFETY: the CPU has it, and the caller's.
        unsafe {
            if turn {
                avx512::frames::<true>(block, steps, from, to);
            } else {
                avx512::frames::<false>(block, steps, from, to);
            }
        }
        return true;
    }
    let (wide, gfni) = (cpu.has(Feature::Avx2), cpu.has(Feature::Gfni));
    if !wide && !cpu.has(Feature::Sse41) {
        return false;
    }
    // SAFETY: the CPU has what is asked for, and the caller's.
    unsafe {
        match (wide, turn, gfni) {
            (true, false, _) => frames_avx2::<false>(block, steps, from, to),
            (true, true, false) => frames_avx2::<true>(block, steps, from, to),
            (true, true, true) => frames_avx2_gfni(block, steps, from, to),
            (false, false, _) => frames_ssse3::<false>(block, steps, from, to),
            (false, true, false) => frames_ssse3::<true>(block, steps, from, to),
            (false, true, true) => frames_ssse3_gfni(block, steps, from, to),
        }
    }
    true
}

/// # Safety
/// As [`frames`].
#[target_feature(enable = "ssse3")]
unsafe fn frames_ssse3<const TURN: bool>(block: &Block, steps: usize, from: *const u8, to: *mut u8) {
    // SAFETY: the caller's.
    unsafe { frames::<_, TURN>(Ssse3::<false>(_mm_setzero_si128()), block, steps, from, to) }
}

/// # Safety
/// As [`frames`].
#[target_feature(enable = "ssse3,gfni")]
unsafe fn frames_ssse3_gfni(block: &Block, steps: usize, from: *const u8, to: *mut u8) {
    // SAFETY: the caller's.
    unsafe { frames::<_, true>(Ssse3::<true>(_mm_setzero_si128()), block, steps, from, to) }
}

/// # Safety
/// As [`frames`].
#[target_feature(enable = "avx2")]
unsafe fn frames_avx2<const TURN: bool>(block: &Block, steps: usize, from: *const u8, to: *mut u8) {
    // SAFETY: the caller's.
    unsafe { frames::<_, TURN>(Avx2::<false>(_mm256_setzero_si256()), block, steps, from, to) }
}

/// # Safety
/// As [`frames`].
#[target_feature(enable = "avx2,gfni")]
unsafe fn frames_avx2_gfni(block: &Block, steps: usize, from: *const u8, to: *mut u8) {
    // SAFETY: the caller's.
    unsafe { frames::<_, true>(Avx2::<true>(_mm256_setzero_si256()), block, steps, from, to) }
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
    let (rest, dst) = behind(done, recipe, src, dst);
    done + pass::<W, TURN>(one, recipe, &rest, dst)
}

/// What lies behind so many groups. They hold an even number of frames, so the markers go on as they began.
fn behind<'a, 'b>(groups: usize, recipe: &Recipe, src: &Dsd<'a>, dst: &'b mut [u8]) -> (Dsd<'a>, &'b mut [u8]) {
    let frames = (groups * GROUP).checked_div(src.channels()).unwrap_or(0);
    (src.part(frames, usize::MAX), dst.get_mut(groups * recipe.lanes * LANE..).unwrap_or_default())
}

/// The planes of two channels that lie in those.
fn two_planes<'a>(src: &Dsd<'a>) -> Option<[&'a [u8]; 2]> {
    let Bytes::Planar(planes) = src.bytes else { return None };
    let mut each = planes.iter();
    Some([each.next()?, each.next()?])
}

/// Whether that is how far [`avx512`] reaches.
pub(super) const fn has_avx512(cpu: Cpu) -> bool {
    cpu.has(Feature::Avx512) && cpu.has(Feature::Avx2) && cpu.has(Feature::Gfni)
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
    fn zip(self, other: Self) -> [Self; 2] {
        instructions!([Self(_mm_unpacklo_epi8(self.0, other.0)), Self(_mm_unpackhi_epi8(self.0, other.0))])
    }

    #[inline(always)]
    fn window([first, second]: [Self; 2], vectors: usize, n: usize) -> Self {
        match (vectors, n) {
            (3, 1) => Self(instructions!(_mm_alignr_epi8::<8>(second.0, first.0))),
            (2 | 3, 0) | (4, 0 | 1) => first,
            _ => second,
        }
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
    fn zip(self, other: Self) -> [Self; 2] {
        instructions!({
            let [a, b] = each!([self.0, other.0], |x| _mm256_permute4x64_epi64::<0b11_01_10_00>(x));
            [Self(_mm256_unpacklo_epi8(a, b)), Self(_mm256_unpackhi_epi8(a, b))]
        })
    }

    #[inline(always)]
    fn window([first, second]: [Self; 2], vectors: usize, n: usize) -> Self {
        instructions!(match (vectors, n) {
            (2, 0) => first,
            (2, _) => second,
            (3, 0) => Self(_mm256_permute4x64_epi64::<0b10_01_01_00>(first.0)),
            (3, 1) => Self(_mm256_permute2x128_si256::<0x21>(first.0, second.0)),
            (3, _) => Self(_mm256_permute4x64_epi64::<0b11_10_10_01>(second.0)),
            (_, 0) => Self(_mm256_permute4x64_epi64::<0b01_00_01_00>(first.0)),
            (_, 1) => Self(_mm256_permute4x64_epi64::<0b11_10_11_10>(first.0)),
            (_, 2) => Self(_mm256_permute4x64_epi64::<0b01_00_01_00>(second.0)),
            (..) => Self(_mm256_permute4x64_epi64::<0b11_10_11_10>(second.0)),
        })
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(_mm256_storeu_si256(dst.cast(), self.0));
    }
}
