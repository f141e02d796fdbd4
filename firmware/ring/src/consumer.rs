//! The engine's side of the ring. Made for a real-time thread: nothing here allocates, waits, logs or panics.

use std::sync::atomic::{Ordering, fence};

use crate::index::{ConsumerIndex, Corrupt, Flush};
use crate::mapping::RingMemory;
use crate::mark::Mark;
use crate::stream::Stream;
use crate::word::Word;

/// Reads again what a [`Consumer`] has taken out of the ring, from another thread.
///
/// The player is told only that it may go on writing; the bytes stay until it has come round. What it writes too early,
/// against the protocol, is copied as it is: whoever has to know compares a checksum with the consumer's.
#[derive(Debug)]
pub struct Tap {
    memory: RingMemory,
    frame_bytes: usize,
    ring: u64,
    kept: u64,
}

impl Tap {
    /// Frames that stay behind the newest one taken, if the player keeps to the protocol.
    #[must_use]
    pub fn kept_frames(&self) -> u64 {
        self.kept
    }

    /// Frames that the ring holds: no more than that can be written and not taken.
    #[must_use]
    pub fn ring_frames(&self) -> u64 {
        self.ring
    }

    /// Frames that the player says it has written, whatever that is.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.memory.control().producer.written.acquire()
    }

    /// Bytes of a frame; never 0.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// Whether nothing has come into the place of `frame` and those behind it, as far as the player has said what it has
    /// written. To be asked after they were copied. How many frames were taken says less: a flush drops what was only to come.
    #[must_use]
    pub fn keeps(&self, frame: u64) -> bool {
        // What is asked for was read before this.
        fence(Ordering::Acquire);
        self.written().saturating_sub(frame) <= (self.memory.data_bytes() / self.frame_bytes) as u64
    }

    /// Copies the stream's bytes from `frame` on, as many as fit `to` and the ring's memory.
    pub fn copy(&self, frame: u64, to: &mut [u8]) -> usize {
        let from = self.memory.bytes(frame.wrapping_mul(self.frame_bytes as u64), to.len());
        // Shortened to the memory's size, never lengthened.
        to[..from.len()].copy_from_slice(from);
        from.len()
    }
}

/// Takes audio out of the ring.
#[derive(Debug)]
pub struct Consumer {
    memory: RingMemory,
    index: ConsumerIndex,
    frame_bytes: usize,
}

impl Consumer {
    /// A consumer without a stream.
    #[must_use]
    pub fn new(memory: RingMemory) -> Self {
        Self { memory, index: ConsumerIndex::new(0), frame_bytes: 1 }
    }

    /// Opens a stream: every index in the ring becomes 0. Then, and only then, tell the player.
    pub fn begin(&mut self, stream: &Stream) {
        self.frame_bytes = stream.frame_bytes();
        self.index = ConsumerIndex::new(stream.capacity_in(self.memory.data_bytes()));
        self.memory.control().reset(stream.epoch);
    }

    /// For following what this consumer takes in the stream that has begun.
    #[must_use]
    pub fn tap(&self) -> Tap {
        let all = (self.memory.data_bytes() / self.frame_bytes) as u64;
        Tap {
            memory: self.memory.share(),
            frame_bytes: self.frame_bytes,
            ring: self.index.capacity(),
            kept: all.saturating_sub(self.index.capacity()),
        }
    }

    /// Frames that the ring holds.
    #[must_use]
    pub fn capacity_frames(&self) -> u64 {
        self.index.capacity()
    }

    /// Looks at what the player has published; returns the frames that can be taken.
    pub fn refresh(&mut self) -> Result<u64, Corrupt> {
        self.index.refresh(self.memory.control())?;
        Ok(self.index.readable())
    }

    /// Frames that could be taken at the last [`refresh`](Self::refresh).
    #[must_use]
    pub fn readable(&self) -> u64 {
        self.index.readable()
    }

    /// Of those, the frames up to the newest end mark: behind them the ring may run dry without anything missing.
    #[must_use]
    pub fn readable_to_end(&self) -> u64 {
        self.index.readable_to_end()
    }

    /// Whether the newest end mark lies exactly behind the last readable frame.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.index.ended()
    }

    /// Frames taken or dropped since the stream was opened: the number of the next one.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.index.read()
    }

    /// The next frames, contiguous, at most `max_frames`. They stay the ring's until [`advance`](Self::advance).
    #[must_use]
    pub fn read_area(&self, max_frames: u64) -> &[u8] {
        let frames = self.index.readable().min(max_frames);
        let position = self.index.read().wrapping_mul(self.frame_bytes as u64);
        self.memory.bytes(position, frames as usize * self.frame_bytes)
    }

    /// Gives the next `frames` back to the player.
    pub fn advance(&mut self, frames: u64) -> Result<(), Corrupt> {
        self.index.advance(self.memory.control(), frames)
    }

    /// The oldest mark that wasn't taken. It is due when [`read`](Self::read) has reached its frame.
    pub fn next_mark(&self) -> Result<Option<Mark>, Corrupt> {
        self.index.peek_mark(self.memory.control())
    }

    /// Takes that mark.
    pub fn take_mark(&mut self) {
        self.index.pop_mark(self.memory.control());
    }

    /// The flush that the player asked for, if it isn't done yet.
    pub fn pending_flush(&mut self) -> Result<Option<Flush>, Corrupt> {
        self.index.pending_flush(self.memory.control())
    }

    /// Drops what the flush says and tells the player.
    pub fn finish_flush(&mut self, flush: Flush) {
        self.index.finish_flush(self.memory.control(), flush);
    }

    /// Whether the player wants a pause.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.index.paused(self.memory.control())
    }
}
