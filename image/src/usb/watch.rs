//! What the host took, and how busy the machine was, at each moment: totals that are looked at again and again.
use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::proved::RING;
use super::waits::Waits;

/// What had been run and waited by some moment.
#[derive(Debug, Clone)]
struct Look {
    at: Instant,
    machine: Waits,
    /// The DAC, which is this process.
    own: Waits,
}

/// Looks at a machine, and at the DAC.
#[derive(Debug)]
pub(super) struct Watch {
    machine: u32,
    looks: RefCell<Vec<Look>>,
}

impl Watch {
    pub(super) fn new(machine: u32) -> Self {
        Self { machine, looks: RefCell::default() }
    }

    /// Forgets what was seen so far, but for the last look.
    pub(super) fn forget(&self) {
        let mut looks = self.looks.borrow_mut();
        let last = looks.len().saturating_sub(1);
        looks.drain(..last);
    }

    /// Looks now; returns the machine's.
    pub(super) fn look(&self) -> Waits {
        let [machine, own] = [self.machine, std::process::id()].map(Waits::now);
        self.looks.borrow_mut().push(Look { at: Instant::now(), machine: machine.clone(), own });
        machine
    }

    /// What the machine is known to have waited within so long before a moment.
    pub(super) fn held_before(&self, at: Instant, window: Duration) -> Duration {
        let looks = self.looks.borrow();
        let Some((first, last)) = around(&looks, at.checked_sub(window).unwrap_or(at), at) else {
            return Duration::ZERO;
        };
        // What the looks are further apart may have been waited outside of it.
        let apart = last.at.saturating_duration_since(first.at);
        last.machine.since(&first.machine).saturating_sub(apart.saturating_sub(window)).min(window)
    }

    /// The part of a time that its busiest thread had work to do in: of the [`RING`] that ended at the moment, or
    /// up to so long before it, the busiest.
    pub(super) fn busy_before(&self, at: Instant, before: Duration) -> f64 {
        let looks = self.looks.borrow();
        let earliest = at.checked_sub(before + RING).unwrap_or(at);
        let first = looks.iter().rposition(|look| look.at <= earliest).unwrap_or_default();
        let last = looks.iter().position(|look| look.at >= at).unwrap_or(looks.len().saturating_sub(1));
        busy_within(looks.get(first..=last).unwrap_or_default(), RING)
    }

    /// The most that the machine is known to have waited within so long.
    pub(super) fn held_within(&self, window: Duration) -> Duration {
        held_within(&self.looks.borrow(), window)
    }

    /// What the host took from machine or DAC from one moment to another, at most.
    pub(super) fn taken(&self, from: Instant, to: Instant) -> Duration {
        let looks = self.looks.borrow();
        let Some((first, last)) = around(&looks, from, to) else { return Duration::ZERO };
        last.machine.any_since(&first.machine) + last.own.any_since(&first.own)
    }
}

/// The last look before a time, and the first one behind it; or the first and the last of all.
fn around(looks: &[Look], from: Instant, to: Instant) -> Option<(&Look, &Look)> {
    let first = looks.iter().rfind(|look| look.at <= from).or(looks.first());
    let last = looks.iter().find(|look| look.at >= to).or(looks.last());
    first.zip(last)
}

/// Between two looks that are further apart each window has what is left of their waits if all the rest was waited in.
fn held_within(looks: &[Look], window: Duration) -> Duration {
    let mut most = Duration::ZERO;
    let mut first = 0;
    for Look { at, machine, .. } in looks {
        let apart = |n: usize| looks.get(n).map_or(Duration::ZERO, |before| at.saturating_duration_since(before.at));
        while apart(first) > window {
            first += 1;
        }
        for n in [first.saturating_sub(1), first] {
            let waited = looks.get(n).map_or(Duration::ZERO, |before| machine.since(&before.machine));
            most = most.max(waited.saturating_sub(apart(n).saturating_sub(window)));
        }
    }
    most.min(window)
}

/// The greatest part of a time, which is at least so long, that its busiest thread had work to do in: 1 is all of it.
fn busy_within(looks: &[Look], window: Duration) -> f64 {
    let mut most = 0.0_f64;
    let mut first = 0;
    for Look { at, machine, .. } in looks {
        let since = |n: usize| looks.get(n).map(|before| (at.saturating_duration_since(before.at), before));
        // The latest of those that are far enough behind.
        while since(first + 1).is_some_and(|(apart, _)| apart >= window) {
            first += 1;
        }
        if let Some((apart, before)) = since(first).filter(|(apart, _)| *apart >= window) {
            most = most.max(machine.busy_since(&before.machine).as_secs_f64() / apart.as_secs_f64());
        }
    }
    most
}

#[cfg(test)]
impl Watch {
    /// By such a time after `since` a thread of the machine had run and waited so long, ms.
    pub(super) fn of_one(since: Instant, all: impl IntoIterator<Item = (u64, [u64; 2])>) -> Self {
        let look = |(at, counts)| Look {
            at: since + Duration::from_millis(at),
            machine: Waits::of_one(counts),
            own: Waits::default(),
        };
        Self { machine: 0, looks: RefCell::new(all.into_iter().map(look).collect()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_what_was_waited_within_a_window_is_the_most() {
        let now = Instant::now();
        // When, and what had been waited by then, ms.
        let most = |looks: &[(u64, u64)]| {
            Watch::of_one(now, looks.iter().map(|(at, waited)| (*at, [*at, *waited]))).held_within(SECOND).as_millis()
        };
        assert_eq!(most(&[]), 0);
        assert_eq!(most(&[(0, 500)]), 0, "before the first look");
        let slowly: Vec<_> = (0..40).map(|n| (n * 100, n * 30)).collect();
        assert_eq!(most(&slowly), 300, "not the sum");
        assert_eq!(most(&[(0, 0), (500, 400), (1000, 800), (9000, 900)]), 800);
        assert_eq!(most(&[(0, 0), (3000, 2900)]), 900, "0.1 s of three wasn't waited");
        assert_eq!(most(&[(0, 0), (3000, 1900)]), 0, "it may have been in the other two seconds");
    }

    #[test]
    fn a_processor_is_busy_that_runs_or_waits_all_the_time() {
        let now = Instant::now();
        let most = |looks: &[(u64, [u64; 2])]| {
            (busy_within(&Watch::of_one(now, looks.to_vec()).looks.borrow(), SECOND) * 100.0).round()
        };
        assert_eq!([most(&[]), most(&[(0, [0, 0]), (900, [900, 0])])], [0.0; 2], "no second was seen");
        let each = |ran: u64, waited: u64| (0..40).map(|n| (n * 100, [n * ran, n * waited])).collect::<Vec<_>>();
        assert_eq!([most(&each(50, 10)), most(&each(60, 39))], [60.0, 99.0]);
        // Half a second is none.
        let burst: Vec<_> = (0..40).map(|n: u64| (n * 100, [n.clamp(15, 20) * 100, 0])).collect();
        assert_eq!(most(&burst), 50.0);
    }

    #[test]
    fn only_what_was_before_a_moment_is_before_it() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        // Busy for the third second, and held up in it.
        let busy = |n: u64| (25 * n, [25 * n.clamp(80, 120), 15 * n.clamp(80, 120)]);
        let watch = Watch::of_one(now, (0..400).map(busy));
        let held = [1990, 2200, 3000, 4000].map(|ms| watch.held_before(at(ms), SECOND / 5).as_millis());
        assert_eq!(held, [0, 120, 120, 0]);
        let busy = [1990, 2500, 3000, 3100, 4500].map(|ms| (watch.busy_before(at(ms), SECOND / 10) * 10.0).round());
        assert_eq!(busy, [0.0, 8.0, 16.0, 16.0, 0.0]);
        assert_eq!(Watch::new(0).held_before(now, SECOND), Duration::ZERO);
        assert_eq!(Watch::new(0).busy_before(now, SECOND), 0.0);
    }

    #[test]
    fn what_was_taken_is_what_was_waited_around_it() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let watch = Watch::of_one(now, [(0, [0, 0]), (190, [0, 900]), (2000, [0, 901])]);
        let taken = |from, to| watch.taken(at(from), at(to)).as_millis();
        assert_eq!([taken(10, 20), taken(190, 500), taken(0, 3000)], [900, 1, 901]);
        watch.forget();
        assert_eq!((watch.looks.borrow().len(), taken(0, 3000)), (1, 0));
    }
}
