//! What a file says of itself: title, artist, album and ReplayGain, from ID3v2, Vorbis comments, MP4's items and the chunks of
//! IFF's kin.
//!
//! Our own, because libraries for tags want the whole of them in memory, pictures included, and follow what is nested in them as
//! deep as it goes (symphonia-metadata 0.6.1, id3, lofty). Here only the wanted fields are read, each up to [`MAX_FIELD`] bytes;
//! pictures are passed over. Nothing in a tag keeps a track from being played: what makes no sense isn't there.
//!
//! Tags behind the audio take another request. That is made only if somebody [wants](Wants) what they hold, and the server offers
//! ranges; it may take a second at most.

mod chunks;
mod id3;
mod vorbis;

pub(crate) use self::chunks::Form;
pub(crate) use self::id3::length as id3_length;

use crate::fault::Fault;
use crate::input::ByteReader;

/// The longest field that is read, in bytes.
const MAX_FIELD: usize = 4096;
/// Characters of a text.
const MAX_TEXT: usize = 1024;
/// What is read of tags behind the audio: the texts, and a picture of the usual size before them.
const MAX_BEHIND: usize = 256 * 1024;
/// Gains beyond this are no gains, dB.
const MAX_GAIN: f32 = 64.0;
/// Peaks beyond this are no peaks.
const MAX_PEAK: f32 = 16.0;

/// What a file says of itself. Texts are trimmed, never empty, without control characters, and at most 1024 characters long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags {
    /// The track's title.
    pub title: Option<String>,
    /// The first artist.
    pub artist: Option<String>,
    /// The album's title.
    pub album: Option<String>,
    /// ReplayGain of the track by itself.
    pub track_loudness: Loudness,
    /// ReplayGain of the album that the track is from.
    pub album_loudness: Loudness,
    /// Which loudspeakers a FLAC stream's channels are for, where they aren't the usual ones: a `dwChannelMask` (RFC 9639, 8.6.2).
    pub channel_mask: Option<u32>,
}

/// How loud a track or an album is (ReplayGain 2.0 specification, wiki.hydrogenaud.io).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loudness {
    /// What brings it to the reference level, dB; -64 to 64.
    pub gain: Option<f32>,
    /// Its largest sample, full scale being 1; greater than 0, at most 16. Lossy codecs reach beyond 1.
    pub peak: Option<f32>,
}

/// What tags are wanted for: whether it is worth another request to look for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// To show them.
    pub texts: bool,
    /// To play at the level that they say.
    pub loudness: bool,
}

impl Wants {
    /// Everything there is.
    pub const ALL: Self = Self { texts: true, loudness: true };

    /// One-bit streams are never scaled.
    const fn without_loudness(self) -> Self {
        Self { loudness: false, ..self }
    }
}

impl Tags {
    /// Takes a field by its name among Vorbis comments, which other formats use as well. The first of a name counts.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let (track, album) = (&mut self.track_loudness, &mut self.album_loudness);
        match name.to_ascii_lowercase().as_str() {
            "title" => fill(&mut self.title, || text(value)),
            "artist" => fill(&mut self.artist, || text(value)),
            "album" => fill(&mut self.album, || text(value)),
            "replaygain_track_gain" => fill(&mut track.gain, || gain(value)),
            "replaygain_track_peak" => fill(&mut track.peak, || peak(value)),
            "replaygain_album_gain" => fill(&mut album.gain, || gain(value)),
            "replaygain_album_peak" => fill(&mut album.peak, || peak(value)),
            "waveformatextensible_channel_mask" => fill(&mut self.channel_mask, || mask(value)),
            _ => {}
        }
    }

    /// Takes what isn't known yet from other tags of the file.
    pub(crate) fn complete(&mut self, others: Self) {
        fill(&mut self.title, || others.title);
        fill(&mut self.artist, || others.artist);
        fill(&mut self.album, || others.album);
        fill(&mut self.channel_mask, || others.channel_mask);
        // A gain and a peak belong together.
        for (own, other) in
            [(&mut self.track_loudness, others.track_loudness), (&mut self.album_loudness, others.album_loudness)]
        {
            if *own == Loudness::default() {
                *own = other;
            }
        }
    }

    /// Vorbis comments, in whatever they lie (Vorbis I specification, 5).
    pub(crate) fn vorbis(comments: &[u8]) -> Self {
        let mut tags = Self::default();
        vorbis::read(comments, &mut tags);
        tags
    }

    /// An ID3v2 tag that starts at the reader's position; leaves the reader somewhere in it.
    ///
    /// # Errors
    /// Those of the reader, not of the tag.
    pub(crate) fn id3(reader: &mut ByteReader) -> Result<Self, Fault> {
        let mut tags = Self::default();
        id3::read(reader, &mut tags)?;
        Ok(tags)
    }

    /// Whether there is nothing left that is wanted.
    fn has(&self, wants: Wants) -> bool {
        let has_gain = self.track_loudness.gain.or(self.album_loudness.gain).is_some();
        (!wants.texts || self.title.is_some()) && (!wants.loudness || has_gain)
    }

    /// Takes what an ID3v2 tag at byte `start`, behind the one-bit audio of DSF, has in its first bytes.
    pub(crate) fn id3_behind(&mut self, reader: &mut ByteReader, start: u64) {
        let wants = reader.wants().without_loudness();
        if let Some(mut tag) = self.behind(reader, start, wants) {
            // What was cut off ends it.
            let _ = id3::read(&mut tag, self);
        }
    }

    /// Takes what the chunks from byte `start` on, behind the audio, say.
    pub(crate) fn chunks_behind(&mut self, reader: &mut ByteReader, start: u64, form: Form) {
        let wants = if form == Form::Dff { reader.wants().without_loudness() } else { reader.wants() };
        if let Some(mut chunks) = self.behind(reader, start, wants) {
            let _ = form.read(&mut chunks, self);
        }
    }

    /// The bytes from `start` on, if they are wanted, and can be had.
    fn behind(&self, reader: &mut ByteReader, start: u64, wants: Wants) -> Option<ByteReader> {
        if self.has(wants) || reader.byte_len().is_none_or(|length| start >= length) {
            return None;
        }
        reader.aside(start, MAX_BEHIND).map(ByteReader::of)
    }
}

/// What isn't known yet is asked for.
fn fill<T>(slot: &mut Option<T>, value: impl FnOnce() -> Option<T>) {
    if slot.is_none() {
        *slot = value();
    }
}

/// The first of several values, fit to be shown.
fn text(value: &str) -> Option<String> {
    let first = value.split('\0').map(str::trim).find(|value| !value.is_empty())?;
    let kept = first.chars().filter(|&c| !c.is_control() && c != '\u{feff}').take(MAX_TEXT).collect::<String>();
    Some(kept.trim().to_owned()).filter(|text| !text.is_empty())
}

/// `-7.03 dB`; some write no unit, some a comma.
fn gain(value: &str) -> Option<f32> {
    let value = value.trim_matches(is_space);
    let unit =
        value.len().checked_sub(2).filter(|&at| value.get(at..).is_some_and(|unit| unit.eq_ignore_ascii_case("db")));
    number(value.get(..unit.unwrap_or(value.len()))?).filter(|gain| gain.abs() <= MAX_GAIN)
}

fn peak(value: &str) -> Option<f32> {
    number(value).filter(|&peak| peak > 0.0 && peak <= MAX_PEAK)
}

/// `0x003F`: the prefix is always there (RFC 9639, 8.6.2).
fn mask(value: &str) -> Option<u32> {
    let value = value.trim_matches(is_space);
    u32::from_str_radix(value.strip_prefix("0x").or(value.strip_prefix("0X"))?, 16).ok()
}

fn number(value: &str) -> Option<f32> {
    value.trim_matches(is_space).replace(',', ".").parse().ok().filter(|number: &f32| number.is_finite())
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\0' || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_and_peaks_are_numbers_that_can_be() {
        for (text, value) in [("-7.03 dB", -7.03), ("+1.5dB", 1.5), (" -6,5 DB\0", -6.5), ("0", 0.0), ("64 dB", 64.0)] {
            assert_eq!(gain(text), Some(value), "{text}");
        }
        for text in ["", "dB", "NaN dB", "inf", "-1e9 dB", "65 dB", "loud", "€B"] {
            assert_eq!(gain(text), None, "{text}");
        }
        assert_eq!((peak("0.988553"), peak("1.2 "), peak("16")), (Some(0.988_553), Some(1.2), Some(16.0)));
        assert_eq!(["0", "-1", "17", "NaN", ""].map(peak), [None; 5]);
    }

    #[test]
    fn a_mask_is_hexadecimal() {
        let values = ["0x3F", " 0X003f\0", "0x0", "0x", "3F", "0x1FFFFFFFF", "0x-1"];
        assert_eq!(values.map(mask), [Some(0x3f), Some(0x3f), Some(0), None, None, None, None]);
    }

    #[test]
    fn texts_are_one_line_and_bounded() {
        assert_eq!(text(" \0 A\u{1b}[1m\nB\u{feff} \0C").as_deref(), Some("A[1mB"));
        assert_eq!(["", " \0\0 ", "\u{7}"].map(text), [None, None, None]);
        assert_eq!(text(&"ä".repeat(5000)).unwrap().chars().count(), MAX_TEXT);
    }

    #[test]
    fn the_first_counts_and_others_complete_it() {
        let mut tags = Tags::default();
        for (name, value) in
            [("TITLE", "one"), ("title", "two"), ("ARTIST", " "), ("artist", "A"), ("replaygain_track_peak", "0.5")]
        {
            tags.set(name, value);
        }
        let mut others = Tags::default();
        for (name, value) in
            [("title", "three"), ("album", "B"), ("replaygain_track_gain", "-1 dB"), ("replaygain_album_gain", "-2 dB")]
        {
            others.set(name, value);
        }
        tags.complete(others);
        assert_eq!(
            (tags.title.as_deref(), tags.artist.as_deref(), tags.album.as_deref()),
            (Some("one"), Some("A"), Some("B"))
        );
        assert_eq!(tags.track_loudness, Loudness { gain: None, peak: Some(0.5) });
        assert_eq!(tags.album_loudness, Loudness { gain: Some(-2.0), peak: None });
    }
}
