//! The deck's side: what takes effect at once.

use std::time::{Duration, Instant};

use pcm::Caps;
use ring::message::{Request, Volume};

use super::{Generation, Output};
use crate::playback::flow::Turn;
use crate::playback::timeline::Passed;
use crate::transport::TrackId;

impl Output {
    /// Takes the right to write from whoever has it, drops what is in the ring, and hands out a new right. `ahead` is where the
    /// new holder will go on.
    pub(in crate::playback) fn take_over(&self, ahead: (TrackId, Duration)) -> Generation {
        let mut shared = self.lock();
        shared.revoke();
        shared.timeline.jump(ahead.0, ahead.1);
        shared.idle_since = None;
        self.changed.notify_all();
        shared.generation
    }

    /// Takes the right to write away for good, and drops what is in the ring.
    pub(in crate::playback) fn silence(&self) {
        let mut shared = self.lock();
        shared.revoke();
        shared.timeline.clear();
        shared.idle_since = Some(Instant::now());
        self.changed.notify_all();
    }

    /// Whether what was dropped has faded.
    pub(crate) fn is_silent(&self) -> bool {
        let shared = self.lock();
        shared.engine.as_ref().is_none_or(|engine| engine.stream.is_none() || engine.producer.flush_done())
    }

    pub(in crate::playback) fn set_paused(&self, paused: bool) {
        let mut shared = self.lock();
        shared.paused = paused;
        if let Some(engine) = &shared.engine {
            engine.producer.set_paused(paused);
        }
    }

    /// Where the current track is; `None` if nothing is under way.
    pub(in crate::playback) fn position(&self) -> Option<(TrackId, Duration)> {
        let shared = self.lock();
        shared.timeline.position(shared.heard().unwrap_or(0))
    }

    /// The boundaries passed since the last call, and how long until the next.
    pub(in crate::playback) fn advance(&self) -> (Vec<Passed>, Option<Duration>) {
        let mut shared = self.lock();
        let Some(heard) = shared.heard() else { return (Vec::new(), None) };
        let passed = shared.timeline.advance(heard);
        (passed, shared.timeline.until_boundary(heard))
    }

    /// Whether the sound has run dry since the last call, or goes on again.
    pub(in crate::playback) fn turn(&self) -> Option<Turn> {
        let mut shared = self.lock();
        let position = shared.position().filter(|_| !shared.paused);
        let sounding = position.and_then(|position| shared.timeline.sounding(position.heard, position.at_ns));
        shared.flow.look(sounding, Instant::now())
    }

    /// Closes the stream if nobody has had the right to write for `patience`. Returns how long until that is so.
    pub(in crate::playback) fn close_if_idle(&self, patience: Duration) -> Option<Duration> {
        let mut shared = self.lock();
        let since = shared.idle_since?;
        let engine = shared.engine.as_mut()?;
        engine.stream?;
        let left = patience.saturating_sub(since.elapsed());
        if left.is_zero() {
            engine.stream = None;
            engine.requests.send(&Request::Close);
            return None;
        }
        Some(left)
    }

    /// Asks for the volume that suits the DAC which takes `caps`.
    pub(crate) fn fit_volume(&self, volume: Volume, caps: Caps) {
        self.lock().volume_for = Some(caps);
        self.set_volume(volume);
    }

    /// Asks for a volume, now and whenever an engine comes back.
    pub(crate) fn set_volume(&self, volume: Volume) {
        let mut shared = self.lock();
        shared.volume = Some(volume);
        if let Some(engine) = &shared.engine {
            engine.requests.send(&Request::Volume(volume));
        }
        drop(shared);
        self.changed.notify_all();
    }
}
