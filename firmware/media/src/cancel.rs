//! Stopping a blocked reader from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes an [`open`](crate::open()) or a read that is under way, or any later one, return
/// [`Kind::Cancelled`](crate::Kind::Cancelled) within about 100 ms. Clones belong together.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    cancelled: Arc<AtomicBool>,
}

impl Cancel {
    /// One that isn't cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels for good.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
