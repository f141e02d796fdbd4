//! Decoded audio, as decoders hand it out: one slice per channel.

use crate::{ChannelOrder, Dsd, MAX_CHANNELS};

/// Why some slices are no [`Planes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// There are no channels, or more than [`MAX_CHANNELS`].
    Channels(usize),
    /// The slices aren't of one length.
    Lengths,
}

impl core::fmt::Display for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Channels(n) => write!(f, "{n} channels where 1 to {MAX_CHANNELS} are possible"),
            Self::Lengths => f.write_str("the channels aren't of one length"),
        }
    }
}

impl core::error::Error for Shape {}

/// One slice per channel, all of one length.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a, T> {
    planes: [&'a [T]; MAX_CHANNELS],
    channels: usize,
    frames: usize,
}

impl<'a, T> Planes<'a, T> {
    /// Takes one slice per channel.
    ///
    /// # Errors
    /// [`Shape`], if there are no or too many channels, or if they aren't of one length.
    pub fn new<I>(channels: I) -> Result<Self, Shape>
    where
        I: IntoIterator<Item = &'a [T]>,
    {
        let mut planes: [&'a [T]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        let mut count = 0;
        for plane in channels {
            if let Some(slot) = planes.get_mut(count) {
                *slot = plane;
            }
            count += 1;
        }
        let [first, ..] = planes;
        match planes.get(..count) {
            None | Some([]) => Err(Shape::Channels(count)),
            Some(used) if used.iter().any(|plane| plane.len() != first.len()) => Err(Shape::Lengths),
            Some(_) => Ok(Self { planes, channels: count, frames: first.len() }),
        }
    }

    /// How many channels there are, 1 to [`MAX_CHANNELS`].
    #[must_use]
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Samples in each channel.
    #[must_use]
    pub const fn frames(&self) -> usize {
        self.frames
    }

    /// The channels, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [T]> {
        self.planes.into_iter().take(self.channels)
    }

    /// The same channels in another order.
    #[must_use]
    pub fn ordered(&self, order: &ChannelOrder) -> Self {
        let mut planes: [&'a [T]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        for (n, plane) in planes.iter_mut().enumerate().take(self.channels) {
            *plane = self.planes.get(order.get(n)).copied().unwrap_or_default();
        }
        Self { planes, ..*self }
    }

    /// The frames from `start` on, at most `frames` of them; empty when `start` is past the end.
    #[must_use]
    pub fn part(&self, start: usize, frames: usize) -> Self {
        let start = start.min(self.frames);
        let end = start.saturating_add(frames).min(self.frames);
        let mut planes: [&'a [T]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        for (part, plane) in planes.iter_mut().zip(self.iter()) {
            *part = plane.get(start..end).unwrap_or_default();
        }
        Self { planes, channels: self.channels, frames: end - start }
    }
}

/// A piece of decoded audio. Full scale is the type's own: integers are *left*-justified (the most significant bit of a
/// 12-bit sample is bit 15 of an `i16`, bit 31 of an `i32`), floats reach from -1.0 to 1.0.
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a> {
    /// Sources of at most 16 bits.
    S16(Planes<'a, i16>),
    /// Sources of at most 32 bits.
    S32(Planes<'a, i32>),
    /// Float and lossy sources.
    F32(Planes<'a, f32>),
    /// One-bit sources; a frame is a byte of each channel.
    Dsd(Dsd<'a>),
}

impl Samples<'_> {
    /// The same channels in another order.
    #[must_use]
    pub fn ordered(&self, order: &ChannelOrder) -> Self {
        match self {
            Self::S16(planes) => Self::S16(planes.ordered(order)),
            Self::S32(planes) => Self::S32(planes.ordered(order)),
            Self::F32(planes) => Self::F32(planes.ordered(order)),
            Self::Dsd(dsd) => Self::Dsd(dsd.ordered(order)),
        }
    }

    /// Samples in each channel; of DSD bytes in each channel.
    #[must_use]
    pub const fn frames(&self) -> usize {
        match self {
            Self::S16(planes) => planes.frames(),
            Self::S32(planes) => planes.frames(),
            Self::F32(planes) => planes.frames(),
            Self::Dsd(dsd) => dsd.frames(),
        }
    }

    /// How many channels there are.
    #[must_use]
    pub const fn channels(&self) -> usize {
        match self {
            Self::S16(planes) => planes.channels(),
            Self::S32(planes) => planes.channels(),
            Self::F32(planes) => planes.channels(),
            Self::Dsd(dsd) => dsd.channels(),
        }
    }

    /// The frames from `start` on, at most `frames` of them.
    #[must_use]
    pub fn part(&self, start: usize, frames: usize) -> Self {
        match self {
            Self::S16(planes) => Self::S16(planes.part(start, frames)),
            Self::S32(planes) => Self::S32(planes.part(start, frames)),
            Self::F32(planes) => Self::F32(planes.part(start, frames)),
            Self::Dsd(dsd) => Self::Dsd(dsd.part(start, frames)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_of_one_length_and_at_most_eight() {
        assert_eq!(Planes::<i16>::new([]).unwrap_err(), Shape::Channels(0));
        assert_eq!(Planes::<i16>::new([&[0i16][..]; 9]).unwrap_err(), Shape::Channels(9));
        assert_eq!(Planes::new([&[0i16][..], &[][..]]).unwrap_err(), Shape::Lengths);
        let planes = Planes::new([&[1, 2, 3][..], &[4, 5, 6][..]]).unwrap();
        assert_eq!((planes.channels(), planes.frames()), (2, 3));
    }

    #[test]
    fn a_part_never_reaches_past_the_end() {
        let planes = Planes::new([&[1, 2, 3][..]]).unwrap();
        assert_eq!(planes.part(1, usize::MAX).iter().next(), Some(&[2, 3][..]));
        assert_eq!(planes.part(7, 1).frames(), 0);
    }
}
