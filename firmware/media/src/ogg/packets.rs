//! The packets of one logical stream.

use super::page::{CAPTURE, Page};
use crate::fault::Fault;
use crate::input::ByteReader;
use crate::packets::{Demux, Landing, Next};

/// The longest packet that is kept: the largest Vorbis setup header, the largest FLAC frame.
const MAX_PACKET: usize = 4 << 20;

/// Streams that may run side by side: a film with all its languages has less.
const MAX_GROUP: usize = 256;

/// Pages of other streams that are read over between two of ours.
const MAX_FOREIGN: usize = 4096;

pub(super) struct Packets {
    pub(super) reader: ByteReader,
    pub(super) page: Page,
    /// The next piece of `page`.
    pub(super) piece: usize,
    pub(super) serial: u32,
    /// Of all streams that run beside ours, and ours.
    pub(super) group: Vec<u32>,
    /// The number that the next page must have; `None` after a seek.
    pub(super) sequence: Option<u32>,
    /// Where the first page with audio starts.
    pub(super) audio: u64,
    /// And its number.
    pub(super) audio_sequence: u32,
    /// The last page's time, once it was looked at.
    pub(super) total: Option<u64>,
    /// Behind our last page another stream begins, at the reader's position.
    pub(super) another_follows: bool,
    /// This stream isn't the only one of the file, as far as is known.
    pub(super) is_chained: bool,
}

impl Packets {
    /// The first page is at the reader's position. Takes the first stream that `wanted` says yes to, by its first
    /// packet; all streams' first pages come before anything else.
    pub(super) fn open(mut reader: ByteReader, wanted: impl Fn(&[u8]) -> bool) -> Result<(Self, Vec<u8>), Fault> {
        let mut found = None;
        let mut group = Vec::new();
        loop {
            let position = reader.position();
            let mut page = Page::default();
            let first = page.read(&mut reader)?.filter(|()| page.is_first());
            if first.is_none() {
                let (serial, packet) = found.ok_or_else(|| Fault::unsupported("Ogg without Vorbis or FLAC"))?;
                reader.seek(position)?;
                let packets = Self {
                    reader,
                    page: Page::default(),
                    piece: 0,
                    serial,
                    group,
                    sequence: Some(1),
                    audio: 0,
                    audio_sequence: 0,
                    total: None,
                    another_follows: false,
                    is_chained: false,
                };
                return Ok((packets, packet));
            }
            if group.len() == MAX_GROUP {
                return Err(Fault::corrupt("an Ogg stream among too many others"));
            }
            group.push(page.serial);
            match page.piece(0) {
                Some(piece) if piece.ends && found.is_none() && wanted(piece.bytes) => {
                    found = Some((page.serial, piece.bytes.to_vec()));
                }
                _ => {}
            }
        }
    }

    /// The headers have been read: what comes next is audio. It starts on a page of its own.
    pub(super) fn begin_audio(&mut self) {
        self.audio = self.reader.position();
        self.audio_sequence = self.page.sequence.wrapping_add(1);
    }

    /// Reads our next page; `None` at the end of the input.
    fn next_page(&mut self) -> Result<Option<()>, Fault> {
        for _ in 0..MAX_FOREIGN {
            if self.page.read(&mut self.reader)?.is_none() {
                return Ok(None);
            }
            if self.page.serial != self.serial {
                continue;
            }
            if self.sequence.is_some_and(|sequence| sequence != self.page.sequence) {
                return Err(Fault::corrupt(format!("Ogg page {} is missing", self.sequence.unwrap_or(0))));
            }
            self.sequence = Some(self.page.sequence.wrapping_add(1));
            self.piece = 0;
            return Ok(Some(()));
        }
        Err(Fault::corrupt("an Ogg stream among too many others"))
    }

    /// Reads a packet that has bytes; one longer than `kept`, which isn't 0, is cut there.
    pub(super) fn packet(&mut self, packet: &mut Vec<u8>, kept: usize) -> Result<Option<Next>, Fault> {
        packet.clear();
        let mut started = false;
        loop {
            let Some(piece) = self.page.piece(self.piece) else {
                if self.page.is_last() && self.page.serial == self.serial {
                    return if started {
                        Err(Fault::truncated("the last Ogg page ends inside a packet"))
                    } else {
                        self.end()
                    };
                }
                if self.next_page()?.is_none() {
                    return Err(Fault::truncated("no last Ogg page"));
                }
                if started && !self.page.continues() {
                    return Err(Fault::corrupt("an Ogg packet without its end"));
                }
                continue;
            };
            self.piece += 1;
            // What is left of a packet that started before we did.
            let skipped = self.piece == 1 && self.page.continues() && !started;
            if !skipped {
                started = true;
                let room = kept.saturating_sub(packet.len());
                packet.extend(piece.bytes.iter().take(room));
            }
            if piece.ends && started {
                // FFmpeg ends FLAC with a packet of no bytes, which carries the mark of the last page only.
                if packet.is_empty() {
                    started = false;
                    continue;
                }
                let is_final = self.page.is_empty_from(self.piece);
                let end = self.page.granule.filter(|_| is_final);
                return Ok(Some(Next { end, last: is_final && self.page.is_last() }));
            }
        }
    }

    /// What may follow our last page: the rest of the streams beside ours, and then perhaps another stream.
    fn end(&mut self) -> Result<Option<Next>, Fault> {
        let mut page = Page::default();
        for _ in 0..MAX_FOREIGN {
            let position = self.reader.position();
            match page.read(&mut self.reader) {
                Ok(Some(())) if page.is_first() => {
                    self.reader.seek(position)?;
                    (self.another_follows, self.is_chained) = (true, true);
                    break;
                }
                Ok(Some(())) => {}
                Ok(None) => break,
                // A stream without a length has ended here as far as it told.
                Err(_) if self.reader.byte_len().is_none() => break,
                Err(fault) => {
                    self.reader.seek(position)?;
                    let mut capture = [0; CAPTURE.len()];
                    self.reader.fill(&mut capture)?;
                    // Tags, or what else isn't Ogg.
                    return if &capture == CAPTURE { Err(fault) } else { Ok(None) };
                }
            }
        }
        Ok(None)
    }
}

impl Demux for Packets {
    fn next(&mut self, packet: &mut Vec<u8>) -> Result<Option<Next>, Fault> {
        let next = self.packet(packet, MAX_PACKET)?;
        if packet.len() == MAX_PACKET {
            return Err(Fault::corrupt("an Ogg packet of more than 4 MiB"));
        }
        Ok(next)
    }

    fn seek(&mut self, position: u64) -> Result<Landing, Fault> {
        self.seek_to_page(position)
    }
}
