//! What a DAC is: a small description in TOML.

use serde::Deserialize;

use crate::clock::{Clock, Drift};
use crate::faults::{Absence, Hunger, Refusal};

/// The descriptions that are built in, by name.
pub const VARIANTS: &[(&str, &str)] = &[
    ("reference", include_str!("../variants/reference.toml")),
    ("claims-32-bits", include_str!("../variants/claims-32-bits.toml")),
    ("packed-24-bits", include_str!("../variants/packed-24-bits.toml")),
    ("dongle", include_str!("../variants/dongle.toml")),
    ("dop-only", include_str!("../variants/dop-only.toml")),
    ("pcm-to-192k", include_str!("../variants/pcm-to-192k.toml")),
    ("slow-lock", include_str!("../variants/slow-lock.toml")),
    ("fast-clock", include_str!("../variants/fast-clock.toml")),
    ("slow-clock", include_str!("../variants/slow-clock.toml")),
    ("drifting-clock", include_str!("../variants/drifting-clock.toml")),
    ("dop-in-32-bits", include_str!("../variants/dop-in-32-bits.toml")),
    ("hangs-at-96k", include_str!("../variants/hangs-at-96k.toml")),
    ("counts-24-bits", include_str!("../variants/counts-24-bits.toml")),
    ("no-clock-at-96k", include_str!("../variants/no-clock-at-96k.toml")),
    ("refuses-96k", include_str!("../variants/refuses-96k.toml")),
    ("refuses-once", include_str!("../variants/refuses-once.toml")),
    ("refuses-dsd", include_str!("../variants/refuses-dsd.toml")),
    ("vanishes", include_str!("../variants/vanishes.toml")),
    ("starves", include_str!("../variants/starves.toml")),
    ("stays-at-48k", include_str!("../variants/stays-at-48k.toml")),
];

/// A DAC of two channels at high speed, as its descriptors and requests show it, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The product's name, which becomes the sound card's.
    pub product: String,
    /// `VENDOR:PRODUCT`, four hexadecimal digits each.
    usb: String,
    /// Sample rates of its clock, Hz.
    pub rates: Vec<u32>,
    /// What can be chosen of the streaming interface; the first is alternate setting 1.
    pub settings: Vec<Setting>,
    /// Its volume control, if it has one.
    pub volume: Option<Volume>,
    /// How long after the start of a stream it plays nothing, ms.
    #[serde(default)]
    pub lock_ms: u32,
    /// How much too fast its clock is, in millionths; at most 1000 either way.
    #[serde(default)]
    pub clock_ppm: f64,
    /// How its clock goes faster and slower beside that.
    pub drifts: Option<Drift>,
    /// How many of a word's bits it plays, the upper ones, whatever it claims: what is below it drops. Missing: all.
    pub plays_bits: Option<u8>,
    /// Rates that hang it when it is told to go there, Hz: it answers to nothing more until it is plugged in anew.
    #[serde(default)]
    pub hangs_at: Vec<u32>,
    /// Rates at which it says that its clock is not valid, Hz.
    #[serde(default)]
    pub invalid_at: Vec<u32>,
    /// The rate that its clock stays at, whatever it is set to and says, Hz.
    pub stays_at: Option<u32>,
    /// A request that it refuses.
    pub refuses: Option<Refusal>,
    /// When it falls off the bus, and for how long.
    pub vanishes: Option<Absence>,
    /// When it asks for more than it plays.
    pub starves: Option<Hunger>,
}

/// An alternate setting of the streaming interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What the words hold.
    pub format: Format,
    /// Bytes of a word, 1 to 4.
    pub bytes: u8,
    /// Bits of it that count, as the descriptor says.
    pub bits: u8,
}

/// What words hold (Universal Serial Bus Device Class Definition for Audio Data Formats 2.0, A.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Signed samples.
    Pcm,
    /// Raw data, which is DSD by agreement.
    Raw,
}

impl Format {
    /// The byte that silence is made of. It is what snd-usb-audio sends of its own, too, while a stream is opened and nothing
    /// plays: 0, or 0x69 in a setting that it takes for DSD (sound/usb/endpoint.c, `data_ep_set_params`).
    #[must_use]
    pub fn silence(self) -> u8 {
        match self {
            Self::Pcm => 0,
            Self::Raw => 0x69,
        }
    }
}

/// Bounds of a volume control, dB.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// The least.
    pub min_db: f32,
    /// The greatest.
    pub max_db: f32,
    /// Between two of them.
    pub step_db: f32,
    /// Where it stands, in all channels, when the DAC is switched on.
    #[serde(default)]
    pub first_db: f32,
    /// The DAC is muted when it is switched on.
    #[serde(default)]
    pub first_muted: bool,
}

/// Why a text describes no DAC.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// There is none of that name.
    #[error("no DAC is called {name:?}; there are {}", names())]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// It isn't TOML, or a value is missing or of the wrong kind.
    #[error("{0}")]
    Text(#[from] toml::de::Error),
    /// A value that no DAC can have.
    #[error("{0}")]
    Value(&'static str),
}

fn names() -> String {
    VARIANTS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

impl Model {
    /// The built-in DAC of this name.
    ///
    /// # Errors
    /// [`ModelError::Unknown`], which lists those there are.
    pub fn named(name: &str) -> Result<Self, ModelError> {
        let found = VARIANTS.iter().find(|(known, _)| *known == name);
        Self::parse(found.ok_or_else(|| ModelError::Unknown { name: name.to_owned() })?.1)
    }

    /// Reads a description.
    ///
    /// # Errors
    /// With the place in the text, or what is wrong with a value.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let model: Self = toml::from_str(text)?;
        let checks = [
            (model.ids().is_some(), "usb: it is VENDOR:PRODUCT, four hexadecimal digits each"),
            ((1..=64).contains(&model.rates.len()), "rates: there must be 1 to 64"),
            (model.rates.iter().all(|rate| (1..=768_000).contains(rate)), "rates: they go to 768000 Hz"),
            ((1..=8).contains(&model.settings.len()), "settings: there must be 1 to 8"),
            (
                model.settings.iter().all(Setting::is_possible),
                "settings: bytes go from 1 to 4, bits to 8 times as many",
            ),
            (model.clock_ppm.abs() <= 1000.0, "clock_ppm: it goes from -1000 to 1000"),
            (
                model.drifts.is_none_or(Drift::is_possible),
                "drifts: ppm goes from -1000 to 1000, every_ms from 1 to 60000",
            ),
            (model.plays_bits.is_none_or(|bits| (1..=32).contains(&bits)), "plays_bits: it goes from 1 to 32"),
            (
                model.volume.is_none_or(|volume| (volume.min_db..=volume.max_db).contains(&volume.first_db)),
                "volume: first_db goes from min_db to max_db",
            ),
            (model.stays_at.is_none_or(|rate| model.rates.contains(&rate)), "stays_at: it has to be one of the rates"),
            (model.vanishes.is_none_or(|absence| absence.is_possible()), "vanishes: for_ms goes from 1 to 60000"),
            (
                model.starves.is_none_or(|hunger| hunger.is_possible()),
                "starves: every_ms goes to 60000, for_ms from 1 to every_ms, ppm from -120000 to 480000",
            ),
            (model.product.encode_utf16().count() <= 126, "product: a name has 126 characters at most"),
        ];
        match checks.into_iter().find(|(is_so, _)| !is_so) {
            Some((_, complaint)) => Err(ModelError::Value(complaint)),
            None => Ok(model),
        }
    }

    /// How much it asks for in the first so many microframes of a stream, as a part of the rate.
    #[must_use]
    pub fn pace(&self, microframes: u64) -> f64 {
        1.0 + (0..microframes).map(|n| self.ppm(n)).sum::<f64>() / microframes.max(1) as f64 / 1e6
    }

    /// How much more than its nominal rate it asks for so many microframes after the start of a stream, in millionths.
    #[must_use]
    pub fn ppm(&self, microframes: u64) -> f64 {
        let drift = self.drifts.map_or(0.0, |drift| drift.ppm(microframes));
        self.clock_ppm + drift + self.starves.map_or(0.0, |hunger| hunger.ppm(microframes))
    }

    /// What its feedback endpoint says then, set to this rate: frames of a microframe, with 16 bits behind the point.
    #[must_use]
    pub fn feedback(&self, rate: u32, microframes: u64) -> u32 {
        Clock { rate: self.stays_at.unwrap_or(rate), ppm: self.ppm(microframes) }.feedback()
    }

    /// What it makes of words that came in this setting: the bits that it doesn't play are gone.
    #[must_use]
    pub fn played(&self, setting: Setting, bytes: &[u8]) -> Vec<u8> {
        let dropped = u32::from((8 * setting.bytes).saturating_sub(self.plays_bits.unwrap_or(u8::MAX)));
        let mask = u32::MAX.checked_shl(dropped).unwrap_or(0).to_le_bytes();
        bytes.iter().enumerate().map(|(n, byte)| byte & mask[n % usize::from(setting.bytes)]).collect()
    }

    /// The same as [`lock_ms`](Self::lock_ms), in microframes.
    pub(crate) fn lock_microframes(&self) -> u64 {
        u64::from(self.lock_ms) * 8
    }

    /// Vendor and product.
    fn ids(&self) -> Option<(u16, u16)> {
        let (vendor, product) = self.usb.split_once(':')?;
        let id = |text: &str| u16::from_str_radix(text, 16).ok().filter(|_| text.len() == 4);
        Some((id(vendor)?, id(product)?))
    }

    /// The vendor's number.
    #[must_use]
    pub fn vendor(&self) -> u16 {
        self.ids().unwrap_or_default().0
    }

    /// The product's number.
    #[must_use]
    pub fn product_id(&self) -> u16 {
        self.ids().unwrap_or_default().1
    }
}

impl Setting {
    fn is_possible(&self) -> bool {
        (1..=4).contains(&self.bytes) && (1..=8 * self.bytes).contains(&self.bits)
    }

    /// Bytes of a frame.
    #[must_use]
    pub fn frame(self) -> usize {
        2 * usize::from(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_are_built_in_are_right_and_differ() {
        let mut ids = std::collections::BTreeSet::new();
        for (name, _) in VARIANTS {
            let model = Model::named(name).unwrap();
            // ALSA cuts a card's name after that, and who looks for it whole never finds it.
            assert!(model.product.len() <= 31, "{name}: {} is too long", model.product);
            assert!(ids.insert((model.vendor(), model.product_id())), "{name}: its number is another's");
        }
        let error = Model::named("none").unwrap_err().to_string();
        assert!(error.contains("reference, claims-32-bits"), "{error}");
    }

    #[test]
    fn its_pace_is_its_clock_s_and_what_it_asks_for() {
        let pace = |name| Model::named(name).unwrap().pace(16_000);
        assert_eq!(["reference", "fast-clock"].map(pace), [1.0, 1.0002]);
        assert!((pace("starves") - 1.0625).abs() < 1e-3, "{}", pace("starves"));
    }

    #[test]
    fn what_it_does_not_play_is_dropped_from_below() {
        let played = |name: &str, bytes: &[u8]| {
            let model = Model::named(name).unwrap();
            model.played(model.settings[0], bytes)
        };
        let words = [0xff, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(played("claims-32-bits", &words), [0, 2, 3, 4, 0, 6, 7, 8]);
        assert_eq!(played("reference", &words), words);
        assert_eq!(played("dongle", &words), words);
    }

    #[test]
    fn what_is_no_dac_is_refused_with_the_reason() {
        let (_, good) = VARIANTS[0];
        for (from, to, complaint) in [
            ("20b1:0f00", "20b1", "VENDOR:PRODUCT"),
            ("rates", "speeds", "speeds"),
            ("768_000", "768_001", "768000"),
            ("bytes = 4", "bytes = 5", "bytes go from 1 to 4"),
            ("volume", "clock_ppm = 2000.0\nvolume", "-1000 to 1000"),
            ("volume", "drifts = { ppm = 200.0, every_ms = 0 }\nvolume", "every_ms from 1"),
            ("volume", "plays_bits = 0\nvolume", "from 1 to 32"),
            ("step_db", "first_db = 1.0, step_db", "from min_db to max_db"),
            ("volume", "stays_at = 50000\nvolume", "one of the rates"),
            ("volume", "vanishes = { after_ms = 0, for_ms = 0 }\nvolume", "1 to 60000"),
            ("volume", "starves = { every_ms = 9, for_ms = 10, ppm = 0.0 }\nvolume", "1 to every_ms"),
            ("volume", "refuses = { request = \"feature\", value = 1 }\nvolume", "feature"),
        ] {
            let error = Model::parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(complaint), "{from} -> {to}: {error}");
        }
    }
}
