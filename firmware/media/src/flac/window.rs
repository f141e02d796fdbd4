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
    fault: Option<Fault>,
}

impl Window {
    pub(super) fn new(reader: ByteReader) -> Self {
        Self { reader, bytes: Vec::new(), start: 0, ended: false, fault: None }
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

    /// Why nothing more can be read.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Reads until `length` bytes are at hand, or the input ends or fails.
    pub(super) fn fill(&mut self, length: usize) {
        while self.bytes().len() < length && !self.ended && self.fault.is_none() {
            self.bytes.drain(..self.start);
            self.start = 0;
            let filled = self.bytes.len();
            self.bytes.resize(filled + STEP.max(length - filled), 0);
            let read = self.reader.fill_some(self.bytes.get_mut(filled..).unwrap_or_default());
            self.bytes.truncate(filled + read.as_ref().copied().unwrap_or(0));
            match read {
                Ok(read) => self.ended = read == 0,
                Err(fault) => self.fault = Some(fault),
            }
        }
    }

    /// Moves to another place in the input.
    pub(super) fn seek(&mut self, position: u64) -> Result<(), Fault> {
        self.bytes.clear();
        self.start = 0;
        self.ended = false;
        self.fault = None;
        self.reader.seek(position)
    }
}
