//! Seeking by the times in the page headers.

use super::chain::chained;
use super::packets::Packets;
use super::page::{CAPTURE, MAX_LENGTH, Page};
use crate::fault::{Fault, Kind};
use crate::packets::Landing;

/// Guesses before the rest of the way is read.
const MAX_GUESSES: usize = 8;

/// How many bytes are rather read than guessed over: a guess over the network costs a connection.
const NEAR: u64 = 4 * MAX_LENGTH as u64;

/// Pages that tell their average size.
const PAGES: u64 = 32;

/// Bytes of a file that is read as a whole, rather than to seek wrong in it.
const LARGE: u64 = 32 << 20;

/// A page's place and the time at its end.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    byte: u64,
    time: u64,
}

impl Packets {
    /// Moves to the last page that ends by `position` and from which a decoder can start. All its packets warm the
    /// decoder up: what follows them starts at the page's time.
    pub(super) fn seek_to_page(&mut self, position: u64) -> Result<Landing, Fault> {
        let before = self.reader.position();
        let found = self.page_before(position).map_err(|fault| self.reader.seek(before).err().unwrap_or(fault));
        self.settle(found?, position)
    }

    /// Where a page lies that ends by `position`, and not much earlier.
    fn page_before(&mut self, position: u64) -> Result<u64, Fault> {
        if self.is_chained {
            return Err(chained());
        }
        let length = self.reader.byte_len();
        let length = length.ok_or_else(|| Fault::new(Kind::NotSeekable, "the length isn't known"))?;
        let total = match self.total {
            Some(total) => total,
            None => self.look_around(length)?,
        };
        self.total = Some(total);
        if position > total {
            return Err(Fault::new(Kind::OutOfRange, ""));
        }
        let mut below = Anchor { byte: self.audio, time: 0 };
        let mut above = Anchor { byte: length, time: total };
        for _ in 0..MAX_GUESSES {
            if above.byte - below.byte <= NEAR || above.time <= below.time {
                break;
            }
            let part = (position - below.time) as f64 / (above.time - below.time) as f64;
            let guess = below.byte + ((above.byte - below.byte) as f64 * part) as u64;
            // A little before it, so that what is found isn't behind the position.
            let guess = guess.saturating_sub(MAX_LENGTH as u64).max(below.byte);
            match self.find_page(guess, above.byte)? {
                Some(found) if found.time <= position && found.byte > below.byte => below = found,
                Some(found) if found.time > position => above.byte = guess.max(below.byte),
                _ => break,
            }
        }
        Ok(below.byte)
    }

    /// Reads pages from `byte` on, and makes the last that ends by `position` the next.
    fn settle(&mut self, byte: u64, position: u64) -> Result<Landing, Fault> {
        let mut best = None;
        let mut page = Page::default();
        self.reader.seek(byte)?;
        loop {
            let start = self.reader.position();
            if page.read(&mut self.reader)?.is_none() {
                break;
            }
            if page.serial != self.serial {
                continue;
            }
            let whole = page.ends().saturating_sub(usize::from(page.continues()));
            match page.granule {
                Some(time) if time > position => break,
                // Header pages have the time 0, but no audio.
                Some(time) if whole > 0 && time > 0 => best = Some((start, time, whole)),
                _ => {}
            }
            if page.is_last() {
                break;
            }
        }
        let (start, landing) = match best {
            Some((start, time, whole)) => (start, Landing { position: time, warm_up: whole }),
            None => (self.audio, Landing { position: 0, warm_up: 0 }),
        };
        self.reader.seek(start)?;
        self.page = Page::default();
        self.piece = 0;
        self.sequence = None;
        Ok(landing)
    }

    /// The first of our pages from `byte` on that has a time.
    fn find_page(&mut self, byte: u64, end: u64) -> Result<Option<Anchor>, Fault> {
        let mut at = byte;
        let mut page = Page::default();
        while at < end && at - byte < NEAR {
            let Some(start) = self.find_any_page(at, end, &mut page)? else { return Ok(None) };
            if page.serial == self.serial
                && let Some(time) = page.granule
            {
                return Ok(Some(Anchor { byte: start, time }));
            }
            at = self.reader.position();
        }
        Ok(None)
    }

    /// Reads the first page from `byte` on, whose ever it is; returns where it starts.
    fn find_any_page(&mut self, byte: u64, end: u64, page: &mut Page) -> Result<Option<u64>, Fault> {
        let mut at = byte;
        while at < end && at - byte < NEAR {
            let Some(start) = self.find_capture(at, end)? else { return Ok(None) };
            self.reader.seek(start)?;
            match page.read(&mut self.reader) {
                Ok(Some(())) => return Ok(Some(start)),
                // Bytes of a packet that look like a page.
                Ok(None) | Err(Fault { kind: Kind::Corrupt | Kind::Truncated, .. }) => at = start + 1,
                Err(fault) => return Err(fault),
            }
        }
        Ok(None)
    }

    fn find_capture(&mut self, byte: u64, end: u64) -> Result<Option<u64>, Fault> {
        self.reader.seek(byte)?;
        let length = usize::try_from(end - byte).unwrap_or(usize::MAX).min(MAX_LENGTH + CAPTURE.len());
        let mut bytes = vec![0; length];
        let read = self.reader.fill(&mut bytes)?;
        bytes.truncate(read);
        let found = bytes.windows(CAPTURE.len()).position(|window| window == CAPTURE);
        Ok(found.map(|at| byte + at as u64))
    }

    /// The time of the last page, of a file that isn't chained.
    fn look_around(&mut self, length: u64) -> Result<u64, Fault> {
        let size = self.page_size()?;
        let mut at = length.saturating_sub(2 * MAX_LENGTH as u64).max(self.audio);
        let (mut total, mut pages) = (None, 0);
        let mut page = Page::default();
        while self.find_any_page(at, length, &mut page)?.is_some() {
            self.check_page(&page)?;
            at = self.reader.position();
            if page.serial == self.serial {
                total = page.granule.or(total);
                pages = self.audio_pages(page.sequence);
            }
        }
        // Streams of one chain must differ in their number (RFC 3533, 4), but some tools give those of one second the same one.
        // Then the last page's place among its own stream's tells, for pages are of about one size.
        if pages.saturating_mul(size) < length.saturating_sub(self.audio) / 6 * 5 {
            self.read_over_all(length)?;
        }
        total.ok_or_else(|| Fault::new(Kind::NotSeekable, "no time in the last Ogg pages"))
    }

    /// The size of a page of audio, on average of those read so far, or of the first ones.
    fn page_size(&mut self) -> Result<u64, Fault> {
        let mut pages = self.audio_pages(self.page.sequence);
        let mut page = self.page.clone();
        while pages < PAGES && !page.is_last() && page.read(&mut self.reader)?.is_some() {
            self.check_page(&page)?;
            if page.serial == self.serial {
                pages = self.audio_pages(page.sequence);
            }
        }
        Ok(self.reader.position().saturating_sub(self.audio) / pages.max(1))
    }

    /// Pages of audio up to this one.
    pub(super) fn audio_pages(&self, sequence: u32) -> u64 {
        (u64::from(sequence) + 1).saturating_sub(self.audio_sequence.into())
    }

    /// Reads all pages from here on, of a file that isn't too large for that.
    fn read_over_all(&mut self, length: u64) -> Result<(), Fault> {
        let mut page = Page::default();
        self.reader.seek(self.audio)?;
        while length < LARGE && page.read(&mut self.reader)?.is_some() {
            self.check_page(&page)?;
        }
        Ok(())
    }

    /// A page of another stream than those that the file begins with, or the first one of any, is another link's.
    fn check_page(&mut self, page: &Page) -> Result<(), Fault> {
        self.is_chained |= page.is_first() || !self.group.contains(&page.serial);
        if self.is_chained { Err(chained()) } else { Ok(()) }
    }
}
