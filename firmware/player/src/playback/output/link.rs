//! The link's side: what the engine says.

use std::sync::Arc;
use std::time::Instant;

use ring::message::Request;
use ring::{Producer, Status, Stream};

use super::{Engine, Output};
use crate::playback::link::Requests;
use crate::playback::{PlayError, Report};

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

    /// There is no engine, for this reason.
    pub(in crate::playback) fn absent(&self, why: String) {
        self.lock().absence = why;
    }

    /// The answer to the newest `Open`.
    pub(in crate::playback) fn opened(&self, answer: Result<Stream, PlayError>) {
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
    pub(in crate::playback) fn lost(&self, error: PlayError, gone: bool) {
        let mut shared = self.lock();
        shared.generation.0 += 1;
        shared.timeline.clear();
        if gone {
            shared.engine = None;
            shared.absence.clone_from(&error.text);
        } else if let Some(engine) = shared.engine.as_mut() {
            engine.stream = None;
        }
        drop(shared);
        self.changed.notify_all();
        self.report(Report::OutputLost { error });
        self.report(Report::CapsChanged);
    }
}
