//! The life of a stream: open, attached to the real-time thread, handed back, closed.

use pcm::gain::Gain;
use pcm::{Caps, Wire};
use ring::message::{Event, Refused, Reply, Request};
use ring::{Consumer, State, Stream};

use super::client::Gone;
use super::pace::Watch;
use super::{Ask, Control};
use crate::certificate;
use crate::clock::frames_in_ms;
use crate::output::Pacing;
use crate::output::device::{Opened, Refusal};
use crate::output::sim::{Capture, LogLine};
use crate::rt::{Command, Kind, Outcome, Session, Tuning};

/// Where the stream stands.
pub(super) enum Stage {
    /// There is none.
    Closed,
    /// The device thread opens the output.
    Opening {
        /// With this format,
        wire: Wire,
        /// whatever the volume is,
        unscaled: bool,
        /// for this player.
        player: u64,
    },
    /// The real-time thread has it.
    Attached {
        /// Where a simulated card's log goes.
        capture: Option<Capture>,
        /// It was told to play out what is queued.
        draining: bool,
        /// The player whose ring it plays.
        player: u64,
    },
    /// The device thread closes the output.
    Closing,
}

impl Stage {
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    pub(super) fn is_attached(&self) -> bool {
        matches!(self, Self::Attached { .. })
    }
}

impl Control {
    /// Opens, after what is open has been played out and closed. Called again at each of those steps.
    pub(super) fn serve_open(&mut self, wire: Wire, unscaled: bool) -> Result<(), Gone> {
        match self.stage {
            Stage::Closed => {
                let player = self.client.as_ref().map_or(0, |client| client.number);
                self.stage = Stage::Opening { wire, unscaled, player };
                self.ask(Ask::Open(wire));
            }
            Stage::Attached { .. } => self.start_drain(),
            Stage::Opening { .. } | Stage::Closing => {}
        }
        self.wait_for_stage();
        Ok(())
    }

    /// Closes, after what is queued has been played out.
    pub(super) fn serve_close(&mut self) -> Result<(), Gone> {
        match self.stage {
            Stage::Closed => {
                self.answer(Reply::Closed);
                return Ok(());
            }
            Stage::Attached { .. } => self.start_drain(),
            Stage::Opening { .. } | Stage::Closing => {}
        }
        self.wait_for_stage();
        Ok(())
    }

    /// The front request goes on when the stage has changed.
    fn wait_for_stage(&mut self) {
        if let Some(client) = &mut self.client {
            client.busy = true;
        }
    }

    fn stage_changed(&mut self, stage: Stage) {
        self.stage = stage;
        if let Some(client) = &mut self.client
            && matches!(client.front(), Some(Request::Open { .. } | Request::Close))
        {
            client.busy = false;
        }
    }

    fn start_drain(&mut self) {
        if let Stage::Attached { draining, .. } = &mut self.stage
            && !*draining
        {
            *draining = true;
            self.command(Command::Drain);
        }
    }

    /// The device thread has opened the output, or not.
    pub(super) fn opened(&mut self, result: Result<Opened, Refusal>) {
        let Stage::Opening { wire, unscaled, player } = self.stage else { return };
        let waiting = self.client.as_mut().filter(|client| client.number == player);
        match (result, waiting.and_then(|client| client.consumer.take())) {
            (Ok(opened), Some(consumer)) => self.attach((wire, unscaled), opened, player, consumer),
            // The player has gone in the meantime.
            (Ok(opened), None) => {
                self.ask(Ask::Close(opened));
                self.stage_changed(Stage::Closing);
            }
            (Err(Refusal { code, text }), waiting) => {
                // Once: a player that waits for its output tries again, several times a second.
                let refusal = format!("{wire} was not opened: {text}");
                if self.refusal != refusal {
                    tracing::warn!("{refusal}");
                    self.refusal = refusal;
                }
                if waiting.is_some()
                    && let Some(client) = &mut self.client
                {
                    client.consumer = waiting;
                    self.stage = Stage::Closed;
                    self.answer(Reply::Refused { code, text });
                } else {
                    self.stage_changed(Stage::Closed);
                }
                if code == Refused::NoOutput && self.found.is_some() {
                    // Whatever is found next is news, even if it looks the same: another card wants its volume.
                    self.scanned = false;
                }
                if code != Refused::Format {
                    self.scan();
                }
            }
        }
    }

    fn attach(&mut self, (wire, unscaled): (Wire, bool), opened: Opened, player: u64, mut consumer: Consumer) {
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
        let most = if self.parts.follower.is_some() { certificate::most_frames(wire) } else { u32::MAX };
        let ring_frames = frames_in_ms(self.parts.memory.ms, wire.rate).min(most);
        let stream = Stream { epoch: self.epoch, wire, ring_frames };
        consumer.begin(&stream);
        let stream = Stream { ring_frames: u32::try_from(consumer.capacity_frames()).unwrap_or(u32::MAX), ..stream };
        let Opened { output, capture } = opened;
        let has_clock = output.pacing() == Pacing::Clocked;
        let halves = self.parts.follower.as_ref().map(|_| certificate::begin(&consumer, &stream));
        self.parts.status.set_speakers(stream.epoch, &output.speakers());
        let bits = self.found.as_ref().map_or(wire.format.bits(), |found| found.caps.bits(&wire));
        let session =
            Session::new(output, consumer, stream, self.tuning(), Gain::from_percent(self.percent())).with_bits(bits);
        let mut session = if unscaled { session.unscaled() } else { session };
        if let (Some((tally, follow)), Some(follower)) = (halves, &self.parts.follower) {
            session.set_tally(tally);
            follower.follow(if has_clock { follow } else { follow.hurried() });
        }
        self.parts.status.set_preroll(session.preroll());
        self.parts.status.set_stream(Some((stream.epoch, wire)));
        self.parts.status.set_fault(self.known_fault());
        self.parts.status.set_state(State::Silent);
        self.watch = has_clock.then(|| Watch::new(wire));
        tracing::info!("open: {wire}");
        self.refusal.clear();
        self.stage = Stage::Attached { capture, draining: false, player };
        self.command(Command::Attach(Box::new(session)));
        self.answer(Reply::Opened(stream));
    }

    /// The owner's times, with silence in front for as long as this DAC is known to need.
    fn tuning(&self) -> Tuning {
        let lock_ms = self.found.as_ref().map_or(0, |found| found.lock_ms);
        Tuning { preroll_ms: self.parts.tuning.preroll_ms.max(lock_ms), ..self.parts.tuning }
    }

    /// Takes the real-time thread's news, and the stream if it has handed it back.
    pub(super) fn take_returned(&mut self) {
        // First this: all the stream's news came before it.
        let returned = self.parts.rt.returned();
        while let Some(news) = self.parts.rt.news() {
            self.log(news.kind, news.frame, news.ns);
            if news.kind == Kind::Flush
                && let Some(follower) = &self.parts.follower
            {
                follower.hurry();
            }
        }
        if let Some((session, outcome)) = returned {
            self.handed_back(*session, outcome);
        }
    }

    fn log(&self, kind: Kind, frame: u64, ns: u64) {
        let Stage::Attached { capture: Some(capture), .. } = &self.stage else { return };
        let (name, track, ns) = match kind {
            // Where a track's frames lie in this stream.
            Kind::Start(track) | Kind::Join(track) => ("start", Some(track), Some(ns)),
            Kind::End(track) | Kind::Leave(track) => ("end", Some(track), Some(ns)),
            Kind::Flush => ("flush", None, None),
            Kind::Starved => ("starved", None, None),
            Kind::Pause => ("pause", None, None),
            Kind::Resume => ("resume", None, None),
            Kind::Xrun => ("xrun", None, None),
        };
        capture.log(LogLine::At { name, frame, track, ns });
    }

    fn handed_back(&mut self, session: Session, outcome: Outcome) {
        let Stage::Attached { capture, player, .. } = std::mem::replace(&mut self.stage, Stage::Closing) else {
            return;
        };
        if let Some(capture) = &capture {
            capture.log(LogLine::Close { xruns: session.xruns(), scaled: session.scaled() });
        }
        if session.xruns() > 0 {
            tracing::warn!("the output ran dry {} times", session.xruns());
        }
        // This also says that the stream has no more entries.
        let (output, consumer) = session.into_parts();
        self.watch = None;
        if let Some(follower) = &self.parts.follower {
            follower.hurry();
        }
        let disproved = self.disproved.take();
        if let Some((wire, text)) = &disproved {
            self.ask(Ask::Disprove(*wire, text.clone()));
        }
        self.ask(Ask::Close(Opened { output, capture }));
        self.parts.status.set_stream(None);
        self.parts.status.set_state(State::Closed);
        // Another player has a ring of its own by now.
        if let Some(client) = self.client.as_mut().filter(|client| client.number == player) {
            client.consumer = Some(consumer);
        }
        match (outcome, disproved) {
            (Outcome::Finished, None) => tracing::info!("closed"),
            (Outcome::Finished, Some((_, text))) => self.output_lost(text),
            (Outcome::Output(trouble), _) => self.output_lost(trouble.to_string()),
            (Outcome::Player(corrupt), _) => self.part(Gone::Broken(corrupt.to_string())),
        }
        self.stage_changed(Stage::Closing);
    }

    /// The open stream's output is gone, or isn't what it said: until it is found, again or for the first time, there is none.
    fn output_lost(&mut self, text: String) {
        tracing::warn!("{text}");
        self.parts.status.set_fault(&text);
        self.parts.status.set_state(State::Fault);
        self.lost = true;
        // Whatever is found next is news, even if it looks the same.
        self.found = None;
        self.parts.status.set_output("");
        self.parts.status.set_caps(&Caps::default());
        self.tell(Event::OutputLost { text });
        self.tell(Event::CapsChanged);
    }

    /// The device thread has closed the output.
    pub(super) fn closed(&mut self) {
        self.stage_changed(Stage::Closed);
        if self.lost {
            self.scan();
        }
    }
}
