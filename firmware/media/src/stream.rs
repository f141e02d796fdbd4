//! What every container and codec is to the rest of the crate.

use pcm::{Samples, Source, Speakers};

use crate::fault::Fault;
use crate::{Codec, Tags};

/// A decoder that gives a track's frames in order, in blocks of its own choosing.
pub(crate) trait Stream: Send {
    /// Decodes the next block; returns its frames, 0 at a clean end. A damage or truncation is an error after the good
    /// frames.
    fn advance(&mut self) -> Result<usize, Fault>;

    /// The block that [`advance`](Self::advance) decoded; `None` before the first.
    fn block(&self) -> Option<Samples<'_>>;

    /// Moves to `frame` or to some frame before it; returns the frame that the next block starts with.
    fn seek(&mut self, frame: u64) -> Result<u64, Fault>;

    /// Which loudspeakers the channels are for, where the container or the codec says something else than what
    /// [`Speakers::usual`] has, or that it isn't known.
    fn speakers(&self) -> Option<Speakers> {
        None
    }

    /// Once, at a clean end: what an owner should know about the track, which is no fault of its frames.
    fn remark(&mut self) -> Option<&'static str> {
        None
    }
}

/// A container that was recognised and understood.
pub(crate) struct Opened {
    pub(crate) codec: Codec,
    pub(crate) container: &'static str,
    pub(crate) source: Source,
    /// The track's frames without an encoder's padding, where they are known beforehand.
    pub(crate) frames: Option<u64>,
    /// As [`Info::estimate`](crate::Info::estimate).
    pub(crate) estimate: Option<u64>,
    pub(crate) seekable: bool,
    pub(crate) tags: Tags,
    pub(crate) stream: Box<dyn Stream>,
}
