//! Three channels or more: a lane is made of a frame's samples of four channels, and four such lanes change rows for columns.
//!
//! Of more than four channels the last four are a second group, of which those that the first has done aren't stored; of three
//! the fourth sample is the next frame's, and isn't either. Numbers of 2 bytes are first put together by twos of a channel.

use super::{LANE, Lanes, Shuffle};
use crate::MAX_CHANNELS;

/// Channels that are done at a time.
pub(crate) const GROUP: usize = 4;

/// The bytes of all channels' planes, of which as many are used as there are channels.
pub(super) type Planes<'a> = [&'a mut [u8]; MAX_CHANNELS];

/// How frames lie in the source, and what planes are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frames {
    /// Three to [`MAX_CHANNELS`].
    pub(crate) channels: usize,
    /// Bytes of a sample in the source, 1 to 4.
    pub(crate) bytes: usize,
    /// Bytes of a plane's numbers, 2 or 4.
    pub(crate) size: usize,
}

/// As far as whole vectors reach; returns the bytes that each plane got.
#[inline(always)]
pub(super) fn more<V: Lanes>(v: V, shuffle: &Shuffle, frames: &Frames, src: &[u8], planes: Planes<'_>) -> usize {
    /// Of so many channels.
    macro_rules! of {
        ($($channels:literal),+) => {
            match (frames.channels, frames.size) {
                $(
                    ($channels, 2) => groups::<V, $channels, true>(v, shuffle, frames.bytes, src, planes),
                    ($channels, 4) => groups::<V, $channels, false>(v, shuffle, frames.bytes, src, planes),
                )+
                _ => 0,
            }
        };
    }
    of!(3, 4, 5, 6, 7, 8)
}

/// [`more`] of `N` channels to numbers of 2 bytes, if `NARROW`, or else of 4.
#[inline(always)]
fn groups<V: Lanes, const N: usize, const NARROW: bool>(
    v: V,
    shuffle: &Shuffle,
    bytes: usize,
    src: &[u8],
    mut planes: Planes<'_>,
) -> usize {
    let (frame, written) = (N * bytes, V::LANES * LANE);
    // Frames of a lane of a plane, and of a vector.
    let in_lane = if NARROW { 8 } else { 4 };
    let in_vector = in_lane * V::LANES;
    let room = planes.iter().take(N).map(|plane| plane.len()).fold(usize::MAX, usize::min) / written;
    // A lane is read whole, of whatever bytes its samples are.
    let beyond = LANE.saturating_sub(N.min(GROUP) * bytes);
    let there = src.len().saturating_sub(beyond).checked_div(frame * in_vector).unwrap_or(0);
    let steps = if shuffle.step == 0 { 0 } else { there.min(room) };
    // SAFETY: it is a lane, taken for each.
    let numbers = unsafe { v.load(shuffle.numbers.as_ptr(), 0) };
    let to = planes.each_mut().map(|plane| plane.as_mut_ptr());
    for n in 0..steps {
        let block = src.as_ptr().wrapping_add(n * in_vector * frame);
        // The second group's are those that the first hasn't done.
        each!([(0, 0), (GROUP, N.saturating_sub(GROUP))], |(wanted, first)| {
            let from = block.wrapping_add(first * bytes);
            let rows = each!([0, 1, 2, 3], |row| {
                if NARROW {
                    // SAFETY: `there` counts what is there.
                    let a = unsafe { v.load(from.wrapping_add(2 * row * frame), in_lane * frame) };
                    // SAFETY: as above.
                    let b = unsafe { v.load(from.wrapping_add((2 * row + 1) * frame), in_lane * frame) };
                    a.shuffle(numbers).zip_16(b.shuffle(numbers))
                } else {
                    // SAFETY: as above.
                    unsafe { v.load(from.wrapping_add(row * frame), in_lane * frame) }.shuffle(numbers)
                }
            });
            let [a, b, c, d] = columns(rows);
            each!([(first, a), (first + 1, b), (first + 2, c), (first + 3, d)], |(channel, x)| {
                if (wanted..N).contains(&channel) {
                    // SAFETY: `room` counts what every plane has room for.
                    unsafe { x.store(to[channel].wrapping_add(n * written)) };
                }
            });
        });
    }
    steps * written
}

/// Rows of 32-bit numbers become columns, lane by lane.
#[inline(always)]
fn columns<V: Lanes>([a, b, c, d]: [V; 4]) -> [V; 4] {
    let ([ab, ab_upper], [cd, cd_upper]) = (a.zip(b), c.zip(d));
    let ([first, second], [third, fourth]) = (ab.halves(cd), ab_upper.halves(cd_upper));
    [first, second, third, fourth]
}
