//! A bounded byte queue between the thread that talks HTTP and the one that decodes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Head;
use crate::fault::{Fault, Kind};
use crate::{Cancel, Limits};

/// How far the network may run ahead of the decoder: half a second of the fastest PCM, minutes of MP3.
const CAPACITY: usize = 512 * 1024;

/// How often a waiting reader looks whether it was cancelled.
const CANCEL_POLL: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct State {
    head: Option<Head>,
    data: VecDeque<u8>,
    /// Set once the writer will write no more: why.
    end: Option<Result<(), Fault>>,
    /// Set once the reader will read no more.
    closed: bool,
    /// Since when the reader has waited for bytes, while it does.
    waiting_since: Option<Instant>,
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
        while state.data.len() >= CAPACITY && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.data.extend(bytes);
        self.changed.notify_all();
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
        let mut state = self.wait(limits, cancel, |state| !state.data.is_empty())?;
        if state.data.is_empty() {
            return state.end.clone().unwrap_or(Ok(())).map(|()| 0);
        }
        let mut read = 0;
        let (front, back) = state.data.as_slices();
        for part in [front, back] {
            let room = buf.get_mut(read..).unwrap_or_default();
            let n = part.len().min(room.len());
            if let (Some(room), Some(part)) = (room.get_mut(..n), part.get(..n)) {
                room.copy_from_slice(part);
            }
            read += n;
        }
        state.data.drain(..read);
        self.changed.notify_all();
        Ok(read)
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
