//! What the host took from the virtual machine: how long the thread that its processors run in was ready to run and didn't get a core,
//! as the kernel counts it (`/proc/PID/task/TID/schedstat`: what it ran and what it waited, ns). Nothing else is evidence that
//! something came late because the machine was busy.
use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// What a thread ran and what it waited since it began, ns.
type Counts = [u64; 2];

/// Of each thread of a process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waits(HashMap<String, Counts>);

impl Waits {
    /// Of this process's threads, by now. Where the kernel doesn't count there is no evidence.
    pub(crate) fn now(process: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let of = |thread: fs::DirEntry| {
            let counted = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name().into_string().ok()?, counts(&counted)?))
        };
        Self(threads.filter_map(of).collect())
    }

    /// The longest that any of them has waited since.
    pub(super) fn any_since(&self, before: &Self) -> Duration {
        self.grown(before).map(|[_, waited]| waited).max().unwrap_or_default()
    }

    /// The longest that any of them has had work to do since: it ran, or was ready to.
    pub(super) fn busy_since(&self, before: &Self) -> Duration {
        self.grown(before).map(|[ran, waited]| ran + waited).max().unwrap_or_default()
    }

    /// What the one that has run most since has waited since: that is what emulates the processors, and nothing in the guest gets on
    /// without it.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        self.grown(before).max().map_or(Duration::ZERO, |[_, waited]| waited)
    }

    /// What each has run and waited since.
    fn grown(&self, before: &Self) -> impl Iterator<Item = [Duration; 2]> {
        self.0.iter().map(|(thread, [ran, waited])| {
            let [ran_before, waited_before] = before.0.get(thread).copied().unwrap_or_default();
            [ran.saturating_sub(ran_before), waited.saturating_sub(waited_before)].map(Duration::from_nanos)
        })
    }
}

#[cfg(test)]
impl Waits {
    /// Of one thread that has run and waited so long, ms.
    pub(super) fn of_one(counts_ms: [u64; 2]) -> Self {
        Self(HashMap::from([("1".to_owned(), counts_ms.map(|ms| ms * 1_000_000))]))
    }
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
        assert_eq!([after.any_since(&before), after.busy_since(&before)].map(|time| time.as_nanos()), [1100, 1300]);
        assert_eq!(Waits::default().since(&before), Duration::ZERO);
        assert_eq!(counts("16395776214 3782463546 71290\n"), Some([16_395_776_214, 3_782_463_546]));
        assert_eq!(counts("0"), None);
    }
}
