//! The same pass with vector instructions, for stereo.
//!
//! Sixteen bytes in the order of DSDIFF, eight of each channel, make every wire by a shuffle or two and, for DoP, the markers
//! laid over them: two or four frames of DoP have the markers of the next two or four. So a wire is a [`Recipe`], DSF differs
//! only by turning bits and interleaving bytes first, and an instruction set is a handful of [`Lanes`].

#[cfg(target_arch = "aarch64")]
mod neon;
mod recipe;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::{BitOrder, Bytes, Dsd};
use crate::{Cpu, Marker, WireFormat};
use recipe::Recipe;

/// Bytes of a vector that shuffles stay in.
const LANE: usize = 16;

/// Vectors of one or more lanes of 16 bytes. Holding one proves that the CPU has its instructions.
///
/// What reads and writes memory takes pointers without an alignment; the caller promises that as much is there.
trait Lanes: Copy {
    /// How many lanes there are.
    const LANES: usize;

    /// Each lane the same.
    fn splat(self, lane: [u8; LANE]) -> Self;
    unsafe fn load(self, src: *const u8) -> Self;
    /// In each lane the bytes with these numbers, and 0 for 0x80.
    fn shuffle(self, numbers: Self) -> Self;
    fn or(self, other: Self) -> Self;
    /// Turns the bits of each byte.
    fn reverse(self) -> Self;
    /// A byte of each in turn.
    fn interleave(self, right: Self) -> [Self; 2];
    unsafe fn store(self, dst: *mut u8);
    /// A lane of each in turn.
    unsafe fn store_lanes(self, second: Self, dst: *mut u8);
    /// A lane of the first and half a lane of the second in turn.
    unsafe fn store_lane_and_half(self, second: Self, dst: *mut u8);
}

/// Bytes of each channel below which turning and reordering bits is faster word by word; marking them isn't.
const LEAST_TURNED: usize = 128;

/// Converts from the beginning of `src` on as far as whole vectors reach; returns the frames of the wire that were written.
pub(super) fn convert(cpu: Cpu, format: WireFormat, src: &Dsd<'_>, marker: Marker, dst: &mut [u8]) -> usize {
    match Recipe::of(format, marker) {
        Some(_) if src.order == BitOrder::LsbFirst && !format.is_dop() && src.frames() < LEAST_TURNED => 0,
        Some(recipe) if src.channels() == 2 => run(cpu, recipe, src, dst) * recipe.frames,
        _ => 0,
    }
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

/// A recipe in an instruction set's vectors.
#[derive(Clone, Copy)]
struct Prepared<V> {
    shuffles: [V; 2],
    marks: [V; 2],
    bytes: usize,
    reverse: bool,
}

impl<V: Lanes> Prepared<V> {
    /// Turns a vector of bytes in DSDIFF's order into what the wire gets of it.
    ///
    /// # Safety
    /// At `dst` there must be room for the recipe's bytes for each lane.
    #[inline(always)]
    unsafe fn write(self, pairs: V, dst: *mut u8) {
        let Self { shuffles: [first, second], marks: [first_mark, second_mark], bytes, reverse } = self;
        let pairs = if reverse { pairs.reverse() } else { pairs };
        let first = pairs.shuffle(first).or(first_mark);
        // SAFETY: the caller's.
        unsafe {
            match bytes {
                LANE => first.store(dst),
                24 => first.store_lane_and_half(pairs.shuffle(second).or(second_mark), dst),
                _ => first.store_lanes(pairs.shuffle(second).or(second_mark), dst),
            }
        }
    }
}

/// The pass with one instruction set; returns the lanes handled. To be inlined into a function that has the instructions:
/// closures wouldn't be, early enough.
#[inline(always)]
fn pass<V: Lanes>(v: V, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    let Recipe { shuffles: [first, second], marks: [first_mark, second_mark], bytes, .. } = *recipe;
    let prepared = Prepared {
        shuffles: [v.splat(first), v.splat(second)],
        marks: [v.splat(first_mark), v.splat(second_mark)],
        bytes,
        reverse: src.order == BitOrder::LsbFirst,
    };
    let (taken, written) = (LANE * V::LANES, bytes * V::LANES);
    let room = dst.len().checked_div(written).unwrap_or(0);
    let mut to = dst.as_mut_ptr();
    let vectors = match src.bytes {
        Bytes::Interleaved { bytes, .. } => {
            let vectors = room.min(bytes.len() / taken);
            let mut from = bytes.as_ptr();
            for _ in 0..vectors {
                // SAFETY: so many vectors lie inside both slices.
                unsafe {
                    prepared.write(v.load(from), to);
                    (from, to) = (from.add(taken), to.add(written));
                }
            }
            vectors
        }
        Bytes::Planar(planes) => {
            let mut each = planes.iter();
            let (Some(left), Some(right)) = (each.next(), each.next()) else { return 0 };
            let pairs = (room / 2).min(left.len().min(right.len()) / taken);
            let (mut left, mut right) = (left.as_ptr(), right.as_ptr());
            for _ in 0..pairs {
                // SAFETY: so many vectors lie inside both planes, and what becomes of them in `dst`.
                unsafe {
                    let [first, second] = v.load(left).interleave(v.load(right));
                    prepared.write(first, to);
                    prepared.write(second, to.add(written));
                    (left, right, to) = (left.add(taken), right.add(taken), to.add(2 * written));
                }
            }
            2 * pairs
        }
    };
    vectors * V::LANES
}
