//! Which conversions there are.

/// Bits of one channel that make a sample of the middle rate (352.8 or 384 kHz).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Block {
    /// DSD64.
    Bits8,
    /// DSD128.
    Bits16,
    /// DSD256.
    Bits32,
    /// DSD512.
    Bits64,
    /// DSD1024.
    Bits128,
}

impl Block {
    /// How many bits.
    pub(super) const fn bits(self) -> u32 {
        match self {
            Self::Bits8 => 8,
            Self::Bits16 => 16,
            Self::Bits32 => 32,
            Self::Bits64 => 64,
            Self::Bits128 => 128,
        }
    }
}

/// Samples of the middle rate for each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// To 352.8 or 384 kHz.
    One,
    /// To 176.4 or 192 kHz.
    Two,
    /// To 88.2 or 96 kHz.
    Four,
}

impl Step {
    /// How many samples.
    pub(super) const fn samples(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}

/// From a bit rate to a PCM rate: DSD64, 128, 256, 512 or 1024 to 2, 4 or 8 times the rate that the bit rate is a
/// multiple of (44.1 or 48 kHz).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conversion {
    pub(super) block: Block,
    pub(super) step: Step,
}

impl Conversion {
    /// The conversion of `bit_rate` (bits per second and channel, 2 822 400 for DSD64) to `rate` (Hz); `None` if there is
    /// none, as between the families of 44.1 and 48 kHz.
    #[must_use]
    pub const fn new(bit_rate: u32, rate: u32) -> Option<Self> {
        let base = if bit_rate.is_multiple_of(44_100) { 44_100 } else { 48_000 };
        if !bit_rate.is_multiple_of(base) || !rate.is_multiple_of(base) {
            return None;
        }
        let block = match bit_rate / base {
            64 => Block::Bits8,
            128 => Block::Bits16,
            256 => Block::Bits32,
            512 => Block::Bits64,
            1024 => Block::Bits128,
            _ => return None,
        };
        let step = match rate / base {
            8 => Step::One,
            4 => Step::Two,
            2 => Step::Four,
            _ => return None,
        };
        Some(Self { block, step })
    }

    /// Bits of each channel for each frame: 8 to 512.
    #[must_use]
    pub const fn bits_per_frame(self) -> u32 {
        self.block.bits() * self.step.samples()
    }

    /// Frames that so many bytes of a channel become: the last one may stand for less than a whole frame's bits.
    #[must_use]
    pub const fn frames(self, bytes: u64) -> u64 {
        bytes.div_ceil(self.bits_per_frame() as u64 / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fifteen_conversions_in_each_family() {
        for base in [44_100, 48_000] {
            for (dsd, bits) in [(64, 8), (128, 16), (256, 32), (512, 64), (1024, 128)] {
                for (times, samples) in [(8, 1), (4, 2), (2, 4)] {
                    let conversion = Conversion::new(dsd * base, times * base);
                    assert_eq!(conversion.map(Conversion::bits_per_frame), Some(bits * samples));
                }
            }
        }
        let none = [(2_822_400, 44_100), (2_822_400, 192_000), (3_072_000, 176_400), (0, 0), (44_100, 88_200), (1, 1)];
        for (bit_rate, rate) in none {
            assert_eq!(Conversion::new(bit_rate, rate), None, "{bit_rate} to {rate}");
        }
    }

    #[test]
    fn frames_are_rounded_up() {
        let conversion = Conversion::new(22_579_200, 176_400).unwrap();
        assert_eq!([0, 1, 16, 17, u64::MAX].map(|bytes| conversion.frames(bytes)), [0, 1, 1, 2, 1 << 60]);
    }
}
