//! Containers that hold samples as they are: WAV and its kin, AIFF, and raw network PCM.
//!
//! These are our own because exactness is our purpose: every width and justification, sizes that streaming servers
//! leave open, and a truncation that is noticed.

mod aiff;
mod chan;
mod layout;
mod raw;
mod riff;
mod w64;
mod wave_format;

pub(crate) use self::aiff::open as open_aiff;
use self::layout::Layout;
pub(crate) use self::raw::{RawFormat, open as open_raw};
pub(crate) use self::riff::open as open_riff;
pub(crate) use self::w64::{RIFF as W64_MARKER, open as open_w64};

use pcm::{Encoding, Samples, Source, Speakers};

use self::layout::Planar;
use crate::fault::{Fault, Kind};
use crate::input::ByteReader;
use crate::stream::{Opened, Stream};
use crate::{Codec, Tags};

/// Frames that are read at a time.
const BLOCK: usize = 4096;

/// The most bytes that may lie before the audio: cue lists, cover pictures and the like.
const MAX_HEADER: u64 = 64 * 1024 * 1024;

/// The most chunks before the audio.
const MAX_CHUNKS: usize = 1024;

/// Where a container's audio lies.
#[derive(Clone, Copy, Debug)]
struct Data {
    /// The first byte of the first frame.
    start: u64,
    /// Bytes of audio, if the container says so; else they reach to the end of the input.
    length: Option<u64>,
}

/// Samples as they lie in the input.
struct PcmStream {
    reader: ByteReader,
    layout: Layout,
    data: Data,
    /// Frames that there must be; `None` where only the end of the input tells.
    frames: Option<u64>,
    /// The frame that is read next.
    position: u64,
    bytes: Vec<u8>,
    planar: Planar,
}

fn open(reader: ByteReader, layout: Layout, data: Data, container: &'static str, tags: Tags) -> Opened {
    let length = data.length.or_else(|| reader.byte_len()?.checked_sub(data.start));
    let frames = length.map(|length| length / layout.frame_bytes() as u64);
    let source = Source {
        rate: layout.rate,
        bits: layout.bits,
        channels: layout.channels,
        encoding: if layout.is_float() { Encoding::Float } else { Encoding::Integer },
    };
    let seekable = reader.is_seekable();
    let stream = PcmStream { reader, layout, data, frames, position: 0, bytes: Vec::new(), planar: Planar::default() };
    let stream = Box::new(stream);
    Opened { codec: Codec::Pcm, container, source, frames, estimate: None, seekable, tags, stream }
}

impl Stream for PcmStream {
    fn advance(&mut self) -> Result<usize, Fault> {
        let left = self.frames.map_or(u64::MAX, |frames| frames.saturating_sub(self.position));
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK);
        let frame_bytes = self.layout.frame_bytes();
        self.bytes.resize(wanted * frame_bytes, 0);
        let n = self.reader.fill_some(&mut self.bytes)?;
        let frames = n / frame_bytes;
        if frames == 0 && wanted > 0 {
            // A part of a frame is left over by the end, or by a fault that is told now.
            self.reader.fill_some(&mut [0])?;
        }
        self.bytes.truncate(frames * frame_bytes);
        self.planar.fill(&self.layout, &self.bytes);
        self.position += frames as u64;
        match (frames, self.frames) {
            (0, Some(total)) if self.position < total => {
                Err(Fault::truncated(format!("{} of {total} frames", self.position)))
            }
            (0, None) if n > 0 => Err(Fault::truncated("ends inside a frame")),
            (frames, _) => Ok(frames),
        }
    }

    fn block(&self) -> Option<Samples<'_>> {
        self.planar.samples(&self.layout)
    }

    fn speakers(&self) -> Option<Speakers> {
        self.layout.speakers
    }

    fn seek(&mut self, frame: u64) -> Result<u64, Fault> {
        if self.frames.is_some_and(|frames| frame > frames) {
            return Err(Fault::new(Kind::OutOfRange, ""));
        }
        let offset = frame.checked_mul(self.layout.frame_bytes() as u64);
        let Some(byte) = offset.and_then(|offset| offset.checked_add(self.data.start)) else {
            return Err(Fault::new(Kind::OutOfRange, ""));
        };
        self.reader.seek(byte)?;
        self.position = frame;
        Ok(frame)
    }
}
