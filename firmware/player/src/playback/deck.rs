//! The side that acts on wishes, at once: nothing here waits for a worker, the network or the engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use media::Cancel;
use tracing::error;

use super::error::INTERNAL;
use super::worker::{Command, Item, Worker};
use super::{Output, PlayError, Report};
use crate::transport::{Media, TrackId};

/// Loads that may be under way at once, given-up ones included: their threads end within a fraction of a second, unless the
/// system's name resolution holds them longer.
const MAX_WORKERS: usize = 16;
/// How long the stream stays open when nothing plays: long enough for the next of a control point's own queue.
const IDLE: Duration = Duration::from_millis(700);
/// The longest between two looks at the engine while something plays, and what a look may come too late by.
const LOOK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_millis(5));

/// Starts and stops workers.
pub(crate) struct Deck {
    output: Arc<Output>,
    worker: Option<Handle>,
    running: Arc<AtomicUsize>,
}

/// The worker that has, or had last, the right to write.
struct Handle {
    commands: Sender<Command>,
    cancel: Cancel,
}

impl Deck {
    pub(crate) fn new(output: Arc<Output>) -> Self {
        Self { output, worker: None, running: Arc::new(AtomicUsize::new(0)) }
    }

    /// Drops what plays, and has `media` opened and played from `at`.
    pub(crate) fn load(&mut self, track: TrackId, media: Media, at: Duration) {
        self.let_go();
        let generation = self.output.take_over((track, at));
        let (commands, inbox) = channel();
        let cancel = Cancel::new();
        let worker = Worker::new(Arc::clone(&self.output), generation, inbox, cancel.clone());
        match self.spawn(worker, Item { track, media, at }) {
            Ok(()) => self.worker = Some(Handle { commands, cancel }),
            Err(text) => self.output.report(Report::Failed { track, error: PlayError::new(INTERNAL, text) }),
        }
    }

    /// Has `media` appended to what plays.
    pub(crate) fn queue(&self, track: TrackId, media: Media) {
        self.tell(Command::Queue(Item { track, media, at: Duration::ZERO }));
    }

    /// Takes back what was queued, unless it is in the ring already.
    pub(crate) fn unqueue(&self, track: TrackId) {
        self.tell(Command::Unqueue(track));
    }

    /// Drops what is in the ring and goes on at `to`.
    pub(crate) fn seek(&self, track: TrackId, to: Duration, paused: bool) {
        let generation = self.output.take_over((track, to));
        self.output.set_paused(paused);
        self.tell(Command::Seek { generation, track, to });
    }

    /// Has what was cut off, when its output went, written again as soon as there is an output.
    pub(crate) fn recover(&self) {
        if let Some((generation, lost)) = self.output.recover() {
            self.tell(Command::Resume { generation, track: lost.track, from: lost.from });
        }
    }

    /// Where the track that plays is; `None` if nothing is under way.
    pub(crate) fn position(&self) -> Option<(TrackId, Duration)> {
        self.output.position()
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.output.set_paused(paused);
    }

    /// Drops what plays.
    pub(crate) fn stop(&mut self) {
        self.let_go();
        self.output.silence();
    }

    /// Reports the boundaries that were passed and whether the sound goes on; returns when to look again, if there is anything to look for.
    pub(crate) fn look(&self) -> Option<Duration> {
        let next = self.output.advance();
        self.output.follow_flow();
        let next = next.map(|next| (next + LOOK.1).min(LOOK.0));
        let idle = self.output.close_if_idle(IDLE);
        // A worker may open a stream at any time.
        let busy = self.worker.as_ref().map(|_| LOOK.0);
        [next, idle, busy].into_iter().flatten().min()
    }

    fn tell(&self, command: Command) {
        if let Some(worker) = &self.worker {
            // A worker that has ended reported why.
            let _ = worker.commands.send(command);
        }
    }

    fn let_go(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.cancel.cancel();
        }
    }

    fn spawn(&self, worker: Worker, item: Item) -> Result<(), String> {
        if self.running.fetch_add(1, Ordering::Relaxed) >= MAX_WORKERS {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return Err(format!(
                "{MAX_WORKERS} sources that were given up still haven't let go; try again in some seconds"
            ));
        }
        let running = Arc::clone(&self.running);
        let output = Arc::clone(&self.output);
        let body = move || {
            let track = item.track;
            if catch_unwind(AssertUnwindSafe(|| worker.run(item))).is_err() {
                error!("the decoder failed on track {}; other tracks aren't affected", track.0);
                let text = "the decoder failed on this track; please report it";
                output.report(Report::Failed { track, error: PlayError::new(INTERNAL, text) });
            }
            running.fetch_sub(1, Ordering::Relaxed);
        };
        thread::Builder::new().name("decoder".into()).spawn(body).map(drop).map_err(|error| {
            self.running.fetch_sub(1, Ordering::Relaxed);
            format!("no thread for the decoder: {error}")
        })
    }
}

impl Drop for Deck {
    fn drop(&mut self) {
        self.stop();
    }
}
