//! Counting by valgrind: x86 up to AVX2, for it knows neither AVX-512 nor GFNI.

use std::path::Path;
use std::process::Command;

use super::Calls;

/// Bytes that a counted call writes.
pub(super) const BYTES: usize = 64 << 10;
/// Calls, of which the difference is the kernel's.
pub(super) const CALLS: [u32; 2] = [2, 6];

/// Instructions of `program`, which is `bench`, while it does nothing but these calls (`--count`).
pub(super) fn count(calls: Calls<'_>, program: &Path) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg("--count")
        .args(calls.arguments())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1));
    collected?.trim().parse().ok().filter(|_| output.status.success())
}
