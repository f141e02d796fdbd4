//! DSF (Sony, "DSF File Format Specification 1.01"): little-endian chunks `DSD `, `fmt `, `data`; the audio in blocks of one
//! channel each, in turn, the last ones padded; behind it an ID3v2 tag.
//!
//! The sample count is one of bits in each channel. What lies behind them in the last byte is the file's padding, zeros mostly, which are
//! full scale to a DAC: it becomes silence.

use pcm::{BitOrder, DSD_SILENCE, Dsd, Planes, Samples, Speakers};

use super::{NO_SIZE, source};
use crate::fault::{Fault, Kind};
use crate::input::ByteReader;
use crate::stream::{Opened, Stream};
use crate::{Codec, Tags};

/// Bytes of the `fmt ` chunk that are known, its header included; more may follow.
const FMT_BYTES: u64 = 52;

/// The longest block of a channel that is read. The specification has 4096 bytes and nothing else.
const MAX_BLOCK: u32 = 1 << 16;

/// Bytes that are read at a time, if they hold more than one block of each channel.
const PIECE: usize = 64 * 1024;

struct DsfStream {
    reader: ByteReader,
    /// The first byte of the first block.
    start: u64,
    channels: usize,
    /// Bytes of a block of one channel.
    block: usize,
    /// Bytes of each channel's last block, if the data chunk has room for no padding: outside the specification, and there are such
    /// files.
    last_block: Option<usize>,
    order: BitOrder,
    speakers: Speakers,
    /// Frames that there must be; `None` where only the end of the input tells.
    frames: Option<u64>,
    /// Bits of the last one that are audio, 1 to 8.
    last_bits: u8,
    /// Frames that the data chunk has room for.
    room: u64,
    /// The frame that is read next; the first of a block, or the end.
    position: u64,
    /// Groups of a block of each channel, and how much of it was read.
    bytes: Vec<u8>,
    filled: usize,
    /// Where in it the present group begins, and how many bytes of each of its blocks are audio.
    group: usize,
    length: usize,
    /// How far apart they begin.
    stride: usize,
    /// The last block was cut off.
    cut: bool,
}

/// Opens a file that starts with `DSD ` at the reader's position.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let origin = reader.position();
    let [b'D', b'S', b'D', b' ', size @ ..] = reader.array::<12>()? else {
        return Err(Fault::corrupt("no DSD chunk"));
    };
    // The file's size, which is often wrong.
    reader.skip(8)?;
    let tag = u64::from_le_bytes(reader.array()?);
    // 28 always.
    reader.seek(origin.saturating_add(u64::from_le_bytes(size).clamp(28, MAX_BLOCK.into())))?;

    let fmt = reader.position();
    let [b'f', b'm', b't', b' ', size @ ..] = reader.array::<12>()? else {
        return Err(Fault::corrupt("no fmt chunk behind the DSD chunk"));
    };
    let mut word = || reader.array().map(u32::from_le_bytes);
    let (_version, format) = (word()?, word()?);
    if format != 0 {
        return Err(Fault::unsupported(format!("DSF with format {format}")));
    }
    let (channel_type, channels, rate, bits) = (word()?, word()?, word()?, word()?);
    let samples = u64::from_le_bytes(reader.array()?);
    let block = u32::from_le_bytes(reader.array()?);
    let order = match bits {
        1 => BitOrder::LsbFirst,
        8 => BitOrder::MsbFirst,
        _ => return Err(Fault::corrupt(format!("DSF with {bits} bits a sample"))),
    };
    let source = source(rate, channels)?;
    if block == 0 || block > MAX_BLOCK {
        return Err(Fault::corrupt(format!("blocks of {block} bytes")));
    }
    reader.seek(fmt.saturating_add(u64::from_le_bytes(size).clamp(FMT_BYTES, MAX_BLOCK.into())))?;

    let [b'd', b'a', b't', b'a', size @ ..] = reader.array::<12>()? else {
        return Err(Fault::corrupt("no data chunk behind the fmt chunk"));
    };
    let start = reader.position();
    let channels = usize::from(source.channels);
    let group = u64::from(block) * channels as u64;
    let whole = |bytes: u64| bytes / group * u64::from(block);
    let room = match u64::from_le_bytes(size) {
        size if size <= 12 || size >= NO_SIZE => None,
        // A last block that isn't padded holds what its first channel has beside the others' whole blocks.
        size => Some((size - 12).div_ceil(group) * u64::from(block)),
    };
    let frames = match samples {
        0 => room.or_else(|| Some(whole(reader.byte_len()?.checked_sub(start)?))),
        samples => Some(samples.div_ceil(8)),
    };
    let tail = frames.map_or(0, |frames| (frames % u64::from(block)) as usize);
    let exact = frames.and_then(|frames| frames.checked_mul(channels as u64)?.checked_add(12))
        == Some(u64::from_le_bytes(size));
    let seekable = reader.is_seekable();
    let mut tags = Tags::default();
    // 0 is none. It is counted from the file's first byte.
    if let Some(tag) = origin.checked_add(tag).filter(|&tag| tag > start) {
        tags.id3_behind(&mut reader, tag);
    }
    let stream = DsfStream {
        reader,
        start,
        channels,
        block: block as usize,
        last_block: Some(tail).filter(|&tail| exact && tail > 0),
        order,
        speakers: speakers(channel_type, source.channels),
        frames,
        last_bits: (samples.wrapping_sub(1) % 8) as u8 + 1,
        room: room.unwrap_or(u64::MAX),
        position: 0,
        bytes: Vec::new(),
        filled: 0,
        group: 0,
        length: 0,
        stride: block as usize,
        cut: false,
    };
    Ok(Opened {
        codec: Codec::Dsd,
        container: "DSF",
        source,
        frames,
        estimate: None,
        seekable,
        tags,
        stream: Box::new(stream),
    })
}

impl DsfStream {
    fn truncated(&self) -> Fault {
        let total = self.frames.map_or_else(|| "an unknown number of".into(), |frames| frames.to_string());
        Fault::truncated(format!("{} of {total} bytes of each channel", self.position))
    }
}

/// What the `fmt ` chunk's channel type says ("DSF File Format Specification", the table of channel types).
fn speakers(channel_type: u32, channels: u16) -> Speakers {
    let mask = match channel_type {
        2 => 0x3,
        3 => 0x7,
        4 => 0x33,
        5 => 0xf,
        6 => 0x37,
        7 => 0x3f,
        _ => 0,
    };
    // Where type and channels contradict each other nobody knows.
    Some(Speakers::of_mask(mask, channels)).filter(|_| mask.count_ones() == channels.into()).unwrap_or_default()
}

impl Stream for DsfStream {
    fn speakers(&self) -> Option<Speakers> {
        Some(self.speakers)
    }

    fn advance(&mut self) -> Result<usize, Fault> {
        let left = self.frames.map_or(u64::MAX, |frames| frames.saturating_sub(self.position));
        if left == 0 {
            return Ok(0);
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.block);
        let read = if self.cut || self.position >= self.room {
            0
        } else {
            self.next_group(left.min(self.room - self.position))?
        };
        self.stride = self.last_block.filter(|&last| left == last as u64).unwrap_or(self.block);
        // The last channel's block comes last: what it lacks, all lack.
        let others = self.stride * (self.channels - 1);
        self.length = read.saturating_sub(others).min(wanted);
        self.position += self.length as u64;
        self.cut |= self.length < wanted;
        if self.length == 0 {
            // A fault that is told now, or the end.
            self.reader.fill_some(&mut [0])?;
            return if read == 0 && self.frames.is_none() { Ok(0) } else { Err(self.truncated()) };
        }
        if self.frames == Some(self.position) {
            self.silence_padding();
        }
        Ok(self.length)
    }

    fn block(&self) -> Option<Samples<'_>> {
        let blocks = self.bytes.get(self.group..).unwrap_or_default().chunks(self.stride).take(self.channels);
        let planes = blocks.map(|block| block.get(..self.length).unwrap_or_default());
        Planes::new(planes).ok().map(|planes| Samples::Dsd(Dsd::planar(planes, self.order)))
    }

    fn seek(&mut self, frame: u64) -> Result<u64, Fault> {
        if self.frames.is_some_and(|frames| frame > frames) {
            return Err(Fault::new(Kind::OutOfRange, ""));
        }
        let group = frame / self.block as u64;
        let byte = group.checked_mul(self.bytes_of_group() as u64).and_then(|offset| offset.checked_add(self.start));
        self.reader.seek(byte.ok_or_else(|| Fault::new(Kind::OutOfRange, ""))?)?;
        self.cut = false;
        self.filled = 0;
        self.position = group * self.block as u64;
        Ok(self.position)
    }
}

impl DsfStream {
    /// Makes silence, aligned as it always is, of what isn't audio in the last bytes of the present group.
    fn silence_padding(&mut self) {
        let missing = u32::from(8_u8.saturating_sub(self.last_bits));
        let (audio, silence) = match self.order {
            BitOrder::LsbFirst => (u8::MAX.checked_shr(missing), DSD_SILENCE.reverse_bits()),
            BitOrder::MsbFirst => (u8::MAX.checked_shl(missing), DSD_SILENCE),
        };
        let (audio, last) = (audio.unwrap_or(u8::MAX), self.length.saturating_sub(1));
        let blocks = self.bytes.get_mut(self.group..).unwrap_or_default().chunks_mut(self.stride).take(self.channels);
        for byte in blocks.filter_map(|block| block.get_mut(last)) {
            *byte = *byte & audio | silence & !audio;
        }
    }

    fn bytes_of_group(&self) -> usize {
        self.block * self.channels
    }

    /// Moves to the next group; `left` frames are to come. Returns how many of its bytes there are.
    fn next_group(&mut self, left: u64) -> Result<usize, Fault> {
        let group = self.bytes_of_group();
        self.group += group;
        if self.group >= self.filled {
            let groups = usize::try_from(left.div_ceil(self.block as u64)).unwrap_or(usize::MAX);
            self.bytes.resize(groups.clamp(1, (PIECE / group).max(1)) * group, 0);
            self.group = 0;
            self.filled = 0;
            self.filled = self.reader.fill_some(&mut self.bytes)?;
        }
        Ok((self.filled - self.group).min(group))
    }
}
