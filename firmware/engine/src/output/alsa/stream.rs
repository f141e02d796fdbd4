//! `/proc/asound/cardN/streamM`: what snd-usb-audio says of each alternate setting, and of the one that plays (kernel:
//! `sound/usb/proc.c`).

use std::ops::RangeInclusive;

use ::pcm::{ChannelSet, WireFormat};

use crate::output::device::Told;

/// The most text that is looked at, bytes; a DAC with ten alternate settings takes 4 KiB.
const MOST: usize = 64 * 1024;

/// An alternate setting for playing PCM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alternate {
    format: WireFormat,
    /// `None`: not said.
    channels: Option<u16>,
    /// Hz; none: not said.
    rates: Vec<RangeInclusive<u32>>,
    /// The descriptor's bBitResolution.
    bits: u16,
}

impl Alternate {
    /// The setting's bits, if a stream of this kind may be played in it. (Where it can be played in several, the kernel chooses.)
    pub(super) fn bits(&self, format: WireFormat, rate: u32, channels: ChannelSet) -> Option<u16> {
        let rated = self.rates.is_empty() || self.rates.iter().any(|rates| rates.contains(&rate));
        let takes = self.format == format && rated && self.channels.is_none_or(|count| channels.contains(count));
        takes.then_some(self.bits)
    }
}

/// The alternate settings for playing PCM whose bits are said. Of DSD nothing is.
pub(super) fn alternates(text: &str) -> Vec<Alternate> {
    let text = text.get(..MOST).unwrap_or(text);
    let playback = text.split("Capture:").next().unwrap_or_default();
    let settings = playback.split("Altset ").skip(1);
    let all = settings.filter_map(|setting| {
        let formats = value(setting, "Format:")?;
        let bits = value(setting, "Bits:")?.parse().ok().filter(|bits| (1..=32).contains(bits))?;
        let format = formats.split_whitespace().find_map(WireFormat::from_alsa_name)?;
        let channels = value(setting, "Channels:").and_then(|count| count.parse().ok());
        let rates = value(setting, "Rates:").map(rates).unwrap_or_default();
        format.is_pcm().then_some(Alternate { format, channels, rates, bits })
    });
    all.collect()
}

/// `44100, 48000`, or `8000 - 96000 (continuous)`.
fn rates(text: &str) -> Vec<RangeInclusive<u32>> {
    let range = text.strip_suffix("(continuous)").and_then(|range| range.split_once('-'));
    let number = |text: &str| text.trim().parse::<u32>().ok();
    if let Some((least, most)) = range {
        return number(least).zip(number(most)).map(|(least, most)| least..=most).into_iter().collect();
    }
    text.split(',').filter_map(number).map(|rate| rate..=rate).collect()
}

/// The rate of the DAC's own clock, as its feedback tells while it plays.
///
/// "Momentary freq" alone doesn't: it is feedback that the driver has doubled or halved until it came near to the rate that was set,
/// because DACs differ in where they put the point (sound/usb/endpoint.c, `snd_usb_handle_sync_urb`). So a DAC that stays at 48 kHz
/// passes for one of 96 kHz; but then the point is in a place where no DAC puts it, and "Feedback Format" says where.
pub(super) fn clock(text: &str) -> Told {
    let text = text.get(..MOST).unwrap_or(text);
    let playback = text.split("Capture:").next().unwrap_or_default();
    // What plays stands in front of the list of the interfaces' settings.
    let (playing, settings) = playback.split_once("\n  Interface ").unwrap_or((playback, ""));
    if value(playing, "Status:") != Some("Running") {
        return Told::Stopped;
    }
    let asks = Feedback::parse(playing).and_then(|feedback| feedback.clock(interval_us(playing, settings)));
    asks.map_or(Told::Nothing, Told::Clock)
}

/// What the driver made of the DAC's feedback.
#[derive(Clone, Copy)]
struct Feedback {
    /// Near the rate that was set, Hz.
    hz: u32,
    /// The bus is a full-speed one: feedback is in frames of a millisecond, not of 125 us.
    full_speed: bool,
    /// Bits of a value, 24 or 32.
    bits: i32,
    /// Bits of it behind the point.
    fraction: i32,
}

impl Feedback {
    /// `None` if it says nothing: a DAC without feedback, or none yet.
    fn parse(playing: &str) -> Option<Self> {
        let (hz, packet) = value(playing, "Momentary freq =")?.split_once(" Hz (0x")?;
        let (frames, part) = packet.strip_suffix(')')?.split_once('.')?;
        let frames = f64::from(u16::from_str_radix(frames, 16).ok()?)
            + f64::from(u16::from_str_radix(part, 16).ok()?) / 65_536.0;
        let hz: u32 = hz.parse().ok()?;
        let (whole, fraction) = value(playing, "Feedback Format =")?.split_once('.')?;
        let (whole, fraction): (i32, i32) = (whole.parse().ok()?, fraction.parse().ok()?);
        let bits = whole.checked_add(fraction).filter(|bits| [24, 32].contains(bits))?;
        // 1000 or 8000 packets a second.
        Some(Self { hz, full_speed: f64::from(hz) < frames * 2000.0, bits, fraction })
    }

    /// The clock's rate, Hz; `None` if the point's place can't be understood. `interval_us`: from packet to packet.
    fn clock(self, interval_us: u32) -> Option<u32> {
        let Self { hz, full_speed, bits, fraction } = self;
        // Universal Serial Bus 2.0, 5.12.4.2: 10.14 at full speed, 16.16 at high speed. Seen as well: each at the other speed; 16.8; and,
        // at high speed, frames of a packet that is longer than 125 us, or of a millisecond.
        let right = if full_speed { 14 } else { 16 };
        let per_packet = 16 + i32::try_from((interval_us / 125).max(1).ilog2()).ok()?;
        let known = if full_speed {
            [14, 16].contains(&fraction) || (bits, fraction) == (24, 8)
        } else {
            [16, 19, per_packet].contains(&fraction) || [(24, 14), (24, 8)].contains(&(bits, fraction))
        };
        if known {
            return Some(hz);
        }
        // Fewer bits behind the point: the value was doubled so often.
        match right - fraction {
            // Between 10.14 and 16.16 it could be either.
            -1 if full_speed => None,
            doubled @ 1..=5 => Some(hz >> doubled),
            halved @ -5..=-1 => hz.checked_mul(1 << -halved),
            _ => None,
        }
    }
}

/// From packet to packet of the alternate setting that plays, in microseconds; 125 if that isn't said.
fn interval_us(playing: &str, settings: &str) -> u32 {
    let [interface, altset] = ["Interface =", "Altset ="].map(|key| value(playing, key).unwrap_or_default());
    let mut all = settings.split("\n  Interface ");
    let playing = all.find(|setting| {
        let number = setting.lines().next().map(str::trim);
        number == Some(interface) && value(setting, "Altset ") == Some(altset)
    });
    let us = playing.and_then(|setting| value(setting, "Data packet interval:")?.strip_suffix(" us")?.parse().ok());
    us.unwrap_or(125)
}

/// What stands behind `key` on its line.
fn value<'a>(setting: &'a str, key: &str) -> Option<&'a str> {
    setting.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel prints it for a DAC whose 32-bit setting has 24 bits.
    const PRETENDING: &str = "\
Maker DAC at usb-0000:01:00.0-1.2, high speed : USB Audio

Playback:
  Status: Running
    Interface = 1
    Altset = 1
    Packet Size = 392
    Momentary freq = 384049 Hz (0x30.0190)
  Interface 1
    Altset 1
    Format: S32_LE
    Channels: 2
    Endpoint: 0x01 (1 OUT) (ASYNC)
    Rates: 44100, 48000, 384000
    Data packet interval: 125 us
    Bits: 24
    Channel map: FL FR
  Interface 1
    Altset 2
    Format: S16_LE
    Channels: 2
    Rates: 44100, 48000
    Bits: 16
  Interface 1
    Altset 3
    Format: DSD_U32_BE
    Channels: 2
    Rates: 88200
    Bits: 32

Capture:
  Interface 2
    Altset 1
    Format: S24_3LE
    Bits: 24
";

    fn bits(text: &str) -> Vec<(WireFormat, u16)> {
        alternates(text).into_iter().map(|one| (one.format, one.bits)).collect()
    }

    #[test]
    fn the_bits_of_each_playing_setting_are_read() {
        assert_eq!(bits(PRETENDING), [(WireFormat::S32Le, 24), (WireFormat::S16Le, 16)]);
    }

    #[test]
    fn a_setting_s_bits_are_those_of_what_can_be_played_in_it() {
        let [wide, _] = &alternates(PRETENDING)[..] else { panic!("two settings") };
        let stereo = ChannelSet::STEREO;
        assert_eq!(wide.bits(WireFormat::S32Le, 384_000, stereo), Some(24));
        assert_eq!(wide.bits(WireFormat::S32Le, 768_000, stereo), None);
        assert_eq!(wide.bits(WireFormat::S16Le, 48_000, stereo), None);
        assert_eq!(wide.bits(WireFormat::S32Le, 48_000, ChannelSet::EMPTY.with(8)), None);
        assert_eq!(rates("8000 - 96000 (continuous)"), [8_000..=96_000]);
        assert_eq!(rates("44100, 48000"), [44_100..=44_100, 48_000..=48_000]);
        assert_eq!(rates("- (continuous)"), []);
    }

    /// What a DAC that was asked for `hz` is shown with.
    fn playing(hz: u32, packets: f64, format: &str) -> String {
        let frames = f64::from(hz) / packets;
        let packet = format!("0x{:x}.{:04x}", frames as u32, (frames.fract() * 65_536.0) as u32);
        PRETENDING.replace(
            "Momentary freq = 384049 Hz (0x30.0190)",
            &format!("Momentary freq = {hz} Hz ({packet})\n    Feedback Format = {format}"),
        )
    }

    #[test]
    fn the_clock_is_told_from_the_place_of_the_point() {
        for (hz, packets, format, clock) in [
            (96_000, 8000.0, "16.16", Some(96_000)),
            // Off the rate that was set, and near enough for the driver.
            (48_000, 8000.0, "16.16", Some(48_000)),
            (88_204, 8000.0, "17.15", Some(44_102)),
            // 48 kHz instead of 96 and 192 and 768, and 96 instead of 48.
            (96_000, 8000.0, "17.15", Some(48_000)),
            (192_000, 8000.0, "18.14", Some(48_000)),
            (768_000, 8000.0, "20.12", Some(48_000)),
            (48_000, 8000.0, "15.17", Some(96_000)),
            // What DACs are known to do.
            (192_000, 8000.0, "10.14", Some(192_000)),
            (96_000, 8000.0, "13.19", Some(96_000)),
            (96_000, 1000.0, "10.14", Some(96_000)),
            (96_000, 1000.0, "16.16", Some(96_000)),
            (96_000, 1000.0, "18.14", Some(96_000)),
            (96_000, 1000.0, "11.13", Some(48_000)),
            (44_100, 1000.0, "9.15", None),
            // No format.
            (96_000, 8000.0, "16.17", None),
            (96_000, 8000.0, "32.0", None),
            (96_000, 8000.0, "-2147483648.99", None),
        ] {
            assert_eq!(
                super::clock(&playing(hz, packets, format)),
                clock.map_or(Told::Nothing, Told::Clock),
                "{hz} {format}"
            );
        }
    }

    #[test]
    fn a_packet_of_several_microframes_explains_a_point_further_up() {
        let text = playing(96_000, 8000.0, "15.17");
        let slow = text.replacen("interval: 125 us", "interval: 250 us", 1);
        assert_eq!([text, slow].map(|text| super::clock(&text)), [Told::Clock(192_000), Told::Clock(96_000)]);
    }

    #[test]
    fn a_dac_that_stands_still_or_has_no_feedback_tells_no_clock() {
        assert_eq!(super::clock(PRETENDING), Told::Nothing, "no feedback");
        let stopped = playing(96_000, 8000.0, "17.15").replace("Running", "Stop");
        for text in [stopped.as_str(), "", "Playback:\n  Status: Stop\n", "Capture:\n  Status: Running\n"] {
            assert_eq!(super::clock(text), Told::Stopped, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_such_text_says_nothing() {
        for text in ["", "Altset ", "Altset 1\nFormat: S32_LE\nBits: 0\n", "Altset 1\nFormat: S32_LE\nBits: 99\n"] {
            assert_eq!(bits(text), [], "{text:?}");
        }
    }
}
