//! The `fmt ` chunk of WAV and its kin: WAVEFORMATEX and WAVEFORMATEXTENSIBLE (mmreg.h).

use pcm::Speakers;

use super::layout::{Coding, Layout, Order};
use crate::fault::Fault;

const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// The most that is read of the chunk; what may follow isn't needed.
pub(super) const MAX_SIZE: usize = 40;

/// Reads the chunk's first bytes.
pub(super) fn parse(chunk: &[u8]) -> Result<Layout, Fault> {
    let word = |at: usize| match chunk.get(at..) {
        Some([a, b, ..]) => Ok(u16::from_le_bytes([*a, *b])),
        _ => Err(Fault::corrupt("its fmt chunk is too short")),
    };
    let rate = u32::from(word(4)?) | u32::from(word(6)?) << 16;
    let (channels, block_align, container_bits) = (word(2)?, word(12)?, word(14)?);
    let container = match usize::from(block_align).checked_div(usize::from(channels)) {
        Some(container) if container * usize::from(channels) == usize::from(block_align) => container,
        _ => return Err(Fault::corrupt(format!("{channels} channels in frames of {block_align} bytes"))),
    };
    let (tag, bits) = match word(0)? {
        EXTENSIBLE => {
            let valid = word(18)?;
            (word(24)?, if valid == 0 { container_bits } else { valid })
        }
        tag => (tag, container_bits),
    };
    // Where the sample lies is explicit only if its container is as small as can be, or of the stated width (F2).
    if usize::from(container_bits).div_ceil(8) != container {
        return Err(Fault::unsupported(format!("{container_bits} bits in {container} bytes")));
    }
    let coding = match (tag, container) {
        (PCM, 1) => Coding::Unsigned,
        (PCM, _) => Coding::Signed,
        (IEEE_FLOAT, _) => Coding::Float,
        (tag, _) => return Err(Fault::unsupported(format!("WAV with {}", name(tag)))),
    };
    let speakers = if word(0)? == EXTENSIBLE {
        let mask = u32::from(word(20)?) | u32::from(word(22)?) << 16;
        Some(Speakers::of_mask(mask, channels))
    } else {
        None
    };
    Layout { rate, channels, container, bits, coding, order: Order::Little, speakers }.checked()
}

/// What is known not to be PCM (RFC 2361).
fn name(tag: u16) -> String {
    match tag {
        0x02 | 0x11 => "ADPCM".into(),
        0x06 => "A-law".into(),
        0x07 => "mu-law".into(),
        0x50 | 0x55 => "MPEG audio".into(),
        0x92 | 0x2000 => "AC-3".into(),
        0x2001 => "DTS".into(),
        0x160..=0x163 => "Windows Media Audio".into(),
        tag => format!("format tag {tag:#06x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_says_which_channel_is_which() {
        let chunk = |tag: u16, channels: u16, mask: u32| {
            let mut chunk = Vec::new();
            for word in [tag, channels, 44_100, 0, 0, 0, channels * 2, 16, 22, 16] {
                chunk.extend(word.to_le_bytes());
            }
            chunk.extend(mask.to_le_bytes());
            chunk.extend([1, 0]);
            chunk
        };
        let speakers = |tag, channels, mask| parse(&chunk(tag, channels, mask)).expect("it is right").speakers;
        assert_eq!(speakers(EXTENSIBLE, 6, 0x60f), Some(Speakers::of_mask(0x60f, 6)));
        assert_eq!(speakers(EXTENSIBLE, 6, 0), Some(Speakers::UNKNOWN), "for no loudspeakers in particular");
        assert_eq!(speakers(PCM, 6, 0x60f), None, "there is no mask: the usual ones");
    }
}
