//! Counts what the real-time thread asks of the allocator. It must stay 0: an allocator locks, and may ask the kernel.
//!
//! A thread that called [`watch`] is watched for the rest of its life. Freeing counts as well as allocating.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The system's allocator, with the count in front.
pub(crate) struct Guard;

static CALLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // `const`, and nothing to drop: reading it allocates nothing and works in every phase of a thread's life.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Counts this thread's calls from here on.
pub(crate) fn watch() {
    WATCHED.set(true);
}

/// Calls by watched threads so far.
pub(crate) fn calls() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

fn count() {
    if WATCHED.get() {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting touches no
// memory that it manages.
unsafe impl GlobalAlloc for Guard {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above; the memory came from the same allocator.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above; the memory came from the same allocator.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because the count is the whole process's.
    #[test]
    fn allocations_of_watched_threads_are_counted_and_of_others_not() {
        let before = calls();
        drop(std::hint::black_box(Box::new(1)));
        assert_eq!(calls(), before, "a thread that isn't watched");

        let counted = std::thread::spawn(|| {
            watch();
            let start = calls();
            let boxed = std::hint::black_box(Box::new(1));
            let allocated = calls();
            drop(boxed);
            let freed = calls();
            let mut grown = std::hint::black_box(Vec::<u8>::with_capacity(1));
            grown.reserve(4096);
            drop(std::hint::black_box(grown));
            (allocated - start, freed - allocated, calls() - freed)
        });
        assert_eq!(counted.join().unwrap_or_default(), (1, 1, 3));
    }
}
