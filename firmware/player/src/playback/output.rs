//! What workers, the deck and the link share: the ring's writing end, who may write, and what was written.

mod deck;
mod link;
mod worker;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pcm::{Caps, FormatSet, Rules};
use ring::message::{Refused, Volume};
use ring::{Certificate, Position, Producer, Status, Stream};
use tokio::sync::mpsc::UnboundedSender;

use super::error::{ENGINE, OUTPUT, PlayError};
use super::flow::{Flow, Turn};
use super::link::Requests;
use super::replay_gain::ReplayGain;
use super::timeline::{Ahead, Passed, frames_to_time};
use super::{Report, timeline::Timeline};

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
    /// Hz of the stream.
    pub(super) rate: u32,
}

impl Fill {
    /// How long the ring lasts when it is full.
    pub(super) fn full(&self) -> Duration {
        frames_to_time(self.capacity, self.rate)
    }
}

/// What ends behind the frames that were written.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'a> {
    /// The track; why, if the resource doesn't end there.
    Track(Option<&'a PlayError>),
    /// What of it goes to the DAC in this way. The rest follows in another.
    Stretch,
}

/// The meeting point.
pub(crate) struct Output {
    shared: Mutex<Shared>,
    /// Told when an engine is there, and when it has opened a stream.
    changed: Condvar,
    reports: UnboundedSender<Report>,
    /// The owner says that the DAC understands DSD over PCM.
    dop: bool,
    /// Rates that the DAC hasn't may be resampled.
    resample: bool,
    replay_gain: ReplayGain,
    /// How long music waits for a DAC that isn't there.
    dac_patience: Duration,
}

struct Shared {
    engine: Option<Engine>,
    /// Why there is none, as far as is known.
    absence: String,
    generation: Generation,
    paused: bool,
    /// Since when it isn't, or a load or a seek was asked for: a DAC is waited for so long from then on.
    wanted_since: Instant,
    /// Where the music was when its output went, until the deck has seen to it.
    lost: Option<Ahead>,
    timeline: Timeline,
    flow: Flow,
    volume: Option<Volume>,
    /// The DAC that `volume` was chosen for, by what it takes.
    volume_for: Option<Caps>,
    /// Since when nobody may write.
    idle_since: Option<Instant>,
}

/// What exists as long as a connection to the engine does.
struct Engine {
    producer: Producer,
    status: Arc<Status>,
    /// When it answered last.
    answered: Instant,
    /// The newest stream that was another player's: what the engine says of it isn't about our tracks.
    before: u32,
    requests: Requests,
    stream: Option<Stream>,
    /// The volume has no effect on that.
    unscaled: bool,
    /// The engine's answer that is waited for.
    opened: Option<Result<Stream, NotOpen>>,
    opening: bool,
}

impl Output {
    pub(crate) fn new(
        reports: UnboundedSender<Report>,
        dop: bool,
        resample: bool,
        replay_gain: ReplayGain,
        dac_patience: Duration,
    ) -> Self {
        let shared = Shared {
            engine: None,
            absence: "the audio engine isn't running; see its log".to_owned(),
            generation: Generation(0),
            paused: false,
            wanted_since: Instant::now(),
            lost: None,
            timeline: Timeline::default(),
            flow: Flow::default(),
            volume: None,
            volume_for: None,
            idle_since: None,
        };
        let (shared, changed) = (Mutex::new(shared), Condvar::new());
        Self { shared, changed, reports, dop, resample, replay_gain, dac_patience }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A worker that panicked while it held the lock leaves nothing half done that the next load doesn't replace.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(&self, report: Report) {
        // Nobody listens any more only when the program ends.
        let _ = self.reports.send(report);
    }

    /// What the owner allows, whatever the volume is.
    pub(crate) fn allowed(&self) -> Rules {
        Rules { software_volume: false, dop: self.dop, resample: self.resample }
    }

    /// Whether tracks are brought to one loudness.
    pub(crate) fn replay_gain(&self) -> ReplayGain {
        self.replay_gain
    }

    /// The engine's status page; `None` while there is no engine.
    pub(crate) fn status(&self) -> Option<Arc<Status>> {
        self.lock().engine.as_ref().map(|engine| Arc::clone(&engine.status))
    }

    /// Why there is no engine, while there is none.
    pub(crate) fn absence(&self) -> Option<String> {
        let shared = self.lock();
        shared.engine.is_none().then(|| shared.absence.clone())
    }

    /// How long music waits for a DAC that isn't there.
    pub(crate) fn dac_patience(&self) -> Duration {
        self.dac_patience
    }

    /// Why there is no DAC, if there is an engine, and that has none.
    pub(crate) fn lacks_dac(&self) -> Option<String> {
        let shared = self.lock();
        let caps = shared.engine.as_ref()?.status.caps();
        caps.is_none_or(|caps| caps.formats() == FormatSet::EMPTY).then(|| shared.no_output())
    }

    fn report_turn(&self, turn: Turn) {
        self.report(match turn {
            Turn::RanDry(track) => Report::RanDry { track },
            Turn::Flows(track) => Report::Flows { track },
        });
    }

    /// What the engine certifies of this player's last tracks, oldest first.
    pub(crate) fn certificates(&self) -> Vec<Certificate> {
        let shared = self.lock();
        let Some(engine) = shared.engine.as_ref() else { return Vec::new() };
        let all = engine.status.certificates().into_iter();
        all.filter(|certificate| certificate.epoch > engine.before).collect()
    }

    fn report_passed(&self, passed: Vec<Passed>) {
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
        let engine = self.engine.as_mut().filter(|engine| engine.stream.is_some()).ok_or(Stop::Lost)?;
        Ok(&mut engine.producer)
    }

    fn revoke(&mut self) {
        self.generation.0 += 1;
        self.paused = false;
        self.wanted_since = Instant::now();
        self.lost = None;
        let played_out = self.is_played_out();
        if let Some(engine) = self.engine.as_mut().filter(|engine| engine.stream.is_some()) {
            if !played_out {
                engine.producer.flush();
            }
            engine.producer.set_paused(false);
        }
    }

    /// Where the open stream is.
    fn position(&self) -> Option<Position> {
        let engine = self.engine.as_ref()?;
        let position = engine.status.position()?;
        engine.stream.as_ref().filter(|stream| stream.epoch == position.epoch).map(|_| position)
    }

    /// The frame of it that the DAC plays.
    fn heard(&self) -> Option<u64> {
        self.position().map(|position| position.heard)
    }

    /// Whether the ring holds nothing that is still to be heard, nor the mark of a track that was only about to begin.
    fn is_played_out(&self) -> bool {
        let Some(engine) = self.engine.as_ref().filter(|engine| engine.stream.is_some()) else { return true };
        let heard = self.heard().is_some_and(|heard| heard >= engine.producer.written());
        // A dropped rest is never heard; it is gone when the engine has taken notice.
        self.timeline.is_empty() && (heard || engine.producer.flush_done())
    }

    /// What the DAC takes, if there is one and the volume for it has been asked for.
    fn caps(&self) -> Option<Caps> {
        let caps = self.engine.as_ref()?.status.caps()?;
        (self.volume_for == Some(caps) && caps.formats() != FormatSet::EMPTY).then_some(caps)
    }

    fn no_engine(&self) -> PlayError {
        PlayError::new(ENGINE, self.absence.clone())
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
    /// The stream is gone, and nothing of this track was in it.
    Lost,
    /// There is no DAC, and it was waited for long enough.
    NoDac(PlayError),
    /// It can't go on.
    Failed(PlayError),
}

/// Why a worker hasn't got the stream that it asked for.
#[derive(Debug)]
pub(super) enum NotOpen {
    /// The DAC is gone.
    Gone(PlayError),
    /// The DAC failed: the next time it may not.
    Failed(PlayError),
    /// Nothing that another try would change.
    Stopped(Stop),
}

impl NotOpen {
    /// The engine said so.
    pub(super) fn refused(code: Refused, text: String) -> Self {
        let error = PlayError::new(OUTPUT, text);
        match code {
            Refused::NoOutput => Self::Gone(error),
            Refused::Output => Self::Failed(error),
            _ => Self::Stopped(error.into()),
        }
    }
}

impl<T: Into<Stop>> From<T> for NotOpen {
    fn from(stop: T) -> Self {
        Self::Stopped(stop.into())
    }
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
