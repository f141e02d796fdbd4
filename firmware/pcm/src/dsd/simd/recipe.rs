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

/// A wire's words.
pub(super) struct Form {
    /// The places of a sample.
    pub(super) parts: &'static [Part],
    /// Those of one, two and four channels: of each with either marker first.
    recipes: [[Recipe; 2]; 3],
}

const fn form<const SAMPLE: usize>(parts: &'static [Part; SAMPLE], word: usize) -> Form {
    let [mono, stereo, four] = [1, 2, 4];
    Form {
        parts,
        recipes: [
            [recipe(*parts, word, mono, false), recipe(*parts, word, mono, true)],
            [recipe(*parts, word, stereo, false), recipe(*parts, word, stereo, true)],
            [recipe(*parts, word, four, false), recipe(*parts, word, four, true)],
        ],
    }
}

static U8: Form = form(&[Part::Byte(0)], 1);
static U16_LE: Form = form(&[Part::Byte(1), Part::Byte(0)], 2);
static U16_BE: Form = form(&[Part::Byte(0), Part::Byte(1)], 2);
static U32_LE: Form = form(&[Part::Byte(3), Part::Byte(2), Part::Byte(1), Part::Byte(0)], 4);
static U32_BE: Form = form(&[Part::Byte(0), Part::Byte(1), Part::Byte(2), Part::Byte(3)], 4);
static DOP_24_3: Form = form(&[Part::Byte(1), Part::Byte(0), Part::Marker], 2);
static DOP_24: Form = form(&[Part::Byte(1), Part::Byte(0), Part::Marker, Part::Sign], 2);
static DOP_32: Form = form(&[Part::Zero, Part::Byte(1), Part::Byte(0), Part::Marker], 2);

impl Form {
    /// None of PCM.
    pub(super) const fn of(format: WireFormat) -> Option<&'static Self> {
        Some(match format {
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
            | WireFormat::S32Be => return None,
        })
    }

    /// None for other numbers of channels than one, two and four.
    pub(super) fn recipe(&self, channels: usize, marker: Marker) -> Option<&Recipe> {
        let [mono, stereo, four] = &self.recipes;
        let [even, odd] = match channels {
            1 => mono,
            2 => stereo,
            4 => four,
            _ => return None,
        };
        Some(if matches!(marker, Marker::Even) { even } else { odd })
    }
}
