//! One copy of something that has to survive a power cut: its bytes, how often it was saved, and a checksum of both.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | the magic number |
//! | 8..16 | the generation, little-endian: one more with each save |
//! | 16..20 | the content's length, little-endian |
//! | 20..24 | CRC-32C (RFC 3720, section 12.1) of bytes 0..20 and the content, little-endian |
//! | 24.. | the content, then zeros up to the copy's size |

use crc::{CRC_32_ISCSI, Crc, Table};

/// Bytes before the content.
pub(crate) const HEADER: usize = 24;
/// Of the header, what the checksum covers.
const COVERED: usize = 20;

const CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// A copy that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Of two copies the one with the higher number is the newer one.
    pub(crate) generation: u64,
    pub(crate) content: Vec<u8>,
}

impl Record {
    /// What a copy begins with; changed with the header's layout, never with the content's.
    pub(crate) const MAGIC: &[u8; 8] = b"TENUTO\x001";

    /// The copy's bytes, `size` of them; None if the content doesn't fit.
    pub(crate) fn encode(&self, size: usize) -> Option<Vec<u8>> {
        let length = u32::try_from(self.content.len()).ok()?;
        let end = HEADER.checked_add(self.content.len()).filter(|end| *end <= size)?;
        let mut bytes = vec![0; size];
        bytes[..8].copy_from_slice(Self::MAGIC);
        bytes[8..16].copy_from_slice(&self.generation.to_le_bytes());
        bytes[16..COVERED].copy_from_slice(&length.to_le_bytes());
        bytes[HEADER..end].copy_from_slice(&self.content);
        let sum = checksum(&bytes[..COVERED], &self.content);
        bytes[COVERED..HEADER].copy_from_slice(&sum.to_le_bytes());
        Some(bytes)
    }

    /// Reads a copy. None: there is none, or it isn't whole.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        if !header.starts_with(Self::MAGIC) {
            return None;
        }
        let number = |at: usize| Some(u32::from_le_bytes(*header[at..].first_chunk()?));
        let content = rest.get(..usize::try_from(number(16)?).ok()?)?;
        if checksum(&header[..COVERED], content) != number(COVERED)? {
            return None;
        }
        Some(Self { generation: u64::from_le_bytes(*header[8..].first_chunk()?), content: content.to_vec() })
    }
}

fn checksum(header: &[u8], content: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(header);
    digest.update(content);
    digest.finalize()
}

/// The newest copy that is whole, and which one it is.
pub(crate) fn newest(copies: &[Option<Vec<u8>>; 2]) -> Option<(usize, Record)> {
    let whole = copies.iter().enumerate().filter_map(|(place, bytes)| Some((place, Record::decode(bytes.as_ref()?)?)));
    whole.max_by_key(|(_, record)| record.generation)
}

/// Where the next copy goes, and its generation: never over the newest one.
pub(crate) fn next(copies: &[Option<Vec<u8>>; 2]) -> (usize, u64) {
    newest(copies).map_or((0, 1), |(place, record)| (1 - place, record.generation.saturating_add(1)))
}

#[cfg(test)]
mod tests;
