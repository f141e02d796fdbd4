//! What all transfers together have brought, for whoever watches the network. Counts since the program's start.

use std::sync::atomic::{AtomicU64, Ordering};

static BYTES: AtomicU64 = AtomicU64::new(0);
static BROKEN: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// The counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of bodies that were received.
    pub bytes: u64,
    /// Transfers that broke off before their end, stalled ones among them. Most go on by a request for the rest.
    pub broken: u64,
    /// Requests that brought nothing: no connection, or an answer that is no resource.
    pub refused: u64,
}

/// How they stand.
#[must_use]
pub fn traffic() -> Traffic {
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Traffic { bytes: load(&BYTES), broken: load(&BROKEN), refused: load(&REFUSED) }
}

pub(crate) fn received(bytes: usize) {
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

pub(crate) fn broke_off() {
    BROKEN.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn brought_nothing() {
    REFUSED.fetch_add(1, Ordering::Relaxed);
}
