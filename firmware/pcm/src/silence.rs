//! Silence in every wire format, DoP's markers included.
//!
//! A one-bit stream is silent where it has as many ones as zeros in a pattern too fast to be heard. 0x69 (01101001) has
//! four of each, is what SACD players and DACs use, and lies on byte boundaries, so every word of it is the same in every
//! byte order.

use crate::WireFormat;
use crate::wire::Content;

/// Eight bits of DSD silence.
pub const DSD_SILENCE: u8 = 0x69;

/// The marker of a DoP frame. Frames of a stream carry the two in turn, and all channels of a frame the same ("DoP Open
/// Standard 1.1"); a DAC that misses a change of marker plays PCM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Marker {
    /// 0x05.
    #[default]
    Even,
    /// 0xFA.
    Odd,
}

impl Marker {
    /// The byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Even => 0x05,
            Self::Odd => 0xfa,
        }
    }

    /// The marker with this byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x05 => Some(Self::Even),
            0xfa => Some(Self::Odd),
            _ => None,
        }
    }

    /// The marker `frames` frames later.
    #[must_use]
    pub const fn after(self, frames: u64) -> Self {
        match (self, frames % 2) {
            (marker, 0) => marker,
            (Self::Even, _) => Self::Odd,
            (Self::Odd, _) => Self::Even,
        }
    }

    /// The marker of the first frame in `bytes`, which hold DoP in `format`; `None` if there is no frame, or no marker where
    /// it should be.
    #[must_use]
    pub fn of_first(format: WireFormat, bytes: &[u8]) -> Option<Self> {
        let at = match format {
            WireFormat::DopS24_3Le | WireFormat::DopS24Le => 2,
            WireFormat::DopS32Le => 3,
            _ => return None,
        };
        bytes.get(at).and_then(|&byte| Self::from_byte(byte))
    }
}

/// Lays two bytes of DSD, the earlier one first, below a marker.
#[inline]
pub(crate) const fn dop_s24_packed(marker: u8, [first, second]: [u8; 2]) -> [u8; 3] {
    [second, first, marker]
}

/// As [`dop_s24_packed`], right-justified and sign-extended in four bytes.
#[inline]
pub(crate) const fn dop_s24(marker: u8, [first, second]: [u8; 2]) -> [u8; 4] {
    [second, first, marker, ((marker as i8) >> 7) as u8]
}

/// As [`dop_s24_packed`], left-justified in four bytes.
#[inline]
pub(crate) const fn dop_s32(marker: u8, [first, second]: [u8; 2]) -> [u8; 4] {
    [0, second, first, marker]
}

/// Fills `bytes`, whole frames of `channels` channels, with silence. `marker` is what the first frame carries if the format
/// is DoP; the others follow in turn. Bytes behind the last whole frame of DoP become 0.
pub fn fill_silence(format: WireFormat, channels: u16, marker: Marker, bytes: &mut [u8]) {
    const PATTERN: [u8; 2] = [DSD_SILENCE; 2];
    match format.content() {
        Content::Pcm => bytes.fill(0),
        Content::Dsd => bytes.fill(DSD_SILENCE),
        Content::Dop => {
            let frame_bytes = (format.bytes() * usize::from(channels)).max(1);
            let (frames, rest) =
                bytes.split_at_mut_checked(bytes.len() / frame_bytes * frame_bytes).unwrap_or_default();
            rest.fill(0);
            for (n, frame) in (0u64..2).zip(frames.chunks_mut(frame_bytes)) {
                let marker = marker.after(n).byte();
                match format {
                    WireFormat::DopS24_3Le => fill(frame, dop_s24_packed(marker, PATTERN)),
                    WireFormat::DopS24Le => fill(frame, dop_s24(marker, PATTERN)),
                    _ => fill(frame, dop_s32(marker, PATTERN)),
                }
            }
            repeat(frames, 2 * frame_bytes);
        }
    }
}

/// Repeats the first `period` bytes up to the end: what there is becomes twice as long, until it is worth a copy.
fn repeat(bytes: &mut [u8], period: usize) {
    const LONG: usize = 1024;
    let (mut done, mut copied) = (period, period);
    while let Some((from, to)) = bytes.split_at_mut_checked(done).filter(|(_, to)| !to.is_empty()) {
        for (to, &from) in to.iter_mut().zip(from.iter().take(copied)) {
            *to = from;
        }
        done += copied;
        if copied < LONG {
            copied = done;
        }
    }
}

/// Fills with one sample.
fn fill<const BYTES: usize>(bytes: &mut [u8], sample: [u8; BYTES]) {
    bytes.as_chunks_mut().0.fill(sample);
}

/// Copies whole frames of DSD or DoP and puts silence in the place of the one-bit stream: DoP's markers stay. A sample without a
/// marker, such as the digital silence around the DoP in a file of PCM, is PCM to the DAC: it becomes 0, where a pattern of DSD would
/// be a constant level. `src` and `dst` are of one length.
pub(crate) fn copy_muted(format: WireFormat, src: &[u8], dst: &mut [u8]) {
    const PATTERN: [u8; 2] = [DSD_SILENCE; 2];
    match format {
        WireFormat::DopS24_3Le => mute_packed(src, dst),
        WireFormat::DopS24Le => mute::<16>(src, dst, [0, 0, 0xff, 0xff], dop_s24(0, PATTERN)),
        WireFormat::DopS32Le => mute::<24>(src, dst, [0, 0, 0, 0xff], dop_s32(0, PATTERN)),
        _ => fill_silence(format, 1, Marker::Even, dst),
    }
}

/// All bits for a marker, none for any other byte.
const fn mask(byte: u8) -> u8 {
    0_u8.wrapping_sub((byte == Marker::Even.byte() || byte == Marker::Odd.byte()) as u8)
}

/// Whole samples of four bytes, the marker at bit `AT`: the bits that are `kept`, and silence.
fn mute<const AT: u32>(src: &[u8], dst: &mut [u8], kept: [u8; 4], silence: [u8; 4]) {
    // In whole words, which are compared without being taken apart.
    const EVEN: u32 = Marker::Even.byte() as u32;
    const ODD: u32 = Marker::Odd.byte() as u32;
    let (kept, silence) = (u32::from_le_bytes(kept), u32::from_le_bytes(silence));
    for (src, dst) in src.as_chunks().0.iter().zip(dst.as_chunks_mut().0) {
        let word = u32::from_le_bytes(*src);
        let top = word >> AT & 0xff;
        let marked = 0_u32.wrapping_sub(u32::from(top == EVEN || top == ODD));
        *dst = ((word & kept | silence) & marked).to_le_bytes();
    }
}

/// Whole samples of three bytes. So many at a time that the compiler makes vectors of them, each byte by itself: what a marker says is
/// handed down to the two bytes below it.
fn mute_packed(src: &[u8], dst: &mut [u8]) {
    /// A multiple of three bytes and of a vector.
    const LONG: usize = 48;
    const fn repeated(sample: [u8; 3]) -> [u8; LONG] {
        let [low, middle, high] = sample;
        let mut bytes = [low; LONG];
        let (mut rest, _) = bytes.as_chunks_mut::<3>();
        while let Some((first, others)) = rest.split_first_mut() {
            *first = [low, middle, high];
            rest = others;
        }
        bytes
    }
    const MARKER: [u8; LONG] = repeated([0, 0, 0xff]);
    const SILENCE: [u8; LONG] = repeated(dop_s24_packed(0, [DSD_SILENCE; 2]));
    let ((src, src_rest), (dst, dst_rest)) = (src.as_chunks::<LONG>(), dst.as_chunks_mut::<LONG>());
    for (src, dst) in src.iter().zip(dst) {
        let mut marked = [0; LONG + 2];
        for ((to, byte), marker) in marked.iter_mut().zip(src).zip(&MARKER) {
            *to = mask(*byte) & marker;
        }
        let marked = marked.iter().zip(marked.iter().skip(1)).zip(marked.iter().skip(2));
        let bits = src.iter().zip(&MARKER).zip(&SILENCE).zip(marked);
        for (dst, (((byte, kept), silence), ((own, next), last))) in dst.iter_mut().zip(bits) {
            *dst = (byte & kept | silence) & (own | next | last);
        }
    }
    for ([.., marker], dst) in src_rest.as_chunks::<3>().0.iter().zip(dst_rest.as_chunks_mut().0) {
        *dst = dop_s24_packed(*marker, [DSD_SILENCE; 2]).map(|byte| byte & mask(*marker));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn f4_dop_silence_is_marked_in_turn_and_the_same_in_all_channels() {
        let mut bytes = vec![0xaa; 3 * 2 * 3];
        fill_silence(WireFormat::DopS24_3Le, 2, Marker::Even, &mut bytes);
        let expected: Vec<u8> =
            [0x05, 0x05, 0xfa, 0xfa, 0x05, 0x05].into_iter().flat_map(|m| [0x69, 0x69, m]).collect();
        assert_eq!(bytes, expected);
        let mut bytes = vec![0xaa; 8];
        fill_silence(WireFormat::DopS24Le, 1, Marker::Odd, &mut bytes);
        assert_eq!(bytes, [0x69, 0x69, 0xfa, 0xff, 0x69, 0x69, 0x05, 0x00]);
        fill_silence(WireFormat::DopS32Le, 1, Marker::Odd, &mut bytes);
        assert_eq!(bytes, [0x00, 0x69, 0x69, 0xfa, 0x00, 0x69, 0x69, 0x05]);
    }

    #[test]
    fn markers_are_found_where_they_are_laid() {
        for format in WireFormat::DOP {
            for marker in [Marker::Even, Marker::Odd] {
                let mut bytes = vec![0; format.bytes() * 2];
                fill_silence(format, 2, marker, &mut bytes);
                assert_eq!(Marker::of_first(format, &bytes), Some(marker));
            }
            assert_eq!(Marker::of_first(format, &[]), None);
            assert_eq!(Marker::of_first(format, &[0; 8]), None);
        }
        assert_eq!(Marker::Even.after(u64::MAX), Marker::Odd);
    }

    /// Digital silence around the DoP, and levels: 0x6969 below a byte that is no marker would be a constant level.
    #[test]
    fn f5_what_has_no_marker_is_muted_to_zero() {
        for format in WireFormat::DOP {
            // More than a vector of samples, of every top byte, between marked ones.
            let marked = |marker| {
                let mut sample = vec![0; format.bytes()];
                fill_silence(format, 1, marker, &mut sample);
                sample
            };
            let at = format.bytes() - 1 - usize::from(format == WireFormat::DopS24Le);
            let (mut src, mut expected) = (vec![], vec![]);
            for top in 0..=u8::MAX {
                let mut sample = marked(Marker::Even);
                sample[0] ^= 0x11;
                sample[1] ^= 0x3c;
                let (mut own, mut muted) = (sample.clone(), vec![0; format.bytes()]);
                own[at] = top;
                if let Some(marker) = Marker::from_byte(top) {
                    own[at..].copy_from_slice(&marked(marker)[at..]);
                    muted = marked(marker);
                }
                src.extend([own, sample].concat());
                expected.extend([muted, marked(Marker::Even)].concat());
            }
            for samples in [src.len() / format.bytes(), 3, 17] {
                let length = samples * format.bytes();
                let mut dst = vec![0xaa; length];
                copy_muted(format, &src[..length], &mut dst);
                assert_eq!(dst, expected[..length], "{format:?}");
            }
        }
    }

    #[test]
    fn muting_keeps_the_markers() {
        for format in WireFormat::DOP {
            let mut src = vec![0; format.bytes() * 6];
            fill_silence(format, 2, Marker::Odd, &mut src);
            let silent = src.clone();
            // Sound: other bytes of DSD.
            for byte in src.iter_mut().filter(|byte| **byte == DSD_SILENCE) {
                *byte = 0x3c;
            }
            let mut dst = vec![0xaa; src.len()];
            copy_muted(format, &src, &mut dst);
            assert_eq!(dst, silent);
        }
        let mut dst = [0; 5];
        copy_muted(WireFormat::DsdU8, &[1, 2, 3, 4, 5], &mut dst);
        assert_eq!(dst, [DSD_SILENCE; 5]);
    }
}
