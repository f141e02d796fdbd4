//! Frame headers (RFC 9639, 9.1).

use super::bits::Bad;
use super::crc::crc8;

/// The longest header: sync and codes 4, number 7, block size 2, rate 2, check sum 1.
pub(super) const MAX_LENGTH: usize = 16;

/// How the channels are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    Independent(u8),
    LeftSide,
    SideRight,
    MidSide,
}

impl Channels {
    pub(super) fn count(self) -> u16 {
        match self {
            Self::Independent(count) => count.into(),
            Self::LeftSide | Self::SideRight | Self::MidSide => 2,
        }
    }
}

/// What counts the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// The frame's number, where all blocks but the last are of one size.
    Frame(u64),
    /// The number of the block's first sample.
    Sample(u64),
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: Number,
    /// Audio frames in the block, 1 to 65536.
    pub(super) block: u32,
    /// Hz; `None` means as STREAMINFO says.
    pub(super) rate: Option<u32>,
    pub(super) channels: Channels,
    /// `None` means as STREAMINFO says.
    pub(super) bits: Option<u16>,
    /// Bytes of the header itself.
    pub(super) length: usize,
}

impl Header {
    /// Reads the header at the start of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Bad> {
        let &[sync, flags, sizes, codes, ref rest @ ..] = bytes else { return Err(Bad::End) };
        if sync != 0xff || flags & 0xfe != 0xf8 {
            return Err(Bad::Invalid("no sync code"));
        }
        let (number, mut at) = coded_number(rest)?;
        let mut field = |width: usize| {
            let bytes = rest.get(at..at + width).ok_or(Bad::End)?;
            at += width;
            Ok(bytes.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
        };
        let block = match sizes >> 4 {
            0 => return Err(Bad::Invalid("a reserved block size")),
            1 => 192,
            code @ 2..=5 => 144 << code,
            6 => field(1)? + 1,
            7 => field(2)? + 1,
            code => 1 << code,
        };
        let rate = match sizes & 15 {
            0 => None,
            12 => Some(field(1)? * 1000),
            13 => Some(field(2)?),
            14 => Some(field(2)? * 10),
            15 => return Err(Bad::Invalid("a forbidden sample rate")),
            code => [0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]
                .get(usize::from(code))
                .copied(),
        };
        let channels = match codes >> 4 {
            code @ 0..=7 => Channels::Independent(code + 1),
            8 => Channels::LeftSide,
            9 => Channels::SideRight,
            10 => Channels::MidSide,
            _ => return Err(Bad::Invalid("a reserved channel assignment")),
        };
        let bits = match codes >> 1 & 7 {
            0 => None,
            1 => Some(8),
            2 => Some(12),
            3 => return Err(Bad::Invalid("a reserved sample size")),
            4 => Some(16),
            5 => Some(20),
            6 => Some(24),
            _ => Some(32),
        };
        field(1)?;
        let length = at + 4;
        if crc8(bytes.get(..length).ok_or(Bad::End)?) != 0 {
            return Err(Bad::Invalid("the header's check sum is wrong"));
        }
        let number = if flags & 1 == 1 { Number::Sample(number) } else { Number::Frame(number) };
        Ok(Self { number, block, rate, channels, bits, length })
    }
}

/// A number in the extended UTF-8 that FLAC uses, of up to 36 bits; also returns its length.
fn coded_number(bytes: &[u8]) -> Result<(u64, usize), Bad> {
    let &first = bytes.first().ok_or(Bad::End)?;
    let length = match first.leading_ones() {
        0 => return Ok((first.into(), 1)),
        ones @ 2..=7 => ones as usize,
        _ => return Err(Bad::Invalid("a malformed frame number")),
    };
    let start = u64::from(first & (0x7f >> length.min(7)));
    let rest = bytes.get(1..length).ok_or(Bad::End)?;
    let number = rest
        .iter()
        .try_fold(start, |number, &byte| (byte & 0xc0 == 0x80).then_some(number << 6 | u64::from(byte & 0x3f)));
    number.map(|number| (number, length)).ok_or(Bad::Invalid("a malformed frame number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_lengths() {
        assert_eq!(coded_number(&[0x7f]), Ok((0x7f, 1)));
        assert_eq!(coded_number(&[0xc2, 0x80]), Ok((0x80, 2)));
        assert_eq!(coded_number(&[0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]), Ok((0xf_ffff_ffff, 7)));
        assert_eq!(coded_number(&[0xe0, 0x80]), Err(Bad::End));
        assert!(matches!(coded_number(&[0xff]), Err(Bad::Invalid(_))));
        assert!(matches!(coded_number(&[0xc2, 0x00]), Err(Bad::Invalid(_))));
    }

    #[test]
    fn a_header_with_all_fields() {
        let mut bytes = vec![0xff, 0xf8, 0x7d, 0x18, 0x05, 0x0f, 0xff, 0xac, 0x44];
        bytes.push(crc8(&bytes));
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.number, header.block, header.rate), (Number::Frame(5), 4096, Some(44_100)));
        assert_eq!((header.channels, header.bits, header.length), (Channels::Independent(2), Some(16), 10));
        bytes[4] = 6;
        assert_eq!(Header::parse(&bytes), Err(Bad::Invalid("the header's check sum is wrong")));
        assert_eq!(Header::parse(&bytes[..8]), Err(Bad::End));
    }
}
