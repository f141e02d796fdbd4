//! What a DAC takes, as fixed-size plain data that fits into a status page.

mod sets;

pub use sets::{ChannelSet, FormatSet, RateSet, STANDARD_RATES};

use crate::{Content, Wire, WireFormat};

/// One way of opening a DAC: a format with the rates and channel counts that it takes in that format. Any of these rates can
/// be had with any of these counts. A USB DAC has one or more for each of its alternate settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Sample layout. A DoP format is listed, beside its carrier, where it is known that the DAC understands it.
    pub format: WireFormat,
    /// Sample rates.
    pub rates: RateSet,
    /// Channel counts.
    pub channels: ChannelSet,
    /// Significant bits that the DAC has, from 1 to those of the format; the ones below them it drops.
    pub bits: u16,
}

impl Setting {
    /// A setting with all of the format's bits.
    #[must_use]
    pub const fn new(format: WireFormat, rates: RateSet, channels: ChannelSet) -> Self {
        Self { format, rates, channels, bits: format.bits() }
    }

    /// Whether a stream of this rate and channel count can be opened.
    #[must_use]
    pub fn takes(&self, rate: u32, channels: u16) -> bool {
        self.rates.contains(rate) && self.channels.contains(channels)
    }

    const WORDS: usize = 4;

    const fn to_words(self) -> [u32; Self::WORDS] {
        let Self { format, rates, channels, bits } = self;
        [format.id() | (bits as u32) << 8 | channels.mask() << 16, rates.mask, rates.any_min, rates.any_max]
    }

    fn from_words([first, mask, any_min, any_max]: [u32; Self::WORDS]) -> Option<Self> {
        let format = WireFormat::from_id(first & 0xff)?;
        let rates = RateSet { mask: mask & ((1 << STANDARD_RATES.len()) - 1), any_min, any_max };
        let bits = ((first >> 8 & 0xff) as u16).clamp(1, format.bits());
        Some(Self { format, rates, channels: ChannelSet::from_mask(first >> 16), bits })
    }
}

/// What a DAC takes: a list of at most [`SETTINGS`](Self::SETTINGS) settings. What stands in none of them is refused when it is
/// opened, even if the format, the rate and the channel count each stand in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    settings: [Option<Setting>; Self::SETTINGS],
    /// Whether the DAC has a volume control of its own.
    pub mixer: bool,
}

impl Caps {
    /// How many settings there is room for. A driver with DSD in two layouts and four PCM formats has six; more only if it
    /// takes several channels at lower rates than two.
    pub const SETTINGS: usize = 24;

    /// Every one of these formats with all of the rates and channel counts, and no volume control.
    #[must_use]
    pub fn uniform(formats: FormatSet, rates: RateSet, channels: ChannelSet) -> Self {
        let settings = formats.iter().map(|format| Setting::new(format, rates, channels));
        settings.fold(Self::default(), Self::with)
    }

    /// With one more setting; where there is no room for it, it is left out.
    #[must_use]
    pub fn with(mut self, setting: Setting) -> Self {
        if let Some(place) = self.settings.iter_mut().find(|place| place.is_none()) {
            *place = Some(setting);
        }
        self
    }

    /// With a volume control of its own, or without.
    #[must_use]
    pub const fn with_mixer(mut self, mixer: bool) -> Self {
        self.mixer = mixer;
        self
    }

    /// Without the rate of `wire`, in every setting whose clock would be set to it for the same: for PCM (and DoP, which is PCM to
    /// the clock) in every PCM format, for DSD in that format. A setting without any rate left is none.
    #[must_use]
    pub fn without_rate(&self, wire: Wire) -> Self {
        let concerned = |setting: &Setting| match wire.format.content() {
            Content::Dsd => setting.format == wire.format,
            Content::Pcm | Content::Dop => setting.format.content() != Content::Dsd,
        };
        let settings = self.settings().map(|setting| match concerned(setting) {
            true => Setting { rates: setting.rates.without(wire.rate), ..*setting },
            false => *setting,
        });
        let kept = settings.filter(|setting| setting.rates != RateSet::EMPTY);
        kept.fold(Self::default(), Self::with).with_mixer(self.mixer)
    }

    /// The settings, in the order in which they were added.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().flatten()
    }

    /// The settings in this format.
    pub fn of(&self, format: WireFormat) -> impl Iterator<Item = &Setting> {
        self.settings().filter(move |setting| setting.format == format)
    }

    /// The formats that there is a setting for.
    #[must_use]
    pub fn formats(&self) -> FormatSet {
        self.settings().map(|setting| setting.format).collect()
    }

    /// The rates at which it takes PCM in any format.
    #[must_use]
    pub fn rates(&self) -> RateSet {
        self.pcm().fold(RateSet::EMPTY, |rates, setting| rates.and(setting.rates))
    }

    /// The channel counts with which it takes PCM in any format.
    #[must_use]
    pub fn channels(&self) -> ChannelSet {
        self.pcm().fold(ChannelSet::EMPTY, |channels, setting| channels.and(setting.channels))
    }

    fn pcm(&self) -> impl Iterator<Item = &Setting> {
        self.settings().filter(|setting| setting.format.is_pcm())
    }

    /// Whether the DAC can be opened with `wire`. It takes DoP, knowing it or not, where it takes the PCM format below.
    #[must_use]
    pub fn takes(&self, wire: &Wire) -> bool {
        self.of(wire.format.carrier()).any(|setting| setting.takes(wire.rate, wire.channels))
    }

    /// Significant bits that the DAC has where it is opened with `wire`; those of the format if it doesn't take that.
    #[must_use]
    pub fn bits(&self, wire: &Wire) -> u16 {
        let settings = self.of(wire.format).filter(|setting| setting.takes(wire.rate, wire.channels));
        settings.map(|setting| setting.bits).max().unwrap_or(wire.format.bits())
    }

    /// How many words [`to_words`](Self::to_words) gives: four a setting, and two of which the first says whether there is a
    /// volume control; the second is 0.
    pub const WORDS: usize = Self::SETTINGS * Setting::WORDS + 2;

    /// The form in which caps cross a process boundary: words that may hold anything without being undefined.
    #[must_use]
    pub fn to_words(&self) -> [u32; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        for (place, setting) in words.as_chunks_mut().0.iter_mut().zip(self.settings()) {
            *place = setting.to_words();
        }
        words[Self::WORDS - 2] = self.mixer.into();
        words
    }

    /// Reads what [`to_words`](Self::to_words) wrote; unknown bits and formats are dropped, so every input is valid.
    #[must_use]
    pub fn from_words(words: &[u32; Self::WORDS]) -> Self {
        let settings = words.as_chunks().0.iter().take(Self::SETTINGS).filter_map(|&words| Setting::from_words(words));
        let caps = settings.fold(Self::default(), Self::with);
        Self { mixer: words[Self::WORDS - 2] != 0, ..caps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dac() -> Caps {
        let base: RateSet = [44_100, 48_000].into_iter().collect();
        let deep = Setting::new(WireFormat::S32Le, base.with(192_000), ChannelSet::STEREO);
        let caps = Caps::default()
            .with(Setting::new(WireFormat::S16Le, base, ChannelSet::EMPTY.with(1).with(2)))
            .with(Setting { bits: 24, ..deep })
            .with(Setting::new(WireFormat::S32Le, RateSet::any(1, 48_000), ChannelSet::EMPTY.with(8)))
            .with(Setting::new(WireFormat::DsdU32Be, RateSet::EMPTY.with(88_200), ChannelSet::STEREO));
        Caps { mixer: true, ..caps }
    }

    #[test]
    fn what_is_opened_has_to_be_in_one_setting() {
        use WireFormat::*;
        for (format, rate, channels, taken) in [
            (S16Le, 48_000, 1, true),
            (S16Le, 192_000, 2, false),
            (S32Le, 192_000, 2, true),
            (S32Le, 192_000, 8, false),
            (S32Le, 48_000, 8, true),
            (S32Le, 48_000, 1, false),
            (DopS32Le, 192_000, 2, true),
            (DsdU32Be, 88_200, 2, true),
            (DsdU32Be, 48_000, 2, false),
            (S24_3Le, 44_100, 2, false),
        ] {
            assert_eq!(dac().takes(&Wire { format, rate, channels }), taken, "{format} {rate} {channels}");
        }
        assert_eq!(dac().formats(), [S16Le, S32Le, DsdU32Be].into_iter().collect());
        assert!(dac().rates().contains(192_000) && !dac().rates().contains(88_200), "that is the rate of DSD only");
        assert_eq!(dac().channels().max(), Some(8));
        for (format, rate, channels, bits) in
            [(S32Le, 192_000, 2, 24), (S32Le, 32_000, 8, 32), (S16Le, 44_100, 1, 16), (S24_3Le, 44_100, 2, 24)]
        {
            assert_eq!(dac().bits(&Wire { format, rate, channels }), bits, "{format} {rate} {channels}");
        }
    }

    #[test]
    fn a_rate_is_taken_away_where_the_clock_would_be_set_to_it_for_the_same() {
        use WireFormat::{DopS32Le, DsdU32Be, S16Le, S32Le};
        let same = Setting::new(DsdU32Be, RateSet::EMPTY.with(88_200).with(48_000), ChannelSet::STEREO);
        let caps = dac().with(same);
        for format in [S16Le, DopS32Le] {
            let without = caps.without_rate(Wire { format, rate: 48_000, channels: 2 });
            assert!(!without.takes(&Wire { format: S16Le, rate: 48_000, channels: 2 }), "in that format");
            assert!(!without.takes(&Wire { format: S32Le, rate: 48_000, channels: 8 }), "in every other one");
            assert!(without.takes(&Wire { format: S32Le, rate: 47_999, channels: 8 }));
            assert!(without.takes(&Wire { format: DsdU32Be, rate: 48_000, channels: 2 }) && without.mixer);
        }
        let without = dac().without_rate(Wire { format: DsdU32Be, rate: 88_200, channels: 2 });
        assert_eq!((without.of(DsdU32Be).count(), without.settings().count()), (0, 3), "nothing is left of it");
    }

    #[test]
    fn words_carry_everything() {
        assert_eq!(Caps::from_words(&dac().to_words()), dac());
        assert_eq!(Caps::from_words(&Caps::default().to_words()), Caps::default());
    }

    #[test]
    fn there_is_room_for_so_many_settings_and_the_rest_is_left_out() {
        let many = (1..=30).fold(Caps::default(), |caps, n| {
            caps.with(Setting::new(WireFormat::S16Le, RateSet::any(n, n), ChannelSet::STEREO))
        });
        assert_eq!(many.settings().count(), Caps::SETTINGS);
        assert_eq!(Caps::from_words(&many.to_words()), many);
    }

    #[test]
    fn unknown_bits_and_formats_are_dropped() {
        assert_eq!(Caps::from_words(&[u32::MAX; Caps::WORDS]), Caps { mixer: true, ..Caps::default() });
        let mut words = [u32::MAX; Caps::WORDS];
        words[4] = 0xffff_ff00 | WireFormat::S16Le.id();
        let caps = Caps::from_words(&words);
        let setting = *caps.settings().next().expect("the one that has a format");
        assert_eq!((caps.settings().count(), setting.bits, setting.channels), (1, 16, ChannelSet::ALL));
        assert_eq!(setting.rates.iter().count(), STANDARD_RATES.len());
    }
}
