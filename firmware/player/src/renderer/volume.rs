//! Volume and mute (R1): what the owner chose, what the DAC can, and what is in force.

use pcm::Caps;
use ring::message::{Volume, VolumeMode};

/// Where the volume of a DAC with a mixer begins: a dongle at full scale hurts ears. 100 is bit for bit what the file holds.
const FIRST_HARDWARE_VOLUME: u8 = 50;
const FULL: u8 = 100;

/// What makes the volume, as the owner chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The DAC's own mixer.
    Hardware,
    /// Nothing: full scale, whatever control points say.
    Fixed,
    /// 64-bit gain and dither in the engine.
    Software,
}

impl Mode {
    /// The name on the command line.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "hardware" => Some(Self::Hardware),
            "fixed" => Some(Self::Fixed),
            "software" => Some(Self::Software),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Fixed => "fixed",
            Self::Software => "software",
        }
    }
}

/// The volume can't be changed: the DAC has no mixer, and the owner didn't choose another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoVolume;

/// RenderingControl's state.
pub(super) struct Loudness {
    /// The owner's choice; without one, the DAC's mixer if it has one.
    chosen: Option<Mode>,
    /// In force with this DAC.
    mode: Mode,
    /// What that takes.
    fitted: Option<Caps>,
    percent: u8,
    mute: bool,
}

impl Loudness {
    pub(super) fn new(chosen: Option<Mode>) -> Self {
        let mode = chosen.unwrap_or(Mode::Fixed);
        Self { chosen, mode, fitted: None, percent: FULL, mute: false }
    }

    /// Chooses the way for a DAC; returns what the engine is to be asked for.
    pub(super) fn fit(&mut self, caps: &Caps) -> Volume {
        let same = self.fitted.replace(*caps) == Some(*caps);
        self.mode = match self.chosen {
            Some(Mode::Hardware) | None if caps.mixer => Mode::Hardware,
            Some(Mode::Software) => Mode::Software,
            _ => Mode::Fixed,
        };
        if self.mode == Mode::Fixed {
            self.percent = FULL;
        } else if self.mode == Mode::Hardware && !same {
            self.percent = self.percent.min(FIRST_HARDWARE_VOLUME);
        }
        self.request()
    }

    /// Whether this DAC is the one that the volume was chosen for.
    pub(super) fn fits(&self, caps: &Caps) -> bool {
        self.fitted == Some(*caps)
    }

    /// Sets the volume, 0 to 100.
    pub(super) fn set_percent(&mut self, percent: u8) -> Result<Volume, NoVolume> {
        match self.mode {
            Mode::Hardware | Mode::Software => self.percent = percent.min(FULL),
            // Accepted without effect, as the owner wished.
            Mode::Fixed if self.chosen == Some(Mode::Fixed) || percent == FULL => {}
            Mode::Fixed => return Err(NoVolume),
        }
        Ok(self.request())
    }

    pub(super) fn set_mute(&mut self, mute: bool) -> Volume {
        self.mute = mute;
        self.request()
    }

    /// The preset FactoryDefaults.
    pub(super) fn reset(&mut self) -> Volume {
        self.mute = false;
        self.percent = if self.mode == Mode::Hardware { FIRST_HARDWARE_VOLUME } else { FULL };
        self.request()
    }

    /// What the engine says came into force when it was asked for `asked`. If something else has been asked for since, control
    /// points have been told so already, and its own answer is on the way.
    pub(super) fn in_force(&mut self, asked: Volume, volume: Volume) {
        if asked != self.request() {
            return;
        }
        if volume.mode == asked.mode && volume.mode != VolumeMode::Fixed {
            self.percent = volume.percent.min(FULL);
        }
        self.mute = volume.mute;
    }

    pub(super) fn percent(&self) -> u8 {
        self.percent
    }

    pub(super) fn mute(&self) -> bool {
        self.mute
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// The variables of LastChange.
    pub(super) fn values(&self) -> [(&'static str, String); 3] {
        [
            ("PresetNameList", "FactoryDefaults".to_owned()),
            ("Mute", u8::from(self.mute).to_string()),
            ("Volume", self.percent.to_string()),
        ]
    }

    fn request(&self) -> Volume {
        let mode = match self.mode {
            Mode::Hardware => VolumeMode::Hardware,
            Mode::Fixed => VolumeMode::Fixed,
            Mode::Software => VolumeMode::Software,
        };
        Volume { mode, percent: self.percent, mute: self.mute }
    }
}

#[cfg(test)]
mod tests {
    use pcm::{ChannelSet, FormatSet, RateSet};

    use super::*;

    fn caps(mixer: bool) -> Caps {
        Caps::uniform(FormatSet::ALL, RateSet::any(1, 768_000), ChannelSet::STEREO).with_mixer(mixer)
    }

    #[test]
    fn r01_a_dac_with_a_mixer_begins_modestly_and_reaches_full_scale() {
        let mut loudness = Loudness::new(None);
        let asked = loudness.fit(&caps(true));
        assert_eq!(asked, Volume { mode: VolumeMode::Hardware, percent: 50, mute: false });
        assert_eq!(loudness.set_percent(100).unwrap().percent, 100);
        // The same DAC again: what was set stays.
        assert_eq!(loudness.fit(&caps(true)).percent, 100);
    }

    #[test]
    fn r01_a_dac_without_a_mixer_is_fixed_and_says_that_it_cannot() {
        let mut loudness = Loudness::new(None);
        assert_eq!(loudness.fit(&caps(false)).mode, VolumeMode::Fixed);
        assert_eq!(loudness.set_percent(30), Err(NoVolume));
        assert_eq!(loudness.percent(), 100);
        assert!(loudness.set_percent(100).is_ok());
    }

    #[test]
    fn r01_fixed_by_choice_accepts_without_effect() {
        let mut loudness = Loudness::new(Some(Mode::Fixed));
        assert_eq!(loudness.fit(&caps(true)).mode, VolumeMode::Fixed);
        assert_eq!(loudness.set_percent(30).unwrap().percent, 100);
        assert_eq!(loudness.percent(), 100);
    }

    #[test]
    fn r01_software_works_with_any_dac_and_mute_works_always() {
        for (mode, mixer) in [(Some(Mode::Software), true), (Some(Mode::Software), false), (Some(Mode::Fixed), false)] {
            let mut loudness = Loudness::new(mode);
            loudness.fit(&caps(mixer));
            assert!(loudness.set_mute(true).mute);
            assert_eq!(loudness.values()[1], ("Mute", "1".to_owned()));
        }
        let mut loudness = Loudness::new(Some(Mode::Software));
        loudness.fit(&caps(true));
        assert_eq!(loudness.set_percent(30).unwrap(), Volume { mode: VolumeMode::Software, percent: 30, mute: false });
    }

    #[test]
    fn r01_a_late_answer_does_not_undo_what_was_asked_since() {
        let mut loudness = Loudness::new(Some(Mode::Software));
        let first = loudness.fit(&caps(false));
        let second = loudness.set_percent(30).unwrap();
        let third = loudness.set_mute(true);
        for earlier in [first, second] {
            loudness.in_force(earlier, earlier);
            assert_eq!((loudness.percent(), loudness.mute()), (30, true));
        }
        // A mixer has steps of its own: the last answer counts.
        loudness.in_force(third, Volume { percent: 29, ..third });
        assert_eq!((loudness.percent(), loudness.mute()), (29, true));
    }

    #[test]
    fn r01_hardware_without_a_mixer_is_fixed() {
        let mut loudness = Loudness::new(Some(Mode::Hardware));
        assert_eq!(loudness.fit(&caps(false)).mode, VolumeMode::Fixed);
        assert_eq!(loudness.set_percent(30), Err(NoVolume));
    }
}
