//! The same pass with vector instructions.
//!
//! One, two and four channels: 32 bytes of the channels by turns (a plane of each of two is first zipped with the other) become two
//! to four lanes of a wire, each by a shuffle, turned before if they come from DSF, and for DoP with the markers laid over them: a
//! vector of frames has the markers of the next. So a wire is a [`Recipe`], and an instruction set is a handful of [`Lanes`].
//! Other numbers of channels go frame by frame, as [`blocks`] says.
//!
//! The limit is what a core writes: one vector a cycle, however short, so that DoP, which writes more than it reads, wants
//! whole ones of 32 bytes, aligned. Without GFNI turning bits takes six instructions for a vector that is read.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod blocks;
#[cfg(target_arch = "aarch64")]
mod neon;
mod recipe;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::kernel::word_bytes;
use super::{BitOrder, Bytes, Dsd};
use crate::kernels::each;
use crate::{Cpu, Marker, WireFormat};
use recipe::{Form, Recipe, offset};

/// Bytes of a vector that shuffles stay in.
const LANE: usize = 16;

/// Bytes of all channels by turns that are taken at a time.
const GROUP: usize = 2 * LANE;

/// Vectors of one or two lanes of 16 bytes. Holding one proves that the CPU has its instructions.
///
/// What reads and writes memory takes pointers without an alignment; the caller promises that as much is there.
trait Lanes: Copy {
    /// How many lanes there are.
    const LANES: usize;

    /// The first lane from `first`, the second one, if there is one, from `second`.
    unsafe fn load(self, first: *const u8, second: *const u8) -> Self;
    /// In each lane the bytes with these numbers, and 0 for 0x80.
    fn shuffle(self, numbers: Self) -> Self;
    fn or(self, other: Self) -> Self;
    /// Turns the bits of each byte.
    fn reverse(self) -> Self;
    /// A byte of each in turn: two vectors.
    fn zip(self, other: Self) -> [Self; 2];
    /// What the vector `n` of each `vectors` of the wire is made of, a [`GROUP`] of bytes for each lane being in two vectors: its
    /// lanes begin at their [`offset`]s.
    fn window(groups: [Self; 2], vectors: usize, n: usize) -> Self;
    unsafe fn store(self, dst: *mut u8);
}

/// Bytes of all channels below which reordering bits is as fast word by word, and marking them.
const LEAST: usize = 4 * GROUP;
const LEAST_MARKED: usize = 2 * GROUP;

/// Bytes of vectors, the longest first, at a multiple of which they are written faster.
const ALIGNMENTS: [usize; 2] = [4 * LANE, 2 * LANE];

/// Groups within which the first vector that is aligned begins.
const UNALIGNED: usize = 4;

/// From how many vectors on it is worth while to align them.
const LONG: usize = 8;

/// Converts all words that `src` has and `dst` has room for, if that is worth its while; otherwise none. Returns the frames of the
/// wire that were written.
pub(super) fn convert(cpu: Cpu, format: WireFormat, src: &Dsd<'_>, marker: Marker, dst: &mut [u8]) -> usize {
    let (word, channels) = (word_bytes(format), src.channels());
    let frame = channels * format.bytes();
    let Some(words) = src.frames().checked_div(word).zip(dst.len().checked_div(frame)).map(|(a, b)| a.min(b)) else {
        return 0;
    };
    let least = if format.is_dop() { LEAST_MARKED } else { LEAST };
    // Six channels of a file whose order the DAC hasn't: rare, and slow enough for every wire.
    if words * word * channels < least || src.is_permuted() {
        return 0;
    }
    match (src.bytes, channels) {
        (_, 1 | 2) | (Bytes::Interleaved { .. }, 4) => {}
        _ => return blocks::convert(cpu, format, &src.part(0, words * word), marker, dst),
    }
    let of_group = GROUP.checked_div(channels).unwrap_or(0);
    let at_once = of_group.checked_div(word).unwrap_or(0);
    let Some(last) = words.checked_sub(at_once) else { return 0 };
    let Some(form) = Form::of(format) else { return 0 };
    let address = dst.as_ptr().addr();
    // From this word on so many bytes of each channel; returns the words.
    let mut run = |first: usize, bytes: usize| {
        let recipe = form.recipe(channels, marker.after(first as u64));
        let (Some(recipe), Some(dst)) = (recipe, dst.get_mut(first * frame..)) else { return 0 };
        run(cpu, recipe, &src.part(first * word, bytes), dst) * at_once
    };
    // Where vectors don't lie as they should, the first and the last ones do some words again.
    let first = if words > LONG * at_once { unaligned(address, frame, UNALIGNED * at_once) } else { 0 };
    if first > 0 && run(0, UNALIGNED * of_group) == 0 {
        return 0;
    }
    let done = first + run(first, usize::MAX);
    if done == 0 || done == words {
        return done;
    }
    run(last, of_group);
    words
}

/// How many frames lie before one that begins with a vector; 0 if none of the first `most` does.
fn unaligned(address: usize, frame: usize, most: usize) -> usize {
    let first = |alignment| (0..most).find(|n| (address + n * frame).is_multiple_of(alignment));
    ALIGNMENTS.into_iter().find_map(first).unwrap_or(0)
}

#[cfg(target_arch = "x86_64")]
fn run(cpu: Cpu, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    x86::run(cpu, recipe, src, dst)
}

#[cfg(target_arch = "aarch64")]
fn run(cpu: Cpu, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    neon::run(cpu, recipe, src, dst)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn run(_: Cpu, _: &Recipe, _: &Dsd<'_>, _: &mut [u8]) -> usize {
    0
}

/// The pass with one instruction set, as far as whole vectors reach; returns how many groups were handled.
/// To be inlined into a function that has the instructions: closures wouldn't be, early enough.
#[inline(always)]
fn pass<V: Lanes, const TURN: bool>(v: V, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let groups = src.frames() * src.channels() / GROUP;
    let steps = groups.min(dst.len() / (recipe.lanes * LANE).max(1)) / V::LANES;
    let to = dst.as_mut_ptr();
    let (left, right) = match src.bytes {
        Bytes::Interleaved { bytes, .. } => (bytes.as_ptr(), None),
        Bytes::Planar(planes) => {
            let mut each = planes.iter().map(<[u8]>::as_ptr);
            let Some(left) = each.next() else { return 0 };
            (left, each.next())
        }
    };
    // SAFETY: so many vectors lie inside the slices.
    unsafe {
        match (right, recipe.lanes) {
            (None, 2) => words::<V, 2, false, TURN>(v, recipe, [left; 2], steps, to),
            (None, 3) => words::<V, 3, false, TURN>(v, recipe, [left; 2], steps, to),
            (None, _) => words::<V, 4, false, TURN>(v, recipe, [left; 2], steps, to),
            (Some(right), 2) => words::<V, 2, true, TURN>(v, recipe, [left, right], steps, to),
            (Some(right), 3) => words::<V, 3, true, TURN>(v, recipe, [left, right], steps, to),
            (Some(right), _) => words::<V, 4, true, TURN>(v, recipe, [left, right], steps, to),
        }
    }
    steps * V::LANES
}

/// `N` vectors of the wire at a time, which are of DoP if `N` is more than two. `PLANAR`: of a plane of each of two channels, else of
/// the first pointer's bytes by turns.
///
/// # Safety
/// A group of bytes for each lane of a vector is read for each step, and `N` vectors are written.
#[inline(always)]
unsafe fn words<V: Lanes, const N: usize, const PLANAR: bool, const TURN: bool>(
    v: V,
    recipe: &Recipe,
    mut from: [*const u8; 2],
    steps: usize,
    mut to: *mut u8,
) {
    // Which groups the first and the last lane of vector `n` are made of, and which of their lanes they are.
    let lanes = |n: usize| [n * V::LANES, (n + 1) * V::LANES - 1].map(|lane| (lane / N, lane % N));
    let prepared = each!([0, 1, 2, 3], |n| {
        let [(_, first), (_, last)] = lanes(n);
        each!([&recipe.numbers, &recipe.marks], |table| {
            // SAFETY: a table's lanes.
            unsafe { v.load(table[first].as_ptr(), table[last].as_ptr()) }
        })
    });
    for _ in 0..steps {
        let [left, right] = from;
        let groups = if PLANAR || TURN {
            let second = if PLANAR { right } else { left.wrapping_add(V::LANES * LANE) };
            // SAFETY: the caller's.
            let [a, b] = each!([left, second], |half| unsafe { v.load(half, half.wrapping_add(LANE)) });
            let [a, b] = each!([a, b], |half| if TURN { half.reverse() } else { half });
            if PLANAR { a.zip(b) } else { [a, b] }
        } else {
            [v; 2]
        };
        each!([0, 1, 2, 3], |n| {
            if n < N {
                let ([numbers, marks], [(here, first), (there, last)]) = (prepared[n], lanes(n));
                let x = if PLANAR || TURN {
                    V::window(groups, N, n)
                } else {
                    let (here, there) = (here * GROUP + offset(N, first), there * GROUP + offset(N, last));
                    // SAFETY: the caller's.
                    unsafe { v.load(left.add(here), left.add(there)) }
                };
                let x = x.shuffle(numbers);
                let x = if N > 2 { x.or(marks) } else { x };
                // SAFETY: the caller's.
                unsafe { x.store(to.add(n * V::LANES * LANE)) };
            }
        });
        let step = if PLANAR { LANE } else { GROUP } * V::LANES;
        from = [left.wrapping_add(step), right.wrapping_add(step)];
        to = to.wrapping_add(N * V::LANES * LANE);
    }
}
