//! Metadata blocks (RFC 9639, 8): only STREAMINFO, SEEKTABLE and VORBIS_COMMENT are read, the rest is passed over.

use pcm::{Encoding, Source};

use crate::Tags;
use crate::fault::{Fault, Kind};
use crate::input::ByteReader;

const STREAMINFO: u8 = 0;
const SEEKTABLE: u8 = 3;
const VORBIS_COMMENT: u8 = 4;
/// "The last metadata block", in a block's first byte.
const LAST: u8 = 0x80;
/// Pictures, padding and the rest, all together.
const MAX_LENGTH: u64 = 256 << 20;
/// Seek points that are kept; one a second for eighteen hours.
const MAX_POINTS: u32 = 1 << 16;
/// Bytes of comments that are read.
const MAX_COMMENTS: u32 = 256 * 1024;

/// What STREAMINFO says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamInfo {
    pub(super) source: Source,
    /// Audio frames of the whole stream, if the encoder knew.
    pub(super) frames: Option<u64>,
    /// The size of all blocks but the last, if they are of one size.
    pub(super) block: Option<u32>,
    /// The largest frame in bytes, if the encoder knew.
    pub(super) max_frame: Option<usize>,
    /// Of all samples, if the encoder computed it.
    pub(super) md5: Option<[u8; 16]>,
}

/// The byte at which a frame starts, counted from the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeekPoint {
    pub(super) frame: u64,
    pub(super) offset: u64,
}

/// What lies before the first frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metadata {
    pub(super) info: StreamInfo,
    /// In order of frames.
    pub(super) points: Vec<SeekPoint>,
    pub(super) tags: Tags,
}

/// Reads from the stream marker to the first frame.
pub(super) fn read(reader: &mut ByteReader) -> Result<Metadata, Fault> {
    if reader.array()? != *b"fLaC" {
        return Err(Fault::new(Kind::NotAudio, "no FLAC stream marker"));
    }
    let start = reader.position();
    let mut info = None;
    let mut points = Vec::new();
    let mut tags = Tags::default();
    loop {
        let [kind, a, b, c] = reader.array()?;
        let length = u32::from_be_bytes([0, a, b, c]);
        let next = reader.position() + u64::from(length);
        match kind & !LAST {
            STREAMINFO if length == 34 => info = Some(StreamInfo::parse(&reader.array()?)?),
            SEEKTABLE => {
                for _ in 0..(length / 18).min(MAX_POINTS) {
                    points.extend(SeekPoint::parse(reader.array()?));
                }
            }
            VORBIS_COMMENT => tags.complete(Tags::vorbis(&reader.up_to(length.min(MAX_COMMENTS) as usize)?)),
            _ => {}
        }
        reader.seek(next)?;
        if reader.position() - start > MAX_LENGTH {
            return Err(Fault::corrupt("metadata without end"));
        }
        if kind & LAST != 0 {
            break;
        }
    }
    points.sort_by_key(|point| point.frame);
    info.map(|info| Metadata { info, points, tags }).ok_or_else(|| Fault::corrupt("no STREAMINFO"))
}

impl StreamInfo {
    pub(super) fn parse(block: &[u8; 34]) -> Result<Self, Fault> {
        let [
            min_a,
            min_b,
            max_a,
            max_b,
            _,
            _,
            _,
            a,
            b,
            c,
            packed @ ..,
            m0,
            m1,
            m2,
            m3,
            m4,
            m5,
            m6,
            m7,
            m8,
            m9,
            m10,
            m11,
            m12,
            m13,
            m14,
            m15,
        ] = *block;
        let packed = u64::from_be_bytes(packed);
        let source = Source {
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u16 + 1,
            bits: (packed >> 36 & 31) as u16 + 1,
            encoding: Encoding::Integer,
        };
        if source.rate == 0 || source.bits < 4 {
            return Err(Fault::corrupt(format!("STREAMINFO with {} Hz, {} bits", source.rate, source.bits)));
        }
        let (min, max) = (u16::from_be_bytes([min_a, min_b]), u16::from_be_bytes([max_a, max_b]));
        let frames = packed & ((1 << 36) - 1);
        let max_frame = u32::from_be_bytes([0, a, b, c]) as usize;
        let md5 = [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15];
        Ok(Self {
            source,
            frames: Some(frames).filter(|&frames| frames > 0),
            block: Some(max.into()).filter(|_| min == max && max > 0),
            max_frame: Some(max_frame).filter(|&length| length > 0),
            md5: Some(md5).filter(|md5| *md5 != [0; 16]),
        })
    }
}

impl SeekPoint {
    /// `None` for a placeholder.
    fn parse(point: [u8; 18]) -> Option<Self> {
        let [f0, f1, f2, f3, f4, f5, f6, f7, o0, o1, o2, o3, o4, o5, o6, o7, _, _] = point;
        let frame = u64::from_be_bytes([f0, f1, f2, f3, f4, f5, f6, f7]);
        let offset = u64::from_be_bytes([o0, o1, o2, o3, o4, o5, o6, o7]);
        (frame != u64::MAX).then_some(Self { frame, offset })
    }
}
