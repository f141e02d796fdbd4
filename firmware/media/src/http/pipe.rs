//! A bounded byte queue between the thread that talks HTTP and the one that decodes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Head;
use super::pieces::{Piece, Pieces};
use crate::fault::{Fault, Kind};
use crate::{Cancel, Limits};

/// How far the network may run ahead of the decoder: a quarter of a second of the fastest PCM, half a minute of MP3. Once it
/// has, it waits until half of that is used up: to wake for each read would cost more than the bytes.
const CAPACITY: usize = 512 * 1024;

/// How often a waiting reader looks whether it was cancelled.
const CANCEL_POLL: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct State {
    head: Option<Head>,
    data: Pieces,
    /// Set once the writer will write no more: why.
    end: Option<Result<(), Fault>>,
    /// Set once the reader will read no more.
    closed: bool,
    /// Since when the reader has waited for bytes, while it does.
    waiting_since: Option<Instant>,
    /// The writer waits for room.
    full: bool,
}

/// The queue; both sides hold it in an `Arc`.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

impl Pipe {
    /// A poisoned lock is taken all the same: no operation here leaves the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writer: what the server said about the resource.
    pub(super) fn start(&self, head: Head) {
        self.lock().head = Some(head);
        self.changed.notify_all();
    }

    /// Writer: more bytes; waits for room. Gives back a piece to be filled; `None` when the reader is gone.
    pub(super) fn push(&self, piece: Piece) -> Option<Piece> {
        let mut state = self.lock();
        if state.data.unread() >= CAPACITY {
            state.full = true;
            while state.data.unread() > CAPACITY / 2 && !state.closed {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.full = false;
        }
        let empty = state.data.push(piece);
        // Telling somebody who doesn't wait is a system call for nothing.
        if state.waiting_since.is_some() {
            self.changed.notify_all();
        }
        (!state.closed).then_some(empty)
    }

    /// Writer: nothing more will come.
    pub(super) fn finish(&self, end: Result<(), Fault>) {
        self.lock().end = Some(end);
        self.changed.notify_all();
    }

    /// Writer: since when the reader has had nothing left to read, and wants to.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.lock().waiting_since
    }

    /// Writer: waits, at most for `time`. `false` when the reader is gone.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let state = self.lock();
        let wait = self.changed.wait_timeout_while(state, time, |state| !state.closed);
        let (state, _) = wait.unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    /// Writer: whether there is still a reader.
    pub(super) fn is_wanted(&self) -> bool {
        !self.lock().closed
    }

    /// Reader: wants no more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Reader: waits for the answer's head.
    pub(super) fn head(&self, limits: &Limits, cancel: &Cancel) -> Result<Head, Fault> {
        let mut state = self.wait(limits, cancel, |state| state.head.is_some())?;
        match (state.head.take(), state.end.take()) {
            (Some(head), end) => {
                state.end = end;
                Ok(head)
            }
            (None, Some(Err(fault))) => Err(fault),
            (None, _) => Err(Fault::new(Kind::Unreachable, "no answer")),
        }
    }

    /// Reader: fills as much of `buf` as there is, and waits until there is something; 0 at the end.
    pub(super) fn read(&self, buf: &mut [u8], limits: &Limits, cancel: &Cancel) -> Result<usize, Fault> {
        let mut state = self.wait(limits, cancel, |state| state.data.unread() > 0)?;
        if state.data.unread() == 0 {
            return state.end.clone().unwrap_or(Ok(())).map(|()| 0);
        }
        let read = state.data.read(buf);
        if state.full && state.data.unread() <= CAPACITY / 2 {
            self.changed.notify_all();
        }
        Ok(read)
    }

    /// Reader: goes back by so many bytes; `false` if they aren't kept.
    pub(super) fn step_back(&self, bytes: u64) -> bool {
        usize::try_from(bytes).is_ok_and(|bytes| self.lock().data.step_back(bytes))
    }

    /// Waits until `ready` or the end, a cancellation, or too long a silence.
    fn wait(
        &self,
        limits: &Limits,
        cancel: &Cancel,
        ready: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'_, State>, Fault> {
        let since = Instant::now();
        let mut state = self.lock();
        loop {
            if cancel.is_cancelled() {
                return Err(Fault::new(Kind::Cancelled, ""));
            }
            if ready(&state) || state.end.is_some() {
                state.waiting_since = None;
                return Ok(state);
            }
            state.waiting_since = Some(since);
            if since.elapsed() >= limits.give_up {
                return Err(Fault::new(Kind::Stalled, format!("nothing for {} s", limits.give_up.as_secs())));
            }
            let wait = self.changed.wait_timeout(state, CANCEL_POLL);
            (state, _) = wait.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_waited_for_room_goes_on_and_one_without_a_reader_ends() {
        let pipe = Pipe::default();
        let total = 5 * CAPACITY;
        let byte = |at: usize| ((at * 31) >> 3) as u8;
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut piece = Piece::new();
                for at in (0..total).step_by(1000) {
                    piece.room().iter_mut().zip(at..at + 1000).for_each(|(room, at)| *room = byte(at));
                    piece.set_filled(1000);
                    match pipe.push(piece) {
                        Some(empty) => piece = empty,
                        None => return false,
                    }
                }
                true
            });
            // More than it may run ahead is left: it has to wait until nobody reads any more.
            let mut got = vec![0; total - 2 * CAPACITY];
            let mut read = 0;
            while read < got.len() {
                let end = got.len().min(read + 32 * 1024);
                read += pipe.read(&mut got[read..end], &Limits::default(), &Cancel::new()).unwrap();
            }
            assert!((0..).zip(&got).all(|(at, &got)| got == byte(at)), "in order");
            pipe.close();
            assert!(!writer.join().unwrap());
        });
    }
}
