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
}

/// A track's sample format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Frames per second.
    pub rate: u32,
    /// Significant bits of an integer sample (1 to 32); 32 or 64 for float; 0 for lossy, which has no width.
    pub bits: u16,
    /// Channels per frame.
    pub channels: u16,
    /// What the samples are.
    pub encoding: Encoding,
}

impl Source {
    /// Significant bits of an integer or float sample, `None` for a lossy source.
    #[must_use]
    pub const fn width(&self) -> Option<u16> {
        match self.encoding {
            Encoding::Integer | Encoding::Float => Some(self.bits),
            Encoding::Lossy => None,
        }
    }
}
