//! The bytes at hand: a frame is decoded from one slice.

use crate::fault::Fault;
use crate::input::ByteReader;

/// How much is read at a time.
const STEP: usize = 32 * 1024;

pub(super) struct Window {
    reader: ByteReader,
    bytes: Vec<u8>,
    /// The first byte that hasn't been consumed.
    start: usize,
    ended: bool,
}

impl Window {
    pub(super) fn new(reader: ByteReader) -> Self {
        Self { reader, bytes: Vec::new(), start: 0, ended: false }
    }

    /// What is at hand.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Whether the input's end is at hand.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn reader(&self) -> &ByteReader {
        &self.reader
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.bytes.len());
    }

    /// Reads until `length` bytes are at hand, or the input ends.
    pub(super) fn fill(&mut self, length: usize) -> Result<(), Fault> {
        while self.bytes().len() < length && !self.ended {
            self.bytes.drain(..self.start);
            self.start = 0;
            let filled = self.bytes.len();
            self.bytes.resize(filled + STEP.max(length - filled), 0);
            let read = self.reader.fill(self.bytes.get_mut(filled..).unwrap_or_default());
            self.ended = !matches!(read, Ok(read) if filled + read == self.bytes.len());
            self.bytes.truncate(filled + read.as_ref().copied().unwrap_or(0));
            read?;
        }
        Ok(())
    }

    /// Moves to another place in the input.
    pub(super) fn seek(&mut self, position: u64) -> Result<(), Fault> {
        self.bytes.clear();
        self.start = 0;
        self.ended = false;
        self.reader.seek(position)
    }
}
