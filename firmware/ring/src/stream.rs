//! What both sides have to agree on for one stream.

use pcm::Wire;

/// One opened stream: from the engine's answer to `Open` until the next open or close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Counts the engine's opens; never 0.
    pub epoch: u32,
    /// The format of the ring's bytes, which is the DAC's.
    pub wire: Wire,
    /// How much of the ring is used, in frames.
    pub ring_frames: u32,
}

impl Stream {
    /// Bytes of a frame; never 0.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.wire.frame_bytes().max(1)
    }

    /// Frames that are used of a ring with `data_bytes` of data.
    #[must_use]
    pub fn capacity_in(&self, data_bytes: usize) -> u64 {
        u64::from(self.ring_frames).min((data_bytes / self.frame_bytes()) as u64)
    }
}
