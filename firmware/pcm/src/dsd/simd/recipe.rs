//! How 32 bytes of one, two or four channels by turns become a wire's.

use super::LANE;
use crate::{Marker, WireFormat};

/// No byte: it becomes 0.
pub(super) const NONE: u8 = 0x80;

/// Bytes of up to four lanes.
pub(super) type Table = [[u8; LANE]; 4];

/// One wire's.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The numbers of the bytes that go to each place, counted from the lane's [`offset`].
    pub(super) numbers: Table,
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
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// This byte of the word, the oldest being 0.
    Byte(usize),
    /// The marker.
    Marker,
    /// The marker's sign.
    Sign,
    /// Nothing.
    Zero,
}

impl Part {
    /// What is laid over the place in a frame with this marker.
    pub(super) const fn mark(self, marker: Marker) -> u8 {
        match self {
            Self::Marker => marker.byte(),
            Self::Sign => ((marker.byte() as i8) >> 7) as u8,
            Self::Byte(_) | Self::Zero => 0,
        }
    }
}

/// The places of a sample.
const U8: [Part; 1] = [Part::Byte(0)];
const U16_LE: [Part; 2] = [Part::Byte(1), Part::Byte(0)];
const U16_BE: [Part; 2] = [Part::Byte(0), Part::Byte(1)];
const U32_LE: [Part; 4] = [Part::Byte(3), Part::Byte(2), Part::Byte(1), Part::Byte(0)];
const U32_BE: [Part; 4] = [Part::Byte(0), Part::Byte(1), Part::Byte(2), Part::Byte(3)];
const DOP_24_3: [Part; 3] = [Part::Byte(1), Part::Byte(0), Part::Marker];
const DOP_24: [Part; 4] = [Part::Byte(1), Part::Byte(0), Part::Marker, Part::Sign];
const DOP_32: [Part; 4] = [Part::Zero, Part::Byte(1), Part::Byte(0), Part::Marker];

/// Those of `format`; none of PCM.
pub(super) const fn parts(format: WireFormat) -> &'static [Part] {
    match format {
        WireFormat::DsdU8 => &U8,
        WireFormat::DsdU16Le => &U16_LE,
        WireFormat::DsdU16Be => &U16_BE,
        WireFormat::DsdU32Le => &U32_LE,
        WireFormat::DsdU32Be => &U32_BE,
        WireFormat::DopS24_3Le => &DOP_24_3,
        WireFormat::DopS24Le => &DOP_24,
        WireFormat::DopS32Le => &DOP_32,
        WireFormat::S16Le
        | WireFormat::S24_3Le
        | WireFormat::S24Le
        | WireFormat::S32Le
        | WireFormat::S16Be
        | WireFormat::S24_3Be
        | WireFormat::S24Be
        | WireFormat::S32Be => &[],
    }
}

/// For samples of these parts, `word` bytes of a channel each. `odd`: the first frame carries the second marker.
const fn recipe<const SAMPLE: usize>(parts: [Part; SAMPLE], word: usize, channels: usize, odd: bool) -> Recipe {
    let lanes = 2 * SAMPLE / word;
    let mut recipe = Recipe { numbers: [[NONE; LANE]; 4], marks: [[0; LANE]; 4], lanes };
    let mut place = 0;
    while place < lanes * LANE {
        let (frame, channel) = (place / (channels * SAMPLE), place / SAMPLE % channels);
        let marker = if odd != (frame % 2 == 1) { Marker::Odd } else { Marker::Even };
        let (lane, at) = (place / LANE, place % LANE);
        let part = parts[place % SAMPLE];
        if let Part::Byte(byte) = part {
            let number = (frame * word + byte) * channels + channel - offset(lanes, lane);
            assert!(number < LANE, "a lane is made of 16 bytes");
            recipe.numbers[lane][at] = number as u8;
        }
        recipe.marks[lane][at] = part.mark(marker);
        place += 1;
    }
    recipe
}

/// Those of one, two and four channels: of each with either marker first.
type Recipes = [[Recipe; 2]; 3];

const fn recipes<const SAMPLE: usize>(parts: [Part; SAMPLE], word: usize) -> Recipes {
    [
        [recipe(parts, word, 1, false), recipe(parts, word, 1, true)],
        [recipe(parts, word, 2, false), recipe(parts, word, 2, true)],
        [recipe(parts, word, 4, false), recipe(parts, word, 4, true)],
    ]
}

static OF_U8: Recipes = recipes(U8, 1);
static OF_U16_LE: Recipes = recipes(U16_LE, 2);
static OF_U16_BE: Recipes = recipes(U16_BE, 2);
static OF_U32_LE: Recipes = recipes(U32_LE, 4);
static OF_U32_BE: Recipes = recipes(U32_BE, 4);
static OF_DOP_24_3: Recipes = recipes(DOP_24_3, 2);
static OF_DOP_24: Recipes = recipes(DOP_24, 2);
static OF_DOP_32: Recipes = recipes(DOP_32, 2);

impl Recipe {
    /// None for PCM, and for other numbers of channels.
    pub(super) fn of(format: WireFormat, channels: usize, marker: Marker) -> Option<&'static Self> {
        let [mono, stereo, four] = match format {
            WireFormat::DsdU8 => &OF_U8,
            WireFormat::DsdU16Le => &OF_U16_LE,
            WireFormat::DsdU16Be => &OF_U16_BE,
            WireFormat::DsdU32Le => &OF_U32_LE,
            WireFormat::DsdU32Be => &OF_U32_BE,
            WireFormat::DopS24_3Le => &OF_DOP_24_3,
            WireFormat::DopS24Le => &OF_DOP_24,
            WireFormat::DopS32Le => &OF_DOP_32,
            WireFormat::S16Le
            | WireFormat::S24_3Le
            | WireFormat::S24Le
            | WireFormat::S32Le
            | WireFormat::S16Be
            | WireFormat::S24_3Be
            | WireFormat::S24Be
            | WireFormat::S32Be => return None,
        };
        let [even, odd] = match channels {
            1 => mono,
            2 => stereo,
            4 => four,
            _ => return None,
        };
        Some(if matches!(marker, Marker::Even) { even } else { odd })
    }
}
