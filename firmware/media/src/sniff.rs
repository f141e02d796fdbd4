//! What a resource is: by its first bytes, then by what it was called.

use crate::elementary::{is_adts, is_mp3};
use crate::fault::{Fault, Kind};
use crate::pcm_file::{RawFormat, W64_MARKER};

/// How many bytes are looked at.
pub(crate) const LENGTH: usize = 8192;

/// What can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Flac,
    Riff,
    W64,
    Aiff,
    Dsf,
    Dff,
    Ogg,
    Mp4,
    Mp3,
    Adts,
    Raw(RawFormat),
}

/// What people and programs call the resource.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints<'a> {
    /// The server's `Content-Type`.
    pub(crate) content_type: Option<&'a str>,
    /// The media type in the control point's protocolInfo.
    pub(crate) mime: Option<&'a str>,
    /// The extension of the last path component.
    pub(crate) extension: Option<&'a str>,
}

impl<'a> Hints<'a> {
    fn media_types(&self) -> impl Iterator<Item = &'a str> {
        self.content_type.into_iter().chain(self.mime)
    }

    /// The raw format that a media type names.
    fn raw(&self) -> Option<RawFormat> {
        self.media_types().find_map(RawFormat::from_media_type)
    }

    /// Which of the two kinds of frames without a container it is called.
    fn elementary(&self) -> Option<Format> {
        let by_extension = || match self.extension?.to_ascii_lowercase().as_str() {
            "mp3" => Some(Format::Mp3),
            "aac" | "adts" => Some(Format::Adts),
            _ => None,
        };
        self.media_types().find_map(by_type).or_else(by_extension)
    }
}

/// Which of the two kinds of frames without a container a media type names.
fn by_type(media_type: &str) -> Option<Format> {
    match essence(media_type).as_str() {
        "audio/mpeg" | "audio/mp3" | "audio/x-mp3" | "audio/mpeg3" | "audio/x-mpeg" => Some(Format::Mp3),
        "audio/aac" | "audio/x-aac" | "audio/aacp" | "audio/vnd.dlna.adts" | "audio/aac-adts" => Some(Format::Adts),
        _ => None,
    }
}

/// A media type without its parameters.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Decides, from the first [`LENGTH`] bytes behind any ID3 tag.
pub(crate) fn format(head: &[u8], hints: &Hints<'_>) -> Result<Format, Fault> {
    if let Some(format) = by_marker(head)? {
        return Ok(format);
    }
    // From here on the bytes could be anything, so the names come first (T6, S6).
    if let Some(raw) = hints.raw() {
        return Ok(Format::Raw(raw));
    }
    match (is_mp3(head), is_adts(head), hints.elementary()) {
        (_, _, Some(format)) if !looks_like_text(head) => Ok(format),
        (true, _, _) => Ok(Format::Mp3),
        (_, true, _) => Ok(Format::Adts),
        _ => Err(not_audio(head, hints)),
    }
}

/// Formats that mark themselves.
fn by_marker(head: &[u8]) -> Result<Option<Format>, Fault> {
    let at = |offset: usize, marker: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(marker));
    let known = [
        (at(0, b"fLaC"), Format::Flac),
        (at(8, b"WAVE") && (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")), Format::Riff),
        (at(0, &W64_MARKER), Format::W64),
        (at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")), Format::Aiff),
        (at(0, b"DSD "), Format::Dsf),
        (at(0, b"FRM8") && at(12, b"DSD "), Format::Dff),
        (at(0, b"OggS"), Format::Ogg),
        (at(4, b"ftyp"), Format::Mp4),
    ];
    if let Some((_, format)) = known.into_iter().find(|(is, _)| *is) {
        return Ok(Some(format));
    }
    let refused = [
        (at(0, b"FRM8"), "an FRM8 file that isn't DSDIFF"),
        (at(0, b"wvpk"), "WavPack"),
        (at(0, b"MAC "), "Monkey's Audio"),
        (at(0, b"MPCK") || at(0, b"MP+"), "Musepack"),
        (at(0, b"TTA1"), "True Audio"),
        (at(0, b"caff"), "CAF"),
        (at(0, b".snd"), "AU"),
        (at(0, b"\x1a\x45\xdf\xa3"), "Matroska or WebM"),
        (at(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), "Windows Media"),
        (at(0, b"#EXTM3U") || at(0, b"[playlist]"), "a playlist"),
        (at(0, b"MThd"), "MIDI"),
        (at(0, b"RIFF") && head.len() >= 12, "a RIFF file that isn't WAV"),
    ];
    match refused.into_iter().find(|(is, _)| *is) {
        Some((_, name)) => Err(Fault::unsupported(name)),
        None => Ok(None),
    }
}

/// Says more of why frames of `tried`, which the names told us to look for, weren't found, if the content is the other kind
/// (S6: the names count).
pub(crate) fn explain(fault: Fault, tried: Format, head: &[u8], hints: &Hints<'_>) -> Fault {
    let (called, is) = match tried {
        Format::Mp3 if is_adts(head) => ("MP3", "AAC (ADTS)"),
        Format::Adts if is_mp3(head) => ("AAC (ADTS)", "MP3"),
        _ => return fault,
    };
    let by_type = |types: Option<&str>| types.filter(|name| by_type(name) == Some(tried)).map(str::to_owned);
    let by = if let Some(name) = by_type(hints.content_type) {
        format!("the server calls it {name}")
    } else if let Some(name) = by_type(hints.mime) {
        format!("the control point calls it {name}")
    } else {
        format!("its name ends in .{}", hints.extension.unwrap_or_default())
    };
    Fault::new(Kind::NotAudio, format!("the content is {is}, but {by}, which is {called}"))
}

fn looks_like_text(head: &[u8]) -> bool {
    let start = head.trim_ascii_start();
    start.starts_with(b"<") || start.starts_with(b"{")
}

fn not_audio(head: &[u8], hints: &Hints<'_>) -> Fault {
    let called = hints.content_type.map_or_else(String::new, |name| format!("; the server calls it {name}"));
    let what = match head {
        [] => "empty".into(),
        _ if looks_like_text(head) => "a text or web page".into(),
        _ => format!("starts with {}", head.get(..8).unwrap_or(head).escape_ascii()),
    };
    Fault::new(Kind::NotAudio, format!("{what}{called}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAV: &[u8] = b"RIFF\0\0\0\0WAVEfmt ";

    #[test]
    fn t10_content_decides_before_names() {
        let hints = Hints { content_type: Some("audio/x-dsf"), mime: Some("audio/flac"), extension: Some("dsf") };
        assert_eq!(format(WAV, &hints).unwrap(), Format::Riff);
        let hints = Hints { content_type: Some("audio/wav"), ..Hints::default() };
        assert_eq!(format(b"DSD \x1c\0", &hints).unwrap(), Format::Dsf);
        assert_eq!(format(b"FRM8\0\0\0\0\0\0\0\0DSD FVER", &hints).unwrap(), Format::Dff);
    }

    #[test]
    fn t6_raw_pcm_is_known_by_its_type_alone() {
        let raw = RawFormat::from_media_type("audio/L16;rate=48000;channels=1").unwrap();
        // Samples that happen to look like an MP3 frame are still samples.
        let samples = [&[0xff, 0xfb, 0x90, 0x40][..], &[0; 600]].concat();
        let hints = Hints { content_type: Some("audio/L16;rate=48000;channels=1"), ..Hints::default() };
        assert_eq!(format(&samples, &hints).unwrap(), Format::Raw(raw));
        let hints = Hints { content_type: Some("application/octet-stream"), mime: hints.content_type, extension: None };
        assert_eq!(format(&samples, &hints).unwrap(), Format::Raw(raw));
    }

    #[test]
    fn s6_a_name_beats_the_probe_between_mp3_and_adts() {
        let mp3 = [&[0xff, 0xfb, 0x90, 0x40][..], &[0; 413]].concat().repeat(3);
        let by = |content_type| format(&mp3, &Hints { content_type, ..Hints::default() }).unwrap();
        assert_eq!(by(None), Format::Mp3);
        assert_eq!(by(Some("audio/aac")), Format::Adts);
        assert_eq!(by(Some("audio/x-wav")), Format::Mp3);
    }

    #[test]
    fn s6_a_name_that_contradicts_the_content_is_said_so() {
        let mp3 = [&[0xff, 0xfb, 0x90, 0x40][..], &[0; 413]].concat().repeat(3);
        let adts = [&[0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc][..], &[0; 9]].concat().repeat(3);
        let fault = || Fault::new(Kind::NotAudio, "no frame");
        let server = Hints { content_type: Some("audio/aac"), ..Hints::default() };
        let said = explain(fault(), Format::Adts, &mp3, &server).to_string();
        assert!(said.contains("content is MP3") && said.contains("the server calls it audio/aac"), "{said}");
        let name = Hints { content_type: Some("audio/x-wav"), extension: Some("mp3"), ..Hints::default() };
        let said = explain(fault(), Format::Mp3, &adts, &name).to_string();
        assert!(said.contains("content is AAC (ADTS)") && said.contains("ends in .mp3"), "{said}");
        assert_eq!(explain(fault(), Format::Mp3, &mp3, &name).detail, "no frame");
    }

    #[test]
    fn what_is_no_audio_is_said_so() {
        let page = format(b"<!DOCTYPE html>", &Hints { content_type: Some("audio/mpeg"), ..Hints::default() });
        assert_eq!(page.unwrap_err().kind, Kind::NotAudio);
        assert_eq!(format(b"", &Hints::default()).unwrap_err().kind, Kind::NotAudio);
        assert_eq!(format(b"MAC \x1c\0", &Hints::default()).unwrap_err().to_string(), "not supported (Monkey's Audio)");
    }
}
