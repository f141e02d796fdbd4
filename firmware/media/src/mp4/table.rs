//! Where a track's samples (here: packets) lie (ISO 14496-12, 8.6.1, 8.7).

use super::boxes::{Fields, find};
use crate::fault::Fault;

/// The most packets of a track: a day of AAC.
const MAX_PACKETS: usize = 1 << 22;

/// A packet's place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) size: u32,
}

/// What the sample table box says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) places: Vec<Place>,
    /// The packets' durations together, in the media's time scale.
    pub(super) duration: u64,
    /// The first packet's duration.
    pub(super) first_duration: u32,
}

impl Table {
    pub(super) fn parse(stbl: &[u8]) -> Result<Self, Fault> {
        let sizes = sizes(stbl).ok_or_else(|| missing("stsz"))?;
        if sizes.len() > MAX_PACKETS {
            return Err(Fault::unsupported(format!("an MP4 track of {} packets", sizes.len())));
        }
        let chunks = chunk_offsets(stbl).ok_or_else(|| missing("stco"))?;
        let runs = runs(stbl).ok_or_else(|| missing("stsc"))?;
        let (duration, first_duration) = durations(stbl).ok_or_else(|| missing("stts"))?;
        let mut places = Vec::with_capacity(sizes.len());
        let mut sizes = sizes.into_iter();
        let mut runs = runs.into_iter().peekable();
        let mut per_chunk = 0;
        for (number, chunk) in (1..).zip(chunks) {
            while let Some(run) = runs.next_if(|run| run.first_chunk <= number) {
                per_chunk = run.per_chunk;
            }
            let mut offset = chunk;
            for size in sizes.by_ref().take(per_chunk as usize) {
                places.push(Place { offset, size });
                offset = offset.saturating_add(size.into());
            }
        }
        match sizes.next() {
            Some(_) => Err(Fault::corrupt("the MP4 file says less chunks than packets")),
            None => Ok(Self { places, duration, first_duration }),
        }
    }
}

fn missing(kind: &str) -> Fault {
    Fault::corrupt(format!("the MP4 file's {kind} box is missing or broken"))
}

/// Skips version and flags, and reads the number of entries.
fn entries<'a>(stbl: &'a [u8], kind: &[u8; 4]) -> Option<(usize, Fields<'a>)> {
    let mut fields = Fields(find(stbl, kind)?);
    fields.skip(4)?;
    let count = fields.u32()?;
    Some((usize::try_from(count).ok()?, fields))
}

fn sizes(stbl: &[u8]) -> Option<Vec<u32>> {
    let mut fields = Fields(find(stbl, b"stsz")?);
    fields.skip(4)?;
    let (size, count) = (fields.u32()?, usize::try_from(fields.u32()?).ok()?);
    if size != 0 {
        return Some(vec![size; count.min(MAX_PACKETS + 1)]);
    }
    let table = fields.rest().get(..count.checked_mul(4)?)?;
    Some(table.as_chunks().0.iter().map(|&size| u32::from_be_bytes(size)).collect())
}

fn chunk_offsets(stbl: &[u8]) -> Option<Vec<u64>> {
    if let Some((count, fields)) = entries(stbl, b"stco") {
        let table = fields.rest().get(..count.checked_mul(4)?)?;
        return Some(table.as_chunks().0.iter().map(|&offset| u32::from_be_bytes(offset).into()).collect());
    }
    let (count, fields) = entries(stbl, b"co64")?;
    let table = fields.rest().get(..count.checked_mul(8)?)?;
    Some(table.as_chunks().0.iter().map(|&offset| u64::from_be_bytes(offset)).collect())
}

/// From a chunk on, this many packets in each.
#[derive(Clone, Copy)]
struct Run {
    first_chunk: u32,
    per_chunk: u32,
}

fn runs(stbl: &[u8]) -> Option<Vec<Run>> {
    let (count, fields) = entries(stbl, b"stsc")?;
    let table = fields.rest().get(..count.checked_mul(12)?)?;
    let run = |&[a, b, c, d, e, f, g, h, ..]: &[u8; 12]| Run {
        first_chunk: u32::from_be_bytes([a, b, c, d]),
        per_chunk: u32::from_be_bytes([e, f, g, h]),
    };
    Some(table.as_chunks().0.iter().map(run).collect())
}

fn durations(stbl: &[u8]) -> Option<(u64, u32)> {
    let (count, fields) = entries(stbl, b"stts")?;
    let table = fields.rest().get(..count.checked_mul(8)?)?;
    let mut first = 0;
    let total = table.as_chunks().0.iter().fold(0u64, |total, &[a, b, c, d, e, f, g, h]| {
        let packets = u32::from_be_bytes([a, b, c, d]);
        let duration = u32::from_be_bytes([e, f, g, h]);
        first = if first == 0 { duration } else { first };
        total.saturating_add(u64::from(packets) * u64::from(duration))
    });
    Some((total, first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_box(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let mut bytes = (12 + words.len() as u32 * 4).to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.extend([0; 4]);
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes
    }

    fn stbl(chunks: &[u32]) -> Vec<u8> {
        let chunks: Vec<u32> = [&[chunks.len() as u32], chunks].concat();
        [
            full_box(b"stsz", &[0, 5, 10, 20, 30, 40, 50]),
            full_box(b"stsc", &[2, 1, 2, 1, 3, 1, 1]),
            full_box(b"stts", &[2, 4, 1024, 1, 1000]),
            full_box(b"stco", &chunks),
        ]
        .concat()
    }

    #[test]
    fn packets_lie_one_after_the_other_in_their_chunks() {
        let table = Table::parse(&stbl(&[100, 500, 900])).unwrap();
        let places: Vec<_> = table.places.iter().map(|place| (place.offset, place.size)).collect();
        assert_eq!(places, [(100, 10), (110, 20), (500, 30), (530, 40), (900, 50)]);
        assert_eq!((table.duration, table.first_duration), (5096, 1024));
    }

    #[test]
    fn tables_that_contradict_each_other_are_refused() {
        assert!(Table::parse(&stbl(&[100, 500])).is_err());
        assert!(Table::parse(&[]).is_err());
        let huge = full_box(b"stsz", &[1, u32::MAX]);
        assert!(Table::parse(&huge).is_err());
    }
}
