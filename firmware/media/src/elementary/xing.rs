//! What encoders write into the first frame of an MP3 instead of audio: Xing's "Xing"/"Info" with LAME's extension, and
//! Fraunhofer's "VBRI".

use super::Frame;
use crate::packets::Trim;

/// The decoder's own delay: 528 frames of the synthesis filter bank and one (LAME's tag documentation).
const DECODER_DELAY: u64 = 529;

/// What such a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Frames of MPEG audio behind this one.
    pub(super) packets: Option<u64>,
    /// What the encoder put before and behind the music, in samples.
    padding: Option<(u64, u64)>,
}

impl Tag {
    /// Reads the first frame; `None` if it is audio.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let &[_, b, _, d, ..] = packet else { return None };
        let is_mpeg1 = b >> 3 & 3 == 3;
        let is_mono = d >> 6 == 3;
        let side_info = match (is_mpeg1, is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        // With a CRC the tag is where it is without one, in LAME's files; others move it by the CRC's two bytes.
        let xing = [4 + side_info, 6 + side_info].into_iter().find_map(|at| match packet.get(at..at + 4) {
            Some(b"Xing" | b"Info") => packet.get(at + 4..),
            _ => None,
        });
        if let Some(tag) = xing {
            return Some(Self::parse_xing(tag));
        }
        match packet.get(36..40) {
            Some(b"VBRI") => Some(Self { packets: word(packet, 50).map(u64::from), padding: None }),
            _ => None,
        }
    }

    /// `tag` starts with the flags.
    fn parse_xing(tag: &[u8]) -> Self {
        let flags = word(tag, 0).unwrap_or(0);
        let mut at = 4;
        let mut field = |flag: u32, length: usize| {
            let here = (flags & flag != 0).then_some(at);
            at += here.map_or(0, |_| length);
            here
        };
        let packets = field(1, 4).and_then(|at| word(tag, at)).map(u64::from);
        field(2, 4);
        field(4, 100);
        field(8, 4);
        // LAME's extension: an encoder's name of 9 bytes, and at 21 two numbers of 12 bits.
        let padding = match (tag.get(at..at + 4), tag.get(at + 21..at + 24)) {
            (Some(b"LAME" | b"Lavf" | b"Lavc" | b"GOGO"), Some(&[a, b, c])) => {
                let (a, b, c) = (u64::from(a), u64::from(b), u64::from(c));
                Some((a << 4 | b >> 4, (b & 15) << 8 | c))
            }
            _ => None,
        };
        Self { packets, padding }
    }

    /// What is to be cut off, given how long a frame is.
    pub(super) fn trim(&self, frame: &Frame) -> Trim {
        let Some((before, behind)) = self.padding else { return Trim::default() };
        let delay = before + DECODER_DELAY;
        let total = self.packets.map(|packets| packets * frame.samples);
        let frames = total.map(|total| total.saturating_sub(delay + behind.saturating_sub(DECODER_DELAY)));
        Trim { delay, frames }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at + 4) {
        Some(&[a, b, c, d]) => Some(u32::from_be_bytes([a, b, c, d])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lame_says_what_it_added() {
        let mut packet = vec![0; 417];
        packet[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x40]);
        assert_eq!(Tag::parse(&packet), None);
        packet[36..40].copy_from_slice(b"Info");
        packet[43] = 0x0f;
        packet[44..48].copy_from_slice(&100u32.to_be_bytes());
        packet[156..160].copy_from_slice(b"LAME");
        packet[177..180].copy_from_slice(&[0x24, 0x03, 0x21]);
        let tag = Tag::parse(&packet).unwrap();
        assert_eq!(tag, Tag { packets: Some(100), padding: Some((0x240, 0x321)) });
        let frame = Frame { length: 417, payload: 0, samples: 1152, rate: 44_100, channels: 2 };
        let trim = tag.trim(&frame);
        assert_eq!((trim.delay, trim.frames), (576 + 529, Some(115_200 - 576 - 0x321)));
    }
}
