//! Sony Wave64: RIFF with GUIDs and 64-bit sizes. A chunk's size counts its 24-byte header, and chunks are aligned to 8.

use super::{Data, MAX_CHUNKS, MAX_HEADER, open as open_pcm, wave_format};
use crate::Tags;
use crate::fault::Fault;
use crate::input::ByteReader;
use crate::stream::Opened;

/// What a Wave64 file starts with.
pub(crate) const RIFF: [u8; 16] = *b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";
const WAVE: [u8; 16] = *b"wave\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
const FMT: [u8; 16] = *b"fmt \xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
const DATA: [u8; 16] = *b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
const HEADER: u64 = 24;

/// Opens a file that starts with [`RIFF`] at the reader's position.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let start = reader.position();
    reader.skip(HEADER)?;
    if reader.array()? != WAVE {
        return Err(Fault::unsupported("a Wave64 file without audio"));
    }
    let mut layout = None;
    for _ in 0..MAX_CHUNKS {
        if reader.position() - start > MAX_HEADER {
            break;
        }
        let chunk_start = reader.position();
        let id = reader.array::<16>()?;
        let size = u64::from_le_bytes(reader.array()?);
        let payload = size.checked_sub(HEADER);
        if id == FMT {
            let mut chunk = [0; wave_format::MAX_SIZE];
            let len = payload.and_then(|len| usize::try_from(len).ok()).unwrap_or(0).min(chunk.len());
            let chunk = chunk.get_mut(..len).unwrap_or_default();
            let read = reader.fill(chunk)?;
            layout = Some(wave_format::parse(chunk.get(..read).unwrap_or_default())?);
        } else if id == DATA {
            let layout = layout.ok_or_else(|| Fault::corrupt("no fmt chunk before the data"))?;
            // A size that can't be one is a streaming server's.
            let length = payload.filter(|&length| length > 0 && length < 1 << 62);
            let data = Data { start: chunk_start + HEADER, length };
            return Ok(open_pcm(reader, layout, data, "Wave64", Tags::default()));
        }
        let aligned = size.max(HEADER).checked_next_multiple_of(8);
        let next = aligned.and_then(|size| chunk_start.checked_add(size));
        reader.seek(next.ok_or_else(|| Fault::corrupt("an impossible chunk size"))?)?;
    }
    Err(Fault::corrupt("no data chunk"))
}
