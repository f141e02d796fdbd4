//! How long a file is, by the time in its last page.

use super::packets::Packets;
use super::page::{CAPTURE, MAX_LENGTH, Page};
use crate::input::ByteReader;

/// Bytes of the end that are looked at: the largest page, and some tags behind it.
const TAIL: usize = MAX_LENGTH + 8192;

/// Bytes of the beginning that are looked at before the last page of them: they stay at hand for reading.
const HEAD: u64 = 16 * 1024;

/// How often the bytes of a page's beginning may turn out to be something else.
const MAX_FALSE: usize = 16;

impl Packets {
    /// The frames from the first page of audio, which is the next, to the end; `None` if that isn't certain, or if it takes
    /// more than a look at the last bytes. A packet decodes to at most `largest` frames.
    pub(super) fn length(&mut self, largest: u64) -> Option<u64> {
        let length = self.reader.byte_len()?;
        let tail = self.reader.tail(TAIL)?;
        let last = self.last_time(&tail, length)?;
        let starts_at_zero = self.starts_at_zero(largest);
        self.reader.seek(self.audio).ok()?;
        (starts_at_zero? && i64::try_from(last).is_ok()).then_some(last)
    }

    /// The time in the last page, of a file that is one link.
    fn last_time(&self, tail: &[u8], length: u64) -> Option<u64> {
        let start = length.checked_sub(tail.len() as u64)?;
        let mut at = usize::try_from(self.audio.saturating_sub(start)).ok()?;
        let mut reader = ByteReader::of(tail.to_vec());
        let mut page = Page::default();
        let (mut time, mut sequence, mut pages, mut bytes, mut wrong) = (None, 0, 0, 0, 0);
        while let Some(found) = tail.get(at..)?.windows(CAPTURE.len()).position(|window| window == CAPTURE) {
            at += found;
            reader.seek(at as u64).ok()?;
            if !matches!(page.read(&mut reader), Ok(Some(()))) {
                wrong += 1;
                at += 1;
                if wrong > MAX_FALSE {
                    return None;
                }
                continue;
            }
            // Another link's: where it begins in time isn't known.
            if page.is_first() || !self.group.contains(&page.serial) {
                return None;
            }
            let end = usize::try_from(reader.position()).ok()?;
            if page.serial == self.serial {
                time = page.granule.or(time);
                sequence = page.sequence;
                pages += 1;
                bytes += (end - at) as u64;
            }
            at = end;
        }
        // Links may have the same number against the rules; then too few pages are counted for the size, as in seeking.
        let counted = self.audio_pages(sequence).checked_mul(bytes)?.checked_div(pages)?;
        time.filter(|_| counted >= length.saturating_sub(self.audio) / 6 * 5)
    }

    /// Whether the first time there is comes from the packets up to it: a recording may start in the middle.
    fn starts_at_zero(&mut self, largest: u64) -> Option<bool> {
        let mut page = Page::default();
        let mut packets = 0;
        while self.reader.position().saturating_sub(self.audio) < HEAD {
            page.read(&mut self.reader).ok()??;
            if page.serial != self.serial {
                continue;
            }
            packets += page.ends() as u64;
            if let Some(time) = page.granule {
                return Some(time <= packets * largest);
            }
        }
        None
    }
}
