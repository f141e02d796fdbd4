//! The bytes at hand: a frame is decoded from one slice.

use crate::fault::Fault;
use crate::input::ByteReader;

/// How much is read at a time, at least. What is left of the last frames is moved to the front each time.
const STEP: usize = 32 * 1024;

pub(super) struct Window {
    reader: ByteReader,
    /// What is at hand lies from `start` to `end`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    fault: Option<Fault>,
}

impl Window {
    pub(super) fn new(reader: ByteReader) -> Self {
        Self { reader, bytes: Vec::new(), start: 0, end: 0, ended: false, fault: None }
    }

    /// What is at hand.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether the input's end is at hand.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn reader(&self) -> &ByteReader {
        &self.reader
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Why nothing more can be read.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Reads until `length` bytes are at hand, or the input ends or fails.
    pub(super) fn fill(&mut self, length: usize) {
        while self.end - self.start < length && !self.ended && self.fault.is_none() {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let room = self.end + STEP.max(length - self.end);
            if self.bytes.len() < room {
                self.bytes.resize(room, 0);
            }
            match self.reader.fill_some(self.bytes.get_mut(self.end..room).unwrap_or_default()) {
                Ok(read) => (self.end, self.ended) = (self.end + read, read == 0),
                Err(fault) => self.fault = Some(fault),
            }
        }
    }

    /// Moves to another place in the input.
    pub(super) fn seek(&mut self, position: u64) -> Result<(), Fault> {
        (self.start, self.end) = (0, 0);
        self.ended = false;
        self.fault = None;
        self.reader.seek(position)
    }
}
