//! FLAC (RFC 9639), by symphonia's reader and decoder.
//!
//! The reader drops frames whose CRC-16 is wrong and says nothing; a gap in the frame numbers tells. It also keeps every
//! metadata block in memory, so it is given only those that it needs. STREAMINFO's MD5 is compared at the end of a track
//! that was read from its start.

use std::io::SeekFrom;

use pcm::{Encoding, Samples, Source};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::units::Timestamp;
use symphonia::default::codecs::FlacDecoder;
use symphonia::default::formats::FlacReader;

use crate::Codec;
use crate::fault::{Fault, Kind};
use crate::input::Input;
use crate::splice::Splice;
use crate::stream::{Opened, Stream};
use crate::symphonia_glue::samples;

const MARKER: &[u8; 4] = b"fLaC";
const STREAMINFO: u8 = 0;
const SEEKTABLE: u8 = 3;
/// "The last metadata block", in a block's first byte.
const LAST: u8 = 0x80;
/// A seek table of a million entries would be 18 MB; nobody needs one.
const MAX_SEEKTABLE: u32 = 1 << 20;
/// Pictures and padding before the audio, all together.
const MAX_METADATA: u64 = 256 << 20;

/// What STREAMINFO says (RFC 9639, 8.2).
struct StreamInfo {
    source: Source,
    frames: Option<u64>,
}

impl StreamInfo {
    fn parse(block: &[u8; 34]) -> Self {
        let [_, _, _, _, _, _, _, _, _, _, packed @ ..] = block;
        let [a, b, c, d, e, f, g, h, ..] = *packed;
        let packed = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let source = Source {
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u16 + 1,
            bits: (packed >> 36 & 31) as u16 + 1,
            encoding: Encoding::Integer,
        };
        let frames = packed & ((1 << 36) - 1);
        Self { source, frames: (frames > 0).then_some(frames) }
    }
}

struct FlacStream {
    reader: FlacReader<'static>,
    decoder: FlacDecoder,
    frames: Option<u64>,
    /// The frame that the next packet must start with; `None` after a seek.
    expected: Option<u64>,
    /// Whether all packets since the first have been decoded, so that the MD5 tells something.
    whole: bool,
    ended: bool,
}

/// Opens a stream whose marker is at byte `start` of `input`.
pub(crate) fn open(mut input: Box<dyn Input>, start: u64) -> Result<Opened, Fault> {
    let (head, body, info) = read_metadata(&mut *input, start)?;
    let seekable = input.is_seekable();
    let source = MediaSourceStream::new(Box::new(Splice::new(head, input, body)), Default::default());
    let reader = FlacReader::try_new(source, FormatOptions::default())?;
    let parameters = reader.tracks().first().and_then(|track| track.codec_params.as_ref()?.audio());
    let parameters = parameters.ok_or_else(|| Fault::corrupt("no STREAMINFO"))?;
    let decoder = FlacDecoder::try_new(parameters, &AudioDecoderOptions::default().verify(true))?;
    let StreamInfo { source, frames } = info;
    let stream = FlacStream { reader, decoder, frames, expected: Some(0), whole: true, ended: false };
    Ok(Opened { codec: Codec::Flac, container: "FLAC", source, frames, seekable, stream: Box::new(stream) })
}

/// Reads over the metadata blocks; returns a header with those that the reader needs, where the audio starts, and what
/// STREAMINFO says.
fn read_metadata(input: &mut dyn Input, start: u64) -> Result<(Vec<u8>, u64, StreamInfo), Fault> {
    let mut position = start + MARKER.len() as u64;
    let mut head = MARKER.to_vec();
    let mut info = None;
    loop {
        input.seek(SeekFrom::Start(position))?;
        let mut header = [0; 4];
        input.read_exact(&mut header)?;
        let [kind, size @ ..] = header;
        let [a, b, c] = size;
        let length = u32::from_be_bytes([0, a, b, c]);
        match kind & !LAST {
            STREAMINFO if info.is_none() && length == 34 => {
                let mut block = [0; 34];
                input.read_exact(&mut block)?;
                info = Some(StreamInfo::parse(&block));
                append(&mut head, STREAMINFO, &block);
            }
            SEEKTABLE if length <= MAX_SEEKTABLE => {
                let mut block = vec![0; length as usize];
                input.read_exact(&mut block)?;
                append(&mut head, SEEKTABLE, &block);
            }
            _ => {}
        }
        position += 4 + u64::from(length);
        if position - start > MAX_METADATA {
            return Err(Fault::corrupt("metadata without end"));
        }
        if kind & LAST != 0 {
            break;
        }
    }
    // Padding that is nothing, to carry the mark of the last block.
    append(&mut head, LAST | 1, &[]);
    info.map(|info| (head, position, info)).ok_or_else(|| Fault::corrupt("no STREAMINFO"))
}

fn append(head: &mut Vec<u8>, kind: u8, block: &[u8]) {
    let [_, size @ ..] = (block.len() as u32).to_be_bytes();
    head.push(kind);
    head.extend(size);
    head.extend(block);
}

impl FlacStream {
    fn end(&mut self, position: u64) -> Result<usize, Fault> {
        if let Some(total) = self.frames.filter(|&total| position < total) {
            return Err(Fault::truncated(format!("{position} of {total} frames")));
        }
        self.ended = true;
        if self.whole && self.decoder.finalize().verify_ok == Some(false) {
            return Err(Fault::corrupt("the MD5 of the samples isn't STREAMINFO's"));
        }
        Ok(0)
    }
}

impl Stream for FlacStream {
    fn advance(&mut self) -> Result<usize, Fault> {
        if self.ended {
            return Ok(0);
        }
        let position = self.expected.unwrap_or(0);
        let packet = match self.reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return self.end(position),
            Err(error) => {
                let fault = Fault::from(error);
                let total = self.frames.map_or_else(|| "unknown".into(), |total| total.to_string());
                return Err(match fault.kind {
                    Kind::Truncated if fault.detail.is_empty() => {
                        Fault::truncated(format!("{position} of {total} frames"))
                    }
                    _ => fault,
                });
            }
        };
        let start = u64::try_from(packet.pts.get()).unwrap_or(u64::MAX);
        if self.expected.is_some_and(|expected| expected != start) {
            return Err(Fault::corrupt(format!("frame {position} is damaged or missing")));
        }
        let frames = self.decoder.decode(&packet)?.frames();
        if frames == 0 {
            return Err(Fault::corrupt(format!("nothing in frame {position}")));
        }
        self.expected = Some(start + frames as u64);
        Ok(frames)
    }

    fn block(&self) -> Option<Samples<'_>> {
        samples(&self.decoder.last_decoded())
    }

    fn seek(&mut self, frame: u64) -> Result<u64, Fault> {
        self.whole = false;
        self.ended = false;
        if self.frames == Some(frame) {
            // There is no frame to find at the very end.
            self.ended = true;
            return Ok(frame);
        }
        let ts = Timestamp::try_from(frame).map_err(|_| Fault::new(Kind::OutOfRange, ""))?;
        let seeked = self.reader.seek(SeekMode::Accurate, SeekTo::Timestamp { ts, track_id: 0 })?;
        let landed = u64::try_from(seeked.actual_ts.get()).unwrap_or(u64::MAX);
        self.expected = Some(landed);
        Ok(landed)
    }
}
