//! How much memory the appliance's programs have, for `/status.json`.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two searches for programs that weren't found: a search reads a file of each process.
const SEARCH: Duration = Duration::from_secs(10);

/// The programs, by name, in the order of [`Memory::resident`].
pub(super) const PROGRAMS: [&str; 3] = ["player", "engine", "agent"];

/// Where they were found last.
#[derive(Default)]
pub(super) struct Memory {
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    processes: [Option<u32>; PROGRAMS.len()],
    searched: Option<Instant>,
}

impl Memory {
    /// Resident bytes of each program; `None` for one that doesn't run.
    pub(super) fn resident(&self) -> [Option<u64>; PROGRAMS.len()] {
        let mut found = self.found.borrow_mut();
        for (process, program) in found.processes.iter_mut().zip(PROGRAMS) {
            if process.is_some_and(|id| name_of(id).as_deref() != Some(program)) {
                *process = None;
            }
        }
        let missing = found.processes.iter().any(Option::is_none);
        if missing && found.searched.is_none_or(|time| time.elapsed() >= SEARCH) {
            found.searched = Some(Instant::now());
            found.processes = search();
        }
        found.processes.map(|process| process.and_then(resident))
    }
}

fn search() -> [Option<u32>; PROGRAMS.len()] {
    let mut found = [None; PROGRAMS.len()];
    // Where there are several, this is the one that is meant.
    let own = std::process::id();
    let all = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for id in ids.filter(|id| *id != own).chain([own]) {
        let Some(name) = name_of(id) else { continue };
        for (slot, _) in found.iter_mut().zip(PROGRAMS).filter(|(_, program)| *program == name) {
            *slot = Some(id);
        }
    }
    found
}

fn name_of(process: u32) -> Option<String> {
    Some(fs::read_to_string(Path::new("/proc").join(process.to_string()).join("comm")).ok()?.trim().to_owned())
}

fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).ok()?;
    vm_rss(&status)
}

/// `VmRSS:     1234 kB` of `/proc/PID/status` (proc(5)), in bytes.
fn vm_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figure_is_read() {
        assert_eq!(vm_rss("Name:\tplayer\nVmRSS:\t    1234 kB\nThreads:\t4\n"), Some(1234 * 1024));
        assert_eq!(vm_rss("Name:\tkthreadd\n"), None);
        assert!(resident(std::process::id()).is_some_and(|bytes| bytes > 0));
    }
}
