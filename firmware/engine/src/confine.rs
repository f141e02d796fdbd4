//! The kernel as a witness that the real-time thread makes the system calls of playing, and no others.
//!
//! A seccomp filter of this one thread: the first call that isn't on the list ends the process with SIGSYS. For tests; a
//! thread that is confined can't even end.

use std::os::fd::RawFd;

use libc::c_long;
use sandbox::{Argument, Calls, Error, Filter, Otherwise};

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

/// The kind of request that PCMs take (`'A'`, include/uapi/sound/asound.h), in its place in an `ioctl`'s number. Their descriptors
/// are opened later than the filter is made, for each stream anew.
const KIND: u32 = 0xff00;
const OF_PCM: u32 = (b'A' as u32) << 8;

/// The bells of the thread: nothing else is read or written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bells {
    /// The descriptor that it reads: its own.
    pub(crate) own: RawFd,
    /// The descriptor that it writes: *control*'s.
    pub(crate) control: RawFd,
}

/// The list for a thread with these bells.
pub(crate) fn filter(bells: Bells) -> Result<Filter, Error> {
    let Bells { own, control } = bells;
    let calls = Calls::any(&ALLOWED).with(libc::SYS_read, [Argument::is(0, own.cast_unsigned())?])?;
    let calls = calls.with(libc::SYS_write, [Argument::is(0, control.cast_unsigned())?])?;
    calls.with(libc::SYS_ioctl, [Argument::has(1, KIND, OF_PCM)?])?.only(Otherwise::End)
}

/// Confines the calling thread, for good.
// A symbol of its own: tests/no_panic.rs leaves it out, as it is called before the thread plays.
#[inline(never)]
pub(crate) fn confine(filter: &Filter) -> Result<(), Error> {
    filter.confine_thread()
}

#[cfg(test)]
#[allow(unsafe_code, reason = "makes system calls that playing doesn't take")]
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
        let filter = filter(bells).expect("a list");
        let confined = std::thread::spawn(move || {
            confine(&filter).expect("this kernel has seccomp");
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
