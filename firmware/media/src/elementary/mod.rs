//! Streams of frames with a header each and nothing around them: MP3 and ADTS.

mod adts;
mod index;
mod mp3;
mod mpeg_header;
mod sbr;
mod xing;

use crate::fault::{Fault, Kind};
use crate::input::ByteReader;
use crate::packets::{Demux, Landing, Next};

pub(crate) use self::adts::{is_adts, open as open_adts};
use self::index::Index;
pub(crate) use self::mp3::{is_mp3, open as open_mp3};
pub(crate) use self::sbr::has_sbr;

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    /// Bytes of the frame, header included.
    length: usize,
    /// Where in the frame the decoder's packet starts.
    payload: usize,
    /// Frames of audio that it decodes to.
    samples: u64,
    rate: u32,
    channels: u16,
}

/// How frames are recognised.
trait Syntax: Send {
    /// Bytes of a header.
    const HEADER: usize;
    /// Frames that a decoder needs before it gives what it would have given without a seek.
    const WARM_UP: u64;

    /// Reads a header of `HEADER` bytes; `None` if it is none.
    fn parse(header: &[u8]) -> Result<Option<Frame>, Fault>;
}

/// The frames of a stream.
struct Elementary<S> {
    reader: ByteReader,
    /// What all frames have in common.
    first: Frame,
    index: Index,
    /// The number of the frame that comes next.
    next: u64,
    /// How many frames there are, if the stream says so; what follows them is no audio.
    total: Option<u64>,
    syntax: std::marker::PhantomData<S>,
}

impl<S: Syntax> Elementary<S> {
    /// The stream's frames start at the reader's position; `first` is the header of the first.
    fn new(reader: ByteReader, first: Frame, total: Option<u64>) -> Self {
        let index = Index::new(reader.position());
        Self { reader, first, index, next: 0, total, syntax: std::marker::PhantomData }
    }

    /// Reads the next header; `None` at the end of the stream.
    fn header(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Frame>, Fault> {
        if self.total.is_some_and(|total| self.next >= total) {
            return Ok(None);
        }
        self.index.note(self.next, self.reader.position());
        bytes.clear();
        bytes.resize(S::HEADER, 0);
        let read = self.reader.fill(bytes)?;
        bytes.truncate(read);
        let frame = if read < S::HEADER { None } else { S::parse(bytes)? };
        let Some(frame) = frame else {
            return match (self.total, is_trailer(bytes)) {
                (Some(total), _) => Err(Fault::truncated(format!("{} of {total} packets", self.next))),
                (None, true) => Ok(None),
                (None, false) if read < S::HEADER => Err(Fault::truncated("ends inside a frame header")),
                (None, false) => {
                    Err(Fault::corrupt(format!("no frame at byte {}", self.reader.position() - read as u64)))
                }
            };
        };
        let Frame { rate, channels, .. } = frame;
        if (rate, channels) != (self.first.rate, self.first.channels) {
            return Err(Fault::format_changed(format!(
                "{} Hz, {} channels, then {rate} Hz, {channels} channels",
                self.first.rate, self.first.channels
            )));
        }
        Ok(Some(frame))
    }
}

impl<S: Syntax> Demux for Elementary<S> {
    fn next(&mut self, packet: &mut Vec<u8>) -> Result<Option<Next>, Fault> {
        let Some(frame) = self.header(packet)? else { return Ok(None) };
        let header = packet.len();
        packet.resize(frame.length.max(header), 0);
        let body = packet.get_mut(header..).unwrap_or_default();
        if self.reader.fill(body)? < body.len() {
            return Err(Fault::truncated("ends inside a frame"));
        }
        packet.drain(..frame.payload.min(packet.len()));
        self.next += 1;
        Ok(Some(Next::default()))
    }

    fn seek(&mut self, position: u64) -> Result<Landing, Fault> {
        let before = (self.next, self.reader.position());
        let landing = self.find(position);
        if landing.is_err() {
            // As if nothing had been asked.
            self.next = before.0;
            self.reader.seek(before.1)?;
        }
        landing
    }
}

impl<S: Syntax> Elementary<S> {
    /// Reads over frames until the one that holds `position`, then steps back by the warm-up.
    fn find(&mut self, position: u64) -> Result<Landing, Fault> {
        let wanted = position / self.first.samples;
        let start = wanted.saturating_sub(S::WARM_UP);
        let (frame, byte) = self.index.before(start);
        self.reader.seek(byte)?;
        self.next = frame;
        let mut header = Vec::new();
        let mut start_byte = byte;
        while self.next < wanted {
            if self.next == start {
                start_byte = self.reader.position();
            }
            let Some(frame) = self.header(&mut header)? else {
                return Err(Fault::new(Kind::OutOfRange, format!("there are {} packets", self.next)));
            };
            self.reader.skip((frame.length - S::HEADER) as u64)?;
            self.next += 1;
        }
        if start < wanted {
            self.next = start;
            self.reader.seek(start_byte)?;
        }
        let warm_up = usize::try_from(wanted - start).unwrap_or(0);
        Ok(Landing { position: wanted * self.first.samples, warm_up })
    }
}

/// About how many samples there are from byte `at` of `head` to the end of `length` bytes, if the rest is like the frames in
/// `head`: right to a frame or so at a constant bit rate.
fn estimate<S: Syntax>(head: &[u8], at: usize, length: Option<u64>) -> Option<u64> {
    let header = |at: usize| S::parse(head.get(at..at.checked_add(S::HEADER)?)?).ok().flatten();
    let (mut end, mut samples) = (at, 0);
    while let Some(frame) = header(end) {
        end += frame.length;
        samples += frame.samples;
    }
    let (bytes, all) = ((end - at) as u128, u128::from(length?.saturating_sub(at as u64)));
    u64::try_from((u128::from(samples) * all).checked_div(bytes)?).ok()
}

/// Whether these bytes start what taggers put behind the last frame, or are the padding of a careless writer.
fn is_trailer(bytes: &[u8]) -> bool {
    const TAGS: [&[u8]; 5] = [b"TAG", b"APET", b"LYRI", b"ID3", b"3DI"];
    TAGS.iter().any(|tag| bytes.starts_with(tag)) || bytes.iter().all(|&byte| byte == 0)
}

/// Finds the first byte of a frame that is followed by another like it, or by the end of `bytes`.
fn find_frame<S: Syntax>(bytes: &[u8]) -> Option<(usize, Frame)> {
    let parse = |at: usize| S::parse(bytes.get(at..at.checked_add(S::HEADER)?)?).ok().flatten();
    (0..bytes.len()).find_map(|at| {
        let frame = parse(at)?;
        let next = at + frame.length;
        let confirmed = match parse(next) {
            Some(next) => (next.rate, next.channels) == (frame.rate, frame.channels),
            None => bytes.len() < next + S::HEADER || bytes.get(next..).is_some_and(is_trailer),
        };
        confirmed.then_some((at, frame))
    })
}
