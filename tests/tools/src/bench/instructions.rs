//! Instructions a sample, counted by valgrind: this program calls itself twice with different numbers of calls, and the
//! difference is the kernel's.
use std::process::Command;

use super::kernels::{Bench, KERNELS};

const FEW: u32 = 4;
const MANY: u32 = 24;

/// Runs a kernel so many times: what `bench --count KERNEL CALLS` does under valgrind.
pub fn run(kernel: &str, calls: u32) {
    let found = KERNELS.iter().find(|known| known.name == kernel);
    if let Some(mut bench) = found.and_then(Bench::new) {
        for _ in 0..calls {
            bench.run();
        }
    }
}

/// Instructions of `kernel` for each of a call's `samples`; `None` without valgrind.
#[must_use]
pub fn per_sample(kernel: &str, samples: f64) -> Option<f64> {
    let few = count(kernel, FEW)?;
    let many = count(kernel, MANY)?;
    Some((many - few) / f64::from(MANY - FEW) / samples)
}

fn count(kernel: &str, calls: u32) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args(["--count", kernel, &calls.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1));
    collected?.trim().parse().ok()
}
