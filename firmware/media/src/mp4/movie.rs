//! The movie box: the audio track in it.

use super::boxes::{Fields, Kind, boxes, find, find_path};
use super::gapless::{Edit, itunes};
use super::table::Table;
use crate::fault::{Fault, Kind as Problem};
use crate::input::ByteReader;

/// The largest movie box that is read; an audiobook with a cover has a few MB.
const MAX_MOVIE: u64 = 64 << 20;

/// The most boxes before it.
const MAX_BOXES: usize = 256;

/// What is known of the audio track.
#[derive(Clone, Debug)]
pub(super) struct AudioTrack {
    /// The first sample entry: its type, and what follows the eight bytes that all entries have.
    pub(super) format: Kind,
    pub(super) entry: Vec<u8>,
    /// Ticks per second of the table's durations.
    pub(super) time_scale: u32,
    pub(super) table: Table,
    pub(super) edit: Option<Edit>,
    /// iTunes' gapless tag.
    pub(super) itunes: Option<crate::packets::Trim>,
}

/// Finds the movie box, wherever it lies, and reads it.
pub(super) fn read(reader: &mut ByteReader) -> Result<Vec<u8>, Fault> {
    let mut passed_data = false;
    for _ in 0..MAX_BOXES {
        let start = reader.position();
        let [a, b, c, d, kind @ ..] = reader.array::<8>()?;
        let (size, header) = match u32::from_be_bytes([a, b, c, d]) {
            1 => (u64::from_be_bytes(reader.array()?), 16),
            size => (u64::from(size), 8),
        };
        let content = size.checked_sub(header);
        match &kind {
            b"moov" => {
                let length = content.filter(|&length| length <= MAX_MOVIE);
                let length = length.ok_or_else(|| Fault::corrupt("an MP4 movie box of impossible size"))?;
                return take(reader, length as usize);
            }
            b"moof" => return Err(Fault::unsupported("fragmented MP4")),
            b"mdat" => passed_data = true,
            _ => {}
        }
        if passed_data && !reader.is_seekable() {
            return Err(Fault::new(
                Problem::NotSeekable,
                "the MP4 file's index is at its end, and the server takes no Range requests",
            ));
        }
        let next = content.and_then(|length| (start + header).checked_add(length));
        reader.seek(next.ok_or_else(|| Fault::corrupt("an MP4 file without a movie box"))?)?;
    }
    Err(Fault::corrupt("an MP4 file without a movie box"))
}

/// Reads `length` bytes without trusting that there are so many.
fn take(reader: &mut ByteReader, length: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let filled = bytes.len();
        bytes.resize(length.min(filled + (1 << 20)), 0);
        let read = reader.fill(bytes.get_mut(filled..).unwrap_or_default())?;
        if filled + read < bytes.len() {
            return Err(Fault::truncated("ends inside the MP4 index"));
        }
    }
    Ok(bytes)
}

/// The first audio track of a movie.
pub(super) fn audio_track(moov: &[u8]) -> Result<AudioTrack, Fault> {
    if find(moov, b"mvex").is_some() {
        return Err(Fault::unsupported("fragmented MP4"));
    }
    let sound = boxes(moov).filter(|(kind, _)| kind == b"trak").map(|(_, trak)| trak).find(|trak| is_sound(trak));
    let trak = sound.ok_or_else(|| Fault::unsupported("an MP4 file without sound"))?;
    let stbl = find_path(trak, &[b"mdia", b"minf", b"stbl"]).ok_or_else(|| broken("stbl"))?;
    let stsd = find(stbl, b"stsd").ok_or_else(|| broken("stsd"))?;
    let (format, entry) = stsd.get(8..).and_then(|entries| boxes(entries).next()).ok_or_else(|| broken("stsd"))?;
    if stsd.get(4..8) != Some(&[0, 0, 0, 1]) {
        return Err(Fault::format_changed("several sample descriptions in an MP4 track"));
    }
    let time_scale = find_path(trak, &[b"mdia", b"mdhd"]).and_then(time_scale).ok_or_else(|| broken("mdhd"))?;
    let movie_scale = find(moov, b"mvhd").and_then(self::time_scale).ok_or_else(|| broken("mvhd"))?;
    Ok(AudioTrack {
        format,
        entry: entry.get(8..).unwrap_or_default().to_vec(),
        time_scale,
        table: Table::parse(stbl)?,
        edit: find_path(trak, &[b"edts", b"elst"]).and_then(|elst| Edit::parse(elst, movie_scale)),
        itunes: itunes(moov),
    })
}

fn broken(kind: &str) -> Fault {
    Fault::corrupt(format!("the MP4 file's {kind} box is missing or broken"))
}

fn is_sound(trak: &[u8]) -> bool {
    find_path(trak, &[b"mdia", b"hdlr"]).and_then(|hdlr| hdlr.get(8..12)) == Some(b"soun")
}

/// Of a movie or media header: ticks per second, behind two times whose size depends on the version.
fn time_scale(header: &[u8]) -> Option<u32> {
    let mut fields = Fields(header);
    let version = fields.u8()?;
    fields.skip(3)?;
    fields.by_version(version)?;
    fields.by_version(version)?;
    fields.u32().filter(|&scale| scale > 0)
}
