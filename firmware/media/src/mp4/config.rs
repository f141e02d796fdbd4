//! What AAC's configuration says: AudioSpecificConfig (ISO 14496-3, 1.6.2.1) in an elementary stream descriptor (ISO
//! 14496-1, 7.2.6).

use super::boxes::Fields;
use crate::fault::Fault;

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

const AAC_LC: u32 = 2;
const SBR: u32 = 5;
const PS: u32 = 29;

/// AAC-LC that can be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) rate: u32,
    pub(super) channels: u16,
    /// The configuration itself.
    pub(super) bytes: Vec<u8>,
}

/// Finds the configuration in an `esds` box.
pub(super) fn from_descriptor(esds: &[u8]) -> Result<Config, Fault> {
    let (object_type, config) = find(esds).ok_or_else(|| Fault::corrupt("the MP4 file's esds box is broken"))?;
    match object_type {
        0x40 | 0x67 => parse(config),
        0x69 | 0x6b => Err(Fault::unsupported("MP3 in MP4")),
        0x66 | 0x68 => Err(Fault::unsupported("AAC of another profile than Low Complexity")),
        other => Err(Fault::unsupported(format!("MPEG-4 object type {other:#04x}"))),
    }
}

/// The object type and the decoder's configuration.
fn find(esds: &[u8]) -> Option<(u8, &[u8])> {
    let mut fields = Fields(esds.get(4..)?);
    let mut es = Fields(descriptor(&mut fields, 3)?);
    es.skip(2)?;
    let flags = es.u8()?;
    if flags & 0x80 != 0 {
        es.skip(2)?;
    }
    if flags & 0x40 != 0 {
        let length = es.u8()?;
        es.skip(length.into())?;
    }
    if flags & 0x20 != 0 {
        es.skip(2)?;
    }
    let mut decoder = Fields(descriptor(&mut es, 4)?);
    let object_type = decoder.u8()?;
    decoder.skip(12)?;
    Some((object_type, descriptor(&mut decoder, 5).unwrap_or_default()))
}

/// The content of a descriptor with this tag; its length has seven bits in a byte.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Option<&'a [u8]> {
    if fields.u8()? != tag {
        return None;
    }
    let mut length = 0usize;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    fields.rest().get(..length)
}

fn parse(bytes: &[u8]) -> Result<Config, Fault> {
    let broken = || Fault::corrupt("AAC's configuration is broken");
    let mut bits = Bits { bytes, at: 0 };
    let object_type = bits.object_type().ok_or_else(broken)?;
    let rate = bits.rate().ok_or_else(broken)?;
    let channels = bits.take(4).ok_or_else(broken)?;
    match object_type {
        AAC_LC => {}
        SBR | PS => return Err(Fault::unsupported("HE-AAC")),
        42 => return Err(Fault::unsupported("xHE-AAC")),
        other => return Err(Fault::unsupported(format!("AAC of object type {other}"))),
    }
    if !matches!(channels, 1 | 2) {
        return Err(Fault::unsupported("AAC with other than one or two channels"));
    }
    if bits.take(1).ok_or_else(broken)? == 1 {
        return Err(Fault::unsupported("AAC with frames of 960 samples"));
    }
    if bits.take(1).ok_or_else(broken)? == 1 {
        bits.take(14);
    }
    bits.take(1);
    // The backward compatible way to say that there is SBR (1.6.6.1).
    if bits.take(11) == Some(0x2b7) && bits.object_type() == Some(SBR) && bits.take(1) == Some(1) {
        return Err(Fault::unsupported("HE-AAC"));
    }
    Ok(Config { rate, channels: channels as u16, bytes: bytes.to_vec() })
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `width` bits, at most 24.
    fn take(&mut self, width: usize) -> Option<u32> {
        let mut value = 0;
        for at in self.at..self.at + width {
            value = value << 1 | u32::from(self.bytes.get(at / 8)? >> (7 - at % 8) & 1);
        }
        self.at += width;
        Some(value)
    }

    fn object_type(&mut self) -> Option<u32> {
        match self.take(5)? {
            31 => self.take(6).map(|more| 32 + more),
            object_type => Some(object_type),
        }
    }

    fn rate(&mut self) -> Option<u32> {
        match self.take(4)? {
            15 => self.take(24).filter(|&rate| rate > 0),
            index => RATES.get(index as usize).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn aac_lc_is_taken_and_he_aac_is_not() {
        let config = parse(&[0x12, 0x10]).unwrap();
        assert_eq!((config.rate, config.channels), (44_100, 2));
        let config = parse(&[0x17, 0x80, 0x5d, 0xc0, 0x08]).unwrap();
        assert_eq!((config.rate, config.channels), (48_000, 1), "an explicit rate");
        // SBR as object type, and as extension behind AAC-LC.
        for he_aac in [&[0x2b, 0x92, 0x08, 0x00][..], &[0xeb, 0x09, 0x88, 0x00], &[0x13, 0x90, 0x56, 0xe5, 0xa0]] {
            assert_eq!(parse(he_aac).unwrap_err().to_string(), "not supported (HE-AAC)", "{he_aac:x?}");
        }
        assert_eq!(parse(&[0x12, 0x30]).unwrap_err().kind, Kind::Unsupported, "5.1");
        assert_eq!(parse(&[0x12]).unwrap_err().kind, Kind::Corrupt);
    }
}
