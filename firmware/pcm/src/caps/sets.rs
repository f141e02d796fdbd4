//! Sets of formats, rates and channel counts.

use crate::WireFormat;

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
    pub(super) mask: u32,
    /// Lowest rate of the continuous range, Hz; the range is empty while `any_min > any_max`.
    pub(super) any_min: u32,
    /// Highest rate of the continuous range, Hz; 0 means that there is no range.
    pub(super) any_max: u32,
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

    /// The set without `rate`. If that parts a range, only the standard rates stay of what lies above.
    #[must_use]
    pub fn without(self, rate: u32) -> Self {
        if !self.contains(rate) {
            return self;
        }
        let ranged = self.in_range(rate);
        let rest = self.iter().filter(|&other| other != rate).fold(Self::EMPTY, Self::with);
        match ranged {
            true if rate > self.any_min => rest.with_any(self.any_min, rate - 1),
            true => rest,
            false => Self { mask: rest.mask & self.mask, ..self },
        }
    }

    /// The rates of both sets. Of two ranges that don't meet the wider one stays, and the standard rates of the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (wide, narrow) = if self.width() < other.width() { (other, self) } else { (self, other) };
        let both = Self { mask: wide.mask | narrow.mask, ..wide };
        if narrow.width() == 0 {
            return both;
        }
        if narrow.any_min <= wide.any_max.saturating_add(1) && wide.any_min <= narrow.any_max.saturating_add(1) {
            return both.with_any(wide.any_min.min(narrow.any_min), wide.any_max.max(narrow.any_max));
        }
        narrow.iter().fold(both, Self::with)
    }

    /// How many rates the range has.
    const fn width(self) -> u64 {
        if self.any_max == 0 { 0 } else { (self.any_max as u64 + 1).saturating_sub(self.any_min as u64) }
    }

    /// Whether a stream of `rate` Hz can be opened.
    #[must_use]
    pub fn contains(self, rate: u32) -> bool {
        self.in_range(rate) || self.standard().any(|standard| standard == rate)
    }

    /// The standard rates in the set, range included, lowest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = u32> + Clone {
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

    /// The counts of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { mask: self.mask | other.mask }
    }

    /// The counts, lowest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = u16> {
        (1..=8).filter(move |&channels| self.contains(channels))
    }

    /// Whether a stream of `channels` channels can be opened.
    #[must_use]
    pub const fn contains(self, channels: u16) -> bool {
        matches!(channels, 1..=8) && self.mask & (1 << (channels - 1)) != 0
    }

    /// The most channels of all, or `None` for an empty set.
    #[must_use]
    pub fn max(self) -> Option<u16> {
        self.iter().next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

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

    #[test]
    fn sets_of_rates_are_joined_and_parted() {
        let few: RateSet = [44_100, 96_000].into_iter().collect();
        assert_eq!(few.and(RateSet::EMPTY.with(48_000)), few.with(48_000));
        assert_eq!(RateSet::any(1, 48_000).and(RateSet::any(40_000, 50_000)), RateSet::any(1, 50_000));
        assert_eq!(RateSet::any(1, 48_000).and(few), few.with_any(1, 48_000));
        let apart = RateSet::any(40_000, 50_000).and(RateSet::any(90_000, 200_000));
        for rate in [44_100, 48_000, 96_000, 123_456] {
            assert!(apart.contains(rate), "{rate}");
        }
        assert!(!apart.contains(64_000) && !apart.contains(45_000));
        assert_eq!(few.without(96_000), RateSet::EMPTY.with(44_100));
        assert_eq!(few.without(48_000), few);
        let parted = RateSet::any(8_000, 192_000).without(96_000);
        assert_eq!(
            parted.iter().collect::<Vec<_>>(),
            RateSet::any(8_000, 192_000).iter().filter(|&rate| rate != 96_000).collect::<Vec<_>>()
        );
        assert!(parted.contains(95_999) && !parted.contains(96_001));
        assert_eq!(RateSet::any(8_000, 8_000).without(8_000).iter().count(), 0);
    }
}
