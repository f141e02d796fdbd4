//! A card's own volume control.

use alsa::Round;
use alsa::mixer::{MilliBel, Mixer, Selem};
use ring::message::{Volume, VolumeMode};

/// Names of the control that makes a card louder and quieter, the most telling first.
const VOLUME_NAMES: [&str; 9] =
    ["Master", "PCM", "Digital", "DAC", "Speaker", "Headphone", "Headset", "Line Out", "Front"];

/// Controls with these in their names change what is heard of something else than the stream.
const OTHERS: [&str; 7] = ["Mic", "Beep", "Line In", "Loopback", "Sidetone", "Capture", "Aux"];

/// What a percent is worth, in hundredths of a dB; the same as in software.
const STEP: i64 = 60;

/// The mixer of one card.
pub(super) struct CardMixer {
    mixer: Mixer,
}

impl CardMixer {
    /// Opens the mixer of card number `card`.
    pub(super) fn open(card: u32) -> alsa::Result<Self> {
        Ok(Self { mixer: Mixer::new(&format!("hw:{card}"), true)? })
    }

    /// Whether the card can change its volume.
    pub(super) fn has_volume(&self) -> bool {
        self.volume_rank().is_some()
    }

    /// Rank in [`VOLUME_NAMES`] of the control that is used.
    fn volume_rank(&self) -> Option<usize> {
        self.playback().filter(Selem::has_playback_volume).map(|control| rank(&control)).min()
    }

    fn playback(&self) -> impl Iterator<Item = Selem<'_>> {
        self.mixer.iter().filter_map(Selem::new).filter(|control| {
            let name = name(control);
            let speaks_of_another = OTHERS.iter().any(|other| name.contains(other));
            !speaks_of_another && (control.has_playback_volume() || control.has_playback_switch())
        })
    }

    /// Unmutes the card, sets its volume control if that is what makes the volume, and puts all others to 0 dB.
    pub(super) fn set(&self, volume: Volume) -> alsa::Result<()> {
        let chosen = self.volume_rank();
        let mut done = false;
        for control in self.playback() {
            if control.has_playback_volume() {
                let ours = !done && Some(rank(&control)) == chosen && volume.mode == VolumeMode::Hardware;
                done |= ours;
                let percent = if ours { volume.percent } else { 100 };
                set_volume(&control, percent)?;
            }
            if control.has_playback_switch() {
                control.set_playback_switch_all(1)?;
            }
        }
        Ok(())
    }
}

fn name(control: &Selem<'_>) -> String {
    control.get_id().get_name().map(str::to_owned).unwrap_or_default()
}

/// The lower, the rather it is the card's volume.
fn rank(control: &Selem<'_>) -> usize {
    let name = name(control);
    VOLUME_NAMES.iter().position(|known| name.contains(known)).unwrap_or(VOLUME_NAMES.len())
}

/// 100 % is 0 dB, or as near as the control gets; each percent less is 0.6 dB quieter; 0 % is as low as it goes. A
/// control that knows no dB is set along its own numbers.
fn set_volume(control: &Selem<'_>, percent: u8) -> alsa::Result<()> {
    let (least, most) = control.get_playback_db_range();
    if least.0 < most.0 {
        return control.set_playback_db_all(MilliBel(decibels(least.0, most.0, percent)), Round::Floor);
    }
    let (least, most) = control.get_playback_volume_range();
    control.set_playback_volume_all(least + (most - least) * i64::from(percent.min(100)) / 100)
}

/// Hundredths of a dB for `percent`, in a control's range.
fn decibels(least: i64, most: i64, percent: u8) -> i64 {
    if percent == 0 {
        return least;
    }
    let top = most.min(0).max(least);
    (top - STEP * i64::from(100 - percent.min(100))).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_become_decibels_within_the_range() {
        for (least, most, percent, expected) in [
            (-6400, 0, 100, 0),
            (-6400, 0, 50, -3000),
            (-6400, 0, 1, -5940),
            (-6400, 0, 0, -6400),
            (-2000, 1200, 100, 0),
            (-2000, 1200, 10, -2000),
            (-6400, -600, 100, -600),
            (300, 1200, 100, 300),
        ] {
            assert_eq!(decibels(least, most, percent), expected, "{percent} % of {least}..{most}");
        }
    }
}
