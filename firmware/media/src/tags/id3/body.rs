//! A tag's bytes behind its header, as they were before they were made safe for decoders that look for MPEG frames
//! ("unsynchronisation", "2.4.0 Structure", 6.1: a zero behind each 0xff that could start one).

use crate::fault::Fault;
use crate::input::ByteReader;

/// Bytes that are read at a time to be passed over.
const SCRAP: u64 = 4096;

pub(super) struct Body<'a> {
    reader: &'a mut ByteReader,
    /// Bytes of the tag that are left in the reader.
    left: u64,
    unsynchronised: bool,
    /// The byte before was 0xff.
    after_ff: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(reader: &'a mut ByteReader, length: u64, unsynchronised: bool) -> Self {
        Self { reader, left: length, unsynchronised, after_ff: false }
    }

    /// The next bytes; `None` if the tag hasn't as many.
    pub(super) fn take(&mut self, length: usize) -> Result<Option<Vec<u8>>, Fault> {
        if self.left < length as u64 {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let filled = bytes.len();
            let wanted = (length - filled).min(usize::try_from(self.left).unwrap_or(usize::MAX));
            bytes.resize(filled + wanted, 0);
            if wanted == 0 || self.reader.fill(bytes.get_mut(filled..).unwrap_or_default())? < wanted {
                return Ok(None);
            }
            self.left -= wanted as u64;
            if self.unsynchronised {
                self.drop_zeros(&mut bytes, filled);
            }
        }
        Ok(Some(bytes))
    }

    /// As [`take`](Self::take), the next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Fault> {
        Ok(self.take(N)?.and_then(|bytes| bytes.try_into().ok()))
    }

    /// Passes over bytes, to the end of the tag at most.
    pub(super) fn skip(&mut self, length: u64) -> Result<(), Fault> {
        if !self.unsynchronised {
            let length = length.min(self.left);
            self.left -= length;
            return self.reader.skip(length);
        }
        let mut left = length;
        while left > 0 {
            let some = left.min(SCRAP);
            // At most 4096.
            if self.take(some as usize)?.is_none() {
                self.left = 0;
                break;
            }
            left -= some;
        }
        Ok(())
    }

    /// From byte `from` on, which are new.
    fn drop_zeros(&mut self, bytes: &mut Vec<u8>, from: usize) {
        let mut at = 0;
        let after_ff = &mut self.after_ff;
        bytes.retain(|&byte| {
            let kept = at < from || !(*after_ff && byte == 0);
            if at >= from {
                *after_ff = byte == 0xff;
            }
            at += 1;
            kept
        });
    }
}

/// Undoes it in a frame that is whole.
pub(super) fn resynchronise(bytes: &mut Vec<u8>) {
    let mut after_ff = false;
    bytes.retain(|&byte| {
        let kept = !(after_ff && byte == 0);
        after_ff = byte == 0xff;
        kept
    });
}
