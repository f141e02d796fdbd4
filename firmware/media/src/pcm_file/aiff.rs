//! AIFF and AIFF-C (Apple, "Audio Interchange File Format AIFF-C", draft of 1991), with the codings that QuickTime added.

use super::chan::{self, aiff_speakers};
use super::layout::{Coding, Layout, Order};
use super::{Data, MAX_CHUNKS, MAX_HEADER, open as open_pcm};
use crate::Tags;
use crate::fault::{Fault, Kind};
use crate::input::ByteReader;
use crate::stream::Opened;
use crate::tags::Form;

/// What the COMM chunk says.
struct Common {
    layout: Layout,
    /// Sample frames in the sound data chunk.
    frames: u32,
}

/// Opens a file that starts with `FORM` at the reader's position.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let start = reader.position();
    let [form, _, kind] = [reader.array::<4>()?, reader.array()?, reader.array()?];
    let is_aifc = match (&form, &kind) {
        (b"FORM", b"AIFF") => false,
        (b"FORM", b"AIFC") => true,
        _ => return Err(Fault::unsupported("an IFF file, but no AIFF")),
    };
    let (mut common, mut sound, mut speakers, mut tags) = (None, None, None, Tags::default());
    for _ in 0..MAX_CHUNKS {
        if let (Some(Common { layout, frames }), Some((start, end))) = (&common, sound) {
            tags.chunks_behind(&mut reader, end, Form::Aiff);
            reader.seek(start)?;
            let length = u64::from(*frames) * layout.frame_bytes() as u64;
            // Recorders that stream leave the number of frames 0.
            let data = Data { start, length: Some(length).filter(|&length| length > 0) };
            let layout = Layout { speakers: speakers.or(layout.speakers), ..*layout };
            return Ok(open_pcm(reader, layout, data, if is_aifc { "AIFF-C" } else { "AIFF" }, tags));
        }
        // Only what lies before the sound is a header; behind it just COMM is looked for.
        if sound.is_none() && reader.position() - start > MAX_HEADER {
            break;
        }
        let id = reader.array::<4>()?;
        let size = u64::from(u32::from_be_bytes(reader.array()?));
        let next = reader.position() + size + size % 2;
        match &id {
            b"COMM" => common = Some(parse_common(&mut reader, size, is_aifc)?),
            b"CHAN" if size >= 12 => {
                speakers =
                    Some(chan::speakers(u32::from_be_bytes(reader.array()?), u32::from_be_bytes(reader.array()?)));
            }
            b"SSND" => {
                let offset = u32::from_be_bytes(reader.array()?);
                let _block_size = reader.array::<4>()?;
                sound = Some((reader.position() + u64::from(offset), next));
                if common.is_some() {
                    continue;
                }
                if !reader.is_seekable() {
                    return Err(Fault::new(Kind::NotSeekable, "an AIFF file with its header at the end"));
                }
            }
            _ => Form::Aiff.chunk(id, size, &mut reader, &mut tags)?,
        }
        reader.seek(next)?;
    }
    Err(Fault::corrupt("no COMM or no SSND chunk"))
}

fn parse_common(reader: &mut ByteReader, size: u64, is_aifc: bool) -> Result<Common, Fault> {
    let channels = u16::from_be_bytes(reader.array()?);
    let frames = u32::from_be_bytes(reader.array()?);
    let bits = u16::from_be_bytes(reader.array()?);
    let rate = extended(reader.array()?).ok_or_else(|| Fault::corrupt("an impossible sample rate"))?;
    let compression = if is_aifc && size >= 22 { reader.array()? } else { *b"NONE" };
    let (coding, order, bits) = match &compression {
        b"NONE" | b"twos" => (Coding::Signed, Order::Big, bits),
        b"sowt" => (Coding::Signed, Order::Little, bits),
        b"raw " => (Coding::Unsigned, Order::Big, bits),
        b"in24" => (Coding::Signed, Order::Big, 24),
        b"in32" => (Coding::Signed, Order::Big, 32),
        b"42ni" => (Coding::Signed, Order::Little, 24),
        b"23ni" => (Coding::Signed, Order::Little, 32),
        b"fl32" | b"FL32" => (Coding::Float, Order::Big, 32),
        b"fl64" | b"FL64" => (Coding::Float, Order::Big, 64),
        other => return Err(Fault::unsupported(format!("AIFF-C coding {}", other.escape_ascii()))),
    };
    let container = usize::from(bits).div_ceil(8);
    let speakers = Some(aiff_speakers(channels));
    let layout = Layout { rate, channels, container, bits, coding, order, speakers }.checked()?;
    Ok(Common { layout, frames })
}

/// An 80-bit extended number (IEEE 754 double extended, big-endian) as a whole number of Hz.
fn extended([a, b, mantissa @ ..]: [u8; 10]) -> Option<u32> {
    let exponent = u16::from_be_bytes([a, b]);
    let mantissa = u64::from_be_bytes(mantissa);
    // The value is mantissa * 2^(exponent - 16383 - 63); negative numbers have the topmost bit set.
    let shift = u32::from((16_383 + 63u16).checked_sub(exponent)?);
    let rounded = mantissa.checked_shr(shift.checked_sub(1)?)?.checked_add(1)? >> 1;
    u32::try_from(rounded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_extended_floats() {
        assert_eq!(extended([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), Some(44_100));
        assert_eq!(extended([0x40, 0x12, 0xbb, 0x80, 0, 0, 0, 0, 0, 0]), Some(768_000));
        assert_eq!(extended([0x3f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), Some(1));
        assert_eq!(extended([0; 10]), None);
        assert_eq!(extended([0xff; 10]), None);
        assert_eq!(extended([0x40, 0x3e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
