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
    /// The frame is the first that isn't the track's any more in this stream; in another one the track goes on.
    Leave = 4,
    /// The frame is one of the track's and not its first: it left another stream and goes on here, as if it began.
    Join = 5,
}

impl MarkKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_id(id: u64) -> Option<Self> {
        match id {
            1 => Some(Self::Start),
            2 => Some(Self::End),
            3 => Some(Self::Resume),
            4 => Some(Self::Leave),
            5 => Some(Self::Join),
            _ => None,
        }
    }

    /// Whether frames of a track begin here as they are: neither sought to nor faded in.
    #[must_use]
    pub const fn begins(self) -> bool {
        matches!(self, Self::Start | Self::Join)
    }

    /// Whether none of the track's frames follows in this stream, so that the ring may run dry.
    #[must_use]
    pub const fn ends(self) -> bool {
        matches!(self, Self::End | Self::Leave)
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
