//! WAV (RIFF), and RF64/BW64 for more than 4 GiB (EBU Tech 3306, ITU-R BS.2088).

use super::{Data, MAX_CHUNKS, MAX_HEADER, open as open_pcm, wave_format};
use crate::Tags;
use crate::fault::Fault;
use crate::input::ByteReader;
use crate::stream::Opened;
use crate::tags::Form;

/// Sizes from here on are what streaming servers write when they don't know: 0x7fffffff, 0xffffffff and a little less.
const NO_SIZE: u64 = 0x7fff_0000;

/// Opens a file that starts with `RIFF`, `RF64` or `BW64` at the reader's position.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let start = reader.position();
    let (id, riff_size) = chunk_header(&mut reader)?;
    if reader.array()? != *b"WAVE" {
        return Err(Fault::unsupported("a RIFF file, but no WAV"));
    }
    let is_64 = id != *b"RIFF";
    let (mut layout, mut size_64, mut tags) = (None, None, Tags::default());
    for _ in 0..MAX_CHUNKS {
        if reader.position() - start > MAX_HEADER {
            break;
        }
        let (id, size) = chunk_header(&mut reader)?;
        let next = reader.position() + size + size % 2;
        match &id {
            b"ds64" if is_64 => {
                let [_, _, _, _, _, _, _, _, data @ ..] = reader.array::<16>()?;
                size_64 = Some(u64::from_le_bytes(data));
            }
            b"fmt " => {
                let mut chunk = [0; wave_format::MAX_SIZE];
                let len = usize::try_from(size).unwrap_or(usize::MAX).min(chunk.len());
                let chunk = chunk.get_mut(..len).unwrap_or_default();
                let read = reader.fill(chunk)?;
                layout = Some(wave_format::parse(chunk.get(..read).unwrap_or_default())?);
            }
            b"data" => {
                let Some(layout) = layout else {
                    return Err(Fault::corrupt("no fmt chunk before the data"));
                };
                let data_start = reader.position();
                let size = if size == u64::from(u32::MAX) { size_64.unwrap_or(size) } else { size };
                let riff_end = start + 8 + riff_size;
                let is_open = size == 0 && !is_chunk(&mut reader, riff_end)?;
                let length = if is_open {
                    None
                } else {
                    data_length(size, data_start, riff_end, reader.byte_len(), size_64.is_some())
                };
                let container = if is_64 { "RF64" } else { "WAV" };
                if let Some(length) = length {
                    tags.chunks_behind(&mut reader, data_start.saturating_add(length + length % 2), Form::Riff);
                }
                return Ok(open_pcm(reader, layout, Data { start: data_start, length }, container, tags));
            }
            _ => Form::Riff.chunk(id, size, &mut reader, &mut tags)?,
        }
        reader.seek(next)?;
    }
    Err(Fault::corrupt("no data chunk"))
}

/// What a size in a header means: a size, or "I don't know" (S6).
fn data_length(size: u64, start: u64, riff_end: u64, input: Option<u64>, certain: bool) -> Option<u64> {
    let fits = input.is_some_and(|input| start.saturating_add(size) <= input);
    match size {
        // Really empty only if something follows that the file accounts for.
        0 if riff_end <= start || riff_end >= NO_SIZE => None,
        size if size >= NO_SIZE && !certain && !fits => None,
        size => Some(size),
    }
}

/// Whether a chunk that the file accounts for follows, rather than audio behind a size that was never filled in (S6).
fn is_chunk(reader: &mut ByteReader, riff_end: u64) -> Result<bool, Fault> {
    let start = reader.position();
    let mut header = [0; 8];
    let read = reader.fill(&mut header)?;
    reader.seek(start)?;
    let [id @ .., a, b, c, d] = header;
    let end = start + 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
    Ok(read == header.len() && id.iter().all(|byte| (b' '..=b'~').contains(byte)) && end <= riff_end)
}

fn chunk_header(reader: &mut ByteReader) -> Result<([u8; 4], u64), Fault> {
    let [a, b, c, d, size @ ..] = reader.array::<8>()?;
    Ok(([a, b, c, d], u64::from(u32::from_le_bytes(size))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s6_sizes_of_streaming_servers_mean_unknown() {
        for size in [0xffff_ffff, 0x7fff_ffff, 0xffff_ffdb] {
            assert_eq!(data_length(size, 44, 36 + size, None, false), None, "{size:#x}");
            assert_eq!(data_length(size, 44, 36 + size, Some(1000), false), None, "{size:#x}");
        }
        assert_eq!(data_length(0, 44, 44, None, false), None);
        assert_eq!(data_length(0, 44, 8, None, false), None);
        assert_eq!(data_length(0, 44, 0x1_0000_0007, Some(1000), false), None);
    }

    #[test]
    fn other_sizes_are_believed() {
        assert_eq!(data_length(100, 44, 144, None, false), Some(100));
        assert_eq!(data_length(100, 44, 144, Some(50), false), Some(100), "a truncation");
        assert_eq!(data_length(0, 44, 100, Some(100), false), Some(0), "empty, with tags behind");
        assert_eq!(data_length(1 << 33, 80, u64::MAX, Some(100), true), Some(1 << 33), "RF64 knows");
        assert_eq!(data_length(0x9000_0000, 44, 0, Some(0xa000_0000), false), Some(0x9000_0000));
    }
}
