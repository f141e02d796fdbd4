//! Pages (RFC 3533, 6).

use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;

use crate::fault::Fault;
use crate::input::ByteReader;

/// What every page starts with.
pub(super) const CAPTURE: &[u8; 4] = b"OggS";
const HEADER: usize = 27;
/// Header, 255 segment lengths and as many bytes as they can count.
pub(super) const MAX_LENGTH: usize = HEADER + 255 + 255 * 255;

const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// A page whose check sum is right.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    flags: u8,
    /// The codec's time at the end of the last packet that ends here; `None` if none does.
    pub(super) granule: Option<u64>,
    pub(super) serial: u32,
    pub(super) sequence: u32,
    segments: Vec<u8>,
    body: Vec<u8>,
}

/// A piece of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the packet ends with it.
    pub(super) ends: bool,
}

impl Page {
    /// The page begins in the middle of a packet.
    pub(super) fn continues(&self) -> bool {
        self.flags & CONTINUED != 0
    }

    /// The first page of a logical stream.
    pub(super) fn is_first(&self) -> bool {
        self.flags & FIRST != 0
    }

    /// The last page of a logical stream.
    pub(super) fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    /// Packets that end here, without those that have no byte.
    pub(super) fn ends(&self) -> usize {
        let pieces = self.segments.split_inclusive(|&length| length < 255);
        let counts = |&(number, piece): &(usize, &[u8])| {
            // A continued packet may have all its bytes on the pages before.
            let has_bytes = piece != [0] || (number == 0 && self.continues());
            has_bytes && piece.last().is_some_and(|&length| length < 255)
        };
        pieces.enumerate().filter(counts).count()
    }

    /// Whether the pieces from the `number`th on, if there are any, have no byte.
    pub(super) fn is_empty_from(&self, number: usize) -> bool {
        self.segments.split_inclusive(|&length| length < 255).skip(number).all(|piece| piece == [0])
    }

    /// The pieces from the `number`th on: a segment table entry of less than 255 ends a packet.
    pub(super) fn piece(&self, number: usize) -> Option<Piece<'_>> {
        let mut start = 0;
        let mut pieces = self.segments.split_inclusive(|&length| length < 255);
        for piece in pieces.by_ref().take(number) {
            start += piece.iter().map(|&length| usize::from(length)).sum::<usize>();
        }
        let piece = pieces.next()?;
        let length = piece.iter().map(|&length| usize::from(length)).sum::<usize>();
        let ends = piece.last().is_some_and(|&length| length < 255);
        Some(Piece { bytes: self.body.get(start..start + length)?, ends })
    }

    /// Reads the page at the reader's position; `None` at the end of the input.
    pub(super) fn read(&mut self, reader: &mut ByteReader) -> Result<Option<()>, Fault> {
        let start = reader.position();
        let mut header = [0; HEADER];
        match reader.fill(&mut header)? {
            0 => return Ok(None),
            HEADER => {}
            _ if !header.starts_with(CAPTURE) => return Err(no_page(start)),
            _ => return Err(Fault::truncated("ends inside an Ogg page")),
        }
        let [b'O', b'g', b'g', b'S', 0, flags, rest @ ..] = header else { return Err(no_page(start)) };
        let [g0, g1, g2, g3, g4, g5, g6, g7, s0, s1, s2, s3, n0, n1, n2, n3, c0, c1, c2, c3, segments] = rest;
        self.flags = flags;
        let granule = u64::from_le_bytes([g0, g1, g2, g3, g4, g5, g6, g7]);
        self.granule = Some(granule).filter(|&granule| granule != u64::MAX);
        self.serial = u32::from_le_bytes([s0, s1, s2, s3]);
        self.sequence = u32::from_le_bytes([n0, n1, n2, n3]);
        self.segments.resize(segments.into(), 0);
        let table = reader.fill(&mut self.segments)?;
        self.body.resize(self.segments.iter().map(|&length| usize::from(length)).sum(), 0);
        let body = reader.fill(&mut self.body)?;
        if table < self.segments.len() || body < self.body.len() {
            return Err(Fault::truncated("ends inside an Ogg page"));
        }
        // The check sum is computed with its own field 0.
        if let Some(field) = header.get_mut(22..26) {
            field.fill(0);
        }
        let mut crc = Crc32::new(0);
        for part in [&header[..], &self.segments, &self.body] {
            crc.process_buf_bytes(part);
        }
        if crc.crc() != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(Fault::corrupt(format!("the check sum of the Ogg page at byte {start} is wrong")));
        }
        Ok(Some(()))
    }
}

fn no_page(at: u64) -> Fault {
    Fault::corrupt(format!("no Ogg page at byte {at}"))
}
