//! What rules change of a card.

use pcm::{Caps, Content, Setting, Wire};
use ring::message::{Refused, Volume, VolumeMode};

use super::{DacRules, FormatSet};
use crate::output::device::{Device, Found, Opened, Refusal, Told};

/// What is to be corrected of what a card says. By default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Correction {
    /// The most significant bits that it has in any PCM format.
    pub(super) bits: Option<u16>,
    /// Formats that it doesn't play.
    pub(super) without_formats: FormatSet,
    /// Rates of PCM that it doesn't play, Hz.
    pub(super) without_rates: Vec<u32>,
    /// Rates of DSD that it doesn't play, bits per second and channel.
    pub(super) without_dsd: Vec<u32>,
    /// Whether it understands DSD over PCM.
    pub(super) dop: Option<bool>,
    /// How long it needs to lock, ms.
    pub(super) lock_ms: Option<u32>,
    /// Whether its mixer is to be used.
    pub(super) volume: Option<bool>,
}

impl Correction {
    /// This and `later`, which counts where they contradict each other.
    pub(super) fn and(&self, later: &Self) -> Self {
        let both = |a: &[u32], b: &[u32]| [a, b].concat();
        Self {
            bits: later.bits.or(self.bits),
            without_formats: self.without_formats.and(later.without_formats),
            without_rates: both(&self.without_rates, &later.without_rates),
            without_dsd: both(&self.without_dsd, &later.without_dsd),
            dop: later.dop.or(self.dop),
            lock_ms: later.lock_ms.or(self.lock_ms),
            volume: later.volume.or(self.volume),
        }
    }

    /// What the card takes, in truth.
    pub(super) fn correct(&self, caps: &Caps) -> Caps {
        let mixer = caps.mixer && self.allows_mixer();
        let kept: Vec<Setting> = caps.settings().filter_map(|setting| self.correct_setting(setting)).collect();
        let known_dop = kept.iter().filter(|_| self.dop == Some(true)).filter_map(|setting| {
            let format = setting.format.with_dop().filter(|_| setting.bits >= 24)?;
            Some(Setting { bits: format.bits(), format, ..*setting })
        });
        kept.iter().copied().chain(known_dop).fold(Caps::default(), Caps::with).with_mixer(mixer)
    }

    fn correct_setting(&self, setting: &Setting) -> Option<Setting> {
        let format = setting.format;
        let dop_denied = format.is_dop() && self.dop.is_some();
        if self.without_formats.contains(format.carrier()) || dop_denied {
            return None;
        }
        let most = self.bits.filter(|_| format.is_pcm()).unwrap_or(u16::MAX);
        let missing = |rate: &u32| match format.content() {
            Content::Dsd => self.without_dsd.contains(&rate.saturating_mul(format.bits().into())),
            Content::Pcm | Content::Dop => self.without_rates.contains(rate),
        };
        let gone = setting.rates.iter().filter(missing).collect::<Vec<_>>();
        let rates = gone.into_iter().fold(setting.rates, pcm::RateSet::without);
        let kept = Setting { rates, bits: setting.bits.min(most), ..*setting };
        rates.max().map(|_| kept)
    }

    fn allows_mixer(&self) -> bool {
        self.volume != Some(false)
    }
}

/// A device whose cards are corrected.
pub(crate) struct Corrected {
    device: Box<dyn Device>,
    rules: DacRules,
    current: Option<(Found, Correction)>,
}

impl Corrected {
    pub(crate) fn new(device: Box<dyn Device>, rules: DacRules) -> Self {
        Self { device, rules, current: None }
    }
}

impl Device for Corrected {
    fn scan(&mut self) -> Option<Found> {
        self.current = self.device.scan().map(|found| {
            let correction = self.rules.of(&found.card);
            let caps = correction.correct(&found.caps);
            let lock_ms = correction.lock_ms.unwrap_or(found.lock_ms);
            (Found { caps, lock_ms, ..found }, correction)
        });
        self.current.as_ref().map(|(found, _)| found.clone())
    }

    fn withheld(&self) -> bool {
        self.device.withheld()
    }

    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        match &self.current {
            Some((found, _)) if !found.caps.takes(&wire) => {
                Err(Refusal { code: Refused::Format, text: format!("{}: doesn't take {wire}", found.name) })
            }
            _ => self.device.open(wire),
        }
    }

    fn set_volume(&mut self, volume: Volume) -> Result<(), Refusal> {
        match &self.current {
            // Left alone: whoever wrote the rule doesn't trust it.
            Some((found, correction)) if !correction.allows_mixer() => match volume.mode {
                VolumeMode::Fixed | VolumeMode::Software => Ok(()),
                VolumeMode::Hardware => {
                    let text = format!("a rule says that {} has no volume control", found.name);
                    Err(Refusal { code: Refused::NoMixer, text })
                }
            },
            _ => self.device.set_volume(volume),
        }
    }

    fn clock(&mut self) -> Told {
        self.device.clock()
    }

    fn disprove(&mut self, wire: Wire, fault: &str) {
        self.device.disprove(wire, fault);
    }
}
