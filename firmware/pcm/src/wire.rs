//! What travels through the ring and into the DAC.

use core::fmt;

/// A sample's layout on the wire, named as ALSA names it (`snd_pcm_format_t`, alsa-lib `pcm.h`), and what it means.
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
    /// 8 bits of DSD.
    DsdU8 = 5,
    /// 16 bits of DSD; the later byte lies first.
    DsdU16Le = 6,
    /// 16 bits of DSD in the order of time.
    DsdU16Be = 7,
    /// 32 bits of DSD; the latest byte lies first.
    DsdU32Le = 8,
    /// 32 bits of DSD in the order of time.
    DsdU32Be = 9,
    /// DSD over PCM in `S24_3LE`: 16 bits of DSD below a marker.
    DopS24_3Le = 10,
    /// DSD over PCM in `S24_LE`.
    DopS24Le = 11,
    /// DSD over PCM in `S32_LE`: the 24 bits of DoP are the upper ones, and the lowest byte is 0.
    DopS32Le = 12,
    /// As `S16Le`, the highest byte first.
    S16Be = 13,
    /// As `S24_3Le`, the highest byte first.
    S24_3Be = 14,
    /// As `S24Le`, the highest byte (of the sign alone) first.
    S24Be = 15,
    /// As `S32Le`, the highest byte first.
    S32Be = 16,
}

/// What a sample on the wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// A level.
    Pcm,
    /// A stretch of a one-bit stream, the oldest bit most significant.
    Dsd,
    /// 16 bits of a one-bit stream below a marker, in a PCM sample of 24 bits (dsd-guide.com, "DoP Open Standard 1.1").
    Dop,
}

impl WireFormat {
    /// The PCM formats, narrowest first; of two that hold the same bits, the one with fewer bytes first; of two that differ in
    /// the order of the bytes alone, the one with the highest last, which is the machine's: the other one takes a shuffle more.
    pub const PCM: [Self; 8] =
        [Self::S16Le, Self::S16Be, Self::S24_3Le, Self::S24_3Be, Self::S24Le, Self::S24Be, Self::S32Le, Self::S32Be];

    /// The DSD formats, the one with the longest words first: it takes the fewest frames a second.
    pub const DSD: [Self; 5] = [Self::DsdU32Be, Self::DsdU32Le, Self::DsdU16Be, Self::DsdU16Le, Self::DsdU8];

    /// The formats of DSD over PCM, the one with the fewest bytes first.
    pub const DOP: [Self; 3] = [Self::DopS24_3Le, Self::DopS24Le, Self::DopS32Le];

    /// Every format: PCM, DSD, DoP.
    pub const ALL: [Self; 16] = [
        Self::S16Le,
        Self::S16Be,
        Self::S24_3Le,
        Self::S24_3Be,
        Self::S24Le,
        Self::S24Be,
        Self::S32Le,
        Self::S32Be,
        Self::DsdU32Be,
        Self::DsdU32Le,
        Self::DsdU16Be,
        Self::DsdU16Le,
        Self::DsdU8,
        Self::DopS24_3Le,
        Self::DopS24Le,
        Self::DopS32Le,
    ];

    /// The format with this number, or `None` for a number that this version doesn't know.
    #[must_use]
    pub const fn from_id(id: u32) -> Option<Self> {
        match id {
            1 => Some(Self::S16Le),
            2 => Some(Self::S24_3Le),
            3 => Some(Self::S24Le),
            4 => Some(Self::S32Le),
            5 => Some(Self::DsdU8),
            6 => Some(Self::DsdU16Le),
            7 => Some(Self::DsdU16Be),
            8 => Some(Self::DsdU32Le),
            9 => Some(Self::DsdU32Be),
            10 => Some(Self::DopS24_3Le),
            11 => Some(Self::DopS24Le),
            12 => Some(Self::DopS32Le),
            13 => Some(Self::S16Be),
            14 => Some(Self::S24_3Be),
            15 => Some(Self::S24Be),
            16 => Some(Self::S32Be),
            _ => None,
        }
    }

    /// The number that stands for this format in the ring's protocol; always below 32.
    #[must_use]
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// ALSA's name of the layout, as `snd_pcm_format_name` has it; that of DoP is its carrier's.
    #[must_use]
    pub const fn alsa_name(self) -> &'static str {
        match self {
            Self::S16Le => "S16_LE",
            Self::S24_3Le | Self::DopS24_3Le => "S24_3LE",
            Self::S24Le | Self::DopS24Le => "S24_LE",
            Self::S32Le | Self::DopS32Le => "S32_LE",
            Self::S16Be => "S16_BE",
            Self::S24_3Be => "S24_3BE",
            Self::S24Be => "S24_BE",
            Self::S32Be => "S32_BE",
            Self::DsdU8 => "DSD_U8",
            Self::DsdU16Le => "DSD_U16_LE",
            Self::DsdU16Be => "DSD_U16_BE",
            Self::DsdU32Le => "DSD_U32_LE",
            Self::DsdU32Be => "DSD_U32_BE",
        }
    }

    /// The format with this ALSA name, taken for what ALSA takes it for: never DoP.
    #[must_use]
    pub fn from_alsa_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.carrier() == *format && format.alsa_name() == name)
    }

    /// What a sample is.
    #[must_use]
    pub const fn content(self) -> Content {
        match self {
            Self::S16Le | Self::S24_3Le | Self::S24Le | Self::S32Le => Content::Pcm,
            Self::S16Be | Self::S24_3Be | Self::S24Be | Self::S32Be => Content::Pcm,
            Self::DsdU8 | Self::DsdU16Le | Self::DsdU16Be | Self::DsdU32Le | Self::DsdU32Be => Content::Dsd,
            Self::DopS24_3Le | Self::DopS24Le | Self::DopS32Le => Content::Dop,
        }
    }

    /// Whether a sample is a level, which can be scaled.
    #[must_use]
    pub const fn is_pcm(self) -> bool {
        matches!(self.content(), Content::Pcm)
    }

    /// Whether this is DSD over PCM.
    #[must_use]
    pub const fn is_dop(self) -> bool {
        matches!(self.content(), Content::Dop)
    }

    /// What the DAC is opened with: for DoP the PCM format below it, else the format itself.
    #[must_use]
    pub const fn carrier(self) -> Self {
        match self {
            Self::DopS24_3Le => Self::S24_3Le,
            Self::DopS24Le => Self::S24Le,
            Self::DopS32Le => Self::S32Le,
            other => other,
        }
    }

    /// The PCM format whose highest byte comes last where in this one it comes first; every other format itself.
    #[must_use]
    pub const fn little_endian(self) -> Self {
        match self {
            Self::S16Be => Self::S16Le,
            Self::S24_3Be => Self::S24_3Le,
            Self::S24Be => Self::S24Le,
            Self::S32Be => Self::S32Le,
            other => other,
        }
    }

    /// DoP in this PCM format, if it has the 24 bits that takes.
    #[must_use]
    pub const fn with_dop(self) -> Option<Self> {
        match self {
            Self::S24_3Le => Some(Self::DopS24_3Le),
            Self::S24Le => Some(Self::DopS24Le),
            Self::S32Le => Some(Self::DopS32Le),
            _ => None,
        }
    }

    /// Bytes that one sample takes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::DsdU8 => 1,
            Self::S16Le | Self::S16Be | Self::DsdU16Le | Self::DsdU16Be => 2,
            Self::S24_3Le | Self::S24_3Be | Self::DopS24_3Le => 3,
            Self::S24Le | Self::S24Be | Self::S32Le | Self::S32Be => 4,
            Self::DsdU32Le | Self::DsdU32Be | Self::DopS24Le | Self::DopS32Le => 4,
        }
    }

    /// Significant bits in a sample: of PCM those of its level, of DSD and DoP those of the one-bit stream.
    #[must_use]
    pub const fn bits(self) -> u16 {
        match self {
            Self::DsdU8 => 8,
            Self::S16Le | Self::S16Be | Self::DsdU16Le | Self::DsdU16Be => 16,
            Self::DopS24_3Le | Self::DopS24Le | Self::DopS32Le => 16,
            Self::S24_3Le | Self::S24Le | Self::S24_3Be | Self::S24Be => 24,
            Self::S32Le | Self::S32Be | Self::DsdU32Le | Self::DsdU32Be => 32,
        }
    }
}

impl fmt::Display for WireFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DopS24_3Le => "DoP in S24_3LE",
            Self::DopS24Le => "DoP in S24_LE",
            Self::DopS32Le => "DoP in S32_LE",
            other => other.alsa_name(),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_come_back() {
        for format in WireFormat::ALL {
            assert_eq!(WireFormat::from_id(format.id()), Some(format));
            assert!(format.id() < 32);
            assert_eq!(WireFormat::from_alsa_name(format.alsa_name()), Some(format.carrier()));
            assert_eq!(format.carrier().bytes(), format.bytes());
            assert_eq!(format.carrier().with_dop().is_some_and(|dop| dop == format), format.is_dop());
        }
        assert_eq!(WireFormat::from_id(0), None);
        assert_eq!(WireFormat::from_id(17), None);
        let parts = [&WireFormat::PCM[..], &WireFormat::DSD, &WireFormat::DOP].concat();
        assert_eq!(parts, WireFormat::ALL);
    }
}
