//! The link's side: what the engine says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pcm::Wire;
use ring::message::Request;
use ring::{Producer, Status, Stream};

use super::{Engine, NotOpen, Output};
use crate::playback::link::Requests;
use crate::playback::timeline::time_to_frames;
use crate::playback::{PlayError, Report};

/// What the engine fades PCM in over where a stream doesn't begin with a track's first frame. (A one-bit stream can't be faded.)
const FADE_IN: Duration = Duration::from_millis(20);
/// How much less than the engine says may have been heard. A USB card's driver has up to 18 ms on its way (`MAX_QUEUE` in
/// sound/usb/card.h), and only reckons by the bus's clock how much of that has arrived; a host controller that is late, or a plug
/// that is pulled in between, makes that too much. Rather twice than never.
const DOUBT: Duration = Duration::from_millis(20);

impl Output {
    /// An engine is there.
    pub(in crate::playback) fn connected(&self, producer: Producer, status: Arc<Status>, requests: Requests) {
        let mut shared = self.lock();
        if let Some(volume) = shared.volume {
            requests.send(&Request::Volume(volume));
        }
        // The renderer has to see first what this engine's DAC is.
        shared.volume_for = None;
        let open = status.stream().map_or(0, |(epoch, _)| epoch);
        let before = status.position().map_or(0, |position| position.epoch).max(open);
        shared.engine = Some(Engine {
            producer,
            status,
            answered: Instant::now(),
            before,
            requests,
            stream: None,
            unscaled: false,
            opened: None,
            opening: false,
        });
        drop(shared);
        self.changed.notify_all();
        self.report(Report::CapsChanged);
    }

    /// It has answered, when it was asked whether it does.
    pub(in crate::playback) fn engine_answered(&self) {
        if let Some(engine) = self.lock().engine.as_mut() {
            engine.answered = Instant::now();
        }
    }

    /// How long the engine that is connected has not answered.
    pub(crate) fn engine_silence(&self) -> Option<Duration> {
        self.lock().engine.as_ref().map(|engine| engine.answered.elapsed())
    }

    /// There is no engine, for this reason.
    pub(in crate::playback) fn absent(&self, why: String) {
        self.lock().absence = why;
    }

    /// The answer to the newest `Open`.
    pub(in crate::playback) fn opened(&self, answer: Result<Stream, NotOpen>) {
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

    /// What the DAC takes, or whether there is one, has changed.
    pub(in crate::playback) fn caps_changed(&self) {
        self.changed.notify_all();
        self.report(Report::CapsChanged);
    }

    /// The DAC is gone, and the stream with it. The music stands where it is until there is a DAC again.
    pub(in crate::playback) fn output_away(&self) {
        let mut shared = self.lock();
        let heard = shared.heard().unwrap_or(0);
        let passed = shared.timeline.advance(heard);
        self.report_passed(passed);
        let (doubt, fade) = shared.stream().map_or((0, 0), |stream| doubt_and_fade(&stream.wire));
        shared.lost = shared.timeline.lose(heard, doubt, fade);
        if let Some(lost) = shared.lost {
            shared.generation.0 += 1;
            self.report(Report::OutputAway { track: lost.track, cut: !lost.from.is_zero() });
        }
        if let Some(engine) = shared.engine.as_mut() {
            engine.stream = None;
        }
        drop(shared);
        self.caps_changed();
    }

    /// The engine is gone, and all that it had.
    pub(in crate::playback) fn engine_lost(&self, error: PlayError) {
        let mut shared = self.lock();
        shared.generation.0 += 1;
        shared.timeline.clear();
        shared.lost = None;
        shared.engine = None;
        shared.absence.clone_from(&error.text);
        drop(shared);
        self.changed.notify_all();
        self.report(Report::OutputLost { error });
        self.report(Report::CapsChanged);
    }
}

/// How many of the frames that are said to have been heard may not have been, and how many before them are only faded in.
fn doubt_and_fade(wire: &Wire) -> (u64, u64) {
    let fade = if wire.format.is_pcm() { FADE_IN } else { Duration::ZERO };
    (time_to_frames(DOUBT, wire.rate), time_to_frames(fade, wire.rate))
}
