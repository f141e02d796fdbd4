//! Counting by single steps of the CPU itself: whatever this machine has, AVX-512 included.
//!
//! A step takes microseconds. So only the calls are stepped through: the program stops itself in front of them and behind.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use kernels::Set;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::Calls;

/// Bytes that a counted call writes.
pub(super) const BYTES: usize = 16 << 10;
/// Calls, of which the difference is the kernel's.
pub(super) const CALLS: [u32; 2] = [1, 2];
/// More than any kernel takes for them; what never stops is ended.
const MOST_STEPS: u64 = 10_000_000;

/// Instructions of `program`, which is `bench`, from its first stop to its second (`--stepped`).
pub(super) fn count(calls: Calls<'_>, program: &Path) -> Option<u64> {
    let child = Command::new(program).arg("--stepped").args(calls.arguments()).stdin(Stdio::null()).spawn();
    let mut child = Stepped(child.ok()?);
    let pid = Pid::from_raw(i32::try_from(child.0.id()).ok()?);
    if waitpid(pid, None).ok()? != WaitStatus::Stopped(pid, Signal::SIGSTOP) {
        return None;
    }
    for steps in 0..MOST_STEPS {
        ptrace::step(pid, None).ok()?;
        match waitpid(pid, None).ok()? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
            WaitStatus::Stopped(_, Signal::SIGSTOP) => return Some(steps),
            _ => break,
        }
    }
    child.end();
    None
}

/// A child that isn't left behind, stopped.
struct Stepped(Child);

impl Stepped {
    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

impl Drop for Stepped {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the child does; `None` if it can't.
#[must_use]
pub fn run(kernel: &str, set: &str, bytes: usize, calls: u32) -> Option<()> {
    let mut bench = Set::from_name(set)?.bench(kernel, bytes)?;
    // What is looked up once, such as the place of memcpy.
    bench.run();
    ptrace::traceme().ok()?;
    raise(Signal::SIGSTOP).ok()?;
    for _ in 0..calls {
        bench.run();
    }
    raise(Signal::SIGSTOP).ok()
}
