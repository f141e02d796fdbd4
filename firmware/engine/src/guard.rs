//! Counts what the real-time thread asks of the allocator. It must stay 0: an allocator locks, and may ask the kernel.
//!
//! The C library's functions themselves are counted, for everybody in this process calls them in the end: Rust's own
//! allocator, alsa-lib, the C library. This program's definitions come first wherever the dynamic linker looks for these
//! names, and pass every call on to glibc's by the names that glibc exports for that; or, with the feature `rtsan`, to those
//! that RealtimeSanitizer has for whoever stands in front of it.
//!
//! A thread that called [`watch`] is watched for the rest of its life. Freeing counts as well as allocating.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::{c_int, c_void, size_t};

#[cfg(not(target_env = "gnu"))]
compile_error!("the allocation guard passes calls on to glibc");

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

unsafe extern "C" {
    #[cfg_attr(feature = "rtsan", link_name = "__interceptor_malloc")]
    fn __libc_malloc(size: size_t) -> *mut c_void;
    #[cfg_attr(feature = "rtsan", link_name = "__interceptor_calloc")]
    fn __libc_calloc(count: size_t, size: size_t) -> *mut c_void;
    #[cfg_attr(feature = "rtsan", link_name = "__interceptor_realloc")]
    fn __libc_realloc(memory: *mut c_void, size: size_t) -> *mut c_void;
    #[cfg_attr(feature = "rtsan", link_name = "__interceptor_memalign")]
    fn __libc_memalign(alignment: size_t, size: size_t) -> *mut c_void;
    #[cfg_attr(feature = "rtsan", link_name = "__interceptor_free")]
    fn __libc_free(memory: *mut c_void);
}

/// As the C library's.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: size_t) -> *mut c_void {
    count();
    // SAFETY: any size will do.
    unsafe { __libc_malloc(size) }
}

/// As the C library's.
#[unsafe(no_mangle)]
extern "C" fn calloc(items: size_t, size: size_t) -> *mut c_void {
    count();
    // SAFETY: any sizes will do.
    unsafe { __libc_calloc(items, size) }
}

/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(memory: *mut c_void, size: size_t) -> *mut c_void {
    count();
    // SAFETY: the caller keeps the same contract: memory of this allocator, or none.
    unsafe { __libc_realloc(memory, size) }
}

/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(memory: *mut c_void) {
    count();
    // SAFETY: as above.
    unsafe { __libc_free(memory) }
}

/// As the C library's.
#[unsafe(no_mangle)]
extern "C" fn memalign(alignment: size_t, size: size_t) -> *mut c_void {
    count();
    // SAFETY: any numbers will do; glibc rounds an alignment up.
    unsafe { __libc_memalign(alignment, size) }
}

/// As the C library's.
#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(alignment: size_t, size: size_t) -> *mut c_void {
    memalign(alignment, size)
}

/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(to: *mut *mut c_void, alignment: size_t, size: size_t) -> c_int {
    if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<*mut c_void>()) {
        return libc::EINVAL;
    }
    let memory = memalign(alignment, size);
    if memory.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller gives a place for the address.
    unsafe { to.write(memory) };
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls that `work` makes on a watched thread.
    fn counted(work: impl FnOnce() + Send + 'static) -> u64 {
        let counted = std::thread::spawn(|| {
            watch();
            let before = calls();
            work();
            calls() - before
        });
        counted.join().expect("it ends")
    }

    /// One test, because the count is the whole process's.
    #[test]
    fn allocations_of_watched_threads_are_counted_rusts_and_cs_and_of_others_not() {
        let before = calls();
        drop(std::hint::black_box(Box::new(1)));
        assert_eq!(calls(), before, "a thread that isn't watched");

        assert_eq!(counted(|| drop(std::hint::black_box(Box::new(1)))), 2);
        let grown = || {
            let mut grown = std::hint::black_box(Vec::<u8>::with_capacity(1));
            grown.reserve(4096);
            drop(std::hint::black_box(grown));
        };
        assert_eq!(counted(grown), 3);
        #[repr(align(4096))]
        struct Page([u8; 4096]);
        let aligned = || {
            let page = std::hint::black_box(Box::new(Page([0; 4096])));
            assert!((&raw const page.0).addr().is_multiple_of(4096));
        };
        assert_eq!(counted(aligned), 2);
        // The C library's own code, which knows nothing of Rust.
        let in_c = || {
            // SAFETY: a text that ends in a zero.
            let copy = unsafe { libc::strdup(c"of C".as_ptr()) };
            // SAFETY: it came from there, and isn't used any more.
            unsafe { libc::free(std::hint::black_box(copy).cast()) };
        };
        assert_eq!(counted(in_c), 2);
        // And alsa-lib: a buffer for its messages.
        assert!(counted(|| drop(alsa::Output::buffer_open())) >= 2);
    }
}
