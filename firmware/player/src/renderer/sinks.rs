//! What decoders and DAC take together, as ConnectionManager lists it (R3).

use pcm::{Caps, Encoding, FormatSet, Rules, Setting, Source};
use serde_json::{Value, json};
use upnp::protocol_info::{Format, Sink, sink};

use crate::playback::Output;

/// What `media` decodes, and any DAC can be given.
const FORMATS: [Format; 9] = [
    Format::Flac,
    Format::Wav,
    Format::Aiff,
    Format::Alac,
    Format::Mp3,
    Format::Vorbis,
    Format::Aac,
    Format::L16,
    Format::L24,
];

/// The rates of raw PCM that are listed one by one where the DAC takes them, Hz: those that servers offer.
const RATES: [u32; 8] = [44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 352_800, 384_000];

/// The rates of DSD, bits per second and channel: from DSD64 to DSD1024 of both families.
const DSD_RATES: [u32; 10] = [
    2_822_400, 3_072_000, 5_644_800, 6_144_000, 11_289_600, 12_288_000, 22_579_200, 24_576_000, 45_158_400, 49_152_000,
];

/// SinkProtocolInfo for a DAC; without one, what the decoders take, since one may come. `allowed` is what may be done to DSD.
pub(super) fn protocol_info(caps: Option<&Caps>, allowed: &Rules) -> String {
    let none = Caps::default();
    let caps = caps.unwrap_or(&none);
    let takes = caps.rates();
    let rates: Vec<u32> = RATES.into_iter().filter(|rate| takes.contains(*rate)).collect();
    let counts = caps.channels();
    let channels: Vec<u16> = [1, 2].into_iter().filter(|count| *count == 1 || counts.contains(*count)).collect();
    let dsd = (caps.formats() == FormatSet::EMPTY || takes_dsd(caps, allowed)).then_some(Format::Dsd);
    let formats: Vec<Format> = FORMATS.into_iter().chain(dsd).collect();
    sink(&Sink { formats: &formats, rates: &rates, channels: &channels })
}

/// Whether there is any one-bit stream that the DAC can be given.
fn takes_dsd(caps: &Caps, allowed: &Rules) -> bool {
    DSD_RATES.into_iter().any(|rate| {
        let source = |channels| Source { rate, bits: 1, channels, encoding: Encoding::Dsd };
        [1, 2].into_iter().any(|channels| pcm::plan(&source(channels), caps, allowed).is_ok())
    })
}

/// A DAC in a log line.
pub(super) fn describe(caps: &Caps, output: &Output) -> String {
    let name = output.status().map(|status| status.output()).filter(|name| !name.is_empty());
    let Some(name) = name else { return "not there yet".to_owned() };
    let settings: Vec<_> = caps.settings().map(in_words).collect();
    let mixer = if caps.mixer { "with" } else { "without" };
    format!("{name}: {}; {mixer} a volume control", settings.join(", "))
}

fn in_words(setting: &Setting) -> String {
    let Setting { format, rates, channels, bits } = setting;
    let true_bits = if *bits < format.bits() { format!(" (of which {bits} bits count)") } else { String::new() };
    let counts: Vec<_> = channels.iter().map(|count| count.to_string()).collect();
    format!("{format}{true_bits} up to {} Hz on {} ch", rates.max().unwrap_or(0), counts.join("/"))
}

/// What the DAC can be opened with, for `/status.json`: rates as ALSA counts them, of those that are usual.
pub(super) fn settings(caps: &Caps) -> Value {
    let one = |setting: &Setting| {
        json!({
            "format": setting.format.alsa_name(),
            "dop": setting.format.is_dop(),
            "bits": setting.bits,
            "rates": setting.rates.iter().collect::<Vec<_>>(),
            "channels": setting.channels.iter().collect::<Vec<_>>(),
        })
    };
    caps.settings().map(one).collect()
}

#[cfg(test)]
mod tests {
    use pcm::{ChannelSet, RateSet, WireFormat};

    use super::*;

    fn list(caps: Option<&Caps>, dop: bool) -> Vec<String> {
        let allowed = Rules { dop, ..Rules::default() };
        upnp::protocol_info::split_list(&protocol_info(caps, &allowed))
    }

    fn has(list: &[String], mime: &str) -> bool {
        list.contains(&format!("http-get:*:{mime}:*"))
    }

    #[test]
    fn r03_the_list_follows_the_decoders_even_without_a_dac() {
        let list = list(None, false);
        for mime in ["audio/flac", "audio/x-flac", "audio/wav", "audio/x-wav", "audio/mpeg", "audio/mp4", "audio/x-dsf"]
        {
            assert!(has(&list, mime), "{mime}");
        }
    }

    #[test]
    fn r03_dsd_is_listed_where_the_dac_can_be_given_some() {
        let pcm_at = |rates| Caps::uniform(FormatSet::PCM, rates, ChannelSet::STEREO);
        let pcm = pcm_at([44_100, 88_200].into_iter().collect());
        let native = Setting::new(WireFormat::DsdU16Be, RateSet::EMPTY.with(176_400), ChannelSet::STEREO);
        let native = Caps::default().with(native);
        let slow = pcm_at(RateSet::EMPTY.with(48_000));
        // DoP of DSD64 takes 176.4 kHz; 88.2 kHz do for what it can be converted to.
        let carrier = pcm_at(RateSet::EMPTY.with(705_600));
        for (caps, dop, listed) in [
            (pcm, false, true),
            (carrier, false, false),
            (carrier, true, true),
            (native, false, true),
            (slow, true, false),
        ] {
            let list = list(Some(&caps), dop);
            for mime in ["dsd", "x-dsd", "dsf", "x-dsf", "dff", "x-dff"] {
                assert_eq!(has(&list, &format!("audio/{mime}")), listed, "{mime} {caps:?} {dop}");
            }
        }
    }

    #[test]
    fn r03_raw_pcm_is_listed_at_every_rate_that_any_format_has() {
        let narrow = Setting::new(WireFormat::S16Le, RateSet::EMPTY.with(44_100), ChannelSet::STEREO);
        let deep = Setting::new(WireFormat::S32Le, RateSet::EMPTY.with(192_000), ChannelSet::STEREO);
        let dsd = Setting::new(WireFormat::DsdU32Be, RateSet::EMPTY.with(88_200), ChannelSet::STEREO);
        let caps = Caps::default().with(narrow).with(Setting { bits: 24, ..deep }).with(dsd);
        let list = list(Some(&caps), false).join(" ");
        for (rate, listed) in [(44_100, true), (192_000, true), (48_000, false), (88_200, false)] {
            assert_eq!(list.contains(&format!("audio/L16;rate={rate};channels=2")), listed, "{rate}: {list}");
        }
        let shown = settings(&caps);
        assert_eq!(
            shown[1],
            json!({"format": "S32_LE", "dop": false, "bits": 24, "rates": [192_000], "channels": [2]})
        );
        assert_eq!(in_words(&Setting { bits: 24, ..deep }), "S32_LE (of which 24 bits count) up to 192000 Hz on 2 ch");
    }
}
