//! A worker's side: writing, for as long as it has the right to.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use media::Cancel;
use pcm::{Caps, Rules, Speakers, Wire};
use ring::message::{Request, VolumeMode};
use ring::{Mark, MarkKind};

use super::{End, Fill, Generation, NotOpen, Output, Revoked, Shared, Stop};
use crate::playback::error::{ENGINE, OUTPUT};
use crate::playback::{ENGINE_PATIENCE, PlayError, Report};
use crate::transport::TrackId;

/// How long opening may take; a DAC that hangs on a rate needs about 20 s to fail.
const OPEN_PATIENCE: Duration = Duration::from_secs(25);

impl Output {
    /// What the owner wants of a plan.
    pub(in crate::playback) fn rules(&self) -> Rules {
        let software_volume = self.lock().volume.is_some_and(|volume| volume.mode == VolumeMode::Software);
        Rules { software_volume, ..self.allowed() }
    }

    /// What the DAC takes, once the volume for it has been asked for: the plan depends on it, and nothing may be heard at another.
    /// Waits for engine and DAC; says since when, if it had to wait for a DAC. Ends early if the load is `cancelled`.
    pub(in crate::playback) fn caps(&self, cancelled: &Cancel) -> Result<(Caps, Option<Instant>), Stop> {
        let wanted = |_: &Shared| if cancelled.is_cancelled() { Err(Revoked) } else { Ok(()) };
        drop(self.wait_for(ENGINE_PATIENCE, |shared| wanted(shared).map(|()| shared.engine.is_some()))?);
        self.await_dac(Instant::now(), wanted)
    }

    /// The same for a track that is open already, and has been waiting `since` then.
    pub(in crate::playback) fn caps_again(
        &self,
        generation: Generation,
        since: Instant,
    ) -> Result<(Caps, Option<Instant>), Stop> {
        self.await_dac(since, |shared| shared.check(generation))
    }

    /// Waits for a DAC: one that was just switched on needs a second or two to appear on the bus, and one that was pulled out may
    /// come back. While the music is held nobody is in a hurry.
    fn await_dac(
        &self,
        since: Instant,
        wanted: impl Fn(&Shared) -> Result<(), Revoked>,
    ) -> Result<(Caps, Option<Instant>), Stop> {
        let mut shared = self.lock();
        let mut awaited = None;
        loop {
            wanted(&shared)?;
            if shared.engine.is_none() {
                return Err(shared.no_engine().into());
            }
            if let Some(caps) = shared.caps() {
                return Ok((caps, awaited));
            }
            let left = self.left_to_wait(&shared, since);
            if left.is_zero() {
                return Err(Stop::NoDac(PlayError::new(OUTPUT, shared.no_output())));
            }
            awaited = Some(since);
            shared = self.changed.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How much longer a DAC is waited for.
    fn left_to_wait(&self, shared: &Shared, since: Instant) -> Duration {
        if shared.paused {
            Duration::MAX
        } else {
            self.dac_patience.saturating_sub(since.max(shared.wanted_since).elapsed())
        }
    }

    /// Whether what has been waiting `since` then is to try again to open a DAC that went, or has just come.
    pub(in crate::playback) fn may_wait(&self, since: Instant) -> bool {
        !self.left_to_wait(&self.lock(), since).is_zero()
    }

    /// The first frames of the track after a load, a seek or a loss are in the ring.
    pub(in crate::playback) fn started(&self, generation: Generation, track: TrackId) {
        let shared = self.lock();
        // If the stream was lost since, it has to start again.
        if shared.check(generation).is_ok() {
            self.report(Report::Started { track });
        }
    }

    /// Whether all that was written before has been played, so that the stream may change its format.
    pub(in crate::playback) fn is_played_out(&self, generation: Generation) -> Result<bool, Revoked> {
        let mut shared = self.lock();
        shared.check(generation)?;
        if let Some(heard) = shared.heard() {
            let passed = shared.timeline.advance(heard);
            self.report_passed(passed);
        }
        Ok(shared.is_played_out())
    }

    /// Which loudspeakers the open stream's channels are for, as far as the DAC says.
    pub(in crate::playback) fn speakers(&self) -> Speakers {
        let shared = self.lock();
        let open = shared.engine.as_ref().and_then(|engine| Some((engine, engine.stream?)));
        open.map_or(Speakers::UNKNOWN, |(engine, stream)| engine.status.speakers(stream.epoch))
    }

    /// Whether the open stream has this format already, and is scaled by the volume or isn't, as asked for.
    pub(in crate::playback) fn is_open(&self, wire: Wire, unscaled: bool) -> bool {
        let shared = self.lock();
        let same = |engine: &super::Engine| engine.unscaled == unscaled;
        shared.engine.as_ref().is_some_and(same) && shared.stream().is_some_and(|stream| stream.wire == wire)
    }

    /// Has the engine open `wire`, with or without an effect of the volume; returns when it has.
    pub(in crate::playback) fn open(&self, generation: Generation, wire: Wire, unscaled: bool) -> Result<(), NotOpen> {
        let mut shared = self.wait_for_open(|shared| {
            shared.check(generation)?;
            Ok(shared.engine.as_ref().is_none_or(|engine| !engine.opening))
        })?;
        let Some(engine) = shared.engine.as_mut() else { return Err(shared.no_engine().into()) };
        engine.stream = None;
        engine.opened = None;
        engine.opening = true;
        engine.unscaled = unscaled;
        engine.requests.send(&Request::Open { wire, unscaled });
        drop(shared);
        let mut shared = self.wait_for_open(|shared| {
            shared.check(generation)?;
            Ok(shared.engine.as_ref().is_none_or(|engine| engine.opened.is_some()))
        })?;
        let answer = shared.engine.as_mut().and_then(|engine| engine.opened.take());
        match answer {
            Some(Ok(stream)) if stream.wire == wire => Ok(()),
            Some(Ok(_)) => {
                Err(PlayError::new(ENGINE, "the audio engine opened another format than it was asked for").into())
            }
            Some(Err(error)) => Err(error),
            None => Err(shared.no_engine().into()),
        }
    }

    /// Hands the free room in the ring to `fill`, which says how many frames it packed there. `None` if there is no room now.
    pub(in crate::playback) fn write<T>(
        &self,
        generation: Generation,
        fill: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<Option<T>, Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        let room = producer.write_area(u64::MAX).map_err(corrupt)?;
        Ok(if room.is_empty() { None } else { Some(fill(room)) })
    }

    /// Makes packed frames visible to the engine.
    pub(in crate::playback) fn commit(&self, generation: Generation, frames: u64) -> Result<(), Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        Ok(producer.commit(frames).map_err(corrupt)?)
    }

    /// The next frame to be written is `track`'s at `offset`; for the engine its `kind` says how it begins there. `false`: no room for
    /// the mark yet.
    pub(in crate::playback) fn begin(
        &self,
        generation: Generation,
        track: TrackId,
        offset: Duration,
        kind: MarkKind,
    ) -> Result<bool, Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        let frame = producer.written();
        if producer.mark(Mark { frame, track: track.0, kind }).is_err() {
            return Ok(false);
        }
        shared.timeline.begin(track, frame, offset);
        Ok(true)
    }

    /// It ends after the `pending` frames that were packed and not committed; they are committed. `false`: no room for the
    /// mark yet.
    pub(in crate::playback) fn end(
        &self,
        generation: Generation,
        track: TrackId,
        pending: u64,
        end: End<'_>,
    ) -> Result<bool, Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        let frame = producer.written().saturating_add(pending);
        let kind = match end {
            End::Track(_) => MarkKind::End,
            End::Stretch => MarkKind::Leave,
        };
        if producer.mark(Mark { frame, track: track.0, kind }).is_err() {
            return Ok(false);
        }
        producer.commit(pending).map_err(corrupt)?;
        match end {
            End::Track(error) => shared.timeline.end(frame, error.cloned()),
            End::Stretch => shared.timeline.cut(frame),
        }
        Ok(true)
    }

    /// How full the ring is.
    pub(in crate::playback) fn fill(&self, generation: Generation) -> Result<Fill, Stop> {
        let mut shared = self.lock();
        let rate = shared.stream().map_or(0, |stream| stream.wire.rate);
        let producer = shared.producer(generation)?;
        let capacity = producer.capacity_frames();
        let writable = producer.writable_frames().map_err(corrupt)?;
        Ok(Fill { frames: capacity.saturating_sub(writable), capacity, rate })
    }

    /// Waits for `done` of an engine that opens the DAC.
    fn wait_for_open(&self, done: impl Fn(&Shared) -> Result<bool, Revoked>) -> Result<MutexGuard<'_, Shared>, Stop> {
        let shared = self.wait_for(OPEN_PATIENCE, &done)?;
        if done(&shared)? {
            return Ok(shared);
        }
        let text = format!("the DAC took more than {} s to open", OPEN_PATIENCE.as_secs());
        Err(PlayError::new(OUTPUT, text).into())
    }

    /// Waits until `done`, at most `patience`.
    fn wait_for(
        &self,
        patience: Duration,
        done: impl Fn(&Shared) -> Result<bool, Revoked>,
    ) -> Result<MutexGuard<'_, Shared>, Revoked> {
        let deadline = Instant::now() + patience;
        let mut shared = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if done(&shared)? || left.is_zero() {
                return Ok(shared);
            }
            shared = self.changed.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn corrupt(error: ring::Corrupt) -> PlayError {
    PlayError::new(ENGINE, format!("the audio engine's side of the ring makes no sense: {error}"))
}
