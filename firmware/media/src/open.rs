//! From an address to a track.

use std::io::{Read, SeekFrom};
use std::sync::Arc;

use crate::fault::{Error, Fault};
use crate::http::HttpSource;
use crate::input::{ByteReader, Input};
use crate::sniff::{self, Format, Hints, explain};
use crate::stream::Opened;
use crate::track::guard;
use crate::{Cancel, Limits, Track, dsd, elementary, flac, mp4, ogg, pcm_file};

/// What to play, as a control point gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// An `http:` or `https:` URL.
    pub url: String,
    /// The media type from protocolInfo. Only a hint.
    pub mime: Option<String>,
}

/// The longest tag before the audio that is read over: a few covers.
const MAX_ID3: u64 = 64 << 20;

/// Tags that may follow each other before the audio.
const MAX_TAGS: usize = 4;

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
    open_with(Box::new(source), &url, &hints).map_err(wrap)
}

/// Opens a track from anything that can be read. `name` stands in messages; `mime` is a hint.
///
/// # Errors
/// As [`open`].
pub fn open_input(input: Box<dyn Input>, name: &str, mime: Option<&str>) -> Result<Track, Error> {
    let name: Arc<str> = name.into();
    let hints = Hints { mime, ..Hints::default() };
    open_with(input, &name, &hints).map_err(|fault| Error::new(&name, fault))
}

fn open_with(input: Box<dyn Input>, url: &Arc<str>, hints: &Hints<'_>) -> Result<Track, Fault> {
    let length = input.byte_len();
    let opened = guard(|| recognise(input, hints))?;
    tracing::debug!(url = &**url, codec = opened.codec.name(), container = opened.container, "opened");
    Ok(Track::new(url, opened, length))
}

fn recognise(mut input: Box<dyn Input>, hints: &Hints<'_>) -> Result<Opened, Fault> {
    let mut start = 0;
    let mut head = read_head(&mut *input, start)?;
    for _ in 0..MAX_TAGS {
        let Some(length) = id3_length(&head) else { break };
        if length > MAX_ID3 {
            return Err(Fault::corrupt("an ID3 tag of more than 64 MiB"));
        }
        start += length;
        head = read_head(&mut *input, start)?;
    }
    let format = sniff::format(&head, hints)?;
    let reader = |input| ByteReader::new(input, start);
    match format {
        Format::Flac => flac::open(reader(input)?),
        Format::Riff => pcm_file::open_riff(reader(input)?),
        Format::W64 => pcm_file::open_w64(reader(input)?),
        Format::Aiff => pcm_file::open_aiff(reader(input)?),
        Format::Dsf => dsd::open_dsf(reader(input)?),
        Format::Dff => dsd::open_dff(reader(input)?),
        Format::Raw(format) => pcm_file::open_raw(reader(input)?, format),
        Format::Mp3 => elementary::open_mp3(reader(input)?).map_err(|fault| explain(fault, format, &head, hints)),
        Format::Adts => elementary::open_adts(reader(input)?).map_err(|fault| explain(fault, format, &head, hints)),
        Format::Ogg => ogg::open(reader(input)?),
        Format::Mp4 => mp4::open(reader(input)?),
    }
}

fn read_head(input: &mut dyn Input, start: u64) -> Result<Vec<u8>, Fault> {
    input.seek(SeekFrom::Start(start))?;
    let mut head = Vec::with_capacity(sniff::LENGTH);
    input.take(sniff::LENGTH as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The length of an ID3v2 tag that starts here (id3.org, "ID3v2.4.0 Structure", 3.1 and 3.4).
fn id3_length(head: &[u8]) -> Option<u64> {
    let &[b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] = head else { return None };
    let size = [a, b, c, d].into_iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
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
