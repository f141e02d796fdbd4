//! `/proc/asound/cardN/streamM`: what snd-usb-audio says of each alternate setting (kernel: `sound/usb/proc.c`).

use ::pcm::WireFormat;

/// The most text that is looked at, bytes; a DAC with ten alternate settings takes 4 KiB.
const MOST: usize = 64 * 1024;

/// Significant bits of each alternate setting for playing: its format, and the descriptor's bBitResolution. Of DSD nothing is
/// said.
pub(super) fn bits(text: &str) -> Vec<(WireFormat, u16)> {
    let text = text.get(..MOST).unwrap_or(text);
    let playback = text.split("Capture:").next().unwrap_or_default();
    let settings = playback.split("Altset ").skip(1);
    let both = settings.filter_map(|setting| {
        let formats = value(setting, "Format:")?;
        let bits = value(setting, "Bits:")?.parse().ok().filter(|bits| (1..=32).contains(bits))?;
        let format = formats.split_whitespace().find_map(WireFormat::from_alsa_name)?;
        format.is_pcm().then_some((format, bits))
    });
    both.collect()
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

    #[test]
    fn the_bits_of_each_playing_setting_are_read() {
        assert_eq!(bits(PRETENDING), [(WireFormat::S32Le, 24), (WireFormat::S16Le, 16)]);
    }

    #[test]
    fn what_is_no_such_text_says_nothing() {
        for text in ["", "Altset ", "Altset 1\nFormat: S32_LE\nBits: 0\n", "Altset 1\nFormat: S32_LE\nBits: 99\n"] {
            assert_eq!(bits(text), [], "{text:?}");
        }
    }
}
