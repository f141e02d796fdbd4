//! Passages that are too short to be looked for in a whole track, as a microframe's five or six frames at 44.1 or 48 kHz are: they are
//! looked for with their own length, where they are likely to be from.

use std::ops::Range;

use memchr::memmem;

use super::{MOST, Passage, Wanted, equal};

/// Frames that are enough near the place at which they came; fewer only where they are all there is of it.
const NEAR: usize = 3;
/// Frames that are enough anywhere before it.
const FAR: usize = 5;

/// Takes apart what came between two passages that are known. The track's frames of `missing` are those that are due there, from the
/// next one to the one at which it goes on.
pub(super) fn apart(unknown: &[u8], wanted: Wanted<'_>, missing: Range<usize>, recent: usize) -> Vec<Passage> {
    let frame = wanted.frame;
    let total = unknown.len() / frame;
    let mut found = Vec::new();
    // Where nothing is left that is known.
    let (mut now, mut foreign) = (0, 0);
    let foreign_to = |from: usize, to: usize| {
        let first = unknown[from * frame..(from + 1) * frame].to_vec();
        Passage::Foreign { first, frames: to - from }
    };
    // Noise in place of music is nothing but that, and each look takes a while.
    while now < total && total <= recent.max(MOST) && found.len() < MOST {
        let rest = &unknown[now * frame..];
        match known(rest, wanted, &missing, recent, now == 0, total <= MOST) {
            Some(Range { start: at, end }) => {
                if foreign < now {
                    found.push(foreign_to(foreign, now));
                }
                found.push(Passage::Track { at, frames: end - at });
                now += end - at;
                foreign = now;
            }
            None => now += 1,
        }
    }
    if foreign < total {
        found.push(foreign_to(foreign, total));
    }
    found
}

/// The frames of the track that a passage begins with, the longest there are; `whole` if it is looked at from its first frame on, and
/// `far` if the rest of the track is worth a look.
fn known(
    rest: &[u8],
    wanted: Wanted<'_>,
    missing: &Range<usize>,
    recent: usize,
    whole: bool,
    far: bool,
) -> Option<Range<usize>> {
    let Wanted { bytes, frame, .. } = wanted;
    let frames = rest.len() / frame;
    let least = if whole { frames.min(NEAR) } else { NEAR };
    let near = missing.start.saturating_sub(recent)..missing.end.min(missing.start + recent).max(missing.start);
    let longest = |within: Range<usize>, least: usize| {
        let start = within.start * frame;
        let (key, within) = (rest.get(..least * frame)?, bytes.get(start..within.end * frame)?);
        // What is one byte again and again is in no place.
        if key.iter().all(|byte| *byte == key[0]) {
            return None;
        }
        let places = memmem::find_iter(within, key).filter(|at| at % frame == 0);
        let runs = places.map(|at| (equal(rest, &within[at..]) / frame, start / frame + at / frame));
        // Of those that are as long, the last one.
        runs.max().map(|(frames, at)| at..at + frames)
    };
    longest(near, least).or_else(|| longest(0..missing.start, FAR).filter(|_| far))
}
