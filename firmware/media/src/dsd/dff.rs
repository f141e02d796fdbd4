//! DSDIFF (Philips, "Direct Stream Digital Interchange File Format 1.5"), mostly called DFF: big-endian IFF chunks with 64-bit
//! sizes; the audio as a byte of each channel in turn.

use pcm::{BitOrder, Dsd, MAX_CHANNELS, Samples, Source, Speaker, Speakers};

use super::{NO_SIZE, source};
use crate::fault::{Fault, Kind};
use crate::input::ByteReader;
use crate::stream::{Opened, Stream};
use crate::tags::Form;
use crate::{Codec, Tags};

/// The most chunks before the audio.
const MAX_CHUNKS: usize = 1024;
/// The most bytes that may lie before the audio.
const MAX_HEADER: u64 = 64 << 20;
/// Frames that are read at a time: a multiple of every word of a wire.
const BLOCK: usize = 8192;

struct DffStream {
    reader: ByteReader,
    /// The first byte of the first frame.
    start: u64,
    channels: usize,
    speakers: Speakers,
    /// Frames that there must be; `None` where only the end of the input tells.
    frames: Option<u64>,
    /// The frame that is read next.
    position: u64,
    bytes: Vec<u8>,
}

/// Opens a file that starts with `FRM8` at the reader's position.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let start = reader.position();
    let (form, _) = chunk(&mut reader)?;
    if form != *b"FRM8" || reader.array()? != *b"DSD " {
        return Err(Fault::unsupported("an FRM8 file, but no DSDIFF"));
    }
    let (mut found, mut tags) = (None, Tags::default());
    for _ in 0..MAX_CHUNKS {
        if reader.position().saturating_sub(start) > MAX_HEADER {
            break;
        }
        let (id, size) = chunk(&mut reader)?;
        let next = end(reader.position(), size)?;
        match &id {
            b"PROP" => found = properties(&mut reader, next)?.or(found),
            b"DSD " => {
                let (source, speakers) = found.ok_or_else(|| Fault::corrupt("no properties before the audio"))?;
                return Ok(open_audio(reader, source, speakers, size, tags));
            }
            b"DST " => return Err(Fault::unsupported("DSDIFF compressed with DST")),
            _ => Form::Dff.chunk(id, size, &mut reader, &mut tags)?,
        }
        reader.seek(next)?;
    }
    Err(Fault::corrupt("no DSD chunk"))
}

fn open_audio(mut reader: ByteReader, source: Source, speakers: Speakers, size: u64, mut tags: Tags) -> Opened {
    let start = reader.position();
    // Servers that stream don't know the size, and write 0 or the largest number.
    let length = match size {
        0 => reader.byte_len().and_then(|bytes| bytes.checked_sub(start)),
        NO_SIZE.. => reader.byte_len().and_then(|bytes| bytes.checked_sub(start)),
        size => Some(size),
    };
    let channels = usize::from(source.channels);
    let frames = length.map(|length| length / channels as u64);
    let seekable = reader.is_seekable();
    if let Some(end) = Some(size).filter(|size| (1..NO_SIZE).contains(size)).and_then(|size| end(start, size).ok()) {
        tags.chunks_behind(&mut reader, end, Form::Dff);
    }
    let stream = DffStream { reader, start, channels, speakers, frames, position: 0, bytes: Vec::new() };
    Opened {
        codec: Codec::Dsd,
        container: "DSDIFF",
        source,
        frames,
        estimate: None,
        seekable,
        tags,
        stream: Box::new(stream),
    }
}

/// Reads the property chunk's parts, up to `end`; `None` if it isn't about sound.
fn properties(reader: &mut ByteReader, stop: u64) -> Result<Option<(Source, Speakers)>, Fault> {
    if reader.array()? != *b"SND " {
        return Ok(None);
    }
    let (mut rate, mut channels, mut speakers) = (None, None, Speakers::UNKNOWN);
    for _ in 0..MAX_CHUNKS {
        if reader.position() >= stop {
            break;
        }
        let (id, size) = chunk(reader)?;
        let next = end(reader.position(), size)?;
        match &id {
            b"FS  " => rate = Some(u32::from_be_bytes(reader.array()?)),
            b"CHNL" => {
                let count = u16::from_be_bytes(reader.array()?);
                channels = Some(count);
                let names = usize::from(count).min(MAX_CHANNELS);
                let names = (0..names).map(|_| reader.array().map(|name| speaker(&name)));
                speakers = Speakers::new(names.collect::<Result<Vec<_>, _>>()?);
            }
            b"CMPR" => match &reader.array()? {
                b"DSD " => {}
                b"DST " => return Err(Fault::unsupported("DSDIFF compressed with DST")),
                other => return Err(Fault::unsupported(format!("DSDIFF compressed with {}", other.escape_ascii()))),
            },
            _ => {}
        }
        reader.seek(next)?;
    }
    match (rate, channels) {
        (Some(rate), Some(channels)) => source(rate, channels.into()).map(|source| Some((source, speakers))),
        _ => Err(Fault::corrupt("no sample rate or no channels among the properties")),
    }
}

/// The names of the channels (DSDIFF 1.5, 3.2.2).
fn speaker(name: &[u8; 4]) -> Option<Speaker> {
    Some(match name {
        b"SLFT" | b"MLFT" => Speaker::FrontLeft,
        b"SRGT" | b"MRGT" => Speaker::FrontRight,
        b"C   " => Speaker::FrontCentre,
        b"LFE " => Speaker::LowFrequency,
        b"LS  " => Speaker::BackLeft,
        b"RS  " => Speaker::BackRight,
        _ => return None,
    })
}

fn chunk(reader: &mut ByteReader) -> Result<([u8; 4], u64), Fault> {
    let id = reader.array()?;
    Ok((id, u64::from_be_bytes(reader.array()?)))
}

/// Where a chunk of `size` bytes ends that starts at `start`; it is padded to an even size.
fn end(start: u64, size: u64) -> Result<u64, Fault> {
    match size {
        NO_SIZE.. => Ok(u64::MAX),
        size => start.checked_add(size + size % 2).ok_or_else(|| Fault::corrupt("an impossible chunk size")),
    }
}

impl Stream for DffStream {
    fn advance(&mut self) -> Result<usize, Fault> {
        let left = self.frames.map_or(u64::MAX, |frames| frames.saturating_sub(self.position));
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK);
        self.bytes.resize(wanted * self.channels, 0);
        let read = self.reader.fill_some(&mut self.bytes)?;
        let frames = read / self.channels;
        if frames == 0 && wanted > 0 {
            // A part of a frame is left over by the end, or by a fault that is told now.
            self.reader.fill_some(&mut [0])?;
        }
        self.bytes.truncate(frames * self.channels);
        self.position += frames as u64;
        match (frames, self.frames) {
            (0, Some(total)) if self.position < total => {
                Err(Fault::truncated(format!("{} of {total} bytes of each channel", self.position)))
            }
            (0, None) if read > 0 => Err(Fault::truncated("ends inside a frame")),
            (frames, _) => Ok(frames),
        }
    }

    fn block(&self) -> Option<Samples<'_>> {
        Dsd::interleaved(&self.bytes, self.channels, BitOrder::MsbFirst).ok().map(Samples::Dsd)
    }

    fn speakers(&self) -> Option<Speakers> {
        Some(self.speakers)
    }

    fn seek(&mut self, frame: u64) -> Result<u64, Fault> {
        if self.frames.is_some_and(|frames| frame > frames) {
            return Err(Fault::new(Kind::OutOfRange, ""));
        }
        let byte = frame.checked_mul(self.channels as u64).and_then(|offset| offset.checked_add(self.start));
        self.reader.seek(byte.ok_or_else(|| Fault::new(Kind::OutOfRange, ""))?)?;
        self.position = frame;
        Ok(frame)
    }
}
