//! The next track, opened while the last frames of one that depend on it wait for its first ones.
//!
//! A filter makes a track's last frames out of what follows as well ([`Converter`](crate::playback::convert::Converter)), and a word of
//! a one-bit stream that a track only begins is filled up by what follows. So where a track is converted, or ends within a word, and
//! another is queued behind it, that is opened before the first is written to its end: by a thread of its own, since what is in the
//! ring lasts a second or so, and a server may take longer. Then there is a gap anyway, and the track ends in silence.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use media::Cancel;

use super::loaded::Loaded;
use super::{Item, Stop, Worker};
use crate::playback::error::INTERNAL;
use crate::playback::timeline::time_to_frames;
use crate::playback::{Output, PlayError};
use crate::transport::TrackId;

/// How often is looked whether the next track is open.
const LOOK: Duration = Duration::from_millis(2);
/// What the ring has to hold while it is waited for, or half of it if it is short: well above what the engine takes for a source
/// that has died.
const LEAST: Duration = Duration::from_millis(50);

/// A track that is being opened, or is open.
pub(super) struct Opening {
    track: TrackId,
    answer: Receiver<Result<Loaded, Stop>>,
    done: Option<Result<Loaded, Stop>>,
    /// Where a seek went meanwhile.
    at: Option<Duration>,
}

impl Opening {
    fn start(item: Item, output: &Arc<Output>, cancel: &Cancel) -> Self {
        let (sender, answer) = channel();
        let track = item.track;
        let (output, cancel) = (Arc::clone(output), cancel.clone());
        let open = move || {
            // Nobody waits any more if the track was taken back.
            let _ = sender.send(Loaded::open(item, &output, &cancel));
        };
        let spawned = thread::Builder::new().name("opener".into()).spawn(open);
        let done = spawned.err().map(|error| Err(no_thread(&error)));
        Self { track, answer, done, at: None }
    }

    pub(super) fn track(&self) -> TrackId {
        self.track
    }

    /// It will begin there.
    pub(super) fn seek(&mut self, to: Duration) {
        self.at = Some(to);
    }

    /// What came of it, once that is known.
    fn look(&mut self) -> Option<&mut Result<Loaded, Stop>> {
        if self.done.is_none() {
            self.done = match self.answer.try_recv() {
                Ok(done) => Some(done),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(Err(given_up())),
            };
        }
        self.done.as_mut()
    }

    /// Waits for what comes of it.
    pub(super) fn wait(self) -> Result<Loaded, Stop> {
        let mut loaded = self.done.or_else(|| self.answer.recv().ok()).unwrap_or_else(|| Err(given_up()))?;
        if let Some(at) = self.at {
            loaded.seek(at)?;
        }
        Ok(loaded)
    }
}

impl Worker {
    /// Shows the end of a converted track what follows it.
    pub(super) fn look_at_next(&mut self, loaded: &mut Loaded) -> Result<(), Stop> {
        let speakers = self.output.speakers();
        let Some(converter) = loaded.packing.converter() else { return Ok(()) };
        if let Some(next) = self.follower()?
            && next.packing.converter().is_some_and(|other| other.continues(converter))
        {
            // One that can't be played as the stream is open is no continuation.
            let order = next.order_on(&speakers).unwrap_or_default();
            next.media.look_ahead(|samples| {
                converter.followed_by(&samples.ordered(&order));
                false
            });
        }
        Ok(())
    }

    /// Whether a one-bit stream goes on in the next track, in the same words: there is a first byte of that.
    pub(super) fn is_gone_on_with(&mut self, loaded: &Loaded) -> Result<bool, Stop> {
        let speakers = self.output.speakers();
        let Some(next) = self.follower()? else { return Ok(false) };
        let same = next.packing.is_one_bit() && (next.wire(), next.unscaled) == (loaded.wire(), loaded.unscaled);
        let mut goes_on = false;
        if same && next.order_on(&speakers).is_ok() {
            next.media.look_ahead(|samples| {
                goes_on = samples.frames() > 0;
                false
            });
        }
        Ok(goes_on)
    }

    /// The track that follows from its beginning, open; `None` if there is none, or it takes too long.
    fn follower(&mut self) -> Result<Option<&mut Loaded>, Stop> {
        if self.order.again().is_empty() && self.opening.is_none() {
            let Some(item) = self.queued.take() else { return Ok(None) };
            self.opening = Some(Opening::start(item, &self.output, &self.cancel));
        }
        while let Some(opening) = &mut self.opening
            && opening.look().is_none()
        {
            let fill = self.output.fill(self.generation)?;
            if fill.frames < time_to_frames(LEAST, fill.rate).min(fill.capacity / 2) {
                return Ok(None);
            }
            self.wait(None, LOOK)?;
        }
        let opened = self.opening.as_mut().filter(|opening| opening.at.is_none()).and_then(Opening::look);
        let opened = opened.and_then(|opened| opened.as_mut().ok()).filter(|next| next.unqueueable().is_some());
        Ok(self.order.again().front_mut().and_then(|next| next.rewind().then_some(next)).or(opened))
    }
}

fn no_thread(error: &std::io::Error) -> Stop {
    PlayError::new(INTERNAL, format!("no thread to open the next track: {error}")).into()
}

fn given_up() -> Stop {
    PlayError::new(INTERNAL, "the decoder failed on this track; please report it").into()
}
