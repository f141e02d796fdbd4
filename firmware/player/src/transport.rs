//! What the renderer *says* it does: AVTransport:1 as a pure state machine.
//!
//! Control points put [`Action`]s in, playback puts [`Event`]s in, and out come [`Effect`]s, which somebody else carries out,
//! and the state variables, which somebody else publishes. Nothing here reads a clock, a socket or a ring, so that every
//! promise to a control point is a plain test.
//!
//! Two tracks exist at most: the *current* one and the *next* one (SetNextAVTransportURI). Each load of a resource gets a
//! [`TrackId`] of its own, and every event names the track it is about: what a decoder says about a track that was replaced
//! meanwhile changes nothing.

mod fault;
mod machine;
mod media;
mod values;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use fault::Fault;
pub(crate) use machine::Transport;
pub(crate) use media::{Media, Metadata};
pub(crate) use values::{Values, track_position};

/// One load of one resource. Ids grow and are never used again in the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TrackId(pub(crate) u64);

/// TransportState (AVTransport:1, 2.2.1); there is nothing to record, so no recording states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    NoMediaPresent,
    Stopped,
    Transitioning,
    Playing,
    PausedPlayback,
}

impl State {
    /// The spelling of the specification.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoMediaPresent => "NO_MEDIA_PRESENT",
            Self::Stopped => "STOPPED",
            Self::Transitioning => "TRANSITIONING",
            Self::Playing => "PLAYING",
            Self::PausedPlayback => "PAUSED_PLAYBACK",
        }
    }

    /// A track is loaded, or on its way.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, Self::Transitioning | Self::Playing | Self::PausedPlayback)
    }
}

/// Where a Seek goes: the units that make sense for one track (T27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeekTarget {
    /// REL_TIME and ABS_TIME, which are the same thing when the media is one track.
    Time(Duration),
    /// TRACK_NR, counted from 1.
    Track(u32),
}

/// What a control point (or the page) asks for.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// SetAVTransportURI; `None` is the empty URI, which takes the media out.
    SetCurrent(Option<Media>),
    /// SetNextAVTransportURI; `None` is the empty URI, which clears it.
    SetNext(Option<Media>),
    Play,
    Pause,
    Stop,
    Seek(SeekTarget),
    Next,
    Previous,
}

/// What playback reports.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The resource was opened and is audio that we can decode. `duration` is `None` where only the end tells; then `estimate`
    /// may be about it.
    Opened { track: TrackId, duration: Option<Duration>, estimate: Option<Duration>, seekable: bool },
    /// The first frames after a load or a seek are in the ring, or the first after the sound had run dry are heard.
    Started { track: TrackId },
    /// The DAC plays the first frame of this track.
    Heard { track: TrackId },
    /// Nothing more of the track is heard, though it isn't over.
    RanDry { track: TrackId },
    /// The DAC has played the last frame of this track; `error` says why it isn't the last frame of the resource.
    Ended { track: TrackId, error: Option<String> },
    /// The track gave no frame at all.
    Failed { track: TrackId, error: String },
    /// The DAC is gone. What was heard stands where it is; it goes on when there is a DAC, unless it is held.
    OutputAway,
    /// Nothing can be heard any more, whatever the track: the engine died, no DAC came in time.
    OutputLost { error: String },
}

/// What is to be done; carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Drop what plays, open this and play it from `at`, not paused.
    Load { track: TrackId, media: Media, at: Duration },
    /// Open this when the current track is wholly decoded, and append it without a gap.
    Queue { track: TrackId, media: Media },
    /// Take back a `Queue`.
    Unqueue { track: TrackId },
    /// Hold the sound.
    Pause,
    /// Let it go on.
    Resume,
    /// Drop what plays.
    Stop,
    /// Go on, as soon as there is a DAC, where the DAC that has gone left off.
    Recover,
    /// Drop what is in the ring and go on from `to` in the current track.
    Seek { track: TrackId, to: Duration },
    /// Publish these values now: what follows in the same breath would hide them from subscribers.
    Publish(Values),
}
