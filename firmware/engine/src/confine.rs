//! The kernel as a witness that the real-time thread makes the system calls of playing, and no others.
//!
//! A seccomp filter of this one thread: the first call that isn't on the list ends the process with SIGSYS. For tests; a
//! thread that is confined can't even end.

use std::io;

use libc::{c_long, c_ulong, sock_filter, sock_fprog};

/// What playing takes. A lock that is contended would be a `futex`, memory an `mmap` or a `brk`, a log a `writev` or a
/// `sendto`: none of them is here.
const ALLOWED: [c_long; 7] = [
    // Sleeping to the next deadline, also after a signal.
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    // Where the kernel has no clock in the vDSO.
    libc::SYS_clock_gettime,
    // The bells.
    libc::SYS_read,
    libc::SYS_write,
    // Page faults and context switches, about once a second.
    libc::SYS_getrusage,
    // The sound card.
    libc::SYS_ioctl,
];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
/// Where `struct seccomp_data` has the call's number, and its architecture.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;

/// The filter: another architecture's call or one that isn't allowed kills.
const FILTER: [sock_filter; ALLOWED.len() + 5] = {
    let mut filter = [instruction(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0); ALLOWED.len() + 5];
    filter[0] = instruction(LOAD_WORD, ARCHITECTURE_AT, 0, 0);
    filter[1] = instruction(JUMP_IF_EQUAL, ARCHITECTURE, 0, ALLOWED.len() as u8 + 1);
    filter[2] = instruction(LOAD_WORD, NUMBER_AT, 0, 0);
    let mut n = 0;
    while n < ALLOWED.len() {
        // On to the last instruction, which allows; else to the next one.
        filter[3 + n] = instruction(JUMP_IF_EQUAL, ALLOWED[n] as u32, (ALLOWED.len() - n) as u8, 0);
        n += 1;
    }
    filter[ALLOWED.len() + 3] = instruction(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0, 0);
    filter
};

/// Arguments as wide as the kernel reads them.
const ZERO: c_ulong = 0;
const ONE: c_ulong = 1;

const fn instruction(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Confines the calling thread, for good.
pub(crate) fn confine() -> io::Result<()> {
    let mut filter = FILTER;
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    let mode = c_ulong::from(libc::SECCOMP_MODE_FILTER);
    // SAFETY: takes numbers only. It has to come first for a process without CAP_SYS_ADMIN.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, ONE, ZERO, ZERO, ZERO) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the program and its instructions are valid for the whole call, in which the kernel copies them.
    if unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::clock;

    static PLAYED: AtomicBool = AtomicBool::new(false);

    /// What the child of the next test does.
    const DOES: &str = "TENUTO_CONFINED_TEST_DOES";

    /// The child: confines a thread and calls what it was told to; without the variable there is nothing to do.
    #[test]
    fn the_confined_process() {
        let Ok(does) = std::env::var(DOES) else { return };
        // Where the kernel has the clock is looked up once.
        clock::now_ns();
        let confined = std::thread::spawn(move || {
            confine().expect("this kernel has seccomp");
            match does.as_str() {
                "play" => {
                    clock::sleep_until(clock::now_ns() + clock::MILLISECOND);
                    crate::sys::thread_usage();
                    PLAYED.store(true, Ordering::Release);
                    // It can't end by itself any more.
                    loop {
                        clock::sleep_until(clock::now_ns() + clock::SECOND);
                    }
                }
                "lock" => {
                    let word = 0u32;
                    // SAFETY: the word is valid for the whole call; nobody waits for it.
                    unsafe { libc::syscall(libc::SYS_futex, &raw const word, libc::FUTEX_WAKE, 0) };
                }
                _ => {
                    // SAFETY: takes no pointers.
                    unsafe { libc::getppid() };
                }
            }
        });
        while !PLAYED.load(Ordering::Acquire) && !confined.is_finished() {
            std::thread::yield_now();
        }
        std::process::exit(0);
    }

    fn end_of(does: &str) -> std::process::ExitStatus {
        let exe = std::env::current_exe().expect("this test's program");
        let mut child = Command::new(exe);
        child.args(["--exact", "confine::tests::the_confined_process", "--test-threads=1"]).env(DOES, does);
        child.output().expect("it starts").status
    }

    #[test]
    fn what_is_not_on_the_list_ends_the_process() {
        for does in ["lock", "ask"] {
            assert_eq!(end_of(does).signal(), Some(libc::SIGSYS), "{does}");
        }
        assert_eq!(end_of("play").code(), Some(0));
    }
}
