//! What SetAVTransportURI and SetNextAVTransportURI name.

use std::time::Duration;

/// A resource and what its control point says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// As it was sent; never empty.
    pub(crate) uri: String,
    /// The DIDL-Lite text as it was sent, which goes back out unchanged; possibly empty or no XML at all (T26).
    pub(crate) didl: String,
    /// What could be read out of `didl`.
    pub(crate) metadata: Metadata,
}

/// The part of DIDL-Lite that this renderer uses itself. All of it is a hint: the resource's content decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) title: Option<String>,
    pub(crate) artist: Option<String>,
    pub(crate) album: Option<String>,
    pub(crate) art: Option<String>,
    /// `res@duration`, until the resource itself has been opened (T2: a control point may ask only once, right after Play).
    pub(crate) duration: Option<Duration>,
    /// The content type of `res@protocolInfo`.
    pub(crate) mime: Option<String>,
}

impl Media {
    /// Whether a SetNext of `other` while `self` plays is the mistake of T13: the same resource with the same description.
    pub(crate) fn is_repeated_by(&self, other: &Self) -> bool {
        self.uri == other.uri && self.didl == other.didl
    }
}
