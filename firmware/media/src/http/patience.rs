//! How long a server that broke off is asked for the rest.

use std::time::{Duration, Instant};

use crate::Limits;

/// The pause before a lost connection is asked for again; it doubles with every attempt that brings no byte.
const MIN_BACK_OFF: Duration = Duration::from_millis(50);
const MAX_BACK_OFF: Duration = Duration::from_secs(2);
/// The longest pause while the server refuses: that costs it next to nothing, and one that only starts anew is to be found in
/// time.
const REFUSED_BACK_OFF: Duration = Duration::from_millis(400);

/// What the attempts so far have come to.
#[derive(Debug)]
pub(super) struct Patience {
    limits: Limits,
    last_byte: Instant,
    back_off: Duration,
    /// Since when every attempt was refused.
    refused_since: Option<Instant>,
}

impl Patience {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self { limits, last_byte: now, back_off: MIN_BACK_OFF, refused_since: None }
    }

    /// Bytes have come.
    pub(super) fn renew(&mut self, now: Instant) {
        *self = Self::new(self.limits, now);
    }

    /// How long to wait before the next attempt.
    pub(super) fn pause(&mut self) -> Duration {
        let longest = if self.refused_since.is_some() { REFUSED_BACK_OFF } else { MAX_BACK_OFF };
        let pause = self.back_off.min(longest);
        self.back_off = (self.back_off * 2).min(MAX_BACK_OFF);
        pause
    }

    /// An attempt failed; it was `refused` if the server is there and says no. `waiting_since` is since when the reader has
    /// had nothing left. Returns whether it was the last.
    pub(super) fn is_over(&mut self, refused: bool, waiting_since: Option<Instant>, now: Instant) -> bool {
        self.refused_since = refused.then(|| self.refused_since.unwrap_or(now));
        let for_long = |since: Option<Instant>| {
            since.is_some_and(|since| now.saturating_duration_since(since) >= self.limits.refused)
        };
        self.is_exhausted(now) || (for_long(self.refused_since) && for_long(waiting_since))
    }

    /// Whether the last byte is so long ago that even an answer would come too late.
    pub(super) fn is_exhausted(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_byte) >= self.limits.give_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks again and again; how long after the last byte it is over. The reader has nothing left from `dry` on.
    fn ends_after(dry: Duration, refused: impl Fn(Duration) -> bool) -> Duration {
        let start = Instant::now();
        let mut patience = Patience::new(Limits::default(), start);
        let mut now = start;
        loop {
            now += patience.pause();
            let waiting_since = (now >= start + dry).then_some(start + dry);
            if patience.is_over(refused(now - start), waiting_since, now) {
                return now - start;
            }
        }
    }

    #[test]
    fn t30_a_server_that_refuses_is_asked_until_the_reader_has_waited_two_seconds() {
        for dry in [0, 3, 7] {
            let dry = Duration::from_secs(dry);
            let waited = ends_after(dry, |_| true) - dry;
            assert!(waited >= Duration::from_secs(2) && waited < Duration::from_millis(2500), "{dry:?}: {waited:?}");
        }
    }

    #[test]
    fn t17_one_that_is_silent_or_unreachable_is_asked_for_sixteen() {
        let ends = ends_after(Duration::ZERO, |_| false);
        assert!(ends >= Duration::from_secs(16) && ends <= Duration::from_secs(18), "{ends:?}");
    }

    #[test]
    fn refusals_count_from_the_first_of_them() {
        let ends = ends_after(Duration::ZERO, |time| time > Duration::from_secs(5));
        assert!(ends >= Duration::from_secs(7) && ends < Duration::from_secs(11), "{ends:?}");
    }

    #[test]
    fn s1_a_server_that_starts_anew_is_asked_often_enough_to_be_found() {
        let mut patience = Patience::new(Limits::default(), Instant::now());
        patience.is_over(true, None, Instant::now());
        assert!((0..100).all(|_| patience.pause() <= REFUSED_BACK_OFF));
    }
}
