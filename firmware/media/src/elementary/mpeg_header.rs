//! The header of an MPEG audio frame (ISO 11172-3, 2.4.1.3; 13818-3 for the lower rates; "2.5" is Fraunhofer's).

use super::{Frame, Syntax};
use crate::fault::Fault;

/// Layer III.
pub(super) struct Layer3;

/// kbit/s by index, for MPEG-1 and for MPEG-2 and 2.5; 0 is free format, which nobody writes.
const BIT_RATES: [[u16; 16]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];

impl Syntax for Layer3 {
    const HEADER: usize = 4;
    /// A frame's data may begin up to 511 bytes earlier: nine frames of the smallest size, and one for the overlap.
    const WARM_UP: u64 = 10;

    fn parse(header: &[u8]) -> Result<Option<Frame>, Fault> {
        let &[0xff, b, c, d] = header else { return Ok(None) };
        let (version, layer) = (b >> 3 & 3, b >> 1 & 3);
        if b & 0xe0 != 0xe0 || version == 1 || layer != 1 {
            return Ok(None);
        }
        let is_mpeg1 = version == 3;
        let rate = match (c >> 2 & 3, version) {
            (3, _) => return Ok(None),
            (index, 3) => rate(index),
            (index, 2) => rate(index) / 2,
            (index, _) => rate(index) / 4,
        };
        let [mpeg1, mpeg2] = BIT_RATES;
        let table = if is_mpeg1 { mpeg1 } else { mpeg2 };
        let bit_rate = table.get(usize::from(c >> 4)).map_or(0, |&rate| u32::from(rate) * 1000);
        if bit_rate == 0 {
            return Ok(None);
        }
        let (samples, slots) = if is_mpeg1 { (1152, 144) } else { (576, 72) };
        let padding = u32::from(c >> 1 & 1);
        let length = (slots * bit_rate / rate + padding) as usize;
        let channels = if d >> 6 == 3 { 1 } else { 2 };
        Ok(Some(Frame { length, payload: 0, samples, rate, channels }))
    }
}

fn rate(index: u8) -> u32 {
    match index {
        0 => 44_100,
        1 => 48_000,
        _ => 32_000,
    }
}

/// Whether the header is one of Layer I or II, for a better message.
pub(super) fn is_other_layer(header: &[u8]) -> bool {
    matches!(header, &[0xff, b, c, ..] if b & 0xe0 == 0xe0 && b >> 3 & 3 != 1 && matches!(b >> 1 & 3, 2 | 3) && c >> 4 != 15 && c >> 2 & 3 != 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_length_that_the_standard_says() {
        let frame = |header: [u8; 4]| Layer3::parse(&header).unwrap();
        // MPEG-1, 128 kbit/s, 44.1 kHz, joint stereo
        let cd = Frame { length: 417, payload: 0, samples: 1152, rate: 44_100, channels: 2 };
        assert_eq!(frame([0xff, 0xfb, 0x90, 0x40]), Some(cd));
        assert_eq!(frame([0xff, 0xfb, 0x92, 0x40]), Some(Frame { length: 418, ..cd }));
        // MPEG-2, 64 kbit/s, 22.05 kHz, mono
        let half = Frame { length: 208, payload: 0, samples: 576, rate: 22_050, channels: 1 };
        assert_eq!(frame([0xff, 0xf3, 0x80, 0xc0]), Some(half));
        // MPEG-2.5, 8 kbit/s, 8 kHz
        assert_eq!(frame([0xff, 0xe3, 0x18, 0xc0]).map(|frame| (frame.length, frame.rate)), Some((72, 8000)));
        for none in [[0xff, 0xfb, 0xf0, 0], [0xff, 0xfb, 0x9c, 0], [0xff, 0xeb, 0x90, 0], [0xff, 0xfd, 0x90, 0]] {
            assert_eq!(frame(none), None, "{none:x?}");
        }
    }
}
