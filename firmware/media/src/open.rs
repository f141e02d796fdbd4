//! From an address to a track.

use std::sync::Arc;

use crate::fault::{Error, Fault};
use crate::http::HttpSource;
use crate::input::{ByteReader, Input};
use crate::sniff::{self, Format, Hints, explain};
use crate::stream::Opened;
use crate::tags::id3_length;
use crate::track::guard;
use crate::{Cancel, Limits, Tags, Track, Wants, dsd, elementary, flac, mp4, ogg, pcm_file};

/// What to play, as a control point gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// An `http:` or `https:` URL.
    pub url: String,
    /// The media type from protocolInfo. Only a hint.
    pub mime: Option<String>,
    /// What tags are wanted for, if they take another request.
    pub wants: Wants,
}

/// The longest tag before the audio that is read over: a few covers.
const MAX_ID3: u64 = 64 << 20;

/// Tags that may follow each other before the audio.
const MAX_TAGS: usize = 4;

/// The lowest rate that is believed, Hz. Half of it is the highest frequency that such a track could carry, and 500 Hz is not enough
/// for a voice on a telephone: its samples are no sound, or its header is wrong. (What is in use begins at 8 kHz, and old effects
/// at 4.) One-bit streams have a bound of their own.
const MIN_RATE: u32 = 1000;

/// Opens a track and finds out what it is. Blocks until the first bytes are there.
///
/// # Errors
/// [`Error`] says what is wrong with the address, the server or the resource.
pub fn open(location: &Location, limits: &Limits, cancel: &Cancel) -> Result<Track, Error> {
    let url: Arc<str> = location.url.trim().into();
    let wrap = |fault| Error::new(&url, fault);
    let source = HttpSource::open(&url, limits, cancel).map_err(wrap)?;
    let content_type = source.head().content_type.clone();
    let hints =
        Hints { content_type: content_type.as_deref(), mime: location.mime.as_deref(), extension: extension(&url) };
    open_with(Box::new(source), &url, &hints, location.wants).map_err(wrap)
}

/// Opens a track from anything that can be read. `name` stands in messages; `mime` is a hint.
///
/// # Errors
/// As [`open`].
pub fn open_input(input: Box<dyn Input>, name: &str, mime: Option<&str>) -> Result<Track, Error> {
    let name: Arc<str> = name.into();
    let hints = Hints { mime, ..Hints::default() };
    open_with(input, &name, &hints, Wants::ALL).map_err(|fault| Error::new(&name, fault))
}

fn open_with(input: Box<dyn Input>, url: &Arc<str>, hints: &Hints<'_>, wants: Wants) -> Result<Track, Fault> {
    let length = input.byte_len();
    let opened = guard(|| recognise(ByteReader::new(input, wants)?, hints))?;
    let rate = opened.source.rate;
    if rate < MIN_RATE {
        return Err(Fault::unsupported(format!("{rate} Hz; at least {MIN_RATE} are played")));
    }
    // The DAC isn't opened for it. Where the length isn't known the track itself finds that out.
    if opened.frames == Some(0) {
        return Err(Fault::no_frames());
    }
    tracing::debug!(url = &**url, codec = opened.codec.name(), container = opened.container, "opened");
    Ok(Track::new(url, opened, length))
}

fn recognise(mut reader: ByteReader, hints: &Hints<'_>) -> Result<Opened, Fault> {
    let mut start = 0;
    let mut tags = Tags::default();
    let mut head = read_head(&mut reader, start)?;
    for _ in 0..MAX_TAGS {
        let Some(length) = id3_length(&head) else { break };
        if length > MAX_ID3 {
            return Err(Fault::corrupt("an ID3 tag of more than 64 MiB"));
        }
        tags.complete(Tags::id3(&mut reader)?);
        start += length;
        head = read_head(&mut reader, start)?;
    }
    let format = sniff::format(&head, hints)?;
    let mut opened = match format {
        Format::Flac => flac::open(reader),
        Format::Riff => pcm_file::open_riff(reader),
        Format::W64 => pcm_file::open_w64(reader),
        Format::Aiff => pcm_file::open_aiff(reader),
        Format::Dsf => dsd::open_dsf(reader),
        Format::Dff => dsd::open_dff(reader),
        Format::Raw(format) => pcm_file::open_raw(reader, format),
        Format::Mp3 => elementary::open_mp3(reader).map_err(|fault| explain(fault, format, &head, hints)),
        Format::Adts => elementary::open_adts(reader).map_err(|fault| explain(fault, format, &head, hints)),
        Format::Ogg => ogg::open(reader),
        Format::Mp4 => mp4::open(reader),
    }?;
    // What belongs to the container comes first.
    opened.tags.complete(tags);
    Ok(opened)
}

/// The first bytes from `start` on; leaves the reader there.
fn read_head(reader: &mut ByteReader, start: u64) -> Result<Vec<u8>, Fault> {
    reader.seek(start)?;
    let head = reader.up_to(sniff::LENGTH)?;
    reader.seek(start)?;
    Ok(head)
}

/// What follows the last dot of the path's last component.
fn extension(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let (_, name) = path.rsplit_once('/')?;
    name.rsplit_once('.').map(|(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t10_extension_is_the_last_components() {
        assert_eq!(extension("http://h/a.dsf/$!transcode-44.wav?x=/b.flac"), Some("wav"));
        assert_eq!(extension("http://h/a.dsf/stream"), None);
        assert_eq!(extension("http://h/"), None);
    }
}
