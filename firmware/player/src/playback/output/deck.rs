//! The deck's side: what takes effect at once.

use std::time::{Duration, Instant};

use pcm::Caps;
use ring::message::{Request, Volume};

use super::{Generation, Output};
use crate::playback::timeline::Ahead;
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
        if shared.paused && !paused {
            shared.wanted_since = Instant::now();
        }
        shared.paused = paused;
        if let Some(engine) = &shared.engine {
            engine.producer.set_paused(paused);
        }
        drop(shared);
        // Who waits for a DAC may have to give up now, or not any more.
        self.changed.notify_all();
    }

    /// Where the music was when its output went, and the right to write it again from there; `None` if something else was asked for since.
    pub(in crate::playback) fn recover(&self) -> Option<(Generation, Ahead)> {
        let mut shared = self.lock();
        let lost = shared.lost.take()?;
        Some((shared.generation, lost))
    }

    /// Where the current track is; `None` if nothing is under way.
    pub(in crate::playback) fn position(&self) -> Option<(TrackId, Duration)> {
        let shared = self.lock();
        shared.timeline.position(shared.heard().unwrap_or(0))
    }

    /// Reports the boundaries passed since the last call; returns how long until the next. (Reports are made under the lock: what
    /// the link tells of a lost stream comes before or after, and is about the same tracks.)
    pub(in crate::playback) fn advance(&self) -> Option<Duration> {
        let mut shared = self.lock();
        let heard = shared.heard()?;
        let passed = shared.timeline.advance(heard);
        self.report_passed(passed);
        shared.timeline.until_boundary(heard)
    }

    /// Reports whether the sound has run dry since the last call, or goes on again.
    pub(in crate::playback) fn follow_flow(&self) {
        let mut shared = self.lock();
        let position = shared.position().filter(|_| !shared.paused);
        let sounding = position.and_then(|position| shared.timeline.sounding(position.heard, position.at_ns));
        if let Some(turn) = shared.flow.look(sounding, Instant::now()) {
            self.report_turn(turn);
        }
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

    /// Asks for the volume that suits the DAC which takes `caps`. What the engine was asked for already it gives a DAC by itself.
    pub(crate) fn fit_volume(&self, volume: Volume, caps: Caps) {
        let mut shared = self.lock();
        shared.volume_for = Some(caps);
        let asked = shared.volume == Some(volume);
        drop(shared);
        if asked {
            self.changed.notify_all();
        } else {
            self.set_volume(volume);
        }
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
