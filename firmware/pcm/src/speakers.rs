//! Which channel is for which loudspeaker, in a track and at a DAC, and how the one's channels become the other's.

use core::fmt;

use crate::MAX_CHANNELS;

/// Where a loudspeaker stands. The number is that of its bit in `dwChannelMask` of WAVE_FORMAT_EXTENSIBLE, counted from 1; the
/// names are ALSA's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each says it itself")]
pub enum Speaker {
    FrontLeft = 1,
    FrontRight,
    FrontCentre,
    LowFrequency,
    BackLeft,
    BackRight,
    FrontLeftOfCentre,
    FrontRightOfCentre,
    BackCentre,
    SideLeft,
    SideRight,
    TopCentre,
    TopFrontLeft,
    TopFrontCentre,
    TopFrontRight,
    TopBackLeft,
    TopBackCentre,
    TopBackRight,
}

impl Speaker {
    const ALL: [(Self, &'static str); 18] = [
        (Self::FrontLeft, "FL"),
        (Self::FrontRight, "FR"),
        (Self::FrontCentre, "FC"),
        (Self::LowFrequency, "LFE"),
        (Self::BackLeft, "RL"),
        (Self::BackRight, "RR"),
        (Self::FrontLeftOfCentre, "FLC"),
        (Self::FrontRightOfCentre, "FRC"),
        (Self::BackCentre, "RC"),
        (Self::SideLeft, "SL"),
        (Self::SideRight, "SR"),
        (Self::TopCentre, "TC"),
        (Self::TopFrontLeft, "TFL"),
        (Self::TopFrontCentre, "TFC"),
        (Self::TopFrontRight, "TFR"),
        (Self::TopBackLeft, "TRL"),
        (Self::TopBackCentre, "TRC"),
        (Self::TopBackRight, "TRR"),
    ];

    /// The speaker that ALSA calls so.
    #[must_use]
    pub fn from_alsa_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(speaker, _)| speaker)
    }

    fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().map(|(speaker, _)| speaker).find(|&speaker| speaker as u8 == id)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(speaker, _)| *speaker == self).map_or("", |(_, name)| name)
    }

    /// The other name of the same place where there is only one pair of loudspeakers behind the front: 5.1 has *back* ones in
    /// some tables, and *side* ones in others.
    const fn alias(self) -> Option<Self> {
        Some(match self {
            Self::BackLeft => Self::SideLeft,
            Self::BackRight => Self::SideRight,
            Self::SideLeft => Self::BackLeft,
            Self::SideRight => Self::BackRight,
            _ => return None,
        })
    }
}

/// The loudspeakers of a track's or a DAC's channels, in the order of the channels; nothing where that isn't known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Speakers([Option<Speaker>; MAX_CHANNELS]);

impl Speakers {
    /// It isn't known.
    pub const UNKNOWN: Self = Self([None; MAX_CHANNELS]);

    /// The loudspeakers of the channels, in order. Not known as a whole if it isn't of one, if one is there twice, or if there
    /// are more than [`MAX_CHANNELS`].
    #[must_use]
    pub fn new(channels: impl IntoIterator<Item = Option<Speaker>>) -> Self {
        let mut speakers = Self::UNKNOWN;
        for (n, speaker) in channels.into_iter().enumerate() {
            let Some(speaker) = speaker.filter(|speaker| !speakers.0.contains(&Some(*speaker))) else {
                return Self::UNKNOWN;
            };
            let Some(place) = speakers.0.get_mut(n) else { return Self::UNKNOWN };
            *place = Some(speaker);
        }
        speakers
    }

    /// Of `channels` channels in the order of the bits of a `dwChannelMask`; where there are more bits the lowest ones count. Not
    /// known if there are fewer.
    #[must_use]
    pub fn of_mask(mask: u32, channels: u16) -> Self {
        let bits = (0..18).filter(|bit| mask >> bit & 1 != 0).take(channels.into());
        let speakers = Self::new(bits.map(|bit| Speaker::from_id(bit + 1)));
        if speakers.count() == usize::from(channels) { speakers } else { Self::UNKNOWN }
    }

    /// What so many channels are if nothing else is said: FLAC's assignments (RFC 9639, 9.1.3), which are also what WAVE without a
    /// mask is taken for.
    #[must_use]
    pub fn usual(channels: u16) -> Self {
        let mask = match channels {
            2 => 0x3,
            3 => 0x7,
            4 => 0x33,
            5 => 0x37,
            6 => 0x3f,
            7 => 0x70f,
            8 => 0x63f,
            // One channel is for all loudspeakers.
            _ => return Self::UNKNOWN,
        };
        Self::of_mask(mask, channels)
    }

    /// How many channels there are; 0 if it isn't known.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Which of the track's channels each of this DAC's gets; `None` if the DAC hasn't the loudspeakers of the track. What isn't
    /// known of either stays in its order, and so do one channel and two, which mean the same everywhere.
    #[must_use]
    pub fn order_of(&self, track: &Self) -> Option<ChannelOrder> {
        let count = track.count();
        if self.count() == 0 || count == 0 {
            return Some(ChannelOrder::SAME);
        }
        let ordered = (self.count() == count).then(|| self.find(track)).flatten();
        ordered.or_else(|| (count <= 2).then_some(ChannelOrder::SAME))
    }

    fn find(&self, track: &Self) -> Option<ChannelOrder> {
        let place = |speaker: Speaker| track.0.iter().position(|&other| other == Some(speaker));
        let mut order = ChannelOrder::SAME;
        for (to, speaker) in order.0.iter_mut().zip(self.0.iter().flatten()) {
            let alias = || speaker.alias().filter(|alias| !self.0.contains(&Some(*alias))).and_then(place);
            *to = place(*speaker).or_else(alias)? as u8;
        }
        Some(order)
    }

    /// The form in which it crosses a process boundary.
    #[must_use]
    pub fn to_word(&self) -> u64 {
        u64::from_le_bytes(self.0.map(|speaker| speaker.map_or(0, |speaker| speaker as u8)))
    }

    /// Reads what [`to_word`](Self::to_word) wrote; whatever else it is is nothing known.
    #[must_use]
    pub fn from_word(word: u64) -> Self {
        let bytes = word.to_le_bytes();
        let count = bytes.iter().position(|&byte| byte == 0).unwrap_or(MAX_CHANNELS);
        if bytes.iter().skip(count).any(|&byte| byte != 0) {
            return Self::UNKNOWN;
        }
        Self::new(bytes.into_iter().take(count).map(Speaker::from_id))
    }
}

impl fmt::Display for Speakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, speaker) in self.0.iter().flatten().enumerate() {
            write!(f, "{}{}", if n > 0 { " " } else { "" }, speaker.name())?;
        }
        Ok(())
    }
}

/// Which of a track's channels each channel of the wire gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelOrder([u8; MAX_CHANNELS]);

impl ChannelOrder {
    /// Each its own.
    pub const SAME: Self = Self([0, 1, 2, 3, 4, 5, 6, 7]);

    /// The track's channel for the wire's channel `n`.
    pub(crate) fn get(&self, n: usize) -> usize {
        self.0.get(n).map_or(n, |&from| from.into())
    }

    /// This order of the channels, put into `other` then.
    pub(crate) fn ordered(&self, other: &Self) -> Self {
        Self(other.0.map(|n| self.0.get(usize::from(n)).copied().unwrap_or(n)))
    }

    /// Whether each is its own.
    pub(crate) const fn is_same(&self) -> bool {
        u64::from_le_bytes(self.0) == u64::from_le_bytes(Self::SAME.0)
    }
}

impl Default for ChannelOrder {
    fn default() -> Self {
        Self::SAME
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    fn speakers(names: &str) -> Speakers {
        Speakers::new(names.split_whitespace().map(Speaker::from_alsa_name))
    }

    /// The track's channels in the DAC's order, by name.
    fn played(dac: &str, track: &str) -> Option<Vec<usize>> {
        let dac = speakers(dac);
        let order = dac.order_of(&speakers(track))?;
        Some((0..dac.count()).map(|n| order.get(n)).collect())
    }

    /// The kernel's snd_pcm_std_chmaps (HD audio, HDMI) and snd_pcm_alt_chmaps, and the order of USB audio's descriptors.
    #[test]
    fn a_track_s_channels_find_their_loudspeakers() {
        let (flac6, flac8) = ("FL FR FC LFE RL RR", "FL FR FC LFE RL RR SL SR");
        for (dac, track, order) in [
            ("FL FR RL RR FC LFE", flac6, Some(&[0, 1, 4, 5, 2, 3][..])),
            (flac6, flac6, Some(&[0, 1, 2, 3, 4, 5])),
            ("FL FR RL RR FC LFE SL SR", flac8, Some(&[0, 1, 4, 5, 2, 3, 6, 7])),
            ("FL FR FC LFE SL SR", flac6, Some(&[0, 1, 2, 3, 4, 5])),
            ("FL FR RL RR FC LFE", "FL FR FC LFE SL SR", Some(&[0, 1, 4, 5, 2, 3])),
            ("FL FR RL RR", "FL FR RL RR", Some(&[0, 1, 2, 3])),
            ("FR FL", "FL FR", Some(&[1, 0])),
            // A DAC that says odd things of two channels is a stereo DAC all the same.
            ("FC LFE", "FL FR", Some(&[0, 1])),
            ("FL FR FC LFE", "FL FR RL RR", None),
            ("FL FR RL RR", "FL FR FC RC", None),
            (flac8, "FL FR FC LFE RL RR FLC FRC", None),
            // Its sides stand beside its backs, so they are no other name for them.
            ("FL FR RL RR SL SR", "FL FR FC LFE SL SR", None),
        ] {
            assert_eq!(played(dac, track).as_deref(), order, "{track} on {dac}");
        }
        assert_eq!(Speakers::UNKNOWN.order_of(&speakers(flac6)), Some(ChannelOrder::SAME), "cards without a map");
        assert_eq!(speakers(flac6).order_of(&Speakers::UNKNOWN), Some(ChannelOrder::SAME));
    }

    #[test]
    fn masks_and_flac_s_assignments_are_in_the_order_of_their_bits() {
        for (channels, names) in [
            (2, "FL FR"),
            (3, "FL FR FC"),
            (4, "FL FR RL RR"),
            (5, "FL FR FC RL RR"),
            (6, "FL FR FC LFE RL RR"),
            (7, "FL FR FC LFE RC SL SR"),
            (8, "FL FR FC LFE RL RR SL SR"),
        ] {
            assert_eq!(Speakers::usual(channels).to_string(), names);
        }
        assert_eq!(Speakers::of_mask(0x60f, 6).to_string(), "FL FR FC LFE SL SR");
        assert_eq!(Speakers::of_mask(0x60f, 4).to_string(), "FL FR FC LFE", "the lowest bits count");
        for (mask, channels) in [(0, 6), (0x3, 4), (1 << 31, 1), (0x3ffff, 9)] {
            assert_eq!(Speakers::of_mask(mask, channels), Speakers::UNKNOWN, "{mask:#x}");
        }
    }

    #[test]
    fn what_is_not_told_of_every_channel_is_not_known() {
        for names in ["FL FR UNKNOWN UNKNOWN", "FL FL", "MONO", "FL FR FC LFE RL RR SL SR RC", "FL[INV] FR"] {
            assert_eq!(speakers(names), Speakers::UNKNOWN, "{names}");
        }
    }

    #[test]
    fn a_word_carries_them() {
        for names in ["", "FL FR", "FL FR RL RR FC LFE SL SR", "TRR"] {
            assert_eq!(Speakers::from_word(speakers(names).to_word()), speakers(names));
        }
        for word in [u64::MAX, 0x0100, 0x0101, 0x13] {
            assert_eq!(Speakers::from_word(word), Speakers::UNKNOWN, "{word:#x}");
        }
    }
}
