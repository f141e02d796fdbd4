//! The transitions.

use std::time::Duration;

use super::{Action, Effect, Event, Fault, Media, Metadata, SeekTarget, State, TrackId};

/// The transport of the only instance (InstanceID 0).
#[derive(Debug)]
pub(crate) struct Transport {
    state: State,
    /// Why what was asked for does not play; TransportStatus is ERROR_OCCURRED while this is set.
    error: Option<String>,
    current: Option<Track>,
    next: Option<Track>,
    last_id: u64,
}

/// One of the two tracks.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: TrackId,
    pub(super) media: Media,
    /// What the resource says, once it was opened; until then, and if it doesn't, what the control point said, else an estimate.
    pub(super) duration: Option<Duration>,
    /// The duration isn't the resource's own, and was this before the track went on beyond it.
    claimed: Option<Duration>,
    pub(super) seekable: bool,
    /// Where it starts when it is played: what a Seek asked for before there was anything to seek in.
    start_at: Duration,
    /// Playback knows of it: it was loaded or queued.
    handed_over: bool,
    /// Its frames are in the ring, and haven't run out there.
    started: bool,
    /// It gave no frame; known before its turn came.
    failed: Option<String>,
}

impl Track {
    fn new(id: TrackId, media: Media) -> Self {
        let duration = media.metadata.duration.filter(|duration| !duration.is_zero());
        Self {
            id,
            media,
            duration,
            claimed: duration,
            seekable: true,
            start_at: Duration::ZERO,
            handed_over: false,
            started: false,
            failed: None,
        }
    }
}

impl Transport {
    /// Nothing loaded yet.
    pub(crate) fn new() -> Self {
        Self { state: State::NoMediaPresent, error: None, current: None, next: None, last_id: 0 }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Why what was asked for last does not play.
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The track that is loaded, or would be by Play.
    pub(crate) fn current_media(&self) -> Option<&Media> {
        self.current.as_ref().map(|track| &track.media)
    }

    pub(crate) fn current_id(&self) -> Option<TrackId> {
        self.current.as_ref().map(|track| track.id)
    }

    /// Of the current track; `None` when unknown or endless.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.current.as_ref().and_then(|track| track.duration)
    }

    /// Where Play would start: what RelTime says while nothing is loaded.
    pub(crate) fn start_at(&self) -> Duration {
        self.current.as_ref().map_or(Duration::ZERO, |track| track.start_at)
    }

    pub(super) fn current(&self) -> Option<&Track> {
        self.current.as_ref()
    }

    pub(super) fn next(&self) -> Option<&Track> {
        self.next.as_ref()
    }

    /// Takes an action; a refused one changes nothing.
    pub(crate) fn act(&mut self, action: Action) -> Result<Vec<Effect>, Fault> {
        match action {
            Action::SetCurrent(None) => Ok(self.eject()),
            Action::SetCurrent(Some(media)) => Ok(self.set_current(media)),
            Action::SetNext(media) => Ok(self.set_next(media)),
            Action::Play => self.play(),
            Action::Pause => Ok(self.pause()),
            Action::Stop => Ok(self.stop()),
            Action::Seek(target) => self.seek(target),
            Action::Next => self.go_to_next(),
            // One track, and nothing is remembered of the one before: there is nowhere to go back to (T28).
            Action::Previous if self.current.is_none() => Err(Fault::TransitionNotAvailable),
            Action::Previous => Err(Fault::IllegalSeekTarget),
        }
    }

    /// Takes a report of playback.
    pub(crate) fn event(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Opened { track, duration, estimate, seekable } => self.opened(track, duration, estimate, seekable),
            Event::Started { track } => self.started(track),
            Event::Heard { track } => self.heard(track),
            Event::RanDry { track } => self.ran_dry(track),
            Event::Ended { track, error } => self.ended(track, error),
            Event::Failed { track, error } => self.failed(track, error),
            Event::OutputAway => self.output_away(),
            Event::OutputLost { error } => self.output_lost(error),
        }
    }

    fn new_track(&mut self, media: Media) -> Track {
        self.last_id += 1;
        Track::new(TrackId(self.last_id), media)
    }

    fn eject(&mut self) -> Vec<Effect> {
        let was_active = self.state.is_active();
        *self = Self { last_id: self.last_id, ..Self::new() };
        if was_active { vec![Effect::Stop] } else { Vec::new() }
    }

    fn set_current(&mut self, media: Media) -> Vec<Effect> {
        let track = self.new_track(media);
        self.next = None;
        self.switch_to(track)
    }

    /// Makes `track` the current one and goes on doing what was being done.
    fn switch_to(&mut self, track: Track) -> Vec<Effect> {
        self.error = None;
        self.current = Some(track);
        match self.state {
            State::NoMediaPresent | State::Stopped => {
                self.state = State::Stopped;
                Vec::new()
            }
            State::Playing | State::Transitioning => self.load(),
            // Still paused, but on the new track; saying STOPPED before the Play that follows would end some sessions (T22).
            State::PausedPlayback => vec![Effect::Stop],
        }
    }

    fn set_next(&mut self, media: Option<Media>) -> Vec<Effect> {
        let current = self.current.as_ref().map(|track| &track.media);
        let media = media.filter(|media| !current.is_some_and(|current| current.is_repeated_by(media)));
        let queued = self.next.take().filter(|next| next.handed_over);
        let mut effects: Vec<_> = queued.map(|next| Effect::Unqueue { track: next.id }).into_iter().collect();
        if let Some(media) = media {
            let track = self.new_track(media);
            self.next = Some(track);
            effects.extend(self.queue());
        }
        effects
    }

    /// Tells playback about the next track, if playback has a current one.
    fn queue(&mut self) -> Option<Effect> {
        let loaded = self.current.as_ref().is_some_and(|track| track.handed_over);
        let next = self.next.as_mut().filter(|_| loaded)?;
        next.handed_over = true;
        Some(Effect::Queue { track: next.id, media: next.media.clone() })
    }

    fn play(&mut self) -> Result<Vec<Effect>, Fault> {
        match self.state {
            State::NoMediaPresent => Err(Fault::TransitionNotAvailable),
            State::Playing | State::Transitioning => Ok(Vec::new()),
            State::Stopped => {
                self.error = None;
                Ok(self.load())
            }
            State::PausedPlayback => match &self.current {
                Some(track) if track.handed_over => {
                    self.state = if track.started { State::Playing } else { State::Transitioning };
                    Ok(vec![Effect::Resume])
                }
                _ => Ok(self.load()),
            },
        }
    }

    /// Hands the current track to playback, and the next one after it.
    fn load(&mut self) -> Vec<Effect> {
        let Some(track) = self.current.as_mut() else { return Vec::new() };
        track.handed_over = true;
        track.started = false;
        self.state = State::Transitioning;
        let at = std::mem::take(&mut track.start_at);
        let mut effects = vec![Effect::Load { track: track.id, media: track.media.clone(), at }];
        effects.extend(self.queue());
        effects
    }

    fn pause(&mut self) -> Vec<Effect> {
        match self.state {
            State::Playing | State::Transitioning => {
                self.state = State::PausedPlayback;
                vec![Effect::Pause]
            }
            // Nothing sounds: what was asked for is so already (T24).
            State::PausedPlayback | State::Stopped | State::NoMediaPresent => Vec::new(),
        }
    }

    fn stop(&mut self) -> Vec<Effect> {
        if !self.state.is_active() {
            return Vec::new();
        }
        self.unload();
        vec![Effect::Stop]
    }

    /// Back to STOPPED; both tracks stay, and start over when they are played again.
    fn unload(&mut self) {
        self.state = State::Stopped;
        for id in [self.current.as_mut(), self.next.as_mut()].into_iter().flatten() {
            // A new id, so that what the old load still reports isn't taken for the new one's.
            self.last_id += 1;
            id.id = TrackId(self.last_id);
            id.handed_over = false;
            id.started = false;
            id.failed = None;
            id.start_at = Duration::ZERO;
        }
    }

    fn seek(&mut self, target: SeekTarget) -> Result<Vec<Effect>, Fault> {
        let to = match target {
            SeekTarget::Time(to) => to,
            SeekTarget::Track(1) => Duration::ZERO,
            SeekTarget::Track(_) => return Err(Fault::IllegalSeekTarget),
        };
        let track = self.current.as_mut().ok_or(Fault::TransitionNotAvailable)?;
        if !track.seekable || track.duration.is_some_and(|duration| to > duration) {
            return Err(Fault::IllegalSeekTarget);
        }
        if !track.handed_over {
            track.start_at = to;
            return Ok(Vec::new());
        }
        track.started = false;
        if self.state == State::Playing {
            self.state = State::Transitioning;
        }
        Ok(vec![Effect::Seek { track: track.id, to }])
    }

    fn go_to_next(&mut self) -> Result<Vec<Effect>, Fault> {
        if self.current.is_none() {
            return Err(Fault::TransitionNotAvailable);
        }
        let next = self.next.take().ok_or(Fault::IllegalSeekTarget)?;
        let track = self.new_track(next.media);
        Ok(self.switch_to(track))
    }

    /// The current track has come to `position`: if it wasn't to last that long, more is claimed, in steps that grow with the
    /// error (T8: RelTime stays below TrackDuration). Returns whether it was so.
    pub(crate) fn reach(&mut self, position: Duration) -> bool {
        const LEAST: Duration = Duration::from_secs(1);
        let Some(track) = self.current.as_mut().filter(|_| self.state.is_active()) else { return false };
        let Some(claimed) = track.claimed.filter(|_| track.duration.is_some_and(|shown| position >= shown)) else {
            return false;
        };
        track.duration = Some(position.saturating_add(position.saturating_sub(claimed).max(LEAST)));
        true
    }

    fn opened(
        &mut self,
        id: TrackId,
        duration: Option<Duration>,
        estimate: Option<Duration>,
        seekable: bool,
    ) -> Vec<Effect> {
        for track in [self.current.as_mut(), self.next.as_mut()].into_iter().flatten().filter(|track| track.id == id) {
            // What was announced is on the control point's display already.
            track.claimed = if duration.is_some() { None } else { track.claimed.or(estimate) };
            track.duration = duration.or(track.claimed);
            track.seekable = seekable;
        }
        Vec::new()
    }

    /// Takes what a track's resource says of itself.
    pub(crate) fn describe(&mut self, id: TrackId, own: Metadata) {
        if let Some(track) =
            [self.current.as_mut(), self.next.as_mut()].into_iter().flatten().find(|track| track.id == id)
        {
            track.media.describe(own);
        }
    }

    fn started(&mut self, id: TrackId) -> Vec<Effect> {
        for track in [self.current.as_mut(), self.next.as_mut()].into_iter().flatten().filter(|track| track.id == id) {
            track.started = true;
        }
        if self.state == State::Transitioning && self.current_id() == Some(id) {
            self.state = State::Playing;
            self.error = None;
        }
        Vec::new()
    }

    /// What plays silence doesn't say PLAYING (T30).
    fn ran_dry(&mut self, id: TrackId) -> Vec<Effect> {
        if let Some(track) = self.current.as_mut().filter(|track| track.id == id)
            && self.state == State::Playing
        {
            track.started = false;
            self.state = State::Transitioning;
        }
        Vec::new()
    }

    fn heard(&mut self, id: TrackId) -> Vec<Effect> {
        if self.next.as_ref().is_some_and(|next| next.id == id) { self.promote() } else { Vec::new() }
    }

    fn ended(&mut self, id: TrackId, error: Option<String>) -> Vec<Effect> {
        // The end of a track that is no longer the current one was told by its successor's first frame.
        if self.current_id() != Some(id) || !self.state.is_active() {
            return Vec::new();
        }
        self.error = error;
        let mut effects = Vec::new();
        if self.next.is_some() {
            if self.error.is_some() {
                // Otherwise the next track's PLAYING would hide that this one broke off.
                effects.push(Effect::Publish(self.values()));
            }
            effects.extend(self.promote());
        } else {
            self.unload();
            effects.push(Effect::Stop);
        }
        effects
    }

    /// NextAVTransportURI becomes AVTransportURI (T20).
    fn promote(&mut self) -> Vec<Effect> {
        let Some(next) = self.next.take() else { return Vec::new() };
        let (id, started, failed, queued) = (next.id, next.started, next.failed.clone(), next.handed_over);
        self.current = Some(next);
        if let Some(error) = failed {
            return self.failed(id, error);
        }
        if !queued {
            return self.load();
        }
        if self.state != State::PausedPlayback {
            // No frame of it yet: it is late, and says so instead of playing silence (T18); but never STOPPED in between (T21).
            self.state = if started { State::Playing } else { State::Transitioning };
        }
        if started {
            self.error = None;
        }
        Vec::new()
    }

    fn failed(&mut self, id: TrackId, error: String) -> Vec<Effect> {
        if let Some(next) = self.next.as_mut().filter(|next| next.id == id) {
            next.failed = Some(error);
            return Vec::new();
        }
        if self.current_id() != Some(id) || !self.state.is_active() {
            return Vec::new();
        }
        self.error = Some(error);
        let Some(next) = self.next.take() else {
            self.unload();
            return vec![Effect::Stop];
        };
        // Whoever queued a next track wants to hear it, whatever became of this one.
        let track = self.new_track(next.media);
        self.state = if self.state == State::PausedPlayback { State::PausedPlayback } else { State::Transitioning };
        let mut effects = vec![Effect::Publish(self.values())];
        self.current = Some(track);
        if self.state == State::PausedPlayback {
            effects.push(Effect::Stop);
        } else {
            effects.extend(self.load());
        }
        effects
    }

    /// As with a source that ran dry: nothing sounds, and it goes on by itself (T30). Whichever track was under way: the end of it
    /// may have been told already, and a load that came since has nothing to recover.
    fn output_away(&mut self) -> Vec<Effect> {
        if !self.state.is_active() {
            return Vec::new();
        }
        for track in [self.current.as_mut(), self.next.as_mut()].into_iter().flatten() {
            track.started = false;
        }
        if self.state == State::Playing {
            self.state = State::Transitioning;
        }
        vec![Effect::Recover]
    }

    fn output_lost(&mut self, error: String) -> Vec<Effect> {
        if !self.state.is_active() {
            return Vec::new();
        }
        self.error = Some(error);
        self.unload();
        vec![Effect::Stop]
    }
}
