//! The list of what this renderer takes.
use super::join_list;

/// A format that a decoder can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// FLAC.
    Flac,
    /// WAV.
    Wav,
    /// AIFF.
    Aiff,
    /// ALAC in MP4.
    Alac,
    /// MP3.
    Mp3,
    /// Vorbis in Ogg.
    Vorbis,
    /// AAC-LC in ADTS or MP4.
    Aac,
    /// Opus in Ogg.
    Opus,
    /// DSD in DSF or DFF.
    Dsd,
    /// `audio/L16`.
    L16,
    /// `audio/L24`.
    L24,
}

impl Format {
    /// Its MIME types: each is offered as `TYPE/NAME` and as `TYPE/x-NAME`.
    const fn mimes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Flac => &[("audio", "flac")],
            Self::Wav => &[("audio", "wav"), ("audio", "wave")],
            Self::Aiff => &[("audio", "aiff"), ("audio", "aif")],
            Self::Alac => &[("audio", "alac"), ("audio", "mp4"), ("audio", "m4a")],
            Self::Mp3 => &[("audio", "mpeg"), ("audio", "mp3")],
            Self::Vorbis => &[("audio", "ogg"), ("audio", "vorbis"), ("application", "ogg")],
            Self::Aac => &[("audio", "aac"), ("audio", "mp4"), ("audio", "m4a"), ("audio", "vnd.dlna.adts")],
            Self::Opus => &[("audio", "opus"), ("audio", "ogg"), ("application", "ogg")],
            Self::Dsd => &[("audio", "dsd"), ("audio", "dsf"), ("audio", "dff")],
            Self::L16 | Self::L24 => &[],
        }
    }
}

/// What decoders and DAC take together.
#[derive(Debug, Clone, Copy)]
pub struct Sink<'s> {
    /// What the decoders read.
    pub formats: &'s [Format],
    /// Rates of L16 and L24, in Hz: those that the DAC takes.
    pub rates: &'s [u32],
    /// Channel counts of L16 and L24: those that the DAC takes.
    pub channels: &'s [u16],
}

/// The value of `SinkProtocolInfo`.
///
/// Every MIME type is there plain and with `x-`, because some control points (Kodi) compare exactly; L16 and L24 are
/// spelt as foobar2000 wants them, once a rate and channel count.
pub fn sink(sink: &Sink<'_>) -> String {
    let mut mimes: Vec<String> = Vec::new();
    let mut offer = |mime: String| {
        if !mimes.contains(&mime) {
            mimes.push(mime);
        }
    };
    for format in sink.formats {
        for (kind, name) in format.mimes() {
            offer(format!("{kind}/{name}"));
            offer(format!("{kind}/x-{name}"));
        }
        let linear = match format {
            Format::L16 => "L16",
            Format::L24 => "L24",
            _ => continue,
        };
        for rate in sink.rates {
            for channels in sink.channels {
                offer(format!("audio/{linear};rate={rate};channels={channels}"));
            }
        }
    }
    let entries: Vec<_> = mimes.iter().map(|mime| format!("http-get:*:{mime}:*")).collect();
    join_list(entries.iter().map(String::as_str))
}
