//! A card's own volume control.

use alsa::mixer::{Mixer, Selem};
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

/// 100 % is 0 dB, or as near as the control gets; each percent less is 0.6 dB quieter; 0 % is as low as it goes. What lies between two
/// of its steps is the quieter one. A control that knows no dB is set along its own numbers.
fn set_volume(control: &Selem<'_>, percent: u8) -> alsa::Result<()> {
    let ((least, most), range) = (control.get_playback_db_range(), control.get_playback_volume_range());
    let value = if least.0 < most.0 {
        let wanted = decibels(least.0, most.0, percent);
        loudest(range, |value| Ok(control.ask_playback_vol_db(value)?.0 <= wanted))?
    } else {
        range.0 + (range.1 - range.0) * i64::from(percent.min(100)) / 100
    };
    control.set_playback_volume_all(value)
}

/// The greatest of a control's numbers that is quiet enough, or its least. (alsa-lib's own conversion takes the nearest one, which may be
/// louder; what it does for a negative direction the `alsa` crate can't ask for.)
fn loudest((least, most): (i64, i64), mut is_quiet: impl FnMut(i64) -> alsa::Result<bool>) -> alsa::Result<i64> {
    let (mut quiet, mut loud) = (least, most.saturating_add(1));
    while loud.saturating_sub(quiet) > 1 {
        let middle = quiet + (loud - quiet) / 2;
        *(if is_quiet(middle)? { &mut quiet } else { &mut loud }) = middle;
    }
    Ok(quiet)
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
    fn what_lies_between_two_steps_is_the_quieter_one() {
        // Numbers 0 to 50 are whole decibels from -50 on.
        let number = |wanted: i64| loudest((0, 50), |value| Ok(100 * (value - 50) <= wanted)).expect("it is told");
        assert_eq!([0, -60, -100, -2940, -3000, -5000, -9000].map(number), [50, 49, 49, 20, 20, 0, 0]);
        assert_eq!(loudest((3, 3), |_| Ok(true)), Ok(3));
    }

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
