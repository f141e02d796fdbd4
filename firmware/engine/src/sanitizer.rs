//! RealtimeSanitizer (LLVM's) as a witness that the real-time thread neither allocates nor calls what may wait.
//!
//! Only with the feature `rtsan`, for tests: its runtime stands in front of the C library's functions that allocate, lock
//! or wait, alsa-lib's calls included. The first of them on a thread that is [`watched`] ends the process with status 43
//! and a report of who called it. Without the feature nothing of this is there.

/// Does `work`, which is to be fit for a real-time thread.
pub(crate) fn watched<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(feature = "rtsan")]
    let _watched = rtsan_standalone::ScopedSanitizeRealtime::default();
    work()
}

/// Does `work`, one system call that playing takes although it may wait; the caller says why it may.
pub(crate) fn allowed<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(feature = "rtsan")]
    let _allowed = rtsan_standalone::ScopedDisabler::default();
    work()
}

#[cfg(feature = "rtsan")]
mod card {
    use libc::{c_int, c_ulong, c_void};

    unsafe extern "C" {
        fn __interceptor_ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int;
    }

    /// As the C library's, in front of the sanitizer's. Allowed, and only this of alsa-lib: it is how a sound card is asked and
    /// moved on, and a PCM that was opened non-blocking never waits in it.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
        // SAFETY: the caller keeps the same contract. The third argument comes as it would among variable ones.
        super::allowed(|| unsafe { __interceptor_ioctl(fd, request, argument) })
    }
}
