//! Counting by QEMU's user mode: ARM, on a PC. It writes a line for each instruction that it carries out.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::Calls;

/// The emulator; Debian's, as `tests/run` uses it.
const QEMU: &str = "qemu-aarch64-static";
/// Bytes that a counted call writes.
pub(super) const BYTES: usize = 16 << 10;
/// Calls, of which the difference is the kernel's.
pub(super) const CALLS: [u32; 2] = [1, 3];

/// Instructions of `program`, which is `count` for ARM, while it does these calls.
pub(super) fn count(calls: Calls<'_>, program: &Path) -> Option<u64> {
    let mut child = Command::new(QEMU)
        .args([one_by_one()?, "-d", "exec,nochain"])
        .arg(program)
        .args(calls.arguments())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut log = BufReader::with_capacity(1 << 20, child.stderr.take()?);
    let mut line = Vec::new();
    let mut instructions = 0;
    while log.read_until(b'\n', &mut line).ok()? > 0 {
        instructions += u64::from(line.starts_with(b"Trace "));
        line.clear();
    }
    child.wait().ok()?.success().then_some(instructions)
}

/// The option that makes every instruction a block of its own, which is what is logged: it has another name since QEMU 8.1.
fn one_by_one() -> Option<&'static str> {
    let help = Command::new(QEMU).arg("-help").output().ok()?;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    ["-one-insn-per-tb", "-singlestep"].into_iter().find(|option| help.contains(option))
}
