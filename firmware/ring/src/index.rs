//! The index protocol: who may touch which frames, as arithmetic on the
//! [`Control`](crate::Control) words.
//!
//! Both halves keep their own indices privately and only *publish* them; the peer's words are read, checked and never
//! written. So a peer that breaks the protocol can make its own data wrong, and can make this side report [`Corrupt`],
//! but can't move this side's indices out of range.
//!
//! Order of publishing (each store is a release, each load an acquire):
//! - the producer writes a mark's words, then the mark count, then `ended`, and only later `written`; the consumer
//!   loads `written` first. So a frame is never seen before the marks at or before it;
//! - the producer writes `flush_frame` and `flush_marks` before `flush`; the consumer loads them in the opposite order;
//! - the consumer releases `read` after it has copied the frames out; the producer acquires it before it overwrites.

mod consumer;
mod producer;

pub use consumer::{ConsumerIndex, Flush};
pub use producer::ProducerIndex;

/// The peer's words in shared memory make no sense: it is broken or hostile, and the stream has to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// The frame index went backwards, or further than the ring is large.
    #[error("the peer's frame index {peer} is impossible (ours {ours}, capacity {capacity} frames)")]
    Frames {
        /// What the peer published.
        peer: u64,
        /// This side's own index.
        ours: u64,
        /// Frames that the ring holds.
        capacity: u64,
    },
    /// The mark index went backwards, or further than the queue is long.
    #[error("the peer's mark index {peer} is impossible (ours {ours})")]
    Marks {
        /// What the peer published.
        peer: u64,
        /// This side's own index.
        ours: u64,
    },
    /// A mark of no known kind.
    #[error("mark kind {0} is unknown")]
    MarkKind(u64),
    /// A flush beyond what was written.
    #[error("a flush up to frame {frame} or mark {mark}, which were never written")]
    Flush {
        /// The flush's frame.
        frame: u64,
        /// The flush's mark.
        mark: u64,
    },
    /// This side asked for more than there is; a bug on this side, reported instead of acted on.
    #[error("{asked} frames asked for, {there} there")]
    Range {
        /// Frames asked for.
        asked: u64,
        /// Frames that there are.
        there: u64,
    },
}

/// The queue of marks is full: try again when some were passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ring's queue of marks is full")]
pub struct Full;

/// How far `peer` is ahead of `ours`, if that lies in `0..=limit`.
fn ahead(peer: u64, ours: u64, limit: u64) -> Option<u64> {
    peer.checked_sub(ours).filter(|&distance| distance <= limit)
}

#[cfg(test)]
mod tests;
