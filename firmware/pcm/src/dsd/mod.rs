//! One-bit streams (DSD): how they come out of files, and how they go onto the wire.
//!
//! Files differ in bit order and in how channels are laid out (DSF: oldest bit least significant, a block for each channel;
//! DSDIFF: oldest bit most significant, a byte of each channel in turn), wires in word length and byte order. One pass
//! converts between any two.

mod kernel;
mod packer;
#[expect(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "instruction sets that not every CPU has, and their pointers"
)]
mod simd;

use crate::{ChannelOrder, MAX_CHANNELS, Planes, Shape};

pub use packer::{Begun, DsdPacker, Packed};

/// Where in a byte of a one-bit stream the oldest bit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitOrder {
    /// The most significant bit is the oldest: DSDIFF, and every wire.
    MsbFirst,
    /// The least significant bit is the oldest: DSF.
    LsbFirst,
}

/// A piece of a one-bit stream. A frame is a byte of each channel: eight samples.
#[derive(Clone, Copy, Debug)]
pub struct Dsd<'a> {
    bytes: Bytes<'a>,
    order: BitOrder,
}

/// How the channels lie.
#[derive(Clone, Copy, Debug)]
enum Bytes<'a> {
    /// A slice for each.
    Planar(Planes<'a, u8>),
    /// A byte of each in turn: whole frames of two channels or more.
    Interleaved {
        /// The frames.
        bytes: &'a [u8],
        /// 2 to [`MAX_CHANNELS`].
        channels: usize,
        /// Which of them are which of the stream's.
        places: ChannelOrder,
    },
}

impl<'a> Dsd<'a> {
    /// One slice of bytes per channel.
    #[must_use]
    pub const fn planar(planes: Planes<'a, u8>, order: BitOrder) -> Self {
        Self { bytes: Bytes::Planar(planes), order }
    }

    /// A byte of each channel in turn.
    ///
    /// # Errors
    /// [`Shape`], if there are no or too many channels, or if the last frame isn't whole.
    pub fn interleaved(bytes: &'a [u8], channels: usize, order: BitOrder) -> Result<Self, Shape> {
        match channels {
            1 => Ok(Self::planar(Planes::new([bytes])?, order)),
            2..=MAX_CHANNELS if bytes.len().is_multiple_of(channels) => {
                Ok(Self { bytes: Bytes::Interleaved { bytes, channels, places: ChannelOrder::SAME }, order })
            }
            2..=MAX_CHANNELS => Err(Shape::Lengths),
            _ => Err(Shape::Channels(channels)),
        }
    }

    /// Bytes in each channel.
    #[must_use]
    pub const fn frames(&self) -> usize {
        match self.bytes {
            Bytes::Planar(planes) => planes.frames(),
            Bytes::Interleaved { bytes, channels, .. } => match bytes.len().checked_div(channels) {
                Some(frames) => frames,
                None => 0,
            },
        }
    }

    /// How many channels there are, 1 to [`MAX_CHANNELS`].
    #[must_use]
    pub const fn channels(&self) -> usize {
        match self.bytes {
            Bytes::Planar(planes) => planes.channels(),
            Bytes::Interleaved { channels, .. } => channels,
        }
    }

    /// The frames from `start` on, at most `frames` of them; empty when `start` is past the end.
    #[must_use]
    pub fn part(&self, start: usize, frames: usize) -> Self {
        let bytes = match self.bytes {
            Bytes::Planar(planes) => Bytes::Planar(planes.part(start, frames)),
            Bytes::Interleaved { bytes, channels, places } => {
                let start = start.saturating_mul(channels).min(bytes.len());
                let end = start.saturating_add(frames.saturating_mul(channels)).min(bytes.len());
                Bytes::Interleaved { bytes: bytes.get(start..end).unwrap_or_default(), channels, places }
            }
        };
        Self { bytes, ..*self }
    }

    /// The same channels in another order.
    #[must_use]
    pub fn ordered(&self, order: &ChannelOrder) -> Self {
        let bytes = match self.bytes {
            Bytes::Planar(planes) => Bytes::Planar(planes.ordered(order)),
            Bytes::Interleaved { bytes, channels, places } => {
                Bytes::Interleaved { bytes, channels, places: places.ordered(order) }
            }
        };
        Self { bytes, ..*self }
    }

    /// Whether a frame's bytes go onto the wire in another order than they have.
    const fn is_permuted(&self) -> bool {
        matches!(self.bytes, Bytes::Interleaved { places, .. } if !places.is_same())
    }

    /// The bytes of a channel with the oldest bit most significant; none if there is no such channel.
    pub fn channel(&self, channel: usize) -> impl Iterator<Item = u8> + use<'a> {
        let (bytes, skip, step): (&'a [u8], _, _) = match self.bytes {
            Bytes::Planar(planes) => (planes.iter().nth(channel).unwrap_or_default(), 0, 1),
            Bytes::Interleaved { bytes, channels, places } if channel < channels => {
                (bytes, places.get(channel), channels.max(1))
            }
            Bytes::Interleaved { .. } => (&[], 0, 1),
        };
        let order = self.order;
        bytes.iter().skip(skip).step_by(step).map(move |&byte| match order {
            BitOrder::MsbFirst => byte,
            BitOrder::LsbFirst => byte.reverse_bits(),
        })
    }
}
