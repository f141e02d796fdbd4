//! The same pass with vector instructions, for stereo.
//!
//! Sixteen bytes of each channel become two to four lanes of a wire, each by a shuffle or two, turned if they come from DSF, and
//! for DoP with the markers laid over them: a vector of frames has the markers of the next. So a wire is a [`Recipe`], and an
//! instruction set is a handful of [`Lanes`].
//!
//! The limit is what a core writes: one vector a cycle, however short, so that DoP, which writes more than it reads, wants
//! whole ones of 32 bytes, aligned. At 64 KiB all wires cost 0.9 to 1.2 times what memcpy of their bytes does with AVX2 and,
//! for DSF, GFNI. Without GFNI turning bits takes six instructions a vector: DSF costs 1.5 times as much as memcpy, as DoP
//! twice as much.

#[cfg(target_arch = "aarch64")]
mod neon;
mod recipe;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::kernel::word_bytes;
use super::{BitOrder, Bytes, Dsd};
use crate::kernels::each;
use crate::{Cpu, Marker, WireFormat};
use recipe::{Recipe, Table, offset};

/// Bytes of a vector that shuffles stay in, and of a channel that are taken at a time.
const LANE: usize = 16;

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
    unsafe fn store(self, dst: *mut u8);
}

/// Bytes of each channel below which reordering bits is as fast word by word, and marking them.
const LEAST: usize = 4 * LANE;
const LEAST_MARKED: usize = 2 * LANE;

/// Bytes of the longest vectors, at a multiple of which they are written faster.
const ALIGNMENT: usize = 2 * LANE;

/// From how many vectors on it is worth while to align them.
const LONG: usize = 8;

/// Converts all words that `src` has and `dst` has room for, if that is worth its while; otherwise none. Returns the frames of the
/// wire that were written.
pub(super) fn convert(cpu: Cpu, format: WireFormat, src: &Dsd<'_>, marker: Marker, dst: &mut [u8]) -> usize {
    let (word, frame) = (word_bytes(format), 2 * format.bytes());
    let words = src.frames().checked_div(word).unwrap_or(0).min(dst.len() / frame);
    let at_once = LANE.checked_div(word).unwrap_or(0);
    let least = if format.is_dop() { LEAST_MARKED } else { LEAST };
    let is_worth_it = src.channels() == 2 && src.frames() >= least;
    let Some(last) = words.checked_sub(at_once).filter(|_| is_worth_it) else { return 0 };
    let address = dst.as_ptr().addr();
    // From this word on so many bytes of each channel; returns the words.
    let mut run = |first: usize, bytes: usize| {
        let (Some(recipe), Some(dst)) = (Recipe::of(format, marker.after(first as u64)), dst.get_mut(first * frame..))
        else {
            return 0;
        };
        run(cpu, recipe, &src.part(first * word, bytes), dst) * at_once
    };
    // Where vectors don't lie as they should, the first and the last ones do some words again.
    let first = if words > LONG * at_once { unaligned(address, frame, 2 * at_once) } else { 0 };
    if first > 0 && run(0, 2 * LANE) == 0 {
        return 0;
    }
    let done = first + run(first, usize::MAX);
    if done == 0 || done == words {
        return done;
    }
    run(last, LANE);
    words
}

/// How many frames lie before one that begins with a vector; 0 if none of the first `most` does.
fn unaligned(address: usize, frame: usize, most: usize) -> usize {
    (0..most).find(|n| (address + n * frame).is_multiple_of(ALIGNMENT)).unwrap_or(0)
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

/// The pass with one instruction set, as far as whole vectors reach; returns how often 16 bytes of each channel were handled.
/// To be inlined into a function that has the instructions: closures wouldn't be, early enough.
#[inline(always)]
fn pass<V: Lanes, const TURN: bool>(v: V, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let Recipe { planar: [left, right], interleaved, marks, lanes } = recipe;
    let steps = (src.frames() / LANE).min(dst.len() / (lanes * LANE).max(1)) / V::LANES;
    let to = dst.as_mut_ptr();
    match src.bytes {
        Bytes::Interleaved { bytes, .. } => {
            let (from, tables) = ([bytes.as_ptr(); 2], [interleaved, interleaved, marks]);
            // SAFETY: so many vectors lie inside both slices.
            unsafe {
                match lanes {
                    2 => words::<V, 2, false, TURN>(v, tables, from, steps, to),
                    3 => words::<V, 3, false, TURN>(v, tables, from, steps, to),
                    _ => words::<V, 4, false, TURN>(v, tables, from, steps, to),
                }
            }
        }
        Bytes::Planar(planes) => {
            let mut each = planes.iter();
            let (Some(l), Some(r)) = (each.next(), each.next()) else { return 0 };
            let (from, tables) = ([l.as_ptr(), r.as_ptr()], [left, right, marks]);
            // SAFETY: so many vectors lie inside both planes, and what becomes of them in `dst`.
            unsafe {
                match lanes {
                    2 => words::<V, 2, true, TURN>(v, tables, from, steps, to),
                    3 => words::<V, 3, true, TURN>(v, tables, from, steps, to),
                    _ => words::<V, 4, true, TURN>(v, tables, from, steps, to),
                }
            }
        }
    }
    steps * V::LANES
}

/// `N` vectors of the wire at a time, which are of DoP if `N` is more than two. `tables` are two of numbers and that of markers.
///
/// # Safety
/// As many bytes of each channel as a vector has are read for each step, and `N` vectors are written.
#[inline(always)]
unsafe fn words<V: Lanes, const N: usize, const PLANAR: bool, const TURN: bool>(
    v: V,
    tables: [&Table; 3],
    mut from: [*const u8; 2],
    steps: usize,
    mut to: *mut u8,
) {
    // Which 16 bytes of each channel the first and the last lane of vector `n` are made of, and which of their lanes they are.
    let lanes = |n: usize| [n * V::LANES, (n + 1) * V::LANES - 1].map(|lane| (lane / N, lane % N));
    let prepared = each!([0, 1, 2, 3], |n| {
        let [(_, first), (_, last)] = lanes(n);
        // SAFETY: a table's lanes.
        each!([0, 1, 2], |table| unsafe { v.load(tables[table][first].as_ptr(), tables[table][last].as_ptr()) })
    });
    for _ in 0..steps {
        let [left, right] = from;
        each!([0, 1, 2, 3], |n| {
            if n < N {
                let ([numbers, others, marks], [(here, first), (there, last)]) = (prepared[n], lanes(n));
                // SAFETY: the caller's.
                unsafe {
                    let x = if PLANAR {
                        let (here, there) = (here * LANE, there * LANE);
                        let left = v.load(left.add(here), left.add(there)).shuffle(numbers);
                        left.or(v.load(right.add(here), right.add(there)).shuffle(others))
                    } else {
                        let (here, there) = (2 * here * LANE + offset(N, first), 2 * there * LANE + offset(N, last));
                        v.load(left.add(here), left.add(there)).shuffle(numbers)
                    };
                    let x = if TURN { x.reverse() } else { x };
                    let x = if N > 2 { x.or(marks) } else { x };
                    x.store(to.add(n * V::LANES * LANE));
                }
            }
        });
        let step = if PLANAR { LANE } else { 2 * LANE } * V::LANES;
        from = [left.wrapping_add(step), right.wrapping_add(step)];
        to = to.wrapping_add(N * V::LANES * LANE);
    }
}
