//! What travels through the ring and into the DAC.

use core::fmt;

/// A sample's layout on the wire, named as ALSA names it (`snd_pcm_format_t`, alsa-lib `pcm.h`).
///
/// The numbers are part of the ring's protocol: they never change and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum WireFormat {
    /// 16 bits in 2 bytes.
    S16Le = 1,
    /// 24 bits in 3 bytes.
    S24_3Le = 2,
    /// 24 bits, right-justified and sign-extended in 4 bytes.
    S24Le = 3,
    /// 32 bits in 4 bytes.
    S32Le = 4,
}

impl WireFormat {
    /// Every format, narrowest first; of two that hold the same bits, the one with fewer bytes first.
    pub const ALL: [Self; 4] = [Self::S16Le, Self::S24_3Le, Self::S24Le, Self::S32Le];

    /// The format with this number, or `None` for a number that this version doesn't know.
    #[must_use]
    pub const fn from_id(id: u32) -> Option<Self> {
        match id {
            1 => Some(Self::S16Le),
            2 => Some(Self::S24_3Le),
            3 => Some(Self::S24Le),
            4 => Some(Self::S32Le),
            _ => None,
        }
    }

    /// The number that stands for this format in the ring's protocol; always below 32.
    #[must_use]
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// ALSA's name, as `snd_pcm_format_name` has it.
    #[must_use]
    pub const fn alsa_name(self) -> &'static str {
        match self {
            Self::S16Le => "S16_LE",
            Self::S24_3Le => "S24_3LE",
            Self::S24Le => "S24_LE",
            Self::S32Le => "S32_LE",
        }
    }

    /// The format with this ALSA name.
    #[must_use]
    pub fn from_alsa_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.alsa_name() == name)
    }

    /// Bytes that one sample takes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::S16Le => 2,
            Self::S24_3Le => 3,
            Self::S24Le | Self::S32Le => 4,
        }
    }

    /// Significant bits in a sample.
    #[must_use]
    pub const fn bits(self) -> u16 {
        match self {
            Self::S16Le => 16,
            Self::S24_3Le | Self::S24Le => 24,
            Self::S32Le => 32,
        }
    }
}

impl fmt::Display for WireFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.alsa_name())
    }
}

/// Everything that has to be equal for two tracks to follow each other without reopening the DAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wire {
    /// Sample layout.
    pub format: WireFormat,
    /// Frames per second, as ALSA counts them.
    pub rate: u32,
    /// Channels per frame, 1 to [`MAX_CHANNELS`](crate::MAX_CHANNELS).
    pub channels: u16,
}

impl Wire {
    /// Bytes that one frame takes.
    #[must_use]
    pub const fn frame_bytes(&self) -> usize {
        self.format.bytes() * self.channels as usize
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} Hz {} ch", self.format, self.rate, self.channels)
    }
}

/// The byte that silence is made of: a DAC fed with it, in this format, is silent.
#[must_use]
pub const fn silence_byte(format: WireFormat) -> u8 {
    match format {
        WireFormat::S16Le | WireFormat::S24_3Le | WireFormat::S24Le | WireFormat::S32Le => 0,
    }
}
