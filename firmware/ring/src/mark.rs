//! Where tracks begin and end inside the stream.

/// What happens at a [`Mark`]'s frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum MarkKind {
    /// The frame is the track's first.
    Start = 1,
    /// The frame is the first that isn't the track's any more.
    End = 2,
}

impl MarkKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_id(id: u64) -> Option<Self> {
        match id {
            1 => Some(Self::Start),
            2 => Some(Self::End),
            _ => None,
        }
    }
}

/// A boundary of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Frames since the stream was opened.
    pub frame: u64,
    /// The producer's number for the track; it means nothing to the ring.
    pub track: u64,
    /// Which boundary.
    pub kind: MarkKind,
}
