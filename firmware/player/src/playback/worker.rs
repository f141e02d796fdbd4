//! The thread that opens, decodes and packs, from one load until it is let go.

mod feed;
mod inside;
mod loaded;
mod next;
mod order;
mod packing;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use media::Cancel;
use pcm::Marker;
use tracing::{debug, warn};

use super::error::{BEYOND, INTERNAL};
use super::output::{Generation, NotOpen, Stop};
use super::{Output, PlayError, Report};
use crate::transport::{Media, TrackId};
use loaded::Loaded;
use next::Opening;
use order::{Numbered, Order};
use packing::Left;

/// How often a worker that waits for the last frames to be played looks.
const PLAY_OUT: Duration = Duration::from_millis(10);
/// How long it waits at first until it tries again to open a DAC that has come back and can't be opened: most are only not ready yet.
const FIRST_AGAIN: Duration = Duration::from_millis(50);
/// How long at most; each time twice as long as before.
const LAST_AGAIN: Duration = Duration::from_millis(400);

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
    /// The output went, and what was written with it; write it again from `from` on as soon as there is one, with this right.
    Resume { generation: Generation, track: TrackId, from: Duration },
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
    /// What is open.
    order: Order<Loaded>,
    /// To be opened when the current one is finished (a URL may be good for one opening only, and not before: T16).
    queued: Option<Item>,
    /// The one behind a track whose last frame depends on it, which is opened earlier.
    opening: Option<Opening>,
    /// What failed, or was ended, last: the transport knows, and may not have known yet when it asked for more of it.
    over: Option<TrackId>,
    /// What the next frame has to be marked with, if it is DoP: the markers take turns from track to track.
    marker: Marker,
    /// What was left by the track that was written last, for the next one to go on from.
    left: Option<Left>,
    /// Since when there has been no stream, because the output went.
    away: Option<Instant>,
}

impl Worker {
    pub(super) fn new(output: Arc<Output>, generation: Generation, inbox: Receiver<Command>, cancel: Cancel) -> Self {
        Self {
            output,
            generation,
            inbox,
            stashed: None,
            cancel,
            order: Order::new(),
            queued: None,
            opening: None,
            over: None,
            marker: Marker::default(),
            left: None,
            away: None,
        }
    }

    /// Plays `first` and what is queued behind it, until the deck lets go.
    pub(super) fn run(mut self, first: Item) {
        self.load(first);
        while self.step().is_ok() {}
    }

    fn step(&mut self) -> Result<(), LetGo> {
        self.obey_all()?;
        if self.order.current().is_none() && !self.load_next() {
            // Nothing to do but to be there for a seek or a next track.
            return self.obey_next();
        }
        let Some(mut loaded) = self.order.current().take() else { return Ok(()) };
        match self.play(&mut loaded) {
            Ok(()) => {
                loaded.is_written = true;
                self.order.finish(loaded);
            }
            Err(Stop::Interrupted) => *self.order.current() = Some(loaded),
            Err(Stop::Revoked) => {
                *self.order.current() = Some(loaded);
                self.await_right()?;
            }
            Err(Stop::Lost) => {
                *self.order.current() = Some(loaded);
                self.away.get_or_insert_with(Instant::now);
            }
            Err(Stop::NoDac(error)) => self.give_up(loaded.track(), error),
            Err(Stop::Failed(error)) => self.fail(loaded.track(), error),
        }
        Ok(())
    }

    /// Makes the next track the current one; `false` if there is none.
    fn load_next(&mut self) -> bool {
        if let Some(mut loaded) = self.order.again().pop_front() {
            if loaded.rewind() {
                *self.order.current() = Some(loaded);
            } else {
                self.load(loaded.into_item());
            }
            return true;
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
            Ok(loaded) => {
                self.away = self.away.or(loaded.awaited);
                *self.order.current() = Some(loaded);
            }
            Err(Stop::Failed(error)) => self.fail(track, error),
            Err(Stop::NoDac(error)) => self.give_up(track, error),
            // The deck has let go.
            Err(Stop::Revoked | Stop::Interrupted | Stop::Lost) => {}
        }
    }

    /// Opens the stream that the track needs, and writes the track.
    fn play(&mut self, loaded: &mut Loaded) -> Result<(), Stop> {
        let mut again = FIRST_AGAIN;
        self.fit(loaded)?;
        while !self.output.is_open(loaded.wire(), loaded.unscaled) {
            if self.output.is_played_out(self.generation)? {
                match self.output.open(self.generation, loaded.wire(), loaded.unscaled) {
                    Ok(()) => {
                        self.marker = Marker::default();
                        self.left = None;
                        break;
                    }
                    Err(not_open) => self.may_open_again(not_open)?,
                }
                self.wait(loaded.unqueueable(), again)?;
                again = (again * 2).min(LAST_AGAIN);
                self.fit(loaded)?;
            } else {
                self.wait(loaded.unqueueable(), PLAY_OUT)?;
            }
        }
        self.away = None;
        loaded.order = loaded.order_on(&self.output.speakers())?;
        self.feed(loaded)
    }

    /// Waits for a DAC if there is none, and plans the track anew if it isn't the one that it was planned for.
    fn fit(&mut self, loaded: &mut Loaded) -> Result<(), Stop> {
        let since = self.away.unwrap_or_else(Instant::now);
        let (caps, awaited) = self.output.caps_again(self.generation, since)?;
        self.away = self.away.or(awaited);
        loaded.fit(&self.output, caps)
    }

    /// A DAC that is gone may come back. One that was waited for may need a moment more.
    ///
    /// # Errors
    /// It isn't opened again: why.
    fn may_open_again(&mut self, not_open: NotOpen) -> Result<(), Stop> {
        let (since, error, stop): (_, _, fn(PlayError) -> Stop) = match not_open {
            NotOpen::Gone(error) => (Some(*self.away.get_or_insert_with(Instant::now)), error, Stop::NoDac),
            NotOpen::Failed(error) => (self.away, error, Stop::Failed),
            NotOpen::Stopped(stop) => return Err(stop),
        };
        if since.is_some_and(|since| self.output.may_wait(since)) {
            debug!("not open yet: {error}");
            return Ok(());
        }
        Err(stop(error))
    }

    fn fail(&mut self, track: TrackId, error: PlayError) {
        if self.cancel.is_cancelled() {
            return;
        }
        self.over = Some(track);
        if error.kind == BEYOND {
            // The wish was answered before anybody could know; what it leads to is what lies behind the end: the next track, or
            // STOPPED, and no error (T27).
            debug!("track {}: {error}", track.0);
            return self.output.report(Report::Ended { track, error: None });
        }
        // The message may quote the network: it stays one line of the log.
        warn!("track {}: {}", track.0, error.to_string().replace(char::is_control, " "));
        self.drop_what_follows();
        self.output.report(Report::Failed { track, error });
    }

    /// There is no DAC, whatever the track.
    fn give_up(&mut self, track: TrackId, error: PlayError) {
        if self.cancel.is_cancelled() {
            return;
        }
        self.over = Some(track);
        self.drop_what_follows();
        self.output.report(Report::OutputLost { error });
    }

    /// What follows is the transport's to decide: it may load it anew.
    fn drop_what_follows(&mut self) {
        self.queued = None;
        self.opening = None;
        self.order.again().clear();
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
                self.unqueue(track);
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
                if self.order.current().take_if(|loaded| loaded.unqueueable() == Some(track)).is_none() {
                    self.unqueue(track);
                }
            }
            Command::Seek { generation, track, to } => {
                self.take_right(generation);
                self.go_to(track, to, Loaded::seek);
            }
            Command::Resume { generation, track, from } => {
                self.take_right(generation);
                self.away.get_or_insert_with(Instant::now);
                self.go_to(track, from, Loaded::resume);
            }
        }
    }

    fn unqueue(&mut self, track: TrackId) {
        let waits = self.queued.take().is_some_and(|item| item.track == track);
        let opens = self.opening.take().is_some_and(|opening| opening.track() == track);
        if !waits && !opens {
            self.order.take_back(track);
        }
    }

    /// Everything that was written is dropped, and this is the right to write.
    fn take_right(&mut self, generation: Generation) {
        self.generation = generation;
        self.marker = Marker::default();
        self.left = None;
    }

    /// Goes to a moment of a track in a certain way. What lies behind it follows again, whole.
    fn go_to(&mut self, track: TrackId, to: Duration, go: impl Fn(&mut Loaded, Duration) -> Result<(), PlayError>) {
        if let Some(mut loaded) = self.order.turn_to(track) {
            match go(&mut loaded, to) {
                Ok(()) => *self.order.current() = Some(loaded),
                Err(error) => self.fail(track, error),
            }
        } else if let Some(opening) = self.opening.as_mut().filter(|opening| opening.track() == track) {
            opening.seek(to);
        } else if let Some(item) = self.queued.as_mut().filter(|item| item.track == track) {
            // Not open yet: it begins there.
            item.at = to;
        } else if self.over != Some(track) {
            // What it leads to is the transport's to decide; nothing waits for ever for frames that nobody writes.
            let text = "the track that was to go on isn't there any more; please report it";
            warn!("track {}: {text}", track.0);
            self.output.report(Report::Failed { track, error: PlayError::new(INTERNAL, text) });
        }
    }
}
