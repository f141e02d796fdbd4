//! What came, explained by what should have: where they differ, what it is that differs.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use memchr::memmem;
use serde::Serialize;

mod short;

/// Frames by which a passage is recognised. Music that repeats itself within so few isn't told apart.
const KEY: usize = 8;
/// So many passages are looked at; beyond that it is too broken to say more.
const MOST: usize = 64;
/// What came again begins at most so long back where it is a repeat, ms: what the driver has on its way at a time (`MAX_QUEUE` in
/// sound/usb/card.h is 18). What a buffer still holds from its last round is older.
const RECENT_MS: usize = 20;

/// What should have come.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The track, or several that follow each other.
    pub bytes: &'a [u8],
    /// Bytes of a frame.
    pub frame: usize,
    /// The byte that silence is made of: 0, or 0x69 of DSD.
    pub silence: u8,
}

/// A way in which what came isn't what should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which.
    pub kind: Kind,
    /// Where in what should have come, in frames.
    pub at: usize,
    /// How many frames it is.
    pub frames: usize,
}

/// Kinds of differences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// They never came.
    Dropped,
    /// They came again, right behind themselves or a few frames later.
    Repeated,
    /// They came too early, before what is before them.
    Swapped,
    /// They came once more, much later.
    Stale,
    /// Silence came before the frame.
    Gap,
    /// Something came before it that is neither the track nor silence; its first bytes.
    Foreign(Vec<u8>),
    /// This byte came, again and again, where there should be silence if anything.
    WrongSilence(u8),
    /// Of DSD over PCM: the frame's marker isn't the other one than before, or not the same in both channels.
    WrongPhase,
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { kind, at, frames } = self;
        match kind {
            Kind::Dropped => write!(f, "{frames} frames are missing from frame {at} on"),
            Kind::Repeated => write!(f, "{frames} frames from frame {at} on came twice"),
            Kind::Swapped => write!(f, "{frames} frames from frame {at} on came before what is before them"),
            Kind::Stale => write!(f, "{frames} frames from frame {at} on came once more, much later"),
            Kind::Gap => write!(f, "{frames} frames of silence before frame {at}"),
            Kind::Foreign(first) => {
                write!(f, "{frames} frames of something else before frame {at}, beginning with {first:02x?}")
            }
            Kind::WrongSilence(byte) => {
                write!(f, "{frames} frames of {byte:#04x} instead of silence before frame {at}")
            }
            Kind::WrongPhase => write!(f, "the DoP marker of {frames} frames from frame {at} on is of the wrong phase"),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Frames that came in order, from the first one on.
    pub in_order: usize,
    /// Frames of silence in front.
    pub before: usize,
    /// Frames of silence behind.
    pub behind: usize,
    /// Differences, in the order in which they came; none: all is equal.
    pub faults: Vec<Fault>,
}

impl Explained {
    /// All that should have come came, in order, with nothing but silence around it.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A passage of what came.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Passage {
    /// Frames of what was wanted, from `at` on.
    Track { at: usize, frames: usize },
    /// One byte, again and again.
    Constant { byte: u8, frames: usize },
    /// Anything else.
    Foreign { first: Vec<u8>, frames: usize },
}

/// Compares whole frames, of which there are `rate` a second.
#[must_use]
pub fn explain(came: &[u8], wanted: Wanted<'_>, rate: u32) -> Explained {
    let recent = rate as usize * RECENT_MS / 1000;
    let passages = passages(came, wanted, recent);
    let total = wanted.bytes.len() / wanted.frame;
    let is_track = |passage: &Passage| matches!(passage, Passage::Track { .. });
    // Where nothing of it came, all lies in front.
    let first = passages.iter().position(is_track).unwrap_or(passages.len());
    let last = passages.iter().rposition(is_track).unwrap_or(first);
    let mut found = Explained { in_order: 0, before: 0, behind: 0, faults: Vec::new() };
    // The frame behind the last one that has come, and passages before it that have not.
    let (mut furthest, mut missing) = (0, Vec::new());
    for (number, passage) in passages.into_iter().enumerate() {
        match passage {
            Passage::Constant { byte, frames } => {
                let around = number < first || number > last;
                if around {
                    *(if number < first { &mut found.before } else { &mut found.behind }) += frames;
                }
                if byte != wanted.silence {
                    found.faults.push(Fault { kind: Kind::WrongSilence(byte), at: furthest, frames });
                } else if !around {
                    found.faults.push(Fault { kind: Kind::Gap, at: furthest, frames });
                }
            }
            Passage::Foreign { first, frames } => {
                found.faults.push(Fault { kind: Kind::Foreign(first), at: furthest, frames });
            }
            Passage::Track { at, frames } => {
                match at.cmp(&furthest) {
                    Ordering::Equal if found.faults.is_empty() && missing.is_empty() => found.in_order = at + frames,
                    Ordering::Equal => {}
                    // Unless it comes yet.
                    Ordering::Greater => missing.push(furthest..at),
                    Ordering::Less => found.faults.push(again(&mut missing, at..at + frames, furthest, recent)),
                }
                furthest = furthest.max(at + frames);
            }
        }
    }
    missing.push(furthest..total);
    let dropped = missing.into_iter().filter(|passage| !passage.is_empty());
    found.faults.extend(dropped.map(|passage| Fault { kind: Kind::Dropped, at: passage.start, frames: passage.len() }));
    found
}

/// What it means that a passage came after what is behind it.
fn again(missing: &mut Vec<Range<usize>>, passage: Range<usize>, furthest: usize, recent: usize) -> Fault {
    let Range { start: at, end } = passage;
    if let Some(place) = missing.iter().position(|hole| hole.contains(&at)) {
        let hole = missing.swap_remove(place);
        missing.extend([hole.start..at, end.min(hole.end)..hole.end]);
        return Fault { kind: Kind::Swapped, at: hole.end, frames: furthest - hole.end };
    }
    let kind = if end >= furthest || furthest - at <= recent { Kind::Repeated } else { Kind::Stale };
    Fault { kind, at, frames: end.min(furthest) - at }
}

fn passages(came: &[u8], wanted: Wanted<'_>, recent: usize) -> Vec<Passage> {
    let Wanted { bytes, frame, .. } = wanted;
    let mut found = Vec::new();
    let mut rest = &came[..came.len() - came.len() % frame];
    let mut expected = 0;
    while !rest.is_empty() && found.len() < MOST {
        let key = &rest[..rest.len().min(KEY * frame)];
        let constant = rest.iter().take_while(|byte| **byte == rest[0]).count() / frame;
        // Where the track goes on is looked at first: silence in it is the track's.
        let at = if bytes.get(expected..).is_some_and(|next| !next.is_empty() && next.starts_with(key)) {
            Some(expected)
        } else if constant >= KEY || constant * frame == rest.len() {
            None
        } else {
            find(bytes, key, frame, expected)
        };
        let (passage, length) = match at {
            Some(at) => {
                let length = equal(rest, &bytes[at..]) / frame * frame;
                expected = at + length;
                (Passage::Track { at: at / frame, frames: length / frame }, length)
            }
            None if constant > 0 => (Passage::Constant { byte: rest[0], frames: constant }, constant * frame),
            None => {
                let length = foreign(rest, wanted, expected);
                let (unknown, behind) = rest.split_at(length);
                let next = behind.get(..KEY * frame).and_then(|key| find(bytes, key, frame, expected));
                let missing = expected / frame..next.unwrap_or(bytes.len()) / frame;
                found.extend(short::apart(unknown, wanted, missing, recent));
                rest = behind;
                continue;
            }
        };
        found.push(passage);
        rest = &rest[length..];
    }
    found
}

/// Where a passage lies in the track, at a whole frame: the first place from `expected` on, or else the last one before it. What is lost
/// is so even where the track holds the same elsewhere.
fn find(bytes: &[u8], key: &[u8], frame: usize, expected: usize) -> Option<usize> {
    let (before, ahead) =
        (bytes.get(..expected + key.len()).unwrap_or(bytes), bytes.get(expected..).unwrap_or_default());
    let first = memmem::find_iter(ahead, key).find(|at| at % frame == 0).map(|at| expected + at);
    first.or_else(|| memmem::rfind_iter(before, key).find(|at| at % frame == 0))
}

/// How many bytes are equal.
fn equal(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Bytes until something is known again: at least a frame.
fn foreign(rest: &[u8], wanted: Wanted<'_>, expected: usize) -> usize {
    let frame = wanted.frame;
    // Not frame by frame: each look is at the whole track.
    let steps = (1..=MOST).map(|step| step * frame).chain((1..).map(|step| (MOST + step * MOST) * frame));
    let known = |at: &usize| {
        let Some(key) = rest.get(*at..*at + KEY * frame) else { return true };
        key.iter().all(|byte| *byte == wanted.silence) || find(wanted.bytes, key, frame, expected).is_some()
    };
    steps.into_iter().find(known).unwrap_or(rest.len()).min(rest.len())
}

#[cfg(test)]
mod tests;
