//! What decoders and DAC take together, as ConnectionManager lists it (R3).

use pcm::{Caps, FormatSet, RateSet};
use upnp::protocol_info::{Format, Sink, sink};

use crate::playback::Output;

/// What `media` decodes.
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

/// SinkProtocolInfo for a DAC; without one, what the decoders take, since one may come.
pub(super) fn protocol_info(caps: Option<&Caps>) -> String {
    let none =
        Caps { formats: FormatSet::EMPTY, rates: RateSet::EMPTY, channels: pcm::ChannelSet::EMPTY, mixer: false };
    let caps = caps.unwrap_or(&none);
    let rates: Vec<u32> = RATES.into_iter().filter(|rate| caps.rates.contains(*rate)).collect();
    let channels: Vec<u16> = [1, 2].into_iter().filter(|count| *count == 1 || caps.channels.contains(*count)).collect();
    sink(&Sink { formats: &FORMATS, rates: &rates, channels: &channels })
}

/// A DAC in a log line.
pub(super) fn describe(caps: &Caps, output: &Output) -> String {
    let name = output.status().map(|status| status.output()).filter(|name| !name.is_empty());
    let Some(name) = name else { return "not there yet".to_owned() };
    let formats: Vec<_> = caps.formats.iter().map(pcm::WireFormat::alsa_name).collect();
    let rate = caps.rates.max().unwrap_or(0);
    let mixer = if caps.mixer { "with" } else { "without" };
    format!("{name}: {} up to {rate} Hz, {mixer} a volume control", formats.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r03_the_list_follows_the_decoders_even_without_a_dac() {
        let list = upnp::protocol_info::split_list(&protocol_info(None));
        for mime in ["audio/flac", "audio/x-flac", "audio/wav", "audio/x-wav", "audio/mpeg", "audio/mp4"] {
            assert!(list.contains(&format!("http-get:*:{mime}:*")), "{mime}");
        }
        assert!(!list.iter().any(|entry| entry.contains("dsd")));
    }
}
