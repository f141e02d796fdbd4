//! Instructions a sample, counted by valgrind: the program calls itself twice with different numbers of calls, and the
//! difference is the kernel's. What was counted once is recorded in `instructions.txt`; a test compares.
use std::process::Command;

use pcm::{Cpu, Feature};

use super::kernels::{Bench, KERNELS, Kernel};

/// Bytes that a counted call writes.
pub const BYTES: usize = 64 << 10;
const FEW: u32 = 2;
const MANY: u32 = 6;

/// Which kernels are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// The best that valgrind can run: it knows no AVX-512.
    Best,
    /// Without AVX2: what runs on small PCs.
    Small,
}

impl Set {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Best, Self::Small];

    /// As [`run`] takes it, and as it is recorded.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Best => "avx2",
            Self::Small => "sse4.1",
        }
    }

    fn cpu(self) -> Cpu {
        let cpu = Cpu::detect().without(Feature::Avx512);
        match self {
            Self::Best => cpu,
            Self::Small => cpu.without(Feature::Avx2),
        }
    }
}

/// Runs a kernel so many times: what `bench --count KERNEL SET CALLS` does under valgrind.
pub fn run(kernel: &str, set: &str, calls: u32) {
    let kernel = KERNELS.iter().find(|known| known.name == kernel);
    let set = Set::ALL.into_iter().find(|known| known.name() == set);
    if let (Some(kernel), Some(set)) = (kernel, set) {
        let mut bench = Bench::new(kernel, kernel.samples_in(BYTES), set.cpu());
        for _ in 0..calls {
            bench.run();
        }
    }
}

/// Instructions of `kernel` for each sample of the wire; `None` without valgrind.
#[must_use]
pub fn per_sample(kernel: &Kernel, set: Set) -> Option<f64> {
    let few = count(kernel.name, set, FEW)?;
    let many = count(kernel.name, set, MANY)?;
    let samples = Bench::new(kernel, kernel.samples_in(BYTES), Cpu::BASELINE).samples();
    Some((many - few) / f64::from(MANY - FEW) / samples as f64)
}

fn count(kernel: &str, set: Set, calls: u32) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args(["--count", kernel, set.name(), &calls.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1));
    collected?.trim().parse().ok()
}
