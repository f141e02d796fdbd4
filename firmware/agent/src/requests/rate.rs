//! How often something may be asked for: a few times at once, then now and then.

use std::time::{Duration, Instant};

/// So many at once.
const AT_ONCE: u32 = 5;
/// And one more after each of these.
const EVERY: Duration = Duration::from_secs(2);

/// Who counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    left: u32,
    since: Instant,
}

impl Rate {
    pub(crate) fn new(now: Instant) -> Self {
        Self { left: AT_ONCE, since: now }
    }

    /// Whether one more is allowed now.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        let more = now.saturating_duration_since(self.since).as_millis() / EVERY.as_millis();
        let more = u32::try_from(more).unwrap_or(AT_ONCE).min(AT_ONCE);
        if more > 0 {
            self.left = (self.left + more).min(AT_ONCE);
            self.since = now;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_and_then_one_every_two_seconds() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        assert_eq!((0..7).filter(|_| rate.allows(start)).count(), 5);
        assert!(!rate.allows(start + EVERY / 2));
        assert!(rate.allows(start + EVERY) && !rate.allows(start + EVERY));
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..7).filter(|_| rate.allows(later)).count(), 5);
    }
}
