//! What a DAC takes, as fixed-size plain data that fits into a status page.

use crate::{Wire, WireFormat};

/// The rates that [`RateSet`] has a bit for, in Hz: bit `n` stands for `STANDARD_RATES[n]`.
///
/// The order is part of the ring's protocol: rates may be appended, never moved.
pub const STANDARD_RATES: [u32; 28] = [
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000, 128_000, 176_400,
    192_000, 256_000, 352_800, 384_000, 512_000, 705_600, 768_000, 1_024_000, 1_411_200, 1_536_000, 2_822_400,
    3_072_000, 5_644_800, 6_144_000,
];

/// A set of [`WireFormat`]s: bit `id` stands for the format with that number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct FormatSet {
    mask: u32,
}

impl FormatSet {
    /// No format.
    pub const EMPTY: Self = Self { mask: 0 };
    /// Every format that this version knows.
    pub const ALL: Self = Self::of(&WireFormat::ALL);
    /// Every PCM format.
    pub const PCM: Self = Self::of(&WireFormat::PCM);

    const fn of(formats: &[WireFormat]) -> Self {
        let (mut set, mut rest) = (Self::EMPTY, formats);
        while let [first, others @ ..] = rest {
            set = set.with(*first);
            rest = others;
        }
        set
    }

    /// The set with `format` added.
    #[must_use]
    pub const fn with(self, format: WireFormat) -> Self {
        Self { mask: self.mask | 1 << format.id() }
    }

    /// The set of these bits; bits that stand for no known format are dropped.
    #[must_use]
    pub const fn from_mask(mask: u32) -> Self {
        Self { mask: mask & Self::ALL.mask }
    }

    /// The bits.
    #[must_use]
    pub const fn mask(self) -> u32 {
        self.mask
    }

    /// Whether `format` is in the set.
    #[must_use]
    pub const fn contains(self, format: WireFormat) -> bool {
        self.mask & (1 << format.id()) != 0
    }

    /// The formats of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { mask: self.mask | other.mask }
    }

    /// The formats in the set: PCM, narrowest first; then DSD, then DoP.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = WireFormat> {
        WireFormat::ALL.into_iter().filter(move |&format| self.contains(format))
    }
}

impl FromIterator<WireFormat> for FormatSet {
    fn from_iter<I: IntoIterator<Item = WireFormat>>(formats: I) -> Self {
        formats.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// A set of sample rates: some of the [`STANDARD_RATES`], and optionally every rate in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RateSet {
    mask: u32,
    /// Lowest rate of the continuous range, Hz; the range is empty while `any_min > any_max`.
    any_min: u32,
    /// Highest rate of the continuous range, Hz; 0 means that there is no range.
    any_max: u32,
}

impl RateSet {
    /// No rate.
    pub const EMPTY: Self = Self { mask: 0, any_min: 0, any_max: 0 };

    /// Every rate from `min` to `max` Hz, both included.
    #[must_use]
    pub const fn any(min: u32, max: u32) -> Self {
        Self { mask: 0, any_min: min, any_max: max }
    }

    /// The set with every rate from `min` to `max` Hz added; a range that was there is replaced.
    #[must_use]
    pub const fn with_any(self, min: u32, max: u32) -> Self {
        Self { mask: self.mask, any_min: min, any_max: max }
    }

    /// The set with `rate` added. A rate that isn't one of the [`STANDARD_RATES`] can't be added one by one: the set
    /// stays as it is.
    #[must_use]
    pub fn with(self, rate: u32) -> Self {
        let bit = STANDARD_RATES.iter().position(|&standard| standard == rate).map_or(0, |n| 1 << n);
        Self { mask: self.mask | bit, ..self }
    }

    /// Whether a stream of `rate` Hz can be opened.
    #[must_use]
    pub fn contains(self, rate: u32) -> bool {
        self.in_range(rate) || self.standard().any(|standard| standard == rate)
    }

    /// The standard rates in the set, range included, lowest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = u32> {
        STANDARD_RATES.into_iter().filter(move |&rate| self.contains(rate))
    }

    /// The highest rate of all, or `None` for an empty set.
    #[must_use]
    pub fn max(self) -> Option<u32> {
        let range = if self.any_min <= self.any_max && self.any_max != 0 { Some(self.any_max) } else { None };
        self.standard().next_back().max(range)
    }

    fn in_range(self, rate: u32) -> bool {
        self.any_max != 0 && (self.any_min..=self.any_max).contains(&rate)
    }

    fn standard(self) -> impl DoubleEndedIterator<Item = u32> {
        STANDARD_RATES.into_iter().enumerate().filter(move |(n, _)| self.mask >> n & 1 == 1).map(|(_, rate)| rate)
    }
}

impl FromIterator<u32> for RateSet {
    fn from_iter<I: IntoIterator<Item = u32>>(rates: I) -> Self {
        rates.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// A set of channel counts: bit `n - 1` stands for `n` channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ChannelSet {
    mask: u32,
}

impl ChannelSet {
    /// No channel count.
    pub const EMPTY: Self = Self { mask: 0 };
    /// 1 to 8 channels.
    pub const ALL: Self = Self { mask: 0xff };
    /// Stereo only, as most DACs are.
    pub const STEREO: Self = Self { mask: 0b10 };

    /// The set with `channels` added; counts outside 1 to 8 leave it as it is.
    #[must_use]
    pub const fn with(self, channels: u16) -> Self {
        match channels {
            1..=8 => Self { mask: self.mask | 1 << (channels - 1) },
            _ => self,
        }
    }

    /// The set of these bits; bits above the eighth are dropped.
    #[must_use]
    pub const fn from_mask(mask: u32) -> Self {
        Self { mask: mask & Self::ALL.mask }
    }

    /// The bits.
    #[must_use]
    pub const fn mask(self) -> u32 {
        self.mask
    }

    /// Whether a stream of `channels` channels can be opened.
    #[must_use]
    pub const fn contains(self, channels: u16) -> bool {
        matches!(channels, 1..=8) && self.mask & (1 << (channels - 1)) != 0
    }

    /// The most channels of all, or `None` for an empty set.
    #[must_use]
    pub fn max(self) -> Option<u16> {
        (1..=8).rev().find(|&channels| self.contains(channels))
    }
}

/// What a DAC takes. Any combination of a format, a rate and a channel count in here can be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Caps {
    /// Sample layouts. A DoP format is a member where it is known that the DAC understands it.
    pub formats: FormatSet,
    /// Sample rates.
    pub rates: RateSet,
    /// Channel counts.
    pub channels: ChannelSet,
    /// Whether the DAC has a volume control of its own.
    pub mixer: bool,
}

impl Caps {
    /// Whether the DAC can be opened with `wire`. It takes DoP, knowing it or not, where it takes the PCM format below.
    #[must_use]
    pub fn takes(&self, wire: &Wire) -> bool {
        self.formats.contains(wire.format.carrier())
            && self.rates.contains(wire.rate)
            && self.channels.contains(wire.channels)
    }

    /// How many words [`to_words`](Self::to_words) gives.
    pub const WORDS: usize = 6;

    /// The form in which caps cross a process boundary: words that may hold anything without being undefined.
    #[must_use]
    pub const fn to_words(&self) -> [u32; Self::WORDS] {
        let Self { formats, rates, channels, mixer } = *self;
        [formats.mask, rates.mask, rates.any_min, rates.any_max, channels.mask, mixer as u32]
    }

    /// Reads what [`to_words`](Self::to_words) wrote; unknown bits are dropped, so every input is valid.
    #[must_use]
    pub const fn from_words(words: [u32; Self::WORDS]) -> Self {
        let [formats, mask, any_min, any_max, channels, mixer] = words;
        Self {
            formats: FormatSet::from_mask(formats),
            rates: RateSet { mask: mask & ((1 << STANDARD_RATES.len()) - 1), any_min, any_max },
            channels: ChannelSet::from_mask(channels),
            mixer: mixer != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn words_carry_everything() {
        let caps = Caps {
            formats: [WireFormat::S16Le, WireFormat::S32Le].into_iter().collect(),
            rates: [44_100, 96_000].into_iter().collect::<RateSet>().with_any(1, 7),
            channels: ChannelSet::EMPTY.with(1).with(8),
            mixer: true,
        };
        assert_eq!(Caps::from_words(caps.to_words()), caps);
    }

    #[test]
    fn unknown_bits_are_dropped() {
        let caps = Caps::from_words([u32::MAX; Caps::WORDS]);
        assert_eq!(caps.formats, FormatSet::ALL);
        assert_eq!(caps.channels, ChannelSet::ALL);
        assert_eq!(caps.rates.iter().count(), STANDARD_RATES.len());
    }

    #[test]
    fn rates_are_standard_ones_or_a_range() {
        let rates: RateSet = [44_100, 48_000, 47_999].into_iter().collect();
        assert_eq!(rates.iter().collect::<Vec<_>>(), [44_100, 48_000]);
        assert!(!rates.contains(47_999), "a rate that isn't standard can't be a member");
        let rates = RateSet::any(1, 1_536_000);
        assert!(rates.contains(47_999) && !rates.contains(0) && !rates.contains(1_536_001));
        assert_eq!(rates.max(), Some(1_536_000));
        assert_eq!(RateSet::EMPTY.max(), None);
        assert!(!RateSet::EMPTY.contains(0));
    }

    #[test]
    fn channel_counts_outside_one_to_eight_are_no_members() {
        let set = ChannelSet::EMPTY.with(0).with(9).with(u16::MAX);
        assert_eq!(set, ChannelSet::EMPTY);
        assert!(!ChannelSet::ALL.contains(0) && !ChannelSet::ALL.contains(9));
        assert_eq!(ChannelSet::STEREO.max(), Some(2));
    }
}
