//! What stands in front of the samples, for whoever writes these itself: of a file that grows the sizes are known late.

/// The `fmt ` chunk's content of a WAV file; `tag` is 1 for PCM, 3 for float. Of the `bytes` that a sample takes the upper
/// `bits` are valid; where the plain form can't say that, or the speakers, it has to be `extensible`.
#[must_use]
pub fn wav_format(rate: u32, channels: u16, bits: u16, bytes: u16, tag: u16, extensible: bool) -> Vec<u8> {
    let block = bytes * channels;
    let mut format = Vec::new();
    format.extend_from_slice(&if extensible { 0xfffe_u16 } else { tag }.to_le_bytes());
    format.extend_from_slice(&channels.to_le_bytes());
    format.extend_from_slice(&rate.to_le_bytes());
    format.extend_from_slice(&(rate * u32::from(block)).to_le_bytes());
    format.extend_from_slice(&block.to_le_bytes());
    format.extend_from_slice(&(bytes * 8).to_le_bytes());
    if extensible {
        format.extend_from_slice(&22_u16.to_le_bytes());
        format.extend_from_slice(&bits.to_le_bytes());
        format.extend_from_slice(&speakers(channels).to_le_bytes());
        // KSDATAFORMAT_SUBTYPE_…: the tag, then the fixed rest of the GUID.
        format.extend_from_slice(&tag.to_le_bytes());
        format.extend_from_slice(b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71");
    }
    format
}

/// dwChannelMask of the usual layout for so many channels.
fn speakers(channels: u16) -> u32 {
    match channels {
        1 => 0x4,
        2 => 0x3,
        3 => 0x7,
        4 => 0x33,
        5 => 0x37,
        6 => 0x3f,
        7 => 0x70f,
        _ => 0x63f,
    }
}

/// Bytes of a block of one channel in DSF.
pub const DSF_BLOCK: usize = 4096;

/// What a DSF file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DsfLayout {
    /// Bits a second and channel, Hz.
    pub rate: u32,
    /// Channels, 1 to 8.
    pub channels: u16,
    /// Bits of each channel.
    pub samples: u64,
    /// Bytes of all blocks, padding included.
    pub audio: u64,
    /// Bytes of the tag behind them; 0: none.
    pub tag: u64,
}

impl DsfLayout {
    /// Everything in front of the first block (Sony, "DSF File Format Specification 1.01"); the oldest bit of a byte is its
    /// least significant one.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let Self { rate, channels, samples, audio, tag } = *self;
        let tag_at = 28 + 52 + 12 + audio;
        let mut header = b"DSD ".to_vec();
        for number in [28, tag_at + tag, if tag == 0 { 0 } else { tag_at }] {
            header.extend(number.to_le_bytes());
        }
        header.extend(b"fmt ");
        header.extend(52_u64.to_le_bytes());
        let channel_type = match channels {
            6 => 7,
            5 => 6,
            channels => u32::from(channels),
        };
        for number in [1, 0, channel_type, channels.into(), rate, 1] {
            header.extend(number.to_le_bytes());
        }
        header.extend(samples.to_le_bytes());
        header.extend((DSF_BLOCK as u32).to_le_bytes());
        header.extend([0; 4]);
        header.extend(b"data");
        header.extend((audio + 12).to_le_bytes());
        header
    }
}
