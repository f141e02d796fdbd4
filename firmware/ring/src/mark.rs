//! Where tracks begin and end inside the stream, and where one goes on.

/// What happens at a [`Mark`]'s frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum MarkKind {
    /// The frame is the track's first.
    Start = 1,
    /// The frame is the first that isn't the track's any more.
    End = 2,
    /// The frame is one of the track's and not its first: it begins inside, or a seek went there.
    Resume = 3,
}

impl MarkKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_id(id: u64) -> Option<Self> {
        match id {
            1 => Some(Self::Start),
            2 => Some(Self::End),
            3 => Some(Self::Resume),
            _ => None,
        }
    }
}

/// A boundary of a track, or of a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Frames since the stream was opened.
    pub frame: u64,
    /// The producer's number for the track; it means nothing to the ring.
    pub track: u64,
    /// Which boundary.
    pub kind: MarkKind,
}
