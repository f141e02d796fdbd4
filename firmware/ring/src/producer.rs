//! The player's side of the ring.

use crate::index::{Corrupt, Full, ProducerIndex};
use crate::mapping::RingMemory;
use crate::mark::Mark;
use crate::stream::Stream;

/// Writes audio into the ring. Made once per mapping, used for one stream after the other.
///
/// No call waits. The calls that look at the engine's indices return [`Corrupt`] when those make no sense; the stream
/// (and the engine that serves it) is then to be given up.
#[derive(Debug)]
pub struct Producer {
    memory: RingMemory,
    index: ProducerIndex,
    frame_bytes: usize,
}

impl Producer {
    /// A producer without a stream: its ring has no room until [`begin`](Self::begin).
    #[must_use]
    pub fn new(memory: RingMemory) -> Self {
        Self { memory, index: ProducerIndex::new(0), frame_bytes: 1 }
    }

    /// Starts the stream that the engine has opened: every index is 0 again.
    ///
    /// Call it after the engine's `Opened` and not before, or the engine's reset comes in between.
    pub fn begin(&mut self, stream: &Stream) {
        self.frame_bytes = stream.frame_bytes();
        self.index = ProducerIndex::new(stream.capacity_in(self.memory.data_bytes()));
    }

    /// Frames that the ring holds.
    #[must_use]
    pub fn capacity_frames(&self) -> u64 {
        self.index.capacity()
    }

    /// Frames that can be written now.
    pub fn writable_frames(&mut self) -> Result<u64, Corrupt> {
        self.index.writable(self.memory.control())
    }

    /// Room for up to `max_frames`, contiguous. Nothing is visible to the engine before [`commit`](Self::commit).
    pub fn write_area(&mut self, max_frames: u64) -> Result<&mut [u8], Corrupt> {
        let mut room = self.index.room();
        if room < max_frames {
            room = self.writable_frames()?;
        }
        let frames = room.min(max_frames);
        let position = self.index.written().wrapping_mul(self.frame_bytes as u64);
        // No overflow: the capacity in bytes is at most the size of the data area.
        Ok(self.memory.bytes_mut(position, frames as usize * self.frame_bytes))
    }

    /// Publishes the first `frames` of the [`write_area`](Self::write_area).
    pub fn commit(&mut self, frames: u64) -> Result<(), Corrupt> {
        self.index.commit(self.memory.control(), frames)
    }

    /// Frames committed since the stream was opened.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.index.written()
    }

    /// Frames that the engine has taken or dropped.
    pub fn read_frames(&mut self) -> Result<u64, Corrupt> {
        self.index.read(self.memory.control())
    }

    /// Marks a track's boundary. Frames must not go backwards from mark to mark.
    ///
    /// Mark first, commit the frames after: the start (or where it goes on, at a stream's beginning and behind each flush: only
    /// that says whose the frames are) at `written()` before the track's first frames, the end (whose
    /// frame then lies ahead of `written()`) before its last ones. Then the engine knows the end when it sees the frames,
    /// and doesn't take the tail for a starving stream. [`Full`]: try again after the engine has passed some marks.
    pub fn mark(&mut self, mark: Mark) -> Result<(), Full> {
        self.index.mark(self.memory.control(), mark)
    }

    /// Drops everything written and marked so far. The engine fades out over 20 ms of it (if it is playing), then goes
    /// on with what is written from now on.
    ///
    /// What follows begins unscaled if its first frame has a start mark (a new track), else with a fade-in (a seek).
    /// The room comes back when the engine has carried it out.
    pub fn flush(&mut self) {
        self.index.flush(self.memory.control());
    }

    /// Whether every flush has been carried out.
    #[must_use]
    pub fn flush_done(&self) -> bool {
        self.index.flush_done(self.memory.control())
    }

    /// Fades out and holds, or goes on and fades in. While paused the stream runs on with silence.
    pub fn set_paused(&self, paused: bool) {
        self.index.set_paused(self.memory.control(), paused);
    }
}
