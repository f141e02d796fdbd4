//! The one kind of cell that shared memory is made of.

use std::sync::atomic::{AtomicU64, Ordering};

/// A 64-bit atomic cell.
///
/// The protocols of this crate are generic over it, so that the same code runs on shared memory, under Miri (which
/// can't map a memfd) and under loom (which brings its own atomics). Zero must be a valid initial value: a fresh memfd
/// is all zeros.
pub trait Word {
    /// A cell that holds `value`.
    fn new(value: u64) -> Self;
    /// Reads without ordering: for words that this side alone writes, or that are validated anyway.
    fn get(&self) -> u64;
    /// Writes without ordering.
    fn set(&self, value: u64);
    /// Reads; what the writer did before its [`release`](Word::release) of the value read is visible afterwards.
    fn acquire(&self) -> u64;
    /// Writes; everything done before is visible to who [`acquire`](Word::acquire)s the value.
    fn release(&self, value: u64);
}

impl Word for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64) {
        self.store(value, Ordering::Relaxed);
    }

    fn acquire(&self) -> u64 {
        self.load(Ordering::Acquire)
    }

    fn release(&self, value: u64) {
        self.store(value, Ordering::Release);
    }
}
