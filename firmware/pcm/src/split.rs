//! De-interleaving: a container's samples become planes, left-justified.

use crate::kernels::split::{Frames, GROUP, LANE, NONE, Shuffle, bytes, many, one, two};
use crate::{Cpu, MAX_CHANNELS};

/// How samples lie in a container: each channel's in turn, without anything between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interleaved {
    /// Channels, 1 to [`MAX_CHANNELS`].
    pub channels: usize,
    /// Bytes that a sample takes, 1 to 4.
    pub bytes: usize,
    /// Significant bits, the highest ones of those bytes. The others are taken as 0 whatever they hold.
    pub bits: u16,
    /// Whether the highest byte comes first.
    pub highest_first: bool,
    /// Offset binary, as 8-bit WAV has it; else two's complement, or a float.
    pub is_unsigned: bool,
}

/// What planes are made of: numbers of 2 or 4 bytes.
pub trait Number: Copy + private::Sealed {
    /// The highest bits of 32.
    #[doc(hidden)]
    fn from_left_justified(bits: u32) -> Self;
}

mod private {
    /// Numbers of which every pattern of bits is one, so that they can be written byte by byte.
    pub trait Sealed {}
    impl Sealed for i16 {}
    impl Sealed for i32 {}
    impl Sealed for f32 {}
}

impl Number for i16 {
    #[inline]
    fn from_left_justified(bits: u32) -> Self {
        (bits >> 16) as Self
    }
}

impl Number for i32 {
    #[inline]
    fn from_left_justified(bits: u32) -> Self {
        bits as Self
    }
}

impl Number for f32 {
    #[inline]
    fn from_left_justified(bits: u32) -> Self {
        Self::from_bits(bits)
    }
}

/// Takes frames apart: the kernel for a layout, chosen once.
#[derive(Clone, Copy, Debug)]
pub struct Splitter {
    layout: Interleaved,
    cpu: Cpu,
    /// For numbers of 2 bytes, and of 4.
    shuffles: [Shuffle; 2],
}

impl Splitter {
    /// For samples that lie like this, with the best kernel that `cpu` has; `None` if none can lie so.
    #[must_use]
    pub fn new(layout: Interleaved, cpu: Cpu) -> Option<Self> {
        let Interleaved { channels, bytes, bits, .. } = layout;
        let possible = (1..=MAX_CHANNELS).contains(&channels) && (1..=4).contains(&bytes);
        (possible && (1..=8 * bytes).contains(&bits.into())).then(|| Self {
            layout,
            cpu,
            shuffles: [2, 4].map(|size| shuffle(&layout, size)),
        })
    }

    /// Takes whole frames apart: as many as `src` has and the planes of all channels have room for. Returns how many. Integers come
    /// to be left-justified; of what has more bits than a `T`, the lower ones are cut off.
    pub fn split<T: Number>(&self, src: &[u8], planes: &mut [&mut [T]; MAX_CHANNELS]) -> usize {
        let Interleaved { channels, bytes, highest_first, .. } = self.layout;
        let there = src.len().checked_div(channels * bytes).unwrap_or(0);
        let frames = planes.iter().take(channels).map(|plane| plane.len()).fold(there, usize::min);
        let src = src.get(..frames * channels * bytes).unwrap_or_default();
        let done = self.vectors(src, frames, planes);
        match (bytes, highest_first) {
            (1, _) => self.scalar(src, done, planes, |[a]: [u8; 1]| [a, 0, 0, 0]),
            (2, false) => self.scalar(src, done, planes, |[a, b]: [u8; 2]| [b, a, 0, 0]),
            (2, true) => self.scalar(src, done, planes, |[a, b]: [u8; 2]| [a, b, 0, 0]),
            (3, false) => self.scalar(src, done, planes, |[a, b, c]: [u8; 3]| [c, b, a, 0]),
            (3, true) => self.scalar(src, done, planes, |[a, b, c]: [u8; 3]| [a, b, c, 0]),
            (_, false) => self.scalar(src, done, planes, |[a, b, c, d]: [u8; 4]| [d, c, b, a]),
            (_, true) => self.scalar(src, done, planes, |bytes: [u8; 4]| bytes),
        }
        frames
    }

    /// The first frames, as far as vectors reach; returns how many.
    fn vectors<T: Number>(&self, src: &[u8], frames: usize, planes: &mut [&mut [T]; MAX_CHANNELS]) -> usize {
        let [narrow, wide] = &self.shuffles;
        let shuffle = if size_of::<T>() == 2 { narrow } else { wide };
        let mut planes = planes.each_mut().map(|plane| bytes(plane.get_mut(..frames).unwrap_or_default()));
        let [left, right, ..] = &mut planes;
        let written = match self.layout.channels {
            1 => one(self.cpu, shuffle, src, left),
            2 => two(self.cpu, shuffle, src, left, right),
            channels => {
                let frames = Frames { channels, bytes: self.layout.bytes, size: size_of::<T>() };
                many(self.cpu, shuffle, &frames, src, planes)
            }
        };
        written / size_of::<T>()
    }

    /// The frames from `done` on: the reference. `order` puts the highest byte first.
    #[inline(always)]
    fn scalar<T: Number, const N: usize>(
        &self,
        src: &[u8],
        done: usize,
        planes: &mut [&mut [T]; MAX_CHANNELS],
        order: impl Fn([u8; N]) -> [u8; 4],
    ) {
        let Interleaved { channels, bits, is_unsigned, .. } = self.layout;
        let flip = if is_unsigned { 1 << 31 } else { 0 };
        let used = u32::MAX << (32 - u32::from(bits).min(32)).min(31);
        let (samples, _) = src.as_chunks::<N>();
        let samples = samples.get(done * channels..).unwrap_or_default();
        for (channel, plane) in planes.iter_mut().take(channels).enumerate() {
            let samples = samples.iter().skip(channel).step_by(channels.max(1));
            for (&sample, to) in samples.zip(plane.iter_mut().skip(done)) {
                *to = T::from_left_justified((u32::from_be_bytes(order(sample)) ^ flip) & used);
            }
        }
    }
}

/// A lane of numbers of `size` bytes. What no shuffle makes has a step of 0, so that no vector is made.
fn shuffle(layout: &Interleaved, size: usize) -> Shuffle {
    let Interleaved { bytes, bits, highest_first, is_unsigned, .. } = *layout;
    // None is 0, which the compiler can't see by itself.
    let size = size.max(1);
    let (channels, frames) = match layout.channels {
        channels @ 1..=2 => (channels, LANE.checked_div(size * channels).unwrap_or(LANE).max(1)),
        _ => (GROUP, 1),
    };
    let mut numbers = [NONE; LANE];
    for (at, number) in numbers.iter_mut().enumerate() {
        let (sample, from_top) = (at / size, size - 1 - at % size);
        let (channel, frame) = (sample / frames, sample % frames);
        if channel < channels && from_top < usize::from(bits / 8) {
            let byte = if highest_first { from_top } else { bytes - 1 - from_top };
            *number = ((frame * channels + channel) * bytes + byte) as u8;
        }
    }
    let step = frames * channels * bytes;
    let is_possible = step <= LANE && bits.is_multiple_of(8) && !is_unsigned;
    Shuffle { numbers, step: if is_possible { step } else { 0 } }
}
