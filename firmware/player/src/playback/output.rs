//! What workers, the deck and the link share: the ring's writing end, who may write, and what was written.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use media::Cancel;
use pcm::{Caps, Rules, Wire};
use ring::message::{Request, Volume, VolumeMode};
use ring::{Mark, MarkKind, Producer, Status, Stream};
use tokio::sync::mpsc::UnboundedSender;

use super::error::{ENGINE, OUTPUT, PlayError};
use super::link::Requests;
use super::timeline::Passed;
use super::{Report, timeline::Timeline};
use crate::transport::TrackId;

/// How long a new load waits for an engine that isn't there (it may be on its way back).
const ENGINE_PATIENCE: Duration = Duration::from_secs(3);
/// How long opening may take; a DAC that hangs on a rate needs about 20 s to fail.
const OPEN_PATIENCE: Duration = Duration::from_secs(25);

/// A worker's right to write; it lasts until the next load, seek or stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// The right to write was taken away: what the worker has in hand isn't wanted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revoked;

/// How full the ring is, in frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    pub(super) frames: u64,
    pub(super) capacity: u64,
}

/// The meeting point.
pub(crate) struct Output {
    shared: Mutex<Shared>,
    /// Told when an engine is there, and when it has opened a stream.
    changed: Condvar,
    reports: UnboundedSender<Report>,
}

struct Shared {
    engine: Option<Engine>,
    generation: Generation,
    paused: bool,
    timeline: Timeline,
    volume: Option<Volume>,
    /// Since when nobody may write.
    idle_since: Option<Instant>,
}

/// What exists as long as a connection to the engine does.
struct Engine {
    producer: Producer,
    status: Arc<Status>,
    requests: Requests,
    stream: Option<Stream>,
    /// Answers of the engine that were waited for.
    opened: Option<Result<Stream, PlayError>>,
    opening: bool,
}

impl Output {
    pub(crate) fn new(reports: UnboundedSender<Report>) -> Self {
        let shared = Shared {
            engine: None,
            generation: Generation(0),
            paused: false,
            timeline: Timeline::default(),
            volume: None,
            idle_since: None,
        };
        Self { shared: Mutex::new(shared), changed: Condvar::new(), reports }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A worker that panicked while it held the lock leaves nothing half done that the next load doesn't replace.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(&self, report: Report) {
        // Nobody listens any more only when the program ends.
        let _ = self.reports.send(report);
    }

    /// The engine's status page; `None` while there is no engine.
    pub(crate) fn status(&self) -> Option<Arc<Status>> {
        self.lock().engine.as_ref().map(|engine| Arc::clone(&engine.status))
    }

    // ---- the deck's side ----

    /// Takes the right to write from whoever has it, drops what is in the ring, and hands out a new right. `ahead` is where the
    /// new holder will go on.
    pub(super) fn take_over(&self, ahead: (TrackId, Duration)) -> Generation {
        let mut shared = self.lock();
        shared.revoke();
        shared.timeline.jump(ahead.0, ahead.1);
        shared.idle_since = None;
        self.changed.notify_all();
        shared.generation
    }

    /// Takes the right to write away for good, and drops what is in the ring.
    pub(super) fn silence(&self) {
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

    pub(super) fn set_paused(&self, paused: bool) {
        let mut shared = self.lock();
        shared.paused = paused;
        if let Some(engine) = &shared.engine {
            engine.producer.set_paused(paused);
        }
    }

    /// Where the current track is; `None` if nothing is under way.
    pub(super) fn position(&self) -> Option<(TrackId, Duration)> {
        let shared = self.lock();
        shared.timeline.position(shared.heard().unwrap_or(0))
    }

    /// The boundaries passed since the last call, and how long until the next.
    pub(super) fn advance(&self) -> (Vec<Passed>, Option<Duration>) {
        let mut shared = self.lock();
        let Some(heard) = shared.heard() else { return (Vec::new(), None) };
        let passed = shared.timeline.advance(heard);
        (passed, shared.timeline.until_boundary(heard))
    }

    /// Closes the stream if nobody has had the right to write for `patience`. Returns how long until that is so.
    pub(super) fn close_if_idle(&self, patience: Duration) -> Option<Duration> {
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

    /// Asks for a volume, now and whenever an engine comes back.
    pub(crate) fn set_volume(&self, volume: Volume) {
        let mut shared = self.lock();
        shared.volume = Some(volume);
        if let Some(engine) = &shared.engine {
            engine.requests.send(&Request::Volume(volume));
        }
    }

    // ---- a worker's side ----

    /// What the owner wants of a plan.
    pub(super) fn rules(&self) -> Rules {
        let software_volume = self.lock().volume.is_some_and(|volume| volume.mode == VolumeMode::Software);
        Rules { software_volume }
    }

    /// What the DAC takes. Ends early if the load is `cancelled`.
    pub(super) fn caps(&self, cancelled: &Cancel) -> Result<Caps, Stop> {
        let shared = self.wait(ENGINE_PATIENCE, |shared| {
            if cancelled.is_cancelled() { Err(Revoked) } else { Ok(shared.engine.is_some()) }
        })?;
        let caps = shared.engine.as_ref().and_then(|engine| engine.status.caps());
        match caps {
            Some(caps) if caps.formats != pcm::FormatSet::EMPTY => Ok(caps),
            Some(_) => Err(PlayError::new(OUTPUT, shared.no_output()).into()),
            None => Err(no_engine().into()),
        }
    }

    /// Whether all that was written before has been played, so that the stream may change its format.
    pub(super) fn is_played_out(&self, generation: Generation) -> Result<bool, Revoked> {
        let mut shared = self.lock();
        shared.check(generation)?;
        if let Some(heard) = shared.heard() {
            let passed = shared.timeline.advance(heard);
            self.report_passed(passed);
        }
        Ok(shared.is_played_out())
    }

    /// Whether the open stream has this format already.
    pub(super) fn is_open(&self, wire: Wire) -> bool {
        self.lock().stream().is_some_and(|stream| stream.wire == wire)
    }

    /// Has the engine open `wire`; returns when it has.
    pub(super) fn open(&self, generation: Generation, wire: Wire) -> Result<(), Stop> {
        let mut shared = self.wait(OPEN_PATIENCE, |shared| {
            shared.check(generation)?;
            Ok(shared.engine.as_ref().is_none_or(|engine| !engine.opening))
        })?;
        let Some(engine) = shared.engine.as_mut() else { return Err(no_engine().into()) };
        engine.stream = None;
        engine.opened = None;
        engine.opening = true;
        engine.requests.send(&Request::Open { wire });
        drop(shared);
        let mut shared = self.wait(OPEN_PATIENCE, |shared| {
            shared.check(generation)?;
            Ok(shared.engine.as_ref().is_none_or(|engine| engine.opened.is_some()))
        })?;
        let answer = shared.engine.as_mut().and_then(|engine| engine.opened.take());
        match answer {
            Some(Ok(stream)) if stream.wire == wire => Ok(()),
            Some(Ok(_)) => {
                Err(PlayError::new(ENGINE, "the audio engine opened another format than it was asked for").into())
            }
            Some(Err(error)) => Err(error.into()),
            None => Err(no_engine().into()),
        }
    }

    /// Hands the free room in the ring to `fill`, which says how many frames it packed there. `None` if there is no room now.
    pub(super) fn write(
        &self,
        generation: Generation,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<Option<usize>, Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        let room = producer.write_area(u64::MAX).map_err(corrupt)?;
        Ok(if room.is_empty() { None } else { Some(fill(room)) })
    }

    /// Makes packed frames visible to the engine.
    pub(super) fn commit(&self, generation: Generation, frames: u64) -> Result<(), Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        Ok(producer.commit(frames).map_err(corrupt)?)
    }

    /// The next frame to be written is `track`'s at `offset`. `false`: no room for the mark yet.
    pub(super) fn begin(
        &self,
        generation: Generation,
        track: TrackId,
        offset: Duration,
        mark: bool,
    ) -> Result<bool, Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        let frame = producer.written();
        if mark && producer.mark(Mark { frame, track: track.0, kind: MarkKind::Start }).is_err() {
            return Ok(false);
        }
        shared.timeline.begin(track, frame, offset);
        Ok(true)
    }

    /// The track ends after the `pending` frames that were packed and not committed; they are committed. `false`: no room for the
    /// mark yet.
    pub(super) fn end(
        &self,
        generation: Generation,
        track: TrackId,
        pending: u64,
        error: Option<&PlayError>,
    ) -> Result<bool, Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        let frame = producer.written().saturating_add(pending);
        if producer.mark(Mark { frame, track: track.0, kind: MarkKind::End }).is_err() {
            return Ok(false);
        }
        producer.commit(pending).map_err(corrupt)?;
        shared.timeline.end(frame, error.cloned());
        Ok(true)
    }

    /// How full the ring is.
    pub(super) fn fill(&self, generation: Generation) -> Result<Fill, Stop> {
        let mut shared = self.lock();
        let producer = shared.producer(generation)?;
        let capacity = producer.capacity_frames();
        let writable = producer.writable_frames().map_err(corrupt)?;
        Ok(Fill { frames: capacity.saturating_sub(writable), capacity })
    }

    /// Waits for `done`, at most `patience`.
    fn wait(
        &self,
        patience: Duration,
        done: impl Fn(&Shared) -> Result<bool, Revoked>,
    ) -> Result<MutexGuard<'_, Shared>, Stop> {
        let deadline = Instant::now() + patience;
        let mut shared = self.lock();
        loop {
            if done(&shared)? {
                return Ok(shared);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let opening = shared.engine.as_ref().is_some_and(|engine| engine.opening);
                let slow =
                    || PlayError::new(OUTPUT, format!("the DAC took more than {} s to open", patience.as_secs()));
                return Err(if opening { slow() } else { no_engine() }.into());
            }
            shared = self.changed.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    // ---- the link's side ----

    /// An engine is there.
    pub(super) fn connected(&self, producer: Producer, status: Arc<Status>, requests: Requests) {
        let mut shared = self.lock();
        if let Some(volume) = shared.volume {
            requests.send(&Request::Volume(volume));
        }
        shared.engine = Some(Engine { producer, status, requests, stream: None, opened: None, opening: false });
        drop(shared);
        self.changed.notify_all();
        self.report(Report::CapsChanged);
    }

    /// The answer to the newest `Open`.
    pub(super) fn opened(&self, answer: Result<Stream, PlayError>) {
        let mut shared = self.lock();
        let paused = shared.paused;
        if let Ok(stream) = &answer {
            let passed = shared.timeline.open(stream.wire.rate);
            self.report_passed(passed);
        }
        if let Some(engine) = shared.engine.as_mut() {
            engine.opening = false;
            if let Ok(stream) = &answer {
                engine.producer.begin(stream);
                engine.producer.set_paused(paused);
                engine.stream = Some(*stream);
            }
            engine.opened = Some(answer);
        }
        if shared.idle_since.is_some() {
            // Stopped while it was opening: the time to close it runs from now.
            shared.idle_since = Some(Instant::now());
        }
        drop(shared);
        self.changed.notify_all();
    }

    /// The stream is gone; with the engine (`gone`), or without.
    pub(super) fn lost(&self, error: PlayError, gone: bool) {
        let mut shared = self.lock();
        shared.generation.0 += 1;
        shared.timeline.clear();
        if gone {
            shared.engine = None;
        } else if let Some(engine) = shared.engine.as_mut() {
            engine.stream = None;
        }
        drop(shared);
        self.changed.notify_all();
        self.report(Report::OutputLost { error });
        self.report(Report::CapsChanged);
    }

    pub(super) fn report_passed(&self, passed: Vec<Passed>) {
        for boundary in passed {
            self.report(match boundary {
                Passed::Heard(track) => Report::Heard { track },
                Passed::Ended(track, error) => Report::Ended { track, error },
            });
        }
    }
}

impl Shared {
    fn check(&self, generation: Generation) -> Result<(), Revoked> {
        if self.generation == generation { Ok(()) } else { Err(Revoked) }
    }

    fn stream(&self) -> Option<&Stream> {
        self.engine.as_ref().and_then(|engine| engine.stream.as_ref())
    }

    /// The writing end, for who has the right.
    fn producer(&mut self, generation: Generation) -> Result<&mut Producer, Stop> {
        self.check(generation)?;
        let engine = self.engine.as_mut().filter(|engine| engine.stream.is_some()).ok_or(Revoked)?;
        Ok(&mut engine.producer)
    }

    fn revoke(&mut self) {
        self.generation.0 += 1;
        self.paused = false;
        let played_out = self.is_played_out();
        if let Some(engine) = self.engine.as_mut().filter(|engine| engine.stream.is_some()) {
            if !played_out {
                engine.producer.flush();
            }
            engine.producer.set_paused(false);
        }
    }

    /// The frame of the open stream that the DAC plays.
    fn heard(&self) -> Option<u64> {
        let engine = self.engine.as_ref()?;
        let position = engine.status.position()?;
        engine.stream.as_ref().filter(|stream| stream.epoch == position.epoch).map(|_| position.heard)
    }

    /// Whether the ring holds nothing that is still to be heard, nor the mark of a track that was only about to begin.
    fn is_played_out(&self) -> bool {
        let Some(engine) = self.engine.as_ref().filter(|engine| engine.stream.is_some()) else { return true };
        let heard = self.heard().is_some_and(|heard| heard >= engine.producer.written());
        // A dropped rest is never heard; it is gone when the engine has taken notice.
        self.timeline.is_empty() && (heard || engine.producer.flush_done())
    }

    fn no_output(&self) -> String {
        let fault = self.engine.as_ref().map(|engine| engine.status.fault()).filter(|fault| !fault.is_empty());
        fault.unwrap_or_else(|| "there is no DAC: plug one in, or switch it on".to_owned())
    }
}

/// Why a worker has to stop.
#[derive(Debug)]
pub(super) enum Stop {
    /// The right to write is gone.
    Revoked,
    /// A command has to be obeyed first.
    Interrupted,
    /// It can't go on.
    Failed(PlayError),
}

impl From<Revoked> for Stop {
    fn from(Revoked: Revoked) -> Self {
        Self::Revoked
    }
}

impl From<PlayError> for Stop {
    fn from(error: PlayError) -> Self {
        Self::Failed(error)
    }
}

fn corrupt(error: ring::Corrupt) -> PlayError {
    PlayError::new(ENGINE, format!("the audio engine's side of the ring makes no sense: {error}"))
}

fn no_engine() -> PlayError {
    PlayError::new(ENGINE, "the audio engine isn't running; see its log")
}
