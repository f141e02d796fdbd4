//! What a track is, before anybody asks what the DAC can take.

/// How a track's samples came to be; it decides what "lossless" can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Integer samples, stored exactly (PCM, FLAC, ALAC).
    Integer,
    /// Floating-point samples, stored exactly (float WAV, `fl32` AIFF-C).
    Float,
    /// The output of a lossy decoder; it has no width of its own.
    Lossy,
    /// A one-bit stream (DSF, DSDIFF).
    Dsd,
}

/// A track's sample format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Frames per second; of DSD bits per second and channel.
    pub rate: u32,
    /// Significant bits of an integer sample (1 to 32); 32 or 64 for float; 0 for lossy, which has no width; 1 for DSD.
    pub bits: u16,
    /// Channels per frame.
    pub channels: u16,
    /// What the samples are.
    pub encoding: Encoding,
}

impl Source {
    /// What is counted as a frame of this source, per second. DSD is counted in bytes of each channel: eight samples.
    #[must_use]
    pub const fn frame_rate(&self) -> u32 {
        match self.encoding {
            Encoding::Dsd => self.rate / 8,
            Encoding::Integer | Encoding::Float | Encoding::Lossy => self.rate,
        }
    }

    /// Significant bits of a sample, `None` for a lossy source.
    #[must_use]
    pub const fn width(&self) -> Option<u16> {
        match self.encoding {
            Encoding::Integer | Encoding::Float | Encoding::Dsd => Some(self.bits),
            Encoding::Lossy => None,
        }
    }
}
