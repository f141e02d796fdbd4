//! What the host took from the virtual machine: how long its threads, and ours, were ready to run and didn't get a core, as the
//! kernel counts it (`/proc/PID/task/TID/schedstat`, the second figure). Nothing else is evidence that something came late
//! because the machine was busy.
use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Of each thread, what it has waited since it began, ns.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits(HashMap<String, u64>);

impl Waits {
    /// Of these processes' threads, by now. Where the kernel doesn't count there is no evidence.
    pub(super) fn now(processes: [u32; 2]) -> Self {
        let threads = processes.map(|process| fs::read_dir(format!("/proc/{process}/task")));
        let threads = threads.into_iter().flatten().flatten().flatten();
        let of = |thread: fs::DirEntry| {
            let counted = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name().into_string().ok()?, waited(&counted)?))
        };
        Self(threads.filter_map(of).collect())
    }

    /// What the one that waited longest has waited since, at least: what others waited may have been the same time.
    pub(super) fn since(&self, before: &Self) -> Duration {
        let of = |(thread, ns): (&String, &u64)| ns.saturating_sub(before.0.get(thread).copied().unwrap_or_default());
        Duration::from_nanos(self.0.iter().map(of).max().unwrap_or_default())
    }
}

/// The second of three figures, ns.
fn waited(counted: &str) -> Option<u64> {
    counted.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(all: &[(&str, u64)]) -> Waits {
        Waits(all.iter().map(|(thread, ns)| ((*thread).to_owned(), *ns)).collect())
    }

    #[test]
    fn the_longest_counts_and_none_is_no_evidence() {
        let before = waits(&[("1", 500), ("2", 900)]);
        assert_eq!(waits(&[("1", 800), ("2", 1000), ("3", 250)]).since(&before).as_nanos(), 300);
        assert_eq!(Waits::default().since(&before), Duration::ZERO);
        assert_eq!(waited("16395776214 3782463546 71290\n"), Some(3_782_463_546));
        assert_eq!(waited("0"), None);
    }
}
