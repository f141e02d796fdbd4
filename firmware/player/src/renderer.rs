//! The renderer: one object that control points, the page, playback and the clock talk to, one at a time.
//!
//! It lives on the runtime's only thread, behind a `RefCell` that is never borrowed across an `await`. What it does takes
//! microseconds: everything that can wait is a worker's, the engine link's or a subscriber's own task.

mod control;
mod events;
mod health;
mod ledger;
mod memory;
mod metrics;
mod sinks;
mod status;
mod tally;
mod volume;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::Tags;
use pcm::FormatSet;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::{info, warn};

use crate::playback::{Deck, Output, Report};
use crate::transport::{Action, Effect, Event, Fault, Metadata, State, Transport, Values};
use events::Events;
pub(crate) use events::{Message, Subscriber};
use ledger::Ledger;
use memory::Memory;
pub(crate) use status::Facts;
use tally::Tally;
use volume::Loudness;
pub(crate) use volume::Mode;

/// What the program is.
pub(crate) struct Renderer {
    transport: Transport,
    deck: Deck,
    output: Arc<Output>,
    loudness: Loudness,
    ledger: Ledger,
    tally: Tally,
    events: Events,
    facts: Facts,
    memory: Memory,
    /// What the subscribers know.
    published: Values,
    sink_protocol_info: String,
    /// When to look at the engine next.
    look: Option<Instant>,
    changed: Rc<Notify>,
}

impl Renderer {
    pub(crate) fn new(output: Arc<Output>, mode: Option<Mode>, facts: Facts) -> Self {
        let transport = Transport::new();
        let sink_protocol_info = sinks::protocol_info(None, &output.allowed());
        let mut renderer = Self {
            published: transport.values(),
            transport,
            deck: Deck::new(Arc::clone(&output)),
            output,
            loudness: Loudness::new(mode),
            ledger: Ledger::default(),
            tally: Tally::default(),
            events: Events::new(),
            facts,
            memory: Memory::default(),
            sink_protocol_info,
            look: None,
            changed: Rc::new(Notify::new()),
        };
        let now = Instant::now();
        for (name, text) in renderer.published.iter() {
            renderer.events.av_transport.set(name, text, now);
        }
        renderer.publish_volume();
        // No news: whoever subscribes gets them with the initial event.
        renderer.events.forget_due();
        renderer
    }

    /// Takes an action of a control point or of the page.
    pub(crate) fn act(&mut self, action: Action) -> Result<(), Fault> {
        let effects = self.transport.act(action)?;
        self.carry_out(effects);
        Ok(())
    }

    pub(crate) fn state(&self) -> State {
        self.transport.state()
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Load { track, media, at } => self.deck.load(track, media, at),
                Effect::Queue { track, media } => self.deck.queue(track, media),
                Effect::Unqueue { track } => self.deck.unqueue(track),
                Effect::Pause => self.deck.set_paused(true),
                Effect::Resume => self.deck.set_paused(false),
                Effect::Stop => self.deck.stop(),
                Effect::Recover => self.deck.recover(),
                Effect::Seek { track, to } => {
                    self.deck.seek(track, to, self.transport.state() == State::PausedPlayback);
                }
                Effect::Publish(values) => {
                    self.publish(values);
                    self.events.flush();
                }
            }
        }
        self.publish(self.transport.values());
        self.wake();
    }

    /// Takes news of playback.
    fn on_report(&mut self, report: Report) {
        self.ledger.note(&report);
        self.tally.note(&report);
        let event = match report {
            Report::Opening { .. }
            | Report::Planned { .. }
            | Report::Recognised { .. }
            | Report::Rounded { .. }
            | Report::Written { .. } => return,
            Report::Opened { track, opened } => {
                let Tags { title, artist, album, .. } = opened.tags.clone();
                self.transport.describe(track, Metadata { title, artist, album, ..Metadata::default() });
                let (duration, estimate) = (opened.duration(), opened.estimate());
                Event::Opened { track, duration, estimate, seekable: opened.seekable }
            }
            Report::Started { track } => Event::Started { track },
            Report::RanDry { track } => Event::RanDry { track },
            Report::Flows { track } => Event::Started { track },
            Report::Heard { track } => Event::Heard { track },
            Report::Ended { track, error } => Event::Ended { track, error: error.map(|error| error.text) },
            Report::Failed { track, error } => Event::Failed { track, error: error.text },
            Report::OutputAway { .. } => Event::OutputAway,
            Report::OutputLost { error } => {
                if let Some(track) = self.transport.current_id().filter(|_| self.transport.state().is_active()) {
                    self.ledger.fail(track, &error);
                }
                Event::OutputLost { error: error.text }
            }
            Report::CapsChanged => return self.on_caps(),
            Report::Volume { asked, in_force } => {
                self.loudness.in_force(asked, in_force);
                return self.publish_volume();
            }
            Report::VolumeRefused(text) => {
                warn!("volume: {text}");
                return;
            }
        };
        let effects = self.transport.event(event);
        self.carry_out(effects);
    }

    /// Another DAC, or none, or another engine.
    fn on_caps(&mut self) {
        let caps = self.output.status().and_then(|status| status.caps());
        match caps {
            // Its volume is kept for the next one, which most likely is the same.
            Some(caps) if caps.formats() == FormatSet::EMPTY => info!("there is no DAC"),
            Some(caps) => {
                let volume = self.loudness.fit(&caps);
                self.output.fit_volume(volume, caps);
                info!("the DAC is {}", sinks::describe(&caps, &self.output));
            }
            None => {}
        }
        self.sink_protocol_info = sinks::protocol_info(caps.as_ref(), &self.output.allowed());
        self.publish_volume();
        self.events.sinks_changed(&self.sink_protocol_info);
    }

    /// Notes what of `values` the subscribers don't know.
    fn publish(&mut self, values: Values) {
        let now = Instant::now();
        let news = values.news_since(&self.published);
        if news.is_empty() {
            return;
        }
        for (name, text) in news {
            self.events.av_transport.set(name, text, now);
        }
        self.published = values;
    }

    fn publish_volume(&mut self) {
        let now = Instant::now();
        for (name, text) in self.loudness.values() {
            self.events.rendering_control.set(name, text, now);
        }
        self.wake();
    }

    /// What is due now.
    fn tick(&mut self) {
        let now = Instant::now();
        if self.look.is_none_or(|look| look <= now) {
            self.look = self.deck.look().map(|wait| now + wait);
        }
        self.follow_position();
        self.events.send_due(now);
    }

    /// A duration that was only announced or estimated gives way to a track that goes on (T8).
    fn follow_position(&mut self) {
        let position = self.position();
        if self.transport.reach(position) {
            self.publish(self.transport.values());
        }
    }

    /// When something is due next.
    fn due(&self) -> Option<Instant> {
        [self.look, self.events.due()].into_iter().flatten().min()
    }

    /// Something changed: what is due may be sooner.
    fn wake(&mut self) {
        self.look = Some(Instant::now());
        self.changed.notify_one();
    }

    /// The last thing: the music fades, and nothing is written any more.
    pub(crate) fn shut_down(&mut self) {
        self.deck.stop();
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.output.is_silent()
    }
}

/// Feeds the renderer with playback's news and with time; ends when playback does.
pub(crate) async fn drive(renderer: Rc<RefCell<Renderer>>, reports: Rc<tokio::sync::Mutex<UnboundedReceiver<Report>>>) {
    let mut reports = reports.lock().await;
    let changed = Rc::clone(&renderer.borrow().changed);
    loop {
        let due = renderer.borrow().due();
        // Far enough to mean never.
        let wait = due.map_or(Duration::from_secs(3600), |due| due.saturating_duration_since(Instant::now()));
        tokio::select! {
            report = reports.recv() => match report {
                Some(report) => renderer.borrow_mut().on_report(report),
                None => return,
            },
            () = tokio::time::sleep(wait) => {}
            () = changed.notified() => {}
        }
        renderer.borrow_mut().tick();
    }
}
