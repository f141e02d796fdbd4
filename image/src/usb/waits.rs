//! What the host took from the virtual machine: how long the thread that its processors run in was ready to run and didn't get a core,
//! as the kernel counts it (`/proc/PID/task/TID/schedstat`: what it ran and what it waited, ns). Nothing else is evidence that
//! something came late because the machine was busy.
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// What a thread ran and what it waited since it began, ns.
type Counts = [u64; 2];

/// Of each thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits(HashMap<String, Counts>);

impl Waits {
    /// Of this process's threads, by now. Where the kernel doesn't count there is no evidence.
    pub(super) fn now(process: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let of = |thread: fs::DirEntry| {
            let counted = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name().into_string().ok()?, counts(&counted)?))
        };
        Self(threads.filter_map(of).collect())
    }

    /// What the one that has run most since has waited since: that is what emulates the processors, and nothing in the guest gets on
    /// without it.
    pub(super) fn since(&self, before: &Self) -> Duration {
        let of = |(thread, now): (&String, &Counts)| {
            let before = before.0.get(thread).copied().unwrap_or_default();
            [now[0].saturating_sub(before[0]), now[1].saturating_sub(before[1])]
        };
        Duration::from_nanos(self.0.iter().map(of).max().map_or(0, |[_, waited]| waited))
    }
}

/// What a process had waited at moments one after the other.
#[derive(Debug)]
pub(super) struct Watch {
    process: u32,
    looks: RefCell<Vec<(Instant, Waits)>>,
}

impl Watch {
    pub(super) fn new(process: u32) -> Self {
        Self { process, looks: RefCell::default() }
    }

    /// Forgets what was seen so far.
    pub(super) fn forget(&self) {
        self.looks.borrow_mut().clear();
    }

    /// Looks now.
    pub(super) fn look(&self) -> Waits {
        let waits = Waits::now(self.process);
        self.looks.borrow_mut().push((Instant::now(), waits.clone()));
        waits
    }

    /// What it had waited at the last look before this moment; nothing is known of what was before the first.
    pub(super) fn at(&self, then: Instant) -> Waits {
        let looks = self.looks.borrow();
        looks.iter().rfind(|(at, _)| *at <= then).map(|(_, waits)| waits.clone()).unwrap_or_default()
    }

    /// The most that it is known to have waited within so long.
    pub(super) fn most_within(&self, window: Duration) -> Duration {
        most_within(&self.looks.borrow(), window)
    }
}

/// By these looks. Between two that are further apart each window has what is left of their waits if all the rest was waited in.
fn most_within(looks: &[(Instant, Waits)], window: Duration) -> Duration {
    let mut most = Duration::ZERO;
    let mut first = 0;
    for (at, waits) in looks {
        let apart = |n: usize| looks.get(n).map_or(Duration::ZERO, |(before, _)| at.saturating_duration_since(*before));
        while apart(first) > window {
            first += 1;
        }
        for n in [first.saturating_sub(1), first] {
            let waited = looks.get(n).map_or(Duration::ZERO, |(_, before)| waits.since(before));
            most = most.max(waited.saturating_sub(apart(n).saturating_sub(window)));
        }
    }
    most.min(window)
}

/// The first two of three figures.
fn counts(counted: &str) -> Option<Counts> {
    let mut figures = counted.split_ascii_whitespace().map_while(|figure| figure.parse().ok());
    Some([figures.next()?, figures.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(all: &[(&str, Counts)]) -> Waits {
        Waits(all.iter().map(|(thread, counts)| ((*thread).to_owned(), *counts)).collect())
    }

    #[test]
    fn the_one_that_works_counts_and_none_is_no_evidence() {
        let before = waits(&[("1", [1000, 500]), ("2", [9000, 900])]);
        let after = waits(&[("1", [2000, 800]), ("2", [9100, 2000]), ("3", [50, 250])]);
        assert_eq!(after.since(&before).as_nanos(), 300);
        assert_eq!(Waits::default().since(&before), Duration::ZERO);
        assert_eq!(counts("16395776214 3782463546 71290\n"), Some([16_395_776_214, 3_782_463_546]));
        assert_eq!(counts("0"), None);
    }

    #[test]
    fn only_what_was_waited_within_a_window_is_the_most() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let ms = |ms| Duration::from_millis(ms);
        // When, and what had been waited by then, ms.
        let most = |looks: &[(u64, u64)]| {
            let looks: Vec<_> = looks
                .iter()
                .map(|(at, waited)| (start + ms(*at), waits(&[("1", [at * 1_000_000, waited * 1_000_000])])))
                .collect();
            most_within(&looks, second)
        };
        assert_eq!(most(&[]), ms(0));
        assert_eq!(most(&[(0, 500)]), ms(0), "before the first look");
        let slowly: Vec<_> = (0..40).map(|n| (n * 100, n * 30)).collect();
        assert_eq!(most(&slowly), ms(300), "not the sum");
        assert_eq!(most(&[(0, 0), (500, 400), (1000, 800), (9000, 900)]), ms(800));
        assert_eq!(most(&[(0, 0), (3000, 2900)]), ms(900), "0.1 s of three wasn't waited");
        assert_eq!(most(&[(0, 0), (3000, 1900)]), ms(0), "it may have been in the other two seconds");
    }

    #[test]
    fn what_was_waited_by_a_moment_is_what_a_look_before_it_saw() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let watch = Watch::new(0);
        let looks = [(start + second, 100), (start + 3 * second, 900)];
        *watch.looks.borrow_mut() = looks.map(|(at, waited)| (at, waits(&[("1", [1, waited])]))).to_vec();
        let waited = |at: Instant| watch.at(at).since(&Waits::default()).as_nanos();
        assert_eq!([0, 1, 2, 3, 4].map(|n| waited(start + n * second)), [0, 100, 100, 900, 900]);
    }
}
