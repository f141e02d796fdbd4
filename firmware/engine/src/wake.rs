//! Waking another thread through an eventfd: it can be polled beside sockets, and ringing it never waits.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};

use crate::sanitizer::allowed;

/// A bell that any thread may ring and one waits for.
#[derive(Clone, Debug)]
pub(crate) struct Doorbell(Arc<OwnedFd>);

impl Doorbell {
    /// A bell whose [`answer`](Self::answer) returns at once.
    pub(crate) fn polled() -> std::io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// A bell whose [`answer`](Self::answer) waits until it is rung.
    pub(crate) fn waited_for() -> std::io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?)))
    }

    /// Rings. One write of 8 bytes; several rings before the answer count as one.
    pub(crate) fn ring(&self) {
        // It fails only when 2^64 - 2 rings are unanswered, and would wait only then: allowed.
        let _ = allowed(|| rustix::io::write(&*self.0, &1u64.to_ne_bytes()));
    }

    /// Takes the rings so far.
    pub(crate) fn answer(&self) {
        let mut count = [0; 8];
        // Nothing to take, or a signal: the caller looks around either way. Allowed: it waits where waiting is the purpose,
        // in the real-time thread while no stream is open.
        let _ = allowed(|| rustix::io::read(&*self.0, &mut count));
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
