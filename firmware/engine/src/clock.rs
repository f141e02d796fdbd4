//! CLOCK_MONOTONIC in nanoseconds.

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime_dynamic};

use crate::sanitizer::allowed;

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// Now. No system call where the kernel offers the clock through the vDSO.
pub(crate) fn now_ns() -> u64 {
    // Every kernel has this clock. But rustix's simpler call asserts it, which is a panic on the real-time thread.
    let time = clock_gettime_dynamic(DynamicClockId::Known(ClockId::Monotonic));
    // Monotonic time is never negative.
    time.map_or(0, |time| (time.tv_sec as u64).wrapping_mul(SECOND).wrapping_add(time.tv_nsec as u64))
}

/// Sleeps until `deadline_ns`; returns early only for a signal.
pub(crate) fn sleep_until(deadline_ns: u64) {
    let time = Timespec { tv_sec: (deadline_ns / SECOND) as i64, tv_nsec: (deadline_ns % SECOND) as _ };
    // An interrupted sleep is an early wake-up, which does no harm. Allowed: sleeping is the grid that the thread lives by.
    let _ = allowed(|| clock_nanosleep_absolute(ClockId::Monotonic, &time));
}

/// Frames that a clock of `rate` Hz plays in `ns`.
pub(crate) fn frames_in(ns: u64, rate: u32) -> u64 {
    let frames = u128::from(ns) * u128::from(rate) / u128::from(SECOND);
    u64::try_from(frames).unwrap_or(u64::MAX)
}

/// Frames in `ms` milliseconds at `rate` Hz; at least 1 unless `ms` is 0.
pub(crate) fn frames_in_ms(ms: u32, rate: u32) -> u32 {
    let frames = u64::from(ms) * u64::from(rate);
    u32::try_from(frames.div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f6_frames_are_counted_without_drift() {
        assert_eq!(frames_in(SECOND, 44_100), 44_100);
        assert_eq!(frames_in(1000 * 86_400 * SECOND, 44_100), 1000 * 86_400 * 44_100);
        assert_eq!(frames_in(SECOND / 44_100, 44_100), 0, "rounded down: the frame isn't over yet");
        assert_eq!(frames_in_ms(20, 44_100), 882);
        assert_eq!(frames_in_ms(1, 11_025), 12);
        assert_eq!(frames_in_ms(0, 48_000), 0);
    }

    #[test]
    fn sleeping_reaches_the_deadline() {
        let deadline = now_ns() + MILLISECOND;
        sleep_until(deadline);
        assert!(now_ns() >= deadline);
    }
}
