//! When to announce, and how long to wait with an answer.
use std::time::{Duration, Instant};

use super::MAX_AGE;

/// Datagrams get lost, so the first announcement is sent three times (UDA section 1.2.2).
const BURST: u32 = 3;

/// Between the announcements of a burst.
const BURST_GAP: Duration = Duration::from_millis(200);

/// The longest delay of an answer. UDA section 1.3.3 lets it be up to MX, to spread the answers of a network full of
/// devices; a home has few, and an owner who waits.
const MAX_RESPONSE_DELAY: Duration = Duration::from_secs(1);

/// When the next `ssdp:alive` set is due on one network.
#[derive(Debug, Clone)]
pub struct Schedule {
    next: Instant,
    burst_left: u32,
}

impl Schedule {
    /// Announces at once, and twice more shortly after.
    pub const fn new(now: Instant) -> Self {
        Self { next: now, burst_left: BURST }
    }

    /// When to call [`Schedule::poll`] next.
    pub const fn next(&self) -> Instant {
        self.next
    }

    /// Whether to announce now; if so, the following time is set.
    ///
    /// `random` is any random number: it places the repetition between a third and a half of [`MAX_AGE`] later, so
    /// that devices which were switched on together don't stay together, and one lost set doesn't matter.
    pub fn poll(&mut self, now: Instant, random: u32) -> bool {
        if now < self.next {
            return false;
        }
        self.burst_left = self.burst_left.saturating_sub(1);
        let wait = if self.burst_left > 0 { BURST_GAP } else { MAX_AGE / 3 + fraction(MAX_AGE / 6, random) };
        self.next = now + wait;
        true
    }
}

/// How long to wait with the answers to a search: a random part of `mx`, with room for the way back.
pub fn response_delay(mx: Duration, random: u32) -> Duration {
    fraction((mx / 5 * 4).min(MAX_RESPONSE_DELAY), random)
}

/// `whole` × `random` / 2³²: below `whole`.
fn fraction(whole: Duration, random: u32) -> Duration {
    let nanoseconds = (whole.as_nanos() * u128::from(random)) >> 32;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}
