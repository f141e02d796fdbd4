//! The system calls that have no safe wrapper: scheduling, a thread's usage, a peer's groups.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use ring::{Policy, Thread};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Binds the calling thread to `core` and makes it SCHED_FIFO. Returns what was refused, for a human.
pub(crate) fn become_realtime(priority: u8, core: Option<u32>) -> Vec<String> {
    let mut refused = Vec::new();
    if let Some(core) = core {
        let mut set = CpuSet::new();
        if (core as usize) < CpuSet::MAX_CPU {
            set.set(core as usize);
        }
        if let Err(errno) = sched_setaffinity(None, &set) {
            refused.push(format!("core {core}: {errno}"));
        }
    }
    let parameters = libc::sched_param { sched_priority: i32::from(priority) };
    // SAFETY: 0 is the calling thread; the parameters are valid for the whole call and only read.
    let result =
        unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const parameters) };
    if result != 0 {
        refused.push(format!("SCHED_FIFO priority {priority}: {}", io::Error::last_os_error()));
    }
    refused
}

/// How the kernel schedules the calling thread.
pub(crate) fn thread_setup() -> Thread {
    // SAFETY: takes no pointers; 0 is the calling thread.
    let policy = unsafe { libc::sched_getscheduler(0) };
    let fifo = policy != -1 && policy & !libc::SCHED_RESET_ON_FORK == libc::SCHED_FIFO;
    let mut parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameters are valid for writing for the whole call.
    let known = unsafe { libc::sched_getparam(0, &raw mut parameters) } == 0;
    let priority = if known { u32::try_from(parameters.sched_priority).unwrap_or(0) } else { 0 };
    let core = sched_getaffinity(None).ok().filter(|set| set.count() == 1);
    let core = core.and_then(|set| (0..CpuSet::MAX_CPU).find(|&core| set.is_set(core)));
    Thread {
        policy: if fifo { Policy::Fifo } else { Policy::Other },
        priority,
        core: core.and_then(|core| u32::try_from(core).ok()),
    }
}

/// What a thread has cost so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Page faults: without I/O, with I/O.
    pub(crate) faults: [u64; 2],
    /// Context switches: voluntary, involuntary.
    pub(crate) switches: [u64; 2],
}

/// The calling thread's usage.
pub(crate) fn thread_usage() -> Usage {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is valid for writing a `rusage`.
    if unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) } != 0 {
        return Usage::default();
    }
    // SAFETY: the call succeeded, so it has filled all of it.
    let usage = unsafe { usage.assume_init() };
    let count = |n: libc::c_long| u64::try_from(n).unwrap_or(0);
    Usage {
        faults: [count(usage.ru_minflt), count(usage.ru_majflt)],
        switches: [count(usage.ru_nvcsw), count(usage.ru_nivcsw)],
    }
}

/// Whether the process at the other end of a unix socket had `group` among its supplementary groups when it connected.
pub(crate) fn peer_has_group(socket: impl AsFd, group: u32) -> bool {
    let mut groups = [0 as libc::gid_t; 256];
    let mut bytes = size_of_val(&groups) as libc::socklen_t;
    // SAFETY: the buffer is valid for writing `bytes` bytes, and `bytes` itself for reading and writing.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    let count = bytes as usize / size_of::<libc::gid_t>();
    // A peer in more groups than fit gets ERANGE, and no access through them.
    result == 0 && groups.iter().take(count).any(|&gid| gid == group)
}
