//! Instructions a sample, counted by valgrind: the program calls itself twice with different numbers of calls, and the
//! difference is the kernel's. What was counted once is recorded in `instructions.txt`, with which `bench --instructions`
//! compares; its output is the next record.
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

/// What was recorded: a kernel, a set and its instructions a sample on each line.
const RECORDED: &str = include_str!("instructions.txt");
/// How much more than recorded a kernel may take: another compiler, not another kernel.
const TOLERANCE: f64 = 1.1;

/// A kernel's count beside what is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    kernel: &'static str,
    set: Set,
    instructions: f64,
    recorded: Option<f64>,
}

impl Counted {
    /// Whether it takes no more than it may.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.recorded.is_some_and(|recorded| self.instructions <= recorded * TOLERANCE)
    }
}

/// As a line of the record; what isn't good says so behind it.
impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:.3}", self.kernel, self.set.name(), self.instructions)?;
        match self.recorded {
            Some(recorded) if !self.is_good() => write!(f, " # too many: {recorded} are recorded"),
            None => f.write_str(" # not recorded"),
            Some(_) => Ok(()),
        }
    }
}

/// Counts all kernels; `None` without valgrind.
#[must_use]
pub fn all() -> Option<Vec<Counted>> {
    let sets = Set::ALL.map(|set| {
        std::thread::spawn(move || {
            let counted = |kernel: &Kernel| {
                let recorded = recorded(RECORDED, kernel.name, set);
                Some(Counted { kernel: kernel.name, set, instructions: per_sample(kernel, set)?, recorded })
            };
            KERNELS.iter().map(counted).collect::<Option<Vec<_>>>()
        })
    });
    let counted = sets.map(|set| set.join().ok().flatten());
    counted.into_iter().collect::<Option<Vec<_>>>().map(|sets| sets.concat())
}

fn recorded(record: &str, kernel: &str, set: Set) -> Option<f64> {
    record.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [name, known, count] if name == kernel && known == set.name() => count.parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_percent_more_than_recorded_is_too_many() {
        let counted = |instructions, recorded| Counted { kernel: "k", set: Set::Small, instructions, recorded };
        assert!(counted(1.09, Some(1.0)).is_good() && counted(0.2, Some(1.0)).is_good());
        assert!(!counted(1.11, Some(1.0)).is_good() && !counted(1.0, None).is_good());
        assert_eq!(counted(2.0, Some(1.0)).to_string(), "k sse4.1 2.000 # too many: 1 are recorded");
    }

    #[test]
    fn every_kernel_is_recorded() {
        for kernel in &KERNELS {
            for set in Set::ALL {
                assert!(recorded(RECORDED, kernel.name, set).is_some(), "{} {}", kernel.name, set.name());
            }
        }
    }
}
