//! The thread that opens, decodes and packs, from one load until it is let go.

mod feed;
mod inside;
mod loaded;
mod next;
mod packing;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use media::Cancel;
use pcm::Marker;
use tracing::{debug, warn};

use super::convert::Ending;
use super::error::BEYOND;
use super::output::{Generation, Stop};
use super::{Output, PlayError, Report};
use crate::transport::{Media, TrackId};
use loaded::Loaded;
use next::Opening;

/// How often a worker that waits for the last frames to be played looks.
const PLAY_OUT: Duration = Duration::from_millis(10);

/// Something to play.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) track: TrackId,
    pub(super) media: Media,
    /// Where it begins.
    pub(super) at: Duration,
}

/// What the deck says to a worker.
#[derive(Debug)]
pub(super) enum Command {
    /// Append this; replaces what was queued and isn't open yet.
    Queue(Item),
    /// Don't, unless it is in the ring already.
    Unqueue(TrackId),
    /// What was written is dropped already; go on at `to`, with this right to write.
    Seek { generation: Generation, track: TrackId, to: Duration },
}

/// The deck has let go.
struct LetGo;

/// What the thread holds.
pub(super) struct Worker {
    output: Arc<Output>,
    generation: Generation,
    inbox: Receiver<Command>,
    /// Received while a track was being written, to be obeyed before anything else.
    stashed: Option<Command>,
    cancel: Cancel,
    /// Being written.
    current: Option<Loaded>,
    /// Wholly written, perhaps still to be heard: what a seek may go back to.
    finished: Option<Loaded>,
    /// To be opened when the current one is finished (a URL may be good for one opening only, and not before: T16).
    queued: Option<Item>,
    /// The one behind a converted track, which is opened earlier.
    opening: Option<Opening>,
    /// Open already, and put back by a seek in the one before it.
    put_back: Option<Loaded>,
    /// What the next frame has to be marked with, if it is DoP: the markers take turns from track to track.
    marker: Marker,
    /// What was written last, if it was converted, and the next track goes on from there.
    ending: Option<Ending>,
}

impl Worker {
    pub(super) fn new(output: Arc<Output>, generation: Generation, inbox: Receiver<Command>, cancel: Cancel) -> Self {
        Self {
            output,
            generation,
            inbox,
            stashed: None,
            cancel,
            current: None,
            finished: None,
            queued: None,
            opening: None,
            put_back: None,
            marker: Marker::default(),
            ending: None,
        }
    }

    /// Plays `first` and what is queued behind it, until the deck lets go.
    pub(super) fn run(mut self, first: Item) {
        self.load(first);
        while self.step().is_ok() {}
    }

    fn step(&mut self) -> Result<(), LetGo> {
        self.obey_all()?;
        if self.current.is_none() && !self.load_next() {
            // Nothing to do but to be there for a seek or a next track.
            return self.obey_next();
        }
        let Some(mut loaded) = self.current.take() else { return Ok(()) };
        match self.play(&mut loaded) {
            Ok(()) => self.finished = Some(loaded),
            Err(Stop::Interrupted) => self.current = Some(loaded),
            Err(Stop::Revoked) => {
                self.current = Some(loaded);
                self.await_right()?;
            }
            Err(Stop::Failed(error)) => self.fail(loaded.track(), error),
        }
        Ok(())
    }

    /// Makes the next track the current one; `false` if there is none.
    fn load_next(&mut self) -> bool {
        if let Some(mut loaded) = self.put_back.take() {
            if loaded.rewind() {
                self.current = Some(loaded);
                return true;
            }
            self.queued.get_or_insert(loaded.into_item());
        }
        if let Some(opening) = self.opening.take() {
            self.take(opening.track(), opening.wait());
            return true;
        }
        let Some(item) = self.queued.take() else { return false };
        self.load(item);
        true
    }

    fn load(&mut self, item: Item) {
        let track = item.track;
        self.take(track, Loaded::open(item, &self.output, &self.cancel));
    }

    fn take(&mut self, track: TrackId, opened: Result<Loaded, Stop>) {
        match opened {
            Ok(loaded) => self.current = Some(loaded),
            Err(Stop::Failed(error)) => self.fail(track, error),
            // The deck has let go.
            Err(Stop::Revoked | Stop::Interrupted) => {}
        }
    }

    /// Opens the stream that the track needs, and writes the track.
    fn play(&mut self, loaded: &mut Loaded) -> Result<(), Stop> {
        let (wire, unscaled) = (loaded.wire(), loaded.unscaled);
        while !self.output.is_open(wire, unscaled) {
            if self.output.is_played_out(self.generation)? {
                self.output.open(self.generation, wire, unscaled)?;
                self.marker = Marker::default();
                self.ending = None;
                break;
            }
            self.wait(loaded.unqueueable(), PLAY_OUT)?;
        }
        loaded.order = loaded.order_on(&self.output.speakers())?;
        self.feed(loaded)
    }

    fn fail(&mut self, track: TrackId, error: PlayError) {
        if self.cancel.is_cancelled() {
            return;
        }
        if error.kind == BEYOND {
            // The wish was answered before anybody could know; what it leads to is what lies behind the end: the next track, or
            // STOPPED, and no error (T27).
            debug!("track {}: sought beyond its end", track.0);
            return self.output.report(Report::Ended { track, error: None });
        }
        // The message may quote the network: it stays one line of the log.
        warn!("track {}: {}", track.0, error.to_string().replace(char::is_control, " "));
        // What follows is the transport's to decide: it may load it anew.
        self.queued = None;
        self.opening = None;
        self.put_back = None;
        self.output.report(Report::Failed { track, error });
    }

    /// Obeys what the deck has said meanwhile.
    fn obey_all(&mut self) -> Result<(), LetGo> {
        if let Some(command) = self.stashed.take() {
            self.obey(command);
        }
        loop {
            match self.inbox.try_recv() {
                Ok(command) => self.obey(command),
                Err(TryRecvError::Empty) if !self.cancel.is_cancelled() => return Ok(()),
                Err(_) => return Err(LetGo),
            }
        }
    }

    fn obey_next(&mut self) -> Result<(), LetGo> {
        let command = self.inbox.recv().map_err(|_| LetGo)?;
        self.obey(command);
        Ok(())
    }

    /// The right to write is gone: either a seek brings a new one, or the deck has let go.
    fn await_right(&mut self) -> Result<(), LetGo> {
        let gone = self.generation;
        while self.generation == gone {
            self.obey_next()?;
        }
        Ok(())
    }

    /// Waits up to `time`, or until there is a command that doesn't let the current track go on: a seek, or one that takes
    /// `unqueueable` back.
    fn wait(&mut self, unqueueable: Option<TrackId>, time: Duration) -> Result<(), Stop> {
        match self.inbox.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(Stop::Revoked),
            Ok(Command::Queue(item)) => {
                self.queued = Some(item);
                Ok(())
            }
            Ok(Command::Unqueue(track)) if unqueueable != Some(track) => {
                self.queued = None;
                self.opening = None;
                Ok(())
            }
            Ok(command) => {
                self.stashed = Some(command);
                Err(Stop::Interrupted)
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Queue(item) => self.queued = Some(item),
            Command::Unqueue(track) => {
                self.queued = None;
                self.opening = None;
                self.put_back = None;
                self.current.take_if(|loaded| loaded.unqueueable() == Some(track));
            }
            Command::Seek { generation, track, to } => {
                self.generation = generation;
                self.marker = Marker::default();
                self.ending = None;
                self.seek(track, to);
            }
        }
    }

    fn seek(&mut self, track: TrackId, to: Duration) {
        let is_it = |loaded: &mut Loaded| loaded.track() == track;
        if let Some(mut loaded) = self.finished.take_if(is_it) {
            // It is wholly written, but still sounds; the one behind it waits.
            self.put_back = self.current.take();
            if loaded.seek(to).map_err(|error| self.fail(track, error)).is_ok() {
                self.current = Some(loaded);
            }
        } else if let Some(mut loaded) = self.current.take_if(is_it) {
            if loaded.seek(to).map_err(|error| self.fail(track, error)).is_ok() {
                self.current = Some(loaded);
            }
        } else if let Some(opening) = self.opening.as_mut().filter(|opening| opening.track() == track) {
            opening.seek(to);
        } else if let Some(item) = self.queued.as_mut().filter(|item| item.track == track) {
            // Not open yet: it begins there.
            item.at = to;
        }
    }
}
