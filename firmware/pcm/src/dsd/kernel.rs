//! The one pass: words of every channel out of a file's bytes, in the wire's byte order, interleaved, marked if it is DoP.
//!
//! All goes through [`simd`] as far as that reaches. What is here is the reference and does the rest, written for the
//! compiler to vectorise: an LSB-first word is the bit-reversed little-endian one, an MSB-first word the big-endian one, so that
//! no byte is handled by itself.

use super::{BitOrder, Bytes, Dsd, simd};
use crate::silence::{dop_s24, dop_s24_packed, dop_s32};
use crate::{Cpu, MAX_CHANNELS, Marker, WireFormat};

/// Bytes of each channel that make a word of the wire; 0 for PCM, which has no words of DSD.
pub(super) const fn word_bytes(format: WireFormat) -> usize {
    if format.is_pcm() { 0 } else { format.bits() as usize / 8 }
}

/// Converts whole words from the beginning of `src` on, as many as it has and `dst` has room for. `marker` is the first
/// frame's.
pub(super) fn convert(cpu: Cpu, format: WireFormat, src: &Dsd<'_>, marker: Marker, dst: &mut [u8]) {
    let frames = simd::convert(cpu, format, src, marker, dst);
    let rest = src.part(frames * word_bytes(format), usize::MAX);
    if let Some(dst) = dst.get_mut(frames * format.bytes() * src.channels()..) {
        convert_scalar(format, &rest, marker.after(frames as u64), dst);
    }
}

fn convert_scalar(format: WireFormat, src: &Dsd<'_>, marker: Marker, dst: &mut [u8]) {
    match format {
        WireFormat::DsdU8 => words(src, marker, dst, |word: u8, _| [word]),
        WireFormat::DsdU16Le => words(src, marker, dst, |word: u16, _| word.to_le_bytes()),
        WireFormat::DsdU16Be => words(src, marker, dst, |word: u16, _| word.to_be_bytes()),
        WireFormat::DsdU32Le => words(src, marker, dst, |word: u32, _| word.to_le_bytes()),
        WireFormat::DsdU32Be => words(src, marker, dst, |word: u32, _| word.to_be_bytes()),
        WireFormat::DopS24_3Le => words(src, marker, dst, |word: u16, m| dop_s24_packed(m, word.to_be_bytes())),
        WireFormat::DopS24Le => words(src, marker, dst, |word: u16, m| dop_s24(m, word.to_be_bytes())),
        WireFormat::DopS32Le => words(src, marker, dst, |word: u16, m| dop_s32(m, word.to_be_bytes())),
        WireFormat::S16Le
        | WireFormat::S24_3Le
        | WireFormat::S24Le
        | WireFormat::S32Le
        | WireFormat::S16Be
        | WireFormat::S24_3Be
        | WireFormat::S24Be
        | WireFormat::S32Be => {}
    }
}

/// A stretch of a one-bit stream, the oldest bit most significant.
trait Word<const BYTES: usize>: Copy {
    fn msb_first(bytes: [u8; BYTES]) -> Self;
    fn lsb_first(bytes: [u8; BYTES]) -> Self;
}

macro_rules! word {
    ($type:ty, $bytes:literal) => {
        impl Word<$bytes> for $type {
            #[inline]
            fn msb_first(bytes: [u8; $bytes]) -> Self {
                Self::from_be_bytes(bytes)
            }

            #[inline]
            fn lsb_first(bytes: [u8; $bytes]) -> Self {
                Self::from_le_bytes(bytes).reverse_bits()
            }
        }
    };
}

word!(u8, 1);
word!(u16, 2);
word!(u32, 4);

/// `lay` makes a sample of `SAMPLE` bytes out of a word and its frame's marker.
#[inline]
fn words<W: Word<WORD>, const WORD: usize, const SAMPLE: usize>(
    src: &Dsd<'_>,
    marker: Marker,
    dst: &mut [u8],
    lay: impl Fn(W, u8) -> [u8; SAMPLE] + Copy,
) {
    match src.order {
        BitOrder::MsbFirst => arrange(src, marker, dst, |bytes, m| lay(W::msb_first(bytes), m)),
        BitOrder::LsbFirst => arrange(src, marker, dst, |bytes, m| lay(W::lsb_first(bytes), m)),
    }
}

/// Takes words out of the channels, in the order in which they go onto the wire.
#[inline]
fn arrange<const WORD: usize, const SAMPLE: usize>(
    src: &Dsd<'_>,
    marker: Marker,
    dst: &mut [u8],
    lay: impl Fn([u8; WORD], u8) -> [u8; SAMPLE],
) {
    let (samples, _) = dst.as_chunks_mut::<SAMPLE>();
    #[expect(clippy::manual_clamp, reason = "through clamp the compiler doesn't see that it isn't 0")]
    let channels = src.channels().min(MAX_CHANNELS).max(1);
    let markers = || (0..).map(|n| marker.after(n).byte());
    match src.bytes {
        Bytes::Planar(planes) => {
            let mut each = planes.iter();
            if let (Some(left), Some(right), None) = (each.next(), each.next(), each.next()) {
                let words = left.as_chunks::<WORD>().0.iter().zip(right.as_chunks::<WORD>().0);
                let frames = samples.as_chunks_mut::<2>().0;
                for (((left, right), frame), m) in words.zip(frames).zip(markers()) {
                    *frame = [lay(*left, m), lay(*right, m)];
                }
                return;
            }
            for (channel, plane) in planes.iter().enumerate() {
                let slots = samples.iter_mut().skip(channel).step_by(channels);
                for ((word, slot), m) in plane.as_chunks::<WORD>().0.iter().zip(slots).zip(markers()) {
                    *slot = lay(*word, m);
                }
            }
        }
        Bytes::Interleaved { bytes, channels: 2, .. } if !src.is_permuted() => {
            let words = bytes.as_chunks::<2>().0.as_chunks::<WORD>().0;
            for ((word, frame), m) in words.iter().zip(samples.as_chunks_mut::<2>().0).zip(markers()) {
                *frame = [lay(word.map(|[left, _]| left), m), lay(word.map(|[_, right]| right), m)];
            }
        }
        Bytes::Interleaved { bytes, places, .. } => {
            let words = bytes.chunks_exact(channels * WORD);
            for ((word, frame), m) in words.zip(samples.chunks_exact_mut(channels)).zip(markers()) {
                for (channel, slot) in frame.iter_mut().enumerate() {
                    let mut gathered = [0; WORD];
                    for (to, from) in gathered.iter_mut().zip(word.iter().skip(places.get(channel)).step_by(channels)) {
                        *to = *from;
                    }
                    *slot = lay(gathered, m);
                }
            }
        }
    }
}
