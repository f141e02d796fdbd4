//! How 16 bytes in the order of DSDIFF, eight of each of two channels, become a wire's.

use super::LANE;
use crate::{Marker, WireFormat};

/// No byte: it becomes 0.
const NONE: u8 = 0x80;

/// One wire's.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The numbers of the bytes that go to each place, in up to two vectors.
    pub(super) shuffles: [[u8; LANE]; 2],
    /// What is laid over them: markers.
    pub(super) marks: [[u8; LANE]; 2],
    /// Bytes that are written: 16, 24 or 32.
    pub(super) bytes: usize,
    /// Frames that these are.
    pub(super) frames: usize,
}

/// What a place in a sample holds.
#[derive(Clone, Copy)]
enum Part {
    /// This byte of the word, the oldest being 0.
    Byte(usize),
    /// The marker.
    Marker,
    /// The marker's sign.
    Sign,
    /// Nothing.
    Zero,
}

/// For samples of these parts, `word` bytes of a channel each. `odd`: the first frame carries the second marker.
const fn recipe<const SAMPLE: usize>(parts: [Part; SAMPLE], word: usize, odd: bool) -> Recipe {
    let frames = 8 / word;
    let bytes = frames * 2 * SAMPLE;
    let mut recipe = Recipe { shuffles: [[NONE; LANE]; 2], marks: [[0; LANE]; 2], bytes, frames };
    let mut place = 0;
    while place < bytes {
        let (frame, channel) = (place / (2 * SAMPLE), place / SAMPLE % 2);
        let marker = if odd != (frame % 2 == 1) { Marker::Odd } else { Marker::Even };
        let (vector, at) = (place / LANE, place % LANE);
        match parts[place % SAMPLE] {
            Part::Byte(byte) => recipe.shuffles[vector][at] = (2 * (frame * word + byte) + channel) as u8,
            Part::Marker => recipe.marks[vector][at] = marker.byte(),
            Part::Sign => recipe.marks[vector][at] = ((marker.byte() as i8) >> 7) as u8,
            Part::Zero => {}
        }
        place += 1;
    }
    recipe
}

/// With either marker first.
const fn both<const SAMPLE: usize>(parts: [Part; SAMPLE], word: usize) -> [Recipe; 2] {
    [recipe(parts, word, false), recipe(parts, word, true)]
}

static U8: Recipe = recipe([Part::Byte(0)], 1, false);
static U16_LE: Recipe = recipe([Part::Byte(1), Part::Byte(0)], 2, false);
static U16_BE: Recipe = recipe([Part::Byte(0), Part::Byte(1)], 2, false);
static U32_LE: Recipe = recipe([Part::Byte(3), Part::Byte(2), Part::Byte(1), Part::Byte(0)], 4, false);
static U32_BE: Recipe = recipe([Part::Byte(0), Part::Byte(1), Part::Byte(2), Part::Byte(3)], 4, false);
static DOP_24_3: [Recipe; 2] = both([Part::Byte(1), Part::Byte(0), Part::Marker], 2);
static DOP_24: [Recipe; 2] = both([Part::Byte(1), Part::Byte(0), Part::Marker, Part::Sign], 2);
static DOP_32: [Recipe; 2] = both([Part::Zero, Part::Byte(1), Part::Byte(0), Part::Marker], 2);

impl Recipe {
    /// None for PCM.
    pub(super) fn of(format: WireFormat, marker: Marker) -> Option<&'static Self> {
        let marked = |[even, odd]: &'static [Self; 2]| match marker {
            Marker::Even => even,
            Marker::Odd => odd,
        };
        match format {
            WireFormat::DsdU8 => Some(&U8),
            WireFormat::DsdU16Le => Some(&U16_LE),
            WireFormat::DsdU16Be => Some(&U16_BE),
            WireFormat::DsdU32Le => Some(&U32_LE),
            WireFormat::DsdU32Be => Some(&U32_BE),
            WireFormat::DopS24_3Le => Some(marked(&DOP_24_3)),
            WireFormat::DopS24Le => Some(marked(&DOP_24)),
            WireFormat::DopS32Le => Some(marked(&DOP_32)),
            WireFormat::S16Le
            | WireFormat::S24_3Le
            | WireFormat::S24Le
            | WireFormat::S32Le
            | WireFormat::S16Be
            | WireFormat::S24_3Be
            | WireFormat::S24Be
            | WireFormat::S32Be => None,
        }
    }
}
