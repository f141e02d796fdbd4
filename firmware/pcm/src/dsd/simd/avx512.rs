//! AVX-512 with VBMI and GFNI: a vector of the wire is one permutation of the bytes of two vectors, one of each plane, markers
//! included. Where the channels lie by turns already, or nothing is marked, AVX2 is as fast, or faster.

use core::arch::x86_64::*;

use super::blocks::Block;
use super::x86::TURNED;
use super::{GROUP, LANE, Recipe, offset};
use crate::kernels::{each, instructions};

/// Bytes of a vector.
const VECTOR: usize = 4 * LANE;

/// The numbers of the bytes to permute, or the bytes themselves, and which of them are numbers.
type Prepared = (__m512i, __mmask64);

/// A plane of each of two channels as far as whole vectors reach; returns how many groups were handled.
///
/// # Safety
/// The CPU must have the features.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,gfni")]
pub(super) unsafe fn run<const TURN: bool>(recipe: &Recipe, planes: [&[u8]; 2], dst: &mut [u8]) -> usize {
    const GROUPS: usize = 2 * VECTOR / GROUP;
    let [left, right] = planes;
    let vectors = left.len().min(right.len()) / VECTOR;
    let steps = vectors.min(dst.len() / (GROUPS * recipe.lanes * LANE).max(1));
    if steps == 0 {
        return 0;
    }
    let (from, to) = ([left.as_ptr(), right.as_ptr()], dst.as_mut_ptr());
    let prepared = each!([0, 1, 2, 3], |n| prepare(recipe, n));
    // SAFETY: so many vectors lie inside the slices.
    unsafe {
        if recipe.lanes == 3 {
            words::<3, TURN>(prepared, from, steps, to);
        } else {
            words::<4, TURN>(prepared, from, steps, to);
        }
    }
    steps * GROUPS
}

/// For vector `n` of each so many.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,gfni")]
#[inline]
fn prepare(recipe: &Recipe, n: usize) -> Prepared {
    let (mut numbers, mut marks) = ([0; VECTOR], [0; VECTOR]);
    let lanes = numbers.chunks_exact_mut(LANE).zip(marks.chunks_exact_mut(LANE));
    // There are as many vectors as lanes, so that the others aren't worth it.
    for (lane, (numbers, marks)) in (4 * n..4 * recipe.lanes).zip(lanes) {
        let (group, lane) = (lane / recipe.lanes.max(1), lane % recipe.lanes.max(1));
        let begin = (group * GROUP + offset(recipe.lanes, lane)) as u8;
        let (Some(from), Some(over)) = (recipe.numbers.get(lane), recipe.marks.get(lane)) else { continue };
        for ((number, from), (mark, over)) in numbers.iter_mut().zip(from).zip(marks.iter_mut().zip(over)) {
            // What is no byte keeps its sign.
            *number = (from & 0x7f).wrapping_add(begin) | from & 0x80;
            *mark = *over;
        }
    }
    instructions!({
        let numbers = _mm512_loadu_si512(numbers.as_ptr().cast());
        let kept = !_mm512_movepi8_mask(numbers);
        // They count the bytes of both by turns: the odd ones are in the second vector.
        let halved = _mm512_and_si512(_mm512_srli_epi16::<1>(numbers), _mm512_set1_epi8(VECTOR as i8 - 1));
        let odd = _mm512_slli_epi16::<6>(_mm512_and_si512(numbers, _mm512_set1_epi8(1)));
        (_mm512_mask_mov_epi8(_mm512_loadu_si512(marks.as_ptr().cast()), kept, _mm512_or_si512(halved, odd)), kept)
    })
}

/// # Safety
/// The CPU must have the features. For each step a vector is read from both, and `N` are written.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,gfni")]
#[inline]
unsafe fn words<const N: usize, const TURN: bool>(
    prepared: [Prepared; 4],
    mut from: [*const u8; 2],
    steps: usize,
    mut to: *mut u8,
) {
    for _ in 0..steps {
        let [left, right] = from;
        instructions!({
            let [a, b] = each!([left, right], |plane| _mm512_loadu_si512(plane.cast()));
            let [a, b] = each!([a, b], |x| if TURN { turned(x) } else { x });
            each!([0, 1, 2, 3], |n| if n < N {
                let (numbers, kept) = prepared[n];
                let x = _mm512_mask2_permutex2var_epi8(a, numbers, kept, b);
                _mm512_storeu_si512(to.add(n * VECTOR).cast(), x);
            });
        });
        from = [left.wrapping_add(VECTOR), right.wrapping_add(VECTOR)];
        to = to.wrapping_add(N * VECTOR);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,gfni")]
#[inline]
fn turned(x: __m512i) -> __m512i {
    _mm512_gf2p8affine_epi64_epi8::<0>(x, _mm512_set1_epi64(TURNED))
}

/// As [`frames`](super::blocks::frames), of blocks of up to [`VECTOR`] bytes.
///
/// # Safety
/// The CPU must have the features. For each step a vector is read, and written.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,gfni")]
pub(super) unsafe fn frames<const TURN: bool>(block: &Block, steps: usize, mut from: *const u8, mut to: *mut u8) {
    instructions!({
        let numbers = _mm512_loadu_si512(block.first.as_ptr().cast());
        let kept = !_mm512_movepi8_mask(numbers);
        let [mut now, mut next] = each!([0, 1], |n| _mm512_loadu_si512(block.marks[n].as_ptr().cast()));
        for _ in 0..steps {
            let x = _mm512_loadu_si512(from.cast());
            let x = if TURN { turned(x) } else { x };
            let x = _mm512_or_si512(_mm512_maskz_permutexvar_epi8(kept, numbers, x), now);
            _mm512_storeu_si512(to.cast(), x);
            core::mem::swap(&mut now, &mut next);
            from = from.wrapping_add(block.read);
            to = to.wrapping_add(block.written);
        }
    });
}
