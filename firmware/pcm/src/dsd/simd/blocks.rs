//! Any number of channels, a few frames of the wire at a time: at most 32 bytes become at most 32, each 16 of which are picked from two
//! vectors, the first and the last 16 bytes of those that are read; with AVX-512 at most 64 become at most 64. What a step writes
//! behind its frames, the next one overwrites.
//!
//! Planes are put into such frames first, word by word.

use super::super::kernel::word_bytes;
#[cfg(target_arch = "aarch64")]
use super::neon::run_frames;
use super::recipe::{Form, NONE, Part};
#[cfg(target_arch = "x86_64")]
use super::x86::{has_avx512, run_frames};
use super::{BitOrder, Bytes, Dsd, LANE, Lanes};
use crate::kernels::each;
use crate::{Cpu, MAX_CHANNELS, Marker, WireFormat};

/// Bytes that a step reads and writes at most, so many of which it does write; with AVX-512 it does read and write twice as many.
const STEP: usize = 2 * LANE;
const WIDE: usize = 2 * STEP;

/// Bytes of a step, in lanes.
type Table = [[u8; LANE]; WIDE / LANE];

/// Bytes of planes that are put into frames at a time, and room for what a step reads beyond them.
const TILE: usize = 2048;

/// How a step's frames become the wire's.
#[derive(Debug)]
pub(super) struct Block {
    /// For AVX-512.
    pub(super) is_wide: bool,
    /// Frames of the wire.
    frames: usize,
    /// Bytes that are read and written for them.
    pub(super) read: usize,
    pub(super) written: usize,
    /// The numbers of the bytes that go to each place, among the first 16 that are read (or all, if it is wide) and among the last.
    pub(super) first: Table,
    last: Table,
    /// What is laid over them, of this step and of the next: markers.
    pub(super) marks: [Table; 2],
}

impl Block {
    /// None for PCM. `by_words`: words of the channels by turns are read, not bytes.
    fn new(is_wide: bool, format: WireFormat, channels: usize, marker: Marker, by_words: bool) -> Option<Self> {
        // Through anything else the compiler doesn't see that nothing is divided by 0.
        let (word, sample, channels) = (word_bytes(format), format.bytes().max(1), channels.max(1));
        let (of_frame, frame) = (channels * word, (channels * sample).max(1));
        let form = Form::of(format)?;
        let step = if is_wide { WIDE } else { STEP };
        let frames = step.checked_div(of_frame.max(frame)).filter(|&frames| frames > 0)?;
        let (read, written) = (frames * of_frame, frames * frame);
        let (none, marks) = ([[NONE; LANE]; WIDE / LANE], [[[0; LANE]; WIDE / LANE]; 2]);
        let mut block = Self { is_wide, frames, read, written, first: none, last: none, marks };
        let Self { first, last, marks: [marks, next], .. } = &mut block;
        let [first, last] = [first, last].map(|table| table.as_flattened_mut().iter_mut());
        let marks = marks.as_flattened_mut().iter_mut().zip(next.as_flattened_mut());
        for (place, ((first, last), (mark, next))) in first.zip(last).zip(marks).take(written).enumerate() {
            let (in_frame, channel) = (place / frame, place / sample % channels);
            let &part = form.parts.get(place % sample)?;
            if let Part::Byte(byte) = part {
                let number = if by_words {
                    (in_frame * channels + channel) * word + byte
                } else {
                    (in_frame * word + byte) * channels + channel
                };
                if is_wide || number < LANE {
                    *first = number as u8;
                } else {
                    *last = (number + LANE - read) as u8;
                }
            }
            *mark = part.mark(marker.after(in_frame as u64));
            *next = part.mark(marker.after((frames + in_frame) as u64));
        }
        Some(block)
    }

    /// How many steps `from` bytes have, if so many are written, without touching what lies behind.
    fn steps(&self, from: usize, to: usize) -> usize {
        let (reads, writes) = if self.is_wide { (WIDE, WIDE) } else { (self.read.max(LANE), STEP) };
        let reads = from.checked_sub(reads).map_or(0, |rest| rest / self.read.max(1) + 1);
        let writes = to.checked_sub(writes).map_or(0, |rest| rest / self.written.max(1) + 1);
        reads.min(writes)
    }
}

/// Converts as many words of `src` as steps reach, all of which `dst` has room for. Returns the frames of the wire that were written.
pub(super) fn convert(cpu: Cpu, format: WireFormat, src: &Dsd<'_>, marker: Marker, dst: &mut [u8]) -> usize {
    let (word, channels) = (word_bytes(format), src.channels());
    let turn = src.order == BitOrder::LsbFirst;
    let frame = channels * format.bytes();
    let room = src.frames().checked_div(word).unwrap_or(0) * frame;
    let Some(dst) = dst.get_mut(..room) else { return 0 };
    let planes = match src.bytes {
        Bytes::Interleaved { bytes, .. } => {
            let block = Block::new(has_avx512(cpu), format, channels, marker, false);
            return block.map_or(0, |block| run(cpu, &block, turn, bytes, dst) * block.frames);
        }
        Bytes::Planar(planes) => planes,
    };
    let Some(block) = Block::new(has_avx512(cpu), format, channels, marker, true) else { return 0 };
    let mut tile = [0; TILE + WIDE];
    // Pairs of steps, so that each tile begins with the same marker.
    let read = block.read.max(1);
    let most = TILE / read / 2 * 2;
    let mut done = 0;
    loop {
        let part = planes.part(done * word, most * block.frames * word);
        let taken = (part.frames() * channels).min(TILE);
        let tile = tile.get_mut(..taken + WIDE).unwrap_or_default();
        match word {
            1 => gather::<1>(part.iter(), channels, tile),
            2 => gather::<2>(part.iter(), channels, tile),
            _ => gather::<4>(part.iter(), channels, tile),
        }
        let Some(dst) = dst.get_mut(done * frame..) else { return done };
        let steps = run(cpu, &block, turn, tile, dst).min(taken / read);
        done += steps * block.frames;
        if steps < most {
            return done;
        }
    }
}

/// Words of the planes by turns.
fn gather<'a, const WORD: usize>(planes: impl Iterator<Item = &'a [u8]>, channels: usize, tile: &mut [u8]) {
    #[expect(clippy::manual_clamp, reason = "through clamp the compiler doesn't see that it isn't 0")]
    let channels = channels.min(MAX_CHANNELS).max(1);
    let (tile, _) = tile.as_chunks_mut::<WORD>();
    for (channel, plane) in planes.enumerate() {
        let places = tile.iter_mut().skip(channel).step_by(channels);
        for (place, word) in places.zip(plane.as_chunks::<WORD>().0) {
            *place = *word;
        }
    }
}

/// All steps that there are; returns how many.
fn run(cpu: Cpu, block: &Block, turn: bool, from: &[u8], to: &mut [u8]) -> usize {
    let steps = block.steps(from.len(), to.len());
    // SAFETY: so many steps lie inside both.
    let done = unsafe { run_frames(cpu, block, turn, steps, from.as_ptr(), to.as_mut_ptr()) };
    if done { steps } else { 0 }
}

#[cfg(not(target_arch = "x86_64"))]
const fn has_avx512(_: Cpu) -> bool {
    false
}

/// # Safety
/// None is needed.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn run_frames(_: Cpu, _: &Block, _: bool, _: usize, _: *const u8, _: *mut u8) -> bool {
    false
}

/// So many steps with one instruction set. To be inlined into a function that has it.
///
/// # Safety
/// For each step the block's bytes are read, at least 16, and 32 bytes are written.
#[inline(always)]
pub(super) unsafe fn frames<V: Lanes, const TURN: bool>(
    v: V,
    block: &Block,
    steps: usize,
    mut from: *const u8,
    mut to: *mut u8,
) {
    // The lanes of vector `n`, which may be one.
    let lanes = |n: usize| [(n * V::LANES).min(1), ((n + 1) * V::LANES - 1).min(1)];
    let prepared = each!([0, 1], |n| {
        let [first, last] = lanes(n);
        let [now, next] = &block.marks;
        each!([&block.first, &block.last, now, next], |table| {
            // SAFETY: a table's lanes.
            unsafe { v.load(table[first].as_ptr(), table[last].as_ptr()) }
        })
    });
    let mut marks = each!([0, 1], |n| {
        let [_, _, now, next] = prepared[n];
        [now, next]
    });
    let behind = block.read.saturating_sub(LANE);
    for _ in 0..steps {
        let last = from.wrapping_add(behind);
        // SAFETY: the caller's.
        let [first, last] = each!([from, last], |half| unsafe { v.load(half, half) });
        let [first, last] = each!([first, last], |half| if TURN { half.reverse() } else { half });
        each!([0, 1], |n| {
            if n * V::LANES < 2 {
                let ([of_first, of_last, ..], [now, next]) = (prepared[n], marks[n]);
                let x = first.shuffle(of_first).or(last.shuffle(of_last)).or(now);
                // SAFETY: the caller's.
                unsafe { x.store(to.wrapping_add(n * LANE)) };
                marks[n] = [next, now];
            }
        });
        from = from.wrapping_add(block.read);
        to = to.wrapping_add(block.written);
    }
}
