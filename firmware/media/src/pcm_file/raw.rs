//! Raw network PCM: `audio/L16;rate=48000;channels=2` and `audio/L24` (RFC 2586, RFC 3190), big-endian.

use super::chan::aiff_speakers;
use super::layout::{Coding, Layout, Order};
use super::{Data, open as open_pcm};
use crate::Tags;
use crate::fault::Fault;
use crate::input::ByteReader;
use crate::stream::Opened;

/// What a media type says about raw samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawFormat {
    bits: u16,
    rate: u32,
    channels: u16,
}

impl RawFormat {
    /// Reads a media type; `None` if it isn't raw PCM. Without parameters it is 44.1 kHz stereo, as Audirvana's radio
    /// and DLNA's LPCM have it (T6).
    pub(crate) fn from_media_type(media_type: &str) -> Option<Self> {
        let mut parts = media_type.split(';').map(str::trim);
        let bits = match parts.next()?.to_ascii_lowercase().as_str() {
            "audio/l16" | "audio/x-l16" => 16,
            "audio/l24" | "audio/x-l24" => 24,
            _ => return None,
        };
        let mut format = Self { bits, rate: 44_100, channels: 2 };
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "rate" => format.rate = value.parse().ok()?,
                "channels" => format.channels = value.parse().ok()?,
                _ => {}
            }
        }
        Some(format)
    }
}

/// Opens samples that start at the reader's position.
pub(crate) fn open(reader: ByteReader, format: RawFormat) -> Result<Opened, Fault> {
    let RawFormat { bits, rate, channels } = format;
    let container = usize::from(bits / 8);
    // RFC 3551, 4.1, takes AIFF-C's order.
    let speakers = Some(aiff_speakers(channels));
    let layout =
        Layout { rate, channels, container, bits, coding: Coding::Signed, order: Order::Big, speakers }.checked()?;
    let data = Data { start: reader.position(), length: None };
    Ok(open_pcm(reader, layout, data, if bits == 16 { "L16" } else { "L24" }, Tags::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t6_l16_without_parameters_is_cd() {
        let cd = RawFormat { bits: 16, rate: 44_100, channels: 2 };
        assert_eq!(RawFormat::from_media_type("audio/L16"), Some(cd));
        assert_eq!(RawFormat::from_media_type("audio/l16 ; channels=\"1\"; Rate=8000"), {
            Some(RawFormat { bits: 16, rate: 8000, channels: 1 })
        });
        assert_eq!(RawFormat::from_media_type("audio/L24;rate=96000;channels=2").map(|format| format.bits), Some(24));
        assert_eq!(RawFormat::from_media_type("audio/L16;rate=x"), None);
        assert_eq!(RawFormat::from_media_type("audio/wav"), None);
    }
}
