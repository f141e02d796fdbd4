//! How 16 bytes of each of two channels become a wire's.

use super::LANE;
use crate::{Marker, WireFormat};

/// No byte: it becomes 0.
const NONE: u8 = 0x80;

/// Bytes of up to four lanes.
pub(super) type Table = [[u8; LANE]; 4];

/// One wire's.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Of a plane of each channel: the numbers of its bytes that go to each place.
    pub(super) planar: [Table; 2],
    /// Of bytes by turns: the same, counted from the lane's [`offset`].
    pub(super) interleaved: Table,
    /// What is laid over them: markers.
    pub(super) marks: Table,
    /// How many lanes are written: 2 of DSD, 3 or 4 of DoP.
    pub(super) lanes: usize,
}

/// From which of 32 bytes by turns on the 16 lie that one of `lanes` is made of.
#[inline(always)]
pub(super) const fn offset(lanes: usize, lane: usize) -> usize {
    match lanes {
        2 => lane * LANE,
        3 => lane * (LANE / 2),
        _ => lane / 2 * LANE,
    }
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
    let lanes = 2 * SAMPLE / word;
    let none = [[NONE; LANE]; 4];
    let mut recipe = Recipe { planar: [none; 2], interleaved: none, marks: [[0; LANE]; 4], lanes };
    let mut place = 0;
    while place < lanes * LANE {
        let (frame, channel) = (place / (2 * SAMPLE), place / SAMPLE % 2);
        let marker = if odd != (frame % 2 == 1) { Marker::Odd } else { Marker::Even };
        let (lane, at) = (place / LANE, place % LANE);
        match parts[place % SAMPLE] {
            Part::Byte(byte) => {
                let byte = frame * word + byte;
                recipe.planar[channel][lane][at] = byte as u8;
                recipe.interleaved[lane][at] = (2 * byte + channel - offset(lanes, lane)) as u8;
            }
            Part::Marker => recipe.marks[lane][at] = marker.byte(),
            Part::Sign => recipe.marks[lane][at] = ((marker.byte() as i8) >> 7) as u8,
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
