//! A bounded byte queue between the thread that talks HTTP and the one that decodes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Head;
use crate::fault::{Fault, Kind};
use crate::{Cancel, Limits};

/// How far the network may run ahead of the decoder: a quarter of a second of the fastest PCM, half a minute of MP3. Once it
/// has, it waits until half of that is used up: to wake for each read would cost more than the bytes.
const CAPACITY: usize = 512 * 1024;

/// Bytes kept behind the reading position, so that a parser may step back without another request.
const WINDOW: usize = 128 * 1024;

/// How often a waiting reader looks whether it was cancelled.
const CANCEL_POLL: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct State {
    head: Option<Head>,
    /// What was read last, at most [`WINDOW`] bytes, and behind it what wasn't read yet.
    data: VecDeque<u8>,
    /// Bytes of it that were read.
    read: usize,
    /// Set once the writer will write no more: why.
    end: Option<Result<(), Fault>>,
    /// Set once the reader will read no more.
    closed: bool,
    /// Since when the reader has waited for bytes, while it does.
    waiting_since: Option<Instant>,
    /// The writer waits for room.
    full: bool,
}

impl State {
    fn unread(&self) -> usize {
        self.data.len() - self.read
    }
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

    /// Writer: more bytes; waits for room. `false` when the reader is gone.
    pub(super) fn push(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        if state.unread() >= CAPACITY {
            state.full = true;
            while state.unread() > CAPACITY / 2 && !state.closed {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.full = false;
        }
        state.data.extend(bytes);
        // Telling somebody who doesn't wait is a system call for nothing.
        if state.waiting_since.is_some() {
            self.changed.notify_all();
        }
        !state.closed
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
        let mut state = self.wait(limits, cancel, |state| state.unread() > 0)?;
        if state.unread() == 0 {
            return state.end.clone().unwrap_or(Ok(())).map(|()| 0);
        }
        let (front, back) = state.data.as_slices();
        let start = state.read;
        let parts = [front.get(start..).unwrap_or_default(), back.get(start.saturating_sub(front.len())..).unwrap_or_default()];
        let mut read = 0;
        for part in parts {
            let room = buf.get_mut(read..).unwrap_or_default();
            let n = part.len().min(room.len());
            if let (Some(room), Some(part)) = (room.get_mut(..n), part.get(..n)) {
                room.copy_from_slice(part);
            }
            read += n;
        }
        state.read += read;
        let excess = state.read.saturating_sub(WINDOW);
        state.data.drain(..excess);
        state.read -= excess;
        if state.full && state.unread() <= CAPACITY / 2 {
            self.changed.notify_all();
        }
        Ok(read)
    }

    /// Reader: goes back by so many bytes; `false` if they aren't kept.
    pub(super) fn step_back(&self, bytes: u64) -> bool {
        let mut state = self.lock();
        let back = usize::try_from(bytes).ok().and_then(|bytes| state.read.checked_sub(bytes));
        state.read = back.unwrap_or(state.read);
        back.is_some()
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

    fn read(pipe: &Pipe, bytes: usize) -> Vec<u8> {
        let mut buf = vec![0; bytes];
        let n = pipe.read(&mut buf, &Limits::default(), &Cancel::new()).unwrap();
        buf.truncate(n);
        buf
    }

    /// Bytes number `from` to `to` of what goes through.
    fn bytes(from: usize, to: usize) -> Vec<u8> {
        (from..to).map(|n| (n * 31 >> 3) as u8).collect()
    }

    #[test]
    fn what_was_read_can_be_read_again() {
        let pipe = Pipe::default();
        let mut at = 0;
        for round in 1..=200 {
            let end = at + 7001;
            assert!(pipe.push(&bytes(at, end)));
            assert_eq!(read(&pipe, 8000), bytes(at, end));
            let back = (round * 997).min(end).min(WINDOW);
            assert!(pipe.step_back(back as u64));
            assert_eq!(read(&pipe, back), bytes(end - back, end), "round {round}");
            at = end;
        }
        assert!(!pipe.step_back(WINDOW as u64 + 1));
        assert!(pipe.step_back(WINDOW as u64));
        assert_eq!(read(&pipe, 3), bytes(at - WINDOW, at - WINDOW + 3), "refusing has changed nothing");
    }

    #[test]
    fn a_writer_that_waited_for_room_goes_on_and_one_without_a_reader_ends() {
        let pipe = Pipe::default();
        let total = 5 * CAPACITY;
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..total).step_by(1000).all(|at| pipe.push(&bytes(at, at + 1000))));
            let mut got = Vec::new();
            while got.len() < total - CAPACITY {
                got.extend(read(&pipe, 32 * 1024));
            }
            assert!(got == bytes(0, got.len()), "in order");
            pipe.close();
            assert!(!writer.join().unwrap());
        });
    }
}
