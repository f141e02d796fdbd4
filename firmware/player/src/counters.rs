//! What the parts that meet the network count, since the program's start. One thread has them all.

use std::cell::Cell;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// HTTP requests that were answered, whatever the answer.
    pub(crate) http_requests: Count,
    /// Connections that were closed at once: too many, or no file descriptor for them.
    pub(crate) http_refused: Count,
    /// Connections that ended with an error.
    pub(crate) http_errors: Count,
    /// Events that were delivered.
    pub(crate) events_sent: Count,
    /// Events that couldn't be.
    pub(crate) event_errors: Count,
    /// Rounds of SSDP announcements, over all interfaces.
    pub(crate) ssdp_rounds: Count,
    /// Searches that were answered.
    pub(crate) ssdp_answers: Count,
    /// SSDP datagrams that couldn't be sent or received.
    pub(crate) ssdp_errors: Count,
}

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Count(Cell<u64>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.set(self.0.get().saturating_add(1));
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}
