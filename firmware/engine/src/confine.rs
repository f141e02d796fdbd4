//! The kernel as a witness that the real-time thread makes the system calls of playing, and no others.
//!
//! A seccomp filter of this one thread: the first call that isn't on the list ends the process with SIGSYS. For tests; a
//! thread that is confined can't even end.

use std::io;
use std::os::fd::RawFd;

use libc::{c_long, c_ulong, sock_filter, sock_fprog};

/// What playing takes, whatever the arguments. A lock that is contended would be a `futex`, memory an `mmap` or a `brk`, a log a
/// `writev` or a `sendto`: none of them is here.
const ALLOWED: [c_long; 4] = [
    // Sleeping to the next deadline, also after a signal.
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    // Where the kernel has no clock in the vDSO.
    libc::SYS_clock_gettime,
    // Page faults and context switches, about once a second.
    libc::SYS_getrusage,
];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
/// Where `struct seccomp_data` has the call's number, its architecture, and the lower halves of the first two arguments: the kernel
/// reads no more of a descriptor or of the request of an `ioctl`.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const FIRST_AT: u32 = 16;
const SECOND_AT: u32 = 24;

/// The kind of request that PCMs take (`'A'`, include/uapi/sound/asound.h), in its place in an `ioctl`'s number. Their descriptors
/// are opened later than the filter is made, for each stream anew.
const KIND: u32 = 0xff00;
const OF_PCM: u32 = (b'A' as u32) << 8;

const ALLOW: sock_filter = instruction(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0);
const KILL: sock_filter = instruction(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0, 0);

/// The bells of the thread: nothing else is read or written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bells {
    /// The descriptor that it reads: its own.
    pub(crate) own: RawFd,
    /// The descriptor that it writes: *control*'s.
    pub(crate) control: RawFd,
}

/// The filter: another architecture's call or one that isn't allowed kills.
fn filter(bells: Bells) -> [sock_filter; 4 + 2 * ALLOWED.len() + 14] {
    let Bells { own, control } = bells;
    let mut filter = [KILL; 4 + 2 * ALLOWED.len() + 14];
    let head = [
        instruction(LOAD_WORD, ARCHITECTURE_AT, 0, 0),
        instruction(JUMP_IF_EQUAL, ARCHITECTURE, 1, 0),
        KILL,
        instruction(LOAD_WORD, NUMBER_AT, 0, 0),
    ];
    let calls = ALLOWED.iter().flat_map(|&call| [instruction(JUMP_IF_EQUAL, call as u32, 0, 1), ALLOW]);
    let arguments = [
        instruction(JUMP_IF_EQUAL, libc::SYS_read as u32, 0, 3),
        instruction(LOAD_WORD, FIRST_AT, 0, 0),
        instruction(JUMP_IF_EQUAL, own as u32, 9, 0),
        KILL,
        instruction(JUMP_IF_EQUAL, libc::SYS_write as u32, 0, 3),
        instruction(LOAD_WORD, FIRST_AT, 0, 0),
        instruction(JUMP_IF_EQUAL, control as u32, 5, 0),
        KILL,
        instruction(JUMP_IF_EQUAL, libc::SYS_ioctl as u32, 0, 4),
        instruction(LOAD_WORD, SECOND_AT, 0, 0),
        instruction(AND, KIND, 0, 0),
        instruction(JUMP_IF_EQUAL, OF_PCM, 0, 1),
        ALLOW,
        KILL,
    ];
    for (place, instruction) in filter.iter_mut().zip(head.into_iter().chain(calls).chain(arguments)) {
        *place = instruction;
    }
    filter
}

/// Arguments as wide as the kernel reads them.
const ZERO: c_ulong = 0;
const ONE: c_ulong = 1;

const fn instruction(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Confines the calling thread, for good, to calls with these bells.
pub(crate) fn confine(bells: Bells) -> io::Result<()> {
    let mut filter = filter(bells);
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
    use std::os::fd::{AsFd, AsRawFd};
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::clock;
    use crate::wake::Doorbell;

    static PLAYED: AtomicBool = AtomicBool::new(false);

    /// What the child of the next test does.
    const DOES: &str = "TENUTO_CONFINED_TEST_DOES";

    /// The child: confines a thread and calls what it was told to; without the variable there is nothing to do.
    #[test]
    fn the_confined_process() {
        let Ok(does) = std::env::var(DOES) else { return };
        // Where the kernel has the clock is looked up once.
        clock::now_ns();
        let [own, control] = [(); 2].map(|()| Doorbell::polled().expect("a bell"));
        let other = Doorbell::polled().expect("a bell");
        let bells = Bells { own: own.as_fd().as_raw_fd(), control: control.as_fd().as_raw_fd() };
        let confined = std::thread::spawn(move || {
            confine(bells).expect("this kernel has seccomp");
            match does.as_str() {
                "play" => {
                    control.ring();
                    // Empty, and it doesn't wait.
                    own.answer();
                    // Fails, as it is no PCM; but it may be asked.
                    // SAFETY: takes no pointers.
                    unsafe { libc::ioctl(bells.own, libc::_IO(b'A' as u32, 0x40)) };
                    clock::sleep_until(clock::now_ns() + clock::MILLISECOND);
                    crate::sys::thread_usage();
                    PLAYED.store(true, Ordering::Release);
                    // It can't end by itself any more.
                    loop {
                        clock::sleep_until(clock::now_ns() + clock::SECOND);
                    }
                }
                "write" => other.ring(),
                "read" => control.answer(),
                "log" => {
                    // SAFETY: the text is valid for the whole call.
                    unsafe { libc::write(libc::STDERR_FILENO, b"late".as_ptr().cast(), 4) };
                }
                "terminal" => {
                    // SAFETY: takes no pointers. The request is none of a PCM's.
                    unsafe { libc::ioctl(bells.own, libc::FIOCLEX) };
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
        for does in ["lock", "ask", "write", "read", "log", "terminal"] {
            assert_eq!(end_of(does).signal(), Some(libc::SIGSYS), "{does}");
        }
        assert_eq!(end_of("play").code(), Some(0));
    }
}
