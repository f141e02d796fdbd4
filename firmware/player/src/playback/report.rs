//! What playback tells the rest of the program.

use std::time::Duration;

use super::PlayError;
use super::replay_gain::Attenuation;
use crate::transport::TrackId;

/// News from a worker or from the link to the engine.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    /// A track's resource is being opened.
    Opening { track: TrackId, uri: String },
    /// It was opened, and is audio.
    Opened { track: TrackId, opened: Opened },
    /// How it goes to the DAC, whether the volume has no effect on it, though it is PCM, and what ReplayGain does to it.
    Planned { track: TrackId, plan: pcm::WirePlan, unscaled: bool, attenuation: Option<Attenuation> },
    /// Its PCM carries something else.
    Recognised { track: TrackId, hidden: pcm::hidden::Hidden },
    /// Of its floats, which might all have gone to the DAC as they are, one didn't.
    Rounded { track: TrackId },
    /// Its first frames after a load or a seek are in the ring.
    Started { track: TrackId },
    /// Its last frame is in the ring: nothing more comes that could be rounded.
    Written { track: TrackId },
    /// It gave no frame.
    Failed { track: TrackId, error: PlayError },
    /// The DAC plays its first frame.
    Heard { track: TrackId },
    /// Nothing more of it is heard, though it isn't over: its source is late, or dead.
    RanDry { track: TrackId },
    /// After that, or for the first time: it goes on.
    Flows { track: TrackId },
    /// The DAC has played its last frame; `error` if the resource has more.
    Ended { track: TrackId, error: Option<PlayError> },
    /// The DAC is gone while this track was under way, which waits for it or another one. `cut`: it won't be heard in one piece.
    OutputAway { track: TrackId, cut: bool },
    /// Nothing can be heard any more: the engine is gone, or no DAC came in time.
    OutputLost { error: PlayError },
    /// What the DAC takes may have changed.
    CapsChanged,
    /// The volume that came into force when `asked` was.
    Volume { asked: ring::message::Volume, in_force: ring::message::Volume },
    /// The engine can't do the volume that was asked for; the reason.
    VolumeRefused(String),
}

/// What a resource turned out to be.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// E.g. `FLAC`.
    pub(crate) codec: String,
    pub(crate) source: pcm::Source,
    /// As the resource says, if it does.
    pub(crate) frames: Option<u64>,
    /// Where it doesn't, about how many there are.
    pub(crate) estimate: Option<u64>,
    pub(crate) seekable: bool,
    pub(crate) tags: media::Tags,
}

impl Opened {
    /// `None` for a resource that doesn't say how long it is.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.frames.map(|frames| super::timeline::frames_to_time(frames, self.source.frame_rate()))
    }

    /// About how long it is, where that isn't known.
    pub(crate) fn estimate(&self) -> Option<Duration> {
        self.estimate.map(|frames| super::timeline::frames_to_time(frames, self.source.frame_rate()))
    }
}
